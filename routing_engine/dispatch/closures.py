"""Opening, ending and listing closures. What they do to travel times, the worker does (`fields`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from psycopg2.extras import DateTimeTZRange
from sqlalchemy import Connection, func, insert, text, update

from gis.actors import Actor
from gis.errors import ConflictError, NotFoundError
from gis.ids import uuid7
from gis.labels import label
from gis.messages import message
from gis.reports import body_digest, check_key
from gis.words import Role
from routing_engine.dispatch.closure_form import parse
from routing_engine.dispatch.closure_streets import Road, find_edges, refuse_nothing, roads_in_use
from routing_engine.dispatch.context import Context, Moment, Snapshot
from routing_engine.dispatch.cut_off import cut_off
from routing_engine.dispatch.lifecycle import append_audit
from routing_engine.dispatch.outbox import NOTIFY_CHANNEL
from routing_engine.network.closure_rows import (
    KEY_NOW,
    Closure,
    Touched,
    closures_at,
    touched_by,
)
from routing_engine.network.profiles import PROFILES
from routing_engine.network.store import current_build
from routing_engine.network.tables import closure as closure_table

# From this part of the streets on an answer warns that hardly anything is left.
ALMOST_ALL = 0.9
# What is drawn of one closure at most; beyond, its own shape says it.
DRAWN_EDGES = 3000
NAMED = 5

IN_FORCE, PLANNED, EXPIRED, ENDED = "in_force", "planned", "expired", "ended"

COLUMNS = """closure_id, kind, ST_AsBinary(geom) AS shape, lower(valid) AS since, upper(valid) AS until, profiles,
 factor, reason, created_at, created_by, ended_at, ended_by"""

ONE = text(f"SELECT {COLUMNS} FROM siaga.closure WHERE closure_id = :id FOR UPDATE")  # noqa: S608

SENT = text(f"SELECT {COLUMNS}, body_hash FROM siaga.closure WHERE owner = :owner AND idempotency_key = :key")  # noqa: S608
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:scope, 113))")

# In force at a moment; without one, in force now or to come.
LISTED = text(
    f"""
SELECT {COLUMNS} FROM siaga.closure
WHERE CASE WHEN CAST(:at AS timestamptz) IS NULL
           THEN ended_at IS NULL AND (upper_inf(valid) OR upper(valid) > :now)
           ELSE valid @> CAST(:at AS timestamptz) AND (ended_at IS NULL OR ended_at > :at) END
ORDER BY lower(valid) DESC, closure_id DESC
"""  # noqa: S608
)

# The fields of an hour, and whether they know exactly the closures in force now.
KNOWN = text(
    f"""
SELECT min(built_at) AS made_at, coalesce(bool_and(closures = {KEY_NOW}), true) AS is_current
FROM (SELECT DISTINCT ON (profile) built_at, closures FROM siaga.travel_field
      WHERE is_current AND hour_from <= :hour ORDER BY profile, hour_from DESC) f
"""  # noqa: S608
)

DRAWN = text(
    """
SELECT ST_AsGeoJSON(ST_Collect(geom), 6) FROM siaga.road_edge WHERE road_build_id = :build AND edge_id = ANY (:ids)
"""
)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The closure, and whether this call opened it (201) or an earlier one with the same key did (200)."""

    answer: dict[str, Any]
    is_new: bool


