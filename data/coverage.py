"""Polygons that should meet without overlap or gap: what they share, and the holes between them (metric CRS)."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

# Below this two polygons touch rather than overlap: rounding of coordinates, not a quarrel between agencies.
TOLERANCE_M2 = 1.0

Shapes = npt.NDArray[Any]


def overlaps(one: Shapes, two: Shapes | None = None) -> list[tuple[int, int, shapely.Geometry]]:
    """Return the pairs of polygons that share more than `TOLERANCE_M2`.

    Parameters
    ----------
    one, two
        Valid polygons in metres, ``(n,)`` and ``(m,)``; without `two`, the pairs within `one`.

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
    order = np.lexsort((second, first))
    return [(int(first[at]), int(second[at]), pieces[at]) for at in order if shapely.area(pieces[at]) > TOLERANCE_M2]


def gaps(shapes: Shapes) -> list[shapely.Polygon]:
    """Return the holes of more than `TOLERANCE_M2` in the union of polygons (metres)."""
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(shapely.union_all(shapes)) for ring in part.interiors]
    return [hole for hole in holes if hole.area > TOLERANCE_M2]


def inner_lonlat(shape_m: shapely.Geometry, srid: int) -> tuple[float, float]:
    """Return a point inside a shape of the metric CRS `srid` as (lon, lat), 5 decimals."""
    point = gpd.GeoSeries([shape_m.representative_point()], crs=srid).to_crs(4326).iloc[0]
    return round(point.x, 5), round(point.y, 5)
