from __future__ import annotations

import pytest

from tests.api.conftest import assert_problem


def act(call, who, assignment, **change):
    return call(who, "POST", f"/v1/assignments/{assignment['assignment_id']}/state", json=change)


def read(call, incident_id, who="operator", path=""):
    return call(who, "GET", f"/v1/incidents/{incident_id}{path}")


def test_report_is_found_by_every_filter(call, report):
    made = report(type="KBK1", lon=122.53, lat=-3.98)
    received = made["received_at"]
    queries = [
        {"status": "dispatched", "type": "KBK1"},
        {"lane": "D", "agency": "DMK"},
        {"bbox": "122.52,-3.99,122.54,-3.97"},
        {"since": received},
        {"since": "2026-01-01T00:00:00+08:00", "until": "2100-01-01T00:00:00Z"},
    ]
    for query in queries:
        found = call("planner", "GET", "/v1/incidents", params=query)
        assert found.headers["content-type"] == "application/geo+json"
        assert found.headers["cache-control"] == "no-store"
        features = {feature["id"]: feature for feature in found.json()["features"]}
        assert features[made["incident_id"]]["geometry"] == {"type": "Point", "coordinates": [122.53, -3.98]}
    for query in [{"status": "closed"}, {"lane": "L"}, {"bbox": "122.46,-4.04,122.47,-4.03"}, {"until": received}]:
        found = call("planner", "GET", "/v1/incidents", params=query).json()
        assert made["incident_id"] not in [feature["id"] for feature in found["features"]]


def test_pages_follow_one_another_without_gap_or_repeat(call, report):
    for _ in range(5):
        report()
    everything = call("operator", "GET", "/v1/incidents", params={"limit": 1000}).json()
    ids, cursor = [], None
    while True:
        page = call("operator", "GET", "/v1/incidents", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ids += [feature["id"] for feature in page.json()["features"]]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert ids == [feature["id"] for feature in everything["features"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "burning"}, "status"),
        ({"lane": "X"}, "lane"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"since": "2026-01-31T00:00:00"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"until": "31/01/2026"}, "until"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "122.6,-4,122.5,-3.9"}, "bbox"),
        ({"bbox": "nan,nan,nan,nan"}, "bbox"),
        ({"bbox": "-inf,-90,inf,90"}, "bbox"),
        ({"bbox": "122,5,-4,122,6,-3"}, "bbox"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "\u2603"}, "cursor"),
        ({"cursor": "////"}, "cursor"),
        ({"statuss": "closed"}, "statuss"),
        ({"type": "x" * 65}, "type"),
        ({"type": "a\x00b"}, "type"),
        ({"agency": "\x01"}, "agency"),
        ({"type": "KAM9"}, "type"),
        ({"type": "kam1"}, "type"),
        ({"agency": "POLISI"}, "agency"),
        ({"agency": ""}, "agency"),
    ],
)
@pytest.mark.parametrize("language", ["id", "en"])
def test_bad_query_is_refused_by_name(call, query, field, language):
    answer = call("operator", "GET", "/v1/incidents", params=query, headers={"accept-language": language})
    refused = assert_problem(answer, 422)
    assert [error["field"] for error in refused["errors"]] == [field]
    assert answer.headers["content-language"] == language


def test_parameter_given_twice_and_misspelt_ones_get_hints(call):
    answer = call("operator", "GET", "/v1/incidents?lane=D&lane=L&statuss=x", headers={"accept-language": "en"})
    errors = {error["field"]: error for error in assert_problem(answer, 422)["errors"]}
    assert set(errors) == {"lane", "statuss"}
    assert "status" in errors["statuss"]["hint"]


def test_unescaped_plus_in_a_time_is_understood(call):
    assert call("operator", "GET", "/v1/incidents?since=2026-01-01T00:00:00+08:00").status_code == 200


