"""Density: exact to the sum of kernels, adds up, in metres whatever the CRS of the input."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import Polygon, box
from shapely.geometry import MultiPolygon

from gis.analysis import default_bandwidth_m, kernel_density
from gis.errors import CRSError, DataError

SRID = 32751
# A piece of coast about 8 × 6 km with a bay cut in, in Kendari's metric CRS.
COAST = Polygon(
    [(440_000, 9_552_000), (448_000, 9_552_000), (448_000, 9_558_000), (445_000, 9_558_000), (444_500, 9_555_000),
     (443_500, 9_555_000), (443_000, 9_558_000), (440_000, 9_558_000)]
)  # fmt: skip


def series(*geometries: object) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(geometries), crs=SRID)


def points(xy: np.ndarray) -> gpd.GeoSeries:
    return gpd.GeoSeries.from_xy(xy[:, 0], xy[:, 1], crs=SRID)


def clustered(n: int, seed: int = 7) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.uniform((440_300, 9_552_300), (447_700, 9_557_700), (12, 2))
    return centres[rng.integers(12, size=n)] + rng.normal(0, 350, (n, 2))


def exact_sum(xy: np.ndarray, weights: np.ndarray, result) -> np.ndarray:
    """The oracle: every kernel summed at every cell centre, nothing binned or cut; per km²."""
    x, y = result.grid.centres_m()
    h = result.bandwidth_m
    along_x = np.exp(-0.5 * ((x[:, None] - xy[:, 0]) / h) ** 2)
    along_y = np.exp(-0.5 * ((y[:, None] - xy[:, 1]) / h) ** 2)
    return (along_y * weights) @ along_x.T / (2 * np.pi * h**2) * 1e6


@pytest.mark.parametrize("bandwidth_m", [100.0, 250.0, 800.0])
def test_equals_the_exact_sum_of_kernels(bandwidth_m):
    xy = clustered(400)
    area = COAST.envelope.buffer(5000)  # holds all points, so nothing is left out
    result = kernel_density(points(xy), series(area), metric_srid=SRID, bandwidth_m=bandwidth_m, edge_correction=False)
    exact = exact_sum(xy, np.ones(len(xy)), result)
    inside = ~np.isnan(result.values)
    error = np.abs(result.values - exact)[inside].max() / exact.max()
    assert result.n == 400
    assert error < 0.005


def test_coarsest_cells_stay_within_one_percent_of_the_peak():
    xy = clustered(400)
    result = kernel_density(
        points(xy),
        series(COAST.envelope.buffer(3000)),
        metric_srid=SRID,
        bandwidth_m=200,
        cell_m=50,
        edge_correction=False,
    )
    exact = exact_sum(xy, np.ones(len(xy)), result)
    inside = ~np.isnan(result.values)
    assert np.abs(result.values - exact)[inside].max() / exact.max() < 0.01


def test_mass_is_the_number_of_incidents_on_a_ragged_coast():
    xy = clustered(3000)
    result = kernel_density(points(xy), series(COAST), metric_srid=SRID)
    assert result.n + result.n_outside == 3000
    assert result.n_outside > 0
    assert result.mass == pytest.approx(result.n, rel=1e-9)


def test_without_edge_correction_mass_is_lost_to_the_sea():
    xy = clustered(3000)
    plain = kernel_density(points(xy), series(COAST), metric_srid=SRID, bandwidth_m=300, edge_correction=False)
    kept = kernel_density(points(xy), series(COAST), metric_srid=SRID, bandwidth_m=300)
    assert plain.mass < 0.99 * plain.n
    assert kept.mass == pytest.approx(kept.n, rel=1e-9)


def test_even_incidents_have_even_density_up_to_the_shore():
    x, y = np.meshgrid(np.arange(440_020, 448_000, 40.0), np.arange(9_552_020, 9_558_000, 40.0))
    xy = np.stack([x.ravel(), y.ravel()], axis=1)
    result = kernel_density(points(xy), series(COAST), metric_srid=SRID, bandwidth_m=200)
    inside = result.values[~np.isnan(result.values)]
    assert np.median(inside) == pytest.approx(625, rel=0.02)  # one per 1,600 m²
    plain = kernel_density(points(xy), series(COAST), metric_srid=SRID, bandwidth_m=200, edge_correction=False)
    # At a corner three quarters of a kernel lie outside; on the whole shore the correction brings most of it back.
    row, column = np.argwhere(~np.isnan(result.values))[0]
    assert plain.values[row, column] < 0.3 * 625
    assert result.values[row, column] > 0.5 * 625
    near = ~np.isnan(plain.values) & (plain.values < 0.8 * 625)
    assert np.abs(result.values[near] - 625).mean() < 0.5 * np.abs(plain.values[near] - 625).mean()


def test_degrees_and_metres_give_the_same_density():
    xy = clustered(500)
    metres = kernel_density(points(xy), series(COAST), metric_srid=SRID)
    degrees = kernel_density(points(xy).to_crs(4326), series(COAST).to_crs(4326), metric_srid=SRID)
    assert degrees.grid == metres.grid
    np.testing.assert_allclose(degrees.values, metres.values, atol=1e-4)


def test_row_order_changes_nothing_visible():
    xy = clustered(500)
    one = kernel_density(points(xy), series(COAST), metric_srid=SRID)
    other = kernel_density(points(xy[::-1]), series(COAST), metric_srid=SRID)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9)


def test_overlapping_study_areas_count_once():
    half = box(440_000, 9_552_000, 445_000, 9_558_000)
    result = kernel_density(points(clustered(300)), series(COAST, half.intersection(COAST)), metric_srid=SRID)
    assert result.area_km2 == pytest.approx(COAST.area / 1e6)


def test_with_a_period_values_are_per_year():
    xy = clustered(800)
    until = datetime(2026, 1, 1, tzinfo=UTC)
    total = kernel_density(points(xy), series(COAST), metric_srid=SRID, bandwidth_m=200)
    yearly = kernel_density(
        points(xy), series(COAST), metric_srid=SRID, bandwidth_m=200, since=until - timedelta(days=730.5), until=until
    )
    assert (total.unit, yearly.unit) == ("incidents/km²", "incidents/km²/year")
    np.testing.assert_allclose(yearly.values, total.values / 2)
    assert yearly.mass == pytest.approx(total.n / 2)


@pytest.mark.parametrize(
    ("area_km2", "n", "expected"),
    [(269, 200, 290), (269, 1000, 130), (269, 20_000, 100), (269, 0, 800), (635, 1000, 199)],
)
def test_default_bandwidth(area_km2, n, expected):
    assert default_bandwidth_m(area_km2 * 1e6, n) == pytest.approx(expected, abs=0.5)


def test_default_bandwidth_is_used_and_said():
    result = kernel_density(points(clustered(500)), series(COAST), metric_srid=SRID)
    assert result.bandwidth_m == default_bandwidth_m(COAST.area, result.n)
    assert (result.kernel, result.bandwidth_rule) == ("gaussian", "default")
    given = kernel_density(points(clustered(500)), series(COAST), metric_srid=SRID, bandwidth_m=400)
    assert (given.bandwidth_m, given.bandwidth_rule) == (400, "given")


def test_no_incidents_is_a_flat_zero_not_an_error():
    result = kernel_density(points(np.empty((0, 2))), series(COAST), metric_srid=SRID)
    assert (result.n, result.peak, result.mass) == (0, 0.0, 0.0)


def test_stacked_incidents_are_told_apart_from_spread_ones():
    xy = np.repeat([[441_000.0, 9_553_000.0], [442_000.0, 9_554_000.0]], 20, axis=0)
    result = kernel_density(points(xy), series(COAST), metric_srid=SRID)
    assert (result.n, result.n_places) == (40, 2)


def test_mask_equals_a_test_of_every_centre():
    islands = MultiPolygon([COAST, box(449_000, 9_552_000, 449_700, 9_552_400)])
    grid = kernel_density(points(clustered(50)), series(islands), metric_srid=SRID, bandwidth_m=320).grid
    x, y = np.meshgrid(*grid.centres_m())
    np.testing.assert_array_equal(grid.mask(islands), shapely.intersects_xy(islands, x, y))


def test_missing_crs_is_refused():
    bare = gpd.GeoSeries(points(clustered(5)).to_numpy())
    with pytest.raises(CRSError, match="no CRS"):
        kernel_density(bare, series(COAST), metric_srid=SRID)


def test_degrees_as_metric_crs_are_refused():
    with pytest.raises(CRSError, match="not a projected CRS in metres"):
        kernel_density(points(clustered(5)), series(COAST), metric_srid=4326)


@pytest.mark.parametrize("bandwidth_m", [0, -100, float("nan"), float("inf")])
def test_impossible_bandwidth_is_refused(bandwidth_m):
    with pytest.raises(DataError, match="bandwidth"):
        kernel_density(points(clustered(5)), series(COAST), metric_srid=SRID, bandwidth_m=bandwidth_m)


def test_too_fine_a_grid_is_refused_before_memory_is_taken():
    with pytest.raises(DataError, match="too large"):
        kernel_density(points(clustered(5)), series(COAST), metric_srid=SRID, bandwidth_m=100, cell_m=0.1)


def test_empty_period_is_refused():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(DataError, match="period"):
        kernel_density(points(clustered(5)), series(COAST), metric_srid=SRID, since=now, until=now)
