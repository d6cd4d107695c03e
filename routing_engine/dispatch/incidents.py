"""Reading incidents: the live list, searches, one incident whole. An agency sees its own and nobody else's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from gis.actors import Actor
from gis.errors import NotFoundError, ValueRefused
from gis.labels import label
from gis.reports import UUID
from gis.times import is_in_range
from gis.words import ENDED, AssignmentRole, AssignmentState, IncidentStatus, Origin, Role
from routing_engine.dispatch import answers
from routing_engine.network.closure_rows import LISTED_KEY

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
       coalesce(b.name, j.name) AS jurisdiction_name, b.version AS boundary_version, lower(b.valid) AS valid_from, a.match, a.share,
       a.border_m, a.station_id, s.code AS station_code, s.name AS station_name, ST_X(s.geom) AS station_lon,
       ST_Y(s.geom) AS station_lat,
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

# Everything changed by transactions that a reader at :since had not seen for certain; rows are idempotent by id. The
# next cursor is the oldest transaction still running in this same snapshot, so a slow commit is never skipped.
# `level` of an unanswered duty: null in time, 0 overdue, from 1 on the step of the ladder that has been told.
LIVE = text(
    """
WITH wanted AS (
  SELECT incident_id FROM siaga.incident
  WHERE CAST(:since AS text) = '0' AND status NOT IN ('closed', 'cancelled', 'unfounded', 'merged', 'handed_off')
  UNION
  SELECT incident_id FROM siaga.incident
  WHERE CAST(:since AS text) <> '0' AND changed_xid >= CAST(:since AS xid8) AND origin <> 'history'
  UNION
  SELECT incident_id FROM siaga.assignment
  WHERE CAST(:since AS text) <> '0' AND changed_xid >= CAST(:since AS xid8)
)
SELECT i.incident_id, i.number, round(ST_X(i.geom)::numeric, 6)::float8 AS lon,
       round(ST_Y(i.geom)::numeric, 6)::float8 AS lat, i.type_code, i.lane, i.severity, i.status,
       extract(epoch FROM i.received_at)::float8 AS received_at,
       (SELECT CASE WHEN length(whole) > 120 THEN left(whole, 119) || '…' ELSE whole END
        FROM concat_ws(' · ', nullif(i.location_text, ''), nullif(i.description, '')) AS whole) AS said,
       i.version, i.accuracy_m, i.origin, i.n_reports,
       coalesce(d.duties, '[]') AS duties
FROM wanted JOIN siaga.incident i USING (incident_id)
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_array(a.assignment_id, a.agency_code, a.service_code, a.role, a.state, a.version,
                                   round(a.travel_time_s::numeric)::int, a.estimate, r.level,
                                   a.calibration_id IS NOT NULL)
                  ORDER BY array_position(ARRAY['lead', 'support', 'inform'], a.role), a.agency_code) AS duties
  FROM siaga.assignment a LEFT JOIN siaga.jurisdiction j USING (jurisdiction_id)
  LEFT JOIN LATERAL (
    SELECT max(CASE c.step WHEN 'ack' THEN 0 ELSE substr(c.step, 8)::int END) AS level FROM siaga.clock c
    WHERE c.assignment_id = a.assignment_id AND c.fired_at IS NOT NULL
      AND a.state IN ('queued', 'delivered', 'seen')
  ) r ON true
  WHERE a.incident_id = i.incident_id AND (CAST(:agency AS text) IS NULL OR a.agency_code = :agency)
    AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)
) d ON true
WHERE i.origin <> 'history' AND (CAST(:agency AS text) IS NULL OR d.duties IS NOT NULL)
ORDER BY i.received_at
"""
)
# With it what tells a desk that closures have changed.
CURSOR = text(
    f"""
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS since, clock_timestamp() AS now, {LISTED_KEY} AS closures
"""
)

SEARCH = text(
    """
SELECT i.incident_id, i.number, i.type_code, i.lane, i.severity, i.status, i.classification, i.origin,
       ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.accuracy_m, i.n_reports, i.received_at, i.closed_at, i.version
