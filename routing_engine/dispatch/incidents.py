"""Reading one incident: whole, its rows, what may be done with it. An agency sees its own and nobody else's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from gis.actors import Actor
from gis.errors import NotFoundError
from gis.labels import label
from gis.reports import UUID
from gis.words import ENDED, AssignmentRole, AssignmentState, IncidentStatus, Origin, Role
from routing_engine.dispatch import answers

ACTING = (AssignmentRole.LEAD, AssignmentRole.SUPPORT)
# States in which nothing more is expected of an acting agency.
SETTLED = frozenset({AssignmentState.DONE, AssignmentState.DECLINED})
# An acting agency in one of these is at it, and is not asked again.
AT_IT = frozenset({AssignmentState.ACCEPTED, AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE})

INCIDENT = text(
    """
SELECT incident_id, number, type_code, lane, severity, status, classification, origin, ST_X(geom) AS lon,
       ST_Y(geom) AS lat, accuracy_m, location_method, location_text, description, facts, handoff, parent_id, n_reports,
       occurred_at, received_at, closed_at, result, version
FROM siaga.incident WHERE incident_id = :id
"""
)
INCIDENT_LOCKED = text(INCIDENT.text + " FOR UPDATE")

ASSIGNMENTS = text(
    """
SELECT a.assignment_id, a.incident_id, a.service_code, a.agency_code, g.name_id AS agency_name_id,
       g.name_en AS agency_name_en, a.role, a.state, a.version, a.jurisdiction_id, j.code AS jurisdiction_code,
       coalesce(b.name, j.name) AS jurisdiction_name, b.version AS boundary_version, lower(b.valid) AS valid_from,
       a.match, a.share, a.border_m, a.station_id, s.code AS station_code, s.name AS station_name,
       ST_X(s.geom) AS station_lon, ST_Y(s.geom) AS station_lat,
       a.travel_time_s, a.travel_time_p90_s, a.calibration_id, a.distance_m, a.estimate, a.rule_code, a.plan,
       a.why_id, a.why_en, a.receipt_id, a.note,
       a.result, a.created_at, a.round, coalesce(a.called_at, a.created_at) AS called_at, a.appointed
FROM siaga.assignment a
LEFT JOIN siaga.agency g USING (agency_code)
LEFT JOIN siaga.jurisdiction j USING (jurisdiction_id)
LEFT JOIN siaga.boundary_version b USING (boundary_version_id)
LEFT JOIN siaga.station s USING (station_id)
WHERE a.incident_id = :id AND (CAST(:agency AS text) IS NULL OR a.agency_code = :agency)
  AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)
ORDER BY array_position(ARRAY['lead', 'support', 'inform'], a.role), a.travel_time_s NULLS LAST, a.agency_code, j.code
"""
)

AREAS = text(
    """
SELECT i.level, i.code, a.name, i.share FROM siaga.incident_area i
JOIN siaga.admin_area a USING (level, code) WHERE i.incident_id = :id ORDER BY i.level, i.position
"""
)

EVENTS = text(
    """
SELECT incident_event_id, at, actor, actor_role, kind, version, detail, assignment_id
FROM siaga.incident_event WHERE incident_id = :id ORDER BY incident_event_id
"""
)

# The question of the report that made the incident, while nobody has moved the point it is about.
QUESTION = text(
    """
SELECT r.answer -> 'question' FROM siaga.report r
WHERE r.incident_id = :id AND NOT EXISTS (
  SELECT 1 FROM siaga.incident_event e WHERE e.incident_id = :id AND e.kind = 'relocate')
ORDER BY r.received_at, r.report_id LIMIT 1
"""
)

RECEIPTS = text(
    """
SELECT r.receipt_id, r.service_code, r.at, r.boundary_set, r.body, r.digest FROM siaga.receipt r
WHERE r.incident_id = :id AND (CAST(:agency AS text) IS NULL OR EXISTS (
  SELECT 1 FROM siaga.assignment a WHERE a.receipt_id = r.receipt_id AND a.agency_code = :agency))
