from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from data.import_report import ImportReport
from data.import_stations import import_stations
from gis.city import read_city
from gis.errors import DataError
from tests.api.city import seed
from tests.data.imports import NOW, warnings_of

HEADER = "code,name,agency,service,lon,lat,accuracy_m,source"
GOOD = "DMK-2,Pos Selatan,DMK,fire,122.48,-4.03,25,survei 2026"


@pytest.fixture
def city(tx: Connection) -> Connection:
    seed(tx)
    return tx


def load(tx: Connection, folder: Path, *rows: str, header: str = HEADER, dry_run: bool = False) -> ImportReport:
    path = folder / "stations.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return import_stations(tx, path, dry_run=dry_run, actor="test", now=NOW)


def stations(tx: Connection) -> dict[str, tuple[object, ...]]:
    query = "SELECT code, name, profile, jurisdiction_code, ST_X(geom), ST_Y(geom), is_active FROM siaga.station"
    return {row[0]: tuple(row[1:]) for row in tx.execute(text(query))}


def test_new_and_known_stations(city: Connection, tmp_path: Path) -> None:
    """A known code is changed, also out of service; stations the file does not name stay."""
    city.execute(text("UPDATE siaga.station SET is_active = false WHERE code = 'DMK-1'"))
    before = stations(city)
    report = load(
        city,
        tmp_path,
        f"{GOOD},",
        "DMK-1,Pos Induk,DMK,fire,122.5,-3.97,25,uji,car",
        'PSC-1,"PSC, pusat",PSC,medical,122.481,-4.02,10,survei,',
        "POL-B2,Pos Barat,POL,police,122.46,-4.0,25,survei,",
        header=HEADER + ",profile",
    )
    assert report.findings == []
    assert report.counts == {"created": 2, "changed": 2, "unchanged": 0, "refused": 0}
    assert stations(city) == before | {
        "DMK-1": ("Pos Induk", "car", None, 122.5, -3.97, True),
        "DMK-2": ("Pos Selatan", "fire_engine", None, 122.48, -4.03, True),
        "PSC-1": ("PSC, pusat", "ambulance", None, 122.481, -4.02, True),
        "POL-B2": ("Pos Barat", "car", None, 122.46, -4.0, True),
    }
    assert read_city(city).revision == 2
    again = import_stations(city, tmp_path / "stations.csv", actor="test", now=NOW)
    assert again.counts == {"created": 0, "changed": 0, "unchanged": 4, "refused": 0}
    assert read_city(city).revision == 2


@pytest.mark.parametrize("column", ["jurisdiction_code", "jurisdiction"])
def test_a_station_of_one_jurisdiction(city: Connection, tmp_path: Path, column: str) -> None:
    """Under the name of the command, or that of a city folder."""
    report = load(
        city,
        tmp_path,
        "POL-X,Pos X,POL,police,122.46,-4.0,25,survei,polsek-barat",
        "POL-Y,Pos Y,POL,police,122.46,-4.01,25,survei,polsek-utara",
        header=f"{HEADER},{column}",
    )
    assert report.counts == {"created": 1, "changed": 0, "unchanged": 0, "refused": 1}
    assert stations(city)["POL-X"][2] == "polsek-barat"
    (error,) = report.errors
    assert (error.row, error.field) == (2, "jurisdiction_code")
    assert error.reason == "POL has no jurisdiction polsek-utara for police"
    assert "it has: polsek-barat, polsek-timur" in error.hint


