"""Impact and summary of a draft over HTTP, in a city where every answer is known by hand."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from tests.api.conftest import assert_problem
from tests.api.people import Asking, browsers_of

NOBODY = "00000000-0000-7000-8000-000000000000"
DRAFTS = "/api/boundaries/drafts"
EVIL = "<script>alert(1)</script> & 'Kapolsek'"
PHONE = "0812-3456-7890"
B1 = {"kind": "handover", "areas": ["B1"], "from": "polsek-barat", "to": "polsek-timur"}
READ = {"operator", "supervisor", "planner", "admin", "POL"}


@pytest.fixture(scope="module")
def browsers(server, city_database, owner, tmp_path_factory):
    with browsers_of(server, city_database, owner, tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture(scope="module")
def ask(browsers):
    return Asking(browsers)


@pytest.fixture(scope="module")
def reported(browsers):
    """Four incidents: two in B1 (one of them a drill), one in B2, one in the east."""
    for lon, lat, drill in (
        (122.47, -4.02, False),
        (122.48, -4.03, True),
        (122.47, -3.98, False),
        (122.53, -4.02, False),
    ):
        body = {"type": "KAM1", "lon": lon, "lat": lat, "drill": drill, "description": EVIL, "caller": {"phone": PHONE}}
        answer = browsers["operator"].post("/api/reports", json=body, headers={"idempotency-key": uuid.uuid4().hex})
        assert answer.status_code == 201, answer.text


@pytest.fixture
def draft(ask, reported):
    """A draft of the supervisor's that hands B1 to the east, with a name that is no text for a page."""
    made = ask("supervisor", "POST", DRAFTS, {"service": "police", "title": EVIL}, status=201)
    made = ask("supervisor", "POST", f"{DRAFTS}/{made['draft_id']}/edits", {"version": 1, **B1})
    yield made
    last = ask("admin", "GET", f"{DRAFTS}/{made['draft_id']}")
    if last["may"]["withdraw"]:
        body = {"version": last["version"], "reason": "uji selesai"}
        ask("admin", "POST", f"{DRAFTS}/{made['draft_id']}/withdraw", body)


@pytest.mark.parametrize("who", [*sorted(READ), "intake"])
@pytest.mark.parametrize("part", ["impact", "summary"])
def test_who_reads_boundaries_reads_what_they_would_change(browsers, who, part):
    answer = browsers[who].get(f"{DRAFTS}/{NOBODY}/{part}")
    assert_problem(answer, 404 if who in READ else 403)


def test_impact_counts_what_is_known_by_hand(ask, draft):
    found = ask("planner", "GET", f"{DRAFTS}/{draft['draft_id']}/impact")
    assert (found["n_incidents"], found["n_changed"], found["n_agency_changed"], found["n_left_out"]) == (3, 1, 0, 1)
    assert found["by_type"] == [{"type": "KAM1", "n": 1, "n_agency": 0, "name": "Tawuran"}]
    assert found["moves"] == [
        {
            "from": "POL/polsek-barat",
            "from_name": "Polsek Barat",
            "to": "POL/polsek-timur",
            "to_name": "Polsek Timur",
            "n": 1,
        }
    ]
    (point,) = found["points"]["features"]
    assert point["geometry"]["coordinates"] == [122.47, -4.02]
    east = next(one for one in found["jurisdictions"] if one["jurisdiction"] == "POL/polsek-timur")
    assert east["kelurahan_gained"] == [{"code": "B1", "name": east["kelurahan_gained"][0]["name"]}]
    assert east["places_gained"] == ["Pasar Barat"]
    assert found["travel_time"] is None
    assert not any(text in str(found) for text in (PHONE, "081234567890"))
    assert EVIL not in str(found["points"])
    # Another agency reads the counts, and the incidents of its own only.
    mine, other = (ask(who, "GET", f"{DRAFTS}/{draft['draft_id']}/impact") for who in ("POL", "DMK"))
    assert (mine["points"], mine["n_points"]) == (found["points"], 1)
    assert (other["points"]["features"], other["n_points"], other["n_changed"]) == ([], 0, 1)


class Tags(HTMLParser):
    """Tags and attributes of a page, and whether every one is closed."""

    VOID = ("meta", "link", "br")

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize(("language", "said"), [("id", "Sebelum"), ("en", "Before")])
def test_summary_is_one_page_without_scripts(browsers, draft, language, said):
    answer = browsers["timur"].get(f"{DRAFTS}/{draft['draft_id']}/summary", params={"language": language})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    tags = Tags()
    tags.feed(answer.text)
    assert tags.open == []
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "iframe", "object", "style", "img", "form"}
    for _, attributes in tags.seen:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not re.match(r"(?i)\s*(javascript|https?|//)", attributes.get("href") or "")
    assert [tag for tag, _ in tags.seen].count("svg") == 2
    assert answer.text.count("&lt;script&gt;") >= 2
    assert said in answer.text
    assert "Polsek Timur" in answer.text
    assert ("tidak ada jaringan jalan" if language == "id" else "there is no road network") in answer.text


@pytest.mark.parametrize("who", [*sorted(READ), "intake"])
def test_who_reads_boundaries_reads_their_health(browsers, who):
    answer = browsers[who].get("/api/boundaries/health?service=police")
    if who in READ:
        assert answer.status_code == 200
    else:
        assert_problem(answer, 403)


