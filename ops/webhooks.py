"""Webhooks of agencies: the address is a row, the signing secret a line of a private file."""

from __future__ import annotations

import base64
import ipaddress
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from gis.errors import ConfigurationError, NotFoundError, ValueRefused
from ops.state import State, read_json, write_private
from routing_engine.dispatch.addresses import IPNetwork, refusal
from routing_engine.dispatch.tables import agency_channel
from routing_engine.dispatch.webhooks import NETWORKS, read_networks

CHANNEL = "webhook"


def require_url(url: str, *, state: State, network: str | None = None) -> None:
    """Refuse an address that a webhook cannot have; the worker looks at where a name leads when it sends.

    Parameters
    ----------
    network
        A network in CIDR form that is about to be listed.

    Raises
    ------
    ValueRefused
        Not a URL, not https (or http to a listed network), no host, credentials in it, or an address of this machine or
        of a private network that is not listed.
    """
    networks = _networks(network)
    has_network = bool(network)
    try:
        where = urlsplit(url)
        _ = where.port  # read here, refused here
    except ValueError as error:
        raise ValueRefused.of("URL", str(error), "use https://host/path") from None
    if where.scheme != "https" and not (where.scheme == "http" and has_network):
        hint = "use https://…; plain http only within a network of your own, named with --network"
        raise ValueRefused.of("URL", "not https", hint)
    if not where.hostname or where.username or where.password or where.fragment:
        raise ValueRefused.of("URL", "host missing, or a user, password or #fragment in it", "use https://host/path")
    host = where.hostname.rstrip(".")
    try:
        # A name is looked up when it is sent to; this one is always this machine.
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host)
    except ValueError:
        return
    listed = read_networks((read_json(state.webhooks_file) or {}).get(NETWORKS, []))
    what = refusal(address, [*listed, *networks])
    if what is not None:
        hint = "name a network of your own that webhooks may reach with --network, such as 10.20.0.0/16"
        raise ValueRefused.of("URL", f"{host} is a {what} address", hint)


def _networks(network: str | None) -> Sequence[IPNetwork]:
    try:
        return read_networks([network] if network else [])
    except ConfigurationError:
        hint = "write it as 10.20.0.0/16"
        raise ValueRefused.of("--network", f"{network!r} is not a network", hint) from None


def address_of(tx: Connection, agency: str) -> str | None:
    """Return where an agency's messages are sent now; `None` when nowhere."""
    return next((one["url"] for one in listing(tx) if one["agency"] == agency), None)


def add(tx: Connection, state: State, agency: str, url: str, *, network: str | None = None) -> str:
    """Send the agency's messages to `url` from now on; return the new signing secret (``whsec_…``).

    Parameters
    ----------
    network
        A network in CIDR form to which webhooks may connect though it is private; kept for all agencies.

    Raises
    ------
    ValueRefused
        `network` is none.
    """
    _networks(network)
    statement = insert(agency_channel).values(agency_code=agency, channel=CHANNEL, address=url, is_active=True)
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["agency_code", "channel"], set_={"address": url, "is_active": True}
        )
    )
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    kept = read_json(state.webhooks_file) or {}
    if network:
        kept[NETWORKS] = sorted({*kept.get(NETWORKS, []), network})
    # The secret before stays valid beside the new one, until the receiver has both.
    before = {"previous": kept[agency]["secret"]} if agency in kept else {}
    write_private(state.webhooks_file, kept | {agency: {"secret": secret} | before})
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
