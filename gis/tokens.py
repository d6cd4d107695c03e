"""Tokens of programs: a random secret, shown once; the database keeps its SHA-256.

The secret has 256 random bits, so a fast hash is enough: there is nothing to guess and nothing to look up.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gis.accounts import refused_name
from gis.actors import Actor
from gis.errors import ConflictError, Finding, NotFoundError, ValueRefused
from gis.tables import api_token
from gis.words import Channel, Role


@dataclass(frozen=True, kw_only=True)
class Token:
    """A program's token as lists show it; it holds no secret."""

    api_token_id: str
    name: str
    role: Role
    agency: str | None
    channel: Channel
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


_COLUMNS = (
    api_token.c.api_token_id,
    api_token.c.name,
    api_token.c.role,
    api_token.c.agency_code.label("agency"),
    api_token.c.channel,
    api_token.c.created_at,
    api_token.c.expires_at,
    api_token.c.revoked_at,
)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def create(
    tx: Connection,
    name: str,
    *,
    role: Role | str,
    agency: str | None = None,
    channel: Channel | str = Channel.APP,
    expires_at: datetime | None = None,
) -> str:
    """Make a token and return its secret (``siaga_<role>_<random>``), which nothing can show again.

    Parameters
    ----------
    name
        Unique; what events and the audit call the program.
    agency
        Code; needed for role `agency`, refused for every other role.
    channel
        Channel of reports that name none.
    expires_at
        Aware time from which the token is refused; `None`: it has no end.

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
    if channel not in list(Channel):
        findings.append(
            Finding(field="channel", reason="unknown channel", hint=f"one of {', '.join(Channel)}", value=channel)
        )
    if (role == Role.AGENCY) != bool(agency):
        findings.append(
            Finding(field="agency", reason="role and agency disagree", hint="role agency needs one, others have none")
        )
    if expires_at is not None and expires_at.tzinfo is None:
        findings.append(Finding(field="expires_at", reason="no offset", hint="add one, such as +08:00"))
    if findings:
        raise ValueRefused("token: " + "; ".join(map(str, findings)), findings)
    secret = f"siaga_{role}_{secrets.token_urlsafe(32)}"
    values = {
        "name": name,
        "token_hash": _digest(secret),
        "role": str(role),
        "agency_code": agency,
        "channel": str(channel),
        "expires_at": expires_at,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(api_token).values(values))
    except IntegrityError as error:
        raise ConflictError(f"a token named {name!r} exists already; choose another name") from error
    return secret


def actor_of(tx: Connection, secret: str) -> Actor | None:
    """Return who presents `secret`; nothing when it is unknown, over or revoked."""
    if not secret.startswith("siaga_") or len(secret) > 200:
        return None
    row = tx.execute(
        select(*_COLUMNS).where(
            api_token.c.token_hash == _digest(secret),
            api_token.c.revoked_at.is_(None),
            or_(api_token.c.expires_at.is_(None), api_token.c.expires_at > func.clock_timestamp()),
        )
    ).one_or_none()
    if row is None:
        return None
    return Actor(
        owner=f"token:{row.api_token_id}",
        name=row.name,
        role=Role(row.role),
        agency=row.agency,
        channel=Channel(row.channel),
    )


def listing(tx: Connection) -> list[Token]:
    """Return every token, by name, also those that are over."""
    rows = tx.execute(select(*_COLUMNS).order_by(api_token.c.name)).mappings()
    return [Token(**{**row, "role": Role(row["role"]), "channel": Channel(row["channel"])}) for row in rows]


def revoke(tx: Connection, name: str) -> None:
    """End a token; it is refused from now on (by processes that remember it, within five seconds).

    Raises
    ------
    NotFoundError
        There is no token of that name.
    """
    n_ended = tx.execute(
        update(api_token)
        .where(api_token.c.name == name)
        .values(revoked_at=func.coalesce(api_token.c.revoked_at, func.clock_timestamp()))
    ).rowcount
    if not n_ended:
        raise NotFoundError(f"no token is called {name!r}; see ./siaga token list")
