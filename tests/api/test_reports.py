from __future__ import annotations

import concurrent.futures
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.api.conftest import assert_problem

GOOD = {"type": "KAM1", "lon": 122.47, "lat": -4.01, "description": "tawuran di depan ruko"}


def send(call, body, *, key=None, who="operator", **headers):
    headers = {"idempotency-key": key or uuid.uuid4().hex, **headers}
    options = {"content": body} if isinstance(body, bytes) else {"json": body}
    return call(who, "POST", "/v1/reports", headers=headers, **options)


COUNTS = text(
    """
SELECT (SELECT count(*) FROM siaga.report), (SELECT count(*) FROM siaga.incident),
       (SELECT count(*) FROM siaga.assignment), (SELECT count(*) FROM siaga.outbox),
       (SELECT count(*) FROM siaga.receipt), (SELECT count(*) FROM siaga.audit), (SELECT count(*) FROM private.caller)
"""
)


def counts(owner):
    with owner.connect() as tx:
        return list(tx.execute(COUNTS).one())


def test_good_report_is_dispatched_and_answered_as_the_contract_says(call):
    answer = send(call, GOOD)
    assert answer.status_code == 201
    body = answer.json()
    assert body["number"].startswith("U-")
    assert (body["status"], body["status_label"]) == ("dispatched", "dikirim")
    assert body["admin"]["kelurahan"] == [{"code": "B1", "name": "Kelurahan B1", "share": 1.0}]
    lead, informed = body["assignments"]
    assert (lead["agency"], lead["service"], lead["role"], lead["match"]) == ("POL", "police", "lead", "covers")
    assert lead["jurisdiction"]["code"] == "polsek-barat"
    assert lead["station"]["name"] == "Polsek Barat"
    assert lead["estimate"] == "straight_line"
    assert lead["why"]
    assert (informed["agency"], informed["role"]) == ("PSC", "inform")
    assert body["question"] is body["handoff"] is None


