"""Recorded runs from a file to the answers: what is fitted, what is refused, where the figures then appear."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select, text, update

from data.import_runs import import_runs
from gis.words import Estimate
from ops.commands import calibrate as command
from ops.commands import nearest as told
from routing_engine.dispatch.explaining import explain
from routing_engine.dispatch.fields import active_stations, load_fields
from routing_engine.dispatch.stations import load_stations
from routing_engine.network.calibration_store import load_calibrations
from routing_engine.network.run_times import modelled_seconds
from routing_engine.network.tables import road_speed, travel_calibration

NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)
FIXED_S, FACTOR, SIGMA = 70.0, 1.4, 0.3
FIELDS = ["at", "station", "lon", "lat", "travel_s", "turnout_s"]
ON_THE_BAY = (122.5640, -3.9800)
HERE = (122.5185, -3.9760)


@pytest.fixture
def runs(kendari_tx, server):
    """Invented runs of the fire posts over twelve weeks: the model's seconds, stretched, with lognormal noise."""
    rng = np.random.default_rng(4)
    stations = active_stations(kendari_tx).query("profile == 'fire_engine'").reset_index(drop=True)
    n = 700
    chosen = stations.iloc[rng.integers(0, len(stations), n)]
    places = rng.uniform([122.49, -4.03], [122.56, -3.96], (n, 2))
    at = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=int(m)) for m in rng.integers(0, 12 * 7 * 1440, n)]
    hours = [(moment.hour + 8) % 24 for moment in at]
    bands = load_fields(kendari_tx, server.state)["fire_engine"]
    model = modelled_seconds(bands, chosen[["lon", "lat"]], places, hours)
    travel = (FIXED_S + FACTOR * model) * np.exp(SIGMA * rng.normal(size=n))
    rows = zip(at, chosen["code"], places.tolist(), travel.tolist(), strict=True)
    return [
        {
            "at": moment.isoformat(),
            "station": station,
            "lon": round(lon, 6),
            "lat": round(lat, 6),
            "travel_s": round(seconds, 1),
            "turnout_s": 80,
        }
        for moment, station, (lon, lat), seconds in rows
        if seconds == seconds
    ]


@pytest.fixture
def load(kendari_tx, server, tmp_path):
    def _load(rows, fields=FIELDS, **options):
        path = tmp_path / "runs.csv"
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, fields)
            writer.writeheader()
            writer.writerows(rows)
        return import_runs(kendari_tx, server.state, path, actor="test", now=NOW, **options)

    return _load


def in_force(tx):
    return tx.execute(select(func.count()).where(travel_calibration.c.valid_to.is_(None))).scalar_one()


def test_until_calibrated_every_answer_says_so(kendari_tx, server, send):
    answer = send()
    for one in answer["assignments"]:
        assert (one["travel_time_p90_s"], one["calibration"]) == (None, "none")
    index = load_stations(kendari_tx, server.state)
    found = [one.as_dict() for one in index.nearest(HERE, service="fire")]
    assert {(one["travel_time_p90_s"], one["calibration"]) for one in found} == {(None, "none")}
    assert told.describe(found).endswith(told.NOT_CALIBRATED)


def test_the_band_changes_by_itself_at_the_hour(kendari_tx, context):
    """Nothing is made, read anew or told: the same snapshot answers by the clock."""
    moment = context.current(kendari_tx)

    def seconds(local):
        at = replace(moment, now=datetime.fromisoformat(f"{local}+08:00"))
        found = explain(kendari_tx, at, *HERE, type_code="KBK1")["answers"]
        return next(one["travel_time_s"] for one in found if one["service"] == "fire")

    assert seconds("2026-06-01T15:59:59") < seconds("2026-06-01T16:00:00")
    assert seconds("2026-06-01T18:59:59") > seconds("2026-06-01T19:00:00") == seconds("2026-06-01T12:00:00")
    assert seconds("2026-06-01T23:00:00") == seconds("2026-06-02T03:00:00") < seconds("2026-06-02T07:30:00")
    asked = explain(kendari_tx, moment, *HERE, type_code="KBK1", at=datetime.fromisoformat("2026-06-01T17:00:00+08:00"))
    at_five = next(one["travel_time_s"] for one in asked["answers"] if one["service"] == "fire")
    assert at_five == seconds("2026-06-01T17:30:00")


