"""How far ground lies from a border: the figure a repair promises."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

# The answer is at most this much too large, in metres and in parts of itself …
EXACT_M = 0.05
EXACT = 0.05
# … but rather larger still than searched for without end.
MAX_SQUARES = 200_000
# Thinner pieces are what rounding makes of one line cut in two ways: they are tried at points along their rings.
THIN_M = 1e-3
STEP_M = 1.0
MAX_STEPS = 200_000

Shapes = npt.NDArray[Any]


def segments_of(shapes: Shapes) -> Shapes:
    """Return every segment of the rings of shapes as a line of two points."""
    rings = shapely.get_rings(shapely.get_parts(shapes[~shapely.is_missing(shapes)]))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    goes_on = ring[1:] == ring[:-1]
    return np.asarray(shapely.linestrings(np.stack([xy[:-1][goes_on], xy[1:][goes_on]], axis=1)))


def polygons_of(shapes: Iterable[shapely.Geometry]) -> Shapes:
    """Return the polygons in shapes of any type, in order; lines and points, and what has no ground, are left out."""
    parts = shapely.get_parts(shapely.get_parts(np.array([*shapes, None], dtype=object)[:-1]))
    return np.asarray(parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > 0)])


def farthest_m(pieces: Shapes, borders: shapely.STRtree) -> float:
    """Return how far the point of `pieces` farthest from `borders` lies from them.

    Parameters
    ----------
    pieces
        Polygons, ``(n,)``, metres.
    borders
        Tree of lines (`segments_of`), metres.

    Returns
    -------
    float
        Never too small; too large by at most `EXACT_M`, or a part `EXACT` of itself. 0 without pieces.

    Notes
    -----
    Squares are divided by four as long as one may hold a farther point than the farthest known: within a square no
    point is farther from a border than its middle by more than half the diagonal. Pieces thinner than `THIN_M` are
    tried each `STEP_M` along their rings instead: squares as thin would be without number.
    """
    if not len(pieces):
        return 0.0
    is_thin = 2 * shapely.area(pieces) < THIN_M * shapely.length(pieces)
    return max(_farthest_ring(pieces[is_thin], borders), _farthest_inside(pieces[~is_thin], borders))


def _farthest_ring(pieces: Shapes, borders: shapely.STRtree) -> float:
    if not len(pieces):
        return 0.0
    step = max(STEP_M, float(shapely.length(pieces).sum()) / MAX_STEPS)
    points = shapely.points(shapely.get_coordinates(shapely.segmentize(pieces, step)))
    _, distance = borders.query_nearest(points, all_matches=False, return_distance=True)
    return float(distance.max()) + THIN_M


def _farthest_inside(pieces: Shapes, borders: shapely.STRtree) -> float:
    if not len(pieces):
        return 0.0
    low, high = shapely.bounds(pieces)[:, :2], shapely.bounds(pieces)[:, 2:]
    middle, half, of = (low + high) / 2, (high - low).max(axis=1) / 2, np.arange(len(pieces))
    shapely.prepare(pieces)
    best = 0.0
    while True:
        points = shapely.points(middle)
        _, distance = borders.query_nearest(points, all_matches=False, return_distance=True)
        bound = distance + half * np.sqrt(2)
        may_be = bound > best
        is_in = np.zeros(len(middle), dtype=bool)
        is_in[may_be] = shapely.covers(pieces[of[may_be]], points[may_be])
        best = max(best, float(distance[is_in].max(initial=0.0)))
        enough = max(best + EXACT_M, best * (1 + EXACT))
        may_be = bound > enough
        (x, y), r = middle[may_be].T, half[may_be]
        may_be[may_be] = shapely.intersects(pieces[of[may_be]], shapely.box(x - r, y - r, x + r, y + r))
        middle, half, of, bound = middle[may_be], half[may_be], of[may_be], bound[may_be]
        if not len(middle):
            return enough
        if 4 * len(middle) > MAX_SQUARES or half.max() < EXACT_M / 10:
            return max(enough, float(bound.max()))
        quarter = half[:, None, None] / 2 * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
        middle = (middle[:, None, :] + quarter).reshape(-1, 2)
        half, of = np.repeat(half / 2, 4), np.repeat(of, 4)
