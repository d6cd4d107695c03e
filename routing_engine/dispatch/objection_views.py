"""Objections for people: what was objected to, by whom, what came of it. An agency sees its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, text

from gis.actors import Actor
from gis.errors import NotFoundError, ValueRefused
from gis.labels import label
from gis.messages import message
from gis.words import Role
from routing_engine.dispatch import answers
from routing_engine.dispatch.tables import OBJECTION_STATES

OPEN, IN_WORK, ANSWERED = OBJECTION_STATES
LISTED = 500

WORKERS = (Role.SUPERVISOR, Role.ADMIN)
READERS = (Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY, Role.PLANNER, Role.ADMIN)

ITEMS = text(
    """
SELECT o.*, i.number, i.status AS incident_status, ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, a.match, a.border_m,
       j.code AS jurisdiction_code, coalesce(b.name, j.name) AS jurisdiction_name, b.version AS boundary_version,
       s.name AS suggested_name, d.title AS draft_title, d.state AS draft_state
FROM siaga.objection o
JOIN siaga.incident i USING (incident_id)
JOIN siaga.assignment a USING (assignment_id)
LEFT JOIN siaga.jurisdiction j ON j.jurisdiction_id = o.jurisdiction_id
LEFT JOIN siaga.boundary_version b ON b.boundary_version_id = a.boundary_version_id
LEFT JOIN siaga.jurisdiction s
  ON (s.service_code, s.agency_code, s.code) = (o.service_code, o.suggested_agency, o.suggested_code)
LEFT JOIN siaga.boundary_draft d ON d.boundary_draft_id = o.boundary_draft_id
WHERE (CAST(:id AS text) IS NULL OR o.objection_id = CAST(:id AS uuid))
  AND (CAST(:state AS text) IS NULL OR o.state = :state)
  AND (CAST(:service AS text) IS NULL OR o.service_code = :service)
  AND (CAST(:incident AS text) IS NULL OR o.incident_id = CAST(:incident AS uuid))
  AND (CAST(:agency AS text) IS NULL OR o.agency_code = :agency)
  AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)
ORDER BY array_position(ARRAY['open', 'in_work', 'answered'], o.state),
         CASE o.state WHEN 'answered' THEN -extract(epoch FROM o.answered_at) ELSE extract(epoch FROM o.created_at) END,
         o.objection_id
LIMIT :limit
"""
)
COUNTS = text(
    """
SELECT o.state, count(*) AS n FROM siaga.objection o LEFT JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE (CAST(:agency AS text) IS NULL OR o.agency_code = :agency)
  AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)
GROUP BY o.state
"""
)


def read(tx: Connection, objection_id: str, *, actor: Actor, language: str) -> dict[str, Any]:
    """Return one objection as the contract has it.

    Raises
    ------
    NotFoundError
        There is none, or it is another agency's.
    """
    row = tx.execute(ITEMS, {**_limits(actor), "id": objection_id, **_NO_FILTER, "limit": 1}).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"no objection {objection_id}")
    return _described(row, actor, language)


def list_objections(
    tx: Connection,
    *,
    actor: Actor,
    language: str,
    state: str | None = None,
    service: str | None = None,
    incident: str | None = None,
) -> dict[str, Any]:
    """Return objections, the oldest that waits first; an agency gets its own.

    Returns
    -------
    dict
        `items` (at most `LISTED`) and `counts` by state, of all the actor may see.

    Raises
    ------
    ForbiddenError
        The role reads none.
    ValueRefused
        The state is none.
    """
    actor.require(*READERS)
    if state is not None and state not in OBJECTION_STATES:
        raise ValueRefused.of("state", message("one_of", language, allowed=", ".join(OBJECTION_STATES)), value=state)
    filters = {"id": None, "state": state, "service": service, "incident": incident, "limit": LISTED}
    rows = tx.execute(ITEMS, {**_limits(actor), **filters}).mappings().all()
    counts = {row.state: row.n for row in tx.execute(COUNTS, _limits(actor))}
    return {
        "items": [_described(row, actor, language) for row in rows],
        "counts": {name: counts.get(name, 0) for name in OBJECTION_STATES},
    }


_NO_FILTER = {"state": None, "service": None, "incident": None}


def _limits(actor: Actor) -> dict[str, str | None]:
    is_agency = actor.role == Role.AGENCY
    return {"agency": actor.agency if is_agency else None, "jurisdiction": actor.jurisdiction if is_agency else None}


def _described(row: RowMapping, actor: Actor, language: str) -> dict[str, Any]:
    suggested = None
    if row["suggested_agency"] is not None:
        suggested = {
            "agency": row["suggested_agency"],
            "jurisdiction": row["suggested_code"],
            "name": row["suggested_name"],
        }
    draft = None
    if row["boundary_draft_id"] is not None:
        draft = {"draft_id": row["boundary_draft_id"], "title": row["draft_title"], "state": row["draft_state"]}
    moments = {
        name: None if row[name] is None else row[name].isoformat() for name in ("created_at", "taken_at", "answered_at")
    }
    return {
        "objection_id": row["objection_id"],
        "state": row["state"],
        "state_label": label("objection", row["state"], language),
        "version": row["version"],
        "service": row["service_code"],
        "agency": row["agency_code"],
        "jurisdiction": row["jurisdiction_code"],
        "jurisdiction_name": row["jurisdiction_name"],
        "incident_id": row["incident_id"],
        "number": row["number"],
        "assignment_id": row["assignment_id"],
        "receipt_id": row["receipt_id"],
        "lon": row["lon"],
        "lat": row["lat"],
        "match": row["match"],
        "border_m": answers.rounded(row["border_m"]),
        "boundary_version": row["boundary_version"],
        "reason": row["reason"],
        "suggested": suggested,
        "draft": draft,
        "outcome": row["outcome"],
        "outcome_label": None if row["outcome"] is None else label("outcome", row["outcome"], language),
        "answer": row["answer"],
        **moments,
        "created_by": row["created_by"],
        "taken_by": row["taken_by"],
        "answered_by": row["answered_by"],
        "may": {"work": actor.role in WORKERS and row["state"] != ANSWERED},
    }
