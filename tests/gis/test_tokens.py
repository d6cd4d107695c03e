from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gis import tokens
from gis.db import database_now
from gis.errors import ConflictError, NotFoundError, ValueRefused
from gis.tables import api_token
from gis.words import Channel, Role


def test_secret_names_its_role_and_opens_as_its_owner(tx):
    secret = tokens.create(tx, "sensor-1", role="intake", channel="sensor")
    assert secret.startswith("siaga_intake_")
    actor = tokens.actor_of(tx, secret)
    token_id = tx.execute(select(api_token.c.api_token_id)).scalar_one()
    assert (actor.owner, actor.name, actor.role, actor.channel) == (
        f"token:{token_id}",
        "sensor-1",
        Role.INTAKE,
        Channel.SENSOR,
    )


def test_database_holds_only_the_hash(tx):
    secret = tokens.create(tx, "t", role="operator")
    assert tx.execute(select(api_token.c.token_hash)).scalar_one() == hashlib.sha256(secret.encode()).digest()


def test_revoked_expired_and_unknown_tokens_are_nobody(tx):
    now = database_now(tx)
    revoked = tokens.create(tx, "a", role="operator")
    tokens.revoke(tx, "a")
    over = tokens.create(tx, "b", role="operator", expires_at=now - timedelta(seconds=1))
    good = tokens.create(tx, "c", role="operator", expires_at=now + timedelta(hours=1))
    for secret in (revoked, over, "", "siaga_", good + "x", good.upper(), "siaga_\x00", "siaga_\ud800", "s" * 9999):
        assert tokens.actor_of(tx, secret) is None
    assert tokens.actor_of(tx, good) is not None


def test_agency_belongs_to_the_agency_role_alone(tx):
    tokens.create(tx, "desk", role="agency", agency="POL")
    for role, agency in (("agency", None), ("operator", "POL")):
        with pytest.raises(ValueRefused):
            tokens.create(tx, "x", role=role, agency=agency)


def test_creation_names_every_fault_at_once(tx):
    with pytest.raises(ValueRefused) as refused:
        tokens.create(tx, "\n", role="mayor", channel="pigeon", expires_at=datetime(2030, 1, 1))
    assert {finding.field for finding in refused.value.findings} == {"name", "role", "channel", "expires_at"}


def test_names_are_unique_and_revoking_needs_one(tx):
    tokens.create(tx, "t", role="planner", expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    with pytest.raises(ConflictError):
        tokens.create(tx, "t", role="planner")
    with pytest.raises(NotFoundError):
        tokens.revoke(tx, "u")
    tokens.revoke(tx, "t")
    first = tokens.listing(tx)[0].revoked_at
    tokens.revoke(tx, "t")
    assert tokens.listing(tx)[0].revoked_at == first
