"""Distances to borders against Shapely's."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from tests.zones.layers import draw_points, read_layer
from zones.borders import build_borders, to_metric


@pytest.mark.parametrize("n_corners", [3, 8, 9, 65, 4_097])
def test_distances_equal_shapelys_for_any_number_of_segments(n_corners):
    rng = np.random.default_rng(n_corners)
    turn = np.sort(rng.uniform(0, 2 * np.pi, n_corners))
    ring = np.column_stack([122.5 + 0.01 * np.cos(turn), -4 + 0.01 * np.sin(turn)])
    polygons = np.array([shapely.Polygon(ring), None, shapely.box(122.4, -4.1, 122.45, -4.05)])
    borders = build_borders(polygons, 32751)
    xy = to_metric(np.vstack([rng.uniform((122.3, -4.2), (122.7, -3.8), (500, 2)), ring]), 32751)
    for number in (0, 2):
        metric = shapely.transform(polygons[number].boundary, lambda lonlat: to_metric(lonlat, 32751))
        expected = shapely.distance(metric, shapely.points(xy))
        assert borders.distance(xy, np.full(len(xy), number)) == pytest.approx(expected, rel=1e-12, abs=1e-7)
    assert np.isnan(borders.distance(xy, np.full(len(xy), 1))).all()
    assert np.isnan(borders.distance(xy, np.full(len(xy), -1))).all()


def test_positions_that_are_not_finite_have_no_distance():
    borders = build_borders(np.array([shapely.box(122.4, -4.1, 122.45, -4.05)]), 32751)
    xy = np.array([[np.inf, 0.0], [0.0, np.nan], [5e5, 9.5e6]])
    assert np.isnan(borders.distance(xy, np.zeros(3, int))).tolist() == [True, True, False]


def test_no_polygons_have_no_borders():
    borders = build_borders(np.empty(0, dtype=object), 32751)
    assert borders.distance(np.empty((0, 2)), np.empty(0, int)).tolist() == []


def test_distances_on_a_real_layer_equal_shapelys(geodata):
    layer = read_layer(geodata, "kendari_kelurahan")
    polygons = layer.geometry.to_numpy()
    xy = to_metric(draw_points(layer, 20_000, 3), 32751)
    number = np.random.default_rng(3).integers(0, len(polygons), len(xy))
    metric = np.array([shapely.transform(p.boundary, lambda lonlat: to_metric(lonlat, 32751)) for p in polygons])
    expected = shapely.distance(metric[number], shapely.points(xy))
    assert build_borders(polygons, 32751).distance(xy, number) == pytest.approx(expected, rel=1e-12, abs=1e-7)
