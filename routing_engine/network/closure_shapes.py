"""Closures: which edges a drawing touches, and the network as it is while they are shut or slowed.

What a drawing means:

- a *polygon*: every edge that runs inside it, also for a part only. Touching the border at an end does not count.
- a *line*: edges it is drawn *along*, and edges it is drawn *across*. Along: the edge runs within `ALONG_M` of the line
  and less than `ALONG_DEG` askew, for half of its own length, half of the line's, or `ALONG_LEAST_M`, whichever is
  least; so side streets stay open, and so does the next street when the hand slips past a junction. Across: where the
  line is along no edge, every edge it crosses at `ALONG_DEG` or more, unless the line ends within `BEYOND_M` (or a
  quarter of its length) of the crossing: a bar drawn over three streets shuts three, a line that ends at a street none.
- an *edge*: the one piece of street that was clicked, known again by its course (after an import its number differs);
  where no edge has that course any more, it is read as a line.

What being closed or slowed does to drives is in `closures`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from routing_engine.network.projection import Floats, to_metric
from routing_engine.network.states import Ints

EDGE, LINE, POLYGON = "edge", "line", "polygon"

# A hand on a map at street level is this exact; carriageways of one street often lie farther apart.
ALONG_M = 8.0
ALONG_DEG = 30.0
ALONG_LEAST_M = 25.0
BEYOND_M = 15.0
# Courses this near are the same piece of street: less than any two streets, more than rounding.
SAME_COURSE_M = 1.0
# Less of an edge inside a polygon is the border, not the street.
INSIDE_M = 1.0

Lines = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]


def metric_shape(shape: BaseGeometry, metric_srid: int) -> BaseGeometry:
    """Return a shape in EPSG:4326 degrees in metres."""
    return shapely.transform(shape, lambda lonlat: to_metric(lonlat, metric_srid))


def metric_lines(lines: Lines, metric_srid: int) -> Lines:
    """Return lines in EPSG:4326 degrees in metres."""
    found = np.empty(len(lines), dtype=object)
    found[:] = shapely.transform(lines, lambda lonlat: to_metric(lonlat, metric_srid))
    return found


def touched(lines: Lines, shape: BaseGeometry, kind: str) -> Bools:
    """Tell which edges a closure is about.

    Parameters
    ----------
    lines
        Courses of the edges ``(n,)``, Shapely lines in metres.
    shape
        The closure's line or polygon in the same metres.
    kind
        `EDGE`, `LINE` or `POLYGON`.
    """
    found = np.zeros(len(lines), dtype=bool)
    if kind == POLYGON:
        shapely.prepare(shape)
        found |= shapely.contains_properly(shape, lines)
        border = np.flatnonzero(~found & shapely.intersects(shape, lines))
        inside = shapely.length(shapely.intersection(lines[border], shape))
        found[border] = (inside >= np.minimum(INSIDE_M, 0.5 * shapely.length(lines[border]))) & (inside > 0)
        return found
    # Nobody draws millimetres, and segments of next to no length have no direction.
    shape = shapely.transform(shape, lambda xy: np.round(xy, 2))
    if shapely.length(shape) == 0:
        return found
    near = np.flatnonzero(shapely.dwithin(lines, shape, ALONG_M))
    if kind == EDGE:
        same = near[shapely.hausdorff_distance(lines[near], shape) <= SAME_COURSE_M]
        if len(same):
            found[same] = True
            return found
    line_length = shapely.length(shape)
    enough = np.minimum(np.minimum(0.5 * shapely.length(lines[near]), 0.5 * line_length), ALONG_LEAST_M)
    along_m = _along_m(lines[near], shape)
    is_along = (along_m >= enough) & (along_m > 0)
    found[near[is_along]] = True
    others = near[~is_along]
    beside = shapely.union_all(shapely.buffer(lines[near[is_along]], ALONG_M))
    found[others] = _is_crossed(lines[others], shape, shapely.difference(shape, beside), min(BEYOND_M, line_length / 4))
    return found


def _segments(lines: Lines) -> tuple[Ints, Floats, Floats]:
    """Return the owner of each segment of the lines, its middle and its vector (metres)."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    inner = owner[1:] == owner[:-1]
    start, end = xy[:-1][inner], xy[1:][inner]
    return owner[:-1][inner], (start + end) / 2, end - start


