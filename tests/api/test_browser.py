"""The API of the pages' browser part, behind the gate, as its own database role."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from api.app import make_browser_api
from api.browser.me import answer_limits
from api.door import Door
from api.gate import Gate
from api.login import LoginRoutes
from api.sessions import SessionDoor
from gis import accounts
from gis.db import make_engine
from gis.words import Role
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.ladder import LadderStep
from tests.api.conftest import assert_problem, client_of
from tests.api.test_tiles import layers

PASSWORD = "kuda laut 7 biru"
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def served(server, city_database, owner, tmp_path_factory):
    with owner.begin() as tx:
        for role in Role:
            if role != Role.AGENCY:
                accounts.create(tx, str(role), PASSWORD, role=role, language="en" if role == Role.PLANNER else "id")
        for code in ("POL", "DMK"):
            accounts.create(tx, code, PASSWORD, role="agency", agency=code)
        accounts.create(tx, "timur", PASSWORD, role="agency", agency="POL", jurisdiction="polsek-timur")
    settings = dataclasses.replace(server.settings("pages", city_database), state=tmp_path_factory.mktemp("state"))
    engine = make_engine(settings, application="test")
    door = Door(settings=settings, engine=engine, context=Context(settings.state))
    sessions = SessionDoor(engine)
    app = Starlette(
        routes=[*LoginRoutes(settings, sessions).routes(), Mount("/api", make_browser_api(door))],
        middleware=[Middleware(Gate, door=sessions)],
    )
    with client_of(app) as client:
        yield client
    engine.dispose()


@pytest.fixture(scope="module")
def browsers(served):
    """One logged-in browser for each account."""
    made = {}
    origin = str(served.base_url).rstrip("/")
    for name in (*(str(role) for role in Role if role != Role.AGENCY), "POL", "DMK", "timur"):
        browser = httpx.Client(base_url=served.base_url, headers={"origin": origin}, timeout=30)
        assert browser.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
        made[name] = browser
    yield made
    for browser in made.values():
        browser.close()


@pytest.fixture(scope="module")
def save(browsers):
    """Save a report as the operator's form does."""

    def saver(**more):
        body = {"type": "KAM1", "lon": 122.47, "lat": -4.01, **more}
        headers = {"x-siaga": "1", "idempotency-key": uuid.uuid4().hex}
        answer = browsers["operator"].post("/api/reports", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return saver


def rows(live):
    names = "incident_id number lon lat type lane severity status received_at text version accuracy_m origin n_reports"
    return {row[0]: dict(zip([*names.split(), "duties"], row, strict=True)) for row in live["rows"]}


# (method, path) -> roles that get past the door; everybody here has a session.
READ = {"operator", "supervisor", "POL", "admin"}
REPORT = {"intake", "operator", "supervisor"}
ALL = READ | REPORT
DOORS = {
    ("GET", "/api/me"): ALL,
    ("GET", "/api/live?since=0"): READ,
    ("GET", f"/api/incidents/{NOBODY}"): READ,
    ("GET", f"/api/incidents/{NOBODY}/appointable"): {"operator", "supervisor"},
    ("POST", "/api/reports"): REPORT,
    ("POST", f"/api/incidents/{NOBODY}/events"): {"operator", "supervisor", "POL"},
    ("POST", f"/api/assignments/{NOBODY}/state"): {"operator", "supervisor", "POL"},
    ("GET", f"/api/receipts/{NOBODY}"): READ,
    ("GET", "/api/places?q=pasar"): ALL,
    ("GET", "/api/whose?lon=122.47&lat=-4.01&type=KAM1"): REPORT,
    ("GET", "/api/stations"): ALL,
    ("GET", "/api/areas?level=kelurahan"): ALL,
    ("GET", "/api/tiles/12/3441/2093"): ALL,
    ("GET", "/api/labels"): ALL,
    ("GET", "/api/closures"): ALL,
    ("POST", "/api/closures"): {"operator", "supervisor"},
    ("DELETE", f"/api/closures/{NOBODY}"): {"operator", "supervisor"},
}
BODIES = {
    "/api/reports": {"type": "KAM1", "lon": 122.47, "lat": -4.01},
    "/api/closures": {"lon": 122.47, "lat": -4.01, "reason": "x"},
    f"/api/incidents/{NOBODY}/events": {"kind": "note", "version": 1, "text": "x"},
    f"/api/assignments/{NOBODY}/state": {"state": "seen", "version": 1},
}


@pytest.mark.parametrize("who", sorted(ALL))
@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door[0]} {door[1].partition('?')[0]}")
def test_role_meets_the_door_as_the_table_says(browsers, door, who):
    method, path = door
    options = {"json": BODIES[path]} if path in BODIES else {}
    headers = {"x-siaga": "1", "idempotency-key": f"{who}-role-table"}
    answer = browsers[who].request(method, path, headers=headers, **options)
    if who in DOORS[door]:
        # This city has no roads to close.
        assert answer.status_code in (200, 201, 404) or (path == "/api/closures" and answer.status_code == 409)
    else:
        assert_problem(answer, 403)


