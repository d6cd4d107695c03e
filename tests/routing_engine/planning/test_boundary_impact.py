"""The impact of a move of boundaries equals a plain GeoPandas computation of the same."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from api.browser import boundary_summary
from data.history_settings import HistorySettings
from data.history_store import history_of, write_incidents
from gis.actors import Actor
from gis.city import read_city
from gis.db import database_now
from gis.words import Language, Role
from routing_engine.dispatch.context import Context
from routing_engine.planning import boundary_impact
from routing_engine.planning.first_arrivals import first_arrivals
from tests.conftest import ROOT
from zones import draft_effects, draft_views, drafts

KENDARI = ROOT / "data/cities/kendari"
ADMIN = Actor(owner="account:a", name="admin", role=Role.ADMIN)
ZONE = ZoneInfo("Asia/Makassar")
ANAIWOI = "7471013009"
GIVER, RECEIVER = "POL-MANDONGA", "POL-BARUGA"

# What planners count, said once more: this test shares no line with the code it judges.
INCIDENTS = """
SELECT ST_X(geom) AS lon, ST_Y(geom) AS lat, type_code, received_at FROM siaga.incident
WHERE received_at >= :since AND received_at < :until AND origin <> 'drill'
  AND status NOT IN ('draft', 'merged', 'unfounded', 'handed_off') AND classification IN ('emergency', 'service')
  AND type_code IN (SELECT type_code FROM siaga.sop_rule WHERE service_code = 'police')
