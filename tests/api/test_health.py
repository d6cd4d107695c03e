from __future__ import annotations

import dataclasses
import os
import time

import pytest
from sqlalchemy import text

from api.app import make_api
from tests.api.conftest import assert_problem, client_of

END_CONNECTIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'a_health_away'"


def test_every_part_is_named(api):
    answer = api.get("/v1/health")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body["parts"]) == {"database", "schema", "city", "roads", "outbox", "worker", "disk"}
    assert body["parts"]["database"]["status"] == "ok"
    # No fields in this small city: the answer is coarser, intake is not impaired.
    assert (body["status"], body["parts"]["roads"]["status"]) == ("degraded", "degraded")


def test_silent_worker_degrades_and_does_not_impair(server, city_database, tmp_path):
    settings = dataclasses.replace(server.settings("api", city_database), state=tmp_path)
    with client_of(make_api(settings)) as client:
        assert client.get("/v1/health").json()["parts"]["worker"]["status"] == "degraded"
        (tmp_path / "worker.alive").touch()
        assert client.get("/v1/health").json()["parts"]["worker"]["status"] == "ok"
        long_ago = time.time() - 3600
        os.utime(tmp_path / "worker.alive", (long_ago, long_ago))
        assert client.get("/v1/health").json()["parts"]["worker"]["status"] == "degraded"
        assert client.get("/v1/health").status_code == 200


def test_database_away_is_503_everywhere_and_comes_back_by_itself(server, city_template, tmp_path, secrets_of):
    name = server.copy("a_health_away", city_template)
    settings = dataclasses.replace(server.settings("api", name), state=tmp_path)
    with client_of(make_api(settings)) as client:
        assert client.get("/v1/health").status_code == 200
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute(END_CONNECTIONS)
        health = client.get("/v1/health")
        assert health.status_code == 503
        assert health.json()["parts"]["database"]["status"] == "impaired"
        refused = client.get("/v1/incidents", headers={"authorization": "Bearer siaga_operator_x"})
        assert_problem(refused, 503)
        assert int(refused.headers["retry-after"]) >= 1
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert client.get("/v1/health").status_code == 200
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_no_city_and_no_tables_impair(server, city_template, tmp_path):
    name = server.copy("a_health_empty", "siaga")
    settings = dataclasses.replace(server.settings("api", name), state=tmp_path)
    with client_of(make_api(settings)) as client:
        answer = client.get("/v1/health")
        assert (answer.status_code, answer.json()["parts"]["city"]["status"]) == (503, "impaired")
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_read_only_database_impairs(server, city_template, tmp_path):
    name = server.copy("a_health_ro", city_template)
    server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    settings = dataclasses.replace(server.settings("api", name), state=tmp_path)
    with client_of(make_api(settings)) as client:
        assert client.get("/v1/health").status_code == 503
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_metrics_are_prometheus_text_without_anything_a_client_sent(api, call, owner):
    call("operator", "GET", "/v1/incidents/CANARY-77")
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'siaga_http_requests_total{method="GET",route="/v1/incidents/{incident_id}",status="404"} 1' in lines
    assert "siaga_database_up 1" in lines
    assert "CANARY" not in answer.text
    for line in lines:
        assert line.startswith("# TYPE ") or float(line.rpartition(" ")[2]) >= 0
    with owner.connect() as tx:
        open_now = tx.execute(text("SELECT count(*) FROM siaga.incident")).scalar_one()
    assert open_now == 0 or any(line.startswith('siaga_incidents_open{lane="D"}') for line in lines)


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "via", "x-forwarded-proto"])
def test_metrics_are_refused_when_forwarded(api, header):
    assert_problem(api.get("/metrics", headers={header: "10.0.0.9"}), 403)
