"""Streets shut over the API of the demo city, with a real worker: recommendations follow, and come back."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import shapely

from api.app import make_api
from gis import tokens
from gis.db import make_engine, transaction
from gis.words import Role
from routing_engine.dispatch.fields import active_stations, fields_folder, refresh_fields
from routing_engine.network.store import load_network
from tests.api.conftest import assert_problem, client_of
from tests.conftest import ROOT

PATIENCE_S = 60.0
PLACE = {"lon": 122.5175, "lat": -3.9885}


def eventually(condition, *, what):
    """Wait until a condition holds and return what it gave; the limit only ends a test that would hang."""
    until = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("closures")


@pytest.fixture(scope="module")
def city(server, kendari_template):
    """Name of a copy of the demo city."""
    name = server.copy("api_closures", kendari_template)
    yield name
    server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def engine(server, city, state):
    made = make_engine(server.settings("owner", city), application="test")
    refresh_fields(made, state)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def call(server, city, engine, state):
    """Call the API as a role: ``call("operator", "GET", path, …)``."""
    with engine.begin() as tx:
        secrets = {role: tokens.create(tx, f"t-{role}", role=role) for role in ("operator", "intake", "planner")}
        secrets["agency"] = tokens.create(tx, "t-pol", role=Role.AGENCY, agency="POL", channel="agency")
    (state / "worker.alive").touch()
    with client_of(make_api(dataclasses.replace(server.settings("api", city), state=state))) as client:

        def caller(who, method, path, **options):
            headers = {"authorization": f"Bearer {secrets[who]}", **options.pop("headers", {})}
            return client.request(method, path, headers=headers, **options)

        yield caller


@pytest.fixture(scope="module")
def worker(server, city, state, engine):
    """Start and kill the worker: ``start()`` gives the process."""
    running = []

    def start():
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SIAGA_")},
            "SIAGA_STATE": str(state),
            "SIAGA_DATABASE_URL": server.url("worker", city),
            "SIAGA_POOL_SIZE": "4",
        }
        log = (state / f"worker-{len(running)}.log").open("wb")
        command = [sys.executable, "-m", "routing_engine.dispatch.worker"]
        running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        log.close()
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def running(worker):
    return worker()


@pytest.fixture
def clean(call):
    """End what a test leaves open."""
    yield
    for item in call("operator", "GET", "/v1/closures").json()["items"]:
        call("operator", "DELETE", f"/v1/closures/{item['closure_id']}")


def nearest(call, place):
    answer = call("intake", "GET", "/v1/nearest", params={**place, "service": "fire", "limit": 3})
    assert answer.status_code == 200, answer.text
    return answer.json()


def current(call, place):
    """The ranking once the worker has seen all closures."""

    def look():
        found = nearest(call, place)
        return found if found["travel_times"]["is_current"] else None

    return eventually(look, what="travel times know the closures")


def box(lon, lat, degrees=0.0012):
    west, south, east, north = lon - degrees, lat - degrees, lon + degrees, lat + degrees
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def files(state):
    """The fields' files, by name; `None` while the worker takes old ones away."""
    try:
        return {path.name: path.read_bytes() for path in fields_folder(state).glob("field-*.arrays")}
    except FileNotFoundError:
        return None


def report(call, place):
    headers = {"idempotency-key": uuid.uuid4().hex}
    made = call("operator", "POST", "/v1/reports", headers=headers, json={"type": "KBK1", **place, "drill": True})
    assert made.status_code == 201, made.text
    return next(one for one in made.json()["assignments"] if one["service"] == "fire")


