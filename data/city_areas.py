"""Polygons of a city folder: administrative areas from GeoJSON, jurisdictions put together from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from data.city_files import Findings

LEVELS = ("kecamatan", "kelurahan", "water")
# The service area of a city is made of these; kecamatan are groups of kelurahan.
GROUND = ("kelurahan", "water")

AREA_COLUMNS = ["level", "code", "name", "parent_code", "source", "is_approximate", "geometry"]
JURISDICTION_COLUMNS = [
    "agency",
    "service",
    "code",
    "name",
    "priority",
    "is_citywide",
    "is_approximate",
    "valid_from",
    "source",
    "file",
    "row",
    "geometry",
]

JURISDICTION_KEYS = {
    "agency",
    "service",
    "code",
    "name",
    "priority",
    "is_citywide",
    "is_approximate",
    "valid_from",
    "source",
    "area",
    "areas",
    "bbox",
    "each",
    "file",
    "code_field",
    "name_field",
}
DEFAULT_PRIORITY = 100
PIECE = 50


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A polygon of a GeoJSON file: its row (from 1), properties and geometry (multipolygon, EPSG:4326)."""

    row: int
    properties: dict[str, Any]
    geometry: shapely.MultiPolygon


def as_multipolygon(shape: BaseGeometry) -> shapely.MultiPolygon:
    """Return a polygon or multipolygon as a multipolygon in canonical order, without heights."""
    flat = shapely.force_2d(shape)
    return shapely.normalize(shapely.MultiPolygon([part for part in shapely.get_parts(flat) if part.area > 0]))


def read_features(
    folder: Path, name: str, bbox: tuple[float, float, float, float], findings: Findings
) -> list[Feature]:
    """Read the polygons of a GeoJSON file (RFC 7946: EPSG:4326, longitude first).

    Faulty features are reported and left out: no polygon, invalid (self-crossing rings …), far from the city's bbox.
    """
    try:
        document = json.loads((folder / name).read_text(encoding="utf-8"))
        features = document["features"]
    except FileNotFoundError:
        findings.say(name, None, "file", "is missing", "put a GeoJSON FeatureCollection there")
        return []
    except (ValueError, KeyError, TypeError) as error:
        findings.say(name, None, "file", f"is no GeoJSON FeatureCollection: {error}")
        return []
    if document.get("crs") is not None and "CRS84" not in str(document["crs"]) and "4326" not in str(document["crs"]):
        findings.say(name, None, "crs", "another CRS is named", "transform the file to EPSG:4326")
    kept: list[Feature] = []
    for row, feature in enumerate(features, start=1):
        try:
            shape = shapely.geometry.shape(feature["geometry"])
            properties = dict(feature.get("properties") or {})
        except Exception as error:  # shapely raises many kinds for malformed coordinates
            findings.say(name, row, "geometry", f"cannot be read: {type(error).__name__}: {error}")
            continue
        if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
            findings.say(name, row, "geometry", f"is {shape.geom_type}", "a polygon or multipolygon is needed")
            continue
        if not np.isfinite(shapely.get_coordinates(shape)).all():
            findings.say(name, row, "geometry", "has coordinates that are no numbers")
            continue
        if not shape.is_valid:
            reason = shapely.is_valid_reason(shape)
            findings.say(name, row, "geometry", f"is invalid: {reason}", "mend it where it was drawn")
            continue
        if not shapely.box(*bbox).intersects(shape):
            swapped = shapely.transform(shape, lambda xy: xy[:, ::-1])
            hint = "longitude comes first" if shapely.box(*bbox).intersects(swapped) else "see bbox in city.toml"
            findings.say(name, row, "geometry", "lies outside the city's bbox", hint)
            continue
        kept.append(Feature(row=row, properties=properties, geometry=as_multipolygon(shape)))
    return kept


