from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from drawn_networks import drawn, lonlat

from gis.words import Estimate
from routing_engine.dispatch.stations import StationIndex, load_stations, nearest
from routing_engine.network.estimate import DETOUR, FIXED_S, SPEED_KPH
from routing_engine.network.fields import build_field
from routing_engine.network.snapping import snap

# A bay, open to the south, with a road round it and a bridge across its mouth that only the second network has.
#
#   3 ───────── 4        3 (0, 1500), 4 (1000, 1500)
#   │           │
#   2 ═(bridge)═ 5       2 (0, 0), 5 (1000, 0)
#   │           │
#   1           6        1 (0, -600), 6 (1000, -600)
BAY = {1: (0, -600), 2: (0, 0), 3: (0, 1500), 4: (1000, 1500), 5: (1000, 0), 6: (1000, -600)}
ROUND = [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "both"), (45, 4, 5, "both"), (56, 5, 6, "both")]
BRIDGE = (25, 2, 5, "both", {"is_bridge": True, "name": "Jembatan Teluk"})

STATIONS = {
    "WEST": ((20, -100), "fire", "DMK", None),
    "EAST": ((1010, -590), "fire", "DMK", None),
}


def table(stations, profile="car"):
    """Rows of stations as `StationIndex.of` takes them."""
    place = lonlat([xy for xy, *_ in stations.values()])
    return pd.DataFrame(
        {
            "station_id": [f"id-{code}" for code in stations],
            "code": list(stations),
            "name": [f"Pos {code}" for code in stations],
            "agency_code": [agency for _, _, agency, _ in stations.values()],
            "service_code": [service for _, service, _, _ in stations.values()],
            "jurisdiction_code": [only for *_, only in stations.values()],
            "profile": profile,
            "lon": place[:, 0],
            "lat": place[:, 1],
        }
    )


def index_of(stations, edges=ROUND, points=BAY, **options):
    rows = table(stations)
    graph = drawn(points, edges)
    field = build_field(graph, snap(graph, rows[["lon", "lat"]].to_numpy()), codes=tuple(rows["code"]))
    return StationIndex.of(rows, {"car": field}, **options)


def at(x, y):
    return tuple(lonlat([(x, y)])[0].tolist())


def test_across_the_bay_is_not_near():
    ranked = index_of(STATIONS).nearest(at(990, -100), service="fire")
    # West is 970 m away in a straight line, east 490 m; by road east is first because west is round the bay.
    assert [(one.code, one.straight_line_rank) for one in ranked] == [("EAST", 1), ("WEST", 2)]
    here = at(480, 1490)
    ranked = index_of({**STATIONS, "WEST": ((0, -300), *STATIONS["WEST"][1:])}).nearest(here, service="fire")
    assert ranked[0].code == "WEST"


def test_road_order_and_straight_order_differ_at_the_bay():
    # At the eastern foot of the bay: west is straight ahead over the water, north-east is farther but on this side.
    stations = {"WEST": ((0, -300), "fire", "DMK", None), "NORTH": ((1000, 1000), "fire", "DMK", None)}
    here = at(1000, -300)
    first, second = index_of(stations).nearest(here, service="fire")
    assert (first.code, first.straight_line_rank) == ("NORTH", 2)
    assert (second.code, second.straight_line_rank) == ("WEST", 1)
    assert first.straight_line_m > second.straight_line_m
    assert first.estimate == second.estimate == Estimate.ROAD
    assert first.travel_time_s == pytest.approx(130.0, abs=0.01)
    assert second.travel_time_s == pytest.approx(30 + 150 + 100 + 150 + 30, abs=0.01)
    assert second.distance_m == pytest.approx(4600, abs=0.1)
    # With the bridge the orders agree again.
    bridged = index_of(stations, [*ROUND, BRIDGE]).nearest(here, service="fire")
    assert [one.code for one in bridged] == ["NORTH", "WEST"]
    assert bridged[1].travel_time_s == pytest.approx(160.0, abs=0.01)


def test_the_street_taken_and_the_way_to_it_are_told():
    best = index_of(STATIONS).nearest(at(1030, 700), service="fire", limit=1)[0]
    assert best.street == "Jl. 45"
    assert best.access_m == pytest.approx(30.0, abs=0.01)
    assert (best.station_id, best.name) == ("id-EAST", "Pos EAST")
    assert (best.lon, best.lat) == pytest.approx(at(1010, -590))


