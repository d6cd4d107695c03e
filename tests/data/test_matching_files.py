"""`./siaga match`: what a file brings comes back as it was, with six columns more."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from sqlalchemy import Connection, text

from data.matching_files import match_file
from gis.errors import ColumnError, DataError
from ops.commands.match import print_comparison
from tests.api.city import seed
from tests.data.imports import NOW

ADDED = ["jurisdiction", "jurisdiction_name", "agency", "match", "border_m", "boundary_version"]
# A spreadsheet would run some of these; they are the file's own, and a program that reads them back expects them.
ROWS = [
    ["id", "note", "geometry", "lon", "lat", ""],
    ["007", "=1+1", "POINT", "122.46", "-4.01", "x"],
    ["008", "-lari, @dia", "", "122.5400", "-4.01", " "],
    ["009", "+62 812", "NA", "tidak tahu", "", "nan"],
]


@pytest.fixture
def city(tx: Connection) -> Connection:
    seed(tx)
    return tx


def table(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def run(tx: Connection, path: Path, out: Path) -> dict[str, Any]:
    return match_file(tx, path, service="police", out=out, at=None, now=NOW)


def test_a_csv_comes_back_as_it_was(city: Connection, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    counts = run(city, table(tmp_path / "in.csv", ROWS), out)
    assert (counts["n"], counts["covers"], counts["invalid"]) == (3, 2, 1)
    found = cells(out)
    assert found[0][6:] == ADDED
    assert [row[:6] for row in found] == ROWS
    assert [row[8:10] for row in found[1:]] == [["POL", "covers"], ["POL", "covers"], ["", "invalid"]]


def test_a_name_that_a_spreadsheet_would_run_is_made_safe(city: Connection, tmp_path: Path) -> None:
    city.execute(text("UPDATE siaga.jurisdiction SET name = '=HYPERLINK(1)' WHERE service_code = 'police'"))
    out = tmp_path / "out.csv"
    run(city, table(tmp_path / "in.csv", ROWS), out)
    assert [row[7] for row in cells(out)[1:]] == ["'=HYPERLINK(1)", "'=HYPERLINK(1)", ""]


@pytest.mark.parametrize(("content", "reason"), [("", "empty"), ("id;lon;lat\n1;122,46;-4,01\n", "semicolons")])
def test_a_csv_that_is_none_says_what_it_is(content: str, reason: str, city: Connection, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(content)
    with pytest.raises(DataError, match=reason):
        run(city, tmp_path / "in.csv", tmp_path / "out.csv")


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "parquet"])
def test_other_formats_are_written_and_read(ending: str, city: Connection, tmp_path: Path) -> None:
    """No warning reaches the terminal either: here they are errors."""
    out = tmp_path / f"out.{ending}"
    run(city, table(tmp_path / "in.csv", [row[:2] + row[3:5] for row in ROWS]), out)
    frame = gpd.read_parquet(out) if ending == "parquet" else gpd.read_file(out)
    assert frame["note"].tolist() == ["=1+1", "-lari, @dia", "+62 812"]
    points = tmp_path / f"points.{ending}"
    plain = frame.drop(columns=[*ADDED, "lon", "lat"])
    plain.to_parquet(points) if ending == "parquet" else plain.to_file(points)
    again = tmp_path / "again.csv"
    run(city, points, again)
    assert cells(again)[0] == ["lon", "lat", "id", "note", *ADDED]
    assert [row[7] for row in cells(again)[1:]] == ["covers", "covers", "invalid"]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([["lon", "lat", "lon"], ["1", "2", "3"]], "'lon' stands there twice"),
        ([["lon", "lat"], ["1", "2", "3"]], "more cells than the 2 names"),
        ([["x", "y"], ["1", "2"]], "column lon, lat missing"),
        ([["lon", "lat", "agency"], ["1", "2", "3"]], "agency would be overwritten"),
    ],
)
def test_columns_that_could_not_come_back(rows: list[list[str]], reason: str, city: Connection, tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match=reason):
        run(city, table(tmp_path / "in.csv", rows), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_file_of_another_kind_than_its_ending_is_refused(city: Connection, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=gpd.points_from_xy([122.46], [-4.01]), crs=4326)
    frame.to_file(tmp_path / "in.gpkg")
    fake = (tmp_path / "in.gpkg").rename(tmp_path / "in.geojson")
    with pytest.raises(DataError, match="holds GPKG, its ending says GeoJSON"):
        run(city, fake, tmp_path / "out.csv")


def test_a_files_own_column_is_set_beside_the_answer(city: Connection, tmp_path: Path, capsys: Any) -> None:
    rows = [
        ["lon", "lat", "milik"],
        ["122.46", "-4.01", "Polsek Barat"],
        ["122.54", "-4.01", "Polsek Barat"],
        ["122.54", "-4.01", "polsek-timur"],
        ["122.54", "-4.01", "entah"],
        ["122.54", "-4.01", ""],
        ["x", "-4.01", "Polsek Barat"],
    ]
    source, out = table(tmp_path / "a.csv", rows), tmp_path / "b.csv"
    told = match_file(city, source, service="police", out=out, at=None, now=NOW, compare="milik")["comparison"]
    assert [row[-1] for row in cells(out)] == ["agrees", "yes", "no", "yes", "unknown", "", ""]
    assert (told["kind"], told["n_equal"], told["n_different"], told["n_unknown"], told["n_empty"]) == (
        *("jurisdiction", 2, 1, 1, 2),
    )
    assert told["names"] == {"Polsek Barat": "POL/polsek-barat", "polsek-timur": "POL/polsek-timur"}
    assert told["differences"] == [("Polsek Barat", "POL/polsek-timur", 1), ("entah", "POL/polsek-timur", 1)]
    print_comparison("milik", told)
    printed = capsys.readouterr().out
    assert "column milik names jurisdictions: 2 agree, 1 differ, 1 name nobody, 2 say nothing" in printed
    assert "  Polsek Barat → POL/polsek-barat" in printed
    assert "  1 × entah → POL/polsek-timur" in printed


@pytest.mark.parametrize(
    ("rows", "column", "said"),
    [
        ([["lon", "lat", "a"], ["122.46", "-4.01", "x"]], "b", "column b missing; the file has lon, lat, a"),
        ([["lon", "lat", "agrees"], ["122.46", "-4.01", "x"]], "agrees", "column agrees would be overwritten"),
        (
            [["lon", "lat", "a"], *(["122.46", "-4.01", f"n{i}"] for i in range(3_001))],
            "a",
            "column a: 3001 different names",
        ),
    ],
)
def test_a_column_that_cannot_be_compared_is_refused(
    city: Connection, tmp_path: Path, rows: list[list[str]], column: str, said: str
) -> None:
    source = table(tmp_path / "a.csv", rows)
    with pytest.raises(ColumnError, match=said):
        match_file(city, source, service="police", out=tmp_path / "b.csv", at=None, now=NOW, compare=column)