def test_same_key_and_body_get_the_same_answer_and_another_body_is_a_conflict(call):
    key = uuid.uuid4().hex
    first = send(call, GOOD, key=key)
    again = send(call, dict(reversed(GOOD.items())), key=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert_problem(send(call, {**GOOD, "type": "KBK1"}, key=key), 409)
    # A key belongs to its token: another program may use the same.
    assert send(call, GOOD, key=key, who="intake").status_code == 201


def test_same_key_at_the_same_moment_stores_once(call, owner):
    before = counts(owner)
    key = uuid.uuid4().hex
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(call, GOOD, key=key), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert counts(owner)[0] == before[0] + 1


def test_prank_is_stored_without_incident(call):
    answer = send(call, {"type": "ADM2", "lon": 122.47, "lat": -4.01})
    assert answer.status_code == 201
    body = answer.json()
    assert body["incident_id"] is None
    assert body["classification"] == "prank"
    assert body["assignments"] == []


def test_place_name_stands_for_a_position_and_unknown_ones_are_refused(call):
    placed = send(call, {"type": "KAM1", "location_text": "simpang empat"})
    assert placed.status_code == 201
    assert {area["code"] for area in placed.json()["admin"]["kelurahan"]} == {"B1", "B2", "T1", "T2"}
    refused = assert_problem(send(call, {"type": "KAM1", "location_text": "zzz qqq"}), 422)
    assert refused["errors"][0]["field"] == "location_text"


def test_backslashes_and_percent_signs_are_only_text(call):
    for sought in ("\\", "%", "_", "qqq\\", "'; DROP TABLE report; --"):
        assert_problem(send(call, {"type": "KAM1", "location_text": sought}), 422)


def test_report_from_outside_becomes_a_handoff(call):
    answer = send(call, {**GOOD, "lon": 106.8, "lat": -6.2})
    assert answer.status_code == 201
    body = answer.json()
    assert body["handoff"]["government"]
    assert [(item["agency"], item["match"]) for item in body["assignments"]] == [(None, "unassigned")]


SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

BAD = {
    "swapped": ({"lon": -4.01, "lat": 122.47}, "lon"),
    "missing sign": ({"lat": 4.01}, "lat"),
    "out of range": ({"lon": 522.0}, "lon"),
    "null island": ({"lon": 0, "lat": 0.009}, "lon"),
    "decimal comma in a text": ({"lon": "122,47"}, "lon"),
    "number as a text": ({"lon": "122.47"}, "lon"),
    "boolean": ({"lon": True}, "lon"),
    "no latitude": ({"lat": None}, "lat"),
    "no place": ({"lat": None, "lon": None}, "lon"),
    "unknown type": ({"type": "KAM9"}, "type"),
    "no type": ({"type": None}, "type"),
    "type of another kind": ({"type": ["KAM1"]}, "type"),
    "unknown field": ({"descripton": "x"}, "descripton"),
    "unknown field of the caller": ({"caller": {"phon": "1"}}, "caller.phon"),
    "unknown fact": ({"facts": {"victims": 1}}, "facts.victims"),
    "unknown hazard": ({"facts": {"hazards": ["dragon"]}}, "facts.hazards"),
    "negative victims": ({"facts": {"n_victims": -1}}, "facts.n_victims"),
    "naive time": ({"occurred_at": "2026-01-31T13:05:00"}, "occurred_at"),
    "future time": ({"occurred_at": SOON}, "occurred_at"),
    "no time": ({"occurred_at": "yesterday"}, "occurred_at"),
    "accuracy too large": ({"accuracy_m": 5001}, "accuracy_m"),
    "accuracy negative": ({"accuracy_m": -1}, "accuracy_m"),
    "severity five": ({"severity": 5}, "severity"),
    "unknown channel": ({"channel": "pigeon"}, "channel"),
    "description too long": ({"description": "x" * 4001}, "description"),
    "text too long": ({"location_text": "x" * 201}, "location_text"),
    "NUL": ({"description": "a\x00b"}, "description"),
    "control character": ({"caller": {"name": "a\x1bb"}}, "caller.name"),
    "lone surrogate": ({"description": "\ud800"}, "description"),
    "right-to-left override": ({"location_text": "a\u202eb"}, "location_text"),
    "attach to nothing": ({"attach_to": "00000000-0000-0000-0000-000000000000"}, "attach_to"),
    "attach to no id": ({"attach_to": "x"}, "attach_to"),
    "huge number": ({"lon": 10**30}, "lon"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_value_is_refused_by_name_and_nothing_is_written(call, owner, name):
    change, field = BAD[name]
    before = counts(owner)
    # By hand: the client library would refuse some of these itself.
    body = json.dumps({**GOOD, **change}).encode()
    for language in ("id", "en"):
        refused = assert_problem(send(call, body, **{"accept-language": language}), 422)
        assert field in [error["field"] for error in refused["errors"]]
    assert counts(owner) == before
    assert send(call, GOOD).status_code == 201


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 4000])
@pytest.mark.parametrize("field", ["lon", "lat", "accuracy_m"])
def test_numbers_that_are_none_are_named(call, number, field):
    body = {"lon": b"122.47", "lat": b"-4.01", "accuracy_m": b"10", field: number}
    raw = b'{"type": "KAM1", ' + b", ".join(b'"%s": %s' % (k.encode(), v) for k, v in body.items()) + b"}"
    refused = assert_problem(send(call, raw), 422)
    assert [error["field"] for error in refused["errors"]] == [field]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff",
        b'{"type": "KAM1", "lon": 122,47, "lat": -4,01}',
        b'{"type": "KAM1", "type": "KBK1"}',
        b'{"facts": ' * 2000,
    ],
)
def test_unreadable_body_is_400(call, raw):
    assert_problem(send(call, raw), 400)


