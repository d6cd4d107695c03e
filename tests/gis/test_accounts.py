from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from gis import accounts
from gis.errors import ConflictError, NotFoundError, ValueRefused
from gis.tables import account, login_attempt, session
from gis.words import Channel, Role

PASSWORD = "kuda laut 7 biru"


@pytest.fixture
def operator(tx) -> str:
    return accounts.create(tx, "wa-ode", PASSWORD, role="operator")


def test_right_password_opens_and_wrong_does_not(tx, operator):
    assert accounts.check_password(tx, "wa-ode", PASSWORD, address="10.0.0.1").account_id == operator
    assert accounts.check_password(tx, "wa-ode", PASSWORD + " ", address="10.0.0.1") is None
    assert accounts.check_password(tx, "la-ode", PASSWORD, address="10.0.0.1") is None


def test_only_an_argon2id_hash_is_stored(tx, operator):
    stored = tx.execute(select(account.c.password_hash).where(account.c.account_id == operator)).scalar_one()
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


def test_strange_names_and_passwords_are_just_wrong(tx, operator):
    for name, password in [
        ("wa-ode\x00", PASSWORD),
        ("", ""),
        ("x" * 5000, "y" * 5000),
        ("wa-ode", "\ud800" * 9),
        ("' OR 1=1 --", "' OR 1=1 --"),
    ]:
        assert accounts.check_password(tx, name, password, address="10.0.0.2") is None


def test_sixth_try_within_a_minute_is_not_looked_at(tx, operator):
    for _ in range(accounts.TRIES):
        assert accounts.check_password(tx, "wa-ode", "salah salah", address="10.0.0.3") is None
    with pytest.raises(accounts.TooManyAttempts):
        accounts.check_password(tx, "wa-ode", PASSWORD, address="10.0.0.3")
    # Another address, another name: not their fault.
    assert accounts.check_password(tx, "wa-ode", PASSWORD, address="10.0.0.4") is not None
    assert accounts.check_password(tx, "la-ode", PASSWORD, address="10.0.0.3") is None
    tx.execute(update(login_attempt).values(at=login_attempt.c.at - timedelta(minutes=1)))
    assert accounts.check_password(tx, "wa-ode", PASSWORD, address="10.0.0.3") is not None


def test_tries_of_one_name_and_address_do_not_run_side_by_side(engine):
    with engine.connect() as first, engine.connect() as second, first.begin(), second.begin():
        accounts.check_password(first, "nobody", "salah salah", address="10.0.0.5")
        with pytest.raises(accounts.TooManyAttempts):
            accounts.check_password(second, "nobody", "salah salah", address="10.0.0.5")


def test_session_knows_its_person_and_ends_when_closed(tx, operator):
    cookie = accounts.open_session(tx, operator)
    actor, found = accounts.session_actor(tx, cookie)
    assert (actor.owner, actor.role, actor.channel) == (f"account:{operator}", Role.OPERATOR, Channel.CALL)
    assert found.name == "wa-ode"
    accounts.close_session(tx, cookie)
    assert accounts.session_actor(tx, cookie) is None


def test_database_holds_only_the_hash_of_a_cookie(tx, operator):
    cookie = accounts.open_session(tx, operator)
    assert tx.execute(select(session.c.session_hash)).scalars().all() == [hashlib.sha256(cookie.encode()).digest()]


def test_session_ends_after_twelve_hours(tx, operator):
    cookie = accounts.open_session(tx, operator)
    tx.execute(update(session).values(expires_at=session.c.expires_at - accounts.SESSION_LIFE))
    assert accounts.session_actor(tx, cookie) is None


def test_last_seen_moves_only_after_a_minute(tx, operator):
    cookie = accounts.open_session(tx, operator)
    seen = select(session.c.last_seen_at)
    before = tx.execute(seen).scalar_one()
    accounts.session_actor(tx, cookie)
    assert tx.execute(seen).scalar_one() == before
    tx.execute(update(session).values(last_seen_at=session.c.last_seen_at - timedelta(minutes=2)))
    accounts.session_actor(tx, cookie)
    assert tx.execute(seen).scalar_one() > before


def test_disabled_account_has_no_sessions_and_no_login(tx, operator):
    cookie = accounts.open_session(tx, operator)
    accounts.disable(tx, "wa-ode")
    assert accounts.session_actor(tx, cookie) is None
    assert accounts.check_password(tx, "wa-ode", PASSWORD, address="10.0.0.6") is None
    with pytest.raises(NotFoundError):
        accounts.disable(tx, "la-ode")


def test_unknown_cookies_are_nobody(tx, operator):
    for cookie in ("", "x", "\x00", "\ud800", "a" * 10_000):
        assert accounts.session_actor(tx, cookie) is None
    accounts.close_session(tx, "x")


def test_creation_names_every_fault_at_once(tx):
    with pytest.raises(ValueRefused) as refused:
        accounts.create(tx, "", PASSWORD, role="mayor", language="jv", agency="POL")
    assert {finding.field for finding in refused.value.findings} == {"name", "role", "language", "agency"}
    for name in ("bad name<script>", "a\tb", " x", "x  y", "$(id)", "a/b", "x" * 65):
        with pytest.raises(ValueRefused) as refused:
            accounts.create(tx, name, PASSWORD, role="operator")
        assert [finding.field for finding in refused.value.findings] == ["name"]
    for bad in ("pendek", "x" * (accounts.MAX_PASSWORD + 1)):
        with pytest.raises(ValueRefused):
            accounts.create(tx, "wa-ode", bad, role="operator")


def test_name_is_taken_once(tx, operator):
    with pytest.raises(ConflictError):
        accounts.create(tx, "wa-ode", PASSWORD, role="planner")
    assert [one.name for one in accounts.listing(tx)] == ["wa-ode"]


def test_agency_desk_is_limited_to_its_jurisdiction(tx):
    account_id = accounts.create(tx, "desk", PASSWORD, role="agency", agency="POL", jurisdiction="polsek-baruga")
    actor, _ = accounts.session_actor(tx, accounts.open_session(tx, account_id))
    assert (actor.agency, actor.jurisdiction, actor.channel) == ("POL", "polsek-baruga", Channel.AGENCY)


def test_service_role_of_the_pages_may_do_all_this(server, database, engine):
    with engine.begin() as tx:
        account_id = accounts.create(tx, "role-check", PASSWORD, role="operator")
    from gis.db import make_engine

    pages = make_engine(server.settings("pages", database), application="test")
    try:
        with pages.begin() as tx:
            assert accounts.check_password(tx, "role-check", PASSWORD, address="10.0.0.7")
            assert accounts.check_password(tx, "role-check", "salah salah", address="10.0.0.7") is None
            cookie = accounts.open_session(tx, account_id)
            tx.execute(text("UPDATE siaga.session SET last_seen_at = last_seen_at - interval '1 hour'"))
            assert accounts.session_actor(tx, cookie)
            accounts.set_language(tx, account_id, "en")
            accounts.close_session(tx, cookie)
    finally:
        pages.dispose()