def open_closure(
    tx: Connection, context: Context, body: dict[str, Any], *, actor: Actor, language: str, key: str | None = None
) -> Opened:
    """Shut or slow streets from a moment on; the worker makes it count within a second.

    Parameters
    ----------
    key
        Idempotency key: sent again with the same body it answers with the closure it opened, as it is by then.

    Returns
    -------
    Opened
        Its answer is the closure as `describe` says it, `cut_off` (see `cut_off.cut_off`; at its beginning, with all
        others then in force) and `warnings` for a person.

    Raises
    ------
    ForbiddenError
        The role may not.
    ConflictError
        No roads are loaded, or the key was used with another body.
    ValueRefused
        With every finding.
    """
    actor.require(Role.OPERATOR, Role.SUPERVISOR)
    moment = context.current(tx)
    snapshot, now = moment.snapshot, moment.now
    known = None if key is None else _sent_before(tx, key, body, actor, language)
    if known is not None:
        road, at = roads_in_use(tx, snapshot, language), max(now, known["since"])
        return Opened(answer=_answer(tx, moment, road, known, at=at, language=language), is_new=False)
    # The checks turn whole numbers of the body into fractions: its digest is that of what was sent.
    digest = body_digest(body) if key is not None else None
    given = parse(body, city=snapshot.city, profiles=PROFILES, now=now, language=language)
    road = roads_in_use(tx, snapshot, language)
    shape, found = find_edges(tx, road, given, language)
    refuse_nothing(road, given, found, language)
    closure_id = str(uuid7())
    since = given.since or now
    tx.execute(
        insert(closure_table).values(
            closure_id=closure_id,
            kind=given.kind,
            geom=func.ST_GeomFromWKB(shape.wkb, 4326),
            valid=DateTimeTZRange(since, given.until, "[)"),
            profiles=None if given.profiles is None else list(given.profiles),
            factor=given.factor,
            reason=given.reason,
            created_at=now,
            created_by=actor.name,
            owner=actor.owner if key is not None else None,
            idempotency_key=key,
            body_hash=digest,
        )
    )
    detail = {
        "kind": given.kind,
        "from": since.isoformat(),
        "until": given.until.isoformat() if given.until else None,
        "profiles": given.profiles,
        "factor": given.factor,
        "reason": given.reason,
        "n_edges": len(found.ids),
        "streets": found.streets[:NAMED],
    }
    tx.execute(text("SELECT pg_notify(:channel, '')"), {"channel": NOTIFY_CHANNEL})
    append_audit(tx, action="closure.open", subject=f"closure:{closure_id}", detail=detail, actor=actor, now=now)
    row = tx.execute(ONE, {"id": closure_id}).mappings().one()
    return Opened(answer=_answer(tx, moment, road, dict(row), at=max(now, since), language=language), is_new=True)


def _sent_before(tx: Connection, key: str, body: dict[str, Any], actor: Actor, language: str) -> dict[str, Any] | None:
    """Return the closure that was opened with this key, after whoever uses it at the same moment."""
    check_key(key, language)
    tx.execute(LOCK, {"scope": f"{actor.owner} {key}"})
    row = tx.execute(SENT, {"owner": actor.owner, "key": key}).mappings().one_or_none()
    if row is not None and bytes(row["body_hash"]) != body_digest(body):
        raise ConflictError(message("closure_key_other_body", language))
    return None if row is None else dict(row)


def end_closure(tx: Connection, context: Context, closure_id: str, *, actor: Actor, language: str) -> dict[str, Any]:
    """Open the streets again; of a closure that has ended nothing changes.

    Returns
    -------
    dict
        As `open_closure`; `cut_off` and `warnings` are about the closures still in force.

    Raises
    ------
    ForbiddenError
        The role may not.
    NotFoundError
        There is no such closure.
    ConflictError
        No roads are loaded.
    """
    actor.require(Role.OPERATOR, Role.SUPERVISOR)
    moment = context.current(tx)
    row = tx.execute(ONE, {"id": closure_id}).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"no closure {closure_id}")
    ended = dict(row)
    if _state(ended, moment.now) in (IN_FORCE, PLANNED):
        ended |= {"ended_at": moment.now, "ended_by": actor.name}
        tx.execute(
            update(closure_table)
            .where(closure_table.c.closure_id == closure_id)
            .values(ended_at=ended["ended_at"], ended_by=ended["ended_by"])
        )
        tx.execute(text("SELECT pg_notify(:channel, '')"), {"channel": NOTIFY_CHANNEL})
        append_audit(
            tx,
            action="closure.end",
            subject=f"closure:{closure_id}",
            detail={"reason": ended["reason"]},
            actor=actor,
            now=moment.now,
        )
    return _answer(tx, moment, roads_in_use(tx, moment.snapshot, language), ended, at=moment.now, language=language)


