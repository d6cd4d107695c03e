"""Putting positions on the road network: nearest edges in metres, with the offset along each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gis.threads import in_parts
from routing_engine.network.compiled import kernels
from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats, to_lonlat, to_metric
from routing_engine.network.states import Ints, ranges

SNAP_LIMIT_M = 250.0
# Two roads whose distances differ by less than this are both candidates: carriageways of one street, a corner.
TOLERANCE_M = 5.0
N_CANDIDATES = 3
# Nearer to the street's line than this, neither side is meant.
ON_THE_LINE_M = 1e-3
# Assumed: a phone's heading on a moving vehicle, and a street's bend within a block.
BEARING_TOLERANCE_DEG = 45.0
# Fewer are not worth a second thread.
POINTS_AT_ONCE = 2_000
NO_BEARING: Floats = np.empty(0)
# Side of the squares, in cells, in which a batch is worked off: its streets fit into a processor's cache.
SQUARE_CELLS = 12


class Refusal(IntEnum):
    """Why a position was not put on a road."""

    NONE = 0
    TOO_FAR = 1
    NOT_A_POSITION = 2
    NO_ROADS = 3
    NO_SUCH_DIRECTION = 4


@dataclass(frozen=True, eq=False)
class Snapped:
    """Positions on the network.

    Attributes
    ----------
    graph
        The network they are on.
    lonlat
        What was asked ``(n, 2)``, EPSG:4326 degrees.
    edge
        Edge index ``(n, k)``, nearest candidate first (ties: lowest edge index), -1 where there is none.
    fraction
        Position along the edge as a part of its length, from `edge_from` ``(n, k)``, 0 to 1; NaN where there is none.
    distance_m
        Metres from the position to the edge ``(n, k)``; NaN where there is none.
    reason
        `Refusal` per position ``(n,)``; 0 when it is on a road.
    """

    graph: RoadGraph
    lonlat: Floats
    edge: Ints
    fraction: Floats
    distance_m: Floats
    reason: npt.NDArray[np.int8]

    @property
    def is_on_road(self) -> npt.NDArray[np.bool_]:
        """Whether each position has at least one candidate ``(n,)``."""
        return self.edge[:, 0] >= 0

    @cached_property
    def offset_m(self) -> Floats:
        """Metres from the edge's `edge_from` along it ``(n, k)``, between 0 and its length; NaN where there is none."""
        metres = np.full(self.edge.shape, np.nan)
        found = self.edge >= 0
        metres[found] = self.fraction[found] * self.graph.edge_length_m[self.edge[found]]
        return metres

    @cached_property
    def _on_road(self) -> tuple[Floats, Floats]:
        """Places of the candidates found ``(n_found, 2)`` and the drawing's direction there, in metres."""
        found = self.edge >= 0
        return at_fraction(self.graph, self.edge[found], self.fraction[found])

    @cached_property
    def point_lonlat(self) -> Floats:
        """The points on the road ``(n, k, 2)``, EPSG:4326 degrees; NaN where there is no candidate."""
        points = np.full((*self.edge.shape, 2), np.nan)
        points[self.edge >= 0] = to_lonlat(self._on_road[0], self.graph.metric_srid)
        return points

    @cached_property
    def side(self) -> npt.NDArray[np.int8]:
        """On which side of the drawing the position lies ``(n, k)``: 1 left, -1 right, 0 on it or without candidate."""
        found = self.edge >= 0
        on_road, along = self._on_road
        away = to_metric(self.lonlat, self.graph.metric_srid)[np.nonzero(found)[0]] - on_road
        across = along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]
        side = np.zeros(self.edge.shape, dtype=np.int8)
        side[found] = np.where(np.hypot(*away.T) < ON_THE_LINE_M, 0, np.sign(across))
        return side


def at_fraction(graph: RoadGraph, edge: Ints, fraction: Floats) -> tuple[Floats, Floats]:
    """Return places along edges in metres ``(n, 2)``, and the direction of the drawing there (of any length)."""
    first, last = graph.vertex_start[edge], graph.vertex_start[edge + 1] - 1
    count = last - first + 1
    vertex = ranges(first, count)
    group = np.repeat(np.arange(len(edge)), count)
    xy = graph.vertex_xy_m[vertex]
    step = np.zeros(len(vertex))
    step[1:] = np.hypot(*np.diff(xy, axis=0).T)
    begin = np.cumsum(count) - count
    step[begin] = 0.0
    along = np.cumsum(step)
    along -= along[begin][group]
    wanted = fraction * along[begin + count - 1]
    # The last segment that begins at or before the place and is not a point.
    starts = (along <= wanted[group]) & (np.arange(len(vertex)) < (begin + count - 1)[group])
    starts[:-1] &= step[1:] > 0.0
    at = begin.copy()
    np.maximum.at(at, group[starts], np.flatnonzero(starts))
    direction = xy[at + 1] - xy[at]
    length = np.hypot(*direction.T)
    part = np.divide(wanted - along[at], length, out=np.zeros(len(at)), where=length > 0)
    return xy[at] + np.clip(part, 0.0, 1.0)[:, None] * direction, direction


