from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from data.city import load_city
from data.city_check import check_city
from gis.errors import DataError, Finding

KENDARI = Path(__file__).resolve().parents[2] / "data/cities/kendari"
Edit = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KENDARI, tmp_path / "kendari"))


def replace_text(file: str, old: str, new: str) -> Edit:
    def edit(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text, f"{old!r} is not in {file}"
        (folder / file).write_text(text.replace(old, new, 1))

    return edit


def set_cell(file: str, row: int, column: str, value: str) -> Edit:
    def edit(folder: Path) -> None:
        with (folder / file).open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        rows[row - 1][column] = value
        with (folder / file).open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(folder: Path) -> None:
        for each in edits:
            each(folder)

    return edit


def add_line(file: str, line: str) -> Edit:
    def edit(folder: Path) -> None:
        (folder / file).write_text((folder / file).read_text() + line + "\n")

    return edit


def set_lines(file: str, lines: list[str]) -> Edit:
    """Keep the header only, and put lines below it."""

    def edit(folder: Path) -> None:
        path = folder / file
        path.write_text("\n".join([path.read_text().splitlines()[0], *lines]) + "\n")

    return edit


def move_area(code: str, shift: float) -> Edit:
    """Move one kelurahan north: it overlaps a neighbour and leaves a gap behind."""

    def edit(folder: Path) -> None:
        path = folder / "admin_areas.geojson"
        document = json.loads(path.read_text())
        feature = next(f for f in document["features"] if f["properties"]["code"] == code)
        for polygon in feature["geometry"]["coordinates"]:
            for ring in polygon:
                ring[:] = [[lon, round(lat + shift, 6)] for lon, lat in ring]
        path.write_text(json.dumps(document))

    return edit


def set_ring(code: str, ring: list[list[float]]) -> Edit:
    def edit(folder: Path) -> None:
        path = folder / "admin_areas.geojson"
        document = json.loads(path.read_text())
        feature = next(f for f in document["features"] if f["properties"]["code"] == code)
        feature["geometry"] = {"type": "Polygon", "coordinates": [ring]}
        path.write_text(json.dumps(document))

    return edit


def test_the_demo_city_has_nothing_to_mend() -> None:
    assert check_city(KENDARI) == []


def test_the_demo_city_is_complete() -> None:
    city = load_city(KENDARI)
    assert len(city.examples) >= 24
    assert set(city.types.loc[city.types["lane"].notna(), "family"]) <= {
        code for code, lane in zip(city.types["family"], city.types["lane"], strict=True) if lane
    }
    families = dict(zip(city.types["code"], city.types["family"], strict=True))
    assert {families[code] for code in city.examples["type"]} == set(families.values()) - {"ADM"}
    assert len(city.places) >= 120
    assert (city.areas["level"] == "kelurahan").sum() == 65
    assert (city.stations["agency"] == "DMK").sum() == 6
    assert (city.stations["agency"] == "PSC").sum() == 15


BOW_TIE = [[122.49, -3.98], [122.51, -4.0], [122.51, -3.98], [122.49, -4.0], [122.49, -3.98]]

# What is broken, and what must be said of it: file, row, field, words of the reason or hint.
FAULTS: list[tuple[str, Edit, tuple[str, int | None, str, str]]] = [
    ("file missing", lambda f: (f / "sop.csv").unlink(), ("sop.csv", None, "file", "is missing")),
    ("no toml", replace_text("city.toml", "[targets]", "[targets"), ("city.toml", None, "file", "is no TOML")),
    (
        "time zone",
        replace_text("city.toml", "Asia/Makassar", "Asia/Kendari"),
        ("city.toml", None, "time_zone", "unknown"),
    ),
    ("degrees", replace_text("city.toml", "32751", "4326"), ("city.toml", None, "metric_srid", "not in metres")),
    (
        "wrong zone",
        replace_text("city.toml", "32751", "32733"),
        ("city.toml", None, "metric_srid", "not for this place"),
    ),
    ("box", replace_text("city.toml", "122.40, -4.12", "-4.12, 122.40"), ("city.toml", None, "bbox", "no box")),
    ("column", replace_text("agencies.csv", "kind", "kinds"), ("agencies.csv", 0, "kind", "column is missing")),
    (
        "extra column",
        replace_text("places.csv", "source", "source,colour"),
        ("places.csv", 0, "colour", "unknown column"),
    ),
    ("cells", add_line("services.csv", "police,a,b,c"), ("services.csv", 22, "row", "has 4 cells, the header 3")),
    ("twice", add_line("services.csv", "police,Polisi,Police"), ("services.csv", 22, "code", "there already")),
    ("service code", set_cell("services.csv", 3, "code", "medicals"), ("services.csv", 3, "code", "unknown: medicals")),
    ("not utf-8", lambda f: (f / "places.csv").write_bytes(b"name\n\xff\n"), ("places.csv", None, "file", "UTF-8")),
    (
        "agency service",
        set_cell("agencies.csv", 2, "services", "fires"),
        ("agencies.csv", 2, "services", "unknown: fires"),
    ),
    ("contact", set_cell("contacts.csv", 1, "agency", "POLL"), ("contacts.csv", 1, "agency", "unknown: POLL")),
    ("comma", set_cell("stations.csv", 1, "lon", "122,5075"), ("stations.csv", 1, "lon", "decimal point")),
    (
        "swapped",
        both(set_cell("stations.csv", 1, "lon", "-3.98350"), set_cell("stations.csv", 1, "lat", "122.5075")),
        ("stations.csv", 1, "lon", "swapped"),
    ),
    ("sign", set_cell("places.csv", 1, "lat", "3.99620"), ("places.csv", 1, "lon", "a sign is wrong")),
    ("far away", set_cell("places.csv", 1, "lat", "-6.2"), ("places.csv", 1, "lon", "outside the city's bbox")),
    (
        "off the city",
        set_cell("stations.csv", 1, "lat", "-4.11"),
        ("stations.csv", 1, "lon", "outside the service area"),
    ),
    ("station agency", set_cell("stations.csv", 1, "agency", "DAM"), ("stations.csv", 1, "agency", "unknown: DAM")),
    (
        "station service",
        set_cell("stations.csv", 1, "service", "medical"),
        ("stations.csv", 1, "service", "unknown: medical"),
    ),
    (
        "station area",
        set_cell("stations.csv", 9, "jurisdiction", "POL-X"),
        ("stations.csv", 9, "jurisdiction", "no jurisdiction POL-X"),
    ),
    ("profile", set_cell("stations.csv", 1, "profile", "truck"), ("stations.csv", 1, "profile", "unknown: truck")),
    (
        "regex",
        set_cell("incident_types.csv", 1, "words", "api(("),
        ("incident_types.csv", 1, "words", "no regular expression"),
    ),
    (
        "python regex",
        set_cell("incident_types.csv", 1, "words", "kebakaran|(?<=x)y|api|bakar"),
        ("incident_types.csv", 1, "words", "browser"),
    ),
    ("lane alone", set_cell("incident_types.csv", 1, "severity", ""), ("incident_types.csv", 1, "lane", "go together")),
    (
        "questions",
        set_cell("incident_types.csv", 1, "questions_en", "One?"),
        ("incident_types.csv", 1, "questions_en", "do not pair"),
    ),
    ("condition", set_cell("sop.csv", 2, "condition", "victims > 3"), ("sop.csv", 2, "condition", "found `victims`")),
    (
        "condition area",
        set_cell("sop.csv", 2, "condition", 'area = "999"'),
        ("sop.csv", 2, "condition", "unknown: 999"),
    ),
    ("sop type", set_cell("sop.csv", 2, "type", "KBK9"), ("sop.csv", 2, "type", "unknown: KBK9")),
    ("sop severity", set_cell("sop.csv", 2, "severity", "0-2"), ("sop.csv", 2, "severity", "1-4")),
    ("sop ack", set_cell("sop.csv", 2, "ack_s", "60/180"), ("sop.csv", 2, "ack_s", "does not fit")),
    ("no ack", set_cell("sop.csv", 2, "ack_s", ""), ("sop.csv", 2, "ack_s", "needs a time")),
    ("two leads", set_cell("sop.csv", 2, "role", "lead"), ("sop.csv", None, "role", "KBK1 S1: leads fire, medical")),
    ("no lead", set_cell("sop.csv", 1, "role", "support"), ("sop.csv", None, "role", "KBK1 S4: no lead")),
    ("lead by night", set_cell("sop.csv", 1, "condition", "hour >= 18"), ("sop.csv", None, "role", "KBK1 S1: no lead")),
    ("lead ends", set_cell("sop.csv", 1, "valid_to", "2026-07-01"), ("sop.csv", None, "role", "from 2026-07-01")),
    (
        "rule twice",
        lambda f: add_line("sop.csv", (f / "sop.csv").read_text().splitlines()[1])(f),
        ("sop.csv", 210, "service", "there already"),
    ),
    (
        "nobody responsible",
        replace_text("jurisdictions.toml", 'service = "wildlife"', 'service = "hospital"'),
        ("sop.csv", 81, "service", "nobody has a jurisdiction for wildlife"),
    ),
    (
        "not its service",
        replace_text("jurisdictions.toml", 'service = "wildlife"', 'service = "hospital"'),
        ("jurisdictions.toml", 23, "service", "unknown: hospital"),
    ),
    (
        "competition",
        replace_text("jurisdictions.toml", '["7471030"]', '["7471030", "7471031"]'),
        ("jurisdictions.toml", 6, "priority", "overlap"),
    ),
    (
        "unknown area",
        replace_text("jurisdictions.toml", '["7471030"]', '["7471099"]'),
        ("jurisdictions.toml", 5, "areas", "unknown codes: 7471099"),
    ),
    (
        "two ways",
        replace_text("jurisdictions.toml", 'areas = ["7471030"]', 'areas = ["7471030"]\narea = "city"'),
        ("jurisdictions.toml", 5, "area", "exactly one"),
    ),
    (
        "priority",
        replace_text("jurisdictions.toml", 'areas = ["7471030"]', 'areas = ["7471030"]\npriority = 0'),
        ("jurisdictions.toml", 5, "priority", "1 to 10000"),
    ),
    (
        "key",
        replace_text("jurisdictions.toml", "is_citywide", "citywide"),
        ("jurisdictions.toml", 7, "citywide", "unknown key"),
    ),
    (
        "no polygon file",
        replace_text("jurisdictions.toml", 'areas = ["7471030"]', 'file = "x.geojson"'),
        ("x.geojson", None, "file", "is missing"),
    ),
    ("bow tie", set_ring("7471014008", BOW_TIE), ("admin_areas.geojson", 35, "geometry", "Self-intersection")),
    (
        "latitude first",
        set_ring("7471014008", [[lat, lon] for lon, lat in [*BOW_TIE[:2], [122.49, -4.0], BOW_TIE[0]]]),
        ("admin_areas.geojson", 35, "geometry", "longitude comes first"),
    ),
    ("overlap", move_area("7471014008", 0.002), ("admin_areas.geojson", None, "geometry", "overlap by")),
    ("gap", move_area("7471014008", 0.002), ("admin_areas.geojson", None, "geometry", "a gap of")),
    (
        "nesting",
        move_area("7471014008", 0.002),
        ("admin_areas.geojson", None, "geometry", "kecamatan 7471014 Wua-Wua differs"),
    ),
    (
        "no polygon",
        add_line("admin_areas.csv", "kelurahan,7471014099,Baru,7471014,122.5,-4.0"),
        ("admin_areas.csv", 78, "code", "has no polygon"),
    ),
    (
        "ladder time",
        set_cell("ladder.csv", 3, "after_s", "30"),
        ("ladder.csv", None, "after_s", "level 2 after 30 s is not later"),
    ),
    ("ladder level", set_cell("ladder.csv", 3, "level", "9"), ("ladder.csv", None, "level", "without a gap")),
    (
        "trigger",
        set_cell("triggers.csv", 1, "condition", "n_dead >"),
        ("triggers.csv", 1, "condition", "found the end"),
    ),
    ("speed", set_cell("speeds.csv", 1, "speed_kph", "400"), ("speeds.csv", 1, "speed_kph", "not 1 to 150")),
    (
        "speed hour",
        set_lines("speeds.csv", ["car,trunk,0,40,a", "car,trunk,24,30,a"]),
        ("speeds.csv", 2, "hour_from", "24 is not 0 to 23"),
    ),
    (
        "speed by day only",
        set_lines("speeds.csv", ["car,trunk,0,40,a", "car,path,6,9,a", "car,trunk,6,30,a"]),
        ("speeds.csv", 2, "hour_from", "car has no speed for path before 6:00: closed to it till then"),
    ),
    (
        "speed left out of a band",
        set_lines("speeds.csv", ["car,trunk,0,40,a", "car,primary,0,30,a", "car,primary,7,20,a", "car,trunk,9,40,a"]),
        ("speeds.csv", 3, "road_class", "car has no speed from 7:00 for trunk"),
    ),
    (
        "neighbour",
        set_cell("neighbours.csv", 1, "name", "Konawe"),
        ("neighbours.geojson", 1, "name", "not in neighbours.csv"),
    ),
    ("date", set_cell("calendar.csv", 1, "date", "1 Jan 2026"), ("calendar.csv", 1, "date", "2026-01-31")),
    (
        "example lead",
        set_cell("sop_examples.csv", 1, "lead", "DMK"),
        ("sop_examples.csv", 1, "lead", "missing DMK; not expected POL:POL-MANDONGA"),
    ),
    (
        "example support",
        set_cell("sop_examples.csv", 1, "support", "SPP PSC TNI"),
        ("sop_examples.csv", 1, "support", "not expected DMK"),
    ),
    (
        "example jurisdiction",
        set_cell("sop_examples.csv", 2, "lead", "POL:POL-BARUGA"),
        ("sop_examples.csv", 2, "lead", "missing POL:POL-BARUGA"),
    ),
    (
        "example fact",
        set_cell("sop_examples.csv", 1, "facts", "victims=2"),
        ("sop_examples.csv", 1, "facts", "is no fact"),
    ),
    ("example time", set_cell("sop_examples.csv", 1, "at", "Saturday"), ("sop_examples.csv", 1, "at", "Saturday")),
    (
        "example words",
        set_cell("sop_examples.csv", 1, "sentence", "Ada apa"),
        ("sop_examples.csv", 1, "sentence", "is taken for nothing, not KAM1"),
    ),
]


def fits(finding: Finding, expected: tuple[str, int | None, str, str]) -> bool:
    file, row, field, words = expected
    told = f"{finding.reason} {finding.hint}"
    return (finding.file, finding.row, finding.field) == (file, row, field) and words in told


@pytest.mark.parametrize(("edit", "expected"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_fault_is_told_with_place_and_mend(
    folder: Path, edit: Edit, expected: tuple[str, int | None, str, str]
) -> None:
    edit(folder)
    found = check_city(folder)
    assert any(fits(finding, expected) for finding in found), "\n".join(map(str, found)) or "nothing found"


def test_every_fault_is_told_at_once(folder: Path) -> None:
    chosen = [
        fault
        for fault in FAULTS
        if fault[0] in ("comma", "regex", "two leads", "competition", "ladder time", "trigger")
    ]
    for _, edit, _ in chosen:
        edit(folder)
    found = check_city(folder)
    for name, _, expected in chosen:
        assert any(fits(finding, expected) for finding in found), name


def test_load_refuses_what_cannot_be_read(folder: Path) -> None:
    set_cell("stations.csv", 1, "lon", "east")(folder)
    with pytest.raises(DataError, match=r"stations\.csv:1: lon: 'east' is no number") as refused:
        load_city(folder)
    assert len(refused.value.findings) == 1


def test_an_empty_folder_is_told_every_file_it_needs(tmp_path: Path) -> None:
    found = check_city(tmp_path)
    assert {finding.file for finding in found} >= {"city.toml", "services.csv", "agencies.csv", "sop.csv"}


@pytest.mark.parametrize(("name", "reason"), [("none", "is not there"), ("file", "is not a folder")])
def test_a_folder_that_is_none_is_one_finding(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    findings = check_city(tmp_path / name)
    assert [(finding.field, finding.reason) for finding in findings] == [("folder", reason)]
