"""The table of a file of polygons: its columns of codes, names and parents, the rows meant, and what is wrong there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from data.polygon_findings import Kind, PolygonFinding

MAX_CODE = 60
MAX_NAME = 200
CODES = ("code", "kode")
NAMES = ("name", "nama")
LEVEL_COLUMNS = ("level", "tingkat")


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Columns somebody chose; `None` looks for the usual names."""

    code: str | None = None
    name: str | None = None
    parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of a file that are meant.

    Attributes
    ----------
    rows
        `row` (from 1, in the file), `code`, `name` (text, "" if missing), `parent_code` (or None), `geometry`
        (EPSG:4326); index from 0. An invalid geometry is as it stands in the file.
    """

    rows: gpd.GeoDataFrame
    findings: list[PolygonFinding]


def read_table(frame: gpd.GeoDataFrame, fields: Fields, *, level: str | None, levels: Sequence[str]) -> Table:
    """Find the columns, take the rows of a level, and report what is wrong with their texts.

    Parameters
    ----------
    frame
        Attributes as text, EPSG:4326.
    level
        Level of administrative areas that is wanted; `None` for jurisdictions, whose name may be their code.
    levels
        The levels there are.
    """
    findings: list[PolygonFinding] = []
    row = pd.Series(range(1, len(frame) + 1), index=frame.index)
    if level is not None:
        is_meant, said = of_level(frame, level, levels)
        findings += said
        frame, row = frame[is_meant], row[is_meant]
    code_column = find_column(findings, frame, fields.code, CODES, "--code-field")
    guesses = NAMES if level is not None else (*NAMES, code_column or NAMES[0])
    name_column = find_column(findings, frame, fields.name, guesses, "--name-field")
    parent_column = "parent_code" if fields.parent is None and "parent_code" in frame.columns else None
    if fields.parent is not None:
        parent_column = find_column(findings, frame, fields.parent, (), "--parent-field")
    codes = read_texts(findings, frame, row, code_column, most=MAX_CODE)
    if code_column:
        findings += repeated(codes, row, code_column)
    names = read_texts(findings, frame, row, name_column, most=MAX_NAME)
    parents = (
        [None] * len(frame) if parent_column is None else [_trimmed(value) or None for value in frame[parent_column]]
    )
    table = pd.DataFrame({"row": row.to_list(), "code": codes, "name": names}).astype({"code": object, "name": object})
    table["parent_code"] = pd.Series(parents, dtype=object, index=table.index)
    return Table(rows=gpd.GeoDataFrame(table, geometry=frame.geometry.to_numpy(), crs=4326), findings=findings)


def of_level(frame: gpd.GeoDataFrame, level: str, levels: Sequence[str]) -> tuple[pd.Series, list[PolygonFinding]]:
    """Return which rows are of a level, by the file's own column `level`; all of them where it has none.

    Rows of another level are left out with one warning for each; a value that is no level is an error, unless the
    whole column speaks of something else.
    """
    everything = pd.Series(True, index=frame.index)
    columns = [name for name in frame.columns if str(name).lower() in LEVEL_COLUMNS]
    if not columns or level not in levels:
        return everything, []
    column = columns[0]
    values = frame[column].map(lambda value: _trimmed(value).lower())
    is_known = values.isin(levels)
    if not is_known.any():
        sample = ", ".join(map(repr, values.unique()[:3]))
        reason = f"column {column} holds {sample}, no level of areas; every row is taken for {level}"
        return everything, [PolygonFinding(kind=Kind.LEVEL, field=column, reason=reason, level="warning")]
    findings = [
        PolygonFinding(
            kind=Kind.LEVEL,
            row=int(at) + 1,
            field=column,
            value=values[at][:80],
            reason="is no level",
            hint=f"one of {', '.join(levels)}",
        )
        for at in values.index[~is_known]
    ]
    for other in sorted(set(values[is_known]) - {level}):
        there = values.index[values == other]
        findings.append(
            PolygonFinding(
                kind=Kind.LEVEL,
                row=int(there[0]) + 1,
                field=column,
                value=other,
                level="warning",
                reason=f"{len(there)} rows are of level {other} and left out",
                hint=f"import them with --level {other}",
            )
        )
    is_meant = values == level
    if not is_meant.any():
        findings.append(
            PolygonFinding(kind=Kind.LEVEL, field=column, value=level, reason=f"no row is of level {level}")
        )
    return is_meant, findings


def find_column(
    findings: list[PolygonFinding], frame: gpd.GeoDataFrame, given: str | None, guesses: Sequence[str], option: str
) -> str | None:
    """Return the column that an option names, or the first of the guesses that is there (in any case of letters).

    A missing one is a finding that lists those there are.
    """
    there = [str(name) for name in frame.columns if name != frame.geometry.name]
    if given is not None and given in there:
        return given
    lower = {name.lower(): name for name in reversed(there)}
    if given is None:
        for guess in guesses:
            if guess.lower() in lower:
                return lower[guess.lower()]
    listed = ", ".join(there) or "no attributes"
    reason = f"no column {given}" if given else f"no column {' or '.join(guesses)}"
    hint = f"choose with {option}; the file has: {listed}"
    findings.append(PolygonFinding(kind=Kind.COLUMN, field=option, value=given, reason=reason, hint=hint))
    return None


def read_texts(
    findings: list[PolygonFinding], frame: gpd.GeoDataFrame, rows: pd.Series, column: str | None, *, most: int
) -> list[str]:
    """Return a column's texts, trimmed; a missing one, one that is too long or has control characters is a finding."""
    if column is None:
        return [""] * len(frame)
    values = [_trimmed(value) for value in frame[column]]
    for row, value in zip(rows, values, strict=True):
        if not value or len(value) > most:
            reason, shown = "is empty" if not value else f"{len(value)} characters; at most {most}", value[:80]
        elif not value.isprintable():
            reason, shown = "has control characters", repr(value)
        else:
            continue
        findings.append(PolygonFinding(kind=Kind.TEXT, row=int(row), field=column, value=shown, reason=reason))
    return values


def repeated(codes: Sequence[str], rows: pd.Series, column: str) -> list[PolygonFinding]:
    """Report codes used twice."""
    findings: list[PolygonFinding] = []
    seen: dict[str, int] = {}
    for row, code in zip(rows, codes, strict=True):
        if code and code in seen:
            findings.append(
                PolygonFinding(
                    kind=Kind.DUPLICATE_CODE,
                    row=int(row),
                    field=column,
                    value=code,
                    reason=f"code used twice, in row {seen[code]} too",
                    hint="one feature per code: join its parts to one multipolygon, or choose another column",
                )
            )
        seen.setdefault(code, int(row))
    return findings


def _trimmed(value: object) -> str:
    return "" if pd.isna(value) else str(value).strip()  # type: ignore[call-overload]
