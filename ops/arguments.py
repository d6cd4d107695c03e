"""Values of the command line: checked once, refused with what to write instead."""

from __future__ import annotations

import math
from datetime import datetime

from gis.errors import DataError, Finding, ValueRefused


def number(text: str, field: str) -> float:
    """Return a finite number.

    Raises
    ------
    ValueRefused
        The text is none; a decimal comma is named as such.
    """
    try:
        value = float(text)
    except ValueError:
        hint = "use a decimal point" if "," in text else "write a number such as 122.49985"
        raise ValueRefused.of(field, f"{text.strip()!r} is not a number", hint) from None
    if not math.isfinite(value):
        raise ValueRefused.of(field, f"{text.strip()} is not finite", "write a number such as 122.49985")
    return value


def place(lon: str, lat: str) -> tuple[float, float]:
    """Return a position in EPSG:4326 degrees, longitude first.

    Raises
    ------
    ValueRefused
        One is not a number or out of range; both are looked at.
    """
    values, findings = [], []
    for text, field, limit in ((lon, "LON", 180.0), (lat, "LAT", 90.0)):
        try:
            value = number(text, field)
            if abs(value) > limit:
                hint = "longitude comes first" if field == "LAT" and abs(value) <= 180 else f"within ±{limit:g}"
                raise ValueRefused.of(field, f"{value:g} is out of range", hint)
            values.append(value)
        except DataError as error:
            findings += error.findings
    if findings:
        raise ValueRefused("position refused", [*findings])
    return values[0], values[1]


def metres(text: str, field: str, *, limit: float = 5000.0) -> float:
    """Return a length from 0 to `limit` metres."""
    value = number(text, field)
    if not 0 <= value <= limit:
        raise ValueRefused.of(field, f"{value:g} m", f"0 to {limit:g} metres")
    return value


def moment(text: str | None, field: str) -> datetime | None:
    """Return an aware time, `None` when none was given.

    Raises
    ------
    ValueRefused
        Not ISO 8601, or without an offset: nobody could tell which midnight is meant.
    """
    if text is None:
        return None
    hint = "write it as 2026-01-01T00:00:00+08:00"
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueRefused(f"{field}: {error}", [Finding(field=field, reason=str(error), hint=hint)]) from None
    if value.tzinfo is None:
        raise ValueRefused.of(field, "no offset", hint)
    return value
