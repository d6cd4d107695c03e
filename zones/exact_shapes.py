"""Set operations on neighbours that keep what they share exactly shared.

Polygons that meet must have the same vertices along their common border, or every later operation finds hairs of ground
between them. GEOS computes where two borders cross to the last bit the same for both sides, but a third neighbour does
not know that vertex: `share_vertices` tells it. Nothing moves farther than `SAME_DEG`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from zones.layers import Area, area_m2, metric, polygons, with_shape

# Vertices this near are one: a tenth of a millimetre, far above rounding and far below any border that is meant.
SAME_DEG = 1e-9
ROUNDS = 3
# Less ground is rounding: holes and specks of this size close, and nobody signs for less than LEAST_M2.
SPECK_M2, LEAST_M2 = 0.01, 1.0
# A strip has this part of its outline along the ground it was left beside; and how exact an outline widened is, metres.
ALONG, EDGE_M = 0.25, 0.01
DEG2_OF_M2 = 1.0 / (111_000.0**2)

Points = npt.NDArray[np.float64]


def share_vertices(areas: dict[str, Area], changed: Collection[str]) -> dict[str, Area]:
    """Give changed areas and those beside them (of the same priority) each other's vertices along common borders.

    Parameters
    ----------
    areas
        All that could lie beside each other, by key.
    changed
        Keys of those whose polygon is new.

    Returns
    -------
    dict
        The areas whose vertices differ now.
    """
    keys = [key for key, area in areas.items() if not area.is_citywide]
    shapes: dict[str, BaseGeometry] = {key: areas[key].shape for key in keys}
    tree = shapely.STRtree(list(shapes.values()))
    beside: dict[str, list[str]] = {}
    for key in (one for one in keys if one in changed):
        box = shapely.box(*shapes[key].bounds).buffer(2 * SAME_DEG)
        found = [keys[at] for at in np.sort(tree.query(box))]
        beside[key] = [one for one in found if one != key and areas[one].priority == areas[key].priority]
    for _ in range(ROUNDS):  # a vertex given in the first round may be news to a third
        for key, others in beside.items():
            # Vertices of those that stay come first: they are the ones that are kept.
            _weld(shapes, sorted([key, *others], key=lambda one: (one in changed, one)))
            for other in others:
                shapes[other] = _with_vertices_of(shapes[other], shapes[key])
                shapes[key] = _with_vertices_of(shapes[key], shapes[other])
    # Vertices move no ground: an outline that a weld would turn over stays as it was, a hair off its neighbour.
    least = SPECK_M2 * DEG2_OF_M2
    return {
        key: with_shape(areas[key], shapes[key])
        for key in keys
        if shapes[key] is not areas[key].shape
        and shapes[key].is_valid
        and abs(shapes[key].area - areas[key].shape.area) <= least
    }


def _weld(shapes: dict[str, BaseGeometry], keys: list[str]) -> None:
    """Make vertices of some shapes that are the same to `SAME_DEG` the same to the last bit: as the first has it."""
    every = np.concatenate([shapely.get_coordinates(shapes[key]) for key in keys])
    _, first = np.unique(every, axis=0, return_index=True)
    points = every[np.sort(first)]
    pairs = cKDTree(points).query_pairs(SAME_DEG, output_type="ndarray")
    if not len(pairs):
        return
    kept = np.arange(len(points))
    for one, two in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]:
        kept[two] = min(kept[two], kept[one])
    moved = {tuple(points[at]): points[kept[at]] for at in np.flatnonzero(kept != np.arange(len(points)))}

    def welded(xy: Points) -> Points:
        xy = xy.copy()
        for at in np.flatnonzero(_is_in(xy, np.array(list(moved)))):
            xy[at] = moved[tuple(xy[at])]
        return xy

    for key in keys:
        if _is_in(shapely.get_coordinates(shapes[key]), np.array(list(moved))).any():
            shape = shapely.remove_repeated_points(shapely.transform(shapes[key], welded))
            # A spike of no width may have closed: what is left of it is a line, and falls away.
            shapes[key] = shape if shape.is_valid else polygons(shapely.make_valid(shape))


def _with_vertices_of(shape: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """Return `shape` with those vertices of `other` that lie on its border and are none of its own."""
    news = _news(shape, other)
    if not len(news):
        return shape
    return shapely.MultiPolygon(
        [
            shapely.Polygon(_inserted(part.exterior, news), [_inserted(ring, news) for ring in part.interiors])
            for part in shapely.get_parts(polygons(shape))
        ]
    )


def _inserted(ring: BaseGeometry, points: Points) -> Points:
    """Return the positions of a ring with those points that lie on it, each in the nearest of its segments."""
    xy: Points = shapely.get_coordinates(ring)
    here = points[np.asarray(shapely.dwithin(ring, shapely.points(points), SAME_DEG), dtype=bool)]
    if not len(here):
        return xy
    start, along = xy[:-1], np.diff(xy, axis=0)
    squared = np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
    at = np.empty(len(here), dtype=np.int64)
    part = np.empty(len(here))
    for i, point in enumerate(here):
        share = np.clip(((point - start) * along).sum(axis=1) / squared, 0.0, 1.0)
        off = ((start + share[:, None] * along - point) ** 2).sum(axis=1)
        at[i] = off.argmin()
        part[i] = share[at[i]]
    order = np.lexsort((part, at))
    return np.insert(xy, at[order] + 1, here[order], axis=0)


def _news(shape: BaseGeometry, other: BaseGeometry) -> Points:
    theirs: Points = np.unique(shapely.get_coordinates(other), axis=0)
    west, south, east, north = shape.bounds
    margin = SAME_DEG
    near = (
        (theirs[:, 0] >= west - margin)
        & (theirs[:, 0] <= east + margin)
        & (theirs[:, 1] >= south - margin)
        & (theirs[:, 1] <= north + margin)
    )
    theirs = theirs[near]
    own: Points = shapely.get_coordinates(shape)
    if not len(theirs):
        return theirs
    is_known = _is_in(theirs, own)
    theirs = theirs[~is_known]
    border = shapely.boundary(shape)
    shapely.prepare(border)
    on_it: Points = theirs[np.asarray(shapely.dwithin(border, shapely.points(theirs), SAME_DEG), dtype=bool)]
    return on_it


def _is_in(these: Points, those: Points) -> npt.NDArray[np.bool_]:
    """Tell which rows of `these` are rows of `those`, bit for bit."""

    def as_one(rows: Points) -> npt.NDArray[Any]:
        return np.ascontiguousarray(rows + 0.0).view([("x", np.float64), ("y", np.float64)]).reshape(-1)

    return np.isin(as_one(these), as_one(those))


def join(one: BaseGeometry, two: BaseGeometry) -> shapely.MultiPolygon:
    """Return the union of two shapes whose common border is the same to `SAME_DEG`: no hairs between them."""
    first = _with_vertices_of(one, two)
    second = _with_vertices_of(two, first)
    return without_specks(shapely.union(first, second))


def cut(shape: BaseGeometry, ground: BaseGeometry, srid: int, *, narrow_m: float) -> tuple[BaseGeometry, BaseGeometry]:
    """Cut ground out of a shape.

    What would be left of the shape as a strip narrower than `narrow_m` along the ground goes with it, cut off where it
    widens: the two borders were meant to be one.

    Returns
    -------
    kept, taken
        Multipolygons, EPSG:4326; either may be empty.
    """
    taken = without_specks(shapely.intersection(shape, ground))
    if taken.is_empty:
        return polygons(shape), taken
    before = {part.normalize().wkb for part in shapely.get_parts(shape)}
    kept: list[BaseGeometry] = []
    for part in shapely.get_parts(without_specks(shapely.difference(shape, ground))):
        if part.normalize().wkb in before:
            kept.append(part)
        elif is_narrow(part, srid, narrow_m):
            taken = join(taken, part)
        else:
            strips = _strips(part, taken, srid, narrow_m)
            if not strips.is_empty:
                taken = join(taken, polygons(shapely.intersection(part, strips)))
                part = without_specks(shapely.difference(part, strips))
            kept.append(part)
    return polygons(shapely.GeometryCollection(kept)), polygons(taken)


def _strips(part: BaseGeometry, ground: BaseGeometry, srid: int, narrow_m: float) -> BaseGeometry:
    """Return (EPSG:4326, `EDGE_M` wider than they are) the strips of a polygon that run along some ground."""
    # In another CRS, and widened to sharp corners, a valid outline may touch itself.
    whole, beside = shapely.make_valid(metric(part, srid)), metric(ground, srid)
    half = narrow_m / 2
    opened = shapely.make_valid(whole.buffer(-half, join_style="mitre").buffer(half + EDGE_M, join_style="mitre"))
    found = []
    for tail in shapely.get_parts(polygons(whole.difference(opened))):
        along = tail.buffer(2 * EDGE_M).intersection(beside.boundary).length
        if tail.area > LEAST_M2 and along > ALONG * tail.length:
            found.append(shapely.make_valid(tail.buffer(2 * EDGE_M, join_style="mitre")))
    strips: BaseGeometry = gpd.GeoSeries([shapely.union_all(found)], crs=srid).to_crs(4326).iloc[0]
    return shapely.make_valid(strips)


def wide_parts(shape: BaseGeometry, srid: int, narrow_m: float) -> shapely.MultiPolygon:
    """Return the parts of a shape that are wider than `narrow_m` somewhere and larger than `LEAST_M2`."""
    parts = [part for part in shapely.get_parts(polygons(shape)) if not is_narrow(part, srid, narrow_m)]
    return polygons(shapely.MultiPolygon(parts))


def is_narrow(part: BaseGeometry, srid: int, narrow_m: float) -> bool:
    """Whether a polygon (EPSG:4326) is nowhere wider than `narrow_m` metres, or no larger than `LEAST_M2`."""
    if area_m2([part], srid)[0] <= LEAST_M2:
        return True
    return narrow_m > 0 and metric(part, srid).buffer(-narrow_m / 2, quad_segs=2).is_empty


def common_border_m(one: BaseGeometry, two: BaseGeometry, srid: int) -> float:
    """Return the length of the border that two shapes share, metres."""
    shared = shapely.intersection(shapely.boundary(one), shapely.boundary(two))
    lines = [part for part in shapely.get_parts(shared) if part.geom_type == "LineString" and not part.is_empty]
    return float(metric(shapely.MultiLineString(lines), srid).length) if lines else 0.0


def _without_spikes(xy: Points) -> Points:
    """Return the positions of a ring without those from which it runs back on itself, to `SAME_DEG`."""
    while len(xy) > 4:
        here, before, after = xy[:-1], np.roll(xy[:-1], 1, axis=0), np.roll(xy[:-1], -1, axis=0)
        back, on = before - here, after - here
        lengths = np.hypot(*back.T), np.hypot(*on.T)
        is_back = (back * on).sum(axis=1) > 0
        # How far the end of the shorter side is off the longer one.
        off = np.abs(back[:, 0] * on[:, 1] - back[:, 1] * on[:, 0]) / np.maximum(*lengths)
        spikes = np.flatnonzero(is_back & (off <= SAME_DEG))
        if not len(spikes):
            return xy
        kept = np.delete(here, spikes[0], axis=0)
        xy = np.vstack([kept, kept[:1]])
    return xy


def without_specks(shape: BaseGeometry) -> shapely.MultiPolygon:
    """Return the polygons of a shape without parts and holes smaller than a speck.

    Measured in degrees: a hair a kilometre long has square metres in another CRS, where its two sides bend apart.
    """
    least = SPECK_M2 * DEG2_OF_M2
    parts = []
    for part in shapely.get_parts(polygons(shape)):
        if part.area <= least:
            continue
        holes = [ring for ring in part.interiors if shapely.Polygon(ring).area > least]
        outline = _without_spikes(shapely.get_coordinates(part.exterior))
        clean = shapely.Polygon(outline, [_without_spikes(shapely.get_coordinates(ring)) for ring in holes])
        if not clean.is_valid:
            clean = shapely.Polygon(part.exterior, holes)
        parts.append(clean)
    return polygons(shapely.MultiPolygon(parts))
