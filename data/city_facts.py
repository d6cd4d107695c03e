"""The TOML files of a city folder: what `city.toml` says, judged as it is read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyproj
import shapely

from data.city_files import Findings

HANDOFF = {"government": "112", "number": "112", "reach_km": 50}
ESTIMATE = {"detour_factor": 1.35, "speed_kph": 30}


def read_toml(folder: Path, name: str, findings: Findings) -> dict[str, Any] | None:
    """Read a TOML file; `None` if there is none to read."""
    try:
        return tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        findings.say(name, None, "file", "is missing", "see docs/city-folder.md")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        findings.say(name, None, "file", f"is no TOML: {error}")
    return None


def read_facts(document: dict[str, Any], findings: Findings) -> dict[str, Any] | None:
    """Return the members of `City` that come from `city.toml`; `None` if one of them is at fault."""
    file, before = "city.toml", len(findings)

    def need(name: str, kind: type | tuple[type, ...], pattern: str = "") -> Any:
        value = document.get(name)
        if not isinstance(value, kind) or isinstance(value, bool) or (pattern and not re.fullmatch(pattern, value)):
            findings.say(file, None, name, "is missing" if value is None else f"{value!r} is not allowed")
            return None
        return value

    name = need("name", str)
    city_code = need("code", str, r"[a-z0-9_-]{1,40}")
    prefix = document.get("number_prefix", "K")
    if not re.fullmatch(r"[A-Z]{1,4}", str(prefix)):
        findings.say(file, None, "number_prefix", f"{prefix!r} is not allowed", "one to four capital letters")
    zone = None
    try:
        zone = ZoneInfo(need("time_zone", str) or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        findings.say(file, None, "time_zone", f"{document['time_zone']!r} is unknown", 'such as "Asia/Makassar"')
    srid = need("metric_srid", int)
    box = need("bbox", list)
    if box is not None and not (
        len(box) == 4
        and all(isinstance(value, int | float) for value in box)
        and -180 <= box[0] < box[2] <= 180
        and -90 <= box[1] < box[3] <= 90
    ):
        findings.say(file, None, "bbox", f"{box} is no box", "west, south, east, north in degrees")
        box = None
    if srid is not None and box is not None:
        check_metric(srid, box, findings)
    fallback = document.get("fallback_m", 0)
    if isinstance(fallback, bool) or not isinstance(fallback, int | float) or not 0 <= fallback <= 50_000:
        findings.say(file, None, "fallback_m", f"{fallback!r} is no number of metres from 0 to 50000")
    side = document.get("drive_side", "left")
    if side not in ("left", "right"):
        findings.say(file, None, "drive_side", f"{side!r} is neither left nor right")
    if len(findings) > before or box is None:
        return None
    settings = {
        "bbox": [float(value) for value in box],
        "center": document.get("center", [round((box[0] + box[2]) / 2, 5), round((box[1] + box[3]) / 2, 5)]),
        "languages": document.get("languages", ["id", "en"]),
        "drive_side": side,
        "country": document.get("country", "ID"),
        "boundaries_approximate": bool(document.get("boundaries_approximate", False)),
        "roads_synthetic": bool(document.get("roads_synthetic", False)),
        "holes_allowed": bool(document.get("holes_allowed", False)),
        "caller_retention_days": document.get("caller_retention_days", 365),
        "handoff": HANDOFF | document.get("handoff", {}),
        "estimate": ESTIMATE | document.get("estimate", {}),
        "targets": document.get("targets", {}),
    }
    return {
        "code": city_code,
        "name": name,
        "time_zone": zone,
        "languages": tuple(settings["languages"]),
        "metric_srid": srid,
        "bbox": tuple(settings["bbox"]),
        "drive_side": side,
        "number_prefix": prefix,
        "fallback_m": float(fallback),
        "settings": settings,
    }


def check_metric(srid: int, box: list[float], findings: Findings) -> None:
    """Report a metric CRS that is unknown, not in metres, or not made for the city's place."""
    try:
        crs = pyproj.CRS.from_epsg(srid)
    except pyproj.exceptions.CRSError:
        findings.say("city.toml", None, "metric_srid", f"EPSG:{srid} is unknown")
        return
    if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info):
        findings.say("city.toml", None, "metric_srid", f"EPSG:{srid} is not in metres", "take the UTM zone of the city")
    elif crs.area_of_use is not None and not shapely.box(*crs.area_of_use.bounds).intersects(shapely.box(*box)):
        hint = f"it is for {crs.area_of_use.name}; take the UTM zone of the city"
        findings.say("city.toml", None, "metric_srid", f"EPSG:{srid} is not for this place", hint)