"""
POLICE = """
SELECT j.code, v.priority, v.geom FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = 'police' AND NOT j.is_citywide AND upper_inf(v.valid)
"""


@pytest.fixture(scope="module")
def city(kendari, server):
    """The demo city with the incidents of a small history, and a context of it."""
    with kendari.begin() as tx:
        facts, settings = read_city(tx), HistorySettings.read(KENDARI / "history.toml")
        write_incidents(tx, history_of(tx, facts, settings, until=database_now(tx).date(), scale=2.0))
    return kendari, Context(server.state)


@pytest.fixture
def tx(city):
    with city[0].connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def context(city):
    return city[1]


def act(tx, use_case, *given, **more):
    return use_case(tx, *given, city=read_city(tx), actor=ADMIN, now=database_now(tx), language="en", **more)


def boundaries(tx):
    return gpd.read_postgis(text(POLICE), tx, geom_col="geom", crs=4326)


@pytest.fixture
def move(tx):
    """The id of a draft that hands Anaiwoi over."""
    draft_id = act(tx, drafts.create, {"service": "police", "title": "Anaiwoi"})
    body = {"version": 1, "kind": "handover", "areas": [ANAIWOI], "from": GIVER, "to": RECEIVER}
    act(tx, drafts.edit, draft_id, body)
    return draft_id


def plain(tx, since, until):
    """The same with GeoPandas alone: the incidents whose polsek differs, and the areas in metres."""
    rows = tx.execute(text(INCIDENTS), {"since": since, "until": until}).all()
    points = pd.DataFrame(rows, columns=["lon", "lat", "type_code", "received_at"])
    points = gpd.GeoDataFrame(points, geometry=gpd.points_from_xy(points["lon"], points["lat"]), crs=4326)
    old = boundaries(tx).set_index("code")
    area = gpd.read_postgis(
        text("SELECT geom FROM siaga.admin_area WHERE code = :code"),
        tx,
        geom_col="geom",
        crs=4326,
        params={"code": ANAIWOI},
    ).geometry.iloc[0]
    new = old.copy()
    new.loc[GIVER, "geom"] = old.loc[GIVER, "geom"].difference(area)
    new.loc[RECEIVER, "geom"] = old.loc[RECEIVER, "geom"].union(area)

    def owner(layer):
        pairs = gpd.sjoin(points[["geometry"]], layer.reset_index(), predicate="covered_by")
        best = pairs.sort_values(["priority", "code"])
        return best[~best.index.duplicated()]["code"].reindex(points.index)

    before, after = owner(old), owner(new)
    changed = points[(before.fillna("") != after.fillna("")).to_numpy()]
    pieces = gpd.GeoSeries([area.intersection(old.loc[GIVER, "geom"])], crs=4326).to_crs(32751)
    return points, changed, float(pieces.area.iloc[0])


def test_handing_anaiwoi_over_equals_plain_geopandas(tx, context, move):
    found = boundary_impact.impact_of_draft(tx, context, move, language="en")
    until = pd.Timestamp(found["until"])
    points, changed, m2 = plain(tx, until - timedelta(days=365), until)

    assert len(points) > 200
    assert len(changed) > 5
    assert (found["n_incidents"], found["n_changed"], found["n_agency_changed"]) == (len(points), len(changed), 0)
    by_type = changed["type_code"].value_counts().to_dict()
    assert {one["type"]: one["n"] for one in found["by_type"]} == by_type
    months = changed["received_at"].dt.tz_convert(ZONE).dt.strftime("%Y-%m").value_counts().to_dict()
    assert {one["month"]: one["n"] for one in found["by_month"] if one["n"]} == months
    assert len(found["by_month"]) in (12, 13)
    assert [(one["from"], one["to"], one["n"]) for one in found["moves"]] == [
        (f"POL/{GIVER}", f"POL/{RECEIVER}", len(changed))
    ]
    drawn = sorted(tuple(one["geometry"]["coordinates"]) for one in found["points"]["features"])
    assert drawn == sorted((round(x, 5), round(y, 5)) for x, y in changed[["lon", "lat"]].to_numpy().tolist())
    areas = {one["jurisdiction"]: one for one in found["jurisdictions"]}
    one, two = areas[f"POL/{GIVER}"], areas[f"POL/{RECEIVER}"]
    assert (one["gained_m2"], two["lost_m2"]) == (0.0, 0.0)
    assert one["lost_m2"] == pytest.approx(m2, abs=1.0)
    assert two["gained_m2"] == pytest.approx(m2, abs=1.0)
    assert two["area_m2"] - two["area_before_m2"] == pytest.approx(m2, abs=1.0)
    assert [area["code"] for area in two["kelurahan_gained"]] == [ANAIWOI]
    assert one["kelurahan_lost"] == two["kelurahan_gained"]
    assert "Kelurahan Anaiwoi" in two["places_gained"]
    assert (one["n_places_lost"], one["n_places_gained"]) == (two["n_places_gained"], 0)
    assert (found["overlaps"], found["gaps"]) == ([], [])
    assert found["n_synthetic"] == found["n_incidents"]
    assert (found["roads_synthetic"], found["boundaries_approximate"]) == (True, True)
    assert not found["is_frozen"]
    json.dumps(found, allow_nan=False)


def test_travel_times_are_those_of_the_stations_of_who_is_responsible(tx, context, move):
    found = boundary_impact.impact_of_draft(tx, context, move, language="en")
    stations = context.current(tx).snapshot.stations
    assert found["is_calibrated"] is False
    for side, code in (("before", GIVER), ("after", RECEIVER)):
        seconds = []
        for one in found["points"]["features"]:
            lon_lat = tx.execute(
                text("SELECT ST_X(geom), ST_Y(geom) FROM siaga.incident WHERE received_at = :at AND type_code = :type"),
                {"at": one["properties"]["at"], "type": one["properties"]["type"]},
            ).one()
            hour = pd.Timestamp(one["properties"]["at"]).tz_convert(ZONE).hour
            best = stations.nearest(
                tuple(lon_lat), service="police", agency="POL", jurisdiction_code=code, limit=1, hour=hour
            )
            seconds.append(best[0].travel_time_s)
        expected = np.percentile(seconds, [50, 90]).round(1).tolist()
        told = found["travel_time"][side]
        assert [told["p50_s"], told["p90_s"]] == pytest.approx(expected)
        assert (told["n"], told["n_unreachable"]) == (len(seconds), 0)


def test_first_arrivals_equal_single_questions(tx, context):
    stations = context.current(tx).snapshot.stations
    rng = np.random.default_rng(4)
    lonlat = rng.uniform((122.40, -4.05), (122.62, -3.92), (120, 2))
    hours = rng.integers(0, 24, 120)
    kinds = [("fire", None, None), ("police", "POL", "polsek-nowhere"), ("local_government", "KEL", ANAIWOI), None]
    wanted = [kinds[i % 4] for i in range(120)]
    seconds, is_estimated = first_arrivals(stations, lonlat, wanted, hours)
    assert is_estimated.any()
    assert not is_estimated.all()
    for i, one in enumerate(wanted):
        best = stations.rank_all(tuple(lonlat[i]), [one], hour=int(hours[i]))[0] if one else None
        if best is None or best.travel_time_s is None:
            assert np.isnan(seconds[i])
        else:
            assert seconds[i] == pytest.approx(best.travel_time_s)
            assert is_estimated[i] == (best.estimate == "straight_line")


def test_the_impact_is_kept_with_the_proposal(tx, context, move):
    draft_id = move
    at = (database_now(tx) + timedelta(days=30)).isoformat()
    body = {"version": 2, "effective_from": at, "reason": "jalan baru"}
    act(tx, drafts.propose, draft_id, body, measure=boundary_impact.measure_of(tx, context, draft_id))
    kept = tx.execute(text("SELECT impact FROM siaga.boundary_draft")).scalar_one()
    assert kept["n_changed"] > 0
    assert "points" not in kept
    # What happens after the proposal is no part of what is signed.
    tx.execute(
        text("UPDATE siaga.incident SET status = 'unfounded' WHERE origin = 'history' AND type_code = :type"),
        {"type": kept["by_type"][0]["type"]},
    )
    again = boundary_impact.impact_of_draft(tx, context, draft_id, language="id")
    assert again["is_frozen"]
    assert again["n_changed"] == kept["n_changed"]
    assert again["at"] == at
    before, after, moment = draft_effects.layers(tx, draft_id)
    assert moment.isoformat() == at
    assert before.keys() == after.keys()


def test_names_follow_the_language(tx, context, move):
    english = boundary_impact.impact_of_draft(tx, context, move, language="en")["by_type"]
    indonesian = boundary_impact.impact_of_draft(tx, context, move, language="id")["by_type"]
    assert [one["type"] for one in english] == [one["type"] for one in indonesian]
    assert [one["name"] for one in english] != [one["name"] for one in indonesian]


def test_ground_that_nobody_holds_any_more_goes_to_the_city_or_to_nobody(tx, context):
    draft_id = act(tx, drafts.create, {"service": "police", "title": "tutup"})
    act(tx, drafts.edit, draft_id, {"version": 1, "kind": "end", "jurisdiction": GIVER})
    found = boundary_impact.impact_of_draft(tx, context, draft_id, language="en")
    assert found["gaps"]
    ended = next(one for one in found["jurisdictions"] if one["jurisdiction"] == f"POL/{GIVER}")
    assert (ended["area_m2"], ended["incidents_gained"]) == (0.0, 0)
    assert ended["incidents_lost"] == found["n_changed"] > 0
    assert {one["from"] for one in found["moves"]} == {f"POL/{GIVER}"}


def test_without_roads_and_without_incidents_the_answer_is_still_whole(tx, context, move):
    moment = context.current(tx)
    before, after, _ = draft_effects.layers(tx, move)
    evidence = boundary_impact.read_evidence(tx, moment.snapshot, "police", until=moment.now - timedelta(days=4000))
    found = boundary_impact.impact(
        evidence, before, after, service="police", at=None, city=moment.snapshot.city, service_area=None
    )
    assert (found["n_incidents"], found["n_changed"], found["by_type"], found["moves"]) == (0, 0, [], [])
    assert found["travel_time"] is None
    assert {one["n"] for one in found["by_month"]} == {0}
    assert found["jurisdictions"][0]["area_m2"] > 0


def test_the_page_that_is_signed_says_what_is_made_up_and_approximate(tx, context, move):
    facts = read_city(tx)
    page = boundary_summary.page(
        draft_views.describe(tx, move, city=facts, actor=ADMIN, language="id"),
        boundary_impact.impact_of_draft(tx, context, move, language="id"),
        *draft_effects.layers(tx, move)[:2],
        zone=facts.time_zone,
        now=database_now(tx),
        language=Language.ID,
        city=facts.name,
    )
    for said in (
        "buatan (riwayat contoh)",
        "jalan buatan",
        "belum dikalibrasi",
        "perkiraan",
        "Polsek Baruga",
        "+Anaiwoi",
    ):
        assert said in page
