"""Degrees to metres and back for arrays, with one transformer per metric SRID."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

Floats = npt.NDArray[np.float64]


@cache
def _transformer(metric_srid: int, is_inverse: bool) -> Transformer:
    # Making one costs some milliseconds; pyproj keeps a context per thread inside it, so sharing is safe.
    source, target = (metric_srid, 4326) if is_inverse else (4326, metric_srid)
    return Transformer.from_crs(source, target, always_xy=True)


def to_metric(lonlat: Floats, metric_srid: int) -> Floats:
    """Project `lonlat` ``(n, 2)``, EPSG:4326 degrees, to metres in `metric_srid`; infinite where it has no image."""
    x, y = _transformer(metric_srid, False).transform(lonlat[:, 0], lonlat[:, 1])
    return np.column_stack([x, y])


def to_lonlat(xy_m: Floats, metric_srid: int) -> Floats:
    """Return metres ``(n, 2)`` in `metric_srid` as EPSG:4326 degrees."""
    lon, lat = _transformer(metric_srid, True).transform(xy_m[:, 0], xy_m[:, 1])
    return np.column_stack([lon, lat])