def test_good_rows_go_in_and_each_refused_one_is_reported(city: Connection, tmp_path: Path) -> None:
    report = load(
        city,
        tmp_path,
        GOOD,
        "S1,Tertukar,DMK,fire,-4.03,122.48,25,uji",
        "S2,Tanda,DMK,fire,122.48,4.03,25,uji",
        'S3,Koma,DMK,fire,"122,48","-4,03",25,uji',
        "S4,Koma,DMK,fire,122,48,-4,03,25,uji",
        "S5,Jakarta,DMK,fire,106.8,-6.2,25,uji",
        "S6,Kosong,DMK,fire,,-4.03,25,uji",
        "S7,Bukan,DMK,fire,nan,inf,25,uji",
        "S8,Instansi,XXX,fire,122.48,-4.03,25,uji",
        "S9,Layanan,DMK,api,122.48,-4.03,25,uji",
        "S10,Bukan tugasnya,DMK,police,122.48,-4.03,25,uji",
        "DMK-2,Kembar,DMK,fire,122.49,-4.03,25,uji",
        "S11,Ketelitian,DMK,fire,122.48,-4.03,-1,uji",
        "S 12,Kode,DMK,fire,122.48,-4.03,25,uji",
        f"S13,{'n' * 201},DMK,fire,122.48,-4.03,25,uji",
        "S14,Kendali\x07,DMK,fire,122.48,-4.03,25,uji",
        "",
        "S15,Terakhir,DMK,fire,122.47,-4.03,25,uji",
    )
    assert not report.is_refused
    assert report.counts == {"created": 2, "changed": 0, "unchanged": 0, "refused": 15}
    assert {"DMK-2", "S15"} == set(stations(city)) - {"POL-B", "POL-T", "DMK-1", "PSC-1"}
    assert stations(city)["DMK-2"][0] == "Pos Selatan"
    errors = {}
    for error in report.errors:
        errors.setdefault(error.row, []).append(error)
    assert sorted(errors) == list(range(2, 17))
    first = {row: found[0] for row, found in errors.items()}
    assert (first[2].reason, first[2].hint) == ("lon and lat are swapped", "write lon 122.48, lat -4.03")
    assert (first[3].reason, first[3].hint) == ("a sign is wrong", "write lon 122.48, lat -4.03")
    assert [error.field for error in errors[4]] == ["lon", "lat"]
    assert first[4].reason == "'122,48' is no number; write a decimal point, not a comma"
    assert first[4].value == "122,48"
    assert first[5].reason == "has 10 cells, the header 8"
    assert "is outside the city's bbox" in first[6].reason
    assert (first[7].field, first[7].reason) == ("lon", "is empty")
    assert [error.field for error in errors[8]] == ["lon", "lat"]
    assert (first[9].field, first[9].value, first[9].hint) == ("agency", "XXX", "the city has: DMK, POL, PSC")
    assert (first[10].field, first[10].hint) == ("service", "the city has: fire, medical, police")
    assert first[11].reason == "DMK has no jurisdiction for police"
    assert first[11].hint.startswith("its services: fire")
    assert first[12].reason == "'DMK-2' is there already"
    assert first[13].field == "accuracy_m"
    assert (first[14].field, first[15].field, first[16].field) == ("code", "name", "name")
    assert all(error.reason and error.file is None for found in errors.values() for error in found)


def test_doubtful_places_are_warnings(city: Connection, tmp_path: Path) -> None:
    """Inside the service box, but out of everybody's reach; or where another one is."""
    city.execute(text("UPDATE siaga.city SET settings = jsonb_set(settings, '{bbox}', '[122.3, -4.2, 122.7, -3.8]')"))
    report = load(
        city, tmp_path, GOOD, "DMK-3,Jauh,DMK,fire,122.65,-4.15,25,uji", "DMK-4,Sama,DMK,fire,122.48,-4.03,9,uji"
    )
    assert report.counts["created"] == 3
    far, same = warnings_of(report)
    assert (far.row, far.reason) == (2, "lies outside the service area and its agency's jurisdictions")
    assert (same.row, same.reason) == (3, "another station of DMK for fire has the same point")


def test_a_dry_run_writes_nothing(city: Connection, tmp_path: Path) -> None:
    before = stations(city)
    report = load(city, tmp_path, GOOD, dry_run=True)
    assert (report.counts["created"], stations(city), read_city(city).revision) == (1, before, 1)


def test_columns_for_others_are_left_alone(city: Connection, tmp_path: Path) -> None:
    report = load(city, tmp_path, f"{GOOD},0401-1", header=HEADER + ",telepon")
    assert (report.counts["created"], report.errors) == (1, [])
    assert [(finding.field, finding.reason) for finding in warnings_of(report)] == [("telepon", "is not used")]


@pytest.mark.parametrize(
    ("content", "field", "reason"),
    [
        (b"", "code", "column is missing"),
        (f"{HEADER}\n".encode(), "file", "no rows"),
        (b"nama,lintang,bujur\nPos,1,2\n", "code", "column is missing"),
        (f"{HEADER}\n{GOOD}\n".replace(",", ";").encode(), "header", "cells are separated by semicolons"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "file", "cannot be read"),
        (b"PK\x03\x04" + bytes(range(256)) * 4, "file", "cannot be read"),
        (f'{HEADER}\nA,"Pos\n{GOOD}\n'.encode(), "file", "cannot be read"),
        (f"{HEADER}\nA,x,DMK,fire,1,2,3,u\n".encode(), "lon", "is outside the city's bbox"),
        (f"{HEADER},code\n{GOOD},A\n".encode(), "header", "a column is there twice"),
    ],
)
def test_a_file_without_a_good_row_is_refused(
    city: Connection, tmp_path: Path, content: bytes, field: str, reason: str
) -> None:
    before = stations(city)
    (tmp_path / "s.csv").write_bytes(content)
    report = import_stations(city, tmp_path / "s.csv", actor="test", now=NOW)
    assert report.is_refused
    assert any(finding.field == field and reason in finding.reason for finding in report.errors), report.errors
    assert stations(city) == before


def test_missing_and_huge_files(city: Connection, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        import_stations(city, tmp_path / "s.csv", actor="test", now=NOW)
    with (tmp_path / "s.csv").open("wb") as stream:
        stream.truncate(21 * 1024**2)
    with pytest.raises(DataError, match="the limit is 21 MB"):
        import_stations(city, tmp_path / "s.csv", actor="test", now=NOW)
