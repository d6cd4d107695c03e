"""The demo's city with its real polygons: as a folder of its own, and imported into the demo's database."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import Connection, Engine, text

from data.city import load_city
from data.city_check import check_city
from data.city_init import init_city
from data.import_areas import import_areas
from gis.actors import system
from gis.city import read_city
from gis.db import database_now
from gis.words import Role
from ops.__main__ import main
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.intake import accept
from tests.data.imports import NOW, of_kind, warnings_of
from zones.matching import match_point
from zones.receipts import replay

KENDARI = Path(__file__).resolve().parents[2] / "data/cities/kendari"
WUA_WUA = (122.49985, -3.9962)
BRIDGE = (122.5885, -3.9795)
MOSQUES = [(122.5424109, -3.9779331), (122.544544, -3.978)]  # Masjid Al-Alam in the bay, told by two sources
METRIC_SRID = 32751

AREAS = """
[[areas]]
file = "kendari_kecamatan.geojson"
level = "kecamatan"
code_field = "kode_bps"
name_field = "nama"

[[areas]]
file = "kendari_kelurahan.geojson"
level = "kelurahan"
code_field = "kode_bps"
name_field = "nama"
parent_field = "kode_kecamatan_bps"
"""
# The bay is in no polygon of the real layer: who works on the water needs an area of its own.
ON_THE_WATER = 'code = "AIR"\nname = "Polisi Perairan"\narea = "bbox"\nbbox = [122.40, -4.12, 122.68, -3.88]'


def build_kendari(folder: Path, geodata: Path) -> Path:
    """Make a city folder of the demo's tables and the real polygons; no roads, no bay, the fallback reaches across."""
    folder.mkdir()
    for file in KENDARI.glob("*.csv"):
        if file.name not in ("admin_areas.csv", "sop_examples.csv", "places.csv"):
            shutil.copy(file, folder)
    for level in ("kecamatan", "kelurahan"):
        shutil.copy(geodata / f"kendari_{level}.geojson", folder)
    facts = (KENDARI / "city.toml").read_text().replace("fallback_m = 500", "fallback_m = 1000")
    (folder / "city.toml").write_text(facts.replace("= true", "= false") + AREAS)
    duties = (KENDARI / "jurisdictions.toml").read_text()
    old = 'code = "AIR"\nname = "Polisi Perairan"\narea = "city"'
    assert old in duties
    (folder / "jurisdictions.toml").write_text(duties.replace(old, ON_THE_WATER))
    drop_rows(folder / "stations.csv", {finding.row for finding in check_city(folder) if finding.row})
    return folder


def drop_rows(path: Path, rows: set[int]) -> None:
    """Take rows out of a table: a guessed station may lie beside the real line."""
    with path.open(encoding="utf-8", newline="") as stream:
        header, *lines = csv.reader(stream)
    kept = [line for row, line in enumerate(lines, start=1) if row not in rows]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *kept])


