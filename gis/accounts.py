"""People who log in: accounts with argon2id passwords, and their sessions.

A session is 32 random bytes in the browser's cookie; the database keeps only its SHA-256, so a copy of the table opens
nothing. A session ends after twelve hours, when it is closed, or when its account is disabled.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from gis.actors import Actor
from gis.db import database_now
from gis.errors import ConflictError, Finding, ForbiddenError, NotFoundError, ValueRefused
from gis.tables import account, login_attempt, session
from gis.words import Channel, Language, Role

SESSION_LIFE = timedelta(hours=12)
TOUCH_AFTER = timedelta(minutes=1)
TRIES = 5
TRIES_WITHIN = timedelta(minutes=1)
MIN_PASSWORD = 8
MAX_PASSWORD = 1024
MAX_NAME = 64
NAME = re.compile(r"[\w.@-]+(?: [\w.@-]+)*")

# argon2-cffi's defaults are the second recommended option of RFC 9106: 64 MiB and about 50 ms a hash.
# Two at once is what a small server can give; more would let a burst of log-ins eat the memory of intake.
_hasher = PasswordHasher()
_hash_slots = threading.BoundedSemaphore(2)


class TooManyAttempts(ForbiddenError):
    """A name was tried too often from one address; it may be tried again after a minute."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A person's account as pages and the command line show it; it holds no secret."""

    account_id: str
    name: str
    role: Role
    agency: str | None
    jurisdiction: str | None
    language: Language
    is_disabled: bool
    created_at: datetime

    def actor(self) -> Actor:
        """Return the actor this person is in use cases; who answers calls reports over channel 112."""
        channel = {Role.AGENCY: Channel.AGENCY}.get(self.role, Channel.CALL)
        return Actor(
            owner=f"account:{self.account_id}",
            name=self.name,
            role=self.role,
            agency=self.agency,
            jurisdiction=self.jurisdiction,
            channel=channel,
        )


_COLUMNS = (
    account.c.account_id,
    account.c.name,
    account.c.role,
    account.c.agency_code.label("agency"),
    account.c.jurisdiction_code.label("jurisdiction"),
    account.c.language,
    account.c.is_disabled,
    account.c.created_at,
)


def _account(row: object) -> Account:
    values = dict(row)  # type: ignore[call-overload]
    values["role"] = Role(values["role"])
    values["language"] = Language(values["language"])
    return Account(**values)


