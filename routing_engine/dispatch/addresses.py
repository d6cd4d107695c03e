"""Which addresses the platform may connect to, and a connection to exactly the address that was checked.

Names are looked up once; the connection goes to the address found, so that a second answer of the name server cannot
lead elsewhere (DNS rebinding). Inside a city the agency's server usually has a private address: such networks are
listed by an administrator, none by default.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence

import httpcore

from gis.errors import PlatformError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv6 forms that carry an IPv4 address inside: what is reached is not what is written.
CARRIERS = tuple(ipaddress.IPv6Network(text) for text in ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "::/96"))


class AddressRefused(PlatformError):
    """A host may not be connected to, or has no address."""


def is_listed(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    """Tell whether an address lies in one of the allow-listed networks."""
    return any(address.version == network.version and address in network for network in networks)


def refusal(address: IPAddress, networks: Iterable[IPNetwork]) -> str | None:
    """Return why an address may not be connected to; None when it may."""
    if is_listed(address, networks):
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None or address.is_link_local:
            return "link-local"
        if address.is_loopback:
            return "loopback"
        if any(address in network for network in CARRIERS) or address.sixtofour or address.teredo:
            return "IPv4 inside IPv6"
    for is_so, name in (
        (address.is_unspecified, "unspecified"),
        (address.is_loopback, "loopback"),
        (address.is_link_local, "link-local"),
        (address.is_multicast, "multicast"),
        (address.is_reserved, "reserved"),
        (not address.is_global, "private"),
    ):
        if is_so:
            return name
    return None


def resolve(host: str, port: int, *, timeout_s: float) -> list[IPAddress]:
    """Look a host up, once, within a time limit.

    The resolver of the C library cannot be told a limit, so it runs in a thread that is left behind when it is late.

    Raises
    ------
    AddressRefused
        No such name, or no answer in time.
    """
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    found: list[IPAddress] = []
    failed: list[str] = []

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(ipaddress.ip_address(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError, ValueError):
            failed.append(host)

    thread = threading.Thread(target=look_up, name="look-up", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise AddressRefused(f"host {host}: the name server did not answer in {timeout_s:g} s")
    if failed or not found:
        raise AddressRefused(f"host {host}: no such name")
    return found


def permitted(host: str, addresses: Sequence[IPAddress], networks: Sequence[IPNetwork]) -> list[IPAddress]:
    """Return the addresses that may be connected to.

    Raises
    ------
    AddressRefused
        None may; the message names the first and why.
    """
    good = [address for address in addresses if refusal(address, networks) is None]
    if not good:
        first = addresses[0]
        raise AddressRefused(
            f"host {host}: address {first} is {refusal(first, networks)};"
            " list its network in webhooks.json if it is meant"
        )
    return good


class PinnedBackend(httpcore.NetworkBackend):
    """Connects to given addresses whatever host is asked for, and ends everything at one deadline.

    The request keeps its host name, so the `Host` header, SNI and the certificate check are the host's.

    Parameters
    ----------
    addresses
        Checked addresses, tried in order.
    connect_s
        Limit for connecting, seconds, over all addresses.
    deadline
        `time.monotonic()` at which reading and writing end, however slowly bytes trickle in.
    """

    def __init__(self, addresses: Sequence[IPAddress], *, connect_s: float, deadline: float) -> None:
        self._addresses = addresses
        self._connect_s = connect_s
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that takes the connection."""
        until = min(time.monotonic() + self._connect_s, self._deadline)
        failure: Exception = httpcore.ConnectTimeout("no time left")
        for address in self._addresses:
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                stream = self._inner.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _EndingStream(stream, self._deadline)
        raise failure


class _EndingStream(httpcore.NetworkStream):
    """A stream whose every step ends at the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def _left(self, timeout: float | None, late: type[Exception]) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late("no time left")
        return left if timeout is None else min(timeout, left)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._left(timeout, httpcore.ConnectTimeout)
        return _EndingStream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
