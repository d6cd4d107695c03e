"""Polygons made a coverage: one owner for every point, shared borders with the same vertices. In metres, exact.

Nothing here knows files or names: arrays of valid polygons in, arrays of the same length and order out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from data.border_distance import farthest_m, polygons_of, segments_of

Shapes = npt.NDArray[Any]

NOBODY = -1
MAX_PASSES = 4


def clean(shapes: Shapes, tolerance_m: float) -> Shapes:
    """Give every overlap and every narrow gap to one polygon.

    Parameters
    ----------
    shapes
        Valid polygons in order of precedence: an overlap goes to the first, who has it already by the rule that the
        lower code wins. So it changes no owner.
    tolerance_m
        Gaps of which no point lies farther than this from a border are given to the neighbour with the longest border.

    Returns
    -------
    ndarray
        Polygons; an empty one where nothing was left (it lay wholly in others).

    Notes
    -----
    `shapely.coverage_clean`, GEOS 3.14. It snaps vertices nearer than a hundred-millionth of the extent; cleaning is
    repeated until `coverage_is_valid` agrees.
    """
    for _ in range(MAX_PASSES):
        shapes = shapely.coverage_clean(shapes, gap_width=2 * tolerance_m, merge_strategy="min_index")
        if shapely.coverage_is_valid(shapes):
            break
    return np.asarray(shapes)


def thin(shapes: Shapes, tolerance_m: float, *, most_vertices: int) -> Shapes:
    """Simplify a coverage until no polygon has more than `most_vertices`; all borders alike, so that they still meet.

    Visvalingam and Whyatt's method (`shapely.coverage_simplify`): the threshold, doubled from 5 cm up to `tolerance_m`,
    is the root of the area of the triangle a vertex makes with its neighbours.
    """
    thinned, threshold = shapes, 0.05
    while shapely.get_num_coordinates(thinned).max(initial=0) > most_vertices and threshold <= tolerance_m:
        thinned = shapely.coverage_simplify(shapes, threshold)
        threshold *= 2
    return np.asarray(thinned)


def snap(shapes: Shapes, reference: Shapes, tolerance_m: float) -> Shapes:
    """Move borders onto those of a reference layer where the two run beside each other.

    Parameters
    ----------
    shapes
        A coverage.
    reference
        Valid polygons that do not overlap.
    tolerance_m
        Ground changes its owner only in pieces of which no point lies farther than this from a border of `shapes`.

    Notes
    -----
    Both layers together cut the plane into faces. Each polygon of the reference belongs to whoever has most of it;
    a piece of another's in it is a border drawn twice when it is narrow, and a real difference when it is wide: that
    one stays. No vertex is pulled to another, so nothing can fold over.
    """
    faces = np.asarray(
        shapely.get_parts(
            shapely.polygonize(shapely.get_parts(shapely.union_all([*_rings(shapes), *_rings(reference)])))
        )
    )
    inside = shapely.point_on_surface(faces)
    owner, over = first_over(shapes, inside), first_over(reference, inside)
    size = shapely.area(faces)
    most = np.full(len(reference) + 1, NOBODY)  # the last is for faces under no reference
    for one in range(len(reference)):
        is_under = over == one
        shares = np.bincount(owner[is_under] + 1, weights=size[is_under], minlength=len(shapes) + 1)
        most[one] = int(shares.argmax()) - 1
    wanted = most[over]
    borders, lines = shapely.STRtree(segments_of(shapes)), shapely.union_all(shapely.boundary(reference))
    for old, new in np.unique(np.stack([owner, wanted])[:, owner != wanted], axis=1).T:
        at = np.flatnonzero((owner == old) & (wanted == new))
        pieces = shapely.get_parts(shapely.union_all(faces[at]))
        narrow = [
            piece
            for piece in pieces
            if piece.intersects(lines) and farthest_m(np.array([piece]), borders) <= tolerance_m
        ]
        if narrow:
            moves = shapely.intersects(inside[at], shapely.union_all(narrow))
            owner[at[moves]] = new
    made = [shapely.union_all(faces[owner == one]) for one in range(len(shapes))]
    return np.array([*made, None], dtype=object)[:-1]


def first_over(shapes: Shapes, points: Shapes) -> npt.NDArray[np.int64]:
    """Return the first of `shapes` that covers each point, `NOBODY` where none does."""
    found = np.full(len(points), len(shapes), dtype=np.int64)
    point, shape = shapely.STRtree(shapes).query(points, predicate="intersects")
    np.minimum.at(found, point, shape)
    found[found == len(shapes)] = NOBODY
    return found


def owned(shapes: Shapes) -> Shapes:
    """Return what each polygon has when the first in order wins: itself without those before it."""
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    made = shapes.copy()
    for one in np.unique(first[second < first]):
        before = shapes[second[(first == one) & (second < one)]]
        made[one] = shapely.difference(shapes[one], shapely.union_all(before))
    return np.asarray(made)


def changed_owner(before: Shapes, after: Shapes) -> tuple[Shapes, Shapes]:
    """Return the ground whose owner differs between two layers of equal order.

    Returns
    -------
    tuple
        Polygons each took, and polygons of each that are nobody's now; per polygon one geometry of any type.
    """
    had, has = owned(before), owned(after)
    taken = shapely.difference(has, had)
    tree = shapely.STRtree(has)
    lost = np.array([*had, None], dtype=object)[:-1]
    for one, shape in enumerate(had):
        near = tree.query(shape, predicate="intersects")
        if len(near):
            lost[one] = shapely.difference(shape, shapely.union_all(has[near]))
    return taken, lost


def _rings(shapes: Shapes) -> list[shapely.Geometry]:
    return list(shapely.get_rings(polygons_of(shapes)))
