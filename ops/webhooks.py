"""Webhooks of agencies: the address is a row, the signing secret a line of a private file."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from gis.errors import NotFoundError, ValueRefused
from ops.state import State, read_json, write_private
from routing_engine.dispatch.tables import agency_channel

CHANNEL = "webhook"


def require_url(url: str) -> None:
    """Refuse an address that a webhook cannot have.

    Plain http is accepted for this machine only, where nobody listens in between.

    Raises
    ------
    ValueRefused
        Not https, no host, or credentials in it.
    """
    where = urlsplit(url)
    is_local = where.hostname in ("localhost", "127.0.0.1", "::1")
    if where.scheme != "https" and not (where.scheme == "http" and is_local):
        raise ValueRefused.of("URL", "not https", "use https://…; http only for an address on this machine")
    if not where.hostname or where.username or where.password or where.fragment:
        raise ValueRefused.of("URL", "host missing, or a user, password or #fragment in it", "use https://host/path")


def add(tx: Connection, state: State, agency: str, url: str) -> str:
    """Send the agency's messages to `url` from now on; return the new signing secret (``whsec_…``)."""
    statement = insert(agency_channel).values(agency_code=agency, channel=CHANNEL, address=url, is_active=True)
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["agency_code", "channel"], set_={"address": url, "is_active": True}
        )
    )
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    kept = read_json(state.webhooks_file) or {}
    write_private(state.webhooks_file, kept | {agency: {"secret": secret}})
    return secret


def remove(tx: Connection, state: State, agency: str) -> None:
    """Stop sending.

    Raises
    ------
    NotFoundError
        The agency has no webhook.
    """
    where = (agency_channel.c.agency_code == agency) & (agency_channel.c.channel == CHANNEL)
    if not tx.execute(delete(agency_channel).where(where)).rowcount:
        raise NotFoundError(f"{agency} has no webhook; see ./siaga webhook list")
    kept = read_json(state.webhooks_file) or {}
    write_private(state.webhooks_file, {name: value for name, value in kept.items() if name != agency})


def listing(tx: Connection) -> list[dict[str, str]]:
    """Return the webhooks by agency."""
    rows = tx.execute(
        select(agency_channel.c.agency_code, agency_channel.c.address)
        .where(agency_channel.c.channel == CHANNEL, agency_channel.c.is_active)
        .order_by(agency_channel.c.agency_code)
    )
    return [{"agency": row.agency_code, "url": row.address} for row in rows]