FROM siaga.incident i
WHERE (CAST(:status AS text) IS NULL OR i.status = :status)
  AND (CAST(:lane AS text) IS NULL OR i.lane = :lane)
  AND (CAST(:type AS text) IS NULL OR i.type_code = :type)
  AND (CAST(:since AS timestamptz) IS NULL OR i.received_at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR i.received_at < :until)
  AND (CAST(:west AS float8) IS NULL OR i.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326))
  AND (CAST(:agency AS text) IS NULL OR EXISTS (
    SELECT 1 FROM siaga.assignment a LEFT JOIN siaga.jurisdiction j USING (jurisdiction_id)
    WHERE a.incident_id = i.incident_id AND a.agency_code = :agency
      AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)))
  AND (CAST(:after_at AS timestamptz) IS NULL OR (i.received_at, i.incident_id) < (:after_at, CAST(:after_id AS uuid)))
ORDER BY i.received_at DESC, i.incident_id DESC LIMIT :limit
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


def live(tx: Connection, since: str, actor: Actor) -> dict[str, Any]:
    """Return what changed since a cursor; all open incidents for ``"0"``.

    Parameters
    ----------
    since
        Cursor of the last answer.

    Returns
    -------
    dict
        `since` (next cursor), `now` (RFC 3339), `closures` (a text that changes when a closure begins, ends or is
        planned), `rows` (compact arrays; an ended incident is sent once, so that it can be taken off the map).

    Raises
    ------
    ValueRefused
        The cursor is not one.
    """
    if not (since.isascii() and since.isdigit() and len(since) <= 19):
        raise ValueRefused.of("since", "a cursor is a number", "start again with since=0")
    # The cursor is read first: what commits between the two statements is sent now and once more at the next poll.
    cursor = tx.execute(CURSOR).one()
    rows = tx.execute(
        LIVE,
        {
            "since": since,
            "agency": actor.agency if actor.role == Role.AGENCY else None,
            "jurisdiction": actor.jurisdiction,
        },
    ).all()
    return {
        "since": cursor.since,
        "now": cursor.now.isoformat(),
        "closures": cursor.closures,
        "rows": [list(row) for row in rows],
    }


def search(
    tx: Connection,
    actor: Actor,
    *,
    status: str | None = None,
    lane: str | None = None,
    type_code: str | None = None,
    agency: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Return incidents as a GeoJSON FeatureCollection, newest first, without any data of callers.

    Parameters
    ----------
    bbox
        West, south, east, north in EPSG:4326 degrees.
    cursor
        `next` of the last answer.

    Raises
    ------
    ValueRefused
        The cursor is not one of ours.
    """
    if actor.role == Role.AGENCY:
        agency = actor.agency
    after_at, after_id = _read_cursor(cursor)
    west, south, east, north = bbox or (None, None, None, None)
    rows = tx.execute(
        SEARCH,
        {
            "status": status,
            "lane": lane,
            "type": type_code,
            "agency": agency,
            "jurisdiction": actor.jurisdiction,
            "since": since,
            "until": until,
            "west": west,
            "south": south,
            "east": east,
            "north": north,
            "after_at": after_at,
            "after_id": after_id,
            "limit": limit + 1,
        },
    ).all()
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": row.incident_id,
                "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
                "properties": {
                    "incident_id": row.incident_id,
                    "number": row.number,
                    "type": row.type_code,
                    "lane": row.lane,
                    "severity": row.severity,
                    "status": row.status,
                    "classification": row.classification,
                    "origin": row.origin,
                    "drill": row.origin == Origin.DRILL,
                    "accuracy_m": row.accuracy_m,
                    "n_reports": row.n_reports,
                    "received_at": row.received_at.isoformat(),
                    "closed_at": row.closed_at.isoformat() if row.closed_at else None,
                    "version": row.version,
                },
            }
            for row in page
        ],
        "next": _make_cursor(last.received_at, last.incident_id) if last else None,
    }


def _make_cursor(at: datetime, incident_id: str) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{incident_id}".encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[datetime | None, str | None]:
    if cursor is None:
        return None, None
    try:
        at, _, incident_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        moment = datetime.fromisoformat(at)
    except (ValueError, binascii.Error):
        moment, incident_id = None, ""
    if moment is None or moment.tzinfo is None or not is_in_range(moment) or not UUID.fullmatch(incident_id):
        raise ValueRefused.of("cursor", "not a cursor of this list", "leave it out to start at the newest")
    return moment, incident_id


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
