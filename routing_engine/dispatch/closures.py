"""Opening, ending and listing closures. What they do to travel times, the worker does (`fields`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from psycopg2.extras import DateTimeTZRange
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, func, insert, text, update

from gis.actors import Actor
from gis.errors import ConflictError, Finding, NotFoundError, ValueRefused
from gis.ids import uuid7
from gis.labels import label
from gis.messages import message
from gis.words import Role
from routing_engine.dispatch.closure_form import ClosureInput, parse
from routing_engine.dispatch.context import Context, Moment, Snapshot
from routing_engine.dispatch.cut_off import cut_off
from routing_engine.dispatch.lifecycle import append_audit
from routing_engine.dispatch.outbox import NOTIFY_CHANNEL
from routing_engine.network.closure_rows import (
    KEY_NOW,
    Closure,
    Edges,
    Touched,
    closures_at,
    edges_near,
    summary,
    touched_by,
    touched_of,
)
from routing_engine.network.closure_shapes import ALONG_M, BEYOND_M, EDGE, metric_lines, metric_shape
from routing_engine.network.graph import RoadGraph
from routing_engine.network.profiles import PROFILES
from routing_engine.network.store import current_build
from routing_engine.network.tables import closure as closure_table

# A click names the street it hits; farther off it is no click on a street.
CLICK_M = 30.0
# "Touches nothing" is said within this of the network; farther off a drawing is outside it.
NEAR_M = 2000.0
# From this part of the streets on an answer warns that hardly anything is left.
ALMOST_ALL = 0.9
# What is drawn of one closure at most; beyond, its own shape says it.
DRAWN_EDGES = 3000
NAMED = 5

IN_FORCE, PLANNED, EXPIRED, ENDED = "in_force", "planned", "expired", "ended"

COLUMNS = """closure_id, kind, ST_AsBinary(geom) AS shape, lower(valid) AS since, upper(valid) AS until, profiles,
 factor, reason, created_at, created_by, ended_at, ended_by"""

ONE = text(f"SELECT {COLUMNS} FROM siaga.closure WHERE closure_id = :id FOR UPDATE")  # noqa: S608

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
class _Road:
    """The network in use: its build, and each profile's open graph."""

    build_id: int
    metric_srid: int
    graphs: dict[str, RoadGraph]

    def driven(self, ids: Sequence[int], profile: str) -> float:
        """Return the metres of edges a profile may drive."""
        graph = self.graphs[profile]
        at = np.searchsorted(graph.edge_id, np.asarray(ids, dtype=np.int64))
        at = at[at < len(graph.edge_id)]
        at = at[np.isin(graph.edge_id[at], ids) & (graph.edge_component[at] >= 0)]
        return float(graph.edge_length_m[at].sum())


def _road(tx: Connection, snapshot: Snapshot, language: str) -> _Road:
    build_id = current_build(tx)
    if build_id is None:
        raise ConflictError(message("closure_no_roads", language))
    graphs = [part.field.graph for part in snapshot.stations.parts]
    return _Road(
        build_id=build_id,
        metric_srid=snapshot.city.metric_srid,
        graphs={graph.profile: graph.base or graph for graph in graphs},
    )


def open_closure(
    tx: Connection, context: Context, body: dict[str, Any], *, actor: Actor, language: str
) -> dict[str, Any]:
    """Shut or slow streets from a moment on; the worker makes it count within a second.

    Returns
    -------
    dict
        The closure as `describe` says it, `cut_off` (see `cut_off.cut_off`; at its beginning, with all others then in
        force) and `warnings` for a person.

    Raises
    ------
    ForbiddenError
        The role may not.
    ConflictError
        No roads are loaded.
    ValueRefused
        With every finding.
    """
    actor.require(Role.OPERATOR, Role.SUPERVISOR)
    moment = context.current(tx)
    snapshot, now = moment.snapshot, moment.now
    given = parse(body, city=snapshot.city, profiles=PROFILES, now=now, language=language)
    road = _road(tx, snapshot, language)
    shape, found = _find_edges(tx, road, given, language)
    _refuse_nothing(road, given, found, language)
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
    return _answer(tx, moment, road, dict(row), at=max(now, since), language=language)


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
    return _answer(tx, moment, _road(tx, moment.snapshot, language), ended, at=moment.now, language=language)


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
    tx: Connection, moment: Moment, road: _Road, row: dict[str, Any], *, at: datetime, language: str
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


def _find_edges(tx: Connection, road: _Road, given: ClosureInput, language: str) -> tuple[BaseGeometry, Touched]:
    """Return the shape to keep and the edges it touches; a click becomes the course of the street it hits.

    Raises
    ------
    ValueRefused
        There is none.
    """
    srid, shape = road.metric_srid, given.shape
    if given.kind != EDGE:
        near = edges_near(tx, road.build_id, shape, ALONG_M)
        found = touched_of(near, shape, given.kind, srid)
        if len(found.ids):
            return shape, summary(found)
        is_outside = len(edges_near(tx, road.build_id, shape, NEAR_M).ids) == 0
        key = "closure_outside" if is_outside else "closure_nothing"
        hint = "" if is_outside else message("closure_nothing_hint", language, beyond=round(BEYOND_M))
        raise ValueRefused(key, [Finding(field="geometry", reason=message(key, language), hint=hint)])
    for metres_about in (2 * CLICK_M, NEAR_M):
        near = edges_near(tx, road.build_id, shape, metres_about)
        chosen = _clicked(near, shape, srid, _concerned(road, given))
        if chosen is not None:
            break
    if chosen is None:
        raise ValueRefused.of("lon", message("closure_outside", language))
    i, metres = chosen
    if metres > CLICK_M:
        hint = message("closure_click_hint", language, metres=round(metres))
        raise ValueRefused.of("lon", message("closure_nothing", language), hint)
    one = Edges(
        ids=near.ids[i : i + 1],
        names=near.names[i : i + 1],
        length_m=near.length_m[i : i + 1],
        lines=near.lines[i : i + 1],
    )
    return near.lines[i], summary(one)


def _concerned(road: _Road, given: ClosureInput) -> list[RoadGraph]:
    return [graph for profile, graph in road.graphs.items() if given.profiles is None or profile in given.profiles]


def _clicked(near: Edges, point: BaseGeometry, srid: int, graphs: list[RoadGraph]) -> tuple[int, float] | None:
    """Return the nearest edge that one of the graphs has open, and its metres; the lowest id among equals."""
    usable = np.ones(len(near.ids), dtype=bool)
    if graphs:
        usable[:] = False
        for graph in graphs:
            usable |= np.isin(near.ids, graph.edge_id[graph.edge_component >= 0])
    if not usable.any():
        return None
    lines = metric_lines(near.lines, srid)
    metres = np.where(usable, shapely.distance(lines, metric_shape(point, srid)), np.inf)
    i = int(metres.argmin())
    return i, float(metres[i])


def _refuse_nothing(road: _Road, given: ClosureInput, found: Touched, language: str) -> None:
    """Refuse a closure of streets that none of its vehicles may drive anyway."""
    profiles = [one for one in road.graphs if given.profiles is None or one in given.profiles]
    if not profiles or any(road.driven(found.ids, profile) > 0 for profile in profiles):
        return
    names = ", ".join(label("profile", profile, language) for profile in profiles)
    field = "lon" if given.kind == EDGE else "geometry"
    raise ValueRefused.of(field, message("closure_nothing_for", language, profiles=names))
