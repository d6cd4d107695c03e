"""Putting positions on the road network: nearest edges in metres, with the offset along each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely

from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats, to_lonlat, to_metric
from routing_engine.network.states import Ints

SNAP_LIMIT_M = 250.0
# Two roads whose distances differ by less than this are both candidates: carriageways of one street, a corner.
TOLERANCE_M = 5.0
N_CANDIDATES = 3
# Bounds the memory of a batch of millions.
CHUNK = 100_000


class Refusal(IntEnum):
    """Why a position was not put on a road."""

    NONE = 0
    TOO_FAR = 1
    NOT_A_POSITION = 2
    NO_ROADS = 3


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
    def point_lonlat(self) -> Floats:
        """The points on the road ``(n, k, 2)``, EPSG:4326 degrees; NaN where there is no candidate."""
        points = np.full((*self.edge.shape, 2), np.nan)
        found = self.edge >= 0
        if found.any():
            row = np.searchsorted(self.graph.main_edges, self.edge[found])
            lines = self.graph.main_lines[row]
            on_road = shapely.line_interpolate_point(lines, self.fraction[found], normalized=True)
            points[found] = to_lonlat(shapely.get_coordinates(on_road), self.graph.metric_srid)
        return points


def snap(
    graph: RoadGraph,
    lonlat: npt.ArrayLike,
    *,
    limit_m: float = SNAP_LIMIT_M,
    n_candidates: int = N_CANDIDATES,
    tolerance_m: float = TOLERANCE_M,
) -> Snapped:
    """Find the nearest edges of the network's main part.

    Parameters
    ----------
    graph
        Only edges its profile may drive and that lie in the main part are considered.
    lonlat
        ``(n, 2)``, EPSG:4326 degrees. NaN, infinite and out-of-range positions are refused, not an error.
    limit_m
        A position farther than this from every such edge is refused: across the bay is not near.
    n_candidates, tolerance_m
        Up to so many edges whose distance is at most `tolerance_m` above the nearest one's.

    Notes
    -----
    Distances are planar in the metric SRID; in a UTM zone they are within 0.1 % of those on the ellipsoid. The
    offset is the drawing's offset scaled to `edge_length_m`.
    """
    asked = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
    n = len(asked)
    edge = np.full((n, n_candidates), -1, dtype=np.int64)
    fraction = np.full((n, n_candidates), np.nan)
    distance = np.full((n, n_candidates), np.nan)
    reason = np.full(n, Refusal.TOO_FAR, dtype=np.int8)
    usable = np.isfinite(asked).all(axis=1) & (np.abs(asked) <= (180.0, 90.0)).all(axis=1)
    reason[~usable] = Refusal.NOT_A_POSITION
    if len(graph.main_edges) == 0:
        reason[usable] = Refusal.NO_ROADS
        return Snapped(graph, asked, edge, fraction, distance, reason)
    rows = np.flatnonzero(usable)
    for start in range(0, len(rows), CHUNK):
        row = rows[start : start + CHUNK]
        xy_m = to_metric(asked[row], graph.metric_srid)
        is_near_zone = np.isfinite(xy_m).all(axis=1)  # far from the zone a projection may have no image
        row, points = row[is_near_zone], np.asarray(shapely.points(xy_m[is_near_zone]), dtype=object)
        point, rank, line, metres, part = _nearest_lines(graph, points, limit_m, n_candidates, tolerance_m)
        edge[row[point], rank] = graph.main_edges[line]
        fraction[row[point], rank] = part
        distance[row[point], rank] = metres
    reason[edge[:, 0] >= 0] = Refusal.NONE
    return Snapped(graph, asked, edge, fraction, distance, reason)


def _nearest_lines(
    graph: RoadGraph, points: npt.NDArray[np.object_], limit_m: float, n_candidates: int, tolerance_m: float
) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """Return aligned arrays: point, rank among its candidates, line, metres, position along the line (0 to 1)."""
    (point, _), nearest = graph.main_tree.query_nearest(
        points, max_distance=np.nextafter(limit_m, np.inf), return_distance=True, all_matches=False
    )
    # The margin keeps the nearest edge itself when both computations round differently.
    reach = np.minimum(nearest + tolerance_m, limit_m) + 1e-6
    among, line = graph.main_tree.query(points[point], predicate="dwithin", distance=reach)
    point = point[among]
    metres = shapely.distance(points[point], graph.main_lines[line])
    order = np.lexsort((line, metres, point))
    point, line, metres = point[order], line[order], metres[order]
    first = np.ones(len(point), dtype=bool)
    first[1:] = point[1:] != point[:-1]
    rank = np.arange(len(point)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    kept = (rank < n_candidates) & (metres <= limit_m)
    point, rank, line, metres = point[kept], rank[kept], line[kept], metres[kept]
    lines = graph.main_lines[line]
    along = shapely.line_locate_point(lines, points[point])
    length = shapely.length(lines)
    part = np.divide(along, length, out=np.zeros(len(along)), where=length > 0)
    return point, rank, line, metres, np.clip(part, 0.0, 1.0)