def snap(
    graph: RoadGraph,
    lonlat: npt.ArrayLike,
    *,
    limit_m: float = SNAP_LIMIT_M,
    n_candidates: int = N_CANDIDATES,
    tolerance_m: float = TOLERANCE_M,
    bearing_deg: npt.ArrayLike | None = None,
    bearing_tolerance_deg: float = BEARING_TOLERANCE_DEG,
) -> Snapped:
    """Find the nearest edges of the network's main part.

    Parameters
    ----------
    graph
        Only edges its profile may drive and that lie in the main part are considered; those closed for now too (see
        `closures`).
    lonlat
        ``(n, 2)``, EPSG:4326 degrees. NaN, infinite and out-of-range positions are refused, not an error.
    limit_m
        A position farther than this from every such edge is refused: across the bay is not near.
    n_candidates, tolerance_m
        Up to so many edges whose distance is at most `tolerance_m` above the nearest one's.
    bearing_deg, bearing_tolerance_deg
        Heading of each position ``(n,)``, clockwise from north, NaN where unknown. Only edges that may be driven in
        that direction, give or take the tolerance, are considered.

    Notes
    -----
    Distances are planar in the metric SRID; in a UTM zone they are within 0.1 % of those on the ellipsoid. The
    offset is the drawing's offset scaled to `edge_length_m`.
    """
    asked = np.ascontiguousarray(np.asarray(lonlat, dtype=np.float64).reshape(-1, 2))
    n = len(asked)
    edge = np.empty((n, n_candidates), dtype=np.int64)
    fraction = np.empty((n, n_candidates))
    distance = np.empty((n, n_candidates))
    # Nothing is near a position that is none: NaN and infinity stay so when they are projected.
    xy_m = to_metric(asked, graph.metric_srid)
    bearing = _grid_bearing(graph, asked, xy_m, bearing_deg)
    place = kernels().placing.place
    grid = graph.grid
    order = np.empty(n if n >= POINTS_AT_ONCE else 0, dtype=np.int64)
    if len(order):
        kernels().placing.by_place(xy_m, grid.frame, SQUARE_CELLS, order)
    asked_for = (xy_m, bearing, float(limit_m), float(tolerance_m), float(bearing_tolerance_deg))
    network = (*grid.arrays, graph.edge_arc, order)

    def fill(first: int, last: int) -> None:
        place(*asked_for, *network, first, last, edge, fraction, distance)

    in_parts(fill, n, least=POINTS_AT_ONCE)
    reason = (edge[:, 0] < 0).astype(np.int8)  # 0 or 1: `Refusal.NONE` or `TOO_FAR`
    if reason.any():
        explain(graph, asked, bearing, edge, fraction, distance, reason)
    return Snapped(graph, asked, edge, fraction, distance, reason)


def _grid_bearing(graph: RoadGraph, lonlat: Floats, xy_m: Floats, bearing_deg: npt.ArrayLike | None) -> Floats:
    """Return headings from the north of the metric grid; empty when none was asked for."""
    if bearing_deg is None:
        return NO_BEARING
    true_deg = np.broadcast_to(np.asarray(bearing_deg, dtype=np.float64), (len(lonlat),))
    north = to_metric(lonlat + np.array([0.0, 1e-4]), graph.metric_srid) - xy_m
    return np.ascontiguousarray(true_deg + np.degrees(np.arctan2(north[:, 0], north[:, 1])))


def explain(
    graph: RoadGraph,
    lonlat: Floats,
    bearing: Floats,
    edge: Ints,
    fraction: Floats,
    distance: Floats,
    reason: npt.NDArray[np.int8],
) -> None:
    """Say better than "too far" why positions were refused, in `reason`; what is refused has no candidates."""
    is_position = np.isfinite(lonlat).all(axis=1) & (np.abs(lonlat) <= (180.0, 90.0)).all(axis=1)
    reason[~is_position] = Refusal.NOT_A_POSITION
    if len(graph.main_edges) == 0:
        reason[is_position] = Refusal.NO_ROADS
    elif len(bearing):
        reason[(edge[:, 0] < 0) & is_position & np.isfinite(bearing)] = Refusal.NO_SUCH_DIRECTION
    refused = reason != Refusal.NONE
    edge[refused], fraction[refused], distance[refused] = -1, np.nan, np.nan
