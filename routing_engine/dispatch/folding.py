"""Two incidents that are one: the other is folded into this one, and can be taken out again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from gis.actors import Actor
from gis.errors import ConflictError, ValueRefused
from gis.messages import message
from gis.reports import Facts
from gis.tables import incident
from gis.words import ENDED, AssignmentRole, IncidentStatus, Origin
from routing_engine.dispatch import clocks, notices, revision
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.given import rule_for
from routing_engine.dispatch.incidents import incident_row, stored_assignments
from routing_engine.dispatch.lifecycle import append_event, status_after


def fold(
    tx: Connection, moment: Moment, row: dict[str, Any], other_id: str, *, actor: Actor, language: str
) -> dict[str, Any]:
    """Fold another incident into `row`; its agencies are told and its clocks stop.

    Returns
    -------
    dict
        `incident_id`, `number` of the other, `severity` of both together, `n_reports` of the other.

    Raises
    ------
    ValueRefused
        There is no such incident, or one of the two is a drill and the other is not.
    ConflictError
        It has ended.
    """
    other = incident_row(tx, other_id, lock=True)
    if other is None:
        raise ValueRefused.of("incident_id", message("attach_unknown", language), value=other_id)
    if other["status"] in ENDED:
        raise ConflictError(message("ended", language, status=other["status"]))
    if (other["origin"] == Origin.DRILL) != (row["origin"] == Origin.DRILL):
        raise ValueRefused.of("incident_id", message("attach_drill", language), value=other_id)
    _set(tx, other, status=IncidentStatus.MERGED, parent_id=row["incident_id"])
    stop_clocks(tx, other_id, now=moment.now)
    _note(tx, moment, other, "merged", {"into": row["number"], "was": other["status"]}, actor)
    _tell(tx, moment, other_id, {"kind": "merged", "into": row["number"]})
    raised = revision.raise_incident(
        tx,
        moment,
        row,
        severity=min(row["severity"], other["severity"]),
        facts=Facts.from_dict(other["facts"]),
        n_more_reports=other["n_reports"],
        actor=actor,
        language=language,
    )
    return {
        "incident_id": other_id,
        "number": other["number"],
        "severity": raised["severity"],
        "n_reports": other["n_reports"],
    }


def unfold(
    tx: Connection, moment: Moment, row: dict[str, Any], other_id: str, *, actor: Actor, language: str
) -> dict[str, Any]:
    """Take a folded incident out of `row`: open again, its agencies told, clocks running for who has not answered.

    Returns
    -------
    dict
        `incident_id`, `number`, `n_reports` of the other.

    Raises
    ------
    ValueRefused
        It is not folded into this one.
    """
    other = incident_row(tx, other_id, lock=True)
    if other is None or other["parent_id"] != row["incident_id"]:
        raise ValueRefused.of("incident_id", message("attach_unknown", language), value=other_id)
    items = stored_assignments(tx, other_id)
    _set(tx, other, status=status_after(IncidentStatus.VERIFIED, items), parent_id=None)
    clocks.start(
        tx,
        [
            {
                "assignment_id": item["assignment_id"],
                "role": item["role"],
                "ack_s": rule_for(
                    moment, other, item["service_code"], AssignmentRole(item["role"]), code=item["rule_code"]
                ).ack_s,
                "lane": other["lane"],
                "severity": other["severity"],
            }
            for item in items
            if item["agency_code"] is not None
        ],
        ladder=moment.snapshot.ladder,
        now=moment.now,
    )
    _note(tx, moment, other, "detached", {"from": row["number"]}, actor)
    _tell(tx, moment, other_id, {"kind": "detached", "from": row["number"]})
    return {"incident_id": other_id, "number": other["number"], "n_reports": other["n_reports"]}


def stop_clocks(tx: Connection, incident_id: str, *, now: datetime) -> None:
    """Stop every clock of an incident: it has ended, or goes on as part of another."""
    for item in stored_assignments(tx, incident_id):
        clocks.stop(tx, item["assignment_id"], now=now)


def _set(tx: Connection, other: dict[str, Any], **values: Any) -> None:
    tx.execute(
        update(incident)
        .where(incident.c.incident_id == other["incident_id"])
        .values(**values, version=other["version"] + 1)
    )


def _note(
    tx: Connection, moment: Moment, other: dict[str, Any], kind: str, detail: dict[str, Any], actor: Actor
) -> None:
    append_event(
        tx,
        other["incident_id"],
        kind=kind,
        version=other["version"] + 1,
        detail=detail,
        actor=actor,
        now=moment.now,
    )


def _tell(tx: Connection, moment: Moment, incident_id: str, event: dict[str, Any]) -> None:
    after = incident_row(tx, incident_id)
    assert after is not None
    notices.send(tx, moment, after, notices.concerned(stored_assignments(tx, incident_id)), event=event)
