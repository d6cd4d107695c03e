"""What every route needs, and how it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import Engine

from api.errors import language_of
from api.texts import text
from gis.errors import Finding, NotFoundError, ValueRefused
from gis.reports import UUID as UUID_FORM
from gis.settings import Settings
from gis.times import is_in_range
from gis.words import Language
from routing_engine.dispatch.context import Context


@dataclass(frozen=True, kw_only=True)
class Door:
    """The process' settings, database and cached configuration; made once, kept in ``app.state.door``."""

    settings: Settings
    engine: Engine
    context: Context


def door(request: Request) -> Door:
    """Return the door of the app that serves `request`."""
    found: Door = request.app.state.door
    return found


def language(request: Request) -> Language:
    """Return the language of the answer."""
    return language_of(request.scope)


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not belong in an answer")


def encode(body: object) -> bytes:
    """Return compact JSON; NaN and infinity are faults of ours and raise."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode()


def reply(
    body: object, status: int = 200, *, headers: dict[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    """Return a JSON answer. Incidents must never come from a cache, unless `headers` say otherwise."""
    return Response(encode(body), status, {"Cache-Control": "no-store", **(headers or {})}, media_type)


def known_id(value: str) -> str:
    """Return an id in a path, lower case.

    Raises
    ------
    NotFoundError
        It is not a uuid, so nothing has it.
    """
    if not UUID_FORM.fullmatch(value):
        raise NotFoundError("not an id of ours")
    return value.lower()


def read_moment(name: str, value: str | None, tongue: Language) -> datetime | None:
    """Return the aware time in a query parameter.

    Raises
    ------
    ValueRefused
        Not RFC 3339, or without an offset.
    """
    if value is None:
        return None
    try:
        # An unescaped plus arrives as a space: what follows a time can only be the offset.
        moment = datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value.upper() else value)
        if moment.tzinfo is not None and not is_in_range(moment):
            raise ValueError("no such time here")
    except ValueError:
        finding = Finding(field=name, reason=text("not-time", tongue), hint=text("not-time-hint", tongue))
        raise ValueRefused(str(finding), [finding]) from None
    if moment.tzinfo is None:
        finding = Finding(field=name, reason=text("naive-time", tongue), hint=text("naive-time-hint", tongue))
        raise ValueRefused(str(finding), [finding])
    return moment
