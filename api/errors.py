"""One table from the platform's errors to problem documents (RFC 9457); nothing else in Siaga knows both.

::

    Problem (of the door itself)      400 401 403 405 408 413 429
    ValueRefused and other DataError  422   with every finding
    ForbiddenError                    403
    NotFoundError                     404   also "not yours"
    ConflictError                     409
    UnavailableError, no connection   503   with Retry-After
    anything else                     500   logged under an id; a fault of ours, never of what was sent
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc
from starlette.exceptions import HTTPException

from api.texts import preferred, text, title
from gis.accounts import TooManyAttempts
from gis.errors import (
    ConfigurationError,
    ConflictError,
    DataError,
    Finding,
    ForbiddenError,
    NotFoundError,
    PlatformError,
    UnavailableError,
)
from gis.messages import message
from gis.words import Language

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1


class Problem(PlatformError):
    """A refusal of the HTTP door itself; `key` names its text in `api.texts`."""

    def __init__(
        self,
        status: int,
        kind: str,
        key: str,
        *,
        findings: Sequence[Finding] = (),
        headers: dict[str, str] | None = None,
        **parameters: object,
    ) -> None:
        super().__init__(key)
        self.status, self.kind, self.key = status, kind, key
        self.findings, self.headers, self.parameters = tuple(findings), headers or {}, parameters


def language_of(scope: dict[str, Any]) -> Language:
    """Return the language of the answer: the person's, unless our own script or a program asks for one."""
    headers = dict(scope.get("headers", ()))
    chosen = scope.get("state", {}).get("language")
    if chosen is not None and b"x-siaga" not in headers:
        return Language(chosen)
    return preferred(headers.get(b"accept-language", b"").decode("latin-1"))


