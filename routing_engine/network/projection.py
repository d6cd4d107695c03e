"""Degrees to metres and back for arrays, with one transformer per metric SRID."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from gis.threads import in_parts
from routing_engine.network.compiled import kernels

Floats = npt.NDArray[np.float64]

# Fewer are not worth a second thread.
POINTS_AT_ONCE = 5_000
# WGS 84 and the scale, false easting and northing of every UTM zone.
_AXIS_M = 6378137.0
_FLATTENING = 1.0 / 298.257223563
_SCALE, _EASTING_M, _NORTHING_SOUTH_M = 0.9996, 500_000.0, 10_000_000.0


@cache
def _transformer(metric_srid: int, is_inverse: bool) -> Transformer:
    # Making one costs some milliseconds; pyproj keeps a context per thread inside it, so sharing is safe.
    source, target = (metric_srid, 4326) if is_inverse else (4326, metric_srid)
    return Transformer.from_crs(source, target, always_xy=True)


@cache
def utm_terms(metric_srid: int) -> Floats:
    """Return what `kernels.placing.project` needs for a UTM zone on WGS 84; empty for any other SRID.

    The terms of the series are those of Karney (2011), "Transverse Mercator with an accuracy of a few nanometers",
    equation 35.
    """
    zone = metric_srid % 100
    if metric_srid // 100 not in (326, 327) or not 1 <= zone <= 60:
        return np.empty(0)
    n = _FLATTENING / (2.0 - _FLATTENING)
    radius = _AXIS_M / (1.0 + n) * (1.0 + n**2 / 4 + n**4 / 64 + n**6 / 256)
    terms = [
        n / 2 - 2 * n**2 / 3 + 5 * n**3 / 16 + 41 * n**4 / 180 - 127 * n**5 / 288 + 7891 * n**6 / 37800,
        13 * n**2 / 48 - 3 * n**3 / 5 + 557 * n**4 / 1440 + 281 * n**5 / 630 - 1983433 * n**6 / 1935360,
        61 * n**3 / 240 - 103 * n**4 / 140 + 15061 * n**5 / 26880 + 167603 * n**6 / 181440,
        49561 * n**4 / 161280 - 179 * n**5 / 168 + 6601661 * n**6 / 7257600,
        34729 * n**5 / 80640 - 3418889 * n**6 / 1995840,
        212378941 * n**6 / 319334400,
    ]
    eccentricity = math.sqrt(_FLATTENING * (2.0 - _FLATTENING))
    northing = _NORTHING_SOUTH_M if metric_srid // 100 == 327 else 0.0
    return np.array(
        [math.radians(6 * zone - 183), eccentricity, _SCALE * radius, _EASTING_M, northing, *terms], dtype=np.float64
    )


def to_metric(lonlat: Floats, metric_srid: int) -> Floats:
    """Project `lonlat` ``(n, 2)``, EPSG:4326 degrees, to metres in `metric_srid`; infinite where it has no image."""
    terms = utm_terms(metric_srid)
    if len(terms):
        out = np.empty((len(lonlat), 2))
        places, project_all = np.ascontiguousarray(lonlat, dtype=np.float64), kernels().placing.project_all
        in_parts(lambda first, last: project_all(places, terms, first, last, out), len(places), least=POINTS_AT_ONCE)
        return out
    x, y = _transformer(metric_srid, False).transform(lonlat[:, 0], lonlat[:, 1])
    xy_m = np.column_stack([x, y])
    xy_m[~(np.abs(lonlat) <= (180.0, 90.0)).all(axis=1)] = np.inf
    return xy_m


def to_lonlat(xy_m: Floats, metric_srid: int) -> Floats:
    """Return metres ``(n, 2)`` in `metric_srid` as EPSG:4326 degrees."""
    lon, lat = _transformer(metric_srid, True).transform(xy_m[:, 0], xy_m[:, 1])
    return np.column_stack([lon, lat])