@pytest.mark.parametrize("bad", ["x", "00000000-0000-7000-8000-00000000000", "%00", "..%2f", "1;DROP", "\u2603"])
@pytest.mark.parametrize("path", ["/v1/incidents/{}", "/v1/incidents/{}/events", "/v1/receipts/{}/replay"])
def test_ids_that_are_none_are_not_found(call, bad, path):
    assert_problem(call("operator", "GET", path.format(bad)), 404)


def test_agency_sees_its_own_incidents_and_assignments_only(call, report):
    fire = report(type="KBK1")
    brawl = report(type="KAM1")
    assert [item["agency"] for item in read(call, fire["incident_id"], "agency:DMK").json()["assignments"]] == ["DMK"]
    assert_problem(read(call, brawl["incident_id"], "agency:DMK"), 404)
    for path in ("/events", "/receipts"):
        assert_problem(read(call, brawl["incident_id"], "agency:DMK", path), 404)
        assert read(call, fire["incident_id"], "agency:DMK", path).status_code == 200
    listed = call("agency:DMK", "GET", "/v1/incidents", params={"agency": "POL", "limit": 1000}).json()["features"]
    ids = {feature["id"] for feature in listed}
    assert fire["incident_id"] in ids
    assert brawl["incident_id"] not in ids
    own, others = (
        next(item["receipt_id"] for item in fire["assignments"] if item["agency"] == agency)
        for agency in ("DMK", "POL")
    )
    assert call("agency:DMK", "GET", f"/v1/receipts/{own}/replay").json()["same"] is True
    assert_problem(call("agency:DMK", "GET", f"/v1/receipts/{others}/replay"), 404)


def test_receipts_replay_to_the_same_digest(call, report):
    made = report(accuracy_m=1500)
    receipts = read(call, made["incident_id"], path="/receipts").json()["items"]
    assert {item["receipt_id"] for item in receipts} == {item["receipt_id"] for item in made["assignments"]}
    for item in receipts:
        again = call("planner", "GET", f"/v1/receipts/{item['receipt_id']}/replay").json()
        assert (again["same"], again["digest"]) == (True, item["digest"])


def test_assignment_goes_its_way_and_the_incident_follows(call, report):
    made = report()
    lead = next(item for item in made["assignments"] if item["role"] == "lead")
    for version, (state, status) in enumerate(
        [
            ("seen", "dispatched"),
            ("accepted", "acknowledged"),
            ("en_route", "acknowledged"),
            ("on_scene", "in_progress"),
        ],
        start=1,
    ):
        changed = act(call, "agency:POL", lead, state=state, version=version)
        assert changed.status_code == 200, changed.text
        assert (changed.json()["version"], changed.json()["incident_status"]) == (version + 1, status)
    refused = assert_problem(act(call, "agency:POL", lead, state="done", version=5), 422)
    assert refused["errors"][0]["field"] == "result"
    done = act(call, "agency:POL", lead, state="done", version=5, result="dibubarkan")
    assert done.json()["incident_status"] == "resolved"
    events = read(call, made["incident_id"], path="/events").json()["items"]
    assert [event["kind"] for event in events][:2] == ["report", "assignment.seen"]


def test_stale_backward_foreign_and_broken_changes_are_refused(call, report):
    lead = report()["assignments"][0]
    assert act(call, "agency:POL", lead, state="accepted", version=1).status_code == 200
    assert_problem(act(call, "agency:POL", lead, state="en_route", version=1), 409)
    assert_problem(act(call, "agency:POL", lead, state="seen", version=2), 409)
    assert_problem(act(call, "agency:DMK", lead, state="en_route", version=2), 404)
    bad = [
        ({"state": "flying", "version": 2}, {"state"}),
        ({"state": ["seen"], "version": "2"}, {"state", "version"}),
        ({"state": "en_route", "version": True}, {"version"}),
        ({"version": 2}, {"state"}),
        ({"state": "en_route", "version": 2, "notes": "x"}, {"notes"}),
        ({"state": "en_route", "version": 2, "note": "a\x00"}, {"note"}),
        ({"state": "en_route", "version": 2, "note": 5}, {"note"}),
        ({"state": "declined", "version": 2}, {"note"}),
    ]
    for change, fields in bad:
        refused = assert_problem(act(call, "agency:POL", lead, **change), 422)
        assert {error["field"] for error in refused["errors"]} == fields
    assert_problem(act(call, "agency:POL", lead, state="en_route", version=10**30), 422)
    assert_problem(act(call, "agency:POL", lead, state="en_route", version=2**40), 409)
    assert act(call, "agency:POL", lead, state="en_route", version=2).status_code == 200