@pytest.fixture(scope="module")
def folder(geodata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_kendari(tmp_path_factory.mktemp("city") / "kendari", geodata)


@pytest.fixture(scope="module")
def city_engine(engine: Engine, folder: Path) -> Engine:
    """The city in the module's own database, without roads."""
    with engine.begin() as tx:
        init_city(tx, load_city(folder), system("test"), database_now(tx))
    return engine


@pytest.fixture
def real(city_engine: Engine) -> Iterator[Connection]:
    """A transaction on the real city that is rolled back."""
    with city_engine.connect() as tx, tx.begin() as transaction:
        yield tx
        transaction.rollback()


def report(tx: Connection, state: Path, type_code: str, at: tuple[float, float], **more: Any) -> dict[str, Any]:
    actor = dataclasses.replace(system("test"), role=Role.OPERATOR)
    body = {"type": type_code, "lon": at[0], "lat": at[1], **more}
    return accept(tx, Context(state), body, actor=actor, key=json.dumps(body), language="id").answer


def test_the_folder_is_good(folder: Path) -> None:
    assert check_city(folder) == []
    city = load_city(folder)
    assert city.areas["level"].value_counts().to_dict() == {"kelurahan": 65, "kecamatan": 11}


def test_four_kelurahan_meet_at_wua_wua(real: Connection, tmp_path: Path) -> None:
    """The golden case of the design: 27, 26, 24 and 23 % of a disc of 100 m; the border is 0.9 m away."""
    answer = report(real, tmp_path, "KAM1", WUA_WUA, accuracy_m=100)
    shares = {area["name"]: area["share"] * 100 for area in answer["admin"]["kelurahan"]}
    assert shares == pytest.approx({"Wua Wua": 27, "Mataiwoi": 26, "Bonggoeya": 24, "Anaiwoi": 23}, abs=2)
    assert len(answer["admin"]["kecamatan"]) == 2
    told = [row for row in answer["assignments"] if row["agency"] == "KEL"]
    assert len(told) == 4
    assert sorted(row["share"] for row in told) == pytest.approx([0.23, 0.24, 0.26, 0.27], abs=0.02)
    exact = report(real, tmp_path, "KAM1", WUA_WUA)
    (kelurahan,) = exact["admin"]["kelurahan"]
    (ward,) = [row for row in exact["assignments"] if row["agency"] == "KEL"]
    assert (ward["jurisdiction"]["code"], ward["match"]) == (kelurahan["code"], "covers")
    assert ward["border_m"] == pytest.approx(0.9, abs=0.1)


@pytest.mark.parametrize("type_code", ["LKA1", "KBK1", "SAR2", "LKA4", "KAM1"])
@pytest.mark.parametrize("at", [BRIDGE, *MOSQUES])
def test_on_the_water_there_is_always_somebody(
    real: Connection, folder: Path, tmp_path: Path, geodata: Path, type_code: str, at: tuple[float, float]
) -> None:
    """Outside every kelurahan: the nearest one with metres, or who works on the water; never nothing."""
    answer = report(real, tmp_path, type_code, at)
    assert (answer["admin"]["kelurahan"], answer["handoff"]) == ([], None)
    assert [row["role"] for row in answer["assignments"]].count("lead") == 1
    for row in answer["assignments"]:
        assert row["agency"] is not None
        assert row["match"] in ("nearest", "covers")
        assert row["match"] == "nearest" or row["agency"] in ("SAR", "AIR", "TNI")
        assert row["border_m"] > 0
        assert row["why"]
        assert (row["station"] is None) == (row["estimate"] == "none")
        assert row["estimate"] in ("straight_line", "none")
        assert replay(real, row["receipt_id"], city=read_city(real))["same"] is True
    nearest = [row for row in answer["assignments"] if row["match"] == "nearest"]
    point = gpd.GeoSeries([shapely.Point(at)], crs=4326).to_crs(METRIC_SRID).iloc[0]
    kelurahan = gpd.read_file(geodata / "kendari_kelurahan.geojson").to_crs(METRIC_SRID)
    shore_m = kelurahan.distance(point).min()
    assert [row["border_m"] for row in nearest] == pytest.approx([shore_m] * len(nearest), abs=0.2)
    if type_code == "SAR2":
        assert next(row["agency"] for row in answer["assignments"] if row["role"] == "lead") == "SAR"


def test_every_kelurahan_has_its_middle(real: Connection, geodata: Path) -> None:
    """A point inside each polygon gets that kelurahan, its kecamatan, and its own lurah."""
    polygons = gpd.read_file(geodata / "kendari_kelurahan.geojson")
    city, now = read_city(real), database_now(real)
    for row, point in zip(polygons.itertuples(), polygons.geometry.representative_point(), strict=True):
        match = match_point(real, point.x, point.y, city=city, services=["local_government", "police"], at=now)
        areas = {area.level: area.code for area in match.areas}
        assert areas == {"kelurahan": row.kode_bps, "kecamatan": row.kode_kecamatan_bps}
        assert [winner.code for winner in match.winners["local_government"]] == [row.kode_bps]
        assert [winner.match for winner in match.winners["police"]] == ["covers"]


@pytest.fixture
def siaga(kendari: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> Any:
    """Run ``./siaga import …`` on the module's copy of the demo city; give exit code, report and what was said."""

    @contextlib.contextmanager
    def open_engine(state: object, role: str = "owner") -> Iterator[Engine]:
        yield kendari

    monkeypatch.setattr("ops.session.open_engine", open_engine)

    def run(*arguments: object) -> tuple[int, dict[str, Any], str]:
        report = tmp_path / "report.json"
        code = main(["import", *map(str, arguments), "--report", str(report), "--state", str(tmp_path)])
        return code, json.loads(report.read_text()), capsys.readouterr().out

    return run


def test_real_boundaries_into_the_demo_city(siaga: Any, kendari: Engine, geodata: Path) -> None:
    """By the command line: known codes get a version, others are made, what the file does not name ends."""
    path = geodata / "kendari_kelurahan.geojson"
    fields = ("--code-field", "kode_bps", "--name-field", "nama")
    code, report, said = siaga("boundaries", path, "--agency", "KEL", "--service", "local_government", *fields)
    assert (code, report["findings"]) == (0, [])
    assert report["counts"] == {"created": 0, "changed": 65, "ended": 0}
    assert "wrote 0 created, 65 changed, 0 ended" in said
    public_order = ("--agency", "SPP", "--service", "public_order")
    code, report, said = siaga("boundaries", path, *public_order, *fields, "--dry-run")
    assert (code, report["counts"], report["dry_run"]) == (0, {"created": 65, "changed": 0, "ended": 1}, True)
    code, report, said = siaga("boundaries", path, *public_order, *fields)
    assert (code, report["counts"]) == (0, {"created": 65, "changed": 0, "ended": 1})
    with kendari.connect() as tx:
        match = match_point(
            tx, *WUA_WUA, city=read_city(tx), services=["public_order"], at=database_now(tx), accuracy_m=100
        )
        shares = {winner.name: (winner.share or 0) * 100 for winner in match.winners["public_order"]}
        assert shares == pytest.approx({"Wua Wua": 27, "Mataiwoi": 26, "Bonggoeya": 24, "Anaiwoi": 23}, abs=2)


def test_the_dirty_layer_warns_of_its_57_overlaps(siaga: Any, geodata: Path) -> None:
    path = geodata / "kendari_kelurahan_cahyadsn_dirty.geojson"
    options = ("--agency", "SPP", "--service", "public_order", "--dry-run")
    code, report, _ = siaga("boundaries", path, *options, "--code-field", "kode", "--name-field", "nama")
    assert (code, report["refused"]) == (0, False)
    assert report["counts"]["created"] == 64
    overlaps = [finding for finding in report["findings"] if finding["kind"] == "overlap"]
    assert len(overlaps) == 57
    assert {finding["level"] for finding in report["findings"]} == {"warning"}
    assert all("m²" in finding["reason"] and finding["lon"] and finding["lat"] for finding in overlaps)
    largest = max(
        overlaps,
        key=lambda finding: float(finding["reason"].split(" by ")[1].split(" m²")[0].replace(",", "")),
    )
    assert "3,466 m²" in largest["reason"]
    code, report, said = siaga("boundaries", path, *options)
    assert (code, report["refused"]) == (0, False)  # kode and nama are found by themselves
    code, report, said = siaga("boundaries", path, *options, "--code-field", "kode_bps")
    assert (code, report["refused"]) == (1, True)
    assert "the file has: " in report["findings"][0]["hint"]
    assert "nothing was written" in said


def test_invalid_polygons_are_refused(siaga: Any, geodata: Path) -> None:
    path = geodata / "sultra_kabkota_cahyadsn_invalid.geojson"
    code, report, _ = siaga("boundaries", path, "--agency", "BPBD", "--service", "civil_protection", "--priority", "50")
    assert (code, report["refused"]) == (1, True)
    invalid = [finding for finding in report["findings"] if finding["reason"].startswith("invalid: ")]
    frame = gpd.read_file(path)
    assert len(invalid) == (~frame.is_valid).sum() > 0
    assert all({"row", "lon", "lat", "hint"} <= finding.keys() for finding in invalid)


def test_real_areas_into_the_demo_city(kendari_tx: Connection, geodata: Path) -> None:
    """First the kecamatan, then the kelurahan: then they nest, and the map and the service area have followed."""

    def load(level: str, **more: Any) -> Any:
        path = geodata / f"kendari_{level}.geojson"
        return import_areas(kendari_tx, path, level=level, code_field="kode_bps", actor="test", now=NOW, **more)

    upper = load("kecamatan")
    assert upper.counts == {"created": 0, "changed": 11, "unchanged": 0, "removed": 0}
    assert sum("differs from its kelurahan" in finding.reason for finding in warnings_of(upper)) == 11
    lower = load("kelurahan", parent_field="kode_kecamatan_bps")
    assert lower.counts == {"created": 0, "changed": 65, "unchanged": 0, "removed": 0}
    reasons = [finding.reason for finding in warnings_of(lower)]
    assert not any("kecamatan" in reason for reason in reasons)
    # The demo's bay is hand-drawn: it laps over the real shore, and leaves gaps before it.
    assert any(reason.startswith("kelurahan") and "and water" in reason for reason in reasons)
    assert load("kelurahan", parent_field="kode_kecamatan_bps").counts["unchanged"] == 65
    match = match_point(
        kendari_tx,
        *WUA_WUA,
        city=read_city(kendari_tx),
        services=["police"],
        at=database_now(kendari_tx),
        accuracy_m=100,
    )
    shares = {area.name: area.share * 100 for area in match.areas if area.level == "kelurahan"}
    assert shares == pytest.approx({"Wua Wua": 27, "Mataiwoi": 26, "Bonggoeya": 24, "Anaiwoi": 23}, abs=2)
    covered = "SELECT bool_and(ST_Covers(c.service_area, a.geom)) FROM siaga.city c, siaga.admin_area a"
    assert kendari_tx.execute(text(covered + " WHERE a.level <> 'kecamatan'")).scalar_one() is True
    land = text("SELECT sum(ST_Area(ST_Transform(geom, 32751))) / 1e6 FROM siaga.admin_area WHERE level = 'kelurahan'")
    assert kendari_tx.execute(land).scalar_one() == pytest.approx(268.95, abs=0.05)
    drawn = "SELECT count(*) FROM siaga.basemap_line WHERE kind = 'boundary' AND rank = 3"
    assert kendari_tx.execute(text(drawn)).scalar_one() > 65


def test_the_dirty_layer_as_areas_lists_overlaps_and_gaps(kendari_tx: Connection, geodata: Path) -> None:
    path = geodata / "kendari_kelurahan_cahyadsn_dirty.geojson"
    report = import_areas(kendari_tx, path, level="kelurahan", dry_run=True, actor="test", now=NOW)
    assert not report.is_refused
    reasons = [finding.reason for finding in warnings_of(report)]
    assert (
        sum("overlap by" in reason and "water" not in reason for reason in reasons if "borders of" not in reason) == 57
    )
    assert len(of_kind(report, "gap", "sliver")) > 100
    # Its codes are others: no kelurahan has a known parent, and each is put to a kecamatan by its ground.
    assert report.counts == {"created": 64, "changed": 0, "unchanged": 0, "removed": 65}
