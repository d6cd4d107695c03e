"""Invalid rings made valid, and what that means in square metres."""

from __future__ import annotations

import numpy as np
import shapely

from data.coverage import area_m2
from data.coverage_checks import square_metres
from data.vector_files import MAX_VERTICES

# The second reading of crossing rings is only for the sentence; a scribble would take minutes.
MAX_VERTICES_READ_TWICE = 5_000


def mend(shape: shapely.Geometry) -> shapely.MultiPolygon | shapely.Polygon | None:
    """Return an invalid polygon as a valid one: rings are made simple, shells joined, holes taken out.

    Method `structure` of `shapely.make_valid`: ground inside any shell belongs to the polygon. (The other method,
    `linework`, makes a hole of what two shells share.) `None` if no ground is left, the polygon has more vertices than
    may be stored, or its crossings are without number.
    """
    if shapely.get_num_coordinates(shape) > MAX_VERTICES:
        return None
    try:
        made = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    except (shapely.GEOSException, MemoryError):  # a scribble takes all the memory its process may have
        return None
    parts = [
        part for part in shapely.get_parts(shapely.get_parts(made)) if part.geom_type == "Polygon" and part.area > 0
    ]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def describe_mending(shape: shapely.Geometry, mended: shapely.Geometry | None, srid: int) -> str:
    """Return what `mend` made of a polygon, as a sentence; with the other reading where the two differ.

    Parameters
    ----------
    shape, mended
        EPSG:4326.
    """
    if mended is None:
        return ""
    n_parts = shapely.get_num_geometries(mended)
    (size,) = area_m2(np.array([mended], dtype=object), srid)
    said = f"its rings made simple and joined: {n_parts} part{'' if n_parts == 1 else 's'}, {square_metres(size)}"
    if shapely.get_num_coordinates(shape) > MAX_VERTICES_READ_TWICE:
        return said
    other = shapely.make_valid(shape, method="linework")
    (differing,) = area_m2(
        np.array([shapely.symmetric_difference(mended, shapely.make_valid(other))], dtype=object), srid
    )
    if differing > 1:
        said += f"; read as rings that cut each other out, {square_metres(differing)} would be otherwise: look there"
    return said
