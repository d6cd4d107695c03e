"""Webhooks to agencies' own systems: signed (Standard Webhooks), to allowed addresses only, with hard limits.

What decides is the status line: 2xx is delivered, everything else is tried again. Nothing of an answer's body is read,
so a long or endless one costs nothing.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import logging
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpcore
import httpx
from standardwebhooks import Webhook

from gis.errors import ConfigurationError, PlatformError
from routing_engine.dispatch.addresses import AddressRefused, IPNetwork, PinnedBackend, is_listed, permitted, resolve

log = logging.getLogger(__name__)

FILE = "webhooks.json"
NETWORKS_VARIABLE = "SIAGA_WEBHOOK_NETWORKS"
CONNECT_S = 2.0
TOTAL_S = 5.0
HTTPS_PORTS = frozenset({443})
PREFIX = "whsec_"
MIN_KEY_BYTES = 24  # Standard Webhooks: 24 to 64
# Members of the file that are no agency.
NETWORKS, PORTS = "networks", "ports"


class DeliveryError(PlatformError):
    """A message could not be delivered now; the text holds no secret and no path of the receiver's address."""


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """What `webhooks.json` says.

    Attributes
    ----------
    secrets
        Agency code → signing secrets (``whsec_…``), the current one first, then the previous one while it is rotated;
        not yet checked.
    networks
        Networks whose addresses may be connected to though they are private, and without TLS.
    ports
        Ports allowed outside those networks.
    """

    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    networks: tuple[IPNetwork, ...] = ()
    ports: frozenset[int] = HTTPS_PORTS

    @classmethod
    def from_json(cls, content: Any) -> WebhookSettings:
        """Read the members of the file.

        Raises
        ------
        ConfigurationError
            A member is not as expected; values are not repeated in the message.
        """
        if not isinstance(content, dict):
            raise ConfigurationError(f"{FILE}: not a JSON object")
        secrets: dict[str, tuple[str, ...]] = {}
        for code, member in content.items():
            if code in (NETWORKS, PORTS):
                continue
            # A mistake here is its agency's alone: it is found when that agency's message is signed.
            given = [member.get(name) for name in ("secret", "previous")] if isinstance(member, dict) else []
            secrets[code] = tuple(secret for secret in given if secret)
        ports = content.get(PORTS, sorted(HTTPS_PORTS))
        if not isinstance(ports, list) or not all(isinstance(port, int) and 0 < port < 65536 for port in ports):
            raise ConfigurationError(f"{FILE}: {PORTS}: a list of port numbers expected")
        return cls(secrets=secrets, networks=read_networks(content.get(NETWORKS, [])), ports=frozenset(ports))


def read_networks(texts: Any) -> tuple[IPNetwork, ...]:
    """Read networks in CIDR form.

    Raises
    ------
    ConfigurationError
        Not a list of networks.
    """
    if not isinstance(texts, list):
        raise ConfigurationError(f'{FILE}: {NETWORKS}: a list such as ["10.20.0.0/16"] expected')
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise ConfigurationError(f"{FILE}: {NETWORKS}: {error}") from None


def _signer(secret: object, agency: str) -> Webhook:
    """Return what signs with a secret; strict, where the library would skip what is not base64."""
    try:
        if isinstance(secret, str) and secret.startswith(PREFIX):
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
            if len(key) >= MIN_KEY_BYTES:
                return Webhook(key)
    except ValueError:
        pass
    raise DeliveryError(f"{FILE}: {agency}: a secret is {PREFIX} and base64 of {MIN_KEY_BYTES} bytes or more")


class WebhookFile:
    """`STATE/webhooks.json`, read again when it changes, so that secrets rotate without a restart.

    Parameters
    ----------
    networks
        Networks allowed besides the file's (`SIAGA_WEBHOOK_NETWORKS`).
    """

    def __init__(self, state: Path, *, networks: Sequence[IPNetwork] = ()) -> None:
        self._path = state / FILE
        self._more = tuple(networks)
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._settings = WebhookSettings(networks=self._more)

    def current(self) -> WebhookSettings:
        """Return the settings in force; without a file there are no secrets, so nothing is sent.

        Raises
        ------
        ConfigurationError
            The file cannot be read or is not as expected.
        """
        with self._lock:
            try:
                stat = self._path.stat()
                stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if stamp != self._stamp:
                    read = WebhookSettings.from_json(json.loads(self._path.read_bytes()))
                    self._settings = WebhookSettings(
                        secrets=read.secrets, networks=(*self._more, *read.networks), ports=read.ports
                    )
                    self._stamp = stamp
            except FileNotFoundError:
                self._stamp, self._settings = None, WebhookSettings(networks=self._more)
            except (OSError, ValueError) as error:
                raise ConfigurationError(f"{FILE}: cannot be read ({type(error).__name__})") from None
            return self._settings


