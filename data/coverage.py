"""Polygons that should meet without overlap or gap: what they share, and the holes between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

# Below this two polygons touch rather than overlap: rounding of coordinates, not a quarrel between agencies.
TOLERANCE_M2 = 1.0

Shapes = npt.NDArray[Any]


def area_m2(shapes: Shapes, srid: int) -> npt.NDArray[np.float64]:
    """Return the areas of shapes given in EPSG:4326, measured in the metric CRS `srid`."""
    return gpd.GeoSeries(shapes, crs=4326).to_crs(srid).area.to_numpy()


def overlaps(
    one: Shapes,
    two: Shapes | None = None,
    *,
    measure: Callable[[Shapes], Any] = shapely.area,
    least_m2: float = TOLERANCE_M2,
) -> list[tuple[int, int, shapely.Geometry]]:
    """Return the pairs of polygons that share more than `least_m2`.

    Parameters
    ----------
    one, two
        Valid polygons, ``(n,)`` and ``(m,)``; without `two`, the pairs within `one`.
    measure
        Areas in square metres; the default is for polygons in metres. Polygons in degrees are best compared there: a
        vertex on a straight border of the neighbour is on it in degrees, and some centimetres beside it in metres.

    Returns
    -------
    list
        Position in `one`, position in `two` (greater than the first, within one set), and what they share; in order.
    """
    other = one if two is None else two
    if not len(one) or not len(other):
        return []
    first, second = shapely.STRtree(other).query(one, predicate="intersects")
    if two is None:
        keep = first < second
        first, second = first[keep], second[keep]
    pieces = shapely.intersection(one[first], other[second])
    is_large = measure(pieces) > least_m2
    return [(int(first[at]), int(second[at]), pieces[at]) for at in np.lexsort((second, first)) if is_large[at]]


def gaps(
    shapes: Shapes, *, measure: Callable[[Shapes], Any] = shapely.area, least_m2: float = TOLERANCE_M2
) -> list[shapely.Polygon]:
    """Return the holes of at least `least_m2` in the union of polygons; `measure` as for `overlaps`."""
    parts = shapely.get_parts(shapely.union_all(shapes))
    holes = np.array([shapely.Polygon(ring) for part in parts for ring in part.interiors], dtype=object)
    return list(holes[measure(holes) >= least_m2]) if len(holes) else []


def inner_lonlat(shape_m: shapely.Geometry, srid: int) -> tuple[float, float]:
    """Return a point inside a shape of the metric CRS `srid` as (lon, lat), 5 decimals."""
    point = gpd.GeoSeries([shape_m.representative_point()], crs=srid).to_crs(4326).iloc[0]
    return round(point.x, 5), round(point.y, 5)
