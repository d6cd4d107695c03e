"""Connections are ready before the first report; a database that is away does not stop a start."""

from __future__ import annotations

import dataclasses

from sqlalchemy import event

from api.warming import warm
from gis.db import make_engine
from gis.words import Role
from routing_engine.dispatch.context import Context
from tests.api.conftest import client_of


def test_every_connection_of_the_pool_has_its_statements(server, city_database, tmp_path):
    """After warming, a connection taken from the pool has prepared what an intake reads."""
    settings = dataclasses.replace(server.settings("api", city_database), state=tmp_path, pool_size=3)
    engine = make_engine(settings, application="test")
    made = []
    event.listen(engine, "connect", lambda connection, record: made.append(record))
    warm(engine, Context(tmp_path), 3)
    assert len(made) == 3
    assert engine.pool.checkedin() == 3
    # What a connection has prepared is noted in its record: the match, the areas, the stamp of the city.
    assert [len(record.info["prepared"]) >= 4 for record in made] == [True] * 3
    engine.dispose()


def test_nothing_is_written(server, city_database, tmp_path, owner):
    settings = dataclasses.replace(server.settings("api", city_database), state=tmp_path)
    engine = make_engine(settings, application="test")
    counts = "SELECT (SELECT count(*) FROM siaga.report), (SELECT last_value FROM siaga.incident_number)"
    with owner.connect() as tx:
        before = tx.exec_driver_sql(counts).one()
    warm(engine, Context(tmp_path), 2)
    with owner.connect() as tx:
        assert tx.exec_driver_sql(counts).one() == before
    engine.dispose()


def test_a_database_that_is_away_is_left_for_later(server, tmp_path, caplog):
    settings = dataclasses.replace(server.settings("api", "no_such_database"), state=tmp_path)
    engine = make_engine(settings, application="test")
    warm(engine, Context(tmp_path), 2)
    assert "not warmed" in caplog.text
    engine.dispose()


def test_the_first_report_after_a_start_is_taken(server, city_database, secrets_of, tmp_path):
    from api.app import make_api

    settings = dataclasses.replace(server.settings("api", city_database), state=tmp_path)
    with client_of(make_api(settings)) as client:
        answer = client.post(
            "/v1/reports",
            json={"type": "KAM1", "lon": 122.46, "lat": -4.02},
            headers={"Authorization": f"Bearer {secrets_of[Role.INTAKE]}", "Idempotency-Key": "warm-1"},
        )
    assert answer.status_code == 201
