"""Actors and reports for the demo city."""

from __future__ import annotations

import pytest

from gis.actors import Actor
from gis.words import Channel, Role
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.intake import accept

WUA_WUA = {"type": "KAM1", "lon": 122.49985, "lat": -3.9962}

INTAKE = Actor(owner="token:intake", name="intake", role=Role.INTAKE, channel=Channel.CALL)
OPERATOR = Actor(owner="account:op", name="operator", role=Role.OPERATOR)
SUPERVISOR = Actor(owner="account:sv", name="supervisor", role=Role.SUPERVISOR)


def agency(code, jurisdiction=None):
    return Actor(owner=f"account:{code}", name=f"desk-{code}", role=Role.AGENCY, agency=code, jurisdiction=jurisdiction)


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
