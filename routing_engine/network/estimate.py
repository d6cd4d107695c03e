"""Travel time without roads: great-circle distance, a detour factor and one speed. Always labelled `straight_line`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from routing_engine.network.projection import Floats

# Road metres per straight metre. Assumed: the middle of what city networks show. Round a bay it is far more, so the
# estimate is for order and scale, not for planning.
DETOUR = 1.4
# A mixed urban speed; without a road nothing better is known.
SPEED_KPH = 30.0
# Leaving the yard and finding the address. Assumed; real runs replace it where roads and records exist.
FIXED_S = 30.0

_WGS84 = Geod(ellps="WGS84")


def great_circle_m(points: npt.ArrayLike, stations: npt.ArrayLike) -> Floats:
    """Return the shortest distance on the WGS 84 ellipsoid between every point and station.

    Parameters
    ----------
    points, stations
        ``(n_points, 2)`` and ``(n_stations, 2)``, EPSG:4326 degrees.

    Returns
    -------
    array
        Metres ``(n_points, n_stations)``; NaN where a position is not on Earth.
    """
    start = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    end = np.asarray(stations, dtype=np.float64).reshape(-1, 2)
    shape = (len(start), len(end))
    pairs = np.empty((*shape, 4))
    pairs[:, :, :2], pairs[:, :, 2:] = start[:, None, :], end[None, :, :]
    usable = (np.abs(pairs) <= (180.0, 90.0, 180.0, 90.0)).all(axis=2)
    metres = np.full(shape, np.nan)
    good = pairs[usable]
    _, _, metres[usable] = _WGS84.inv(good[:, 0], good[:, 1], good[:, 2], good[:, 3])
    return metres


def straight_line(
    metres: Floats, *, detour: float = DETOUR, speed_kph: float = SPEED_KPH, fixed_s: float = FIXED_S
) -> tuple[Floats, Floats]:
    """Estimate the drive from the straight distance.

    Parameters
    ----------
    metres
        Straight distances, any shape; see `great_circle_m`.
    detour
        Road metres per straight metre.
    speed_kph
        Mean speed over those road metres.
    fixed_s
        Seconds of every drive, however short.

    Returns
    -------
    tuple
        Seconds and estimated road metres, shaped as `metres`.
    """
    distance_m = metres * detour
    return fixed_s + distance_m * 3.6 / speed_kph, distance_m