def _is_askew(one: Floats, other: Floats) -> Bools:
    """Whether vectors differ in direction by `ALONG_DEG` or more, whichever way they are driven."""
    dot = np.abs((one * other).sum(axis=1))
    return np.asarray(dot <= np.cos(np.radians(ALONG_DEG)) * np.hypot(*one.T) * np.hypot(*other.T), dtype=bool)


def _direction_near(shape: BaseGeometry, points: Floats) -> Floats:
    """Return the vector of the segment of `shape` nearest to each point."""
    xy = shapely.get_coordinates(shape)
    xy = xy[np.append(True, np.any(np.diff(xy, axis=0) != 0, axis=1))]
    segments = np.asarray(shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)), dtype=object)
    nearest = shapely.STRtree(segments).nearest(shapely.points(points))
    return np.asarray(np.diff(xy, axis=0)[nearest], dtype=np.float64)


def _along_m(lines: Lines, shape: BaseGeometry) -> Floats:
    """Return the metres each line runs beside `shape` in its direction."""
    band = shapely.buffer(shape, ALONG_M, cap_style="flat")
    parts, owner = shapely.get_parts(shapely.intersection(lines, band), return_index=True)
    is_line = shapely.get_type_id(parts) == 1
    of_part, middle, vector = _segments(parts[is_line])
    metres = np.hypot(*vector.T)
    metres[_is_askew(vector, _direction_near(shape, middle))] = 0.0
    return np.bincount(owner[is_line][of_part], weights=metres, minlength=len(lines)).astype(np.float64)


def _is_crossed(lines: Lines, shape: BaseGeometry, bare: BaseGeometry, beyond_m: float) -> Bools:
    """Whether `shape` crosses each line where it is along none (`bare`) and goes on for `beyond_m` on both sides."""
    crossed = np.zeros(len(lines), dtype=bool)
    if shapely.is_empty(bare):
        return crossed
    parts, owner = shapely.get_parts(shapely.intersection(lines, bare), return_index=True)
    is_point = shapely.get_type_id(parts) == 0
    for point, i in zip(parts[is_point], owner[is_point], strict=True):
        at = float(shapely.line_locate_point(np.array([shape], dtype=object), point)[0])
        here = shapely.get_coordinates(point)
        askew = _is_askew(_direction_near(lines[i], here), _direction_near(shape, here))
        crossed[i] |= beyond_m <= at <= shapely.length(shape) - beyond_m and bool(askew[0])
    return crossed


def closed_digest(digest: str, edge_ids: Sequence[int], factors: Sequence[float]) -> str:
    """Return the name of a graph with closures; that of the open graph when there are none.

    Parameters
    ----------
    digest
        Name of the open graph.
    edge_ids, factors
        As `in_force` returns them.
    """
    if not len(edge_ids):
        return digest
    named = hashlib.sha256(f"closed|{digest}".encode())
    for edge, factor in zip(edge_ids, factors, strict=True):
        named.update(f"|{edge}:{factor!r}".encode())
    return named.hexdigest()


def in_force(touched_ids: Sequence[Sequence[int]], factors: Sequence[float | None]) -> tuple[list[int], list[float]]:
    """Add closures up: the edges they touch, ascending, and how many times longer each takes (infinite: shut).

    On an edge that several touch the slowest counts; they do not multiply.
    """
    worst: dict[int, float] = {}
    for ids, factor in zip(touched_ids, factors, strict=True):
        value = np.inf if factor is None else float(factor)
        for edge in ids:
            worst[int(edge)] = max(value, worst.get(int(edge), 1.0))
    edges = sorted(worst)
    return edges, [worst[edge] for edge in edges]
