"""Objections over HTTP: an agency makes one, the city's people work on it, the agency hears the answer."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from routing_engine.dispatch import inbox
from tests.api.conftest import assert_problem
from tests.api.people import Asking, browsers_of

NOBODY = "00000000-0000-7000-8000-000000000000"
EVIL = "<script>alert(1)</script> & 'Kapolsek'"


@pytest.fixture(scope="module")
def browsers(server, city_database, owner, tmp_path_factory):
    with browsers_of(server, city_database, owner, tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture(scope="module")
def ask(browsers):
    return Asking(browsers)


@pytest.fixture(scope="module")
def save(browsers):
    def saver(**more):
        body = {"type": "KAM1", "lon": 122.47, "lat": -4.01, **more}
        answer = browsers["operator"].post("/api/reports", json=body, headers={"idempotency-key": uuid.uuid4().hex})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return saver


def police(answer):
    return next(item for item in answer["assignments"] if item["agency"] == "POL")


@pytest.fixture
def objected(ask, save):
    """An objection of Polsek Barat, with the incident's answer."""
    answer = save()
    path = f"/api/assignments/{police(answer)['assignment_id']}/objection"
    return answer, ask("barat", "POST", path, {"reason": EVIL, "jurisdiction": "polsek-timur"}, status=201)


READ = {"operator", "supervisor", "planner", "admin", "POL", "DMK"}
DOORS = {
    ("POST", f"/api/assignments/{NOBODY}/objection"): {"POL", "DMK"},
    ("GET", "/api/objections"): READ,
    ("POST", f"/api/objections/{NOBODY}"): {"supervisor", "admin"},
}


@pytest.mark.parametrize("who", [*sorted(READ), "intake"])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door[0]} {door[1]}")
def test_role_meets_the_door_as_the_table_says(browsers, door, who):
    method, path = door
    body = {"reason": "x"} if "assignments" in path else {"version": 1, "state": "in_work"}
    answer = browsers[who].request(method, path, **({"json": body} if method == "POST" else {}))
    if who in DOORS[door]:
        assert answer.status_code in (200, 404), answer.text
    else:
        assert_problem(answer, 403)


def test_an_objection_says_what_of_and_changes_nothing_in_the_incident(ask, objected, owner):
    answer, made = objected
    item = police(answer)
    assert (made["state"], made["state_label"], made["version"]) == ("open", "belum dibaca", 1)
    assert (made["reason"], made["agency"], made["jurisdiction"]) == (EVIL, "POL", "polsek-barat")
    assert made["suggested"] == {"agency": "POL", "jurisdiction": "polsek-timur", "name": "Polsek Timur"}
    assert (made["number"], made["match"], made["border_m"]) == (answer["number"], "covers", item["border_m"])
    assert (made["receipt_id"], made["may"]) == (item["receipt_id"], {"work": False})
    after = ask("operator", "GET", f"/api/incidents/{answer['incident_id']}")
    assert (after["version"], after["status"]) == (1, "dispatched")
    assert {one["version"] for one in after["assignments"]} == {1}
    event = after["events"][-1]
    assert (event["kind"], event["actor"], event["assignment_id"]) == ("objection", "barat", item["assignment_id"])
    assert event["detail"]["reason"] == EVIL
    with owner.connect() as tx:
        row = tx.execute(text("SELECT actor, action, subject FROM siaga.audit ORDER BY at DESC LIMIT 1")).one()
    assert tuple(row) == ("barat", "objection", f"objection:{made['objection_id']}")


