"""Lists of incidents: the live one every desk asks for, and searches. An agency sees its own and nobody else's."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from gis.actors import Actor
from gis.errors import ValueRefused
from gis.reports import UUID
from gis.times import is_in_range
from gis.words import Origin, Role
from routing_engine.network.closure_rows import LISTED_KEY

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
