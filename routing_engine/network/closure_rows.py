"""Closures as rows: which are in force at a moment, and which edges of a road build they touch."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, text

from routing_engine.network.closure_shapes import ALONG_M, Lines, in_force, metric_lines, metric_shape, touched

# Names the set of closures in force now, as `closures_key` does: what a field must know to be up to date. The time of
# the statement is stable within it, so the index serves.
KEY_NOW = """(SELECT coalesce(md5(string_agg(closure_id::text, ',' ORDER BY closure_id)), '')
 FROM siaga.closure WHERE ended_at IS NULL AND valid @> statement_timestamp())"""

# Names what is in force or planned, for those who list it: it changes also when a planned closure begins.
LISTED_KEY = """(SELECT coalesce(md5(string_agg(
  closure_id::text || (valid @> statement_timestamp()), ',' ORDER BY closure_id)), '')
 FROM siaga.closure WHERE ended_at IS NULL AND valid && tstzrange(statement_timestamp(), NULL))"""

IN_FORCE = text(
    """
SELECT closure_id, kind, ST_AsBinary(geom) AS shape, profiles, factor FROM siaga.closure
WHERE valid @> CAST(:at AS timestamptz) AND (ended_at IS NULL OR ended_at > :at)
ORDER BY closure_id
"""
)

NEAR = text(
    """
SELECT edge_id, name, length_m, ST_AsBinary(geom) AS line FROM siaga.road_edge
WHERE road_build_id = :build AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
ORDER BY edge_id
"""
)

# A row and a build never change, so neither does what one touches; it is asked for at every change of any closure.
_KEPT = 500
_lock = threading.Lock()
_touched: OrderedDict[tuple[str, int, int], Touched] = OrderedDict()


@dataclass(frozen=True, kw_only=True)
class Touched:
    """The edges a closure touches, by id: their number, metres and the names of their streets."""

    ids: tuple[int, ...]
    length_m: float
    streets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Closure:
    """A closure in force: its shape in EPSG:4326 degrees; `profiles` and `factor` are `None` for all and shut."""

    closure_id: str
    kind: str
    shape: BaseGeometry
    profiles: frozenset[str] | None
    factor: float | None

    def concerns(self, profile: str) -> bool:
        """Whether vehicles of a profile are stopped or slowed."""
        return self.profiles is None or profile in self.profiles


@dataclass(frozen=True, eq=False, kw_only=True)
class Edges:
    """Edges by id: street names (`None`: no name), metres, and courses in EPSG:4326 degrees."""

    ids: np.ndarray[tuple[int], np.dtype[np.int64]]
    names: tuple[str | None, ...]
    length_m: np.ndarray[tuple[int], np.dtype[np.float64]]
    lines: Lines


def closures_at(tx: Connection, at: datetime) -> list[Closure]:
    """Return the closures in force at a moment, by id."""
    rows = tx.execute(IN_FORCE, {"at": at}).mappings()
    return [
        Closure(
            closure_id=row["closure_id"],
            kind=row["kind"],
            shape=shapely.from_wkb(bytes(row["shape"])),
            profiles=None if row["profiles"] is None else frozenset(row["profiles"]),
            factor=row["factor"],
        )
        for row in rows
    ]


def closures_key(closures: Sequence[Closure]) -> str:
    """Name a set of closures: an empty text for none; see `KEY_NOW`."""
    ids = sorted(closure.closure_id for closure in closures)
    return hashlib.md5(",".join(ids).encode(), usedforsecurity=False).hexdigest() if ids else ""


def edges_near(tx: Connection, road_build_id: int, shape: BaseGeometry, metres: float) -> Edges:
    """Return the edges whose box comes within so many metres of the box of a shape (EPSG:4326), and some more."""
    west, south, east, north = shape.bounds
    # A degree of latitude has at least 110.5 km, one of longitude this part of it.
    high = metres / 110_000
    wide = high / max(0.01, np.cos(np.radians(min(89.0, max(abs(south), abs(north)) + high))))
    box = {"west": west - wide, "south": south - high, "east": east + wide, "north": north + high}
    rows = tx.execute(NEAR, {"build": road_build_id, **{name: float(value) for name, value in box.items()}}).all()
    lines = np.empty(len(rows), dtype=object)
    lines[:] = shapely.from_wkb([bytes(row.line) for row in rows])
    return Edges(
        ids=np.array([row.edge_id for row in rows], dtype=np.int64),
        names=tuple(row.name for row in rows),
        length_m=np.array([row.length_m for row in rows], dtype=np.float64),
        lines=lines,
    )


def touched_of(edges: Edges, shape: BaseGeometry, kind: str, metric_srid: int) -> Edges:
    """Return those of `edges` that a closure touches; see `closure_shapes.touched`."""
    if len(edges.ids) == 0:
        return edges
    lines = metric_lines(edges.lines, metric_srid)
    chosen = np.flatnonzero(touched(lines, metric_shape(shape, metric_srid), kind))
    names = tuple(edges.names[i] for i in chosen)
    return Edges(ids=edges.ids[chosen], names=names, length_m=edges.length_m[chosen], lines=edges.lines[chosen])


def summary(edges: Edges) -> Touched:
    """Return what an answer says of edges."""
    streets = sorted({name for name in edges.names if name})
    return Touched(ids=tuple(edges.ids.tolist()), length_m=float(edges.length_m.sum()), streets=tuple(streets))


def touched_by(tx: Connection, road_build_id: int, closure: Closure, metric_srid: int) -> Touched:
    """Return what a closure touches of a build."""
    key = (closure.closure_id, road_build_id, metric_srid)
    found = _touched.get(key)
    if found is None:
        near = edges_near(tx, road_build_id, closure.shape, ALONG_M)
        found = summary(touched_of(near, closure.shape, closure.kind, metric_srid))
        with _lock:
            _touched[key] = found
            while len(_touched) > _KEPT:
                _touched.popitem(last=False)
    return found


def slowed_edges(
    tx: Connection, road_build_id: int, closures: Sequence[Closure], profile: str, metric_srid: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the edges of a build that are shut or slowed for a profile, and how much; see `in_force`."""
    concerned = [closure for closure in closures if closure.concerns(profile)]
    ids = [touched_by(tx, road_build_id, closure, metric_srid).ids for closure in concerned]
    edges, factors = in_force(ids, [closure.factor for closure in concerned])
    return tuple(edges), tuple(factors)