def test_an_agency_sees_its_own_a_desk_of_one_polsek_only_that(ask, objected):
    _, made = objected

    def seen(who, query=""):
        return [one["objection_id"] for one in ask(who, "GET", f"/api/objections{query}")["items"]]

    for who in ("supervisor", "planner", "operator", "POL", "barat"):
        assert made["objection_id"] in seen(who)
    assert made["objection_id"] not in seen("timur")
    assert seen("DMK") == []
    assert made["objection_id"] in seen("admin", "?state=open&service=police")
    assert made["objection_id"] not in seen("admin", "?state=answered")
    assert seen("admin", f"?incident={made['incident_id']}") == [made["objection_id"]]
    assert ask("DMK", "GET", "/api/objections")["counts"] == {"open": 0, "in_work": 0, "answered": 0}


def test_only_the_agency_that_was_called_objects(ask, save):
    path = f"/api/assignments/{police(save())['assignment_id']}/objection"
    for who in ("DMK", "timur"):
        ask(who, "POST", path, {"reason": "bukan kami"}, status=404)
    ask("barat", "POST", "/api/assignments/x/objection", {"reason": "bukan kami"}, status=404)


def test_programs_of_the_agency_object_too(call, save):
    path = f"/v1/assignments/{police(save())['assignment_id']}/objection"
    assert_problem(call("agency:DMK", "POST", path, json={"reason": "x"}), 404)
    made = call("agency:POL", "POST", path, json={"reason": "bukan kami", "agency": "DMK"}).json()
    assert (made["state"], made["created_by"]) == ("open", "POL")
    assert made["suggested"] == {"agency": "DMK", "jurisdiction": None, "name": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"reason": 5}, "reason"),
        ({"reason": "a\x07b"}, "reason"),
        ({"reason": "x", "jurisdiction": "polsek-utara"}, "jurisdiction"),
        ({"reason": "x", "jurisdiction": "polsek-barat"}, "jurisdiction"),
        ({"reason": "x", "jurisdiction": ["polsek-timur"]}, "jurisdiction"),
        ({"reason": "x", "agency": "XYZ"}, "agency"),
        ({"reason": "x", "whose": "timur"}, "whose"),
    ],
)
def test_a_bad_objection_is_refused_by_name(ask, save, body, field):
    path = f"/api/assignments/{police(save())['assignment_id']}/objection"
    problem = ask("barat", "POST", path, body, status=422)
    assert field in [error["field"] for error in problem["errors"]]


def test_a_second_objection_waits_for_the_answer_to_the_first(ask, objected):
    answer, made = objected
    path = f"/api/assignments/{police(answer)['assignment_id']}/objection"
    problem = ask("POL", "POST", path, {"reason": "lagi"}, status=409)
    assert "barat" in problem["detail"]
    assert problem["changes"][0]["by"] == "barat"
    body = {"version": 1, "state": "answered", "outcome": "moot", "answer": "sudah"}
    ask("admin", "POST", f"/api/objections/{made['objection_id']}", body)
    assert ask("POL", "POST", path, {"reason": "lagi"}, status=201)["state"] == "open"


