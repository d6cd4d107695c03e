"""What a command says when it refuses: lines for people, a problem document for programs that asked with ``--json``."""

from __future__ import annotations

from typing import Any

from gis.errors import ConflictError, DataError, NotFoundError, PlatformError, UnavailableError
from ops.exits import MISSING, NOT_RUNNING, REFUSED, USAGE, CommandFailed

# Kind and title, as the API names the same things.
VALUES = ("values", "Values cannot be accepted")
NOT_FOUND = ("not-found", "Not found")
CONFLICT = ("conflict", "In conflict with the current state")
UNAVAILABLE = ("unavailable", "The service is not available now")
OF_CODE = {
    USAGE: ("usage", "The command cannot be read"),
    NOT_RUNNING: UNAVAILABLE,
    MISSING: ("missing", "Something must be installed first"),
}
OTHER = ("refused", "The command is refused")


def exit_code(error: PlatformError) -> int:
    """Return the exit code of the contract."""
    if isinstance(error, CommandFailed):
        return error.code
    return NOT_RUNNING if isinstance(error, UnavailableError) else REFUSED


def lines(error: PlatformError) -> list[str]:
    """Return the reasons, each once: an error's own sentence is left out where it only repeats its findings'."""
    findings = error.findings if isinstance(error, DataError) else ()
    head = str(error)
    if findings and all(finding.reason in head for finding in findings):
        return [str(finding) for finding in findings]
    return [head, *(f"  {finding}" for finding in findings)]


def document(error: PlatformError) -> dict[str, Any]:
    """Return the problem document (RFC 9457): the API's own where it refused, else one without an HTTP status."""
    if isinstance(error, CommandFailed) and error.document is not None:
        return error.document
    kind, title = _kind(error)
    found: dict[str, Any] = {"type": f"urn:siaga:problem:{kind}", "title": title, "detail": str(error)}
    if isinstance(error, DataError):
        found["errors"] = [{"field": f.field, "reason": f.reason, "hint": f.hint} for f in error.findings]
    return found


def _kind(error: PlatformError) -> tuple[str, str]:
    if isinstance(error, CommandFailed):
        return OF_CODE.get(error.code, OTHER)
    for cls, kind in (
        (DataError, VALUES),
        (NotFoundError, NOT_FOUND),
        (ConflictError, CONFLICT),
        (UnavailableError, UNAVAILABLE),
    ):
        if isinstance(error, cls):
            return kind
    return OTHER
