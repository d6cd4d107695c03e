"""A city is a folder: everything particular to one city, read into frames. No code knows a city by name.

The format is described in `docs/city-folder.md`; `data.city_check` judges a folder whole, `data.city_init` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import pandas as pd
import shapely

from data.city_areas import JURISDICTION_COLUMNS, JurisdictionReader, as_frame, ground, grow, read_areas, read_features
from data.city_facts import read_facts, read_toml
from data.city_files import Findings, check_position
from data.city_tables import FILES
from gis.errors import DataError
from gis.words import AssignmentRole
from routing_engine.dispatch.conditions import parse
from routing_engine.dispatch.ladder import LadderStep
from routing_engine.dispatch.sop import Rule, rule_code


@dataclass(frozen=True, kw_only=True)
class City:
    """A city folder, read.

    Frames have the columns of their files (object values, row numbers as index). Geometry is EPSG:4326.

    Attributes
    ----------
    bbox
        Service box: west, south, east, north, degrees.
    fallback_m
        How far beyond a boundary the nearest jurisdiction still takes a point, metres.
    settings
        What of `city.toml` goes to the database as it is.
    areas
        `level`, `code`, `name`, `parent_code`, `source`, `is_approximate`, `geometry`.
    jurisdictions
        `data.city_areas.JURISDICTION_COLUMNS`: `valid_from` is aware, `file` and `row` say where it comes from.
    sop, rules
        Rows of the file, and the rules made of them: one per severity, so that each has its own `ack_s`.
    ladder
        One step per lane, severity and level.
    """

    folder: Path
    code: str
    name: str
    time_zone: ZoneInfo
    languages: tuple[str, ...]
    metric_srid: int
    bbox: tuple[float, float, float, float]
    drive_side: str
    number_prefix: str
    fallback_m: float
    settings: dict[str, Any]
    areas: gpd.GeoDataFrame
    jurisdictions: gpd.GeoDataFrame
    services: pd.DataFrame
    agencies: pd.DataFrame
    contacts: pd.DataFrame
    types: pd.DataFrame
    sop: pd.DataFrame
    rules: tuple[Rule, ...]
    examples: pd.DataFrame
    ladder: tuple[LadderStep, ...]
    triggers: pd.DataFrame
    stations: pd.DataFrame
    places: pd.DataFrame
    speeds: pd.DataFrame
    neighbours: pd.DataFrame
    neighbour_areas: dict[str, shapely.MultiPolygon] = field(default_factory=dict)
    calendar: pd.DataFrame

    def to_metres(self, shapes: Any) -> gpd.GeoSeries:
        """Return shapes (EPSG:4326) in the city's metric CRS."""
        return gpd.GeoSeries(shapes, crs=4326).to_crs(self.metric_srid)

    def service_area_m(self) -> Any:
        """Return kelurahan and named waters with a margin of `fallback_m`, in the metric CRS."""
        return grow(self.to_metres([ground(self.areas)]).iloc[0], self.fallback_m)


def load_city(folder: Path | str) -> City:
    """Read a city folder.

    Raises
    ------
    DataError
        A file or row cannot be read; `findings` has every one. What the rows say is judged by `city_check.check_city`.
    """
    city, findings = read_city_folder(Path(folder))
    if findings or city is None:
        listed = "; ".join(str(finding) for finding in findings[:5])
        more = f" and {len(findings) - 5} more" if len(findings) > 5 else ""
        raise DataError(f"city folder {folder}: {listed}{more}; see ./siaga city check {folder}", findings)
    return city