def test_two_desks_of_one_agency_object_at_once_and_one_is_kept(browsers, save):
    path = f"/api/assignments/{police(save())['assignment_id']}/objection"
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda who: browsers[who].post(path, json={"reason": who}), ("POL", "barat")))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_it_is_taken_linked_with_a_draft_and_answered_and_the_agency_hears(ask, objected, owner):
    answer, made = objected
    path = f"/api/objections/{made['objection_id']}"
    taken = ask("supervisor", "POST", path, {"version": 1, "state": "in_work"})
    assert (taken["state"], taken["version"], taken["taken_by"]) == ("in_work", 2, "supervisor")
    assert taken["state_label"] == "being looked into"
    draft = ask("supervisor", "POST", "/api/boundaries/drafts", {"service": "police", "title": "B1"}, status=201)
    linked = ask("admin", "POST", path, {"version": 2, "state": "in_work", "draft_id": draft["draft_id"]})
    assert linked["draft"] == {"draft_id": draft["draft_id"], "title": "B1", "state": "open"}
    assert (linked["taken_by"], linked["version"]) == ("supervisor", 3)
    said = {"outcome": "upheld", "answer": "Batas diubah mulai 1 Desember."}
    done = ask("admin", "POST", path, {"version": 3, "state": "answered", **said})
    assert (done["outcome"], done["outcome_label"], done["answered_by"]) == ("upheld", "diterima", "admin")
    assert done["draft"]["draft_id"] == draft["draft_id"]
    assert done["may"] == {"work": False}

    with owner.begin() as tx:
        inbox.deliver(tx, "POL", limit=100)
        items = [
            item
            for item in inbox.items(tx, "POL", since_seq=0, jurisdiction="polsek-barat")["items"]
            if item["incident"]["incident_id"] == answer["incident_id"] and item["kind"] == "update"
        ]
    id_ = {"kind": "objection", "objection_id": made["objection_id"]}
    assert [item["event"] for item in items] == [
        {**id_, "state": "in_work", "outcome": None, "answer": ""},
        {**id_, "state": "answered", **said},
    ]
    events = ask("operator", "GET", f"/api/incidents/{answer['incident_id']}")["events"]
    kinds = [event["kind"] for event in events if event["kind"].startswith("objection")]
    assert kinds == ["objection", "objection.in_work", "objection.in_work", "objection.answered"]
    # The oldest that waits is first, what is answered last.
    states = [one["state"] for one in ask("admin", "GET", "/api/objections")["items"]]
    assert states == sorted(states, key=["open", "in_work", "answered"].index)


def test_an_older_version_and_an_answered_one_are_refused_with_what_happened(ask, objected):
    path = f"/api/objections/{objected[1]['objection_id']}"
    ask("supervisor", "POST", path, {"version": 1, "state": "in_work"})
    stale = ask("admin", "POST", path, {"version": 1, "state": "in_work"}, status=409)
    assert stale["changes"][-1]["by"] == "supervisor"
    answered = {"version": 2, "state": "answered", "outcome": "rejected", "answer": "Titik di dalam batas."}
    ask("admin", "POST", path, answered)
    late = ask("supervisor", "POST", path, {**answered, "version": 3}, status=409)
    assert "admin" in late["detail"]
    assert [change["what"] for change in late["changes"]] == ["was made", "was taken up", "was answered"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "in_work"}, "version"),
        ({"version": True, "state": "in_work"}, "version"),
        ({"version": 1, "state": "open"}, "state"),
        ({"version": 1}, "state"),
        ({"version": 1, "state": "answered", "answer": "x"}, "outcome"),
        ({"version": 1, "state": "answered", "outcome": "yes", "answer": "x"}, "outcome"),
        ({"version": 1, "state": "answered", "outcome": "upheld"}, "answer"),
        ({"version": 1, "state": "answered", "outcome": "upheld", "answer": "x" * 2001}, "answer"),
        ({"version": 1, "state": "in_work", "draft_id": NOBODY}, "draft_id"),
        ({"version": 1, "state": "in_work", "draft_id": 7}, "draft_id"),
        ({"version": 1, "state": "in_work", "drafts": []}, "drafts"),
    ],
)
def test_bad_work_on_an_objection_is_refused_by_name(ask, objected, body, field):
    path = f"/api/objections/{objected[1]['objection_id']}"
    problem = ask("admin", "POST", path, body, status=422)
    assert field in [error["field"] for error in problem["errors"]]


def test_a_draft_of_another_service_is_not_linked(ask, objected):
    draft = ask("admin", "POST", "/api/boundaries/drafts", {"service": "fire", "title": "x"}, status=201)
    body = {"version": 1, "state": "in_work", "draft_id": draft["draft_id"]}
    problem = ask("admin", "POST", f"/api/objections/{objected[1]['objection_id']}", body, status=422)
    assert problem["errors"][0]["field"] == "draft_id"


def test_an_unknown_state_of_the_list_is_refused(ask):
    assert ask("admin", "GET", "/api/objections?state=lost", status=422)["errors"][0]["field"] == "state"
