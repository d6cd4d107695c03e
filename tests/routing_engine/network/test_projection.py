from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from routing_engine.network.projection import to_lonlat, to_metric


@pytest.mark.parametrize("srid", [32633, 32651, 32751, 32601, 32760])
def test_utm_zones_agree_with_proj(srid):
    rng = np.random.default_rng(srid)
    middle = 6 * (srid % 100) - 183
    lonlat = np.column_stack([middle + rng.uniform(-25, 25, 5000), rng.uniform(-84, 84, 5000)])
    lonlat[:, 0] = (lonlat[:, 0] + 180.0) % 360.0 - 180.0
    x, y = Transformer.from_crs(4326, srid, always_xy=True).transform(*lonlat.T)
    found = to_metric(lonlat, srid)
    assert np.abs(found - np.column_stack([x, y])).max() < 1e-6
    assert np.abs(to_lonlat(found, srid) - lonlat).max() < 1e-9


@pytest.mark.parametrize("srid", [32751, 23837])
def test_what_is_not_on_earth_or_far_away_has_no_image_nearby(srid):
    bad = [(np.nan, 0), (0, np.nan), (500, 0), (122.5 + 360, -4), (122.5, -91), (np.inf, 0), (-58, 4)]
    found = to_metric(np.array(bad, dtype=float), srid)
    assert not np.isfinite(found[:-1]).all(axis=1).any()
    assert not (np.abs(found[-1]) < 5e6).all()


def test_other_metric_systems_are_left_to_proj():
    lonlat = np.array([(116.0, -2.0), (117.1, 0.5)])
    x, y = Transformer.from_crs(4326, 23837, always_xy=True).transform(*lonlat.T)
    assert np.allclose(to_metric(lonlat, 23837), np.column_stack([x, y]), rtol=0, atol=1e-9)


def test_a_batch_in_threads_equals_one_by_one(monkeypatch):
    monkeypatch.setattr("routing_engine.network.projection.POINTS_AT_ONCE", 10)
    lonlat = np.random.default_rng(2).uniform((121, -6), (124, -2), (500, 2))
    singles = np.vstack([to_metric(one[None], 32751) for one in lonlat])
    assert np.array_equal(to_metric(lonlat, 32751), singles)
