"""The JSON of the contract: assignments, areas, incidents as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gis.labels import label
from routing_engine.dispatch.context import Snapshot
from routing_engine.dispatch.decision import Decision, Duty
from routing_engine.dispatch.stations import RankedStation
from zones.matching import Candidate, PointMatch


def rounded(value: float | None, digits: int = 1) -> float | None:
    """Round for people; missing stays missing."""
    return None if value is None else round(float(value), digits)


def calibration(calibration_id: int | None) -> str:
    """Return which calibration seconds come from; ``none`` says that they are the model's, not those of real runs."""
    return "none" if calibration_id is None else str(calibration_id)


def admin(decision: Decision) -> dict[str, list[dict[str, Any]]]:
    """Return the areas of a decision's point (`areas_of`)."""
    return areas_of(decision.match)


def areas_of(match: PointMatch) -> dict[str, list[dict[str, Any]]]:
    """Return the areas by level, the covering one first; kelurahan and kecamatan are always there."""
    levels: dict[str, list[dict[str, Any]]] = {"kelurahan": [], "kecamatan": []}
    for area in match.areas:
        levels.setdefault(area.level, []).append({"code": area.code, "name": area.name, "share": round(area.share, 3)})
    return levels


def jurisdiction(winner: Candidate) -> dict[str, Any]:
    """Return the jurisdiction of an answer: which one, and the version of its boundary."""
    return {
        "id": winner.jurisdiction_id,
        "code": winner.code,
        "name": winner.name,
        "version": winner.version,
        "valid_from": winner.valid_from.isoformat(),
    }


def station_place(station: RankedStation | None) -> dict[str, Any] | None:
    """Return which station, and where (EPSG:4326)."""
    if station is None:
        return None
    return {"id": station.station_id, "name": station.name, "lon": station.lon, "lat": station.lat}


def duty_answer(duty: Duty, snapshot: Snapshot, language: str) -> dict[str, Any]:
    """Return an assignment without its ids and state: what is known before it is written."""
    winner, station = duty.winner, duty.station
    agency = snapshot.agencies.get(winner.agency) if winner else None
    return {
        "agency": winner.agency if winner else None,
        "agency_name": agency.name(language) if agency else None,
        "service": duty.rule.service,
        "role": str(duty.role),
        "jurisdiction": jurisdiction(winner) if winner else None,
        "match": str(duty.match),
        "share": rounded(winner.share, 3) if winner else None,
        "border_m": rounded(winner.border_m) if winner else None,
        "station": station_place(station),
        "travel_time_s": rounded(station.travel_time_s) if station else None,
        "travel_time_p90_s": rounded(station.travel_time_p90_s) if station else None,
        "calibration": calibration(station.calibration_id if station else None),
        "distance_m": rounded(station.distance_m) if station else None,
        "estimate": str(duty.estimate),
        "rule": duty.rule_code,
        "plan": duty.rule.plan,
        "why": duty.why[language],
    }


def written_answer(row: dict[str, Any], snapshot: Snapshot, language: str) -> dict[str, Any]:
    """Return a just-written assignment (`assignments.write`) as the contract shows it."""
    return {
        "assignment_id": row["assignment_id"],
        **duty_answer(row["duty"], snapshot, language),
        "state": str(row["state"]),
        "receipt_id": row["receipt_id"],
    }


def stored_assignment(row: Any, language: str) -> dict[str, Any]:
    """Return a stored assignment (a row of `incidents.ASSIGNMENTS`) as the contract shows it."""
    return {
        "assignment_id": row["assignment_id"],
        "agency": row["agency_code"],
        "agency_name": row["agency_name_en" if language == "en" else "agency_name_id"],
        "service": row["service_code"],
        "role": row["role"],
        "state": row["state"],
        "version": row["version"],
        "jurisdiction": {
            "id": row["jurisdiction_id"],
            "code": row["jurisdiction_code"],
            "name": row["jurisdiction_name"],
            "version": row["boundary_version"],
            "valid_from": row["valid_from"].isoformat(),
        }
        if row["jurisdiction_id"]
        else None,
        "match": row["match"],
        "share": rounded(row["share"], 3),
        "border_m": rounded(row["border_m"]),
        "station": {
            "id": row["station_id"],
            "name": row["station_name"],
            "lon": row["station_lon"],
            "lat": row["station_lat"],
        }
        if row["station_id"]
        else None,
        "travel_time_s": rounded(row["travel_time_s"]),
        "travel_time_p90_s": rounded(row["travel_time_p90_s"]),
        "calibration": calibration(row["calibration_id"]),
        "distance_m": rounded(row["distance_m"]),
        "estimate": row["estimate"],
        "rule": row["rule_code"],
        "plan": row["plan"],
        "why": row["why_en" if language == "en" else "why_id"],
        "receipt_id": row["receipt_id"],
        "note": row["note"],
        "result": row["result"],
        "round": row["round"],
        "called_at": row["called_at"].isoformat(),
        "appointed": row["appointed"],
    }


def report_answer(
    *,
    report_id: str,
    incident: dict[str, Any] | None,
    classification: str,
    is_drill: bool,
    admin: dict[str, list[dict[str, Any]]],
    assignments: list[dict[str, Any]],
    question: dict[str, Any] | None,
    handoff: dict[str, str] | None,
    duplicates: list[dict[str, Any]],
    received_at: datetime,
    language: str,
) -> dict[str, Any]:
    """Return the answer to a report, as stored and given again to the same key."""
    status = str(incident["status"]) if incident else None
    return {
        "report_id": report_id,
        "incident_id": incident["incident_id"] if incident else None,
        "number": incident["number"] if incident else None,
        "status": status,
        "status_label": label("status", status, language) if status else None,
        "lane": incident["lane"] if incident else None,
        "severity": incident["severity"] if incident else None,
        "classification": classification,
        "drill": is_drill,
        "received_at": received_at.isoformat(),
        "admin": admin,
        "assignments": assignments,
        "question": question,
        "handoff": handoff,
        "possible_duplicates": duplicates,
    }