ORDER BY r.at, r.receipt_id
"""
)


def incident_row(tx: Connection, incident_id: str, *, lock: bool = False) -> dict[str, Any] | None:
    """Return an incident, locked for change on request; `None` when there is none (or the id is no uuid)."""
    if not UUID.fullmatch(incident_id):
        return None
    row = tx.execute(INCIDENT_LOCKED if lock else INCIDENT, {"id": incident_id}).mappings().one_or_none()
    return None if row is None else dict(row)


def stored_assignments(
    tx: Connection, incident_id: str, *, agency: str | None = None, jurisdiction: str | None = None
) -> list[dict[str, Any]]:
    """Return the assignments of an incident: lead first, then support and inform, each by travel time."""
    values = {"id": incident_id, "agency": agency, "jurisdiction": jurisdiction}
    return [dict(row) for row in tx.execute(ASSIGNMENTS, values).mappings()]


def visible(tx: Connection, incident_id: str, actor: Actor, *, lock: bool = False) -> dict[str, Any]:
    """Return an incident the actor may see.

    Raises
    ------
    NotFoundError
        There is none, or it is not this agency's: the two are told apart by nothing.
    """
    row = incident_row(tx, incident_id, lock=lock)
    if row is not None and (
        actor.role != Role.AGENCY
        or stored_assignments(tx, incident_id, agency=actor.agency, jurisdiction=actor.jurisdiction)
    ):
        return row
    raise NotFoundError(f"incident {incident_id[:40]}: not found")


def is_recallable(item: dict[str, Any]) -> bool:
    """Tell whether a stored assignment may begin a new round: its agency declined, is silent, or was done."""
    return item["agency_code"] is not None and item["role"] in ACTING and item["state"] not in AT_IT


def needs_agency(status: str, items: Sequence[dict[str, Any]]) -> bool:
    """Tell whether nobody leads an open incident: no agency was found to, or the one that should has declined.

    Parameters
    ----------
    items
        All its stored assignments.
    """
    return status not in ENDED | {IncidentStatus.RESOLVED} and not any(
        item["agency_code"] is not None
        and item["role"] == AssignmentRole.LEAD
        and item["state"] != AssignmentState.DECLINED
        for item in items
    )


def areas(tx: Connection, incident_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the administrative areas of an incident by level."""
    levels: dict[str, list[dict[str, Any]]] = {"kelurahan": [], "kecamatan": []}
    for row in tx.execute(AREAS, {"id": incident_id}):
        levels.setdefault(row.level, []).append({"code": row.code, "name": row.name, "share": round(row.share, 3)})
    return levels


def events(tx: Connection, incident_id: str, actor: Actor) -> list[dict[str, Any]]:
    """Return the timeline of an incident the actor may see, oldest first."""
    visible(tx, incident_id, actor)
    return [
        {
            "seq": row.incident_event_id,
            "at": row.at.isoformat(),
            "actor": row.actor,
            "actor_role": row.actor_role,
            "kind": row.kind,
            "version": row.version,
            "assignment_id": row.assignment_id,
            "detail": row.detail,
        }
        for row in tx.execute(EVENTS, {"id": incident_id})
    ]


def receipts(tx: Connection, incident_id: str, actor: Actor) -> list[dict[str, Any]]:
    """Return the receipts of an incident; an agency gets those of its own assignments."""
    visible(tx, incident_id, actor)
    agency = actor.agency if actor.role == Role.AGENCY else None
    return [
        {
            "receipt_id": row.receipt_id,
            "service": row.service_code,
            "at": row.at.isoformat(),
            "boundary_set": row.boundary_set,
            "digest": row.digest,
            "body": row.body,
        }
        for row in tx.execute(RECEIPTS, {"id": incident_id, "agency": agency})
    ]


def detail(tx: Connection, incident_id: str, actor: Actor, language: str) -> dict[str, Any]:
    """Return one incident whole: places, assignments with their sentences, timeline."""
    row = visible(tx, incident_id, actor)
    limited = actor.role == Role.AGENCY
    # Who may ask an agency again sees of each whether that is possible.
    may_recall = row["status"] not in ENDED and actor.role in (Role.OPERATOR, Role.SUPERVISOR)
    items = stored_assignments(
        tx,
        incident_id,
        agency=actor.agency if limited else None,
        jurisdiction=actor.jurisdiction if limited else None,
    )
    return {
        "incident_id": row["incident_id"],
        "number": row["number"],
        "type": row["type_code"],
        "lane": row["lane"],
        "severity": row["severity"],
        "status": row["status"],
        "status_label": label("status", row["status"], language),
        "is_ended": row["status"] in ENDED,
        "classification": row["classification"],
        "origin": row["origin"],
        "drill": row["origin"] == Origin.DRILL,
        "lon": row["lon"],
        "lat": row["lat"],
        "accuracy_m": row["accuracy_m"],
        "location_method": row["location_method"],
        "location_text": row["location_text"],
        "description": row["description"],
        "facts": row["facts"],
        "n_reports": row["n_reports"],
        "parent_id": row["parent_id"],
        "handoff": row["handoff"],
        "occurred_at": row["occurred_at"].isoformat(),
        "received_at": row["received_at"].isoformat(),
        "closed_at": row["closed_at"].isoformat() if row["closed_at"] else None,
        "result": row["result"],
        "version": row["version"],
        "admin": areas(tx, incident_id),
        "needs_agency": not limited and needs_agency(row["status"], items),
        "assignments": [
            {**answers.stored_assignment(item, language), "is_recallable": may_recall and is_recallable(item)}
            for item in items
        ],
        "events": events(tx, incident_id, actor),
        "question": _question(tx, row, limited),
    }


def _question(tx: Connection, row: dict[str, Any], limited: bool) -> dict[str, Any] | None:
    """Return what would still settle whose an open incident is; an agency cannot answer it."""
    if limited or row["status"] in ENDED:
        return None
    found: dict[str, Any] | None = tx.execute(QUESTION, {"id": row["incident_id"]}).scalar_one_or_none()
    return found
