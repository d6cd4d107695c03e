"""The idempotency key of a report or a closure, as its header gives it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request

from api.errors import language_of
from api.texts import text
from gis.errors import ValueRefused

NAME = "Idempotency-Key"


def one_key(
    request: Request,
    idempotency_key: Annotated[
        str, Header(description="required; one random key per report, the same when repeating")
    ] = "",
) -> str:
    """Return the key; the use case judges it.

    Raises
    ------
    ValueRefused
        The header is there twice: which of them the sender will repeat is not known.
    """
    _refuse_two(request)
    return idempotency_key


def key_if_given(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(description="one random key per closure, the same when repeating")
    ] = None,
) -> str | None:
    """Return the key, or `None`; the use case judges it, and errors are as of `one_key`."""
    _refuse_two(request)
    return idempotency_key


def _refuse_two(request: Request) -> None:
    if len(request.headers.getlist(NAME)) > 1:
        language = language_of(request.scope)
        raise ValueRefused.of(NAME, text("given-twice", language), text("given-twice-hint", language))