def read_areas(
    folder: Path,
    sources: Sequence[dict[str, Any]],
    listed: pd.DataFrame,
    *,
    bbox: Any,
    default: dict[str, Any],
    findings: Findings,
) -> gpd.GeoDataFrame:
    """Read the administrative areas.

    Parameters
    ----------
    sources
        Tables `[[areas]]` of `city.toml`: `file`, `level` (or `level_field`), `code_field`, `name_field`,
        `parent_field`; missing ones have the names of the columns.
    listed
        `admin_areas.csv` (may be empty); where it has a code, its name and parent count.
    default
        `source` and `is_approximate` of areas whose table does not say.

    Returns
    -------
    GeoDataFrame
        `AREA_COLUMNS`, EPSG:4326 multipolygons, in order of the files.
    """
    known = {
        (row.level, row.code): (row.name_, row.parent_code)
        for row in listed.rename(columns={"name": "name_"}).itertuples()
    }
    records: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = {}
    for source in sources:
        file = str(source.get("file", "admin_areas.geojson"))
        for feature in read_features(folder, file, bbox, findings):
            level = source.get("level") or feature.properties.get(str(source.get("level_field", "level")))
            code = _property(feature, source, "code")
            name = _property(feature, source, "name")
            if level not in LEVELS:
                findings.say(file, feature.row, "level", f"{level!r} is none of {', '.join(LEVELS)}")
                continue
            if not code or not name:
                findings.say(file, feature.row, "code" if not code else "name", "is empty")
                continue
            if (level, code) in seen:
                findings.say(file, feature.row, "code", f"{level} {code} is there already, row {seen[level, code]}")
                continue
            seen[level, code] = feature.row
            name, parent = known.get((level, code), (name, _property(feature, source, "parent") or None))
            if known and (level, code) not in known:
                findings.say(file, feature.row, "code", f"{level} {code} is not in admin_areas.csv", "add the row")
            records.append(
                {
                    "file": file,
                    "row": feature.row,
                    "level": level,
                    "code": code,
                    "name": name,
                    "parent_code": parent,
                    "source": str(source.get("source", default["source"])),
                    "is_approximate": bool(source.get("is_approximate", default["is_approximate"])),
                    "geometry": feature.geometry,
                }
            )
    for row in listed.index:
        level, code = listed.at[row, "level"], listed.at[row, "code"]
        if (level, code) not in seen:
            findings.say(
                "admin_areas.csv", row, "code", f"{level} {code} has no polygon", "draw it, or take the row out"
            )
    parents = {record["code"] for record in records if record["level"] == "kecamatan"}
    for record in records:
        if parents and record["level"] == "kelurahan" and record["parent_code"] not in parents:
            reason = f"parent_code {record['parent_code']!r} of kelurahan {record['code']} is no kecamatan"
            findings.say(
                record["file"], record["row"], "parent_code", reason, "see parent_field in docs/city-folder.md"
            )
    return as_frame(records, AREA_COLUMNS)


def _property(feature: Feature, source: dict[str, Any], what: str) -> str:
    """Return a property as text. Numbers of exported files come as 7471010.0 now and then."""
    value = feature.properties.get(str(source.get(f"{what}_field", "parent_code" if what == "parent" else what)))
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def as_frame(records: list[dict[str, Any]], columns: list[str]) -> gpd.GeoDataFrame:
    """Return records with a `geometry` as a frame of plain objects: what is missing stays `None`."""
    frame = pd.DataFrame(records, columns=columns, dtype=object)
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=frame["geometry"].to_list(), crs=4326)


def union(shapes: Iterable[BaseGeometry]) -> shapely.MultiPolygon:
    """Return the exact union: by shared edges where the shapes are a coverage, so that no vertex is invented."""
    array = np.array(list(shapes), dtype=object)
    joined = shapely.coverage_union_all(array) if shapely.coverage_is_valid(array) else shapely.union_all(array)
    return as_multipolygon(joined)


