"""A closure as it is sent: checked whole, every finding at once, before anything is written."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from gis.city import CityFacts
from gis.errors import Finding, ValueRefused
from gis.messages import message
from gis.reports import CONTROL, EARLIEST, MAX_TEXT
from gis.times import is_in_range
from routing_engine.network.closure_shapes import EDGE, LINE, POLYGON, metric_shape

MEMBERS = ("geometry", "lon", "lat", "from", "until", "profiles", "factor", "reason")
MAX_VERTICES = 500
MAX_FACTOR = 100.0
# Shorter lines and smaller areas are a slip of the hand.
LEAST_M, LEAST_M2 = 1.0, 1.0


@dataclass(frozen=True, kw_only=True)
class ClosureInput:
    """A closure that passed the checks.

    `shape` is a line or polygon, or the point that was clicked (`kind` is then `EDGE`), EPSG:4326 degrees; `since` is
    `None` for now, `until` for no end, `profiles` for all, `factor` for shut.
    """

    kind: str
    shape: BaseGeometry
    since: datetime | None
    until: datetime | None
    profiles: tuple[str, ...] | None
    factor: float | None
    reason: str


class _Findings:
    def __init__(self, language: str) -> None:
        self.language = language
        self.listed: list[Finding] = []

    def add(self, field: str, key: str, hint: str = "", **values: object) -> None:
        reason = message(key, self.language, **values)
        text = message(hint, self.language, **values) if hint else ""
        self.listed.append(Finding(field=field, reason=reason, hint=text))


def parse(
    body: dict[str, Any], *, city: CityFacts, profiles: Collection[str], now: datetime, language: str
) -> ClosureInput:
    """Check the body of a new closure.

    Parameters
    ----------
    profiles
        Vehicle profiles there are.

    Raises
    ------
    ValueRefused
        With every finding.
    """
    found = _Findings(language)
    for name in body:
        if name not in MEMBERS:
            close = difflib.get_close_matches(str(name), MEMBERS, n=1)
            hint = "did_you_mean" if close else "known_fields"
            found.add(str(name)[:80], "unknown_field", hint, name=close[0] if close else "", names=", ".join(MEMBERS))
    kind, shape = _place(body, found, city)
    since, until = _moment(body, "from", found, now), _moment(body, "until", found, now)
    if until is not None and not any(finding.field in ("from", "until") for finding in found.listed):
        if until <= now:
            found.add("until", "closure_until_past", "closure_until_hint", example=now.replace(microsecond=0))
        elif since is not None and until <= since:
            found.add("until", "ends_before", "closure_until_hint", example=now.replace(microsecond=0))
    chosen = _profiles(body.get("profiles"), found, profiles)
    factor = _factor(body.get("factor"), found)
    reason = _reason(body.get("reason"), found)
    if found.listed:
        raise ValueRefused("; ".join(map(str, found.listed)), found.listed)
    assert shape is not None  # else there was a finding
    return ClosureInput(kind=kind, shape=shape, since=since, until=until, profiles=chosen, factor=factor, reason=reason)


def _place(body: dict[str, Any], found: _Findings, city: CityFacts) -> tuple[str, BaseGeometry | None]:
    given, lon, lat = body.get("geometry"), body.get("lon"), body.get("lat")
    is_point = lon is not None or lat is not None
    if (given is not None) == is_point:
        found.add("geometry", "closure_place", "closure_place_hint")
        return EDGE, None
    if is_point:
        missing = [name for name in ("lon", "lat") if body.get(name) is None]
        for name in missing:
            found.add(name, "required")
        if missing or not _is_position([lon, lat], "lon", found, city):
            return EDGE, None
        return EDGE, shapely.Point(float(lon), float(lat))  # type: ignore[arg-type]
    if not isinstance(given, dict) or given.get("type") not in ("LineString", "Polygon"):
        found.add("geometry", "closure_geometry", "closure_place_hint")
        return LINE, None
    unknown = sorted(str(name)[:40] for name in given.keys() - {"type", "coordinates"})
    if unknown:
        found.add(f"geometry.{unknown[0]}", "unknown_field", "known_fields", names="type, coordinates")
    is_line = given["type"] == "LineString"
    rings = [given.get("coordinates")] if is_line else given.get("coordinates")
    shape = _shape(rings, is_line, found, city)
    if shape is not None and not unknown:
        _check_shape(shape, found, city)
    return (LINE if is_line else POLYGON), shape


def _shape(rings: Any, is_line: bool, found: _Findings, city: CityFacts) -> BaseGeometry | None:
    name = "geometry.coordinates"
    if not isinstance(rings, list) or not rings or not all(isinstance(ring, list) for ring in rings):
        found.add(name, "closure_coordinates", "closure_place_hint")
        return None
    n = sum(len(ring) for ring in rings)
    if n > MAX_VERTICES:
        found.add(name, "closure_vertices", "closure_vertices_hint", limit=MAX_VERTICES, n=n)
        return None
    for r, ring in enumerate(rings):
        where = name if is_line else f"{name}[{r}]"
        for i, position in enumerate(ring):
            if not _is_position(position, f"{where}[{i}]", found, city):
                return None
        ring[:] = [[float(position[0]), float(position[1])] for position in ring]
        if len({tuple(position) for position in ring}) < (2 if is_line else 3):
            found.add(where, "closure_few", "closure_few_hint")
            return None
        if not is_line and ring[0] != ring[-1]:
            found.add(where, "closure_ring", "closure_ring_hint")
            return None
    return shapely.LineString(rings[0]) if is_line else shapely.Polygon(rings[0], rings[1:])


def _is_position(position: Any, where: str, found: _Findings, city: CityFacts) -> bool:
    numbers = position if isinstance(position, list) and 2 <= len(position) <= 3 else []
    good = [isinstance(value, int | float) and not isinstance(value, bool) for value in numbers]
    if not numbers or not all(good):
        found.add(where, "closure_position", "closure_position_hint")
        return False
    lon, lat = float(numbers[0]), float(numbers[1])
    if not (math.isfinite(lon) and math.isfinite(lat)):
        found.add(where, "not_finite", "number_format", example="122.49985")
        return False
    if abs(lon) <= 180 and abs(lat) <= 90:
        return True
    is_swapped = abs(lon) <= 90 and abs(lat) <= 180 and city.holds(lat, lon)
    found.add(where, "closure_swapped" if is_swapped else "closure_range", "closure_position_hint")
    return False


def _check_shape(shape: BaseGeometry, found: _Findings, city: CityFacts) -> None:
    name = "geometry.coordinates"
    if not shapely.is_valid(shape):
        found.add(name, "closure_invalid", "closure_invalid_hint", what=shapely.is_valid_reason(shape))
        return
    west, south, east, north = shape.bounds
    if not (city.is_metric_near(west, south) and city.is_metric_near(east, north)):
        is_swapped = city.holds(south, west) and city.holds(north, east)
        found.add(name, "closure_swapped" if is_swapped else "closure_outside", "closure_position_hint")
        return
    metric = metric_shape(shape, city.metric_srid)
    if metric.length < LEAST_M or (metric.geom_type == "Polygon" and metric.area < LEAST_M2):
        found.add(name, "closure_small", "closure_few_hint")


def _moment(body: dict[str, Any], name: str, found: _Findings, now: datetime) -> datetime | None:
    value = body.get(name)
    if value is None:
        return None
    example = now.replace(microsecond=0).isoformat()
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        found.add(name, "wrong_type", "time_format", expected="RFC 3339", example=example)
    elif moment.tzinfo is None:
        found.add(name, "naive_time", "time_format", example=example)
    elif moment < EARLIEST:
        found.add(name, "too_old_time", "time_format", example=example)
    elif not is_in_range(moment):
        found.add(name, "far_time", "time_format", example=example)
    else:
        return moment
    return None


def _profiles(value: Any, found: _Findings, known: Collection[str]) -> tuple[str, ...] | None:
    if value is None:
        return None
    allowed = ", ".join(sorted(known))
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        found.add("profiles", "closure_profiles", "choose", allowed=allowed)
        return None
    for one in value:
        if one not in known:
            found.add("profiles", "one_of", allowed=allowed)
            return None
    return tuple(sorted(set(value)))


def _factor(value: Any, found: _Findings) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        found.add("factor", "wrong_type", "closure_factor_hint", expected="number")
    elif not 1 < value <= MAX_FACTOR:  # also not a number
        found.add("factor", "closure_factor", "closure_factor_hint", limit=int(MAX_FACTOR))
    else:
        return float(value)
    return None


def _reason(value: Any, found: _Findings) -> str:
    if not isinstance(value, str) or not value.strip():
        found.add("reason", "reason_required")
        return ""
    said = CONTROL.search(value)
    if said:
        found.add("reason", "control", "control_hint", at=said.start() + 1)
    elif len(value.strip()) > MAX_TEXT:
        found.add("reason", "too_long", limit=MAX_TEXT, n=len(value.strip()))
    return value.strip()
