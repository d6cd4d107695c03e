"""The gate in front of the pages: nothing of them, not even a WebSocket, without a session.

Pure ASGI, since Starlette's BaseHTTPMiddleware never sees WebSockets. It also adds the security headers to everything
that leaves, so that no page or asset is served without them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.responses import RedirectResponse

from api.errors import Problem, answer, language_of
from api.sessions import SessionDoor, cookie_of
from gis.errors import PlatformError

OPEN = ("/login", "/healthz", "/_stcore/health")
OPEN_BELOW = "/assets/"
# Of Streamlit's own endpoints only what its browser part needs; metrics, agent and script-health are not among them.
STREAMLIT = ("stream", "health", "host-config", "upload_file", "bidi-components")
# The machine itself, where health is asked; these names cannot be made to mean another address.
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


def inline_hashes(html: str) -> list[str]:
    """Return the CSP sources of the inline scripts in a page we did not write."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts]


def streamlit_page() -> str:
    """Return Streamlit's page, whose one inline script our policy names by its hash."""
    spec = find_spec("streamlit")
    if spec is None or spec.origin is None:
        return ""
    page = Path(spec.origin).parent / "static/index.html"
    return page.read_text("utf-8") if page.exists() else ""


def policy(host: str, hashes: Sequence[str] = ()) -> str:
    """Return the Content-Security-Policy of the pages.

    Components of Streamlit are imported from ``blob:`` URLs and style themselves inline; no script is inline or
    evaluated, and nothing talks to another host. The WebSocket is named by host: not every browser counts it as 'self'.
    """
    sockets = f" ws://{host} wss://{host}" if host else ""
    scripts = " ".join(["'self'", "blob:", *hashes])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
        f"connect-src 'self'{sockets}; frame-ancestors 'self'; form-action 'self'; base-uri 'self'; object-src 'none'"
    )


def same_origin(origin: str, host: str) -> bool:
    """Whether an ``Origin`` header names this very host and port."""
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc or not host:
        return False
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return parts.netloc.lower().removesuffix(default) == host.lower().removesuffix(default)


class Gate:
    """Let through who has a session, from this site only; add the security headers to every answer.

    Parameters
    ----------
    door
        Looks sessions up.
    hosts
        Host names that are served besides this machine's own, each with or without a port; empty: any.
    """

    def __init__(self, app: Any, *, door: SessionDoor, hosts: Sequence[str] = ()) -> None:
        self.app, self.door = app, door
        self.hosts = frozenset(host.lower() for host in hosts)
        self.hashes = inline_hashes(streamlit_page())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Judge one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        guarded = self._with_headers(send, host if _HOST.fullmatch(host) else "", scope.get("scheme") == "https")
        try:
            problem = self._refusal(scope, headers, host)
            if problem is None and scope["path"] not in OPEN and not scope["path"].startswith(OPEN_BELOW):
                person = await self.door.person(cookie_of(headers.get(b"cookie", "")))
                if person is None:
                    problem = Problem(401, "unauthenticated", "session-needed")
                else:
                    actor, account = person
                    scope.setdefault("state", {}).update(actor=actor, account=account, language=account.language)
        except PlatformError as error:
            await self._refuse(error, scope, headers, receive, guarded)
            return
        if problem is not None:
            await self._refuse(problem, scope, headers, receive, guarded)
            return
        await self.app(scope, receive, guarded)

    def _refusal(self, scope: Any, headers: dict[bytes, str], host: str) -> Problem | None:
        path = re.sub(r"/{2,}", "/", scope["path"])
        if not _HOST.fullmatch(host) or not self._is_served(host):
            return Problem(400, "syntax", "host")
        if (inside := path.partition("/_stcore/")[2]) and inside.split("/")[0] not in STREAMLIT:
            return Problem(404, "not-found", "not-found")
        is_change = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if is_change and not same_origin(headers.get(b"origin", ""), host):
            return Problem(403, "forbidden", "origin")
        return None

    def _is_served(self, host: str) -> bool:
        name = re.sub(r":\d+$", "", host.lower())
        return not self.hosts or name in LOOPBACK or host.lower() in self.hosts or name in self.hosts

    async def _refuse(
        self, error: PlatformError, scope: Any, headers: dict[bytes, str], receive: Any, send: Any
    ) -> None:
        if scope["type"] == "websocket":
            # Before it is accepted: the browser sees a refused handshake, the log the code.
            codes = {401: 4401, 403: 4403}
            code = codes.get(error.status, 4404) if isinstance(error, Problem) else 1013
            await send({"type": "websocket.close", "code": code})
            return
        wants_page = scope["method"] in ("GET", "HEAD") and "text/html" in headers.get(b"accept", "")
        if wants_page and isinstance(error, Problem) and error.status == 401:
            target = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
            suffix = "" if target == "/" else "?next=" + quote(target, safe="")
            await RedirectResponse(f"/login{suffix}", 303)(scope, receive, send)
            return
        await answer(error, language_of(scope))(scope, receive, send)

    def _with_headers(self, send: Any, host: str, is_https: bool) -> Any:
        added = [
            (b"content-security-policy", policy(host, self.hashes).encode("latin-1")),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"SAMEORIGIN"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=(self)"),
        ]
        if is_https:
            added.append((b"strict-transport-security", b"max-age=31536000"))
        names = {name for name, _ in added}

        async def sender(event: Any) -> None:
            if event["type"] == "http.response.start":
                given = event.get("headers", ())
                kept = [(name, value) for name, value in given if name.lower() not in names]
                if any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in given):
                    # "Back" after a log-out must ask again, and be led to the log-in page.
                    kept = [(name, value) for name, value in kept if name.lower() != b"cache-control"]
                    kept.append((b"cache-control", b"no-store"))
                event = {**event, "headers": kept + added}
            await send(event)

        return sender
