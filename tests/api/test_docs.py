from __future__ import annotations

import re

from api.v1 import schemas
from tests.api.conftest import assert_problem


def test_page_and_everything_it_loads_are_local(api):
    page = api.get("/docs")
    assert page.status_code == 200
    assert "<script>" not in page.text
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert asset.startswith("/")
        assert api.get(asset).status_code == 200, asset
    start = api.get("/docs/start.js")
    assert "/openapi.json" in start.text
    assert not re.search(r"https?://|//\w", page.text + start.text)


def test_policy_lets_nothing_else_in(api):
    for path in ("/docs", "/openapi.json", "/v1/health"):
        rules = api.get(path).headers["content-security-policy"]
        assert "script-src 'self';" in rules
        assert "http" not in rules


def test_description_names_bodies_problems_and_the_token(api):
    described = api.get("/openapi.json").json()
    report = described["paths"]["/v1/reports"]["post"]
    schema = report["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["type"]
    assert schema["additionalProperties"] is False
    assert {"401", "403", "409", "413", "422", "503"} <= set(report["responses"])
    assert described["components"]["securitySchemes"]
    assert "http" not in str(described.get("servers", ""))


def test_examples_are_accepted(call, report):
    answer = call("operator", "POST", "/v1/reports", json=schemas.REPORT["example"], headers={"idempotency-key": "e"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    lead = made["assignments"][0]
    event = {**schemas.EVENT["example"], "version": 1}
    assert call("operator", "POST", f"/v1/incidents/{made['incident_id']}/events", json=event).status_code == 201
    state = {**schemas.STATE["example"], "version": 1}
    assert call("operator", "POST", f"/v1/assignments/{lead['assignment_id']}/state", json=state).status_code == 200


def test_schemas_know_exactly_the_fields_the_domain_knows(call):
    from gis.reports import CALLER_FIELDS, FACT_FIELDS, FIELDS

    assert set(schemas.REPORT["properties"]) == set(FIELDS)
    assert set(schemas.FACTS["properties"]) == set(FACT_FIELDS)
    assert set(schemas.REPORT["properties"]["caller"]["properties"]) == set(CALLER_FIELDS)
    assert_problem(call("operator", "POST", "/v1/reports", json={}, headers={"idempotency-key": "f"}), 422)