def test_first_station_changes_and_comes_back(call, running, state, clean):
    before = current(call, PLACE)
    first = before["stations"][0]
    assert first["estimate"] == "road"
    kept = eventually(lambda: files(state), what="files")

    made = call(
        "operator", "POST", "/v1/closures", json={"geometry": box(first["lon"], first["lat"]), "reason": "banjir"}
    )
    assert made.status_code == 201, made.text
    closure = made.json()
    assert (closure["state"], closure["kind"], closure["created_by"]) == ("in_force", "polygon", "t-operator")
    assert closure["n_edges"] > 0
    assert closure["length_m"] > 0
    assert closure["streets"]
    assert first["code"] in {station["code"] for station in closure["cut_off"]["stations"]}
    assert any(first["name"] in said for said in closure["warnings"])

    after = current(call, PLACE)
    assert after["stations"][0]["code"] != first["code"]
    assert after["stations"][0]["estimate"] == "road"
    assert report(call, PLACE)["station"]["name"] == after["stations"][0]["name"]
    listed = call("planner", "GET", "/v1/closures").json()
    assert [item["closure_id"] for item in listed["items"]] == [closure["closure_id"]]
    assert listed["cut_off"] == closure["cut_off"]
    assert listed["travel_times"]["is_current"]

    ended = call("operator", "DELETE", f"/v1/closures/{closure['closure_id']}")
    assert ended.status_code == 200
    assert (ended.json()["state"], ended.json()["ended_by"]) == ("ended", "t-operator")
    assert ended.json()["cut_off"]["stations"] == []
    back = current(call, PLACE)
    assert back["stations"] == before["stations"]
    assert report(call, PLACE)["station"]["name"] == first["name"]
    # The files are those of before, in every byte, and none is left over.
    eventually(lambda: files(state) == kept, what="the files of before alone")
    # It is history now, and as it was in force.
    assert call("planner", "GET", "/v1/closures").json()["items"] == []
    then = call("planner", "GET", "/v1/closures", params={"at": closure["from"]}).json()
    assert [item["closure_id"] for item in then["items"]] == [closure["closure_id"]]
    again = call("operator", "DELETE", f"/v1/closures/{closure['closure_id']}")
    assert again.json()["ended_at"] == ended.json()["ended_at"]


def test_begins_and_ends_by_the_clock_also_while_the_worker_was_down(call, running, worker, clean):
    first = current(call, PLACE)["stations"][0]
    body = {"geometry": box(first["lon"], first["lat"]), "reason": "pasar malam"}
    now = datetime.now(UTC)
    planned = call(
        "operator",
        "POST",
        "/v1/closures",
        json=body
        | {"from": (now + timedelta(seconds=2)).isoformat(), "until": (now + timedelta(seconds=6)).isoformat()},
    ).json()
    assert planned["state"] == "planned"
    assert planned["cut_off"]["stations"]
    assert nearest(call, PLACE)["stations"][0]["code"] == first["code"]
    eventually(lambda: current(call, PLACE)["stations"][0]["code"] != first["code"], what="begins by itself")
    eventually(lambda: current(call, PLACE)["stations"][0]["code"] == first["code"], what="ends by itself")
    listed = call("operator", "GET", "/v1/closures").json()
    assert listed["items"] == []

    running.kill()
    running.wait()
    made = call("operator", "POST", "/v1/closures", json=body).json()
    found = nearest(call, PLACE)
    assert not found["travel_times"]["is_current"]  # and says so
    assert found["travel_times"]["made_at"] is not None
    assert found["stations"][0]["code"] == first["code"]
    worker()
    assert current(call, PLACE)["stations"][0]["code"] != first["code"]
    call("operator", "DELETE", f"/v1/closures/{made['closure_id']}")
    assert current(call, PLACE)["stations"][0]["code"] == first["code"]


def test_click_shuts_one_piece_of_street_for_some_vehicles(call, engine, clean):
    with transaction(engine) as tx:
        edges = load_network(tx).edges
    edge = edges[edges["length_m"] > 150].iloc[0]
    middle = edge["geometry"].interpolate(0.5, normalized=True)
    body = {"lon": middle.x, "lat": middle.y, "profiles": ["car", "ambulance", "fire_engine"], "reason": "galian"}
    made = call("operator", "POST", "/v1/closures", json=body | {"factor": 3})
    assert made.status_code == 201, made.text
    closure = made.json()
    assert (closure["kind"], closure["n_edges"], closure["factor"]) == ("edge", 1, 3.0)
    assert closure["profiles"] == ["ambulance", "car", "fire_engine"]
    assert closure["geometry"]["type"] == "LineString"
    assert closure["length_m"] == pytest.approx(edge["length_m"], abs=0.1)


