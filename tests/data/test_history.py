"""The synthetic history: the same bytes for the same seed, inside the city, with the mix it was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, box

from data.history import History, generate
from data.history_settings import HistorySettings
from gis.errors import DataError
from gis.words import ENDED, Classification, LocationMethod

ROOT = Path(__file__).resolve().parents[2]
KENDARI = ROOT / "data/cities/kendari"
UNTIL = date(2026, 11, 24)
ZONE = "Asia/Makassar"

# Two kecamatan of four and two kelurahan on the equator, and a bay; squares of 0.02°, about 2.2 km.
SQUARES = {
    "a1": (0, 0, "a"),
    "a2": (1, 0, "a"),
    "a3": (0, 1, "a"),
    "a4": (1, 1, "a"),
    "b1": (2, 0, "b"),
    "b2": (2, 1, "b"),
}


def square(x: float, y: float, width: float = 1.0):
    west, south = 122.40 + 0.02 * x, 0.02 * y
    return box(west, south, west + 0.02 * width, south + 0.02)


def small_city() -> gpd.GeoDataFrame:
    rows = [("kelurahan", code, code.upper(), parent, square(x, y)) for code, (x, y, parent) in SQUARES.items()]
    rows += [
        ("kecamatan", "a", "A", None, box(122.40, 0, 122.44, 0.04)),
        ("kecamatan", "b", "B", None, box(122.44, 0, 122.46, 0.04)),
    ]
    rows += [("water", "bay", "Teluk", None, square(3, 0, 2))]
    return gpd.GeoDataFrame(rows, columns=["level", "code", "name", "parent_code", "geometry"], crs=4326)


def small_types() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("FIRE", "Kebakaran", "D", 1, "DMK"),
            ("FLOOD", "Banjir", "D", 2, "BPBD"),
            ("LAMP", "LPJU mati", "L", 4, "DSH"),
            ("RARE", "Lain", "L", 4, "PLN"),
        ],
        columns=["type_code", "name_id", "lane", "severity", "lead_agency"],
    )


def settings(tmp_path: Path, text: str) -> HistorySettings:
    file = tmp_path / "history.toml"
    file.write_text(text, encoding="utf-8")
    return HistorySettings.read(file)


SMALL = """
[period]
days = 365
[calls]
per_day = 100
ticket_share = 0.1
[types]
FIRE = 1
FLOOD = 2
LAMP = 7
[[areas]]
types = ["FIRE"]
weights = { a = 3, b = 1 }
[[areas]]
types = ["LAMP"]
weights = { b2 = 1, a = 0, b = 0 }
[[seasons]]
types = ["FLOOD"]
months = [2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0]
storms = true
[[hours]]
types = ["LAMP"]
weights = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0]
[done]
DSH = 0.25
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> History:
    return make(settings(tmp_path_factory.mktemp("city"), SMALL))


def make(given: HistorySettings, **more) -> History:
    return generate(
        small_city(), small_types(), given, until=UNTIL, time_zone=ZONE, metric_srid=32751, number_prefix="K", **more
    )