def list_closures(
    tx: Connection, moment: Moment, *, at: datetime | None = None, language: str, with_edges: bool = False
) -> dict[str, Any]:
    """Return the closures in force or planned, or those in force at a moment.

    Parameters
    ----------
    with_edges
        Each item also has `edges`: the streets it is about as a GeoJSON MultiLineString (`None` when there are too
        many to draw).

    Returns
    -------
    dict
        `at`; `items` as `describe` says them, newest first; `cut_off` and `warnings` of those in force at `at`;
        `travel_times`: `made_at` of the oldest field in use (`None` without roads) and whether they know the closures
        in force now (`is_current`).
    """
    when = at or moment.now
    rows = [dict(row) for row in tx.execute(LISTED, {"at": at, "now": moment.now}).mappings()]
    build_id = current_build(tx)
    items = []
    for row in rows:
        found = _touched(tx, build_id, row, moment.snapshot)
        item = describe(row, found, moment.now, language)
        if with_edges:
            item["edges"] = _drawn(tx, build_id, found)
        items.append(item)
    lost = cut_off(tx, moment.snapshot, closures_at(tx, when))
    return {
        "at": when.isoformat(),
        "items": items,
        "cut_off": lost,
        "warnings": warnings(lost, moment.snapshot, language),
        "travel_times": travel_times(tx, moment.snapshot.city.hour_of(moment.now)),
    }


def travel_times(tx: Connection, hour: int) -> dict[str, Any]:
    """Return how old the travel times of an hour of the city's day are, and whether they know the closures in force."""
    row = tx.execute(KNOWN, {"hour": hour}).one()
    return {"made_at": row.made_at.isoformat() if row.made_at else None, "is_current": row.is_current}


def describe(row: dict[str, Any], found: Touched, now: datetime, language: str) -> dict[str, Any]:
    """Return a closure for a program: a row, and what it touches of the roads in use."""
    state = _state(row, now)

    def said(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return {
        "closure_id": row["closure_id"],
        "kind": row["kind"],
        "state": state,
        "state_label": label("closure", state, language),
        "geometry": json.loads(shapely.to_geojson(shapely.from_wkb(bytes(row["shape"])))),
        "from": said(row["since"]),
        "until": said(row["until"]),
        "profiles": row["profiles"],
        "factor": row["factor"],
        "reason": row["reason"],
        "n_edges": len(found.ids),
        "length_m": round(found.length_m, 1),
        "streets": list(found.streets),
        "created_at": said(row["created_at"]),
        "created_by": row["created_by"],
        "ended_at": said(row["ended_at"]),
        "ended_by": row["ended_by"],
    }


def warnings(lost: dict[str, Any], snapshot: Snapshot, language: str) -> list[str]:
    """Say what is cut off in sentences."""
    said = [
        message("closure_warn_all", language, percent=round(100 * share), profile=label("profile", profile, language))
        for profile, share in sorted(lost["closed_share"].items())
        if share >= ALMOST_ALL
    ]
    if lost["services"]:
        names = ", ".join(snapshot.services[code].name(language) for code in lost["services"])
        said.append(message("closure_warn_services", language, names=names))
    for key, listed in (("closure_warn_stations", lost["stations"]), ("closure_warn_areas", lost["kelurahan"])):
        if listed:
            names = ", ".join(one["name"] for one in listed[:NAMED]) + (" …" if len(listed) > NAMED else "")
            said.append(message(key, language, n=len(listed), names=names))
    return said


def _answer(
    tx: Connection, moment: Moment, road: Road, row: dict[str, Any], *, at: datetime, language: str
) -> dict[str, Any]:
    lost = cut_off(tx, moment.snapshot, closures_at(tx, at))
    found = _touched(tx, road.build_id, row, moment.snapshot)
    return {
        **describe(row, found, moment.now, language),
        "cut_off": lost,
        "warnings": warnings(lost, moment.snapshot, language),
    }


def _state(row: dict[str, Any], now: datetime) -> str:
    if row["ended_at"] is not None:
        return ENDED
    if row["since"] > now:
        return PLANNED
    return EXPIRED if row["until"] is not None and row["until"] <= now else IN_FORCE


def _touched(tx: Connection, build_id: int | None, row: dict[str, Any], snapshot: Snapshot) -> Touched:
    if build_id is None:
        return Touched(ids=(), length_m=0.0, streets=())
    one = Closure(
        closure_id=row["closure_id"],
        kind=row["kind"],
        shape=shapely.from_wkb(bytes(row["shape"])),
        profiles=None,
        factor=row["factor"],
    )
    return touched_by(tx, build_id, one, snapshot.city.metric_srid)


def _drawn(tx: Connection, build_id: int | None, found: Touched) -> dict[str, Any] | None:
    if build_id is None or not 0 < len(found.ids) <= DRAWN_EDGES:
        return None
    drawn = tx.execute(DRAWN, {"build": build_id, "ids": list(found.ids)}).scalar_one()
    return None if drawn is None else dict(json.loads(drawn))
