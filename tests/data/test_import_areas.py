from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import Connection, text

from data.import_areas import import_areas
from data.import_report import ImportReport
from gis.city import read_city
from tests.api.city import seed
from tests.data.imports import (
    EAST,
    MIDDLE_X,
    MIDDLE_Y,
    NORTH,
    NOW,
    SOUTH,
    WEST,
    box,
    geojson,
    kinds_of,
    of_kind,
    quarters,
    warnings_of,
)
from zones.matching import match_point

# Between the fallback of 500 m and beyond, east of the city.
NEAR, FAR = (EAST + 0.003, -4.0), (EAST + 0.02, -4.0)


@pytest.fixture
def city(tx: Connection) -> Connection:
    seed(tx)
    return tx


def load(tx: Connection, path: Path, level: str = "kelurahan", **more: Any) -> ImportReport:
    return import_areas(tx, path, level=level, actor="test", now=NOW, **more)


def areas(tx: Connection, level: str = "kelurahan") -> dict[str, tuple[str, str | None]]:
    query = text("SELECT code, name, parent_code FROM siaga.admin_area WHERE level = :level ORDER BY code")
    return {row.code: (row.name, row.parent_code) for row in tx.execute(query, {"level": level})}


def revision(tx: Connection) -> int:
    return read_city(tx).revision


def service_area_covers(tx: Connection, lon: float, lat: float) -> bool:
    query = text("SELECT ST_Covers(service_area, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)) FROM siaga.city")
    return bool(tx.execute(query, {"lon": lon, "lat": lat}).scalar_one())


def test_the_file_becomes_the_level(city: Connection, tmp_path: Path) -> None:
    """A quarter is named anew, one grows to the east, one is taken away and its ground given to another."""
    before = revision(city)
    rows = quarters(
        T1={"geometry": box(MIDDLE_X, SOUTH, EAST + 0.02, NORTH)},
        T2={"code": "T9", "geometry": box(EAST + 0.02, SOUTH, EAST + 0.04, NORTH)},
    )
    assert not service_area_covers(city, *FAR)
    report = load(city, geojson(tmp_path / "a.geojson", rows))
    assert (report.is_refused, report.errors) == (False, [])
    assert report.counts == {"created": 1, "changed": 3, "unchanged": 0, "removed": 1}
    # Known codes keep their kecamatan; a new one east of every kecamatan has none.
    assert areas(city) == {
        "B1": ("Barat Daya", "B"), "B2": ("Barat Laut", "B"), "T1": ("Tenggara", "T"), "T9": ("Timur Laut", None),
    }  # fmt: skip
    assert revision(city) == before + 1
    assert service_area_covers(city, *FAR)
    match = match_point(city, *FAR, city=read_city(city), services=["police"], at=NOW)
    assert [(area.level, area.code) for area in match.areas] == [("kelurahan", "T1")]
    stored = city.execute(
        text(
            "SELECT bool_and(ST_SRID(geom_m) = 32751 AND NOT is_approximate AND source = 'a.geojson'"
            " AND abs(ST_Area(geom_m) - ST_Area(ST_Transform(geom, 32751))) < 0.01)"
            " FROM siaga.admin_area WHERE level = 'kelurahan'"
        )
    ).scalar_one()
    assert stored is True
    land = "SELECT ST_Area(ST_Transform(geom, 4326)) FROM siaga.basemap_area WHERE kind = 'land'"
    assert city.execute(text(land)).scalar_one() == pytest.approx(0.14 * 0.1, rel=1e-6)
    audit = city.execute(text("SELECT subject, detail FROM siaga.audit WHERE action = 'import.admin-areas'")).one()
    assert audit.subject == "kelurahan"
    assert audit.detail == {"file": "a.geojson", **report.counts}


def test_other_codes_and_parts_of_a_level_are_warned_of(city: Connection, tmp_path: Path) -> None:
    load(city, geojson(tmp_path / "whole.geojson", quarters()))
    others = [row | {"code": f"74.71.{n}"} for n, row in enumerate(quarters())]
    report = load(city, geojson(tmp_path / "others.geojson", others), dry_run=True)
    (told,) = [finding for finding in warnings_of(report) if "will be removed" in finding.reason]
    assert "4 of the city's 4 kelurahan" in told.reason
    assert "do not follow" in told.reason
    report = load(city, geojson(tmp_path / "part.geojson", quarters()[:1]), dry_run=True)
    (told,) = [finding for finding in warnings_of(report) if "will be removed" in finding.reason]
    assert "3 of the city's 4 kelurahan" in told.reason
    report = load(city, geojson(tmp_path / "most.geojson", quarters()[:3]), dry_run=True)
    assert not [finding for finding in warnings_of(report) if "will be removed" in finding.reason]


