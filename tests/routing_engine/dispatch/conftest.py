"""Actors and reports for the demo city."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gis.actors import Actor
from gis.words import Channel, Role
from routing_engine.dispatch import changes, incidents, lifecycle
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.intake import accept

WUA_WUA = {"type": "KAM1", "lon": 122.49985, "lat": -3.9962}

INTAKE = Actor(owner="token:intake", name="intake", role=Role.INTAKE, channel=Channel.CALL)
OPERATOR = Actor(owner="account:op", name="operator", role=Role.OPERATOR)
SUPERVISOR = Actor(owner="account:sv", name="supervisor", role=Role.SUPERVISOR)


def agency(code, jurisdiction=None):
    return Actor(owner=f"account:{code}", name=f"desk-{code}", role=Role.AGENCY, agency=code, jurisdiction=jurisdiction)


def do(tx, context, target, kind, actor=OPERATOR, version=None, **body):
    """Send an event on the version the incident has now."""
    if version is None:
        version = incidents.incident_row(tx, target)["version"]
    return changes.add_event(tx, context, target, {"kind": kind, "version": version, **body}, actor=actor)


def acting(answer):
    return [item for item in answer["assignments"] if item["role"] != "inform"]


def clocks_running(tx, assignment_id):
    return tx.execute(
        text("SELECT count(*) FROM siaga.clock WHERE assignment_id = :id AND stopped_at IS NULL"), {"id": assignment_id}
    ).scalar_one()


@pytest.fixture
def context(server):
    return Context(server.state)


@pytest.fixture
def send(kendari_tx, context):
    """Send a report: ``send(type="KBK1", …)`` returns the answer."""
    count = iter(range(10_000))

    def _send(key=None, actor=INTAKE, language="id", **body):
        return accept(
            kendari_tx, context, {**WUA_WUA, **body}, actor=actor, key=key or f"k{next(count)}", language=language
        ).answer

    return _send


@pytest.fixture
def now(kendari_tx):
    return kendari_tx.execute(text("SELECT clock_timestamp()")).scalar_one()


@pytest.fixture
def desk(kendari_tx, now):
    """Move an assignment as its agency: ``desk(item, "accepted")``; keeps the version it saw last."""
    versions = {}

    def _desk(item, state, **given):
        actor = given.pop("actor", None) or agency(item["agency"])
        version = given.pop("version", versions.get(item["assignment_id"], 1))
        done = lifecycle.change_assignment(
            kendari_tx, item["assignment_id"], state=state, version=version, actor=actor, now=now, **given
        )
        versions[item["assignment_id"]] = done["version"]
        return done

    return _desk