def test_decimal_comma_is_told_how_to_mend(call):
    refused = assert_problem(
        send(call, b'{"type": "KAM1", "lon": 122,47, "lat": -4.01}', **{"accept-language": "en"}), 400
    )
    assert "decimal point" in refused["detail"]


def test_swapped_point_is_told_the_mended_one_and_may_be_confirmed(call):
    refused = assert_problem(send(call, {**GOOD, "lat": 4.01}, **{"accept-language": "en"}), 422)
    (error,) = refused["errors"]
    assert (error["field"], error["lon"], error["lat"]) == ("lat", 122.47, -4.01)
    assert "lat=-4.01" in error["hint"]
    assert send(call, {**GOOD, "lat": 4.01, "confirm_position": True}).status_code == 201


def test_every_fault_is_named_at_once(call):
    refused = assert_problem(send(call, {"typ": 1, "lon": "x", "severity": 9, "caller": {"a": 1}}), 422)
    assert {"typ", "type", "lon", "severity", "caller.a"} <= {error["field"] for error in refused["errors"]}


def test_body_over_64_kb_is_413_whether_declared_or_not(call, api, secrets_of):
    big = json.dumps({**GOOD, "description": "x" * 70_000}).encode()
    assert_problem(send(call, big), 413)

    def chunks():
        for at in range(0, len(big), 8192):
            yield big[at : at + 8192]

    headers = {"authorization": f"Bearer {secrets_of['operator']}", "idempotency-key": "k"}
    assert_problem(api.post("/v1/reports", content=chunks(), headers=headers), 413)
    assert send(call, GOOD).status_code == 201


def test_largest_allowed_body_is_read(call):
    padded = json.dumps(GOOD).encode().ljust(64 * 1024)
    assert send(call, padded).status_code == 201
    assert_problem(send(call, padded + b" "), 413)


def test_two_keys_are_refused(api, secrets_of, owner):
    before = counts(owner)
    headers = [("authorization", f"Bearer {secrets_of['operator']}"), ("idempotency-key", "a")]
    for second in ("a", "b"):
        answer = api.post("/v1/reports", json=GOOD, headers=[*headers, ("idempotency-key", second)])
        assert [error["field"] for error in assert_problem(answer, 422)["errors"]] == ["Idempotency-Key"]
    assert counts(owner) == before


@pytest.mark.parametrize("key", ["", "x" * 256, "kunci dengan \t tab"])
def test_idempotency_key_is_required_and_bounded(call, key):
    answer = call("operator", "POST", "/v1/reports", json=GOOD, headers={"idempotency-key": key})
    assert assert_problem(answer, 422)["errors"][0]["field"] == "Idempotency-Key"
    assert_problem(call("operator", "POST", "/v1/reports", json=GOOD), 422)


TEXTS = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "${alert(1)}",
    "`x`",
    "\\u003c",
    "{{7*7}}",
    "%s %(x)s",
    "'; DROP TABLE siaga.report; --",
    "𝕂𝕖𝕓𝕒𝕜𝕒𝕣𝕒𝕟 🔥",
]


@pytest.mark.parametrize("said", TEXTS)
def test_any_ordinary_text_comes_back_as_it_was(call, said):
    answer = send(call, {**GOOD, "description": said, "location_text": said[:200]}).json()
    stored = call("operator", "GET", f"/v1/incidents/{answer['incident_id']}").json()
    assert (stored["description"], stored["location_text"]) == (said, said)


def test_callers_are_in_no_answer(call):
    canary = "081298765432"
    answer = send(call, {**GOOD, "caller": {"phone": canary, "name": "Canary Name"}})
    incident = answer.json()["incident_id"]
    for path in ("", "/events", "/receipts"):
        found = call("supervisor", "GET", f"/v1/incidents/{incident}{path}").text
        assert "81298765432" not in found
        assert "Canary" not in found
    assert "81298765432" not in answer.text
