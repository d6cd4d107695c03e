"""Coverage health on layers drawn by hand, judged by plain Shapely."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from zones.coverage_health import NEAR_M, PIECE_M, Ground, contested_borders, coverage_health
from zones.layers import Area, polygons

SRID = 32751
TO_M = Transformer.from_crs(4326, SRID, always_xy=True)
TO_DEG = Transformer.from_crs(SRID, 4326, always_xy=True)
# The south-west corner of the drawings, in metres.
X, Y = 445_000.0, 9_557_000.0
NONE = pd.DataFrame({"lon": [], "lat": [], "accuracy_m": []}, dtype=float)


def degrees(shape):
    return shapely.transform(shape, lambda xy: np.column_stack(TO_DEG.transform(*xy.T)))


def box(west, south, east, north):
    """A rectangle of metres from the corner, in degrees."""
    return shapely.MultiPolygon([degrees(shapely.box(X + west, Y + south, X + east, Y + north))])


def layer(**shapes):
    """Jurisdictions of the police by code; (shape, priority) or a shape."""
    found = {}
    for code, given in shapes.items():
        shape, priority = given if isinstance(given, tuple) else (given, 100)
        area = Area(agency="POL", code=code, name=f"Polsek {code}", priority=priority, shape=shape)
        found[area.key] = area
    return dict(sorted(found.items()))


def at(*places, accuracy_m=0.0):
    """Incidents at metres from the corner."""
    lonlat = np.array([TO_DEG.transform(X + x, Y + y) for x, y in places]).reshape(-1, 2)
    return pd.DataFrame({"lon": lonlat[:, 0], "lat": lonlat[:, 1], "accuracy_m": accuracy_m})


WHOLE = Ground(
    shape=box(0, 0, 2000, 1000), names=("Barat", "Timur"), areas=(box(0, 0, 1000, 1000), box(1000, 0, 2000, 1000))
)


def test_a_sound_layer_has_nothing_to_say():
    found = coverage_health(layer(A=box(0, 0, 1000, 1000), B=box(1000, 0, 2000, 1000)), WHOLE, NONE, srid=SRID)
    assert found.covered_share == pytest.approx(1.0, abs=1e-9)
    assert found.area_m2 == pytest.approx(2_000_000, rel=1e-4)
    assert (len(found.gaps), len(found.overlaps), len(found.contested)) == (0, 0, 0)
    assert found.gaps.crs.to_epsg() == found.overlaps.crs.to_epsg() == found.contested.crs.to_epsg() == 4326


def test_gaps_are_named_measured_and_told_from_slivers():
    sound = layer(A=box(0, 0, 990, 1000), B=box(1000, 0, 2000, 700))
    found = coverage_health(sound, WHOLE, NONE, srid=SRID)
    one = shapely.union_all([area.shape for area in sound.values()])
    expected = gpd.GeoSeries([shapely.difference(WHOLE.shape, one)], crs=4326).to_crs(SRID).area.iloc[0]
    assert found.gaps["area_m2"].sum() == pytest.approx(expected, abs=1)
    # A straight edge in degrees is none in metres: some square metres over two kilometres.
    assert found.area_m2 - found.covered_m2 == pytest.approx(expected, abs=10)
    # The strip and the field touch: one gap, as wide as the field.
    assert len(found.gaps) == 1
    assert found.gaps["width_m"].iloc[0] == pytest.approx(300, rel=0.02)
    assert not found.gaps["is_sliver"].iloc[0]
    assert found.gaps["areas"].iloc[0] == ["Timur", "Barat"]

    strip = coverage_health(layer(A=box(0, 0, 990, 1000), B=box(1000, 0, 2000, 1000)), WHOLE, NONE, srid=SRID).gaps
    assert strip["is_sliver"].tolist() == [True]
    assert strip["width_m"].iloc[0] == pytest.approx(10, rel=0.02)
    assert strip["area_m2"].iloc[0] == pytest.approx(10_000, rel=0.001)


def test_overlaps_are_of_one_priority_only():
    shapes = {"A": box(0, 0, 1100, 1000), "B": box(1000, 0, 2000, 1000)}
    found = coverage_health(layer(**shapes), WHOLE, NONE, srid=SRID).overlaps
    assert found[["one", "two"]].to_numpy().tolist() == [["POL/A", "POL/B"]]
    assert found["area_m2"].iloc[0] == pytest.approx(100_000, rel=0.001)
    assert not found["is_sliver"].iloc[0]
    above = layer(A=(shapes["A"], 50), B=shapes["B"])
    assert coverage_health(above, WHOLE, NONE, srid=SRID).overlaps.empty


def test_city_wide_jurisdictions_hold_no_ground_here():
    city = Area(agency="POL", code="Z", name="Polresta", priority=100, shape=WHOLE.shape, is_citywide=True)
    found = coverage_health({**layer(A=box(0, 0, 1000, 1000)), city.key: city}, WHOLE, NONE, srid=SRID)
    assert found.covered_share == pytest.approx(0.5, abs=1e-5)
    assert found.overlaps.empty


def test_an_incident_is_counted_once_at_the_nearest_piece_of_border():
    both = layer(A=box(0, 0, 1000, 1000), B=box(1000, 0, 2000, 1000))
    incidents = pd.concat(
        [
            at((970, 100), (1049, 120), (1000, 130)),  # near whatever their accuracy
            at((900, 900), accuracy_m=101),  # within its own accuracy
            at((900, 600), (1051, 600), accuracy_m=20),  # not
            at((10, 10), accuracy_m=50),  # at the layer's outer border, which nobody shares
        ],
        ignore_index=True,
    )
    found = contested_borders(both, incidents, srid=SRID)
    assert found["n_incidents"].tolist() == [3, 1]
    assert found["length_m"].tolist() == pytest.approx([200, 200], abs=1)
    assert (found["length_m"] <= PIECE_M).all()
    assert found["n_per_km"].tolist() == pytest.approx([15.0, 5.0], abs=0.1)
    assert set(zip(found["one"], found["two"], strict=True)) == {("POL/A", "POL/B")}
    south = gpd.GeoSeries(found.geometry, crs=4326).to_crs(SRID).iloc[0]
    assert south.bounds == pytest.approx((X + 1000, Y, X + 1000, Y + 200), abs=2)


def test_the_border_of_what_two_hold_is_where_the_answer_changes():
    both = layer(A=(box(0, 0, 1200, 1000), 50), B=box(1000, 0, 2000, 1000))
    inside = contested_borders(both, at((1010, 500)), srid=SRID)
    edge = contested_borders(both, at((1190, 500)), srid=SRID)
    assert inside.empty
    assert edge["n_incidents"].tolist() == [1]


def test_counts_equal_a_plain_search_on_random_layers():
    rng = np.random.default_rng(11)
    for _ in range(3):
        xs, ys = np.sort(rng.uniform(200, 1800, 2)), rng.uniform(300, 700)
        cells = {
            f"{i}{j}": box(west, south, east, north)
            for i, (west, east) in enumerate(zip([0, *xs], [*xs, 2000], strict=True))
            for j, (south, north) in enumerate(((0, ys), (ys, 1000)))
        }
        incidents = at(*rng.uniform((0, 0), (2000, 1000), (300, 2)))
        incidents["accuracy_m"] = rng.uniform(0, 150, 300)
        found = contested_borders(layer(**cells), incidents, srid=SRID)
        # A wall between two cells of the drawing, and every incident that comes near enough to any.
        walls = [shapely.LineString([(X + x, Y), (X + x, Y + 1000)]) for x in xs]
        walls.append(shapely.LineString([(X, Y + ys), (X + 2000, Y + ys)]))
        points = shapely.points(*TO_M.transform(incidents["lon"], incidents["lat"]))
        distance = np.min([shapely.distance(points, wall) for wall in walls], axis=0)
        # A corner where four meet has no piece of its own: millimetres of straight lines in degrees matter there.
        reach = np.maximum(incidents["accuracy_m"], NEAR_M)
        expected = (distance <= reach).sum()
        unsure = (np.abs(distance - reach) < 0.5).sum()
        assert abs(found["n_incidents"].sum() - expected) <= unsure


def test_a_layer_of_one_and_a_layer_of_none():
    one = coverage_health(layer(A=box(0, 0, 1000, 1000)), WHOLE, at((999, 10)), srid=SRID)
    assert (len(one.contested), one.n_near_border) == (0, 0)
    none = coverage_health({}, WHOLE, NONE, srid=SRID)
    assert (none.covered_share, len(none.gaps)) == (0.0, 1)
    nowhere = coverage_health({}, Ground(shape=shapely.MultiPolygon()), NONE, srid=SRID)
    assert nowhere.covered_share == 0.0


def test_a_real_layer_with_known_faults(geodata):
    """The outlines of one source: 57 pairs overlap (58,750 m²), 114 holes of a square metre or more (56,919 m²)."""
    frame = gpd.read_file(geodata / "kendari_kelurahan_cahyadsn_dirty.geojson", engine="pyogrio").to_crs(4326)
    given = layer(**{f"k{i}": polygons(shape) for i, shape in enumerate(frame.geometry)})
    union = shapely.union_all([area.shape for area in given.values()])
    filled = shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(union)])
    found = coverage_health(given, Ground(shape=filled), NONE, srid=SRID)
    assert len(found.overlaps) == 57
    assert found.overlaps["area_m2"].sum() == pytest.approx(58_750, rel=0.01)
    narrow = found.gaps[found.gaps["is_sliver"]]
    assert len(narrow) == len(found.gaps) == 114
    assert narrow["area_m2"].sum() == pytest.approx(56_919, rel=0.01)
