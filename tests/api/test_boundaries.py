"""Boundaries over HTTP: drafts of two people at once, signatures of both sides, and the switch at the agreed moment."""

from __future__ import annotations

import dataclasses
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import shapely
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from api.app import make_browser_api
from api.door import Door
from api.gate import Gate
from api.login import LoginRoutes
from api.sessions import SessionDoor
from gis import accounts
from gis.db import make_engine
from gis.words import Role
from routing_engine.dispatch.context import Context
from tests.api.conftest import assert_problem, client_of
from zones import jurisdictions
from zones.jurisdictions import NewBoundary

PASSWORD = "kuda laut 7 biru"
NOBODY = "00000000-0000-7000-8000-000000000000"
DRAFTS = "/api/boundaries/drafts"
B1 = {"kind": "handover", "areas": ["B1"], "from": "polsek-barat", "to": "polsek-timur"}
EVIL = "<script>alert(1)</script> & 'Kapolsek'"


@pytest.fixture(scope="module")
def served(server, city_database, owner, tmp_path_factory):
    with owner.begin() as tx:
        for role in Role:
            if role != Role.AGENCY:
                accounts.create(tx, str(role), PASSWORD, role=role, language="id")
        accounts.create(tx, "supervisor2", PASSWORD, role=Role.SUPERVISOR, language="en")
        for code in ("POL", "DMK"):
            accounts.create(tx, code, PASSWORD, role="agency", agency=code)
        for name in ("barat", "timur"):
            accounts.create(tx, name, PASSWORD, role="agency", agency="POL", jurisdiction=f"polsek-{name}")
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
    people = ("intake", "operator", "supervisor", "supervisor2", "planner", "admin", "POL", "DMK", "barat", "timur")
    for name in people:
        headers = {"origin": origin, "x-siaga": "1", "accept-language": "en"}
        browser = httpx.Client(base_url=served.base_url, headers=headers, timeout=30)
        assert browser.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
        made[name] = browser
    yield made
    for browser in made.values():
        browser.close()


@pytest.fixture
def ask(browsers):
    """``ask(who, method, path, body)``; checks the status and gives the JSON."""

    def asker(who, method, path, body=None, *, status=200):
        answer = browsers[who].request(method, path, json=body)
        if status >= 400:
            return assert_problem(answer, status)
        assert answer.status_code == status, answer.text
        return answer.json()

    return asker


@pytest.fixture
def begin(ask):
    """``begin(who, *edits)`` gives a draft with those edits; what is still open afterwards is withdrawn."""
    made = []

    def beginner(who, *edits, service="police", title="Serah terima"):
        draft = ask(who, "POST", DRAFTS, {"service": service, "title": title}, status=201)
        made.append(draft["draft_id"])
        for edit in edits:
            draft = ask(who, "POST", f"{DRAFTS}/{draft['draft_id']}/edits", {"version": draft["version"], **edit})
        return draft

    yield beginner
    for draft_id in made:
        draft = ask("admin", "GET", f"{DRAFTS}/{draft_id}")
        if draft["may"]["withdraw"]:
            body = {"version": draft["version"], "reason": "uji selesai"}
            ask("admin", "POST", f"{DRAFTS}/{draft_id}/withdraw", body)


def proposal(draft, **more):
    at = datetime.now(UTC) + timedelta(days=30)
    return {"version": draft["version"], "effective_from": at.isoformat(), "reason": "jalan baru", **more}


def path(draft, action):
    return f"{DRAFTS}/{draft['draft_id']}/{action}"


def shape_of(served_set, key):
    (feature,) = [one for one in served_set["features"] if one["properties"]["jurisdiction"] == key]
    return shapely.geometry.shape(feature["geometry"])


READ = {"operator", "supervisor", "POL", "planner", "admin"}
DRAFT = {"supervisor", "POL", "admin"}
DOORS = {
    ("GET", "/api/boundaries?service=police"): READ,
    ("GET", "/api/boundaries/history?service=police"): READ,
    ("GET", DRAFTS): READ,
    ("POST", DRAFTS): DRAFT,
    ("GET", f"{DRAFTS}/{NOBODY}"): READ,
    ("POST", f"{DRAFTS}/{NOBODY}/edits"): DRAFT,
    ("POST", f"{DRAFTS}/{NOBODY}/propose"): DRAFT,
    ("POST", f"{DRAFTS}/{NOBODY}/sign"): {"POL", "admin"},
    ("POST", f"{DRAFTS}/{NOBODY}/withdraw"): DRAFT,
    ("POST", f"{DRAFTS}/{NOBODY}/rebase"): DRAFT,
}
BODIES = {"sign": {"digest": "x"}, "drafts": {"service": "police", "title": "peran"}}


