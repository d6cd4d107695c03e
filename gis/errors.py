"""Errors of the platform.

::

    PlatformError
    ├── ConfigurationError
    ├── DataError ─── CRSError · TopologyError · ColumnError · ValueRefused
    ├── NotFoundError
    ├── ForbiddenError
    ├── ConflictError          stale version, status change not allowed, key used with another body
    ├── UnavailableError       the database or another part is away; the same call may succeed later
    └── RoutingError ─── NetworkError · SnapError

Messages say what was found, what was expected and how to mend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class PlatformError(Exception):
    """Base of every error a caller may catch."""


class ConfigurationError(PlatformError):
    """A setting, a file of the state folder or the machine is not as needed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing wrong with an input: where, what, and how to mend it.

    `row` counts from 1 (the first data row; a header is row 0). `lon`, `lat` are EPSG:4326 degrees.
    `level` is `error` (the input is refused for it) or `warning`.
    """

    field: str
    reason: str
    hint: str = ""
    row: int | None = None
    value: Any = None
    lon: float | None = None
    lat: float | None = None
    file: str | None = None
    level: str = "error"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as the JSON object of the contract, without empty members."""
        return {
            name: value
            for name, value in vars(self).items()
            if value is not None and value != "" and (name, value) != ("level", "error")
        }

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.row) if part is not None)
        return f"{where + ': ' if where else ''}{self.field}: {self.reason}{'; ' + self.hint if self.hint else ''}"


class DataError(PlatformError):
    """An input is refused. `findings` lists every reason at once."""

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class CRSError(DataError):
    """A coordinate reference system is missing or not the one expected."""


class TopologyError(DataError):
    """A geometry is invalid, or a coverage has gaps or overlaps."""


class ColumnError(DataError):
    """A frame or file lacks a column, or a column has the wrong type."""


class ValueRefused(DataError):
    """A single value of a report, form or command is not acceptable."""

    @classmethod
    def of(cls, field: str, reason: str, hint: str = "", value: Any = None) -> ValueRefused:
        """Make the error for one field."""
        return cls(f"{field}: {reason}", [Finding(field=field, reason=reason, hint=hint, value=value)])


class NotFoundError(PlatformError):
    """Nothing with that id exists, or it is not the caller's to see."""


class ForbiddenError(PlatformError):
    """The caller's role does not allow this."""


class ConflictError(PlatformError):
    """The version is stale, the change is not allowed now, or a key was used with another body.

    `changes` lists what others did meanwhile, for answers that can say it: JSON objects with `at`, `by` and `what`.
    """

    def __init__(self, message: str = "", changes: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.changes = tuple(changes)


class UnavailableError(PlatformError):
    """A part the call needs is away for now."""


class RoutingError(PlatformError):
    """Base of errors of the road network."""


class NetworkError(RoutingError):
    """The road network is missing, damaged or not usable."""


class SnapError(RoutingError):
    """A position cannot be put on a road."""