def test_same_seed_gives_the_same_bytes_in_another_process(small):
    script = (
        "import sys; sys.path.insert(0, 'tests/data'); import test_history as t, tempfile, pathlib;"
        "print(t.make(t.settings(pathlib.Path(tempfile.mkdtemp()), t.SMALL)).digest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    other = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == small.digest()


def test_golden_digest(small):
    # Changes with the generator or its settings only, and then on purpose.
    assert small.digest() == "105edab7e5edaab771dc90ae5dcc0c2e316c97b3aa565a5cc36fc163bf5fd247"


def test_another_seed_or_day_gives_another_history(tmp_path, small):
    assert make(settings(tmp_path, SMALL), seed=113).digest() != small.digest()


def test_order_of_areas_and_types_changes_nothing(tmp_path, small):
    turned = generate(
        small_city().iloc[::-1].reset_index(drop=True),
        small_types().iloc[::-1],
        settings(tmp_path, SMALL),
        until=UNTIL,
        time_zone=ZONE,
        metric_srid=32751,
        number_prefix="K",
    )
    assert turned.digest() == small.digest()


def test_every_incident_lies_in_a_kelurahan(small):
    cells = small_city().query("level == 'kelurahan'")
    incidents = gpd.GeoDataFrame(
        small.incidents, geometry=gpd.points_from_xy(small.incidents["lon"], small.incidents["lat"]), crs=4326
    )
    found = gpd.sjoin(incidents[["geometry"]], cells[["geometry"]], predicate="intersects")
    assert set(found.index) == set(incidents.index)


def test_types_follow_their_weights(small):
    n = small.incidents["type_code"].value_counts()
    assert "RARE" not in n
    assert n["LAMP"] / n["FIRE"] == pytest.approx(7, rel=0.15)  # neither has a season
    assert n["FLOOD"] > n["FIRE"]


def test_areas_follow_their_weights(small):
    # by true place: the noted one may be a street further, so the name of the area is looked at
    fires = small.incidents[small.incidents["type_code"] == "FIRE"]["location_text"].str[0].value_counts(normalize=True)
    assert fires["A"] == pytest.approx(0.75, abs=0.06)
    assert set(small.incidents[small.incidents["type_code"] == "LAMP"]["location_text"]) == {"B2"}


def test_seasons_and_hours_are_local(small):
    local = small.incidents["received_at"].dt.tz_convert(ZONE).dt
    floods = small.incidents["type_code"] == "FLOOD"
    assert set(local.month[floods]) <= {1, 2, 3, 4, 5, 6}
    lamps = small.incidents["type_code"] == "LAMP"
    assert set(local.hour[lamps]) == {18, 19}
    assert (local.hour[lamps] == 19).mean() == pytest.approx(0.75, abs=0.04)


def test_rain_comes_in_storms(small):
    floods = small.incidents[small.incidents["type_code"] == "FLOOD"]
    per_day = floods["received_at"].dt.tz_convert(ZONE).dt.date.value_counts()
    assert per_day.var() > 1.5 * per_day.mean()


def test_times_are_in_order_and_within_the_period(small):
    incidents = small.incidents
    assert incidents["received_at"].is_monotonic_increasing
    assert (incidents["occurred_at"] < incidents["received_at"]).all()
    assert (incidents["closed_at"] >= incidents["received_at"]).all()
    assert incidents["closed_at"].max() <= pd.Timestamp(UNTIL, tz=ZONE)
    assert incidents["received_at"].min() >= pd.Timestamp("2025-11-24", tz=ZONE)


def test_done_shares_follow_the_lead_agency(small):
    lamps = small.incidents[small.incidents["type_code"] == "LAMP"]
    fires = small.incidents[small.incidents["type_code"] == "FIRE"]
    assert lamps["is_done"].mean() == pytest.approx(0.25, abs=0.05)
    assert fires["is_done"].mean() > 0.45
    assert (lamps["result"] == "handled").equals(lamps["is_done"])


def test_words_are_those_of_the_contract_and_everything_has_ended(small):
    incidents = small.incidents
    assert set(incidents["status"]) <= {str(status) for status in ENDED}
    assert set(incidents["classification"]) <= {str(word) for word in Classification}
    assert set(incidents["location_method"]) <= {str(word) for word in LocationMethod}
    assert incidents["severity"].between(1, 4).all()
    assert incidents["accuracy_m"].between(1, 5000).all()
    assert incidents["number"].is_unique
    assert incidents["incident_id"].is_unique
    assert (
        incidents["incident_id"]
        .str.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
        .all()
    )


def test_ids_are_in_order_of_time(small):
    assert small.incidents["incident_id"].str[:13].is_monotonic_increasing


def test_calls_add_up(small):
    calls = small.calls
    classes = ["emergency", "service", "information", "prank", "ghost", "wrong_number", "out_of_area", "test"]
    assert (calls["calls_in"] == calls["answered"] + calls["unanswered"]).all()
    assert (calls["answered"] == calls[classes].sum(axis=1)).all()
    assert (calls["tickets"] == calls["emergency"] + calls["service"]).all()
    assert calls["tickets"].sum() == len(small.incidents)
    assert len(calls) == 365
    per_day = small.incidents["received_at"].dt.tz_convert(ZONE).dt.strftime("%Y-%m-%d").value_counts()
    assert (calls.set_index("date")["tickets"].loc[per_day.index] == per_day).all()


def test_ten_times_is_ten_times(tmp_path, small):
    many = make(settings(tmp_path, SMALL), scale=10)
    assert len(many.incidents) == pytest.approx(10 * len(small.incidents), rel=0.05)


def test_a_city_without_settings_gets_a_history():
    history = make(HistorySettings(days=120))
    assert set(history.incidents["type_code"]) == {"FIRE", "FLOOD", "LAMP", "RARE"}
    assert len(history.incidents) == pytest.approx(120 * 140 * 0.067, rel=0.15)


def test_daylight_saving_does_no_harm():
    history = generate(
        small_city(), small_types(), HistorySettings(days=365), until=UNTIL, time_zone="Europe/Malta", metric_srid=32751
    )
    assert history.incidents["received_at"].notna().all()


def test_kendari_has_the_published_numbers():
    areas = gpd.read_file(KENDARI / "admin_areas.geojson")
    given = HistorySettings.read(KENDARI / "history.toml")
    types = pd.DataFrame({"type_code": list(given.types), "name_id": "x", "severity": 2, "lead_agency": None})
    types["lane"] = np.where(
        types["type_code"].isin(["UTL2", "UTL3", "UTL4", "UTL6", "LNG1", "LNG2", "KAM7", "SOS2", "MED5"]), "L", "D"
    )
    history = generate(areas, types, given, until=UNTIL, time_zone=ZONE, metric_srid=32751)
    calls, incidents = history.calls, history.incidents
    assert calls["calls_in"].mean() == pytest.approx(140, rel=0.03)
    assert (calls["prank"] + calls["ghost"]).sum() / calls["calls_in"].sum() == pytest.approx(0.24, abs=0.01)
    assert len(incidents) == pytest.approx(10_300, rel=0.03)
    fires = incidents[incidents["type_code"].str.startswith("KBK")]
    assert len(fires) / 3 == pytest.approx(138, rel=0.1)
    parent = areas[areas["level"] == "kelurahan"].set_index("name")["parent_code"]
    by_district = fires["location_text"].map(parent[~parent.index.duplicated()]).value_counts()
    assert by_district.get("7471021", 0) <= 5  # Abeli had none
    assert by_district["7471013"] / len(fires) == pytest.approx(23 / 138, abs=0.05)  # Kadia


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[calls]\nticket_share = 1.5\n", "ticket_share"),
        ("[calls]\nprank_share = 0.9\nghost_share = 0.2\n", "add up"),
        ("[[seasons]]\ntypes = ['FIRE']\nmonths = [1, 2]\n", "12 factors"),
        ("[[hours]]\ntypes = ['FIRE']\nweights = [1]\n", "24 weights"),
        ("[types]\nFIRE = -1\n", "negative"),
        ("[[positions]]\nmethod = 'map'\nshare = 1\naccuracy_m = [50, 10]\n", "accuracy_m"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path, text, reason):
    with pytest.raises(DataError) as caught:
        settings(tmp_path, text)
    assert any(reason in str(finding) for finding in caught.value.findings)


@pytest.mark.parametrize(
    "text",
    ["days = = 1", "[calls]\nper_day = 'many'\n", "[[positions]]\nmethod = 'dream'\nshare = 1\naccuracy_m = [1, 2]\n"],
)
def test_broken_files_say_so(tmp_path, text):
    with pytest.raises(DataError, match=r"history\.toml"):
        settings(tmp_path, text)


def test_a_month_without_any_type_is_refused(tmp_path):
    text = "[types]\nFIRE = 1\n[[seasons]]\ntypes = ['FIRE']\nmonths = [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1]\n"
    with pytest.raises(DataError, match="month 10"):
        make(settings(tmp_path, text))


def test_no_land_and_no_type_are_refused():
    water = small_city().query("level == 'water'")
    with pytest.raises(DataError, match="admin_areas"):
        generate(water, small_types(), HistorySettings(), until=UNTIL, time_zone=ZONE, metric_srid=32751)
    with pytest.raises(DataError, match="no type"):
        make(HistorySettings(types={"OTHER": 1.0}))


def test_with_streets_everything_happens_beside_one(tmp_path):
    streets = gpd.GeoSeries(
        [LineString([(122.405, 0.001), (122.405, 0.039)]), LineString([(122.441, 0.005), (122.459, 0.005)])], crs=4326
    )
    exact = SMALL + "[[positions]]\nmethod = 'map'\nshare = 1\naccuracy_m = [1, 1]\n"
    history = make(settings(tmp_path, exact), streets=streets)
    points = gpd.GeoSeries.from_xy(history.incidents["lon"], history.incidents["lat"], crs=4326).to_crs(32751)
    with_street = history.incidents["location_text"].isin(["A1", "A3", "B1"])
    distance_m = points.distance(streets.to_crs(32751).union_all())
    assert with_street.sum() > 50
    assert distance_m[with_street].max() < 15 * 6
    assert distance_m[~with_street].max() > 500  # an area without streets is filled as before
