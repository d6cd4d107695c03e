"""The bay of the demo city, and made-up ones: nearer in a straight line is not sooner."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from ops.commands.explain import describe
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.detours import detour
from routing_engine.dispatch.explaining import explain

ACROSS_THE_BAY = (122.606, -3.988)


@pytest.fixture
def moment(kendari_tx, server):
    return Context(server.state).current(kendari_tx)


def test_across_the_bay_the_sentence_says_water_kilometres_and_minutes(kendari_tx, moment):
    ranked = moment.snapshot.stations.nearest(ACROSS_THE_BAY, service="medical", limit=9, hour=10)
    first, other = ranked[0], next(one for one in ranked if one.straight_line_rank == 1)
    assert first.code != other.code
    said = {
        language: detour(kendari_tx, moment.snapshot, ACROSS_THE_BAY, service="medical", hour=10, language=language)
        for language in ("id", "en")
    }
    found = said["id"]
    assert found["station"]["code"] == other.code
    assert found["across"] == "Teluk Kendari"
    minutes = round(other.travel_time_s / 60)
    kilometres = f"{other.straight_line_m / 1000:.1f}"
    start = f"Garis lurus terdekat: {other.name}, {kilometres.replace('.', ',')} km menyeberang Teluk Kendari, tetapi"
    assert found["why"].startswith(f"{start} {minutes} menit lewat j")
    assert said["en"]["why"].startswith(
        f"Nearest in a straight line: {other.name}, {kilometres} km across Teluk Kendari, but {minutes} min "
    )
    assert found["bridge_m"] > 500
    assert found["why"].endswith("menit lewat jembatan.")


def test_where_both_orders_agree_there_is_nothing_to_say(kendari_tx, moment):
    lon, lat = 122.50750, -3.98350  # at the door of a fire station
    assert detour(kendari_tx, moment.snapshot, (lon, lat), service="fire", hour=10, language="id") is None
    assert detour(kendari_tx, moment.snapshot, (lon, lat), service="dragons", hour=10, language="id") is None


def test_without_named_water_the_sentence_does_without(kendari_tx, moment):
    kendari_tx.execute(text("UPDATE siaga.admin_area SET level = 'none' WHERE level = 'water'"))
    found = detour(kendari_tx, moment.snapshot, ACROSS_THE_BAY, service="medical", hour=10, language="id")
    assert found["across"] is None
    assert "menyeberang" not in found["why"]


def test_explain_says_why_nobody_is_responsible_and_who_is_instead(kendari_tx, moment):
    far = explain(kendari_tx, moment, 106.8, -6.2, language="en")
    assert {row["agency"] for row in far["answers"]} == {None}
    assert far["handoff"]["government"] == "the local 112 emergency centre"
    (why,) = {row["why"] for row in far["answers"]}
    assert why.startswith("No agency, because the point lies outside the city's service area; hand over to the local")
    shown = describe(far)
    assert shown.count("No agency") == 1
    assert "hand-off: the local 112 emergency centre, 112" in shown
    old = explain(kendari_tx, moment, 122.5, -3.98, at=datetime(1990, 1, 1, tzinfo=UTC), language="en")
    assert old["handoff"] is None
    assert {row["why"] for row in old["answers"] if row["agency"] is None} == {
        "No agency, because no boundary was in force then; the first is in force from 1 Jan 2026."
    }
    typed = explain(kendari_tx, moment, 106.8, -6.2, type_code="KAM1", language="en")
    assert "setempat" not in describe(typed)


def test_explain_puts_it_beside_the_station_that_is_called(kendari_tx, moment):
    answer = explain(kendari_tx, moment, *ACROSS_THE_BAY, type_code="MED1", language="id")
    rows = {row["service"]: row["detour"] for row in answer["answers"]}
    assert rows["medical"]["why"].startswith("Garis lurus terdekat: ")
    assert all("detour" in row for row in answer["answers"])
    medical = next(row for row in answer["answers"] if row["service"] == "medical")
    assert medical["estimate"] == "road"
    assert medical["access_m"] >= 0.0
    assert "street" in medical