def test_point_far_from_roads_gets_the_labelled_estimate():
    # The middle of the bay, 500 m from every road.
    for ranked in index_of(STATIONS).nearest(at(500, 600), service="fire"):
        assert ranked.estimate == Estimate.STRAIGHT_LINE
        assert ranked.distance_m == pytest.approx(ranked.straight_line_m * DETOUR)
        assert ranked.travel_time_s == pytest.approx(FIXED_S + ranked.distance_m * 3.6 / SPEED_KPH)
        assert ranked.street is None
        assert ranked.access_m is None
    assert index_of(STATIONS, snap_limit_m=600.0).nearest(at(500, 600), service="fire")[0].estimate == Estimate.ROAD


def test_station_far_from_roads_gets_the_labelled_estimate_beside_others_by_road():
    stations = {**STATIONS, "ISLE": ((500, 600), "fire", "DMK", None)}
    estimates = {one.code: one.estimate for one in index_of(stations).nearest(at(0, 0), service="fire")}
    assert estimates == {"WEST": Estimate.ROAD, "EAST": Estimate.ROAD, "ISLE": Estimate.STRAIGHT_LINE}


def test_without_a_network_everything_is_a_straight_line():
    index = StationIndex.of(table(STATIONS), {})
    ranked = index.nearest(at(990, -100), service="fire")
    assert [(one.code, one.straight_line_rank) for one in ranked] == [("EAST", 1), ("WEST", 2)]
    assert {one.estimate for one in ranked} == {Estimate.STRAIGHT_LINE}
    assert index.graph is None
    assert not index.is_on_bridge(*at(0, 0))


def test_no_road_between_two_places_on_roads_is_none_and_last():
    graph = drawn(BAY, ROUND)
    rows = table(STATIONS)
    field = build_field(graph, snap(graph, rows[["lon", "lat"]].to_numpy()), codes=tuple(rows["code"]))
    # As if every way from WEST were closed since.
    time_s = np.array(field.time_s.T).T
    time_s[0] = np.nan
    closed = replace(field, time_s=time_s)
    index = StationIndex.of(rows, {"car": closed})
    ranked = index.nearest(at(0, 1000), service="fire")
    assert [(one.code, one.estimate) for one in ranked] == [("EAST", Estimate.ROAD), ("WEST", Estimate.NONE)]
    assert ranked[1].travel_time_s is None
    assert ranked[1].distance_m is None
    assert ranked[1].straight_line_rank == 1
    assert json.loads(json.dumps(ranked[1].as_dict()))["estimate"] == "none"


def test_moved_station_is_estimated_until_its_field_is_made_again():
    rows = table(STATIONS)
    graph = drawn(BAY, ROUND)
    field = build_field(graph, snap(graph, rows[["lon", "lat"]].to_numpy()), codes=tuple(rows["code"]))
    moved = rows.assign(lon=rows["lon"] + [0.001, 0.0])
    estimates = {
        one.code: one.estimate for one in StationIndex.of(moved, {"car": field}).nearest(at(0, 0), service="fire")
    }
    assert estimates == {"WEST": Estimate.STRAIGHT_LINE, "EAST": Estimate.ROAD}
    other_vehicle = StationIndex.of(rows.assign(profile="ambulance"), {"car": field})
    assert other_vehicle.nearest(at(0, 0), service="fire")[0].estimate == Estimate.STRAIGHT_LINE


def test_service_agency_and_jurisdiction_choose_the_stations():
    stations = {
        "A": ((0, 0), "police", "POL", "POLSEK-A"),
        "B": ((0, 100), "police", "POL", "POLSEK-B"),
        "C": ((0, 200), "police", "POL", None),
        "D": ((0, 300), "police", "SPP", None),
        "E": ((0, 400), "fire", "DMK", None),
    }
    index = index_of(stations)
    here = at(0, 0)

    def codes(**chosen):
        return [one.code for one in index.nearest(here, limit=9, **chosen)]

    assert codes(service="police") == ["A", "B", "C", "D"]
    assert codes(service="police", agency="POL") == ["A", "B", "C"]
    assert codes(service="police", agency="POL", jurisdiction_code="POLSEK-B") == ["B", "C"]
    assert codes(service="police", agency="POL", jurisdiction_code="elsewhere") == ["C"]
    assert codes(service="police", agency="DMK") == []
    assert codes(service="harbour") == []
    assert [one.straight_line_rank for one in index.nearest(here, service="police", agency="SPP")] == [1]


def test_ties_go_to_the_lowest_code_whatever_the_order_of_rows():
    same = dict.fromkeys(("B2", "A1", "C3"), ((0, -300), "fire", "DMK", None))
    index = index_of(same)
    ranked = index.nearest(at(0, 500), service="fire")
    assert [(one.code, one.straight_line_rank) for one in ranked] == [("A1", 1), ("B2", 2), ("C3", 3)]
    assert index.rank_all(at(0, 500), [("fire", None, None)])[0].code == "A1"