def ground(areas: gpd.GeoDataFrame) -> shapely.MultiPolygon:
    """Return the whole city: kelurahan and named waters."""
    return union(areas.loc[areas["level"].isin(GROUND), "geometry"])


def grow(shape: BaseGeometry, distance_m: float) -> BaseGeometry:
    """Return a polygonal shape with a margin (metric CRS): the shape and all within `distance_m` of its border.

    The border is buffered in pieces of 50 points: the same set as one buffer of the whole, which takes twenty times as
    long on the coast of a real city (San Francisco, 37,338 points: 0.4 s instead of 9 s).
    """
    if distance_m <= 0:
        return shape
    rings = [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
    lines = [
        shapely.LineString(points[start : start + PIECE + 1])
        for points in map(shapely.get_coordinates, rings)
        for start in range(0, len(points) - 1, PIECE)
    ]
    return shapely.union_all([shape, *shapely.buffer(lines, distance_m)])


class JurisdictionReader:
    """Turns the tables of `jurisdictions.toml` into polygons."""

    file = "jurisdictions.toml"

    def __init__(
        self,
        folder: Path,
        areas: gpd.GeoDataFrame,
        *,
        zone: ZoneInfo,
        bbox: Any,
        default: dict[str, Any],
        findings: Findings,
    ) -> None:
        self.folder = folder
        self.areas = areas
        self.zone = zone
        self.bbox = bbox
        self.default = default
        self.findings = findings
        self.city: shapely.MultiPolygon | None = None

    def read(self, document: dict[str, Any]) -> gpd.GeoDataFrame:
        """Return one row per jurisdiction, `JURISDICTION_COLUMNS`, in order of the file.

        Tables at the top of the file give defaults: `valid_from`, `source`, `is_approximate`, `priority`.
        """
        records: list[dict[str, Any]] = []
        self.default = {**self.default, **{name: value for name, value in document.items() if name != "jurisdiction"}}
        for row, table in enumerate(document.get("jurisdiction", []), start=1):
            for name in table.keys() - JURISDICTION_KEYS:
                self.say(row, name, "unknown key", f"keys: {', '.join(sorted(JURISDICTION_KEYS))}")
            missing = [name for name in ("agency", "service") if not isinstance(table.get(name), str)]
            for name in missing:
                self.say(row, name, "is missing")
            if missing:
                continue
            common = self.common(row, table)
            if common is None:
                continue
            for code, name, shape in self.shapes(row, table):
                records.append({**common, "code": code, "name": name, "geometry": shape})
        frame = as_frame(records, JURISDICTION_COLUMNS)
        for index in frame.index[frame.duplicated(["agency", "service", "code"])]:
            again = frame.loc[index]
            self.say(again["row"], "code", f"{again['agency']} {again['service']} {again['code']} is there already")
        return frame.drop_duplicates(["agency", "service", "code"], ignore_index=True)

    def say(self, row: int, field: str, reason: str, hint: str = "") -> None:
        """Report a fault of the table number `row`."""
        self.findings.say(self.file, row, field, reason, hint)

    def common(self, row: int, table: dict[str, Any]) -> dict[str, Any] | None:
        """Return what all jurisdictions of a table have in common."""
        given = {**self.default, **table}
        priority, moment = given.get("priority", DEFAULT_PRIORITY), given.get("valid_from")
        if isinstance(moment, date) and not isinstance(moment, datetime):
            moment = datetime.combine(moment, time(), self.zone)
        elif isinstance(moment, datetime) and moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        if not isinstance(moment, datetime):
            self.say(row, "valid_from", "is missing or no date", "write valid_from = 2026-01-01")
            return None
        if isinstance(priority, bool) or not isinstance(priority, int) or not 1 <= priority <= 10_000:
            self.say(row, "priority", f"{priority!r} is no whole number from 1 to 10000")
            return None
        return {
            "agency": table["agency"],
            "service": table["service"],
            "priority": priority,
            "is_citywide": bool(given.get("is_citywide", False)),
            "is_approximate": bool(given.get("is_approximate", False)),
            "valid_from": moment,
            "source": str(given.get("source", "")),
            "file": self.file,
            "row": row,
        }

    def shapes(self, row: int, table: dict[str, Any]) -> list[tuple[str, str, shapely.MultiPolygon]]:
        """Return code, name and polygon of each jurisdiction of a table."""
        ways = [name for name in ("area", "areas", "each", "file") if name in table]
        if len(ways) != 1:
            self.say(row, "area", f"{len(ways)} of area, areas, each, file are given", "give exactly one")
            return []
        if ways == ["each"]:
            return self.each(row, table)
        if ways == ["file"]:
            return self.from_file(row, table)
        code = table.get("code", table["agency"])
        shape = self.listed(row, table["areas"]) if ways == ["areas"] else self.named(row, table)
        return [] if shape is None else [(str(code), str(table.get("name", code)), shape)]

    def named(self, row: int, table: dict[str, Any]) -> shapely.MultiPolygon | None:
        """Return ``area = "city"`` or ``area = "bbox"``."""
        if table["area"] == "city":
            if self.city is None and self.areas["level"].isin(GROUND).any():
                self.city = ground(self.areas)
            if self.city is None:
                self.say(row, "area", "the city has no kelurahan")
            return self.city
        box = table.get("bbox")
        if table["area"] != "bbox" or not isinstance(box, list) or len(box) != 4:
            self.say(
                row, "area", f"{table['area']!r} is not understood", 'write "city", or "bbox" with bbox = [w, s, e, n]'
            )
            return None
        west, south, east, north = (float(value) for value in box)
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            self.say(row, "bbox", f"{box} is no box", "west, south, east, north in degrees")
            return None
        return as_multipolygon(shapely.box(west, south, east, north))

    def listed(self, row: int, codes: Any) -> shapely.MultiPolygon | None:
        """Return the union of areas named by code; a kecamatan stands for its kelurahan."""
        shapes: list[BaseGeometry] = []
        unknown = []
        for code in codes if isinstance(codes, list) else [codes]:
            found = self.areas[self.areas["code"] == str(code)]
            children = self.areas[(self.areas["parent_code"] == str(code)) & (self.areas["level"] == "kelurahan")]
            if found.empty:
                unknown.append(str(code))
            else:
                shapes.extend((children if len(children) else found)["geometry"])
        if unknown:
            self.say(row, "areas", f"unknown codes: {', '.join(unknown)}", "see admin_areas.csv")
        return None if unknown or not shapes else union(shapes)

    def each(self, row: int, table: dict[str, Any]) -> list[tuple[str, str, shapely.MultiPolygon]]:
        """Return one jurisdiction per area of a level; ``{name}`` in the name is the area's."""
        chosen = self.areas[self.areas["level"] == table["each"]]
        if chosen.empty:
            self.say(row, "each", f"there is no area of level {table['each']!r}", f"levels: {', '.join(LEVELS)}")
        template = str(table.get("name", "{name}"))
        return [
            (area["code"], template.replace("{name}", area["name"]), area["geometry"])
            for area in chosen.to_dict("records")
        ]

    def from_file(self, row: int, table: dict[str, Any]) -> list[tuple[str, str, shapely.MultiPolygon]]:
        """Return one jurisdiction per polygon of a GeoJSON file."""
        shapes = []
        for feature in read_features(self.folder, str(table["file"]), self.bbox, self.findings):
            code, name = _property(feature, table, "code"), _property(feature, table, "name")
            if not code:
                self.findings.say(str(table["file"]), feature.row, str(table.get("code_field", "code")), "is empty")
                continue
            shapes.append((code, name or code, feature.geometry))
        if not shapes:
            self.say(row, "file", f"{table['file']} has no usable polygon")
        return shapes