class WebhookSender:
    """Sends one message at a time to an agency's address. Safe to share between threads."""

    def __init__(self, file: WebhookFile, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._ssl_context = ssl_context

    def send(self, agency: str, address: str, *, message_id: str, body: Mapping[str, Any], at: datetime) -> None:
        """Send `body`, signed; return when the receiver has taken it.

        Parameters
        ----------
        address
            URL an administrator set; https, or http inside an allow-listed network.
        message_id
            The same for every attempt, so that the receiver can tell a repetition.
        at
            Time of this attempt, aware.

        Raises
        ------
        DeliveryError
            Refused before connecting, not reachable, too slow, or answered with anything but 2xx.
        """
        started = time.monotonic()
        try:
            settings = self._file.current()
            url, backend = self._target(address, settings, started)
        except (AddressRefused, ConfigurationError) as error:
            raise DeliveryError(str(error)) from None
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = [
            (b"Host", url.netloc),
            (b"User-Agent", b"siaga-webhook/1"),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(content)).encode()),
            (b"Connection", b"close"),
            *_signature(settings, agency, message_id, content.decode(), at),
        ]
        status = self._post(url, headers, content, backend)
        if not 200 <= status < 300:
            redirect = "; redirects are not followed" if 300 <= status < 400 else ""
            raise DeliveryError(f"the receiver answered HTTP {status}{redirect}")

    def _target(self, address: str, settings: WebhookSettings, started: float) -> tuple[httpx.URL, PinnedBackend]:
        try:
            url = httpx.URL(address)
        except (httpx.InvalidURL, ValueError):
            raise AddressRefused("the address is not a URL") from None
        if url.scheme not in ("https", "http") or not url.host:
            raise AddressRefused("the address is not an https URL")
        if url.userinfo:
            raise AddressRefused("the address holds a user name or password; remove it")
        port = url.port or (443 if url.scheme == "https" else 80)
        if not 0 < port < 65536:
            raise AddressRefused("the address is not a URL")
        found = permitted(url.host, resolve(url.host, port, timeout_s=CONNECT_S), settings.networks)
        inside = [candidate for candidate in found if is_listed(candidate, settings.networks)]
        if url.scheme == "http" or port not in settings.ports:
            if not inside:
                raise AddressRefused(
                    f"host {url.host}: https on port {', '.join(map(str, sorted(settings.ports)))} needed"
                    " outside the listed networks"
                )
            found = inside
        left = TOTAL_S - (time.monotonic() - started)
        return url, PinnedBackend(found, connect_s=min(CONNECT_S, left), deadline=started + TOTAL_S)

    def _post(self, url: httpx.URL, headers: list[tuple[bytes, bytes]], content: bytes, backend: PinnedBackend) -> int:
        """Return the status; one connection per message, so that each goes to the address just checked."""
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        limits = {"connect": CONNECT_S, "read": TOTAL_S, "write": TOTAL_S, "pool": TOTAL_S}
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._tls() if url.scheme == "https" else None,
                    max_connections=1,
                    max_keepalive_connections=0,
                    network_backend=backend,
                ) as pool,
                pool.stream("POST", target, headers=headers, content=content, extensions={"timeout": limits}) as answer,
            ):
                return answer.status
        except httpcore.ConnectTimeout:
            raise DeliveryError(f"no connection within {CONNECT_S:g} s") from None
        except httpcore.ConnectError as error:
            raise DeliveryError(f"no connection: {_reason(error)}") from None
        except httpcore.TimeoutException:
            raise DeliveryError(f"no answer within {TOTAL_S:g} s") from None
        except (httpcore.ProtocolError, httpcore.NetworkError):
            raise DeliveryError("the connection ended without an HTTP answer") from None

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._ssl_context is None:
                # The bundled authorities and the machine's own, where a city keeps its internal one.
                self._ssl_context = httpcore.default_ssl_context()
                self._ssl_context.load_default_certs()
            return self._ssl_context


def _signature(
    settings: WebhookSettings, agency: str, message_id: str, content: str, at: datetime
) -> list[tuple[bytes, bytes]]:
    secrets = settings.secrets.get(agency, ())
    if not secrets:
        raise DeliveryError(f"{FILE}: no secret for {agency}; nothing is sent unsigned")
    signatures = " ".join(_signer(secret, agency).sign(message_id, at, content) for secret in secrets)
    return [
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", str(int(at.timestamp())).encode()),
        (b"webhook-signature", signatures.encode()),
    ]


def _reason(error: Exception) -> str:
    """Say why a connection failed in words that come from the system, not from the other side."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS certificate: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "refused"