def test_table_holds_every_route(served):
    paths = {path.partition("?")[0].replace(NOBODY, "{id}") for _, path in DOORS}
    assert len(paths) == 16
    for method, path in DOORS:
        assert_problem(served.request(method, path, headers={"origin": str(served.base_url).rstrip("/")}), 401)


def test_change_needs_our_header_and_origin(browsers, save):
    made = save()
    body = {"kind": "note", "version": 1, "text": "x"}
    path = f"/api/incidents/{made['incident_id']}/events"
    assert_problem(browsers["operator"].post(path, json=body), 403)
    headers = {"x-siaga": "1", "origin": "http://evil.test"}
    assert_problem(browsers["operator"].post(path, json=body, headers=headers), 403)
    assert browsers["operator"].post(path, json=body, headers={"x-siaga": "1"}).status_code == 201


def test_me_has_the_words_in_the_persons_language(browsers):
    indonesian, english = browsers["operator"].get("/api/me").json(), browsers["planner"].get("/api/me").json()
    assert indonesian["labels"]["status"]["dispatched"] == "dikirim"
    assert english["labels"]["status"]["dispatched"] == "dispatched"
    assert indonesian["services"] == {"police": "Kepolisian", "fire": "Pemadam", "medical": "Ambulans"}
    assert english["types"][0]["questions"] == ["Anyone hurt?"]
    assert {"status", "state", "role", "match", "estimate", "classification"} <= set(english["labels"])
    city = indonesian["city"]
    assert (city["center"], city["bbox"]) == ([122.5, -4.0], [122.45, -4.05, 122.55, -3.95])
    assert (city["is_demo"], city["roads_synthetic"], city["boundaries_approximate"]) == (True, False, True)
    desk = browsers["POL"].get("/api/me").json()
    assert (desk["agency"], desk["agency_name"]) == ("POL", "Polres Uji")


def test_live_sends_all_open_first_and_then_what_changed(browsers, save):
    made = save(description="</script>${x}")
    first = browsers["supervisor"].get("/api/live", params={"since": "0"}).json()
    row = rows(first)[made["incident_id"]]
    assert (row["number"], row["lon"], row["lat"], row["status"]) == (made["number"], 122.47, -4.01, "dispatched")
    assert row["text"] == "</script>${x}"
    lead = next(duty for duty in row["duties"] if duty[3] == "lead")
    assert lead[1:5] == ["POL", "police", "lead", "queued"]
    later = save(lon=122.53)
    second = browsers["supervisor"].get("/api/live", params={"since": first["since"]}).json()
    assert later["incident_id"] in rows(second)
    body = {"kind": "cancel", "version": 1, "reason": "palsu"}
    path = f"/api/incidents/{later['incident_id']}/events"
    assert browsers["operator"].post(path, json=body, headers={"x-siaga": "1"}).status_code == 201
    third = browsers["supervisor"].get("/api/live", params={"since": second["since"]}).json()
    assert rows(third)[later["incident_id"]]["status"] == "cancelled"
    assert later["incident_id"] not in rows(browsers["supervisor"].get("/api/live").json())


