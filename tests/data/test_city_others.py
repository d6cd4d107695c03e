"""Cities other than the demo's: a small invented one, San Francisco, and Kendari with real polygons."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import shapely
from sqlalchemy import Connection, text

from data.city import load_city
from data.city_check import check_city
from data.city_init import init_city
from gis.actors import system
from gis.city import read_city
from zones.matching import match_point

NOW = datetime(2026, 2, 1, 4, tzinfo=UTC)
KENDARI = Path(__file__).resolve().parents[2] / "data/cities/kendari"

TABLES = {
    "services.csv": "code,name_id,name_en\npolice,Polisi,Police\nfire,Damkar,Fire\n",
    "agencies.csv": "code,name_id,name_en,kind,services\nPD,Polisi,Police,city,police\nFD,Damkar,Fire,city,fire\n",
    "incident_types.csv": "code,family,name_id,name_en,lane,severity\nFIRE,FIRE,Kebakaran,Fire,D,1\n",
    "sop.csv": "type,severity,condition,service,role,plan,ack_s,valid_from,valid_to,source,signed_by\n"
    "FIRE,1-4,,fire,lead,,60,2020-01-01,,test,\nFIRE,1-4,,police,support,,60,2020-01-01,,test,\n",
}


def write_city(folder: Path, facts: str, jurisdictions: str, areas: Path | dict, *more: Path) -> Path:  # type: ignore[type-arg]
    folder.mkdir()
    for name, content in TABLES.items():
        (folder / name).write_text(content)
    (folder / "city.toml").write_text(facts)
    (folder / "jurisdictions.toml").write_text(jurisdictions)
    if isinstance(areas, dict):
        (folder / "admin_areas.geojson").write_text(json.dumps(areas))
    for file in (*more, *([areas] if isinstance(areas, Path) else [])):
        shutil.copy(file, folder)
    return folder


def square(west: float, south: float, size: float = 0.02, **properties: object) -> dict[str, object]:
    shape = shapely.box(west, south, west + size, south + size)
    return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(shape)}


def test_a_small_city_needs_few_files(tmp_path: Path, tx: Connection) -> None:
    """Four tables, two TOML files, one GeoJSON: no kecamatan, roads, ladder, stations or places."""
    features = [square(5.10 + 0.02 * n, 52.08, level="kelurahan", code=f"K{n}", name=f"Wijk {n}") for n in range(3)]
    folder = write_city(
        tmp_path / "town",
        'code = "town"\nname = "Town"\ntime_zone = "Europe/Amsterdam"\nmetric_srid = 32631\n'
        'bbox = [5.05, 52.05, 5.20, 52.12]\ndrive_side = "right"\nnumber_prefix = "T"\nfallback_m = 100\n',
        "valid_from = 2020-01-01\n"
        '[[jurisdiction]]\nagency = "FD"\nservice = "fire"\narea = "city"\n'
        '[[jurisdiction]]\nagency = "PD"\nservice = "police"\neach = "kelurahan"\nname = "Post {name}"\n',
        {"type": "FeatureCollection", "features": features},
    )
    assert check_city(folder) == []
    city = load_city(folder)
    init_city(tx, city, system("test"), NOW)
    assert set(init_city(tx, load_city(folder), system("test"), NOW).values()) == {0}
    facts = read_city(tx)
    assert (facts.number_prefix, facts.settings["handoff"]["number"]) == ("T", "112")
    match = match_point(tx, 5.13, 52.09, city=facts, services=["fire", "police"], at=NOW)
    assert [(w.code, w.name) for w in match.winners["police"]] == [("K1", "Post Wijk 1")]
    assert [w.code for w in match.winners["fire"]] == ["FD"]


def test_san_francisco(tmp_path: Path, tx: Connection, geodata: Path) -> None:
    """Ten police districts from a polygon file, 41 neighbourhoods as areas, no roads."""
    incidents = geodata / "incidents"
    folder = write_city(
        tmp_path / "sf",
        'code = "sf"\nname = "San Francisco"\ntime_zone = "America/Los_Angeles"\nmetric_srid = 32610\n'
        'bbox = [-122.55, 37.68, -122.33, 37.86]\ndrive_side = "right"\nnumber_prefix = "SF"\nfallback_m = 300\n'
        "holes_allowed = true\n"
        '[[areas]]\nfile = "sf_analysis_neighborhoods.geojson"\nlevel = "kelurahan"\ncode_field = "name"\n',
        "valid_from = 2020-01-01\n"
        '[[jurisdiction]]\nagency = "FD"\nservice = "fire"\narea = "city"\n'
        '[[jurisdiction]]\nagency = "PD"\nservice = "police"\nfile = "sf_police_districts.geojson"\n'
        'code_field = "district"\nname_field = "district"\n',
        incidents / "sf_analysis_neighborhoods.geojson",
        incidents / "sf_police_districts.geojson",
    )
    assert check_city(folder) == []
    city = load_city(folder)
    assert (len(city.areas), (city.jurisdictions["agency"] == "PD").sum()) == (41, 10)
    init_city(tx, city, system("test"), NOW)
    facts = read_city(tx)
    districts = city.jurisdictions[city.jurisdictions["agency"] == "PD"]
    calls = pd.read_parquet(incidents / "sf_fire_dispatch_2020.parquet").drop_duplicates(["lon", "lat"]).iloc[::97]
    for lon, lat in zip(calls["lon"], calls["lat"], strict=True):
        match = match_point(tx, float(lon), float(lat), city=facts, services=["police"], at=NOW)
        covering = sorted(
            districts.loc[shapely.covers(districts["geometry"].to_numpy(), shapely.Point(lon, lat)), "code"]
        )
        if covering:
            assert [w.code for w in match.winners["police"]] == covering[:1]


def test_real_polygons_of_the_demo_city(tmp_path: Path, tx: Connection, geodata: Path) -> None:
    """With the real kelurahan the bay is in no polygon, and points on the bridge still find somebody."""
    folder = Path(shutil.copytree(KENDARI, tmp_path / "kendari"))
    for name in ("admin_areas.geojson", "admin_areas.csv", "sop_examples.csv", "places.csv"):
        (folder / name).unlink()
    for name in ("kelurahan", "kecamatan"):
        shutil.copy(geodata / f"kendari_{name}.geojson", folder)
    levels = [
        f'\n[[areas]]\nfile = "kendari_{level}.geojson"\nlevel = "{level}"\n'
        'code_field = "kode_bps"\nname_field = "nama"\n'
        for level in ("kecamatan", "kelurahan")
    ]
    levels[1] += 'parent_field = "kode_kecamatan_bps"\n'
    with (folder / "city.toml").open("a") as stream:
        stream.write("".join(levels))
    found = check_city(folder)
    # Every code of the polsek lists is in the real layer; stations that are guesses may lie off it.
    assert {finding.file for finding in found} <= {"stations.csv"}, found
    city = load_city(folder)
    assert (len(city.areas), len(city.jurisdictions)) == (76, len(load_city(KENDARI).jurisdictions))
    init_city(tx, city, system("test"), NOW)
    facts = read_city(tx)
    bridge = match_point(tx, 122.58706, -3.97617, city=facts, services=["police", "rescue"], at=NOW)
    police = bridge.winners["police"][0]
    assert (police.code, police.match) == ("POL-KANDAI", "nearest")
    assert police.border_m == pytest.approx(181, abs=2)
    assert bridge.winners["rescue"][0].code == "SAR"
    golden = match_point(tx, 122.49985, -3.9962, city=facts, services=["police"], at=NOW, accuracy_m=100)
    shares = {area.name: round(area.share * 100) for area in golden.areas if area.level == "kelurahan"}
    assert shares == pytest.approx({"Wua Wua": 27, "Mataiwoi": 26, "Bonggoeya": 24, "Anaiwoi": 23}, abs=2)
    assert tx.execute(text("SELECT bool_and(ST_IsValid(geom)) FROM siaga.boundary_version")).scalar_one()