def test_rank_all_equals_nearest_one_by_one():
    rng = np.random.default_rng(3)
    stations = {
        f"S{i:02}": (
            tuple(rng.choice([0, 1000], 1).tolist() + rng.uniform(-600, 1500, 1).tolist()),
            service,
            agency,
            only,
        )
        for i, (service, agency, only) in enumerate(
            [("fire", "DMK", None), ("police", "POL", "P1"), ("police", "POL", "P2"), ("medical", "PSC", None)] * 6
        )
    }
    index = index_of(stations)
    wanted = [("fire", "DMK", "X"), ("police", "POL", "P1"), ("police", "POL", "none"), ("medical", None, None)]
    wanted.append(("wildlife", None, None))
    for xy in rng.uniform(-200, 1600, (40, 2)):
        together = index.rank_all(at(*xy), wanted)
        single = [
            index.nearest(at(*xy), service=service, agency=agency, jurisdiction_code=code, limit=1)
            for service, agency, code in wanted
        ]
        assert together == [ranked[0] if ranked else None for ranked in single]
    assert index.rank_all(at(0, 0), []) == []


def test_profiles_have_networks_of_their_own():
    lane = (25, 2, 5, "both", {"width_m": 2.5, "name": "Lorong"})
    rows = pd.concat([table({"BIG": STATIONS["WEST"]}, "fire_engine"), table({"SMALL": STATIONS["WEST"]}, "car")])
    fields = {}
    for profile in ("car", "fire_engine"):
        graph = drawn(BAY, [*ROUND, lane], profile=profile)
        own = rows[rows["profile"] == profile]
        fields[profile] = build_field(graph, snap(graph, own[["lon", "lat"]].to_numpy()), codes=tuple(own["code"]))
    index = StationIndex.of(rows, fields)
    small, big = index.nearest(at(1000, -10), service="fire")
    assert (small.code, big.code) == ("SMALL", "BIG")
    assert big.travel_time_s - small.travel_time_s == pytest.approx(300.0, abs=0.01)
    assert index.graph.profile == "car"
    # In the middle of the lane the engine stops at the nearest street it can drive.
    inside = {one.code: one.street for one in index.nearest(at(200, 0), service="fire")}
    assert inside == {"SMALL": "Lorong", "BIG": "Jl. 12"} or inside == {"SMALL": "Lorong", "BIG": "Jl. 23"}


def test_points_on_the_bridge_are_known():
    index = index_of(STATIONS, [*ROUND, BRIDGE])
    assert index.is_on_bridge(*at(500, 10))
    assert not index.is_on_bridge(*at(500, 40))
    assert not index.is_on_bridge(*at(0, 400))
    assert not index.is_on_bridge(106.8, -6.2)


def test_far_away_points_are_estimated():
    ranked = index_of(STATIONS).nearest((106.8, -6.2), service="fire")
    assert {one.estimate for one in ranked} == {Estimate.STRAIGHT_LINE}
    assert ranked[0].straight_line_m > 1_000_000


def test_threads_get_the_same_answers():
    index = index_of(STATIONS, [*ROUND, BRIDGE])
    places = [at(*xy) for xy in np.random.default_rng(0).uniform(-300, 1700, (200, 2))]
    alone = [index.nearest(place, service="fire") for place in places]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda place: index.nearest(place, service="fire"), places)) == alone


def test_program_answer_is_json():
    found = nearest(SimpleNamespace(stations=index_of(STATIONS)), *at(0, 0), "fire", 1)
    assert json.loads(json.dumps(found)) == found
    assert found[0]["code"] == "WEST"
    assert found[0]["estimate"] == "road"
    assert set(found[0]) >= {"station_id", "name", "lon", "lat", "travel_time_s", "distance_m", "straight_line_rank"}


def test_demo_city_ranks_by_road(kendari_tx, server):
    index = load_stations(kendari_tx, server.state)
    services = sorted({service for service, _ in index.groups})
    best = index.rank_all((122.49985, -3.9962), [(service, None, None) for service in services])
    assert all(one is not None for one in best)
    assert {one.estimate for one in best} == {Estimate.ROAD}
    assert all(0 < one.travel_time_s < 3600 for one in best)
    # On the water between the two shores, farther than the limit from every road.
    assert index.nearest((122.5640, -3.9800), service="fire")[0].estimate == Estimate.STRAIGHT_LINE


def test_some_place_of_the_demo_city_has_another_nearest_by_road(kendari_tx, server):
    index = load_stations(kendari_tx, server.state)
    rng = np.random.default_rng(11)
    places = rng.uniform([122.49, -4.03], [122.62, -3.95], (300, 2))
    ranked = [index.nearest(tuple(place), service="fire", limit=1)[0] for place in places]
    differs = [one for one in ranked if one.estimate == Estimate.ROAD and one.straight_line_rank > 1]
    assert differs