def test_me_names_the_seconds_until_an_answer_is_due(browsers, owner):
    assert browsers["operator"].get("/api/me").json()["ack_s"] == dict.fromkeys("DL", dict.fromkeys("1234", 60))
    with owner.connect() as tx:
        moment = Context(Path()).current(tx)
    urgent = next(rule for rule in moment.snapshot.rules if moment.snapshot.types[rule.type_code].lane == "D")
    rules = [
        dataclasses.replace(urgent, ack_s=seconds, severity_min=low, severity_max=high, role=role)
        for seconds, low, high, role in [(90, 1, 2, "lead"), (45, 2, 2, "support"), (5, 1, 4, "inform")]
    ]
    old = dataclasses.replace(rules[0], ack_s=1, valid_to=moment.now)
    ladder = [
        LadderStep(lane=lane, severity=severity, level=level, after_s=after, whom_id="x", whom_en="x")
        for lane, severity, level, after in [("D", 1, 1, 600), ("D", 3, 1, 600), ("L", 4, 0, 0), ("L", 4, 1, 86400)]
    ]
    snapshot = dataclasses.replace(moment.snapshot, rules=(*rules, old), ladder=tuple(ladder))
    assert answer_limits(snapshot, moment.now) == {"D": {"1": 90, "2": 45, "3": 600}, "L": {"4": 86400}}


def test_live_tells_how_far_a_reminder_has_gone(browsers, save, owner):
    made = save()
    duties = {
        duty[1]: duty for duty in rows(browsers["operator"].get("/api/live").json())[made["incident_id"]]["duties"]
    }
    assert duties["POL"][8] is None
    for step, level in (("ack", 0), ("ladder-1", 1)):
        with owner.begin() as tx:
            tx.execute(
                text(
                    "INSERT INTO siaga.clock (clock_id, assignment_id, step, due_at, fired_at)"
                    " VALUES (gen_random_uuid(), :id, :step, now(), now())"
                    " ON CONFLICT (assignment_id, step) DO UPDATE SET fired_at = now()"
                ),
                {"id": duties["POL"][0], "step": step},
            )
        row = rows(browsers["POL"].get("/api/live").json())[made["incident_id"]]
        assert row["duties"][0][8] == level
    path, headers = f"/api/assignments/{duties['POL'][0]}/state", {"x-siaga": "1"}
    body = {"state": "accepted", "version": duties["POL"][5], "note": ""}
    assert browsers["POL"].post(path, json=body, headers=headers).status_code == 200
    assert rows(browsers["POL"].get("/api/live").json())[made["incident_id"]]["duties"][0][8] is None


def test_live_shows_an_agency_its_own_assignments_only(browsers, save):
    fire, brawl, east = save(type="KBK1"), save(), save(lon=122.53)
    seen = rows(browsers["DMK"].get("/api/live").json())
    assert brawl["incident_id"] not in seen
    assert {duty[1] for duty in seen[fire["incident_id"]]["duties"]} == {"DMK"}
    seen = rows(browsers["timur"].get("/api/live").json())
    assert east["incident_id"] in seen
    assert brawl["incident_id"] not in seen
    assert_problem(browsers["timur"].get(f"/api/incidents/{brawl['incident_id']}"), 404)


@pytest.mark.parametrize("since", ["x", "-1", "1.5", "9" * 21, "'", "\u0663"])
def test_bad_cursor_is_refused(browsers, since):
    refused = assert_problem(browsers["operator"].get("/api/live", params={"since": since}), 422)
    assert "[0-9]" not in refused["errors"][0]["hint"]


def test_incident_is_shown_whole_and_its_assignment_moves(browsers, save):
    made = save()
    detail = browsers["POL"].get(f"/api/incidents/{made['incident_id']}").json()
    assert {"facts", "events", "assignments", "admin", "handoff", "question", "n_reports"} <= set(detail)
    lead = detail["assignments"][0]
    assert lead["why"]
    path = f"/api/assignments/{lead['assignment_id']}/state"
    change = {"state": "accepted", "version": lead["version"]}
    assert_problem(browsers["DMK"].post(path, json=change, headers={"x-siaga": "1"}), 404)
    changed = browsers["POL"].post(path, json=change, headers={"x-siaga": "1"}).json()
    assert set(changed) == {
        "assignment_id",
        "state",
        "version",
        "incident_id",
        "incident_status",
        "incident_version",
    }
    assert_problem(browsers["POL"].post(path, json=change, headers={"x-siaga": "1"}), 409)