@pytest.mark.parametrize("who", ["intake", *sorted(READ)])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door[0]} {door[1].partition('?')[0]}")
def test_role_meets_the_door_as_the_table_says(browsers, door, who):
    method, where = door
    body = BODIES.get(where.rpartition("/")[2], {"version": 1}) if method == "POST" else None
    answer = browsers[who].request(method, where, json=body)
    if who in DOORS[door]:
        assert answer.status_code in (200, 201, 404), answer.text
    else:
        assert_problem(answer, 403)


def test_table_holds_every_route_and_none_opens_without_a_session(served):
    for method, where in DOORS:
        headers = {"origin": str(served.base_url).rstrip("/"), "x-siaga": "1"}
        assert_problem(served.request(method, where, headers=headers), 401)
    from api.browser import boundaries

    routes = {(method, f"/api{route.path}") for route in boundaries.router.routes for method in route.methods}
    assert {(m, w.partition("?")[0].replace(NOBODY, "{draft_id}")) for m, w in DOORS} == routes


def test_from_a_draft_to_a_planned_switch(begin, ask, owner, call):
    before = ask("operator", "GET", "/api/boundaries?service=police")
    draft = begin("barat", B1, title=EVIL)
    assert (draft["state"], draft["agency"], draft["version"], draft["created_by"]) == ("open", "POL", 2, "barat")
    assert [one["kind"] for one in draft["changes"]] == ["change", "change"]
    west, east = draft["changes"]
    assert (west["jurisdiction"], west["is_side"], west["gained_m2"]) == ("POL/polsek-barat", True, 0)
    assert west["lost_m2"] == pytest.approx(east["gained_m2"], abs=1)
    # This city's borders are straight for ten kilometres: a vertex more bends them in the metric CRS.
    assert east["area_m2"] - east["area_before_m2"] == pytest.approx(east["gained_m2"], rel=1e-5)
    assert draft["checks"]["is_clean"]
    assert draft["events"][1]["what"] == "Kelurahan B1 handed from Polsek Barat to Polsek Timur"
    assert draft["may"] == {"edit": True, "propose": True, "sign": False, "withdraw": True, "rebase": True}
    ask("barat", "POST", path(draft, "sign"), {"digest": "x", "office": "Kapolsek"}, status=409)

    draft = ask("barat", "POST", path(draft, "propose"), proposal(draft))
    assert draft["state"] == "proposed"
    assert [side["signature"] for side in draft["sides"]] == [None, None]
    assert [side["may_sign"] for side in draft["sides"]] == [True, False]
    # Nobody signs for another, the city for nobody, and paper only by an administrator with its reference.
    for who, body in (
        ("DMK", {}),
        ("supervisor", {}),
    ):
        ask(who, "POST", path(draft, "sign"), {"digest": draft["digest"], "office": "x", **body}, status=403)
    for who, body, field in (
        ("barat", {"jurisdictions": ["polsek-timur"]}, "jurisdictions"),
        ("barat", {"jurisdictions": []}, "jurisdictions"),
        ("barat", {"paper_ref": "B/1"}, "paper_ref"),
        ("barat", {"office": " "}, "office"),
        ("admin", {}, "paper_ref"),
    ):
        sent = {"digest": draft["digest"], "office": "x", **body}
        assert ask(who, "POST", path(draft, "sign"), sent, status=422)["errors"][0]["field"] == field
    draft = ask("barat", "POST", path(draft, "sign"), {"digest": draft["digest"], "office": EVIL})
    assert draft["state"] == "proposed"
    again = {"digest": draft["digest"], "office": EVIL}
    assert "Signed already" in ask("barat", "POST", path(draft, "sign"), again, status=409)["detail"]
    # Until all have signed nothing has changed, whatever the moment.
    then = (datetime.now(UTC) + timedelta(days=60)).isoformat().replace("+", "%2B")
    assert ask("operator", "GET", f"/api/boundaries?service=police&at={then}")["features"] == before["features"]

    paper = {"digest": draft["digest"], "office": "Kapolsek Timur", "paper_ref": "B/17/2026"}
    draft = ask("admin", "POST", path(draft, "sign"), paper)
    assert (draft["state"], draft["state_label"]) == ("scheduled", "scheduled")
    assert [side["signature"]["office"] for side in draft["sides"]] == [EVIL, "Kapolsek Timur"]
    assert draft["sides"][1]["signature"]["paper_ref"] == "B/17/2026"
    assert draft["may"] == dict.fromkeys(draft["may"], False)
    assert draft["stale"] == []
    for who, action, body in (
        ("barat", "edits", {"version": draft["version"], **B1}),
        ("admin", "withdraw", {"version": draft["version"], "reason": "x"}),
        ("barat", "rebase", {"version": draft["version"]}),
        ("barat", "sign", again),
    ):
        problem = ask(who, "POST", path(draft, action), body, status=409)
        assert problem["changes"][-1]["kind"] == "scheduled"

    moment = datetime.fromisoformat(draft["effective_from"])
    day, key = timedelta(days=1), "POL/polsek-timur"
    old = shape_of(before, key)
    for at, is_new in ((moment - day, False), (moment - timedelta(microseconds=1), False), (moment, True),
                       (moment + day, True)):  # fmt: skip
        url = f"boundaries?service=police&at={at.isoformat().replace('+', '%2B')}"
        at_it = ask("planner", "GET", f"/api/{url}")
        assert (shape_of(at_it, key).area > 1.2 * old.area) == is_new
        # Programs see the same.
        assert call("planner", "GET", f"/v1/{url}").json() == at_it
    assert at_it["moments"][0]["at"] == draft["effective_from"]
    assert [one["kind"] for one in at_it["moments"][0]["changes"]] == ["changes", "changes"]

    items = ask("planner", "GET", "/api/boundaries/history?service=police&jurisdiction=polsek-timur")["items"]
    assert [(one["version"], one["state"]) for one in items] == [(2, "planned"), (1, "in_force")]
    assert items[0]["begun"]["draft"]["title"] == EVIL
    assert [one["office"] for one in items[0]["begun"]["draft"]["signatures"]] == [EVIL, "Kapolsek Timur"]
    assert items[0]["gained_m2"] == pytest.approx(east["gained_m2"], rel=1e-4)
    assert items[1]["ended"]["boundary_set"] == items[0]["begun"]["boundary_set"] == draft["committed_set"]
    with owner.begin() as tx:
        rows = tx.execute(
            text("SELECT actor, actor_role, action FROM siaga.audit WHERE subject = :s ORDER BY audit_id"),
            {"s": f"boundary_draft:{draft['draft_id']}"},
        ).all()
    assert [(row.actor, row.action) for row in rows] == [
        ("barat", "boundary.created"),
        ("barat", "boundary.edited"),
        ("barat", "boundary.proposed"),
        ("barat", "boundary.signed"),
        ("admin", "boundary.signed"),
        ("admin", "boundary.scheduled"),
    ]


