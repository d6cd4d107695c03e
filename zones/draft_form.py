"""What people send about drafts: edits, proposals and signatures, checked whole, every finding at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from gis.city import CityFacts
from gis.errors import Finding, ValueRefused
from gis.messages import message
from gis.reports import CONTROL

MAX_VERTICES = 2_000
MAX_AREAS = 500
MAX_CODE, MAX_NAME, MAX_REASON = 60, 200, 1_000
# How far a hand on a map is off the border it means, metres; and the most it may be told to be.
SNAP_M, MAX_SNAP_M = 5.0, 50.0
# Outlines of kelurahan from another source are farther off than a hand.
AREA_SNAP_M = 30.0
# A change is planned months ahead, not years.
FARTHEST = timedelta(days=5 * 366)
DEFAULT_PRIORITY = 100
NEIGHBOURS, NOBODY = "neighbours", "nobody"

# Members of each kind of edit: needed, optional. `jurisdiction|new`: exactly one of the two.
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "handover": (("areas", "from", "to"), ("snap_m",)),
    "compose": (("areas", "jurisdiction|new"), ("rest", "snap_m")),
    "replace": (("geometry", "jurisdiction|new"), ("rest", "snap_m")),
    "split": (("jurisdiction", "line", "new"), ("point",)),
    "end": (("jurisdiction",), ("to",)),
    "priority": (("jurisdiction", "priority"), ()),
    "rename": (("jurisdiction", "name"), ()),
    "restore": ((), ("jurisdiction",)),
}
MEMBERS = tuple(
    dict.fromkeys(name for needed, more in KINDS.values() for one in needed + more for name in one.split("|"))
)
DEPTHS = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiPolygon": 3}
SHAPES = {"geometry": ("Polygon", "MultiPolygon"), "line": ("LineString",), "point": ("Point",)}


@dataclass(frozen=True, kw_only=True)
class Edit:
    """An edit that passed the checks; `values` are its members as sent (and as kept in the draft's events).

    `shapes` holds `geometry`, `line` and `point` as shapes in EPSG:4326.
    """

    kind: str
    values: dict[str, Any]
    shapes: dict[str, BaseGeometry] = field(default_factory=dict)

    @property
    def snap_m(self) -> float:
        """Return the width below which a difference is the hand's, metres."""
        return float(self.values.get("snap_m", AREA_SNAP_M if "areas" in self.values else SNAP_M))

    @property
    def rest(self) -> str:
        """Return who gets what a jurisdiction gives up."""
        return str(self.values.get("rest") or (NEIGHBOURS if self.kind == "replace" else NOBODY))


class Findings:
    """Collects what is wrong with one body, in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.listed: list[Finding] = []

    def add(self, member: str, key: str, hint: str = "", **values: object) -> None:
        """Add a finding by the keys of its reason and hint."""
        text = message(hint, self.language, **values) if hint else ""
        self.listed.append(Finding(field=member, reason=message(key, self.language, **values), hint=text))

    def settle(self) -> None:
        """Raise what was found.

        Raises
        ------
        ValueRefused
            With every finding.
        """
        if self.listed:
            raise ValueRefused("; ".join(map(str, self.listed)), self.listed)


def read_text(body: dict[str, Any], name: str, found: Findings, *, most: int, is_needed: bool = True) -> str:
    """Return a text member, trimmed; a missing, long or unprintable one is a finding."""
    value = body.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        if is_needed:
            found.add(name, "required")
        return ""
    if not isinstance(value, str):
        found.add(name, "wrong_type", expected="text")
        return ""
    value = value.strip()
    if len(value) > most:
        found.add(name, "too_long", limit=most, n=len(value))
    elif said := CONTROL.search(value):
        found.add(name, "control", "control_hint", at=said.start() + 1)
    return value


def read_whole(body: dict[str, Any], name: str, found: Findings, *, low: int, high: int) -> int:
    """Return a whole number within limits; anything else is a finding."""
    value = body.get(name)
    if value is None:
        found.add(name, "required")
    elif isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        found.add(name, "whole_range", low=low, high=high)
    else:
        return value
    return low


def read_ahead(body: dict[str, Any], name: str, found: Findings, *, now: datetime) -> datetime:
    """Return a moment after `now`; anything else is a finding."""
    value, example = body.get(name), (now + timedelta(days=30)).replace(microsecond=0).isoformat()
    if value is None:
        found.add(name, "required")
        return now
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        found.add(name, "wrong_type", "time_format", expected="RFC 3339", example=example)
    elif moment.tzinfo is None:
        found.add(name, "naive_time", "time_format", example=example)
    elif moment <= now:
        found.add(name, "draft_past", "draft_past_hint", now=now.replace(microsecond=0).isoformat())
    elif moment > now + FARTHEST:
        found.add(name, "draft_far", "draft_past_hint", now=now.replace(microsecond=0).isoformat())
    else:
        return moment
    return now


def parse_edit(body: dict[str, Any], *, city: CityFacts, language: str) -> Edit:
    """Check the body of an edit by itself; whether it fits the boundaries is `draft_edits.apply`'s to say.

    Raises
    ------
    ValueRefused
        With every finding.
    """
    found = Findings(language)
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        found.add("kind", "required" if kind is None else "one_of", "choose", allowed=", ".join(KINDS))
        found.settle()
    kind = str(kind)
    needed, more = KINDS[kind]
    known = {name for one in needed + more for name in one.split("|")}
    for name in sorted(body.keys() - known - {"kind", "version"}):
        found.add(name[:80], "draft_member", "known_fields", kind=kind, names=", ".join(sorted(known)))
    for one in needed:
        names = one.split("|")
        if sum(body.get(name) is not None for name in names) != 1:
            found.add(names[0], "required" if len(names) == 1 else "one_start", names=", ".join(names))
    values: dict[str, Any] = {}
    shapes: dict[str, BaseGeometry] = {}
    for name in sorted(known):
        if body.get(name) is not None:
            values[name] = _member(name, body, found, shapes, city)
    found.settle()
    return Edit(kind=kind, values=values, shapes=shapes)


def _member(name: str, body: dict[str, Any], found: Findings, shapes: dict[str, BaseGeometry], city: CityFacts) -> Any:
    value = body[name]
    if name in ("jurisdiction", "from", "to"):
        return read_text(body, name, found, most=2 * MAX_CODE)
    if name == "name":
        return read_text(body, name, found, most=MAX_NAME)
    if name == "priority":
        return read_whole(body, name, found, low=1, high=10_000)
    if name == "rest":
        if value not in (NEIGHBOURS, NOBODY):
            found.add(name, "one_of", allowed=f"{NEIGHBOURS}, {NOBODY}")
    elif name == "snap_m":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= MAX_SNAP_M:
            found.add(name, "range", low=0, high=int(MAX_SNAP_M))
    elif name == "areas":
        return _codes(value, found)
    elif name == "new":
        return _new(value, found)
    else:
        shape = read_shape(value, name, found, city)
        if shape is not None:
            shapes[name] = shape
    return value


def _codes(value: Any, found: Findings) -> list[str]:
    is_list = isinstance(value, list) and all(isinstance(one, str) and len(one) <= MAX_CODE for one in value)
    if not is_list or not 1 <= len(value) <= MAX_AREAS:
        found.add("areas", "draft_areas", limit=MAX_AREAS)
        return []
    return sorted(set(value))


def _new(value: Any, found: Findings) -> dict[str, Any]:
    if not isinstance(value, dict):
        found.add("new", "wrong_type", expected="object")
        return {}
    inner = Findings(found.language)
    for name in sorted(value.keys() - {"code", "name", "agency", "priority"}):
        inner.add(name[:80], "unknown_field", "known_fields", names="code, name, agency, priority")
    made: dict[str, Any] = {
        "code": read_text(value, "code", inner, most=MAX_CODE),
        "name": read_text(value, "name", inner, most=MAX_NAME),
    }
    if "/" in made["code"]:
        inner.add("code", "draft_code")
    if value.get("agency") is not None:
        made["agency"] = read_text(value, "agency", inner, most=MAX_CODE)
    if value.get("priority") is not None:
        made["priority"] = read_whole(value, "priority", inner, low=1, high=10_000)
    found.listed += [Finding(field=f"new.{one.field}", reason=one.reason, hint=one.hint) for one in inner.listed]
    return made


def read_shape(value: Any, name: str, found: Findings, city: CityFacts) -> BaseGeometry | None:
    """Return a GeoJSON shape of the kinds that the member takes; what is wrong with it is a finding.

    Vertices are counted before anything is computed: nothing stops a computation on a huge shape once it runs.
    """
    kinds = SHAPES[name]
    if name == "point" and isinstance(value, list):
        value = {"type": "Point", "coordinates": value}
    if not isinstance(value, dict) or value.get("type") not in kinds:
        found.add(name, "draft_geometry", kinds=" / ".join(kinds))
        return None
    positions: list[Any] = []
    depth = DEPTHS[value["type"]]
    if not _collect(value.get("coordinates"), depth, positions):
        found.add(f"{name}.coordinates", "draft_coordinates", "closure_position_hint")
        return None
    if len(positions) > MAX_VERTICES:
        found.add(name, "closure_vertices", "closure_vertices_hint", limit=MAX_VERTICES, n=len(positions))
        return None
    for position in positions:
        if not _is_position(position, name, found, city):
            return None
    try:
        shape = shapely.force_2d(shapely.geometry.shape({"type": value["type"], "coordinates": value["coordinates"]}))
    except (ValueError, TypeError, IndexError, shapely.errors.ShapelyError):
        found.add(f"{name}.coordinates", "draft_coordinates", "closure_position_hint")
        return None
    if shape.is_empty:
        found.add(name, "closure_few", "closure_few_hint")
    elif not shape.is_valid:
        found.add(name, "closure_invalid", "closure_invalid_hint", what=shapely.is_valid_reason(shape))
    elif name == "line" and shape.length == 0:
        found.add(name, "closure_few", "closure_few_hint")
    else:
        return shape
    return None


def _collect(value: Any, depth: int, positions: list[Any]) -> bool:
    """Gather the positions of GeoJSON coordinates nested `depth` lists deep; false where they are not."""
    if not isinstance(value, list) or not value:
        return False
    if depth == 0:
        positions.append(value)
        return True
    return all(_collect(one, depth - 1, positions) for one in value)


def _is_position(position: list[Any], name: str, found: Findings, city: CityFacts) -> bool:
    where = f"{name}.coordinates"
    good = 2 <= len(position) <= 3 and all(
        isinstance(one, int | float) and not isinstance(one, bool) for one in position
    )
    if not good:
        found.add(where, "closure_position", "closure_position_hint")
        return False
    lon, lat = float(position[0]), float(position[1])
    if not (math.isfinite(lon) and math.isfinite(lat)):
        found.add(where, "not_finite", "number_format", example="122.49985")
        return False
    if abs(lon) <= 180 and abs(lat) <= 90 and city.is_metric_near(lon, lat):
        return True
    is_swapped = abs(lon) <= 90 and city.holds(lat, lon, margin_deg=1.0)
    found.add(where, "closure_swapped" if is_swapped else "draft_far_off", "closure_position_hint")
    return False