def test_closing_everything_warns_and_nothing_is_reached(call, running, clean, engine):
    with transaction(engine) as tx:
        stations = active_stations(tx)
    geometry = box(122.53, -4.0, 0.3)
    made = call("operator", "POST", "/v1/closures", json={"geometry": geometry, "reason": "semua"})
    assert made.status_code == 201, made.text
    closure = made.json()
    assert set(closure["cut_off"]["closed_share"].values()) == {1.0}
    assert "100 %" in closure["warnings"][0]
    assert len(closure["cut_off"]["stations"]) > 0.85 * len(stations)  # some stand off the roads
    # No station is left that could reach a part of a kelurahan, so that is said once.
    assert {"fire", "police", "medical"} <= set(closure["cut_off"]["services"])
    assert closure["cut_off"]["kelurahan"] == []
    place = {"lon": 122.51, "lat": -3.97}
    found = current(call, place)["stations"]
    assert {one["estimate"] for one in found} == {"none"}
    assert {one["travel_time_s"] for one in found} == {None}
    # The order is that of the straight line, and says so.
    assert [one["straight_line_rank"] for one in found] == [1, 2, 3]
    assert report(call, place)["estimate"] == "none"


def test_kelurahan_behind_a_ring_is_cut_off(call, clean, engine):
    with transaction(engine) as tx:
        code, name, wkb = tx.exec_driver_sql(
            "SELECT code, name, ST_AsBinary(geom) FROM siaga.admin_area WHERE level = 'kelurahan'"
            " ORDER BY ST_Area(geom) DESC LIMIT 1"
        ).one()
    area = shapely.from_wkb(bytes(wkb)).convex_hull.simplify(0.0005)
    ring = shapely.geometry.mapping(area.buffer(0.002).difference(area.buffer(0.0005)))
    made = call("operator", "POST", "/v1/closures", json={"geometry": ring, "reason": "demonstrasi"})
    assert made.status_code == 201, made.text
    lost = {one["code"]: one for one in made.json()["cut_off"]["kelurahan"]}
    assert lost[code]["name"] == name
    assert lost[code]["share"] > 0.5
    assert lost[code]["services"]
    assert len(lost) < 30
    # Slowed, all of it is reached.
    slowed = call(
        "operator", "POST", "/v1/closures", json={"geometry": ring, "reason": "demonstrasi", "factor": 4}
    ).json()
    call("operator", "DELETE", f"/v1/closures/{made.json()['closure_id']}")
    then = call("operator", "GET", "/v1/closures").json()
    assert [item["closure_id"] for item in then["items"]] == [slowed["closure_id"]]
    assert then["cut_off"]["kelurahan"] == then["cut_off"]["stations"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "geometry"),
        ({"lon": 122.5175}, "lat"),
        ({"lon": 122.5175, "lat": -3.9885, "geometry": box(122.5, -4.0)}, "geometry"),
        ({"lon": -3.9885, "lat": 122.5175}, "lon"),
        ({"lon": 122.5640, "lat": -3.9800}, "lon"),  # on the water
        ({"lon": 100.0, "lat": 1.0}, "lon"),
        ({"geometry": {"type": "Point", "coordinates": [122.5, -4.0]}}, "geometry"),
        ({"geometry": {"type": "LineString", "coordinates": [[122.5, -4.0]]}}, "geometry.coordinates"),
        ({"geometry": {"type": "LineString", "coordinates": [[122.5, -4.0], [122.5, "x"]]}}, "geometry.coordinates[1]"),
        ({"geometry": {"type": "LineString", "coordinates": [[-4, 122.5], [-4.1, 122.5]]}}, "geometry.coordinates[0]"),
        ({"geometry": {"type": "LineString", "coordinates": [[10, 50], [11, 50]]}}, "geometry.coordinates"),
        ({"geometry": {"type": "LineString", "coordinates": None}}, "geometry.coordinates"),
        ({"geometry": {"type": "LineString", "coordinates": [[122.5, -4]] * 501}}, "geometry.coordinates"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[122.5, -4], [122.6, -4], [122.6, -3.9]]]}}, None),
        (
            {"geometry": {"type": "Polygon", "coordinates": [[[122.5, -4], [122.6, -3.9], [122.6, -4], [122.5, -3.9],
             [122.5, -4]]]}},
            "geometry.coordinates",
        ),
        ({"geometry": {"type": "LineString", "coordinates": [[122.5, -4], [122.5000001, -4]]}}, "geometry.coordinates"),
        ({**PLACE, "from": "2026-01-31T13:05:00"}, "from"),
        ({**PLACE, "from": "kemarin"}, "from"),
        ({**PLACE, "until": "2026-01-31T13:05:00+08:00"}, "until"),
        ({**PLACE, "from": "2031-01-31T13:05:00+08:00", "until": "2031-01-31T13:05:00+08:00"}, "until"),
        ({**PLACE, "until": "9999-12-31T23:59:59-12:00"}, "until"),
        ({**PLACE, "from": "9999-12-31T23:59:59-12:00"}, "from"),
        ({**PLACE, "from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({**PLACE, "profiles": []}, "profiles"),
        ({**PLACE, "profiles": ["bicycle"]}, "profiles"),
        ({**PLACE, "profiles": "car"}, "profiles"),
        ({**PLACE, "factor": 1}, "factor"),
        ({**PLACE, "factor": -2}, "factor"),
        ({**PLACE, "factor": True}, "factor"),
        ({**PLACE, "factor": 1000}, "factor"),
        ({**PLACE, "reason": " "}, "reason"),
        ({**PLACE, "reason": "x" * 201}, "reason"),
        ({**PLACE, "reason": None}, "reason"),
        ({**PLACE, "note": "x"}, "note"),
    ],
)  # fmt: skip
def test_refusals_name_the_field(call, clean, body, field):
    problem = assert_problem(call("operator", "POST", "/v1/closures", json={"reason": "uji", **body}), 422)
    fields = [error["field"] for error in problem["errors"]]
    assert fields[0].startswith(field or "geometry"), problem
    assert call("operator", "GET", "/v1/closures").json()["items"] == []


