"""Values of the command line: checked once, refused with what to write instead."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gis.errors import DataError, ValueRefused
from gis.times import FIRST, LAST, is_in_range


def number(text: str, field: str, *, example: str = "122.49985") -> float:
    """Return a finite number; `example` is shown to whoever wrote something else.

    Raises
    ------
    ValueRefused
        The text is none; a decimal comma is named as such.
    """
    try:
        value = float(text)
    except ValueError:
        hint = "use a decimal point" if "," in text else f"write a number such as {example}"
        raise ValueRefused.of(field, f"{shortened(text)} is not a number", hint) from None
    if not math.isfinite(value):
        raise ValueRefused.of(field, f"{text.strip()} is not finite", f"write a number such as {example}")
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
    value = number(text, field, example="50")
    if not 0 <= value <= limit:
        raise ValueRefused.of(field, f"{value:g} m is out of range", f"0 to {limit:g} metres")
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
    except ValueError:
        raise ValueRefused.of(field, f"{shortened(text)} is not a time", hint) from None
    if value.tzinfo is None:
        raise ValueRefused.of(field, "no offset", hint)
    if not is_in_range(value):
        raise ValueRefused.of(field, f"not between the years {FIRST.year} and {LAST.year}", hint)
    return value


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number from `low` to `high`; anything else is wrong usage."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{shortened(text)} is not a whole number from {low} to {high}")
        return value

    return read


port = whole(1, 65_535)


def shortened(text: str) -> str:
    """Return what was written, quoted, and cut where it would fill the screen."""
    text = text.strip()
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def file_to_write(path: Path, field: str, *, source: Path | None = None) -> Path:
    """Return `path` if a file can be written there; asked before the work whose result it is to hold.

    Parameters
    ----------
    source
        The file that is read: writing over it would lose what it holds.

    Raises
    ------
    ValueRefused
        It is a folder, its folder is missing, this user may not write there, or it is `source`.
    """
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # links are followed to their end; these have none
        raise ValueRefused.of(field, f"{path} is a loop of links", "name another file")
    if target.is_dir():
        raise ValueRefused.of(field, f"{path} is a folder", "name a file in it")
    if not target.parent.is_dir():
        raise ValueRefused.of(field, f"there is no folder {target.parent}", "make it first, or name another")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise ValueRefused.of(field, f"{path} cannot be written by this user", "name another file")
    if source is not None and target.exists() and source.exists() and target.samefile(source):
        raise ValueRefused.of(field, f"{path} is the file that is read", "name another file")
    return path


def file_to_read(path: Path, field: str) -> Path:
    """Return `path` if it is a file this user may read.

    Raises
    ------
    ValueRefused
        It is missing, a link to nothing, a folder, or not this user's to read.
    """
    if path.is_dir():
        raise ValueRefused.of(field, f"{path} is a folder", "name a file in it")
    if not path.is_file():
        reason = "is a link to a file that is not there" if path.is_symlink() else "is not there"
        raise ValueRefused.of(field, f"{path} {reason}", "name an existing file")
    if not os.access(path, os.R_OK):
        raise ValueRefused.of(field, f"{path} cannot be read by this user", "give it to this user first")
    return path