def change(call, changed_id, who="operator", **body):
    return call(who, "POST", f"/v1/incidents/{changed_id}/events", json=body)


def test_incident_is_changed_on_the_version_that_was_read(call, report):
    made = report()["incident_id"]
    noted = change(call, made, kind="note", version=1, text="dua orang luka")
    assert (noted.status_code, noted.json()["version"]) == (201, 2)
    for language, word in (("id", "diubah"), ("en", "changed")):
        answer = call(
            "operator",
            "POST",
            f"/v1/incidents/{made}/events",
            json={"kind": "note", "version": 1, "text": "x"},
            headers={"accept-language": language},
        )
        assert word in assert_problem(answer, 409)["detail"]
    assert change(call, made, "agency:POL", kind="note", version=2, text="di lokasi").status_code == 201
    assert_problem(change(call, made, "agency:POL", kind="cancel", version=3, reason="x"), 403)
    assert_problem(change(call, made, "agency:DMK", kind="note", version=3, text="x"), 404)
    moved = change(call, made, kind="relocate", version=3, lon=122.53, lat=-4.01)
    assert moved.status_code == 201, moved.text
    codes = {item["jurisdiction"]["code"] for item in read(call, made).json()["assignments"]}
    assert "polsek-timur" in codes
    cancelled = change(call, made, kind="cancel", version=4, reason="laporan palsu")
    assert cancelled.json()["status"] == "cancelled"
    assert_problem(change(call, made, kind="lane", version=5, lane="L", reason="x"), 409)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "explode"}, "kind"),
        ({"kind": None}, "kind"),
        ({"kind": "note", "text": ""}, "text"),
        ({"kind": "note", "text": 5}, "text"),
        ({"kind": "note", "text": "x" * 4001}, "text"),
        ({"kind": "note", "txt": "x"}, "txt"),
        ({"kind": "note", "text": "\x00"}, "text"),
        ({"kind": "classify", "classification": "fun"}, "classification"),
        ({"kind": "classify", "classification": ["fun"]}, "classification"),
        ({"kind": "relocate", "lon": "122,5", "lat": -4}, "lon"),
        ({"kind": "relocate", "lon": 200, "lat": -4}, "lon"),
        ({"kind": "relocate", "lon": 122.5}, "lat"),
        ({"kind": "relocate", "lon": 0, "lat": 0}, "lon"),
        ({"kind": "relocate", "lon": -4, "lat": 122.5}, "lon"),
        ({"kind": "relocate", "lon": 122.5, "lat": 4}, "lat"),
        ({"kind": "relocate", "lon": 122.5, "lat": -4, "text": "x"}, "text"),
        ({"kind": "verify", "lane": "L"}, "lane"),
        ({"kind": "recall"}, "assignment_id"),
        ({"kind": "recall", "assignment_id": "x"}, "assignment_id"),
        ({"kind": "recall", "assignment_id": 5}, "assignment_id"),
        ({"kind": "appoint", "jurisdiction": "polsek-timur"}, "reason"),
        ({"kind": "appoint", "jurisdiction": "polsek-utara", "reason": "x"}, "jurisdiction"),
        ({"kind": "appoint", "jurisdiction": "psc", "reason": "x", "role": "inform"}, "role"),
        ({"kind": "cancel", "reason": False}, "reason"),
        ({"kind": "lane", "lane": "L"}, "reason"),
        ({"kind": "lane", "lane": {}}, "lane"),
        ({"kind": "attach", "incident_id": "x"}, "incident_id"),
        ({"kind": "confirm"}, "handled"),
        ({"kind": "cancel", "reason": "x", "unfounded": "yes"}, "unfounded"),
        ({"kind": ["note"], "text": "x"}, "kind"),
    ],
)
def test_bad_event_is_refused_by_name(call, report, body, field):
    made = report()["incident_id"]
    refused = assert_problem(change(call, made, **{"version": 1, **body}), 422)
    assert field in [error["field"] for error in refused["errors"]]
    assert change(call, made, kind="note", version=1, text="baik").status_code == 201


