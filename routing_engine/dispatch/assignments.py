"""Write what was decided: receipts, assignments, clocks and outbox rows of an incident, in the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from gis.ids import uuid7
from gis.words import AssignmentState
from routing_engine.dispatch import answers, clocks, filing, outbox
from routing_engine.dispatch.context import Snapshot
from routing_engine.dispatch.decision import Decision, Duty, receipt_rows
from zones.tables import receipt


def placed_columns(duty: Duty) -> dict[str, Any]:
    """Return the columns of `assignment` that follow the place of the incident."""
    winner, station = duty.winner, duty.station
    return {
        "boundary_version_id": winner.boundary_version_id if winner else None,
        "match": duty.match,
        "share": winner.share if winner else None,
        "border_m": winner.border_m if winner else None,
        "station_id": station.station_id if station else None,
        "travel_time_s": station.travel_time_s if station else None,
        "travel_time_p90_s": station.travel_time_p90_s if station else None,
        "calibration_id": station.calibration_id if station else None,
        "distance_m": station.distance_m if station else None,
        "estimate": duty.estimate,
        "rule_code": duty.rule_code,
        "plan": duty.rule.plan,
        "why_id": duty.why["id"],
        "why_en": duty.why["en"],
        "receipt_id": duty.receipt_id,
    }


def assignment_row(duty: Duty, incident_id: str) -> dict[str, Any]:
    """Return the row of `assignment` for a duty."""
    winner = duty.winner
    return {
        "assignment_id": uuid7(),
        "incident_id": incident_id,
        "service_code": duty.rule.service,
        "agency_code": winner.agency if winner else None,
        "jurisdiction_id": winner.jurisdiction_id if winner else None,
        "role": duty.role,
        "state": AssignmentState.QUEUED,
        **placed_columns(duty),
    }


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return an incident row (`incidents.incident_row`) as `message_body` wants it."""
    return {**row, "type": row["type_code"], "received_at": row["received_at"].isoformat()}


def message_body(row: dict[str, Any], duty: Duty | None, incident: dict[str, Any]) -> dict[str, Any]:
    """Return what an agency is told: its assignment and the incident, nothing of the caller.

    Parameters
    ----------
    row
        A row of `assignment_row` with its duty, or a stored one (`incidents.stored_assignments`) without.
    """
    if duty is not None:
        station = {"code": duty.station.code, "name": duty.station.name} if duty.station else None
    else:
        station = {"code": row["station_code"], "name": row["station_name"]} if row["station_id"] else None
    return {
        "assignment": {
            "assignment_id": row["assignment_id"],
            "agency": row["agency_code"],
            "service": row["service_code"],
            "role": str(row["role"]),
            "plan": row["plan"],
            "rule": row["rule_code"],
            "why": row["why_id"],
            "station": station,
            "travel_time_s": answers.rounded(row["travel_time_s"]),
            "travel_time_p90_s": answers.rounded(row["travel_time_p90_s"]),
            "calibration": answers.calibration(row["calibration_id"]),
            "estimate": str(row["estimate"]),
            "round": row.get("round", 1),
        },
        "incident": {
            name: incident[name]
            for name in (
                "incident_id",
                "number",
                "type",
                "lane",
                "severity",
                "lon",
                "lat",
                "accuracy_m",
                "location_text",
                "description",
                "received_at",
                "origin",
            )
        },
    }


def plan(
    decision: Decision, incident_id: str, *, skip: frozenset[tuple[str, str | None]] = frozenset()
) -> list[dict[str, Any]]:
    """Return the rows of `assignment` for a decision, each with its `Duty` under ``"duty"``; writes nothing.

    Parameters
    ----------
    skip
        (service, jurisdiction_id) pairs that have an assignment already.
    """
    return [
        {**assignment_row(duty, incident_id), "duty": duty}
        for duty in decision.duties
        if (duty.rule.service, duty.winner.jurisdiction_id if duty.winner else None) not in skip
    ]


def write(
    tx: Connection,
    snapshot: Snapshot,
    decision: Decision,
    incident: dict[str, Any],
    planned: list[dict[str, Any]],
    *,
    now: datetime,
    written: frozenset[str] = frozenset(),
) -> None:
    """Write planned assignments with their receipts, clocks and messages.

    Parameters
    ----------
    incident
        What `message_body` needs of the incident; it is written already.
    planned
        Rows of `plan`.
    written
        Receipts that are there already.
    """
    if not planned:
        return
    needed = {row["receipt_id"] for row in planned} - written
    called = [row for row in planned if row["agency_code"] is not None]
    filing.write_duties(
        tx,
        now=now,
        receipts=[row for row in receipt_rows(decision, incident["incident_id"]) if row["receipt_id"] in needed],
        assignments=[{name: value for name, value in row.items() if name != "duty"} for row in planned],
        clocks=clocks.rows_for(
            [
                {
                    "assignment_id": row["assignment_id"],
                    "role": row["role"],
                    "ack_s": row["duty"].rule.ack_s,
                    "lane": incident["lane"],
                    "severity": incident["severity"],
                }
                for row in called
            ],
            ladder=snapshot.ladder,
            now=now,
        ),
    )
    outbox.enqueue(
        tx,
        [
            {
                "agency_code": row["agency_code"],
                "kind": "assignment",
                "incident_id": row["incident_id"],
                "assignment_id": row["assignment_id"],
                "body": message_body(row, row["duty"], incident),
            }
            for row in called
        ],
        channels=snapshot.channels,
        is_drill=incident["origin"] == "drill",
        now=now,
    )


def write_receipts(tx: Connection, decision: Decision, incident_id: str, receipt_ids: set[str]) -> None:
    """Write receipts of a decision whose assignments exist already; older receipts of theirs stay."""
    rows = [row for row in receipt_rows(decision, incident_id) if row["receipt_id"] in receipt_ids]
    if rows:
        tx.execute(insert(receipt), rows)


def area_rows(decision: Decision, incident_id: str) -> list[dict[str, Any]]:
    """Return the administrative areas of an incident (kelurahan, kecamatan, named waters), with shares."""
    positions: dict[str, int] = {}
    rows = []
    for area in decision.match.areas:
        position = positions.get(area.level, 0)
        positions[area.level] = position + 1
        rows.append(
            {
                "incident_id": incident_id,
                "level": area.level,
                "code": area.code,
                "share": area.share,
                "position": position,
            }
        )
    return rows