def test_desk_calls_again_and_appoints(browsers, save):
    made = save()
    path = f"/api/incidents/{made['incident_id']}"
    lead = made["assignments"][0]
    decline = {"state": "declined", "version": 1, "note": "tidak ada unit"}
    browsers["POL"].post(f"/api/assignments/{lead['assignment_id']}/state", json=decline, headers={"x-siaga": "1"})
    detail = browsers["operator"].get(path).json()
    assert (detail["needs_agency"], detail["drill"], detail["assignments"][0]["is_recallable"]) == (True, False, True)
    assert not browsers["POL"].get(path).json()["assignments"][0]["is_recallable"]
    offered = browsers["operator"].get(f"{path}/appointable").json()["items"]
    assert {one["jurisdiction"] for one in offered} == {"polsek-timur", "damkar", "psc"}
    for change in (
        {"kind": "recall", "assignment_id": lead["assignment_id"]},
        {"kind": "appoint", "jurisdiction": "polsek-timur", "role": "lead", "reason": "unit terdekat"},
        {"kind": "relocate", "lon": 122.48, "lat": -4.02},
    ):
        version = browsers["operator"].get(path).json()["version"]
        done = browsers["operator"].post(
            f"{path}/events", json={**change, "version": version}, headers={"x-siaga": "1"}
        )
        assert done.status_code == 201, done.text
    after = {item["jurisdiction"]["code"]: item for item in browsers["operator"].get(path).json()["assignments"]}
    assert (after["polsek-barat"]["state"], after["polsek-barat"]["round"]) == ("queued", 2)
    assert (after["polsek-timur"]["role"], after["polsek-timur"]["appointed"]["by_role"]) == ("lead", "operator")


