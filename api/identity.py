"""Who calls the API: bearer tokens, remembered for a few seconds, and the roles a route is open to."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from api.errors import Problem
from gis import tokens
from gis.actors import Actor
from gis.db import transaction
from gis.words import Role

REMEMBER_S = 5.0
REMEMBER_N = 1_000

# Declares the scheme in the OpenAPI page; the check itself is `current_actor`, which answers with problem documents.
bearer = HTTPBearer(auto_error=False, description="./siaga token add NAME --role ROLE")


class Remembered:
    """A small memory of answers with an end: key -> value for `seconds`, the oldest of `size` forgotten first."""

    def __init__(self, seconds: float, size: int) -> None:
        self.seconds, self.size = seconds, size
        self._kept: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()

    def get(self, key: bytes) -> Any:
        """Return the value, or nothing when it is unknown or too old."""
        until, value = self._kept.get(key, (0.0, None))
        return value if until > time.monotonic() else None

    def put(self, key: bytes, value: Any) -> None:
        """Keep a value."""
        self._kept[key] = (time.monotonic() + self.seconds, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self.size:
            self._kept.popitem(last=False)

    def forget(self, key: bytes) -> None:
        """Drop a value."""
        self._kept.pop(key, None)


class TokenDoor:
    """Looks tokens up; a token that was good is good for five seconds more without a look."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._good = Remembered(REMEMBER_S, REMEMBER_N)

    async def actor(self, secret: str) -> Actor | None:
        """Return who presents `secret`, or nothing."""
        key = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        known: Actor | None = self._good.get(key)
        if known is None:
            known = await run_in_threadpool(self._look, secret)
            if known is not None:
                self._good.put(key, known)
        return known

    def _look(self, secret: str) -> Actor | None:
        with transaction(self.engine) as tx:
            return tokens.actor_of(tx, secret)


async def current_actor(request: Request, _: Annotated[Any, Depends(bearer)] = None) -> Actor:
    """Return the actor of the request's token.

    Raises
    ------
    Problem
        401: no token, or one that is not good.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Problem(401, "unauthenticated", "unauthenticated", headers={"WWW-Authenticate": "Bearer"})
    actor: Actor | None = await request.app.state.tokens.actor(secret.strip())
    if actor is None:
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise Problem(401, "unauthenticated", "token-refused", headers=headers)
    return actor


def allowed(*roles: Role) -> Callable[..., Any]:
    """Return the dependency that lets only `roles` through and gives the actor."""

    async def check(actor: Annotated[Actor, Depends(current_actor)]) -> Actor:
        if actor.role not in roles:
            raise Problem(403, "forbidden", "role-needed", role=actor.role, roles=", ".join(roles))
        return actor

    return check