def test_health_of_the_small_city(browsers, ask, reported):
    for lon, accuracy_m in ((122.5001, 10), (122.504, 600), (122.504, 100)):
        body = {"type": "KAM1", "lon": lon, "lat": -3.97, "accuracy_m": accuracy_m}
        headers = {"idempotency-key": uuid.uuid4().hex}
        assert browsers["operator"].post("/api/reports", json=body, headers=headers).status_code == 201
    found = ask("planner", "GET", "/api/boundaries/health?service=police")
    assert (found["n_jurisdictions"], found["covered_share"]) == (2, 1.0)
    assert (found["gaps"], found["overlaps"], found["slivers"]) == ([], [], {"n": 0, "area_m2": 0.0})
    assert (found["n_incidents"], found["n_near_border"]) == (6, 2)
    (one,) = found["contested"]
    assert (one["names"], one["n_incidents"]) == (["Polsek Barat", "Polsek Timur"], 2)
    assert {round(x, 5) for x, _ in one["geometry"]["coordinates"]} == {122.5}
    before = ask("planner", "GET", "/api/boundaries/health?service=police&at=2020-01-01T00:00:00Z")
    assert (before["n_jurisdictions"], before["covered_share"], len(before["gaps"])) == (0, 0.0, 1)
    for query, field in (("service=x", "service"), ("service=police&at=now", "at"), ("", "service")):
        problem = ask("planner", "GET", f"/api/boundaries/health?{query}", status=422)
        assert problem["errors"][0]["field"] == field


LIST = "lon,lat,milik\n122.47,-4.01,Polsek Barat\n122.53,-4.01,Polsek Barat\n"


@pytest.mark.parametrize("who", [*sorted(READ), "intake"])
def test_who_reads_boundaries_checks_lists(browsers, who):
    answer = browsers[who].post("/api/boundaries/check?service=police", json={"csv": LIST, "column": "milik"})
    if who not in READ:
        assert_problem(answer, 403)
        return
    assert [row["agrees"] for row in answer.json()["rows"]] == ["yes", "no"]


def test_a_list_is_longer_than_other_bodies_and_has_its_limit_too(browsers):
    path = "/api/boundaries/check?service=police"
    long = LIST + "122.47,-4.01,Polsek Barat\n" * 19_998
    answer = browsers["planner"].post(path, json={"csv": long, "column": "milik"})
    assert answer.status_code == 200
    assert (answer.json()["n"], answer.json()["comparison"]["n_equal"]) == (20_000, 19_999)
    assert_problem(browsers["planner"].post(path, json={"csv": "x" * (2 << 20)}), 413)
    assert_problem(browsers["admin"].post("/api/objections/x", json={"answer": "x" * 70_000}), 413)


@pytest.mark.parametrize(
    ("body", "query", "field"),
    [
        ({}, "service=police", "csv"),
        ({"csv": 5}, "service=police", "csv"),
        ({"csv": ""}, "service=police", "csv"),
        ({"csv": "a,b\n1,2\n"}, "service=police", "csv"),
        ({"csv": LIST, "column": "punya"}, "service=police", "csv"),
        ({"csv": LIST, "column": 5}, "service=police", "column"),
        ({"csv": LIST, "colum": "milik"}, "service=police", "colum"),
        ({"csv": LIST}, "service=x", "service"),
        ({"csv": LIST}, "service=police&at=now", "at"),
        ({"csv": LIST}, "service=police&at=2020-01-01T00:00:00Z", "service"),
    ],
)
def test_a_bad_list_is_refused_by_name(ask, body, query, field):
    problem = ask("planner", "POST", f"/api/boundaries/check?{query}", body, status=422)
    assert problem["errors"][0]["field"] == field


def test_an_unknown_language_and_an_unknown_member_are_refused(ask, draft):
    path = f"{DRAFTS}/{draft['draft_id']}/summary"
    assert ask("POL", "GET", f"{path}?language=fr", status=422)["errors"][0]["field"] == "language"
    assert ask("POL", "GET", f"{path}?lang=en", status=422)["errors"][0]["field"] == "lang"


def test_a_draft_that_changes_nothing_yet_has_a_page_too(browsers, ask):
    made = ask("supervisor", "POST", DRAFTS, {"service": "fire", "title": "kosong"}, status=201)
    found = ask("POL", "GET", f"{DRAFTS}/{made['draft_id']}/impact")
    assert (found["n_changed"], found["jurisdictions"]) == (0, [])
    assert browsers["POL"].get(f"{DRAFTS}/{made['draft_id']}/summary").status_code == 200


def test_the_proposal_keeps_its_impact(ask, draft):
    # The last test here: afterwards B1 is the east's.
    at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    body = {"version": draft["version"], "effective_from": at, "reason": EVIL}
    proposed = ask("supervisor", "POST", f"{DRAFTS}/{draft['draft_id']}/propose", body)
    assert proposed["impact"]["n_changed"] == 1
    found = ask("planner", "GET", f"{DRAFTS}/{draft['draft_id']}/impact")
    assert found["is_frozen"]
    assert found["until"] == proposed["impact"]["until"]
    # Once in force it still says what it was.
    for who in ("barat", "timur"):
        sign = {"digest": proposed["digest"], "office": "Kapolsek"}
        signed = ask(who, "POST", f"{DRAFTS}/{draft['draft_id']}/sign", sign)
    assert signed["state"] == "scheduled"
    later = ask("planner", "GET", f"{DRAFTS}/{draft['draft_id']}/impact")
    assert (later["n_changed"], later["moves"]) == (1, found["moves"])
    assert later["points"] == found["points"]
