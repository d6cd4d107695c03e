"""Who may do what, as a table of its own: the routes must agree with it, all of them."""

from __future__ import annotations

import pytest

from gis.words import Role
from tests.api.conftest import assert_problem

NOBODY = "00000000-0000-7000-8000-000000000000"
READ = {"operator", "supervisor", "agency", "planner", "admin"}
READ_TEXTS = READ - {"planner"}
ALL = {str(role) for role in Role}

# (method, path) -> the roles that get past the door. `None`: needs no token.
DOORS = {
    ("POST", "/v1/reports"): {"intake", "operator", "supervisor"},
    ("GET", "/v1/incidents"): READ,
    ("GET", f"/v1/incidents/{NOBODY}"): READ_TEXTS,
    ("GET", f"/v1/incidents/{NOBODY}/events"): READ_TEXTS,
    ("POST", f"/v1/incidents/{NOBODY}/events"): {"operator", "supervisor", "agency"},
    ("GET", f"/v1/incidents/{NOBODY}/receipts"): READ,
    ("GET", f"/v1/incidents/{NOBODY}/appointable"): {"operator", "supervisor"},
    ("GET", "/v1/agencies/POL/inbox"): {"operator", "supervisor", "agency", "admin"},
    ("POST", f"/v1/assignments/{NOBODY}/state"): {"operator", "supervisor", "agency"},
    ("POST", f"/v1/assignments/{NOBODY}/objection"): {"agency"},
    ("GET", "/v1/find-service?lon=122.47&lat=-4.01"): ALL,
    ("GET", "/v1/nearest?lon=122.47&lat=-4.01&service=police"): ALL,
    ("GET", "/v1/route?from=122.47,-4.01&to=122.5,-4.0"): ALL,
    ("GET", "/v1/isochrones?station=POL-B&minutes=5"): ALL,
    ("POST", "/v1/matrix"): ALL,
    ("GET", f"/v1/receipts/{NOBODY}/replay"): READ,
    ("POST", "/v1/closures"): {"operator", "supervisor"},
    ("GET", "/v1/closures"): ALL,
    ("GET", "/v1/boundaries?service=police"): READ,
    ("DELETE", f"/v1/closures/{NOBODY}"): {"operator", "supervisor"},
    ("GET", "/v1/health"): None,
    ("GET", "/metrics"): None,
}
BODIES = {
    "/v1/reports": {"type": "KAM1", "lon": 122.47, "lat": -4.01},
    "/v1/matrix": {"origins": [[122.47, -4.01]], "destinations": [[122.5, -4.0]]},
    f"/v1/incidents/{NOBODY}/events": {"kind": "note", "version": 1, "text": "x"},
    "/v1/closures": {"lon": 122.47, "lat": -4.01, "reason": "x"},
    f"/v1/assignments/{NOBODY}/state": {"state": "accepted", "version": 1},
    f"/v1/assignments/{NOBODY}/objection": {"reason": "x"},
}


def test_table_holds_every_route(api):
    described = api.get("/openapi.json").json()
    routes = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods} | {
        ("GET", "/metrics")
    }
    named = {(method, path.partition("?")[0].replace(NOBODY, "{}").replace("POL", "{}")) for method, path in DOORS}
    found = set()
    for method, path in routes:
        for part in ("incident_id", "assignment_id", "receipt_id", "closure_id", "code"):
            path = path.replace("{" + part + "}", "{}")
        found.add((method, path))
    assert found == named


@pytest.mark.parametrize("who", sorted(ALL))
@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door[0]} {door[1].partition('?')[0]}")
def test_role_meets_the_door_as_the_table_says(call, door, who):
    method, path = door
    options = {"json": BODIES[path]} if path in BODIES else {}
    headers = {"idempotency-key": f"{who}-role-table"}
    answer = call("agency:POL" if who == "agency" else who, method, path, headers=headers, **options)
    if DOORS[door] is None or who in DOORS[door]:
        # 409: this city has no roads to close or to drive on.
        assert answer.status_code in (200, 201, 404, 409), answer.text
    else:
        assert_problem(answer, 403)


@pytest.mark.parametrize("door", [door for door in DOORS if DOORS[door]], ids=lambda door: f"{door[0]} {door[1][:40]}")
def test_no_token_and_bad_tokens_are_401_before_anything_is_judged(call, door):
    method, path = door
    for who in (None, "over", "revoked", "siaga_operator_guess", "x", "siaga_" + "x" * 4000):
        headers = {"authorization": f"Basic {who}"} if who == "x" else {}
        answer = call(
            None if headers else who, method, path, headers=headers, content=b"{" if method == "POST" else None
        )
        assert_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_cookies_are_ignored(api):
    answer = api.get("/v1/incidents", headers={"cookie": "siaga_session=x"})
    assert_problem(answer, 401)


def test_unknown_paths_and_methods_are_problems(api, call):
    assert_problem(call("operator", "GET", "/v1/nothing"), 404)
    assert_problem(call("operator", "GET", "/"), 404)
    refused = call("operator", "DELETE", "/v1/incidents")
    assert_problem(refused, 405)
    assert refused.headers["allow"] == "GET"
    # Routes of later work are absent, not empty.
    for path in ("/v1/units", "/v1/call-events"):
        assert_problem(call("admin", "GET", path), 404)
