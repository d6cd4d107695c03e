from __future__ import annotations

import numpy as np
from pyproj import Geod

from routing_engine.network.estimate import great_circle_m, straight_line


def test_distance_is_that_of_the_ellipsoid():
    points = np.array([(122.5, -3.99), (106.8, -6.2)])
    stations = np.array([(122.51, -3.97), (122.6, -4.0), (122.5, -3.99)])
    metres = great_circle_m(points, stations)
    geod = Geod(ellps="WGS84")
    expected = [[geod.inv(*p, *s)[2] for s in stations] for p in points]
    assert np.allclose(metres, expected, rtol=0, atol=1e-6)
    assert metres[0, 2] == 0


def test_unusable_positions_have_no_distance():
    metres = great_circle_m([(np.nan, 0), (122.5, -95), (0, 0)], [(0, 0), (np.inf, 0)])
    assert np.isnan(metres[:2]).all()
    assert metres[2, 0] == 0
    assert np.isnan(metres[2, 1])


def test_estimate_adds_detour_speed_and_the_fixed_part():
    seconds, metres = straight_line(np.array([[0.0, 1000.0, np.nan]]), detour=1.4, speed_kph=36.0, fixed_s=20.0)
    assert np.allclose(metres, [[0, 1400, np.nan]], equal_nan=True)
    assert np.allclose(seconds, [[20, 160, np.nan]], equal_nan=True)
