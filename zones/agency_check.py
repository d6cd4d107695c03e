"""Whose is each point of a list, and is it whom the list says: how a city finds out what would change for it."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, select

from gis.city import CityFacts
from gis.errors import ValueRefused
from gis.messages import message
from gis.reports import CONTROL, MAX_ACCURACY_M
from gis.words import Match
from zones import reasons
from zones.borders import to_metric
from zones.layers import Area, Layer, as_frame, metric, read_layer
from zones.matching import Candidate, current_set
from zones.matching_batch import INVALID, match_jurisdictions, read_service_area
from zones.name_guesses import MOST_NAMES, Guess, guess_names
from zones.tables import agency

MAX_ROWS = 20_000
LISTED = 200
YES, NO, UNKNOWN, EMPTY = "yes", "no", "unknown", ""
MAX_SAID = 200
# Where the accuracy stands among the columns read: no column has such a name.
ACCURACY = " accuracy"


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """A list's own column beside the boundaries.

    Attributes
    ----------
    kind
        What the column names: `agency` or `jurisdiction`.
    guesses
        Name → code it was taken for (of a jurisdiction ``AGENCY/CODE``).
    agrees
        Per row `yes`, `no`, `unknown` (nobody's name) or empty (the list says nothing, or the point is none).
    found
        Per row the code the boundaries give, of the same kind; missing where nobody is responsible.
    """

    kind: str
    guesses: dict[str, Guess]
    agrees: pd.Series
    found: pd.Series

    def counts(self) -> dict[str, int]:
        """Return how many agree, differ, are nobody's name, and say nothing."""
        n = Counter(self.agrees)
        return {"n_equal": n[YES], "n_different": n[NO], "n_unknown": n[UNKNOWN], "n_empty": n[EMPTY]}


def read_agencies(tx: Connection) -> dict[str, tuple[str, ...]]:
    """Return what agencies are called, by code."""
    rows = tx.execute(select(agency.c.agency_code, agency.c.name_id, agency.c.name_en))
    return {row.agency_code: (row.agency_code, row.name_id, row.name_en) for row in rows}


def compare(said: pd.Series, matched: pd.DataFrame, layer: Layer, agencies: Mapping[str, Sequence[str]]) -> Comparison:
    """Set a list's own column beside what the boundaries say.

    Parameters
    ----------
    said
        Names or codes of agencies or jurisdictions, as text; blank where the list says nothing.
    matched
        As `match_jurisdictions` answers, with the index of `said`.
    layer
        The boundaries it was matched with.
    agencies
        Code → names of the city's agencies.
    """
    names = said.fillna("").astype(str).str.strip()
    mine = {area.agency for area in layer.values()}
    known: dict[str, dict[str, Sequence[str]]] = {
        "jurisdiction": {key: _called(area, layer) for key, area in layer.items()},
        "agency": {code: called for code, called in agencies.items() if code in mine}
        | {code: called for code, called in agencies.items() if code not in mine},
    }
    spoken = [name for name in dict.fromkeys(names) if name]
    guesses = {kind: guess_names(spoken, called) for kind, called in known.items()}
    weight = Counter(names)

    def worth(kind: str) -> float:
        return sum(guess.score * weight[name] for name, guess in guesses[kind].items())

    kind = "agency" if worth("agency") > worth("jurisdiction") else "jurisdiction"
    found = matched["agency"] if kind == "agency" else matched["agency"] + "/" + matched["jurisdiction"]
    codes = names.map(lambda name: guesses[kind][name].code if name in guesses[kind] else None)
    agrees = np.where(codes.isna(), UNKNOWN, np.where((codes == found).fillna(False).astype(bool), YES, NO))
    agrees = np.where((names == "") | (matched["match"] == INVALID), EMPTY, agrees)
    return Comparison(
        kind=kind, guesses=guesses[kind], agrees=pd.Series(agrees, index=said.index, dtype="string"), found=found
    )


def read_list(text: str, *, column: str | None, accuracy_column: str | None, language: str) -> pd.DataFrame:
    """Read a list of points: CSV with `lon`, `lat`, separated by commas, semicolons or tabs.

    Returns
    -------
    DataFrame
        `row` (from 1), `lon`, `lat` (EPSG:4326, NaN where unusable), `accuracy_m`, `said`, `problem` (why it is not
        usable, else empty).

    Raises
    ------
    ValueRefused
        It is no such list: empty, too long, a column missing or twice, cells that do not fit the first line.
    """
    body = text.removeprefix("﻿")
    if broken := CONTROL.search(body):
        raise _refused("check_control", language, row=body.count("\n", 0, broken.start()) + 1)
    first = next((line for line in body.splitlines() if line.strip()), "")
    mark = max((",", ";", "\t"), key=first.count)
    try:
        lines = [
            line for line in csv.reader(io.StringIO(body), delimiter=mark, strict=True) if any(map(str.strip, line))
        ]
    except csv.Error as error:
        raise _refused("check_csv", language, what=str(error)) from None
    if not lines:
        raise _refused("check_empty", language)
    head, rows = [name.strip() for name in lines[0]], lines[1:]
    at = _columns(head, column, accuracy_column, language)
    if not rows:
        raise _refused("check_no_rows", language)
    if len(rows) > MAX_ROWS:
        hint = message("check_many_hint", language)
        raise ValueRefused.of("csv", message("check_many", language, limit=MAX_ROWS, n=len(rows)), hint)
    for number, cells in enumerate(rows, 1):
        if len(cells) != len(head):
            raise _refused("check_cells", language, row=number, n=len(cells), names=len(head))
    # Where semicolons part the cells, commas are decimal ones.
    is_comma = mark == ";"
    read = [_point(cells, at, is_comma, language) for cells in rows]
    said = [cells[at[column]].strip()[:MAX_SAID] if column else "" for cells in rows]
    frame = pd.DataFrame(read, columns=["lon", "lat", "accuracy_m", "problem"])
    return frame.assign(row=np.arange(1, len(frame) + 1), said=said)


def check_list(
    tx: Connection,
    text: str,
    *,
    service: str,
    column: str | None,
    accuracy_column: str | None,
    city: CityFacts,
    at: datetime,
    language: str,
) -> dict[str, Any]:
    """Return `POST /api/boundaries/check` of the contract.

    Raises
    ------
    ValueRefused
        The text is no list of points, or the service has no boundary then.
    """
    points = read_list(text, column=column, accuracy_column=accuracy_column, language=language)
    n_names = points["said"].nunique()
    if n_names > MOST_NAMES:
        raise ValueRefused.of("column", message("check_names", language, n=n_names, limit=MOST_NAMES), value=column)
    number = current_set(tx)
    layer = read_layer(tx, service, boundary_set=number, at=at)
    if not layer:
        raise ValueRefused.of("service", message("check_no_service", language, service=service), value=service)
    matched = match_points(points, layer, city=city, service_area=read_service_area(tx))
    comparison = compare(points["said"], matched, layer, read_agencies(tx)) if column else None
    rows = described(points, matched, layer, comparison, service=service, city=city, language=language)
    return {
        "n": len(rows),
        "service": service,
        "at": at.isoformat(),
        "boundary_set": number,
        "rows": rows,
        "matches": {str(name): int(n) for name, n in matched["match"].value_counts().items()},
        "comparison": None if comparison is None else _summed(comparison, points, rows, layer),
    }


def match_points(points: pd.DataFrame, layer: Layer, *, city: CityFacts, service_area: Any) -> pd.DataFrame:
    """Match a list of points (`lon`, `lat`, NaN where unusable) with a layer; see `match_jurisdictions`."""
    geometry = np.full(len(points), None, dtype=object)
    is_point = points["lon"].notna().to_numpy()
    geometry[is_point] = shapely.points(points.loc[is_point, "lon"], points.loc[is_point, "lat"])
    frame = gpd.GeoDataFrame(geometry=geometry, index=points.index, crs=4326)
    return match_jurisdictions(frame, as_frame(layer), city=city, service_area=service_area)


def described(
    points: pd.DataFrame,
    matched: pd.DataFrame,
    layer: Layer,
    comparison: Comparison | None,
    *,
    service: str,
    city: CityFacts,
    language: str,
) -> list[dict[str, Any]]:
    """Return a list's rows as the contract has them, each with its sentence, and why it differs where it does."""
    shapes: dict[str, Any] = {}
    here: Any = shapely.points(to_metric(points[["lon", "lat"]].to_numpy(np.float64), city.metric_srid))
    found: list[dict[str, Any]] = []
    points_of: list[Any] = list(points.itertuples(index=False))
    answers: list[Any] = list(matched.itertuples(index=False))
    for point, one in zip(points_of, answers, strict=True):
        area = None if pd.isna(one.jurisdiction) else layer[f"{one.agency}/{one.jurisdiction}"]
        at = len(found)
        agrees = None if comparison is None else str(comparison.agrees.iloc[at])
        if point.problem:
            why = point.problem
        elif area is None:
            why = message("check_nobody", language)
        else:
            border = None if pd.isna(one.border_m) else float(one.border_m)
            why = _sentence(area, str(one.match), border, service, city.time_zone, language)
        reason = None
        if comparison is not None and agrees:
            reason = _difference(point, here[at], comparison, agrees, layer, shapes, city.metric_srid, language)
        found.append(
            {
                "row": int(point.row),
                "lon": None if math.isnan(point.lon) else point.lon,
                "lat": None if math.isnan(point.lat) else point.lat,
                "said": point.said or None,
                "jurisdiction": None if area is None else area.key,
                "name": None if area is None else area.name,
                "agency": None if area is None else area.agency,
                "match": str(one.match),
                "border_m": None if pd.isna(one.border_m) else float(one.border_m),
                "agrees": agrees,
                "why": why,
                "reason": reason,
            }
        )
    return found


def _refused(key: str, language: str, **values: object) -> ValueRefused:
    return ValueRefused.of("csv", message(key, language, **values))


def _columns(head: Sequence[str], column: str | None, accuracy_column: str | None, language: str) -> dict[str, int]:
    """Return the places of the columns that are read, by the names asked for."""
    lower = [name.casefold() for name in head]
    asked = ["lon", "lat", *(name for name in (column, accuracy_column) if name)]
    names = ", ".join(name for name in head if name)[:300]
    missing = [name for name in asked if name.casefold() not in lower]
    if missing:
        raise _refused("check_columns", language, missing=", ".join(missing), names=names)
    twice = [name for name in asked if lower.count(name.casefold()) > 1]
    if twice:
        raise _refused("check_twice", language, names=", ".join(twice))
    return {name: lower.index(name.casefold()) for name in asked} | (
        {ACCURACY: lower.index(accuracy_column.casefold())} if accuracy_column else {}
    )


def _point(cells: Sequence[str], at: Mapping[str, int], is_comma: bool, language: str) -> tuple[Any, ...]:
    """Return lon, lat, accuracy and what is wrong with a row."""

    def number(text: str) -> float | None:
        try:
            value = float(text.replace(",", ".") if is_comma else text)
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    lonlat = []
    for name, limit in (("lon", 180.0), ("lat", 90.0)):
        text = cells[at[name]].strip()
        value = number(text)
        if value is None:
            return math.nan, math.nan, 0.0, message("check_number", language, column=name, value=text[:40])
        if abs(value) > limit:
            key = "check_swapped" if name == "lat" and abs(value) <= 180 else "check_range"
            return math.nan, math.nan, 0.0, message(key, language, column=name, value=text[:40])
        lonlat.append(value)
    accuracy = 0.0
    if ACCURACY in at and (text := cells[at[ACCURACY]].strip()):
        given = number(text)
        if given is None or not 0 <= given <= MAX_ACCURACY_M:
            said = message("check_accuracy", language, value=text[:40], limit=f"{MAX_ACCURACY_M:g}")
            return math.nan, math.nan, 0.0, said
        accuracy = given
    return lonlat[0], lonlat[1], accuracy, ""


def _called(area: Area, layer: Layer) -> tuple[str, ...]:
    """Return what a jurisdiction is called; its bare code only where it is one jurisdiction's."""
    is_own = sum(one.code == area.code for one in layer.values()) == 1
    return (area.key, area.name, *((area.code,) if is_own else ()))


def _sentence(area: Area, match: str, border_m: float | None, service: str, zone: ZoneInfo, language: str) -> str:
    winner = Candidate(
        service=service,
        agency=area.agency,
        jurisdiction_id=area.jurisdiction_id or "",
        code=area.code,
        name=area.name,
        boundary_version_id=area.version_id or "",
        version=area.version or 0,
        priority=area.priority,
        valid_from=area.valid_from,  # type: ignore[arg-type]  # in force, so it has one
        digest="",
        covers=match == Match.COVERS,
        border_m=border_m,
        share=None,
        match=Match(match),
    )
    return reasons.sentence(winner, accuracy_m=0.0, n_winners=1, rule=None, zone=zone, language=language)


def _difference(
    point: Any,
    here: Any,
    comparison: Comparison,
    agrees: str,
    layer: Layer,
    shapes: dict[str, Any],
    srid: int,
    language: str,
) -> str:
    """Say how a row compares; of a difference, how far the point is from whom the list names."""
    if agrees == UNKNOWN:
        return message("check_unknown", language, said=point.said)
    if agrees == YES:
        return message("check_agrees", language)
    code = comparison.guesses[point.said.strip()].code
    named = [area for key, area in layer.items() if code in (key, area.agency) and not area.is_citywide]
    if not named:
        return message("check_differs", language, said=point.said)
    for area in named:
        if area.key not in shapes:
            shapes[area.key] = metric(area.shape, srid)
            shapely.prepare(shapes[area.key])
    away = min(float(shapely.distance(shapes[area.key], here)) for area in named)
    if away <= point.accuracy_m:
        return message("check_unsure", language, said=point.said, metres=reasons.metres(point.accuracy_m, language))
    return message("check_differs_border", language, said=point.said, metres=reasons.metres(away, language))


def _summed(comparison: Comparison, points: pd.DataFrame, rows: list[dict[str, Any]], layer: Layer) -> dict[str, Any]:
    said = points["said"].str.strip()
    n = Counter(said)
    names = []
    for name in sorted(set(said) - {""}, key=lambda one: (-n[one], one)):
        guess = comparison.guesses.get(name)
        code = None if guess is None else guess.code
        area = layer.get(code) if code else None
        score = None if guess is None else guess.score
        names.append(
            {"said": name, "code": code, "name": None if area is None else area.name, "score": score, "n": n[name]}
        )
    confusion = Counter(
        (comparison.guesses[name].code, None if pd.isna(found) else str(found))
        for name, found, agrees in zip(said, comparison.found, comparison.agrees, strict=True)
        if agrees in (YES, NO)
    )
    return {
        "kind": comparison.kind,
        **comparison.counts(),
        "names": names[:LISTED],
        "confusion": [
            {"said": one, "found": two, "n": count}
            for (one, two), count in sorted(
                confusion.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or "")
            )
        ][:LISTED],
        "differences": [row for row in rows if row["agrees"] in (NO, UNKNOWN)][:LISTED],
    }
