"""Routes, isochrones and matrices over HTTP, on a city with three streets."""

from __future__ import annotations

import dataclasses

import httpx
import pandas as pd
import pytest
import shapely
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from api.app import make_api, make_browser_api
from api.door import Door
from api.gate import Gate
from api.login import LoginRoutes
from api.sessions import SessionDoor
from data.roads import write_roads
from gis import accounts
from gis.db import database_now, make_engine
from gis.words import Role
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.fields import refresh_fields
from tests.api.conftest import assert_problem, client_of

# Jalan Raya from west to east through the middle; Jalan Utara from there to the north; kilometres of 36 and 72 km/h.
NODES = {1: (122.46, -4.00), 2: (122.50, -4.00), 3: (122.54, -4.00), 4: (122.50, -3.96)}
EDGES = [(1, 1, 2, "Jalan Raya", "primary"), (2, 2, 3, "Jalan Raya", "primary"), (3, 2, 4, "Jalan Utara", "secondary")]
SPEEDS = text(
    "INSERT INTO siaga.road_speed (profile, road_class, hour_from, speed_kph, source) VALUES"
    " ('car', 'primary', 0, 36, 'uji'), ('car', 'secondary', 0, 72, 'uji'), ('car', 'primary', 16, 18, 'uji')"
)
WEST, NORTH = "122.47,-4.0001", "122.5001,-3.97"
PASSWORD = "kuda laut 7 biru"