def test_a_second_time_nothing_differs(city: Connection, tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", quarters())
    load(city, path)
    assert load(city, path).counts == {"created": 0, "changed": 0, "unchanged": 4, "removed": 0}


def test_a_dry_run_writes_nothing(city: Connection, tmp_path: Path) -> None:
    before = (areas(city), revision(city))
    report = load(city, geojson(tmp_path / "a.geojson", quarters()), dry_run=True)
    assert report.counts["changed"] == 4
    assert (areas(city), revision(city)) == before


def test_overlaps_and_gaps_are_listed_with_square_metres_and_place(city: Connection, tmp_path: Path) -> None:
    hole = box(122.48, -3.98, 122.481, -3.979)
    rows = quarters(
        B1={"geometry": box(WEST, SOUTH, MIDDLE_X + 0.001, MIDDLE_Y)},
        B2={"geometry": box(WEST, MIDDLE_Y, MIDDLE_X, NORTH).difference(hole)},
    )
    report = load(city, geojson(tmp_path / "a.geojson", rows))
    assert not report.is_refused
    (gap,), (overlap,) = of_kind(report, "gap", "sliver"), of_kind(report, "overlap")
    assert overlap.row == 1
    assert overlap.reason.startswith("kelurahan B1 Barat Daya and kelurahan T1 Tenggara overlap by 613,")
    assert MIDDLE_X < (overlap.lon or 0) < MIDDLE_X + 0.001
    assert gap.reason.startswith("a gap of 12,2")
    assert hole.contains(shapely.Point(gap.lon, gap.lat))
    # Where two kelurahan overlap, the lower code has the point.
    match = match_point(city, MIDDLE_X + 0.0005, -4.02, city=read_city(city), services=["police"], at=NOW)
    assert [area.code for area in match.areas if area.level == "kelurahan"] == ["B1"]
    nested = [finding.reason for finding in warnings_of(report) if "differs" in finding.reason]
    assert [reason.split(" differs")[0] for reason in nested] == ["kecamatan B Kecamatan B"]


def test_water_and_kelurahan_are_one_ground(city: Connection, tmp_path: Path) -> None:
    """A bay fills the gap beside the kelurahan, belongs to the service area, and may not lie on land."""
    bay = {"kode": "W1", "nama": "Teluk", "geometry": box(EAST, SOUTH, EAST + 0.02, NORTH)}
    report = load(city, geojson(tmp_path / "w.geojson", [bay]), level="water")
    assert (report.counts["created"], report.findings) == (1, [])
    assert service_area_covers(city, *FAR)
    wet = bay | {"geometry": box(EAST - 0.01, SOUTH, EAST + 0.02, NORTH)}
    report = load(city, geojson(tmp_path / "w.geojson", [wet]), level="water")
    assert [(finding.row, finding.reason.split(" overlap")[0]) for finding in sorted(warnings_of(report), key=str)] == [
        (1, "water W1 Teluk and kelurahan T1 Kelurahan T1"),
        (1, "water W1 Teluk and kelurahan T2 Kelurahan T2"),
    ]


def test_parents_come_from_the_file_or_from_the_ground(city: Connection, tmp_path: Path) -> None:
    rows = [row | {"kec": row["code"][0]} for row in quarters()]
    report = load(city, geojson(tmp_path / "a.geojson", rows), parent_field="kec")
    assert kinds_of(report) == {"name"}
    new = [row | {"code": f"N{n}"} for n, row in enumerate(quarters())]
    report = load(city, geojson(tmp_path / "b.geojson", new))
    (unknown,) = [finding for finding in report.findings if "will be removed" not in finding.reason]
    assert unknown.reason == "none of the 4 codes is known to the city"
    assert unknown.hint == "its codes look like B1; is it another column?"
    assert [parent for _, parent in areas(city).values()] == ["B", "B", "T", "T"]
    rows[2]["kec"] = "X"
    report = load(city, geojson(tmp_path / "c.geojson", rows), parent_field="kec")
    (finding,) = report.errors
    assert (finding.row, finding.value, finding.hint) == (3, "X", "kecamatan: B, T; import that level first")
    assert list(areas(city)) == ["N0", "N1", "N2", "N3"]


def test_kecamatan_that_no_kelurahan_knows(city: Connection, tmp_path: Path) -> None:
    whole = {"code": "K", "name": "Satu", "geometry": box(WEST, SOUTH, EAST, NORTH)}
    report = load(city, geojson(tmp_path / "k.geojson", [whole]), level="kecamatan")
    assert report.counts == {"created": 1, "changed": 0, "unchanged": 0, "removed": 2}
    assert [finding.reason for finding in of_kind(report, "nesting")] == ["kecamatan K Satu has no kelurahan"]
    assert [finding.reason for finding in of_kind(report, "parent")] == [
        f"kelurahan {code} Kelurahan {code} lies in kecamatan {code[0]}, which is not there"
        for code in ("B1", "B2", "T1", "T2")
    ]


def test_conditions_of_the_sop_that_can_never_hold_again(city: Connection, tmp_path: Path) -> None:
    city.execute(
        text("UPDATE siaga.sop_rule SET condition = 'area = \"T2\"' WHERE service_code = 'medical' AND role = 'inform'")
    )
    report = load(city, geojson(tmp_path / "a.geojson", quarters()[:3]))
    assert any("asks for T2, which is no area" in finding.reason for finding in warnings_of(report))


def test_every_bad_row_is_reported_at_once_and_nothing_written(city: Connection, tmp_path: Path) -> None:
    before = (areas(city), revision(city))
    good = box(122.46, -4.02, 122.47, -4.01)
    bow_tie = shapely.Polygon([(122.45, -4), (122.5, -3.95), (122.5, -4), (122.45, -3.95)])
    faults = [
        ("B1", "Satu", good, "code", "code used twice, in row 1 too", "one feature per code"),
        (None, "Dua", good, "code", "is empty", ""),
        ("x" * 61, "Tiga", good, "code", "61 characters; at most 60", ""),
        ("N4", "  ", good, "name", "is empty", ""),
        ("N5", "a\x07b", good, "name", "has control characters", ""),
        (
            "N6",
            "Enam",
            box(-4.0, 122.45, -3.95, 122.5),
            "geometry",
            "lies outside",
            "longitude and latitude are swapped",
        ),
        ("N7", "Tujuh", box(447204, 9562661, 448204, 9563661), "geometry", "lies outside", "these are no degrees"),
        ("N8", "Delapan", box(106.8, -6.3, 106.9, -6.2), "geometry", "lies outside", "is the CRS right?"),
        ("N9", "Sembilan", bow_tie, "geometry", "invalid: Self-intersection", "mend the ring in a GIS"),
        (
            "N10",
            "Sepuluh",
            shapely.LineString(bow_tie.exterior.coords),
            "geometry",
            "LineString; a polygon is needed",
            "",
        ),
    ]
    rows = [{"code": code, "name": name, "geometry": shape} for code, name, shape, *_ in faults]
    report = load(city, geojson(tmp_path / "a.geojson", [*quarters(), *rows]))
    assert report.is_refused
    assert [finding.row for finding in sorted(report.errors, key=lambda finding: finding.row or 0)] == list(
        range(5, 15)
    )
    by_row = {finding.row: finding for finding in report.errors}
    for row, (*_, field, reason, hint) in enumerate(faults, start=5):
        assert by_row[row].field == field
        assert by_row[row].reason.startswith(reason)
        assert hint in by_row[row].hint
    assert (areas(city), revision(city), report.counts) == (*before, {})
    assert len(report.errors) == len(faults)
    # The faults hide nothing: the polygons that can be compared are, the bow-tie as a repair would mend it.
    assert {"B1 / N4", "B2 / N9"} <= {finding.value for finding in of_kind(report, "overlap")}


def test_wrong_options_are_told_what_there_is(city: Connection, tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", quarters())
    report = load(city, path, level="desa", code_field="kode_bps", name_field="nama", parent_field="induk")
    assert report.is_refused
    assert [(finding.field, finding.reason) for finding in report.errors] == [
        ("--level", "unknown level desa"),
        ("--code-field", "no column kode_bps"),
        ("--name-field", "no column nama"),
        ("--parent-field", "no column induk"),
    ]
    assert report.errors[0].hint == "one of kecamatan, kelurahan, water"
    assert report.errors[1].hint == "choose with --code-field; the file has: code, name"
