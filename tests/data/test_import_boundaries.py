from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import Connection, text

from data.import_boundaries import import_boundaries
from data.import_report import ImportReport
from gis.city import read_city
from tests.api.city import START, seed
from tests.data.imports import EAST, MIDDLE_X, NORTH, NOW, SOUTH, WEST, box, geojson, kinds_of, of_kind, quarters
from zones.jurisdictions import ensure
from zones.matching import match_point

INSIDE = (122.47, -4.02)  # of B1, Polsek Barat before
LATER = NOW + timedelta(days=30)


@pytest.fixture
def city(tx: Connection) -> Connection:
    seed(tx)
    return tx


def load(tx: Connection, path: Path, **more: Any) -> ImportReport:
    given = {"agency": "POL", "service": "police", "actor": "test", "now": NOW, **more}
    return import_boundaries(tx, path, **given)


def police(tx: Connection, lon: float = INSIDE[0], lat: float = INSIDE[1], at: Any = NOW) -> list[tuple[str, int]]:
    match = match_point(tx, lon, lat, city=read_city(tx), services=["police"], at=at)
    return [(winner.code, winner.version) for winner in match.winners["police"]]


def test_the_file_becomes_the_whole_set(city: Connection, tmp_path: Path) -> None:
    """New codes are made, known ones get a new version, the rest ends; other agencies are left alone."""
    rows = quarters(B1={"code": "polsek-barat", "name": "Polsek Barat Baru"})
    report = load(city, geojson(tmp_path / "p.geojson", rows))
    assert report.errors == []
    assert [(finding.row, finding.value) for finding in of_kind(report, "unknown_code")] == [
        (2, "B2"),
        (3, "T1"),
        (4, "T2"),
    ]
    assert [finding.value for finding in of_kind(report, "missing")] == ["polsek-timur"]
    assert kinds_of(report) == {"unknown_code", "missing", "name"}
    assert report.counts == {"created": 3, "changed": 1, "ended": 1}
    assert police(city) == [("polsek-barat", 2)]
    assert police(city, at=START) == [("polsek-barat", 1)]
    assert police(city, 122.53, -4.02) == [("T1", 1)]
    assert police(city, 122.53, -4.02, at=NOW - timedelta(days=1)) == [("polsek-timur", 1)]
    names = text("SELECT name FROM siaga.jurisdiction WHERE code = 'polsek-barat'")
    assert city.execute(names).scalar_one() == "Polsek Barat Baru"
    fire = match_point(city, *INSIDE, city=read_city(city), services=["fire"], at=NOW).winners["fire"]
    assert [(winner.code, winner.version) for winner in fire] == [("damkar", 1)]
    assert read_city(city).revision == 2
    number = city.execute(text("SELECT max(boundary_set), count(*) FROM siaga.boundary_set")).one()
    assert number.count == 2


def test_from_a_later_day_and_others_kept(city: Connection, tmp_path: Path) -> None:
    rows = [row | {"code": "polsek-barat"} for row in quarters()[:1]]
    report = load(city, geojson(tmp_path / "p.geojson", rows), valid_from=LATER, keep_others=True)
    assert report.counts == {"created": 0, "changed": 1, "ended": 0}
    assert police(city, 122.47, -3.98) == [("polsek-barat", 1)]
    # The north is no longer its own after that day, and nobody's within 500 m.
    assert police(city, 122.47, -3.98, at=LATER) == []
    assert police(city, at=LATER) == [("polsek-barat", 2)]
    assert police(city, 122.53, -4.02, at=LATER) == [("polsek-timur", 1)]


def test_a_citywide_jurisdiction_stays(city: Connection, tmp_path: Path) -> None:
    jurisdiction_id = ensure(city, service="police", agency="POL", code="polres", name="Polres", is_citywide=True)
    city.execute(
        text(
            "INSERT INTO siaga.boundary_version (jurisdiction_id, version, geom, geom_m, priority, valid, recorded_at,"
            " recorded_by, source, digest, boundary_set) SELECT :id, 1, geom, geom_m, 100, valid, recorded_at,"
            " recorded_by, source, digest, boundary_set FROM siaga.boundary_version JOIN siaga.jurisdiction"
            " USING (jurisdiction_id) WHERE code = 'damkar'"
        ),
        {"id": jurisdiction_id},
    )
    report = load(city, geojson(tmp_path / "p.geojson", quarters()[:1]))
    assert report.counts == {"created": 1, "changed": 0, "ended": 2}
    assert police(city, 122.53, -3.96) == [("polres", 1)]
    report = load(city, geojson(tmp_path / "p.geojson", [quarters()[0] | {"code": "polres"}]), now=LATER)
    assert "city-wide jurisdiction" in report.errors[0].reason


