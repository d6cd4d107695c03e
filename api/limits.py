"""Pure ASGI middleware in front of every route: how large a body may be, how long it may take to arrive.

The body is read here, once, whole, and handed to plain `def` routes as ``request.state.body``: they run in a thread
and cannot await it themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from api.errors import Problem, answer, language_of

MAX_BODY = 64 * 1024
# Lists that people paste: 20,000 points with names.
LARGER = {"/boundaries/check": 2 * 1024 * 1024}
BODY_TIMEOUT_S = 10


class BodyLimit:
    """Read the body up to `limit` bytes; answer 413 or 408 otherwise.

    Parameters
    ----------
    larger
        End of a path → its own limit, for routes that take lists.
    """

    def __init__(self, app: Any, limit: int = MAX_BODY, larger: Mapping[str, int] | None = None) -> None:
        self.app, self.limit, self.larger = app, limit, dict(larger or {})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read, judge, pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await self._read(scope, receive)
        except Problem as problem:
            # The rest of the body is not read, so the connection cannot be used again.
            problem.headers = {"Connection": "close"}
            await answer(problem, language_of(scope))(scope, receive, send)
            return
        except TimeoutError:
            problem = Problem(408, "timeout", "timeout", seconds=BODY_TIMEOUT_S, headers={"Connection": "close"})
            await answer(problem, language_of(scope))(scope, receive, send)
            return
        if body is None:
            return
        scope.setdefault("state", {})["body"] = body
        is_given = False

        async def replay() -> Any:
            nonlocal is_given
            if is_given:
                return await receive()
            is_given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    async def _read(self, scope: Any, receive: Any) -> bytes | None:
        limit = next((own for end, own in self.larger.items() if scope["path"].endswith(end)), self.limit)
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and int(declared[:20]) > limit:
            raise Problem(413, "too-large", "too-large", limit=limit)
        parts: list[bytes] = []
        n_bytes = 0
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return None
            n_bytes += len(event.get("body", b""))
            if n_bytes > limit:
                raise Problem(413, "too-large", "too-large", limit=limit)
            parts.append(event.get("body", b""))
            if not event.get("more_body", False):
                return b"".join(parts)
