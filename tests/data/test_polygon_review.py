"""The check of a polygon file beside what the city knows: levels, names, nesting, what stays beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import Connection

from data.import_areas import area_scope, import_areas
from data.import_boundaries import import_boundaries
from data.name_checks import plain
from data.polygon_findings import PolygonFinding, at_most, draw
from data.polygon_review import Reference, Scope, review
from data.polygon_table import Fields, read_table
from data.vector_files import read_polygons
from gis.city import read_city
from gis.errors import Finding
from tests.api.city import seed
from tests.data.imports import EAST, MIDDLE_X, MIDDLE_Y, NORTH, NOW, SOUTH, WEST, box, geojson, of_kind, quarters

SCOPE = Scope(bbox=(WEST, SOUTH, EAST, NORTH), metric_srid=32751)
LEVELS = ("kecamatan", "kelurahan", "water")


@pytest.fixture
def city(tx: Connection) -> Connection:
    seed(tx)
    return tx


def table(levels: list[str | None], level: str = "kelurahan") -> Any:
    frame = gpd.GeoDataFrame(
        {"code": [f"C{at}" for at in range(len(levels))], "name": "N", "Level": levels},
        geometry=[box(WEST, SOUTH, EAST, NORTH)] * len(levels),
        crs=4326,
    )
    return read_table(frame, Fields(), level=level, levels=LEVELS)


def test_rows_of_another_level_are_left_out_and_said() -> None:
    found = table(["kecamatan", "Kelurahan", "kecamatan", "kelurahan", "water"])
    assert found.rows["row"].to_list() == [2, 4]
    assert [(finding.level, finding.value, finding.hint) for finding in found.findings] == [
        ("warning", "kecamatan", "import them with --level kecamatan"),
        ("warning", "water", "import them with --level water"),
    ]
    assert found.findings[0].reason == "2 rows are of level kecamatan and left out"


def test_a_value_that_is_no_level_is_an_error_unless_the_column_means_something_else() -> None:
    found = table(["kelurahan", "desa", None])
    assert [(finding.row, finding.reason) for finding in found.findings] == [(2, "is no level"), (3, "is no level")]
    found = table(["4", "4"])
    assert found.rows["row"].to_list() == [1, 2]
    (warning,) = found.findings
    assert (warning.level, warning.reason[:27]) == ("warning", "column Level holds '4', no ")
    (refused,) = [finding for finding in table(["water"]).findings if finding.level == "error"]
    assert refused.reason == "no row is of level kelurahan"


def test_a_file_of_all_levels_is_imported_one_by_one(city: Connection, tmp_path: Path) -> None:
    """As a city folder's own admin_areas.geojson is."""
    rows = [row | {"level": "kelurahan", "parent_code": row["code"][0]} for row in quarters()]
    rows += [{"code": "B", "name": "Barat", "level": "kecamatan", "geometry": box(WEST, SOUTH, MIDDLE_X, NORTH)}]
    path = geojson(tmp_path / "a.geojson", rows)
    report = import_areas(city, path, level="kelurahan", actor="test", now=NOW)
    assert report.counts == {"created": 0, "changed": 4, "unchanged": 0, "removed": 0}
    assert [finding.value for finding in of_kind(report, "level")] == ["kecamatan"]


def test_a_kelurahan_reaching_out_of_its_kecamatan_is_drawn(city: Connection, tmp_path: Path) -> None:
    rows = quarters(
        B1={"geometry": box(WEST, SOUTH, MIDDLE_X + 0.001, MIDDLE_Y)},
        T1={"geometry": box(MIDDLE_X + 0.001, SOUTH, EAST, MIDDLE_Y)},
    )
    report = import_areas(city, geojson(tmp_path / "a.geojson", rows), level="kelurahan", actor="test", now=NOW)
    out = next(finding for finding in of_kind(report, "nesting") if finding.field == "parent_code")
    assert isinstance(out, PolygonFinding)
    assert out.reason.startswith("kelurahan B1 Barat Daya reaches out of its kecamatan B by 613,")
    assert out.piece is not None
    assert out.piece.equals_exact(box(MIDDLE_X, SOUTH, MIDDLE_X + 0.001, MIDDLE_Y), 1e-9, normalize=True)


def test_jurisdictions_that_are_kept_are_beside_the_file(city: Connection, tmp_path: Path) -> None:
    rows = [{"code": "polsek-barat", "name": "Barat", "geometry": box(WEST, SOUTH, MIDDLE_X + 0.001, NORTH)}]
    path = geojson(tmp_path / "p.geojson", rows)
    given = {"agency": "POL", "service": "police", "actor": "test", "now": NOW, "dry_run": True}
    assert of_kind(import_boundaries(city, path, **given), "overlap") == []
    (overlap,) = of_kind(import_boundaries(city, path, keep_others=True, **given), "overlap")
    assert overlap.value == "polsek-barat / polsek-timur"