def hash_password(password: str) -> str:
    """Return the argon2id hash of `password`, waiting while two others are being made.

    Raises
    ------
    ValueRefused
        The password is shorter than 8 or longer than 1,024 characters.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise ValueRefused.of(
            "password", f"{len(password)} characters", f"use {MIN_PASSWORD} to {MAX_PASSWORD} characters"
        )
    with _hash_slots:
        return _hasher.hash(_bytes(password))


@cache
def _nobody() -> str:
    """Return the hash that unknown names are tried against, so that they take as long as known ones."""
    return hash_password(secrets.token_urlsafe())


def _bytes(password: str) -> bytes:
    # `surrogatepass`: a form may carry anything; it must be a wrong password, not a crash.
    return password.encode("utf-8", "surrogatepass")


def refused_name(name: str) -> list[Finding]:
    """Return the finding about a name no account or token may have: it stands in logs, lists and the audit as it is."""
    if len(name) <= MAX_NAME and NAME.fullmatch(name):
        return []
    hint = f"1 to {MAX_NAME} letters, digits and . _ - @, with single blanks between words"
    return [Finding(field="name", reason="not a name", hint=hint, value=name)]


def _is_text(value: str, limit: int) -> bool:
    return 0 < len(value) <= limit and value.isprintable() and value == value.strip()


def create(
    tx: Connection,
    name: str,
    password: str,
    *,
    role: Role | str,
    agency: str | None = None,
    jurisdiction: str | None = None,
    language: Language | str = Language.ID,
) -> str:
    """Make an account and return its id.

    Parameters
    ----------
    name
        Unique; up to 64 letters, digits and ``. _ - @``, with single blanks between words.
    agency, jurisdiction
        Codes; `agency` is needed for role `agency` and refused for every other role.

    Raises
    ------
    ValueRefused
        Every field that is not acceptable, at once.
    ConflictError
        The name is taken.
    """
    findings = refused_name(name)
    if role not in list(Role):
        findings.append(Finding(field="role", reason="unknown role", hint=f"one of {', '.join(Role)}", value=role))
    if language not in list(Language):
        findings.append(
            Finding(field="language", reason="unknown language", hint=f"one of {', '.join(Language)}", value=language)
        )
    if role == Role.AGENCY and not agency:
        findings.append(Finding(field="agency", reason="missing", hint="role agency needs the code of its agency"))
    if role != Role.AGENCY and (agency or jurisdiction):
        findings.append(
            Finding(field="agency", reason="not for this role", hint="only role agency has one", value=agency)
        )
    if findings:
        raise ValueRefused("account: " + "; ".join(map(str, findings)), findings)
    values = {
        "name": name,
        "password_hash": hash_password(password),
        "role": str(role),
        "agency_code": agency,
        "jurisdiction_code": jurisdiction,
        "language": str(language),
    }
    try:
        with tx.begin_nested():
            made = tx.execute(insert(account).values(values).returning(account.c.account_id)).scalar_one()
    except IntegrityError as error:
        raise ConflictError(f"account {name!r} exists already; choose another name or disable that one") from error
    return str(made)


def listing(tx: Connection) -> list[Account]:
    """Return every account, by name."""
    return [_account(row) for row in tx.execute(select(*_COLUMNS).order_by(account.c.name)).mappings()]


def named(tx: Connection, name: str) -> Account | None:
    """Return the account called `name`, disabled or not."""
    if not _is_text(name, MAX_NAME):
        return None
    row = tx.execute(select(*_COLUMNS).where(account.c.name == name)).mappings().one_or_none()
    return None if row is None else _account(row)


def disable(tx: Connection, name: str) -> None:
    """Close an account and every session of it; its history stays.

    Raises
    ------
    NotFoundError
        There is no account of that name.
    """
    account_id = tx.execute(
        update(account).where(account.c.name == name).values(is_disabled=True).returning(account.c.account_id)
    ).scalar_one_or_none()
    if account_id is None:
        raise NotFoundError(f"no account is called {name!r}; see ./siaga user list")
    tx.execute(
        update(session)
        .where(session.c.account_id == account_id, session.c.revoked_at.is_(None))
        .values(revoked_at=func.clock_timestamp())
    )


def set_language(tx: Connection, account_id: str, language: Language) -> None:
    """Keep the language this person works in."""
    tx.execute(update(account).where(account.c.account_id == account_id).values(language=str(language)))


def check_password(tx: Connection, name: str, password: str, *, address: str) -> Account | None:
    """Return the account if `password` is its password and it is not disabled, else nothing.

    Five failures per name and address within a minute, or a second try while one is running, and the next is
    not looked at. The caller commits in every case: a failure is a row.

    Raises
    ------
    TooManyAttempts
        The name was tried too often from `address`.
    """
    subject = name[:200].replace("\x00", "�").encode("utf-8", "replace").decode().casefold()
    # Tries of one name from one address go one at a time: in parallel each would still count none before it.
    if not tx.execute(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:who, 112))"), {"who": f"login {subject} {address}"}
    ).scalar_one():
        raise TooManyAttempts("another log-in of this name is running; try again")
    now = database_now(tx)
    n_failed = tx.execute(
        select(func.count()).where(
            login_attempt.c.name == subject,
            login_attempt.c.address == address,
            login_attempt.c.at > now - TRIES_WITHIN,
        )
    ).scalar_one()
    if n_failed >= TRIES:
        raise TooManyAttempts("too many log-ins failed; wait a minute")
    found = named(tx, name)
    stored = (
        _nobody()
        if found is None
        else tx.execute(select(account.c.password_hash).where(account.c.account_id == found.account_id)).scalar_one()
    )
    is_right = False
    if len(password) <= MAX_PASSWORD:
        with _hash_slots:
            try:
                is_right = _hasher.verify(stored, _bytes(password))
            except (VerificationError, InvalidHashError):
                is_right = False
    if found is None or found.is_disabled or not is_right:
        tx.execute(insert(login_attempt).values(name=subject, address=address, at=now))
        return None
    return found


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).digest()


def open_session(tx: Connection, account_id: str) -> str:
    """Start a session and return the cookie's value; each log-in gets a new one."""
    now = database_now(tx)
    cookie = secrets.token_urlsafe(32)
    tx.execute(
        insert(session).values(
            session_hash=_digest(cookie),
            account_id=account_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LIFE,
        )
    )
    # Rows of ended sessions have no use; the person who comes back clears them.
    tx.execute(delete(session).where(session.c.account_id == account_id, session.c.expires_at < now))
    return cookie


def session_actor(tx: Connection, cookie: str) -> tuple[Actor, Account] | None:
    """Return who a session's cookie belongs to; nothing when it is unknown, over, revoked or its account disabled."""
    if not cookie or len(cookie) > 200:
        return None
    digest = _digest(cookie)
    row = (
        tx.execute(
            select(*_COLUMNS, session.c.last_seen_at, func.clock_timestamp().label("now"))
            .join(session, session.c.account_id == account.c.account_id)
            .where(
                session.c.session_hash == digest,
                session.c.revoked_at.is_(None),
                session.c.expires_at > func.clock_timestamp(),
                ~account.c.is_disabled,
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    values = dict(row)
    last_seen, now = values.pop("last_seen_at"), values.pop("now")
    if now - last_seen > TOUCH_AFTER:
        tx.execute(update(session).where(session.c.session_hash == digest).values(last_seen_at=now))
    found = _account(values)
    return found.actor(), found


def close_session(tx: Connection, cookie: str) -> None:
    """End a session; an unknown one is no error."""
    tx.execute(
        update(session)
        .where(session.c.session_hash == _digest(cookie), session.c.revoked_at.is_(None))
        .values(revoked_at=func.clock_timestamp())
    )