@pytest.fixture(scope="module")
def state(owner, tmp_path_factory):
    """State folder with the fields of the three streets."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "worker.alive").touch()
    nodes = pd.DataFrame([(node, lon, lat) for node, (lon, lat) in NODES.items()], columns=["node_id", "lon", "lat"])
    rows = [
        {
            "edge_id": edge,
            "from_node": start,
            "to_node": end,
            "name": name,
            "road_class": road_class,
            "direction": "both",
            "length_m": 4440.0,
            "speed_kph": None,
            "width_m": None,
            "is_bridge": edge == 3,
            "geometry": shapely.LineString([NODES[start], NODES[end]]),
        }
        for edge, start, end, name, road_class in EDGES
    ]
    turns = pd.DataFrame([], columns=["road_restriction_id", "from_edge", "via_node", "to_edge", "kind"])
    with owner.begin() as tx:
        tx.execute(SPEEDS)
        write_roads(tx, nodes, pd.DataFrame(rows), turns, source="uji", is_synthetic=True, now=database_now(tx))
    refresh_fields(owner, folder)
    return folder


@pytest.fixture(scope="module")
def api(server, city_database, secrets_of, state):
    """Client of the API process on the city with streets."""
    settings = dataclasses.replace(server.settings("api", city_database), state=state)
    with client_of(make_api(settings)) as client:
        yield client


def route(call, **query):
    return call("intake", "GET", "/v1/route", params={"hour": 8, **query}, headers={"accept-language": "en"})


def test_a_route_is_a_line_with_seconds_streets_and_steps(call):
    answer = route(call, **{"from": WEST, "to": NORTH})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json"
    feature = answer.json()
    line = feature["geometry"]["coordinates"]
    assert (feature["type"], feature["geometry"]["type"]) == ("Feature", "LineString")
    assert line == [pytest.approx([122.47, -4.0], abs=1e-5), [122.5, -4.0], pytest.approx([122.5, -3.97], abs=1e-5)]
    said = feature["properties"]
    # Three quarters of each street, and the metres beside the road at 10 km/h.
    assert said["travel_time_s"] == pytest.approx(0.75 * 444 + 0.75 * 222 + 8, abs=2)
    assert said["distance_m"] == pytest.approx(1.5 * 4440 + 22, abs=5)
    assert (said["estimate"], said["profile"], said["hour"], said["calibration"]) == ("road", "car", 8, "none")
    assert said["bridge_m"] == pytest.approx(0.75 * 4440, abs=2)
    assert [step["text"] for step in said["steps"]] == [
        "Head east on Jalan Raya",
        "Turn left onto Jalan Utara",
        "Arrive at the destination, on the right",
    ]
    assert set(said["steps"][0]) == {
        *("kind", "modifier", "exit", "street", "ref", "text"),
        *("distance_m", "travel_time_s", "bearing", "lon", "lat"),
    }


def test_the_hour_and_the_language_are_those_asked_for(call):
    slow = route(call, **{"from": WEST, "to": NORTH, "hour": 17}).json()["properties"]
    fast = route(call, **{"from": WEST, "to": NORTH, "hour": 8}).json()["properties"]
    assert slow["travel_time_s"] - fast["travel_time_s"] == pytest.approx(0.75 * 444, abs=2)
    indonesian = call("intake", "GET", "/v1/route", params={"from": WEST, "to": NORTH}).json()["properties"]
    assert indonesian["steps"][1]["text"] == "Belok kiri ke Jalan Utara"


def test_a_stations_route_takes_what_nearest_says(call):
    nearest = call(
        "intake", "GET", "/v1/nearest", params={"lon": 122.5001, "lat": -3.99, "service": "police", "hour": 8}
    ).json()["stations"][0]
    by_code = route(call, station=nearest["code"], to="122.5001,-3.99").json()
    by_id = route(call, station=nearest["station_id"], to="122.5001,-3.99").json()
    assert by_code == by_id
    assert by_code["properties"]["travel_time_s"] == nearest["travel_time_s"]
    assert by_code["properties"]["distance_m"] == nearest["distance_m"]
    # How old the times are, and whether they know the closures in force.
    assert by_code["travel_times"].keys() == {"made_at", "is_current"}
    assert by_code["properties"]["from"]["station"]["name"] == nearest["name"]


def test_away_from_every_road_a_straight_line_says_what_it_is(call):
    feature = route(call, **{"from": "122.47,-4.02", "to": NORTH}).json()
    assert feature["properties"]["estimate"] == "straight_line"
    assert feature["properties"]["steps"] == []
    assert feature["geometry"]["coordinates"] == [[122.47, -4.02], [122.5001, -3.97]]
    # The station lies at 2 km from a road: its drive is an estimate, too.
    assert route(call, station="PSC-1", to=NORTH).json()["properties"]["estimate"] == "straight_line"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"to": NORTH}, ["from"]),
        ({"from": WEST}, ["to"]),
        ({"from": WEST, "station": "POL-B", "to": NORTH}, ["from"]),
        ({"from": "122.47", "to": "x,y"}, ["from", "to"]),
        ({"from": "122.47,-4.0,1", "to": "nan,1"}, ["from", "to"]),
        ({"from": "-4.0,122.47", "to": NORTH}, ["from"]),
        ({"from": "0,0", "to": NORTH}, ["from"]),
        ({"station": "POL-X", "to": NORTH}, ["station"]),
        ({"from": WEST, "to": NORTH, "profile": "tank"}, ["profile"]),
        ({"from": WEST, "to": NORTH, "hour": 24}, ["hour"]),
        ({"form": WEST, "to": NORTH}, ["form"]),
    ],
)
def test_a_route_that_cannot_be_is_refused_by_field(call, query, fields):
    body = assert_problem(route(call, **query), 422)
    assert [error["field"] for error in body["errors"]] == fields


def isochrones(call, **query):
    return call("planner", "GET", "/v1/isochrones", params={"hour": 8, **query})


def test_isochrones_are_nested_and_say_what_they_are(call):
    answer = isochrones(call, station="POL-B", minutes="10,5,5")
    assert answer.headers["content-type"] == "application/geo+json"
    small, large = answer.json()["features"]
    assert (small["properties"]["minutes"], large["properties"]["minutes"]) == (5, 10)
    inner, outer = (shapely.from_geojson(str(one["geometry"]).replace("'", '"')) for one in (small, large))
    assert inner.is_valid
    assert outer.is_valid
    assert inner.difference(outer.buffer(1e-5)).is_empty
    # 300 s at 10 m/s are 3 km, of Jalan Raya's 4.4 to the crossing from 1.1 km along it.
    assert inner.covers(shapely.Point(122.494, -4.0))
    assert not inner.covers(shapely.Point(122.503, -4.0))
    assert outer.covers(shapely.Point(122.5, -3.99))
    said = small["properties"]
    assert (said["profile"], said["hour"], said["calibration"], said["estimate"]) == ("car", 8, "none", "road")
    assert said["from"]["station"]["code"] == "POL-B"
    assert 0 < said["area_km2"] < large["properties"]["area_km2"]


def test_isochrones_from_a_point_are_those_of_the_station_there(call):
    of_station = isochrones(call, station="POL-B", minutes="6").json()["features"][0]["properties"]["area_km2"]
    of_point = isochrones(call, lon=122.47, lat=-4.0, minutes="6").json()["features"][0]["properties"]["area_km2"]
    assert of_point == pytest.approx(of_station, rel=1e-3)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"station": "POL-B"}, ["minutes"]),
        ({"station": "POL-B", "minutes": "five"}, ["minutes"]),
        ({"station": "POL-B", "minutes": "0"}, ["minutes"]),
        ({"station": "POL-B", "minutes": "nan"}, ["minutes"]),
        ({"station": "POL-B", "minutes": "121"}, ["minutes"]),
        ({"station": "POL-B", "minutes": ",".join(map(str, range(1, 12)))}, ["minutes"]),
        ({"minutes": "5"}, ["station"]),
        ({"lon": 122.47, "minutes": "5"}, ["station"]),
        ({"lon": 122.47, "lat": -4.0, "station": "POL-B", "minutes": "5"}, ["station"]),
        ({"lon": 0, "lat": 0, "minutes": "5"}, ["lon"]),
        ({"lon": 122.47, "lat": -4.02, "minutes": "5"}, ["lon", "lat"]),
        ({"station": "PSC-1", "minutes": "5"}, ["station"]),
    ],
)
def test_isochrones_that_cannot_be_are_refused_by_field(call, query, fields):
    body = assert_problem(isochrones(call, **query), 422)
    assert [error["field"] for error in body["errors"]] == fields


def matrix(call, **body):
    return call("planner", "POST", "/v1/matrix", json={"hour": 8, **body})


def test_a_matrix_labels_every_drive(call):
    body = {"origins": [[122.47, -4.0], [122.47, -4.03]], "destinations": [[122.5, -3.97], [122.47, -4.0]]}
    answer = matrix(call, **body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert set(found) == {
        "profile",
        "hour",
        "calibration",
        "travel_times",
        "travel_time_s",
        "travel_time_p90_s",
        "distance_m",
        "estimate",
    }
    assert found["estimate"] == [["road", "road"], ["straight_line", "straight_line"]]
    assert found["travel_time_s"][0] == pytest.approx([0.75 * 444 + 0.75 * 222, 0], abs=1)
    assert found["distance_m"][1][1] == pytest.approx(3318 * 1.4, rel=0.01)
    alone = route(call, **{"from": "122.47,-4.0", "to": "122.5,-3.97"}).json()["properties"]
    assert found["travel_time_s"][0][0] == alone["travel_time_s"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["origins", "destinations"]),
        ({"origins": [], "destinations": [[122.5, -4.0]]}, ["origins"]),
        ({"origins": [[122.5, -4.0]] * 1001, "destinations": [[122.5, -4.0]]}, ["origins"]),
        ({"origins": [[122.5, -4.0]] * 230, "destinations": [[122.5, -4.0]] * 230}, ["destinations"]),
        ({"origins": [[122.5, -4.0], [1]], "destinations": "x"}, ["origins[1]", "destinations"]),
        ({"origins": [[122.5, "-4"]], "destinations": [[True, 1]]}, ["origins[0]", "destinations[0]"]),
        ({"origins": [[122.5, -94]], "destinations": [[122.5, -4.0]]}, ["origins[0]"]),
        ({"origins": [[122.5, -4]], "destinations": [[122.5, -4]], "profile": 1}, ["profile"]),
        ({"origins": [[122.5, -4]], "destinations": [[122.5, -4]], "profile": "tank"}, ["profile"]),
        ({"origins": [[122.5, -4]], "destinations": [[122.5, -4]], "hour": 24}, ["hour"]),
        ({"origins": [[122.5, -4]], "destinations": [[122.5, -4]], "hours": 2}, ["hours"]),
    ],
)
def test_a_matrix_that_cannot_be_is_refused_by_field(call, body, fields):
    problem = assert_problem(matrix(call, **body), 422)
    assert [error["field"] for error in problem["errors"]] == fields


def test_the_pages_ask_the_same_with_a_session(server, city_database, owner, state, call):
    with owner.begin() as tx:
        accounts.create(tx, "meja", PASSWORD, role=Role.OPERATOR)
    settings = dataclasses.replace(server.settings("pages", city_database), state=state)
    engine = make_engine(settings, application="test")
    sessions = SessionDoor(engine)
    door = Door(settings=settings, engine=engine, context=Context(state))
    app = Starlette(
        routes=[*LoginRoutes(settings, sessions).routes(), Mount("/api", make_browser_api(door))],
        middleware=[Middleware(Gate, door=sessions)],
    )
    with client_of(app) as client, httpx.Client(base_url=client.base_url, timeout=30) as browser:
        query = {"from": WEST, "to": NORTH, "hour": 8}
        assert browser.get("/api/route", params=query, headers={"x-siaga": "1"}).status_code == 401
        origin = str(client.base_url).rstrip("/")
        browser.post("/login", data={"name": "meja", "password": PASSWORD}, headers={"origin": origin})
        headers = {"x-siaga": "1", "accept-language": "en"}
        assert browser.get("/api/route", params=query, headers=headers).json() == route(call, **query).json()
        outlines = browser.get("/api/isochrones", params={"station": "POL-B", "minutes": "5"}, headers=headers)
        assert outlines.json()["features"][0]["properties"]["minutes"] == 5
        assert_problem(browser.get("/api/isochrones", params={"minutes": "5"}, headers=headers), 422)
    engine.dispose()


def test_nearest_says_why_the_nearest_in_a_straight_line_is_not_the_first(call):
    # From beside the northern end both posts are as far by road; west of it the line to Polsek Barat is the shorter.
    near = call("intake", "GET", "/v1/nearest", params={"lon": 122.5, "lat": -3.99, "service": "police"}).json()
    assert near["detour"] is None
    query = {"lon": 122.5012, "lat": -3.963, "service": "police", "hour": 8}
    stations = call("intake", "GET", "/v1/nearest", params=query).json()
    assert (stations["detour"] is None) == (stations["stations"][0]["straight_line_rank"] == 1)
