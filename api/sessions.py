"""Who is behind a session cookie, looked up at most once a second for each."""

from __future__ import annotations

import asyncio
import hashlib
from http.cookies import CookieError, SimpleCookie

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from api.identity import REMEMBER_N, Remembered
from gis import accounts
from gis.accounts import Account
from gis.actors import Actor
from gis.db import transaction

COOKIE = "siaga_session"
REMEMBER_S = 1.0


def cookie_of(header: str) -> str:
    """Return the session's cookie in a ``Cookie`` header, or an empty text."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            try:
                return SimpleCookie(f"{COOKIE}={value}")[COOKIE].value
            except (CookieError, KeyError):
                return ""
    return ""


class SessionDoor:
    """Looks sessions up; a log-out is known at once, a closed account within a second."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._good = Remembered(REMEMBER_S, REMEMBER_N)
        self._looks: dict[bytes, asyncio.Future[tuple[Actor, Account] | None]] = {}

    @staticmethod
    def _key(cookie: str) -> bytes:
        return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).digest()

    async def person(self, cookie: str) -> tuple[Actor, Account] | None:
        """Return who the cookie belongs to, or nothing."""
        if not cookie:
            return None
        key = self._key(cookie)
        known: tuple[Actor, Account] | None = self._good.get(key)
        if known is not None:
            return known
        look = self._looks.get(key)
        if look is None:
            look = self._looks[key] = asyncio.ensure_future(self._look_once(key, cookie))
        # Shielded: who gives up waiting must not end the look of the others.
        return await asyncio.shield(look)

    async def _look_once(self, key: bytes, cookie: str) -> tuple[Actor, Account] | None:
        """Look up; a page that opens asks for fifty files at once, and one look serves them all."""
        try:
            known = await run_in_threadpool(self._look, cookie)
        finally:
            del self._looks[key]
        if known is not None:
            self._good.put(key, known)
        return known

    def _look(self, cookie: str) -> tuple[Actor, Account] | None:
        with transaction(self.engine) as tx:
            return accounts.session_actor(tx, cookie)

    def forget(self, cookie: str) -> None:
        """Look this cookie up again at its next use."""
        self._good.forget(self._key(cookie))
