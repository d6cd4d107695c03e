"""The executable examples of a city's SOP: a sentence, and who must be called for it.

Runs SOP and boundaries on the folder alone, in Shapely, without a database: an independent second telling of the rule
in `zones.matching` for exact points.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pandas as pd
import shapely

from data.city import City
from data.city_files import Findings
from gis.errors import ConfigurationError, DataError
from gis.reports import Facts
from gis.words import AssignmentRole, Hazard
from routing_engine.dispatch.conditions import FLAGS, NUMBERS, Circumstances
from routing_engine.dispatch.sop import in_force, select

NOBODY = "-"


def first(rows: list[dict[str, Any]]) -> tuple[str, str]:
    """Return agency and code of the row that wins: lowest priority, then lowest code."""
    winner = min(rows, key=lambda row: (row["priority"], row["code"], row["agency"]))
    return winner["agency"], winner["code"]


class Matcher:
    """Answers whose an exact point is, for any number of points of one city."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.rows = city.jurisdictions.to_dict("records")
        self.metric = city.to_metres(city.jurisdictions["geometry"]).to_list()
        self.service_area = city.service_area_m()
        shapely.prepare([self.service_area, *self.metric, *(row["geometry"] for row in self.rows)])

    def owner(self, service: str, lon: float, lat: float, at: datetime) -> tuple[str, str] | None:
        """Return agency and code of the jurisdiction responsible for a point, `None` if nobody is."""
        point = shapely.Point(lon, lat)
        mine = [
            (row, shape_m)
            for row, shape_m in zip(self.rows, self.metric, strict=True)
            if row["service"] == service and row["valid_from"] <= at
        ]
        drawn = [(row, shape_m) for row, shape_m in mine if not row["is_citywide"]]
        covering = [row for row, _ in drawn if row["geometry"].covers(point)]
        if covering:
            return first(covering)
        point_m = self.city.to_metres([point]).iloc[0]
        if not self.service_area.covers(point_m):
            return None
        near = [(shape_m.distance(point_m), row) for row, shape_m in drawn]
        near = [(distance, row) for distance, row in near if distance <= self.city.fallback_m]
        if near:
            least = min(distance for distance, _ in near)
            return first([row for distance, row in near if distance == least])
        whole = [row for row, _ in mine if row["is_citywide"]]
        return first(whole) if whole else None

    def areas(self, lon: float, lat: float) -> frozenset[str]:
        """Return the codes of the administrative areas at a point."""
        areas = self.city.areas
        return frozenset(areas.loc[shapely.covers(areas["geometry"].to_numpy(), shapely.Point(lon, lat)), "code"])


def read_facts(tokens: tuple[str, ...]) -> dict[str, Any]:
    """Read ``n_victims=2; hazard.fire; child`` as values by name; hazards together under `hazards`.

    Raises
    ------
    DataError
        A token is no fact.
    """
    values: dict[str, Any] = {"hazards": frozenset()}
    for token in tokens:
        name, _, given = (part.strip() for part in token.partition("="))
        if name in NUMBERS and name != "hour" and re.fullmatch(r"\d{1,6}", given):
            values[name] = int(given)
        elif name in FLAGS and not given:
            values[name] = True
        elif name.removeprefix("hazard.") in set(Hazard) and name.startswith("hazard.") and not given:
            values["hazards"] |= {name.removeprefix("hazard.")}
        else:
            raise DataError(f"{token!r} is no fact; write n_victims=2, {', '.join(FLAGS)} or hazard.fire …")
    return values


def check_examples(city: City, findings: Findings) -> None:
    """Run every row of `sop_examples.csv` and report each difference."""
    if city.examples.empty or city.areas.empty or city.jurisdictions.empty:
        return
    matcher = Matcher(city)
    words = dict(zip(city.types["code"], city.types["words"], strict=True))
    for row, example in zip(city.examples.index, city.examples.to_dict("records"), strict=True):
        try:
            found = run_example(city, matcher, example)
        except (DataError, ConfigurationError) as error:
            findings.say("sop_examples.csv", row, "facts", str(error))
            continue
        except ValueError as error:
            findings.say("sop_examples.csv", row, "at", str(error), "local time: 2026-01-17 22:00")
            continue
        for role in AssignmentRole:
            expected = example[role].split()
            compare(row, role, expected, found[role], findings)
        guess = guessed_type(city.types, example["sentence"])
        if words.get(example["type"]) and guess != example["type"]:
            reason = f"{example['sentence']!r} is taken for {guess or 'nothing'}, not {example['type']}"
            findings.say("sop_examples.csv", row, "sentence", reason, "mend words in incident_types.csv")


def run_example(city: City, matcher: Matcher, example: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return (agency, jurisdiction) by role; a lead nobody takes is ``("-", "")``.

    Raises
    ------
    DataError, ConfigurationError
        A fact is none, or the SOP names no lead.
    ValueError
        The time is none.
    """
    values = read_facts(example["facts"])
    on_bridge = values.pop("on_bridge", False)
    local = datetime.fromisoformat(example["at"])
    at = local if local.tzinfo else local.replace(tzinfo=city.time_zone)
    lon, lat = example["lon"], example["lat"]
    circumstances = Circumstances(
        facts=Facts(**values),
        hour=at.astimezone(city.time_zone).hour,
        areas=matcher.areas(lon, lat),
        on_bridge=on_bridge,
    )
    rules = in_force(city.rules, example["type"], example["severity"], at)
    found: dict[str, list[tuple[str, str]]] = {role: [] for role in AssignmentRole}
    for rule in select(rules, circumstances):
        owner = matcher.owner(rule.service, lon, lat, at)
        if owner is not None:
            found[rule.role].append(owner)
        elif rule.role == AssignmentRole.LEAD:
            found[rule.role].append((NOBODY, ""))
    return found


def compare(row: int, role: str, expected: list[str], found: list[tuple[str, str]], findings: Findings) -> None:
    """Report agencies of one role that are missing or too many. ``POL:POL-BARUGA`` expects the jurisdiction as well."""
    left = list(found)
    missing = []
    for token in expected:
        agency, _, code = token.partition(":")
        match = next((pair for pair in left if pair[0] == agency and code in ("", pair[1])), None)
        if match is None:
            missing.append(token)
        else:
            left.remove(match)
    if missing or left:
        extra = [f"{agency}:{code}" if code and code != agency else agency for agency, code in left]
        parts = [f"missing {' '.join(missing)}"] * bool(missing) + [f"not expected {' '.join(extra)}"] * bool(left)
        findings.say("sop_examples.csv", row, role, "; ".join(parts), "mend sop.csv, jurisdictions.toml or the example")


def guessed_type(types: pd.DataFrame, sentence: str) -> str | None:
    """Return the type whose words cover most of the sentence; the order of the file settles a tie.

    The same rule as in the call form (`dashboard/assets/js/typepicker.js`).
    """
    best, most = None, 0
    for type_code, words in zip(types["code"], types["words"], strict=True):
        try:
            covered = sum(len(found[0]) for found in re.finditer(words, sentence.lower())) if words else 0
        except re.error:
            continue  # reported with the types
        if covered > most:
            best, most = str(type_code), covered
    return best