def test_receipt_comes_with_the_shapes_that_explain_it(browsers, save):
    made = save(lon=122.4995, accuracy_m=300)
    west = next(
        item for item in made["assignments"] if item["jurisdiction"] and item["jurisdiction"]["code"] == "polsek-barat"
    )
    shown = browsers["POL"].get(f"/api/receipts/{west['receipt_id']}").json()
    assert shown["why"] == west["why"]
    assert shown["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert shown["disc"]["type"] == "Polygon"
    assert {item["jurisdiction"] for item in shown["winners"]} == {"polsek-barat", "polsek-timur"}
    assert all(item["geometry"] for item in shown["winners"])
    assert shown["station"]["code"] == "POL-B"
    assert shown["receipt"]["digest"]
    assert_problem(browsers["DMK"].get(f"/api/receipts/{west['receipt_id']}"), 404)
    east = browsers["timur"].get(f"/api/receipts/{west['receipt_id']}").json()
    assert east["why"].startswith("Polsek Timur")
    assert east["geometry"] != shown["geometry"]
    other = next(item for item in made["assignments"] if item["jurisdiction"]["code"] == "polsek-timur")
    query = {"assignment": other["assignment_id"]}
    asked = browsers["operator"].get(f"/api/receipts/{west['receipt_id']}", params=query).json()
    assert (asked["why"], asked["geometry"]) == (other["why"], east["geometry"])
    foreign = save()["assignments"][0]["assignment_id"]
    answer = browsers["operator"].get(f"/api/receipts/{west['receipt_id']}", params={"assignment": foreign})
    assert_problem(answer, 404)
    # A step from the border, with nobody else a candidate, the neighbour and its distance are named all the same.
    close = save(lon=122.499995)["assignments"][0]["receipt_id"]
    answer = browsers["operator"].get(f"/api/receipts/{close}").json()
    (east,) = answer["nearby"]
    assert (answer["runners_up"], east["code"], east["agency"]) == ([], "polsek-timur", "POL")
    assert 0 < east["border_m"] < 1
    assert east["geometry"]["type"] in ("Polygon", "MultiPolygon")
    exact = save()["assignments"][0]["receipt_id"]
    assert browsers["operator"].get(f"/api/receipts/{exact}").json()["disc"] is None


def test_places_are_found_by_name_area_and_coordinates(browsers):
    def find(sought):
        return browsers["operator"].get("/api/places", params={"q": sought}).json()["places"]

    assert find("pasar brat")[0]["name"] == "Pasar Barat"
    assert find("depan Simpang Empat")[0]["name"] == "Simpang Empat"
    assert find("simpang 4")[0]["name"] == "Simpang Empat"
    area = next(place for place in find("kelurahan T2") if place["kind"] == "kelurahan")
    assert (area["lon"], area["lat"]) == (pytest.approx(122.525, abs=0.01), pytest.approx(-3.975, abs=0.01))
    (point,) = find("-3,9962; 122,49985")
    assert (point["kind"], point["lon"], point["lat"]) == ("coordinates", 122.49985, -3.9962)
    assert find("") == find("   ") == find("zzzzqqqq") == []
    for sought in ("\\", "%", "'; DROP", "x" * 300, "taman & <b>kota</b>"):
        find(sought)
    assert_problem(browsers["operator"].get("/api/places", params={"q": "x" * 301}), 422)


def test_whose_tells_before_saving_and_writes_nothing(browsers, save, owner):
    save(type="KBK1", lon=122.462, lat=-4.03)
    before = browsers["operator"].get("/api/live").json()["rows"]
    query = {"lon": 122.462, "lat": -4.03, "type": "KBK1"}
    told = browsers["operator"].get("/api/whose", params=query).json()
    assert [(item["agency"], item["role"]) for item in told["assignments"]] == [("DMK", "lead"), ("POL", "support")]
    assert told["assignments"][1]["jurisdiction"]["code"] == "polsek-barat"
    assert told["possible_duplicates"][0]["distance_m"] == 0
    assert told["admin"]["kelurahan"][0]["code"] == "B1"
    untyped = browsers["operator"].get("/api/whose", params={"lon": 122.462, "lat": -4.03}).json()
    assert untyped["assignments"] == []
    assert untyped["admin"]["kelurahan"][0]["code"] == "B1"
    assert browsers["operator"].get("/api/live").json()["rows"] == before
    far = browsers["operator"].get("/api/whose", params={"lon": 106.8, "lat": -6.2, "type": "KAM1"}).json()
    assert far["handoff"]["government"]
    for bad in ({"lon": "122,4"}, {"type": "X"}, {"severity": 5}, {"lon": 0, "lat": 0}):
        assert_problem(browsers["operator"].get("/api/whose", params={**query, **bad}), 422)


def test_basemap_is_kept_by_the_browser_until_it_changes(browsers):
    browser = browsers["operator"]
    for path in ("/api/tiles/12/3441/2093", "/api/labels", "/api/areas?level=kelurahan", "/api/stations"):
        first = browser.get(path)
        assert first.status_code == 200
        assert "max-age" in first.headers["cache-control"]
        again = browser.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    tile = browser.get("/api/tiles/12/3441/2093")
    assert tile.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert set(layers(tile.content)) == {"area", "line"}
    for tile in ("20/0/0", "3/8/0", "-1/0/0"):
        assert_problem(browser.get(f"/api/tiles/{tile}"), 404)
    assert_problem(browser.get("/api/tiles/a/0/0"), 422)
    assert browser.get("/api/labels").json() == [["Kelurahan B1", "kelurahan", 122.47, -4.02, 12]]
    areas = browser.get("/api/areas").json()["features"]
    assert [area["properties"]["code"] for area in areas] == ["B1", "B2", "T1", "T2"]
    assert areas[0]["properties"]["parent"] == "B"
    stations = browser.get("/api/stations").json()["features"]
    assert stations[0]["properties"] == {
        "code": "DMK-1",
        "name": "Pos Induk",
        "agency": "DMK",
        "service": "fire",
        "accuracy_m": 25.0,
    }
    assert_problem(browser.get("/api/areas?level=planet"), 422)


def test_form_with_two_keys_is_refused(browsers):
    headers = [("x-siaga", "1"), ("idempotency-key", "a"), ("idempotency-key", "b")]
    body = {"type": "KAM1", "lon": 122.47, "lat": -4.01}
    refused = assert_problem(browsers["operator"].post("/api/reports", json=body, headers=headers), 422)
    assert [error["field"] for error in refused["errors"]] == ["Idempotency-Key"]


def test_form_that_sends_twice_saves_once(browsers):
    body = {"type": "KAM1", "lon": 122.47, "lat": -4.01}
    headers = {"x-siaga": "1", "idempotency-key": uuid.uuid4().hex}
    first, again = (browsers["operator"].post("/api/reports", json=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_body_over_64_kb_is_413(browsers):
    headers = {"x-siaga": "1", "idempotency-key": "big"}
    answer = browsers["operator"].post("/api/reports", content=b"x" * 65_537, headers=headers)
    assert_problem(answer, 413)
    assert answer.headers["content-security-policy"]