def test_names_and_codes_beside_the_city(city: Connection, tmp_path: Path) -> None:
    rows = quarters(B1={"name": "Kelurahan  b1"}, B2={"name": "Kelurahan Bdua"}, T1={"code": "T11", "name": "KEL. T1"})
    scope = area_scope(city, read_city(city), "kelurahan")
    found = review(geojson(tmp_path / "a.geojson", rows[:3]), scope)
    said = [(finding.kind, finding.row, finding.value, finding.hint) for finding in found.findings]
    assert (
        "name",
        2,
        "Kelurahan Bdua",
        "which of the two is official? an import takes the file's; a repair leaves names alone",
    ) in said
    assert ("unknown_code", 3, "T11", "T1 has that name") in said
    assert [finding.value for finding in found.findings if finding.kind == "missing"] == ["T2"]
    assert not any(finding.row == 1 for finding in found.findings)


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        ("Wua-Wua", "Wua Wua", True),
        ("KELURAHAN WUA–WUA", "Wua  wua", True),
        ("Kel. Kadia", "Kadia", True),
        ("Benuanirae", "Benua Nirae", False),
        ("Puday", "Pudai", False),
        ("Kota", "", False),
    ],
)
def test_how_names_are_compared(one: str, two: str, is_same: bool) -> None:
    assert (plain(one) == plain(two)) is is_same


def test_the_reference_column_is_found_or_asked_for(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", quarters())
    rows = [
        {"bps": f"9{at}", "kode_2": row["code"], "nama": row["name"], "geometry": row["geometry"]}
        for at, row in enumerate(quarters())
    ]
    layer = read_polygons(geojson(tmp_path / "r.geojson", rows))
    assert review(path, SCOPE, reference=Reference(layer=layer, name="r.geojson")).findings == ()
    wrong = Reference(layer=layer, name="r.geojson", code_field="kode")
    (finding,) = review(path, SCOPE, reference=wrong).findings
    assert (finding.field, finding.reason) == ("--reference-code-field", "r.geojson has no column kode")


def test_borders_in_other_vertices_are_told_once(tmp_path: Path) -> None:
    """Three squares: the corner of two lies on the side of the third, which knows nothing of it."""
    rows = [quarters()[0], quarters()[1], {"code": "T", "name": "T", "geometry": box(MIDDLE_X, SOUTH, EAST, NORTH)}]
    found = review(geojson(tmp_path / "a.geojson", rows), SCOPE)
    (edges,) = found.findings
    assert (edges.kind, edges.value, edges.level) == ("edges", 3, "warning")
    assert found.coverage["is_valid"] is False
    assert edges.piece is not None
    assert edges.piece.length > 0


def test_holes_that_are_allowed_are_those_wide_enough_to_be_meant(tmp_path: Path) -> None:
    lake, sliver = box(122.46, -4.03, 122.47, -4.02), box(122.46, -4.011, 122.49, -4.0109)
    ground = box(WEST, SOUTH, MIDDLE_X, MIDDLE_Y).difference(lake).difference(sliver)
    path = geojson(tmp_path / "a.geojson", quarters(B1={"geometry": ground}))
    assert review(path, SCOPE).counts == {"gap": 1, "sliver": 1}
    allowed = Scope(bbox=SCOPE.bbox, metric_srid=32751, holes_allowed=True)
    found = review(path, allowed)
    assert found.counts == {"sliver": 1}
    assert found.findings[0].width_m == pytest.approx(11.1, abs=0.3)


def test_findings_are_drawn_and_many_of_a_kind_are_counted(tmp_path: Path) -> None:
    one = PolygonFinding(kind="overlap", field="geometry", reason="r", row=1, piece=box(0, 0, 1, 1), lon=0.5, lat=0.5)
    plainly = Finding(field="x", reason="r", lon=2.0, lat=3.0)
    drawn = draw([one, plainly, Finding(field="x", reason="nowhere")])
    assert drawn.geometry.to_list() == [box(0, 0, 1, 1), shapely.Point(2, 3)]
    assert "piece" not in one.as_dict()
    kept = at_most([one] * 7, most=5)
    assert len(kept) == 6
    assert (kept[-1].kind, kept[-1].reason, kept[-1].level) == ("more", "and 2 more findings of overlap", "error")
    path = geojson(tmp_path / "a.geojson", quarters(B1={"geometry": box(WEST, SOUTH, MIDDLE_X + 0.001, MIDDLE_Y)}))
    assert json.loads(json.dumps(review(path, SCOPE).as_dict()))["counts"] == {"overlap": 1}