def test_recorded_runs_reach_the_answers(kendari_tx, server, send, load, runs):
    before = load_stations(kendari_tx, server.state)
    report = load(runs)
    assert report.errors == []
    assert report.counts == {"runs": len(runs), "refused": 0, "other_profile": 0, "calibrated": 1}
    found = report.details["fire_engine"]
    assert found["parameters"]["fixed_s"] == pytest.approx(FIXED_S, abs=15)
    assert found["parameters"]["factor"] == pytest.approx(FACTOR, rel=0.07)
    assert found["held_out"]["median_ratio"] == pytest.approx(1.0, abs=0.07)
    assert found["turnout"]["median_s"] == 80
    assert f"{found['parameters']['fixed_s']:.0f} s + modelled" in command.describe("fire_engine", found)

    calibration = load_calibrations(kendari_tx)["fire_engine"]
    assert str(calibration.calibration_id) == found["calibration"]
    after = load_stations(kendari_tx, server.state)
    for hour in (3, 17):
        plain, (one, *_) = (
            before.nearest(HERE, service="fire", hour=hour),
            after.nearest(HERE, service="fire", hour=hour),
        )
        modelled = {station.code: station.travel_time_s for station in plain}[one.code]
        assert one.travel_time_s == pytest.approx(float(calibration.median_s(modelled, hour)))
        assert one.travel_time_p90_s == pytest.approx(one.travel_time_s * calibration.noise[89])
        assert one.calibration_id == calibration.calibration_id
    assert told.NOT_CALIBRATED not in told.describe([one.as_dict()])
    # The estimate by straight line has nothing of it.
    water = after.nearest(ON_THE_BAY, service="fire")[0]
    assert (water.estimate, water.calibration_id, water.travel_time_p90_s) == (Estimate.STRAIGHT_LINE, None, None)

    answer = send(type="KBK1")
    fire = next(one for one in answer["assignments"] if one["service"] == "fire")
    assert fire["calibration"] == found["calibration"]
    assert fire["travel_time_p90_s"] > fire["travel_time_s"] > FIXED_S / 2
    kept = kendari_tx.execute(
        text("SELECT travel_time_p90_s, calibration_id FROM siaga.assignment WHERE assignment_id = :id"),
        {"id": fire["assignment_id"]},
    ).one()
    assert (round(kept[0], 1), kept[1]) == (fire["travel_time_p90_s"], calibration.calibration_id)
    others = [one for one in answer["assignments"] if one["service"] in ("police", "medical")]
    assert others
    assert {one["calibration"] for one in others} == {"none"}


def test_the_newest_is_in_force_and_other_speeds_end_it(kendari_tx, load, runs):
    load(runs, dry_run=True)
    assert (in_force(kendari_tx), load_calibrations(kendari_tx)) == (0, {})
    first = load(runs).details["fire_engine"]["calibration"]
    second = load(runs[: len(runs) // 2]).details["fire_engine"]["calibration"]
    assert int(second) > int(first)
    assert in_force(kendari_tx) == 1
    assert load_calibrations(kendari_tx)["fire_engine"].calibration_id == int(second)
    faster = road_speed.c.profile == "fire_engine"
    kendari_tx.execute(update(road_speed).where(faster).values(speed_kph=road_speed.c.speed_kph + 1))
    assert load_calibrations(kendari_tx) == {}


def test_each_refused_row_is_reported_and_the_others_count(load, runs):
    good = runs[0]
    bad = [
        {**good, "at": "kemarin"},
        {**good, "at": "2027-01-01T10:00:00+08:00"},
        {**good, "station": "DMK-99"},
        {**good, "station": ""},
        {**good, "travel_s": 0},
        {**good, "travel_s": 9000},
        {**good, "lon": good["lat"], "lat": good["lon"]},
        {**good, "lon": ON_THE_BAY[0], "lat": ON_THE_BAY[1]},
        {**good, "turnout_s": -5},
    ]
    report = load(bad + runs)
    assert not report.is_refused
    assert report.counts == {"runs": len(runs), "refused": len(bad), "other_profile": 0, "calibrated": 1}
    reasons = {error.row: (error.field, error.reason) for error in report.errors}
    assert [reasons[row + 1][0] for row in range(len(bad))] == [
        "at",
        "at",
        "station",
        "station",
        "travel_s",
        "travel_s",
        "lon",
        "lon",
        "turnout_s",
    ]
    assert "is yet to come" in reasons[2][1]
    assert reasons[3][1] == "unknown station DMK-99"
    assert reasons[8][1] == "no road within reach of both ends"


def test_nothing_is_kept_of_too_few_or_of_no_rows(kendari_tx, load, runs):
    report = load(runs[:40])
    assert report.is_refused
    assert "too few runs to calibrate" in report.errors[0].reason
    assert load([]).is_refused
    assert in_force(kendari_tx) == 0
    other = load(runs, profile="ambulance")
    assert other.is_refused
    assert other.counts["other_profile"] == len(runs)


def test_rounded_times_are_said_to_be(load, runs):
    rounded = [{**run, "travel_s": max(60, round(run["travel_s"] / 300) * 300)} for run in runs]
    assert "whole minutes" in " ".join(one.reason for one in load(rounded, dry_run=True).findings)


def test_runs_may_begin_anywhere_and_at_the_city_s_time(kendari_tx, load, runs):
    places = active_stations(kendari_tx).set_index("code")
    moved = [
        {
            "at": datetime.fromisoformat(run["at"]).astimezone(UTC).replace(tzinfo=None).isoformat(),
            "start_lon": places.at[run["station"], "lon"],
            "start_lat": places.at[run["station"], "lat"],
            "profile": "fire_engine",
            **{name: run[name] for name in ("lon", "lat", "travel_s")},
        }
        for run in runs
    ]
    fields = ["at", "start_lon", "start_lat", "profile", "lon", "lat", "travel_s"]
    report = load(moved, fields=fields, dry_run=True)
    assert report.errors == []
    # Eight hours off, the bands differ, so the fit does too; the starts are the same.
    assert report.counts["runs"] == len(runs)
    assert report.details["fire_engine"]["fitted"]["n"] > 100
