"""Signing beside intake and beside another signing: transactions that are really open at the same time.

These commit, so they have a database of their own.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis.db import database_now, make_engine
from gis.errors import ConflictError
from tests.zones.test_drafts import CITY, GIVER, HANDOVER, INSIDE, POLICE, RECEIVER, Desk, owner_at
from zones import draft_signing, draft_views
from zones.jurisdictions import BOUNDARY_LOCK
from zones.layers import read_layer
from zones.matching import current_set


def test_intake_under_way_sees_one_set_whole(server, kendari_database, kendari):
    """A decision holds the boundaries while it reads them; the commit of the last signature waits for it."""
    engine = make_engine(server.settings("pages", kendari_database), application="test")
    order = []
    try:
        with kendari.begin() as setup:
            desk = Desk(setup)
            desk.edit(**HANDOVER)
            desk.propose(desk.now + timedelta(days=1))
            digest = desk.view()["digest"]
        is_reading = threading.Event()

        def sign():
            is_reading.wait()
            with engine.begin() as tx:
                body = {"digest": digest, "office": "Kapolresta"}
                draft_signing.sign(tx, desk.id, body, city=desk.city, actor=POLICE, now=database_now(tx), language="id")
            order.append("commit")

        at = desk.now + timedelta(days=2)
        with ThreadPoolExecutor(1) as pool, kendari.begin() as intake, kendari.connect() as watch:
            intake.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": BOUNDARY_LOCK})
            number = current_set(intake)
            first = owner_at(intake, INSIDE, at)
            signing = pool.submit(sign)
            is_reading.set()
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
            while not watch.execute(waiting).scalar_one() and not signing.done():
                watch.rollback()
            assert not signing.done()
            assert owner_at(intake, INSIDE, at) == first == [GIVER]
            assert current_set(intake) == number
            order.append("intake")
            intake.commit()
            signing.result()
        assert order == ["intake", "commit"]
        with kendari.begin() as tx:
            assert current_set(tx) > number
            assert owner_at(tx, INSIDE, at) == [RECEIVER]
            assert owner_at(tx, INSIDE, at, boundary_set=number) == [GIVER]
    finally:
        engine.dispose()


def test_a_commit_while_the_last_signature_waits_is_seen(server, kendari_database, kendari):
    """The look at other commits is repeated under the lock: what came in between is not overwritten."""
    with kendari.begin() as setup:
        desk = Desk(setup)
        desk.edit(kind="rename", jurisdiction="POL-ABELI", name="Polsek Abeli Nambo")
        desk.propose(desk.now + timedelta(days=9))
        digest = desk.view()["digest"]
        other = Desk(setup, CITY)
        other.edit(kind="rename", jurisdiction="POL-ABELI", name="Polsek Nambo")
        other.propose(desk.now + timedelta(days=8))
        theirs = other.view()["digest"]

    def sign():
        with kendari.begin() as tx:
            body = {"digest": digest, "office": "Kapolsek"}
            draft_signing.sign(tx, desk.id, body, city=desk.city, actor=POLICE, now=database_now(tx), language="id")

    with ThreadPoolExecutor(1) as pool, kendari.begin() as first, kendari.connect() as watch:
        first.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": BOUNDARY_LOCK})
        signing = pool.submit(sign)  # it has looked, and waits to commit
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
        while not watch.execute(waiting).scalar_one() and not signing.done():
            watch.rollback()
        # The lock can be taken alone by the one who holds it shared: this commit comes first.
        first.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": BOUNDARY_LOCK})
        body = {"digest": theirs, "office": "Kapolresta"}
        draft_signing.sign(first, other.id, body, city=desk.city, actor=POLICE, now=database_now(first), language="id")
        first.commit()
        with pytest.raises(ConflictError, match="Nambo") as caught:
            signing.result()
    assert [change["jurisdiction"] for change in caught.value.changes] == ["POL/POL-ABELI"]
    with kendari.begin() as tx:
        # Refused whole: no signature, no empty commit.
        assert draft_views.describe(tx, desk.id, city=desk.city, actor=POLICE, language="id")["state"] == "proposed"
        names = [area.name for area in read_layer(tx, "police", boundary_set=current_set(tx)).values()]
    assert "Polsek Nambo" in names


def test_each_database_role_may_what_it_needs(server, kendari_database, kendari):
    """Tried, not read from the catalogue; each statement in a transaction that is rolled back."""
    tables = ("boundary_draft", "boundary_draft_change", "boundary_signature", "boundary_draft_event")
    refused = [(role, f"TABLE siaga.{table}") for role in ("api", "worker", "planner") for table in tables]
    refused += [
        ("pages", "UPDATE siaga.boundary_draft SET title = 'x'"),
        ("pages", "DELETE FROM siaga.boundary_draft"),
        ("pages", "UPDATE siaga.boundary_draft_change SET name = 'x'"),
        ("pages", "UPDATE siaga.boundary_signature SET office = 'x'"),
        ("pages", "DELETE FROM siaga.boundary_draft_event"),
        ("pages", "UPDATE siaga.boundary_version SET priority = 1"),
        ("pages", "DELETE FROM siaga.boundary_version"),
        ("pages", "UPDATE siaga.boundary_set SET reason = 'x'"),
        ("api", "UPDATE siaga.boundary_version SET valid = valid"),
        ("api", "INSERT INTO siaga.boundary_set (committed_at, actor, reason) VALUES (now(), 'x', 'x')"),
    ]
    for role in ("api", "pages", "worker", "planner"):
        engine = make_engine(server.settings(role, kendari_database), application="test")
        with engine.connect() as tx:
            for statement in [said for who, said in refused if who == role]:
                with pytest.raises(DBAPIError, match="permission denied"), tx.begin():
                    tx.execute(text(statement))
        engine.dispose()