def read_city_folder(folder: Path) -> tuple[City | None, Findings]:
    """Read as much of a folder as can be read.

    Returns
    -------
    City or None
        `None` if `city.toml` does not allow to go on; else without the rows that have faults.
    findings
        Every fault of form.
    """
    findings = Findings()
    if not folder.is_dir():
        reason = "is not a folder" if folder.exists() else "is not there"
        findings.say(str(folder), None, "folder", reason, "name the folder that holds the city's files")
        return None, findings
    document = read_toml(folder, "city.toml", findings)
    facts = read_facts(document, findings) if document is not None else None
    frames = {name: table.read(folder, findings) for name, table in FILES.items()}
    if facts is None or document is None:
        return None, findings
    zone, bbox = facts["time_zone"], facts["bbox"]
    for name in ("stations", "places"):
        check_position(frames[name], f"{name}.csv", bbox, findings)
    check_position(frames["neighbours"], "neighbours.csv", (-180, -90, 180, 90), findings)
    default = {
        "source": "admin_areas.geojson",
        "is_approximate": facts["settings"]["boundaries_approximate"],
    }
    areas = read_areas(
        folder, document.get("areas", [{}]), frames.pop("admin_areas"), bbox=bbox, default=default, findings=findings
    )
    boundaries = read_toml(folder, "jurisdictions.toml", findings)
    reader = JurisdictionReader(folder, areas, zone=zone, bbox=bbox, default={}, findings=findings)
    jurisdictions = as_frame([], JURISDICTION_COLUMNS) if boundaries is None else reader.read(boundaries)
    facts["settings"] |= {
        "holidays": [moment.isoformat() for moment in frames["calendar"]["date"]],
        "triggers": [trigger_settings(row) for row in frames["triggers"].to_dict("records")],
    }
    return (
        City(
            folder=folder,
            **facts,
            areas=areas,
            jurisdictions=jurisdictions,
            rules=tuple(make_rules(frames["sop"], zone, findings)),
            ladder=tuple(make_ladder(frames.pop("ladder"), findings)),
            types=frames.pop("incident_types"),
            examples=frames.pop("sop_examples"),
            neighbour_areas=neighbour_areas(folder, frames["neighbours"], findings),
            **frames,
        ),
        findings,
    )


def make_rules(sop: pd.DataFrame, zone: ZoneInfo, findings: Findings) -> list[Rule]:
    """Return the rules of `sop.csv`, one per severity of a row."""
    rules: dict[str, Rule] = {}
    for row, given in zip(sop.index, sop.to_dict("records"), strict=True):
        low, high = given["severity"]
        seconds = given["ack_s"] * (high - low + 1) if len(given["ack_s"]) == 1 else given["ack_s"]
        try:
            parse(given["condition"])
        except DataError as error:
            findings.say("sop.csv", row, "condition", str(error), "see docs/city-folder.md")
            continue
        if seconds and (len(seconds) != high - low + 1 or not all(part.isdecimal() for part in seconds)):
            hint = "one number of seconds, or one per severity: 60/180/600/600"
            findings.say("sop.csv", row, "ack_s", f"{'/'.join(seconds)!r} does not fit severity {low}-{high}", hint)
            continue
        for severity in range(low, high + 1):
            rule = Rule(
                code=rule_code(
                    given["type"],
                    severity,
                    severity,
                    given["service"],
                    condition=given["condition"],
                    valid_from=given["valid_from"].isoformat(),
                ),
                type_code=given["type"],
                severity_min=severity,
                severity_max=severity,
                condition=given["condition"],
                service=given["service"],
                role=AssignmentRole(given["role"]),
                plan=given["plan"],
                ack_s=int(seconds[severity - low]) if seconds else None,
                valid_from=datetime.combine(given["valid_from"], time(), zone),
                valid_to=datetime.combine(given["valid_to"], time(), zone) if given["valid_to"] else None,
                source=given["source"],
                signed_by=given["signed_by"],
            )
            if rule.code in rules:
                findings.say("sop.csv", row, "service", f"rule {rule.code} is there already", "keep one of the rows")
            elif rule.valid_to is not None and rule.valid_to <= rule.valid_from:
                findings.say("sop.csv", row, "valid_to", "is not after valid_from")
            else:
                rules[rule.code] = rule
    return list(rules.values())


def make_ladder(ladder: pd.DataFrame, findings: Findings) -> list[LadderStep]:
    """Return the steps of `ladder.csv`, one per severity of a row."""
    steps: dict[tuple[str, int, int], LadderStep] = {}
    for row, given in zip(ladder.index, ladder.to_dict("records"), strict=True):
        low, high = given.pop("severity")
        for severity in range(low, high + 1):
            step = LadderStep(severity=severity, **given)
            if (step.lane, severity, step.level) in steps:
                reason = f"lane {step.lane}, severity {severity}, level {step.level} is there already"
                findings.say("ladder.csv", row, "level", reason)
            steps[step.lane, severity, step.level] = step
    return list(steps.values())


def trigger_settings(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of `triggers.csv` as JSON."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}


def neighbour_areas(folder: Path, neighbours: pd.DataFrame, findings: Findings) -> dict[str, shapely.MultiPolygon]:
    """Read `neighbours.geojson` (property `name`), if there is one."""
    if not (folder / "neighbours.geojson").exists():
        return {}
    areas = {}
    for feature in read_features(folder, "neighbours.geojson", (-180, -90, 180, 90), findings):
        name = feature.properties.get("name")
        if name not in set(neighbours["name"]):
            findings.say("neighbours.geojson", feature.row, "name", f"{name!r} is not in neighbours.csv")
        areas[str(name)] = feature.geometry
    return areas
