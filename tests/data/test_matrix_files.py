"""`./siaga matrix`: every place of one file to every place of another."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from drawn_networks import drawn, lonlat

from data import matrix_files
from data.matrix_files import COLUMNS, matrix_file, read_places, roads
from gis.errors import ColumnError, DataError, NetworkError
from routing_engine.dispatch.fields import fields_folder
from routing_engine.network.closures import arc_factors, with_factors

STREETS = {1: (0, 0), 2: (1000, 0), 3: (2000, 0)}
GRAPH = drawn(STREETS, [(1, 1, 2, "both"), (2, 2, 3, "both")])
PLACES = [("a", *lonlat([(100, 0)])[0]), ("b", *lonlat([(900, 10)])[0]), ("jauh", *lonlat([(0, 5000)])[0])]


def table(path: Path, rows, names=("id", "lon", "lat")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    return path


@pytest.fixture
def places(tmp_path: Path) -> Path:
    return table(tmp_path / "in.csv", [*PLACES, ("rusak", "x", "")])


def test_all_pairs_in_order_each_with_its_label(places: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    counts = matrix_file(GRAPH, places, table(tmp_path / "to.csv", PLACES[:1]), out=out)
    assert counts == {"road": 2, "straight_line": 1, "none": 1}
    with out.open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == list(COLUMNS)
    assert [row[:2] for row in rows] == [["a", "a"], ["b", "a"], ["jauh", "a"], ["rusak", "a"]]
    assert rows[0][2:] == ["0.0", "0.0", "road"]
    # 800 m at 10 m/s, and 10 m beside the road at 10 km/h.
    assert rows[1][2:] == ["83.6", "810.0", "road"]
    assert float(rows[2][3]) == pytest.approx(1.4 * np.hypot(100, 5000), rel=0.01)
    assert rows[2][4] == "straight_line"
    assert rows[3][2:] == ["", "", "none"]


def test_where_no_road_leads_seconds_are_empty(places: Path, tmp_path: Path) -> None:
    street = drawn(STREETS | {4: (3000, 0)}, [(1, 1, 2, "both"), (2, 2, 3, "both"), (3, 3, 4, "both")])
    cut = with_factors(street, arc_factors(street, [1], direction="backward"))
    ends = table(tmp_path / "to.csv", [("c", *lonlat([(2800, 0)])[0])])
    out = tmp_path / "out.parquet"
    matrix_file(cut, ends, table(tmp_path / "two.csv", PLACES[:1]), out=out)
    (row,) = pd.read_parquet(out).to_dict("records")
    assert (row["origin"], row["destination"], row["estimate"]) == ("c", "a", "none")
    assert np.isnan(row["travel_time_s"])
    assert np.isnan(row["distance_m"])
    matrix_file(cut, table(tmp_path / "two.csv", PLACES[:1]), ends, out=out)
    assert pd.read_parquet(out)["estimate"].tolist() == ["road"]


@pytest.mark.parametrize("ending", ["csv", "parquet", "geoparquet", "gpkg", "geojson"])
def test_every_format_is_written_the_same_in_pieces(
    ending: str, places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix_file(GRAPH, places, places, out=tmp_path / "whole.csv")
    if ending != "geojson":
        monkeypatch.setattr(matrix_files, "PAIRS_AT_ONCE", 5)
    out = tmp_path / f"out.{ending}"
    matrix_file(GRAPH, places, places, out=out)
    if ending == "csv":
        assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
        return
    found = pd.read_parquet(out) if "parquet" in ending else pyogrio.read_dataframe(out, read_geometry=False)
    whole = pd.read_csv(tmp_path / "whole.csv")
    pd.testing.assert_frame_equal(found[list(COLUMNS)], whole, check_dtype=False)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".matrix")] == []


def test_ids_are_the_rows_where_there_are_none(tmp_path: Path) -> None:
    ids, _ = read_places(table(tmp_path / "plain.csv", [row[1:] for row in PLACES], ("lon", "lat")))
    assert ids == ["1", "2", "3"]
    frame = gpd.GeoDataFrame({"id": [7, 8]}, geometry=gpd.points_from_xy([122.5, 122.6], [-4.0, -4.1]), crs=4326)
    frame.to_crs(32751).to_file(tmp_path / "points.gpkg")
    ids, place = read_places(tmp_path / "points.gpkg")
    assert ids == ["7", "8"]
    assert place == pytest.approx(np.array([[122.5, -4.0], [122.6, -4.1]]), abs=1e-8)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no rows"),
        ([("a", 122, -4), ("a", 123, -4)], "'a' stands there twice"),
        ([("a", 122, -4), ("", 123, -4)], "row 2 has no id"),
    ],
)
def test_files_that_cannot_be_used(rows, reason: str, places: Path, tmp_path: Path) -> None:
    bad = table(tmp_path / "bad.csv", rows)
    out = tmp_path / "out.csv"
    out.write_text("kept")
    with pytest.raises((DataError, ColumnError), match=reason):
        matrix_file(GRAPH, places, bad, out=out)
    assert out.read_text() == "kept"


def test_shapes_other_than_points_are_refused(places: Path, tmp_path: Path) -> None:
    gpd.GeoDataFrame({"id": [1]}, geometry=[shapely.box(122, -4, 123, -3)], crs=4326).to_file(
        tmp_path / "areas.geojson"
    )
    with pytest.raises(DataError, match="other shapes than points"):
        matrix_file(GRAPH, tmp_path / "areas.geojson", places, out=tmp_path / "out.csv")


def test_a_geojson_larger_than_memory_is_refused(places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_files, "MOST_GEOJSON", 10)
    with pytest.raises(DataError, match=r"write \.csv or \.parquet"):
        matrix_file(GRAPH, places, places, out=tmp_path / "out.geojson")


def test_without_roads_every_pair_is_an_estimate(places: Path, tmp_path: Path) -> None:
    assert matrix_file(None, places, places, out=tmp_path / "out.csv") == {"straight_line": 9, "none": 7}


def test_roads_of_a_city_by_vehicle_and_hour(kendari_tx, server) -> None:
    folder = fields_folder(server.state)
    ready = roads(kendari_tx, folder, profile="car", hour=10)
    made = roads(kendari_tx, folder / "empty", profile="car", hour=10)
    night = roads(kendari_tx, folder, profile="car", hour=3)
    assert ready is not None
    assert made is not None
    assert night is not None
    assert ready.digest == made.digest != night.digest
    assert np.array_equal(ready.arc_time_s, made.arc_time_s)
    with pytest.raises(NetworkError, match="unknown"):
        roads(kendari_tx, folder, profile="tank", hour=10)