def document(
    status: int,
    kind: str,
    language: Language,
    detail: str,
    *,
    findings: Sequence[Finding] = (),
    changes: Sequence[dict[str, Any]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a problem document; `changes` are what others did meanwhile."""
    body: dict[str, Any] = {
        "type": f"urn:siaga:problem:{kind}",
        "title": title(kind, language),
        "status": status,
        "detail": detail,
    }
    if findings or status == 422:
        body["errors"] = [_error(f) for f in findings]
    if changes:
        body["changes"] = list(changes)
    return Response(
        json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
        status,
        {"Content-Language": str(language), "Cache-Control": "no-store", **(headers or {})},
        MEDIA_TYPE,
    )


def _error(finding: Finding) -> dict[str, Any]:
    """Return a finding as the contract has it; with the mended point where there is one."""
    mended = {"lon": finding.lon, "lat": finding.lat} if finding.lon is not None and finding.lat is not None else {}
    return {"field": finding.field, "reason": finding.reason, "hint": finding.hint, **mended}


def answer(error: Exception, language: Language) -> Response:
    """Return the problem document of an error, by the table above."""
    if isinstance(error, Problem):
        return document(
            error.status,
            error.kind,
            language,
            text(error.key, language, **error.parameters),
            findings=error.findings,
            headers=error.headers,
        )
    if isinstance(error, DataError):
        return document(422, "values", language, text("values", language), findings=error.findings)
    if isinstance(error, RequestValidationError):
        findings = [_finding(item, language) for item in error.errors()]
        return document(422, "values", language, text("values", language), findings=findings)
    if isinstance(error, TooManyAttempts):
        return document(429, "too-many", language, text("too-many", language), headers={"Retry-After": "60"})
    if isinstance(error, ForbiddenError):
        # The domain speaks English; its sentence names the roles, so English readers get it.
        detail = str(error) if language == Language.EN else ""
        return document(403, "forbidden", language, detail or text("forbidden", language))
    if isinstance(error, NotFoundError):
        return document(404, "not-found", language, text("not-found", language))
    if isinstance(error, ConflictError):
        return document(409, "conflict", language, str(error) or text("conflict", language), changes=error.changes)
    if isinstance(error, UnavailableError | ConfigurationError) or _is_away(error):
        return _unavailable(error, language)
    if isinstance(error, exc.DataError):
        # PostgreSQL refused a value that our own checks let through: the client's request, our missing check.
        log.warning("a value passed our checks and was refused by the database: %s", type(error.orig).__name__)
        return document(422, "values", language, text("value-refused", language))
    if isinstance(error, HTTPException):
        return _http(error, language)
    return _internal(error, language)


def _is_away(error: Exception) -> bool:
    # OperationalError covers lost connections, time limits, deadlocks and a server that is starting up;
    # TimeoutError is a pool with no free connection.
    return isinstance(error, exc.TimeoutError | exc.OperationalError | exc.InterfaceError) or (
        isinstance(error, exc.DBAPIError) and error.connection_invalidated
    )


def _unavailable(error: Exception, language: Language) -> Response:
    log.warning("answered 503: %s", type(error.__cause__ or error).__name__)
    return document(
        503, "unavailable", language, text("unavailable", language), headers={"Retry-After": str(RETRY_AFTER_S)}
    )


def _http(error: HTTPException, language: Language) -> Response:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        detail = text("method", language, allowed=headers.get("Allow", "?"))
        return document(405, "method", language, detail, headers=headers)
    kind = {401: "unauthenticated", 403: "forbidden", 404: "not-found", 413: "too-large"}.get(error.status_code)
    if kind is None:
        kind = "syntax" if error.status_code < 500 else "unavailable"
        return document(error.status_code, kind, language, str(error.detail), headers=headers)
    detail = text("not-found" if kind == "not-found" else "forbidden", language)
    return document(error.status_code, kind, language, detail, headers=headers)


def _internal(error: Exception, language: Language) -> Response:
    number = secrets.token_hex(4)
    log.error("error %s", number, exc_info=error)
    return document(500, "internal", language, text("internal", language, id=number))


def _listed(expected: object) -> str:
    """Return pydantic's ``'a', 'b' or 'c'`` as a list without a word of English."""
    return str(expected).replace("'", "").replace(" or ", ", ")


# How pydantic names a fault in a query parameter -> our reason and hint.
_REASONS: dict[str, Callable[[Language, dict[str, Any]], tuple[str, str]]] = {
    "missing": lambda lang, c: (message("required", lang), ""),
    "float_parsing": lambda lang, c: (
        message("wrong_type", lang, expected="number"),
        message("number_format", lang, example="122.49985"),
    ),
    "int_parsing": lambda lang, c: (text("not-integer", lang), ""),
    "int_from_float": lambda lang, c: (text("not-integer", lang), ""),
    "bool_parsing": lambda lang, c: (text("not-boolean", lang), ""),
    "finite_number": lambda lang, c: (
        message("not_finite", lang),
        message("number_format", lang, example="122.49985"),
    ),
    "less_than_equal": lambda lang, c: (text("too-large-number", lang), text("at-most", lang, limit=c["le"])),
    "greater_than_equal": lambda lang, c: (text("too-small-number", lang), text("at-least", lang, limit=c["ge"])),
    "string_too_long": lambda lang, c: (
        text("bad-pattern", lang),
        text("at-most-characters", lang, limit=c["max_length"]),
    ),
    "string_too_short": lambda lang, c: (message("required", lang), ""),
    # The only parameter with a pattern is a cursor, and its pattern is for no reader.
    "string_pattern_mismatch": lambda lang, c: (text("bad-pattern", lang), text("cursor-hint", lang)),
    "enum": lambda lang, c: (message("one_of", lang, allowed=_listed(c["expected"])), ""),
    "literal_error": lambda lang, c: (message("one_of", lang, allowed=_listed(c["expected"])), ""),
}


def _finding(item: dict[str, Any], language: Language) -> Finding:
    """Return our finding for one of pydantic's."""
    field = str(item["loc"][-1])[:80]
    if item["type"] in _REASONS:
        reason, hint = _REASONS[item["type"]](language, item.get("ctx", {}))
    elif item["type"].startswith(("datetime", "timezone")):
        reason, hint = text("not-time", language), text("not-time-hint", language)
    else:
        reason, hint = text("bad-value", language), ""
    return Finding(field=field, reason=reason, hint=hint)


def install(app: FastAPI) -> None:
    """Answer every error of `app` by the table."""

    def handle(request: Request, error: Exception) -> Response:
        return answer(error, language_of(request.scope))

    for kind in (PlatformError, RequestValidationError, HTTPException, exc.SQLAlchemyError):
        app.add_exception_handler(kind, handle)


class Catch:
    """Pure ASGI: the last net. What no handler knew becomes a logged 500, not a broken connection."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application; answer for it when it fails before it answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_started = False

        async def watched(event: Any) -> None:
            nonlocal has_started
            has_started = has_started or event["type"] == "http.response.start"
            await send(event)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if has_started:
                raise
            await answer(error, language_of(scope))(scope, receive, send)