def test_overlaps_within_the_file_are_warnings(city: Connection, tmp_path: Path) -> None:
    rows = quarters(B1={"geometry": box(WEST, SOUTH, MIDDLE_X + 0.001, -4.0)})
    report = load(city, geojson(tmp_path / "p.geojson", rows))
    (warning,) = of_kind(report, "overlap")
    assert (report.is_refused, warning.row, warning.value) == (False, 1, "B1 / T1")
    assert warning.reason.startswith("B1 and T1 overlap by 613,")
    assert warning.reason.endswith("m² (row 3); the lower code wins there")
    assert MIDDLE_X < (warning.lon or 0) < MIDDLE_X + 0.001
    assert police(city, MIDDLE_X + 0.0005, -4.02) == [("B1", 1)]


def test_two_agencies_of_one_service_need_priorities(city: Connection, tmp_path: Path) -> None:
    path = geojson(tmp_path / "p.geojson", quarters()[:2])
    report = load(city, path, agency="PSC")
    assert report.is_refused
    assert [(error.row, error.value) for error in report.errors] == [
        (1, "B1 / POL polsek-barat"),
        (2, "B2 / POL polsek-barat"),
    ]
    assert report.errors[0].hint == "say who comes first: --priority"
    assert police(city) == [("polsek-barat", 1)]
    assert load(city, path, agency="PSC", priority=50).counts == {"created": 2, "changed": 0, "ended": 0}
    assert police(city) == [("B1", 1)]
    assert police(city, 122.53, -4.02) == [("polsek-timur", 1)]


def test_a_dry_run_writes_nothing(city: Connection, tmp_path: Path) -> None:
    report = load(city, geojson(tmp_path / "p.geojson", quarters()), dry_run=True)
    assert (report.counts, report.is_dry_run) == ({"created": 4, "changed": 0, "ended": 2}, True)
    assert police(city) == [("polsek-barat", 1)]
    assert read_city(city).revision == 1
    assert city.execute(text("SELECT count(*) FROM siaga.jurisdiction WHERE agency_code = 'POL'")).scalar_one() == 2


def test_every_fault_is_reported_at_once(city: Connection, tmp_path: Path) -> None:
    rows = quarters(
        B2={"name": ""}, T1={"code": "B1"}, T2={"code": "polsek-barat", "geometry": box(-4.0, 122.45, -3.95, 122.5)}
    )
    path = geojson(tmp_path / "p.geojson", rows)
    report = load(city, path, agency="XXX", service="yyy", priority=0)
    assert report.is_refused
    found = {(finding.row, finding.field): finding for finding in report.errors}
    assert set(found) == {
        (None, "agency"), (None, "service"), (None, "priority"), (2, "name"), (3, "code"), (4, "geometry"),
    }  # fmt: skip
    assert found[None, "agency"].hint == "the city has: DMK, POL, PSC"
    assert found[None, "service"].hint == "the city has: fire, medical, police"
    assert "swapped" in found[4, "geometry"].hint
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved["refused"] is True
    assert {"row": 3, "field": "code", "value": "B1"}.items() <= saved["findings"][-2].items()


def test_columns_are_found_in_any_case_and_named_when_they_are_not(city: Connection, tmp_path: Path) -> None:
    rows = [{"KODE": row["code"], "geometry": row["geometry"]} for row in quarters()]
    path = geojson(tmp_path / "p.geojson", rows)
    assert load(city, path, dry_run=True).counts["created"] == 4
    error = load(city, path, code_field="kode_bps").errors[0]
    assert (error.field, error.reason) == ("--code-field", "no column kode_bps")
    assert error.hint == "choose with --code-field; the file has: KODE"


@pytest.mark.parametrize("days", [0, -30])
def test_a_change_starts_after_the_one_before(city: Connection, tmp_path: Path, days: int) -> None:
    """Ends are set once and in order; a version already in force from that moment, or ended later, is in the way."""
    load(city, geojson(tmp_path / "p.geojson", quarters()[:1]))
    path = geojson(tmp_path / "q.geojson", [quarters()[0], quarters()[2] | {"code": "polsek-timur"}])
    report = load(city, path, valid_from=NOW + timedelta(days=days), now=LATER)
    assert report.is_refused
    assert {error.field for error in report.errors} == {"valid_from"}
    assert "a change must start after that" in report.errors[0].reason
    assert load(city, path, now=LATER).counts == {"created": 0, "changed": 2, "ended": 0}


def test_multipolygons_keep_their_parts(city: Connection, tmp_path: Path) -> None:
    """An island belongs to its district; heights are dropped."""
    island = box(EAST + 0.01, SOUTH, EAST + 0.02, NORTH)
    shape = shapely.force_3d(shapely.MultiPolygon([box(WEST, SOUTH, EAST, NORTH), island]), 5.0)
    load(city, geojson(tmp_path / "p.geojson", [{"code": "P", "name": "P", "geometry": shape}]))
    assert police(city, EAST + 0.015, -4.0) == [("P", 1)]
    stored = "SELECT ST_NDims(geom) AS n_dims, ST_NumGeometries(geom) AS parts FROM siaga.boundary_version v"
    row = city.execute(text(f"{stored} JOIN siaga.jurisdiction j USING (jurisdiction_id) WHERE j.code = 'P'")).one()
    assert (row.n_dims, row.parts) == (2, 2)