def test_the_second_of_two_people_is_refused_with_what_changed(begin, ask, browsers):
    draft = begin("supervisor")
    gate = threading.Barrier(2)

    def send(who, body):
        gate.wait()
        return browsers[who].post(path(draft, "edits"), json={"version": 1, **body})

    bodies = (
        ("supervisor", {"kind": "rename", "jurisdiction": "polsek-barat", "name": "Polsek Satu"}),
        ("supervisor2", {"kind": "rename", "jurisdiction": "polsek-timur", "name": "Polsek Dua"}),
    )
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(send, *zip(*bodies, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    lost = next(i for i in (0, 1) if answers[i].status_code == 409)
    won = bodies[1 - lost]
    problem = assert_problem(answers[lost], 409)
    (change,) = problem["changes"]
    assert (change["by"], change["kind"], change["version"]) == (won[0], "edited", 2)
    assert change["what"].endswith(f"becomes {won[1]['name']}")
    assert won[0] in problem["detail"]
    kept = ask("planner", "GET", f"{DRAFTS}/{draft['draft_id']}")
    assert [one["name"] for one in kept["changes"]] == [won[1]["name"]]
    assert kept["version"] == 2


def test_the_second_waits_for_the_first_to_commit(begin, browsers, owner, ask):
    """The first holds the draft's row, uncommitted, when the second comes."""
    draft = begin("supervisor")
    body = {"version": 1, "kind": "rename", "jurisdiction": "polsek-barat", "name": "Polsek Satu"}
    with owner.connect() as first, ThreadPoolExecutor(1) as pool:
        first.begin()
        first.execute(
            text("SELECT 1 FROM siaga.boundary_draft WHERE boundary_draft_id = :id FOR UPDATE"),
            {"id": draft["draft_id"]},
        )
        second = pool.submit(browsers["supervisor2"].post, path(draft, "edits"), json=body)
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        with owner.connect() as watch:
            while not watch.execute(waiting).scalar_one():
                watch.rollback()
                time.sleep(0.01)
        first.execute(
            text("UPDATE siaga.boundary_draft SET version = 2 WHERE boundary_draft_id = :id"),
            {"id": draft["draft_id"]},
        )
        first.execute(
            text(
                "INSERT INTO siaga.boundary_draft_event VALUES (:id, 2, now(), 'lain', 'supervisor', 'withdrawn',"
                ' \'{"reason": "salah"}\')'
            ),
            {"id": draft["draft_id"]},
        )
        first.commit()
        problem = assert_problem(second.result(), 409)
    assert [change["what"] for change in problem["changes"]] == ["withdrawn: salah"]


def test_an_edit_opens_a_proposal_again_and_signatures_fall(begin, ask):
    draft = begin("POL", B1 | {"from": "polsek-timur", "to": "polsek-barat"})
    draft = ask("POL", "POST", path(draft, "propose"), proposal(draft))
    seen = draft["digest"]
    draft = ask("timur", "POST", path(draft, "sign"), {"digest": seen, "office": "Kapolsek Timur"})
    body = {"version": draft["version"], "kind": "rename", "jurisdiction": "polsek-timur", "name": "Polsek Hilir"}
    draft = ask("timur", "POST", path(draft, "edits"), body)
    assert (draft["state"], draft["digest"], draft["effective_from"]) == ("open", None, None)
    draft = ask("POL", "POST", path(draft, "propose"), proposal(draft))
    assert [side["signature"] for side in draft["sides"]] == [None, None]
    problem = ask("barat", "POST", path(draft, "sign"), {"digest": seen, "office": "Kapolsek Barat"}, status=409)
    assert [change["kind"] for change in problem["changes"]] == ["signed", "edited", "proposed"]
    # An account of the whole agency signs for both at once; what it withdraws is gone.
    assert [side["may_sign"] for side in ask("POL", "GET", f"{DRAFTS}/{draft['draft_id']}")["sides"]] == [True, True]
    draft = ask("POL", "POST", path(draft, "withdraw"), {"version": draft["version"], "reason": "belum sepakat"})
    assert draft["state"] == "withdrawn"
    ask("POL", "POST", path(draft, "sign"), {"digest": draft["digest"], "office": "x"}, status=409)


def test_agencies_draft_for_themselves(begin, ask):
    ask("DMK", "POST", DRAFTS, {"service": "police", "title": "x"}, status=422)
    mine = begin("timur")
    # Another's draft is read, not changed; the city changes any.
    body = {"version": 1, "kind": "rename", "jurisdiction": "polsek-timur", "name": "x"}
    assert ask("DMK", "GET", f"{DRAFTS}/{mine['draft_id']}")["may"]["edit"] is False
    ask("DMK", "POST", path(mine, "edits"), body, status=403)
    ask("timur", "POST", path(mine, "edits"), {**body, "jurisdiction": "polsek-barat"}, status=403)
    ask("timur", "POST", path(mine, "edits"),
        {"version": 1, "kind": "compose", "areas": ["B1"], "new": {"code": "n", "name": "n"}}, status=403)  # fmt: skip
    assert ask("supervisor", "POST", path(mine, "edits"), body)["version"] == 2
    city = begin("supervisor")
    ask("POL", "POST", path(city, "edits"), body, status=403)


def test_proposals_that_cannot_be(begin, ask):
    draft = begin("supervisor")
    for more, field in (
        ({}, "changes"),
        ({"effective_from": "2020-01-01T00:00:00+08:00"}, "effective_from"),
        ({"effective_from": "2120-01-01T00:00:00+08:00"}, "effective_from"),
        ({"effective_from": "2120-01-01"}, "effective_from"),
        ({"effective_from": None}, "effective_from"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"version": "1"}, "version"),
        ({"verison": 1}, "verison"),
    ):
        problem = ask("supervisor", "POST", path(draft, "propose"), proposal(draft) | more, status=422)
        assert problem["errors"][0]["field"] == field, problem
    gap = begin("supervisor", {"kind": "end", "jurisdiction": "POL/polsek-barat"})
    problem = ask("supervisor", "POST", path(gap, "propose"), proposal(gap), status=422)
    assert problem["errors"][0]["field"] == "gap_reason"
    gap = ask("supervisor", "POST", path(gap, "propose"), proposal(gap, gap_reason="Polres langsung"))
    assert gap["sides"][0]["why"] == "ends"
    assert gap["checks"]["gaps"][0]["area_m2"] > 1e7
    # The moment a change replaced a version cannot be gone behind.
    planned = begin("supervisor", B1 | {"from": "polsek-timur", "to": "polsek-barat"})
    problem = ask("supervisor", "POST", path(planned, "propose"),
                  proposal(planned) | {"effective_from": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
                  status=422)  # fmt: skip
    assert "has a version in force from" in problem["errors"][0]["reason"]


def test_another_commit_in_between_is_refused_with_what_changed_and_rebased(begin, ask, owner):
    draft = begin("DMK", {"kind": "split", "jurisdiction": "damkar", "new": {"code": "d2", "name": "Pos Dua"},
                          "line": {"type": "LineString", "coordinates": [[122.52, -4.1], [122.52, -3.9]]}},
                  service="fire", title="Bagi dua")  # fmt: skip
    other = begin("DMK", {"kind": "rename", "jurisdiction": "damkar", "name": "Damkar Kota"}, service="fire",
                  title="Nama baru")  # fmt: skip
    draft = ask("DMK", "POST", path(draft, "propose"), proposal(draft))
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    other = ask("DMK", "POST", path(other, "propose"), proposal(other) | {"effective_from": soon})
    sign = {"office": "Kadis"}
    other = ask("DMK", "POST", path(other, "sign"), {"digest": other["digest"], **sign})
    assert other["state"] == "scheduled"

    problem = ask("DMK", "POST", path(draft, "sign"), {"digest": draft["digest"], **sign}, status=409)
    (change,) = problem["changes"]
    assert (change["jurisdiction"], change["by"], change["kind"]) == ("DMK/damkar", "DMK", "begins")
    assert "Nama baru" in change["what"]
    assert ask("planner", "GET", f"{DRAFTS}/{draft['draft_id']}")["stale"] == [change]
    ask("DMK", "POST", path(draft, "propose"), proposal(draft), status=409)

    draft = ask("DMK", "POST", path(draft, "rebase"), {"version": draft["version"]})
    assert (draft["state"], draft["dropped"], draft["stale"]) == ("open", [], [])
    names = {one["jurisdiction"]: one["name"] for one in draft["changes"]}
    assert names == {"DMK/d2": "Pos Dua", "DMK/damkar": "Damkar Kota"}
    draft = ask("DMK", "POST", path(draft, "propose"), proposal(draft))
    draft = ask("DMK", "POST", path(draft, "sign"), {"digest": draft["digest"], **sign})
    assert draft["state"] == "scheduled"
    later = ask("planner", "GET", f"/api/boundaries?service=fire&at={soon.replace('+', '%2B')}")
    assert [one["properties"]["name"] for one in later["features"]] == ["Damkar Kota"]
    assert [one["at"] for one in later["moments"][:2]] == [draft["effective_from"], other["effective_from"]]
    # The new name is no older than its version.
    now = ask("planner", "GET", "/api/boundaries?service=fire")
    assert [one["properties"]["name"] for one in now["features"]] == ["Damkar Uji"]
    at_last = ask("planner", "GET",
                  f"/api/boundaries?service=fire&at={draft['effective_from'].replace('+', '%2B')}")  # fmt: skip
    assert {one["properties"]["name"] for one in at_last["features"]} == {"Damkar Kota", "Pos Dua"}


def test_effects_that_meet_are_refused_though_no_jurisdiction_is_in_both(begin, ask, owner):
    """Two drafts each extend another jurisdiction into the same empty ground."""
    with owner.begin() as tx:
        number = jurisdictions.open_set(tx, actor="test", reason="tiga pos", now=datetime.now(UTC))
        for code, west in (("p1", 122.45), ("p2", 122.50)):
            made = jurisdictions.ensure(tx, service="medical", agency="PSC", code=code, name=f"Pos {code}")
            shape = shapely.box(west, -4.3, west + 0.02, -4.2)
            jurisdictions.add_version(
                tx,
                made,
                NewBoundary(wkb=shapely.to_wkb(shape), priority=50, source="test"),
                boundary_set_number=number,
                valid_from=datetime(2026, 1, 1, tzinfo=UTC),
                srid=32751,
                actor="test",
                now=datetime.now(UTC),
            )
    drafts = []
    for code, west, east in (("p1", 122.45, 122.49), ("p2", 122.48, 122.52)):
        ring = [[west, -4.1], [east, -4.1], [east, -4.0], [west, -4.0], [west, -4.1]]
        body = {"kind": "replace", "jurisdiction": code, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        drafts.append(begin("supervisor", body, service="medical", title=f"Pindah {code}"))
    one, two = (ask("supervisor", "POST", path(d, "propose"), proposal(d, gap_reason="pindah")) for d in drafts)
    paper = {"office": "PSC", "paper_ref": "1"}
    assert ask("admin", "POST", path(one, "sign"), {"digest": one["digest"], **paper})["state"] == "scheduled"
    problem = ask("admin", "POST", path(two, "sign"), {"digest": two["digest"], **paper}, status=409)
    assert [change["by"] for change in problem["changes"]] == ["admin"]
    assert "Pindah p1" in problem["changes"][0]["what"]
    # Its moment comes after the other's, so the layer it would meet is known: proposing says the overlap.
    two = ask("supervisor", "POST", path(two, "rebase"), {"version": two["version"]})
    # Drawn again on the newest boundaries it takes that ground from the neighbour, who is a side then.
    assert {side["jurisdiction"] for side in two["sides"]} >= {"PSC/p1", "PSC/p2"}


def test_last_signatures_at_the_same_moment_commit_once(begin, ask, browsers, owner):
    draft = begin("supervisor", {"kind": "rename", "jurisdiction": "polsek-barat", "name": "Polsek B"},
                  {"kind": "rename", "jurisdiction": "polsek-timur", "name": "Polsek T"})  # fmt: skip
    at = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    draft = ask("supervisor", "POST", path(draft, "propose"), proposal(draft) | {"effective_from": at})
    gate = threading.Barrier(2)

    def send(who):
        gate.wait()
        return browsers[who].post(path(draft, "sign"), json={"digest": draft["digest"], "office": who})

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(send, ("barat", "timur")))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert sorted(answer.json()["state"] for answer in answers) == ["proposed", "scheduled"]
    with owner.begin() as tx:
        found = text("SELECT count(*) FROM siaga.boundary_set WHERE reason LIKE 'Serah terima: jalan baru'")
        n = tx.execute(found).scalar_one()
        mine = tx.execute(
            text("SELECT count(*) FROM siaga.boundary_version WHERE name IN ('Polsek B', 'Polsek T')")
        ).scalar_one()
    assert (n >= 1, mine) == (True, 2)


def test_questions_that_cannot_be(ask):
    assert ask("planner", "GET", "/api/boundaries?service=x", status=422)["errors"][0]["field"] == "service"
    assert ask("planner", "GET", "/api/boundaries", status=422)["errors"][0]["field"] == "service"
    for query in ("at=kemarin", "at=2026-01-01T00:00:00", "simplify_m=-1", "simplify_m=nan", "when=1"):
        ask("planner", "GET", f"/api/boundaries?service=police&{query}", status=422)
    assert ask("planner", "GET", "/api/boundaries?service=police&at=1990-01-01T00:00:00Z")["features"] == []
    assert ask("planner", "GET", "/api/boundaries/history?service=police&jurisdiction=nobody")["items"] == []
    ask("planner", "GET", f"{DRAFTS}/{uuid.uuid4()}", status=404)
    ask("planner", "GET", f"{DRAFTS}/x", status=404)
    listed = ask("planner", "GET", f"{DRAFTS}?service=police&state=scheduled")["items"]
    assert listed
    assert {(one["service"], one["state"], one["n_sides"] == one["n_signed"]) for one in listed} == {
        ("police", "scheduled", True)
    }
