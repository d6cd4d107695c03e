"""Approximate areas: exact coverages from points, and the demo city they make."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from data.cells import grow_cells, make_admin_areas, to_geojson
from gis.errors import DataError

KENDARI = Path(__file__).resolve().parents[2] / "data/cities/kendari"
LAND = box(122.40, -4.02, 122.44, -4.00)
METRIC = 32751


def points(*rows: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["code", "lon", "lat"])


@pytest.fixture(scope="module")
def areas() -> gpd.GeoDataFrame:
    return gpd.read_file(KENDARI / "admin_areas.geojson")


def test_every_place_belongs_to_its_nearest_point():
    two = points(("a", 122.41, -4.01), ("b", 122.43, -4.01))
    cells = grow_cells(two, LAND).set_index("code")["geometry"]
    assert cells["a"].equals(box(122.40, -4.02, 122.42, -4.00))
    assert cells["b"].equals(box(122.42, -4.02, 122.44, -4.00))


def test_several_points_of_a_code_make_one_area():
    three = points(("a", 122.41, -4.01), ("b", 122.425, -4.01), ("a", 122.437, -4.01))
    cells = grow_cells(three, LAND).set_index("code")["geometry"]
    assert cells["a"].geom_type == "MultiPolygon"
    assert cells["a"].area + cells["b"].area == pytest.approx(LAND.area)


def test_piece_beyond_a_bay_joins_its_neighbour_on_that_shore():
    # Two shores and the bay between them; the west end of the north shore is nearest to the southern point.
    land = shapely.union_all([box(122.40, -4.02, 122.44, -4.012), box(122.40, -4.008, 122.44, -4.00)])
    shores = points(("south", 122.402, -4.0121), ("north", 122.438, -4.0079))
    cells = grow_cells(shores, land).set_index("code")["geometry"]
    assert cells["north"].equals(box(122.40, -4.008, 122.44, -4.00))
    assert cells["south"].equals(box(122.40, -4.02, 122.44, -4.012))


def test_water_fills_the_shore_without_gap_or_overlap():
    land = LAND.difference(shapely.Point(122.42, -4.00).buffer(0.006))
    waters = gpd.GeoSeries([box(122.412, -4.008, 122.428, -4.00)], index=["W01"], crs=4326)
    cells = grow_cells(points(("a", 122.401, -4.01), ("b", 122.439, -4.013)), land, waters)
    assert list(cells["code"]) == ["a", "b", "W01"]
    assert shapely.coverage_is_valid(cells.geometry.to_numpy())
    assert cells.union_all().area == pytest.approx(LAND.area, rel=1e-4)


def test_points_off_the_land_or_in_one_place_are_all_named():
    wrong = points(("a", 122.41, -4.01), ("b", 122.41, -4.01), ("c", 0.0, 0.0))
    with pytest.raises(DataError, match=r"c \(0.0, 0.0\).*a \(122.41, -4.01\).*b \(122.41"):
        grow_cells(wrong, LAND)


inside = st.tuples(st.integers(40001, 43999), st.integers(-40199, -40001)).map(
    lambda xy: (122 + xy[0] / 1e5, xy[1] / 1e4)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(inside, min_size=2, max_size=14, unique=True))
def test_cells_cover_the_land_exactly(places):
    seeds = points(*[(f"k{index % 4}", lon, lat) for index, (lon, lat) in enumerate(places)])
    cells = grow_cells(seeds, LAND)
    assert shapely.coverage_is_valid(cells.geometry.to_numpy())
    assert shapely.union_all(cells.geometry.to_numpy()).area == pytest.approx(LAND.area, rel=1e-6)
    by_code = cells.set_index("code")["geometry"]
    assert all(by_code[row.code].distance(shapely.Point(row.lon, row.lat)) < 2e-5 for row in seeds.itertuples())


def test_demo_city_is_what_its_files_make():
    assert to_geojson(make_admin_areas(KENDARI)) == (KENDARI / "admin_areas.geojson").read_text(encoding="utf-8")


def test_demo_city_has_its_areas_and_size(areas):
    assert areas["level"].value_counts().to_dict() == {"kelurahan": 65, "kecamatan": 11, "water": 1}
    assert not areas.duplicated(["level", "code"]).any()
    land = areas[areas["level"] == "kelurahan"].to_crs(METRIC)
    assert land.area.sum() / 1e6 == pytest.approx(268, rel=0.05)
    assert shapely.union_all(land.geometry.to_numpy()).area == pytest.approx(land.area.sum(), rel=1e-9)


def test_demo_city_is_drawn_by_hand_with_few_vertices():
    outline = gpd.read_file(KENDARI / "outline.geojson")
    xy = shapely.get_coordinates(outline.geometry.to_numpy())
    assert len(xy) <= 150
    assert (abs(xy - xy.round(3)) < 1e-9).all()


@pytest.mark.parametrize("level", ["kecamatan", "kelurahan"])
def test_demo_city_is_an_exact_coverage_with_the_bay(areas, level):
    part = areas[areas["level"].isin([level, "water"])].geometry
    assert shapely.coverage_is_valid(part.to_numpy())
    # What is not covered inside: nothing but the sliver of no area.
    assert all(len(polygon.interiors) == 0 for polygon in shapely.get_parts(part.union_all()))


def test_kelurahan_nest_in_their_kecamatan(areas):
    kelurahan = areas[areas["level"] == "kelurahan"]
    kecamatan = areas[areas["level"] == "kecamatan"].set_index("code")["geometry"]
    assert set(kelurahan["parent_code"]) == set(kecamatan.index)
    for code, group in kelurahan.groupby("parent_code"):
        assert group.union_all().symmetric_difference(kecamatan[code]).area < 1e-15


def test_every_kelurahan_holds_its_own_point(areas):
    listed = pd.read_csv(KENDARI / "admin_areas.csv", dtype={"code": str})
    shapes = areas.set_index(["level", "code"])["geometry"]
    for row in listed.itertuples():
        assert shapes[row.level, row.code].covers(shapely.Point(row.lon, row.lat)), row


def test_four_kelurahan_of_two_kecamatan_meet_at_simpang_wua_wua(areas):
    kelurahan = areas[areas["level"] == "kelurahan"].to_crs(METRIC)
    place = gpd.GeoSeries([shapely.Point(122.49985, -3.99620)], crs=4326).to_crs(METRIC).iloc[0]
    share = kelurahan.set_index("name").intersection(place.buffer(100, quad_segs=32)).area / (31415.9 * 0.9984)
    share = share[share > 0]
    assert set(share.index) == {"Wua Wua", "Mataiwoi", "Bonggoeya", "Anaiwoi"}
    assert share.min() >= 0.15
    assert kelurahan.set_index("name").loc[share.index, "parent_code"].nunique() == 2
    assert kelurahan.distance(place).nsmallest(4).max() < 18


def test_bay_bridge_lies_in_the_bay(areas):
    bay = areas.set_index("code").loc["W01"]
    assert (bay["name"], bay["level"]) == ("Teluk Kendari", "water")
    for lon, lat in [(122.5870, -3.9775), (122.5871, -3.9762), (122.5885, -3.9795)]:
        assert bay["geometry"].covers(shapely.Point(lon, lat))


def test_demo_city_is_near_the_real_layer(areas, geodata):
    real = gpd.read_file(geodata / "kendari_kelurahan.geojson").to_crs(METRIC)
    ours = areas[areas["level"] == "kelurahan"].to_crs(METRIC)
    both = gpd.overlay(ours[["code", "parent_code", "geometry"]], real[["kode_bps", "kode_kecamatan_bps", "geometry"]])
    total = real.area.sum()
    assert both[both["code"] == both["kode_bps"]].area.sum() / total > 0.80
    assert both[both["parent_code"] == both["kode_kecamatan_bps"]].area.sum() / total > 0.92


@pytest.mark.parametrize(("file", "least"), [("stations.csv", 0.99), ("gazetteer.csv", 0.96)])
def test_known_places_fall_in_their_kecamatan(areas, geodata, file, least):
    known = pd.read_csv(geodata / file).dropna(subset="in_kecamatan")
    names = areas[areas["level"] == "kecamatan"]
    spots = gpd.GeoDataFrame(known, geometry=gpd.points_from_xy(known["lon"], known["lat"]), crs=4326)
    found = gpd.sjoin(spots, names[["name", "geometry"]], predicate="covered_by", rsuffix="area")
    assert (found["name_area"] == found["in_kecamatan"]).sum() / len(known) >= least


def test_land_of_the_neighbours_leaves_the_bay_free_and_names_one_government(areas):
    neighbours = gpd.read_file(KENDARI / "neighbours.geojson").set_index("name").geometry
    bay = areas.set_index("code").geometry["W01"]
    assert neighbours.is_valid.all()
    assert shapely.area(shapely.intersection(neighbours.to_numpy(), bay)).max() < 1e-9  # square degrees: about 12 m2
    towns = {"Soropia": (122.62, -3.91), "Moramo": (122.69, -4.19), "Unaaha": (122.066, -3.865)}
    found = {
        town: [name for name in neighbours.index if neighbours[name].covers(shapely.Point(place))]
        for town, place in towns.items()
    }
    assert found == {
        "Soropia": ["Kabupaten Konawe"],
        "Moramo": ["Kabupaten Konawe Selatan"],
        "Unaaha": ["Kabupaten Konawe"],
    }