@pytest.mark.parametrize("version", [None, "1", 1.0, True, 10**30])
def test_version_is_a_whole_number(call, report, version):
    made = report()["incident_id"]
    refused = assert_problem(change(call, made, kind="note", version=version, text="x"), 422)
    assert [error["field"] for error in refused["errors"]] == ["version"]


def test_agency_that_declined_is_called_again_and_another_appointed(call, report):
    made = report()
    path, lead = f"/v1/incidents/{made['incident_id']}", made["assignments"][0]
    act(call, "agency:POL", lead, state="accepted", version=1)
    declined = act(call, "agency:POL", lead, state="declined", version=2, note="mobil rusak").json()
    assert declined["incident_status"] == "dispatched"
    assert_problem(act(call, "agency:POL", lead, state="accepted", version=3), 409)
    version = declined["incident_version"]
    body = {"kind": "recall", "version": version, "assignment_id": lead["assignment_id"]}
    assert_problem(call("agency:POL", "POST", f"{path}/events", json=body), 403)
    again = call("supervisor", "POST", f"{path}/events", json=body)
    assert (again.status_code, again.json()["assignment_id"]) == (201, lead["assignment_id"])
    assert act(call, "agency:POL", lead, state="accepted", version=4).status_code == 200
    version = read(call, made["incident_id"]).json()["version"]
    assert_problem(change(call, made["incident_id"], **{**body, "version": version}), 409)
    offered = call("operator", "GET", f"{path}/appointable").json()["items"]
    assert [one["jurisdiction"] for one in offered if one["service"] == "police"] == ["polsek-timur"]
    appointed = change(
        call, made["incident_id"], kind="appoint", version=version, jurisdiction="damkar", reason="perlu tangga"
    )
    assert appointed.status_code == 201, appointed.text
    mine = read(call, made["incident_id"], "agency:DMK").json()["assignments"]
    assert [(item["role"], item["appointed"]["reason"]) for item in mine] == [("support", "perlu tangga")]
    replayed = call("agency:DMK", "GET", f"/v1/receipts/{mine[0]['receipt_id']}/replay").json()
    assert replayed["same"] is True


def test_reopening_calls_again_over_the_api(call, report):
    made = report()
    lead = made["assignments"][0]
    act(call, "agency:POL", lead, state="done", version=1, result="bubar")
    version = read(call, made["incident_id"]).json()["version"]
    closed = change(call, made["incident_id"], kind="close", version=version, result="bubar")
    opened = change(call, made["incident_id"], kind="reopen", version=closed.json()["version"], reason="kembali lagi")
    assert (opened.status_code, opened.json()["status"]) == (201, "dispatched")
    item = next(one for one in read(call, made["incident_id"]).json()["assignments"] if one["role"] == "lead")
    assert (item["state"], item["round"], item["result"]) == ("queued", 2, None)


def test_a_search_does_not_end_before_it_begins(call):
    query = {"since": "2026-01-02T00:00:00+08:00", "until": "2026-01-01T00:00:00+08:00"}
    problem = assert_problem(call("operator", "GET", "/v1/incidents", params=query), 422)
    assert [error["field"] for error in problem["errors"]] == ["until"]
    for extreme in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"):
        assert_problem(call("operator", "GET", "/v1/incidents", params={"since": extreme}), 422)
