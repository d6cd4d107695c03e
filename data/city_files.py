"""Reading the tables of a city folder: typed cells, every fault a `Finding` with file and row."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from gis.errors import Finding


class Findings(list[Finding]):
    """A growing list of findings."""

    def say(self, file: str, row: int | None, field_name: str, reason: str, hint: str = "", **more: Any) -> None:
        """Add one."""
        self.append(Finding(file=file, row=row, field=field_name, reason=reason, hint=hint, **more))


def text(cell: str) -> str:
    """Read any text without control characters."""
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", cell):
        raise ValueError("has control characters")
    return cell


def code(cell: str) -> str:
    """Read a code: letters, digits, and ``. _ -``, at most 60 characters."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,60}", cell):
        raise ValueError("is no code; letters, digits and . _ - are allowed, at most 60")
    return cell


def whole(cell: str) -> int:
    """Read a whole number of at least 0."""
    if not re.fullmatch(r"\d{1,9}", cell):
        raise ValueError("is no whole number of at least 0")
    return int(cell)


def number(cell: str) -> float:
    """Read a finite number with a decimal point."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?\d+)?", cell):
        hint = "; write a decimal point, not a comma" if "," in cell else ""
        raise ValueError(f"is no number{hint}")
    return value


def day(cell: str) -> date:
    """Read a date, ``2026-01-31``."""
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise ValueError("is no date; write 2026-01-31") from None


def codes(cell: str) -> tuple[str, ...]:
    """Read codes with spaces between them."""
    return tuple(code(part) for part in cell.split())


def phrases(separator: str) -> Callable[[str], tuple[str, ...]]:
    """Return the reader of texts with `separator` between them."""

    def read(cell: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text(cell).split(separator) if part.strip())

    return read


def choice(*allowed: str) -> Callable[[str], str]:
    """Return the reader of a word out of a closed list."""

    def read(cell: str) -> str:
        if cell not in allowed:
            raise ValueError(f"is none of {', '.join(allowed)}")
        return cell

    return read


def span(low: int, high: int) -> Callable[[str], tuple[int, int]]:
    """Return the reader of a whole number or a range ``1-4``, as (lowest, highest)."""

    def read(cell: str) -> tuple[int, int]:
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", cell)
        if found is None or not low <= int(found[1]) <= int(found[2] or found[1]) <= high:
            raise ValueError(f"is no number or range within {low}-{high}; write {low} or {low}-{high}")
        return int(found[1]), int(found[2] or found[1])

    return read


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Attributes
    ----------
    read
        Turns a cell that is not empty into a value; raises `ValueError` with the reason.
    empty
        What an empty cell means, or the column being absent; `...` if neither is allowed.
    """

    name: str
    read: Callable[[str], Any] = text
    empty: Any = ...


@dataclass(frozen=True)
class TableFile:
    """A CSV file of the folder: UTF-8, comma, header row.

    Attributes
    ----------
    key
        Columns that together are unique.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    is_optional: bool = False

    def read(self, folder: Path, findings: Findings) -> pd.DataFrame:
        """Read the file.

        Returns
        -------
        DataFrame
            Columns as declared (type object), index = row number, counted from 1 without the header. Rows with a fault
            are left out and reported; an absent optional file has no rows.
        """
        names = [column.name for column in self.columns]
        path = folder / self.name
        rows: dict[int, list[Any]] = {}
        if path.exists():
            try:
                with path.open(encoding="utf-8-sig", newline="") as stream:
                    rows = self._rows(csv.reader(stream, strict=True), findings)
            except (UnicodeDecodeError, csv.Error) as error:
                findings.say(self.name, None, "file", f"cannot be read: {error}", "save it as CSV, UTF-8, with commas")
        elif not self.is_optional:
            findings.say(self.name, None, "file", "is missing", f"make it with the columns {', '.join(names)}")
        frame = pd.DataFrame(list(rows.values()), index=list(rows), columns=names, dtype=object)
        for row in frame.index[frame.duplicated(list(self.key))] if self.key and len(frame) else []:
            same = " ".join(str(frame.at[row, name]) for name in self.key)
            findings.say(self.name, row, self.key[-1], f"{same!r} is there already", "keep one of the two rows")
        return frame

    def _rows(self, lines: Iterable[list[str]], findings: Findings) -> dict[int, list[Any]]:
        names = [column.name for column in self.columns]
        stream = iter(lines)
        header = [cell.strip() for cell in next(stream, [])]
        for column in self.columns:
            if column.name not in header and column.empty is ...:
                findings.say(self.name, 0, column.name, "column is missing", f"columns: {', '.join(names)}")
        for name in header:
            if name not in names:
                findings.say(self.name, 0, name or "(empty)", "unknown column", f"columns: {', '.join(names)}")
        if len(set(header)) < len(header):
            findings.say(self.name, 0, "header", "a column is there twice")
        if any(column.name not in header and column.empty is ... for column in self.columns):
            return {}
        rows: dict[int, list[Any]] = {}
        for row, cells in enumerate(stream, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                hint = "put texts with commas in double quotes"
                findings.say(self.name, row, "row", f"has {len(cells)} cells, the header {len(header)}", hint)
                continue
            given = dict(zip(header, cells, strict=True))
            values = [self._cell(column, given.get(column.name, "").strip(), row, findings) for column in self.columns]
            if ... not in values:
                rows[row] = values
        return rows

    def _cell(self, column: Column, cell: str, row: int, findings: Findings) -> Any:
        if not cell:
            if column.empty is ...:
                findings.say(self.name, row, column.name, "is empty")
            return column.empty
        try:
            return column.read(cell)
        except ValueError as error:
            findings.say(self.name, row, column.name, f"{cell[:60]!r} {error}", value=cell[:60])
            return ...


def check_position(frame: pd.DataFrame, file: str, bbox: tuple[float, float, float, float], findings: Findings) -> None:
    """Report points that are not on Earth, or swapped, sign-flipped or outside the city's service box.

    Parameters
    ----------
    frame
        Columns `lon`, `lat`; indexed by row.
    bbox
        West, south, east, north, degrees.
    """
    west, south, east, north = bbox

    def holds(lon: float, lat: float) -> bool:
        return west <= lon <= east and south <= lat <= north

    for row in frame.index:
        lon, lat = frame.at[row, "lon"], frame.at[row, "lat"]
        if holds(lon, lat):
            continue
        mended = [pair for pair in ((lat, lon), (lon, -lat), (-lon, lat), (-lon, -lat)) if holds(*pair)]
        if mended:
            reason = "lon and lat are swapped" if mended[0] == (lat, lon) else "a sign is wrong"
            findings.say(file, row, "lon", reason, f"write lon {mended[0][0]}, lat {mended[0][1]}", lon=lon, lat=lat)
        elif not (-180 <= lon <= 180 and -90 <= lat <= 90):
            findings.say(file, row, "lon", f"({lon}, {lat}) is not on Earth", "EPSG:4326 degrees, lon first")
        else:
            hint = "mend the point, or widen bbox in city.toml"
            findings.say(file, row, "lon", f"({lon}, {lat}) is outside the city's bbox", hint, lon=lon, lat=lat)