def test_every_fault_is_named_beside_an_unknown_member(call, clean):
    body = {"lon": 122.5, "resaon": "banjir", "factor": 0, "until": "kemarin"}
    problem = assert_problem(call("operator", "POST", "/v1/closures", json=body), 422)
    hints = {error["field"]: error["hint"] for error in problem["errors"]}
    assert set(hints) == {"resaon", "lat", "factor", "until", "reason"}
    assert "reason" in hints["resaon"]


def test_the_same_key_and_body_is_the_same_closure(call, clean):
    with_key = {"headers": {"idempotency-key": "pohon 1", "accept-language": "en"}}
    body = {**PLACE, "reason": "pohon tumbang"}
    first = call("operator", "POST", "/v1/closures", json=body, **with_key)
    again = call("operator", "POST", "/v1/closures", json=dict(reversed(body.items())), **with_key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(call("operator", "GET", "/v1/closures").json()["items"]) == 1
    problem = assert_problem(call("operator", "POST", "/v1/closures", json={**body, "reason": "x"}, **with_key), 409)
    assert "another closure" in problem["detail"]
    for bad in ("", "x" * 256):
        assert_problem(call("operator", "POST", "/v1/closures", json=body, headers={"idempotency-key": bad}), 422)


def test_who_may_and_what_is_kept(call, engine, clean):
    for who in ("planner", "agency", "intake"):
        assert_problem(call(who, "POST", "/v1/closures", json={**PLACE, "reason": "uji"}), 403)
        assert call(who, "GET", "/v1/closures").status_code == 200
    assert_problem(call("operator", "DELETE", f"/v1/closures/{uuid.uuid4()}"), 404)
    assert_problem(call("operator", "DELETE", "/v1/closures/x"), 404)
    assert_problem(call("planner", "GET", "/v1/closures", params={"at": "2026-01-31T13:05:00"}), 422)
    with transaction(engine) as tx:
        edge = load_network(tx).edges.iloc[0]["geometry"].coords
    closure = call(
        "operator",
        "POST",
        "/v1/closures",
        json={"geometry": {"type": "LineString", "coordinates": [list(xy) for xy in edge]}, "reason": "uji"},
    ).json()
    call("operator", "DELETE", f"/v1/closures/{closure['closure_id']}")
    with transaction(engine) as tx:
        rows = tx.exec_driver_sql(
            "SELECT actor, action, detail ->> 'reason' FROM siaga.audit WHERE subject = %s ORDER BY audit_id",
            (f"closure:{closure['closure_id']}",),
        ).all()
    assert [tuple(row) for row in rows] == [
        ("t-operator", "closure.open", "uji"),
        ("t-operator", "closure.end", "uji"),
    ]
