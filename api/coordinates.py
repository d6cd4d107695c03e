"""Coordinates as people paste them into a search box."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

# Links of map apps: the point meant comes before the map's centre.
_LINKS = (
    re.compile(r"!3d(-?\d{1,2}\.\d+)!4d(-?\d{1,3}\.\d+)"),
    re.compile(
        r"[?&](?:q|query|ll|destination|daddr)=(?:loc:)?(-?\d{1,2}(?:\.\d+)?)(?:,|%2C)\+?(-?\d{1,3}(?:\.\d+)?)", re.I
    ),
    re.compile(r"@(-?\d{1,2}\.\d+),(-?\d{1,3}\.\d+)"),
    re.compile(r"^geo:(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)", re.I),
)
# Hemispheres in English and Indonesian: lintang utara/selatan, bujur timur/barat.
_HEMISPHERES = {"N": ("lat", 1), "LU": ("lat", 1), "S": ("lat", -1), "LS": ("lat", -1)}
_HEMISPHERES |= {"E": ("lon", 1), "BT": ("lon", 1), "W": ("lon", -1), "BB": ("lon", -1)}
_ANGLE = re.compile(
    r"(?P<degrees>[-+]?\d{1,3}(?:[.,]\d+)?)\s*°?"
    r"(?:\s*(?P<minutes>\d{1,2}(?:[.,]\d+)?)\s*['′])?"
    r"(?:\s*(?P<seconds>\d{1,2}(?:[.,]\d+)?)\s*(?:\"|″|''))?"
    r"\s*(?P<side>LU|LS|BT|BB|[NSEW])?(?![A-Z0-9])",
    re.I,
)


def read_coordinates(given: str, is_near: Callable[[float, float], bool]) -> tuple[float, float] | None:
    """Return (lon, lat) in EPSG:4326 degrees when `given` is a position, else nothing.

    Parameters
    ----------
    given
        A decimal pair in either order, degrees–minutes–seconds, a ``geo:`` URI or a link of a map app.
        Decimal commas are read when the pair is set apart by a space or semicolon.
    is_near
        Whether a (lon, lat) lies in the city; decides the order of a pair that names none.
    """
    sought = given.strip().replace("−", "-").replace("’", "'").replace("”", '"')
    for pattern in _LINKS:
        if found := pattern.search(sought):
            return _checked(float(found[2]), float(found[1]))
    if len(sought) > 60:
        return None
    # "-3,9962; 122,49985" and "-3,9962 122,49985": commas are decimal; "-3.9962,122.49985": the comma separates.
    if "." in sought or not re.search(r"\d,\d+[^,]*[;\s]", sought):
        sought = sought.replace(",", " ")
    angles = list(_ANGLE.finditer(sought))
    if len(angles) != 2 or re.sub(r"[\s;/()]", "", _ANGLE.sub("", sought)):
        return None
    first, second = (_degrees(angle) for angle in angles)
    axes = [_HEMISPHERES[angle["side"].upper()][0] if angle["side"] else None for angle in angles]
    if axes[0] == "lat" or axes[1] == "lon":
        return None if axes[0] == axes[1] else _checked(second, first)
    if axes[0] == "lon" or axes[1] == "lat":
        return None if axes[0] == axes[1] else _checked(first, second)
    # Latitude first is what maps show; the city, or a number no latitude can be, says otherwise.
    is_lon_first = abs(first) > 90 or (is_near(first, second) and not is_near(second, first))
    return _checked(first, second) if is_lon_first else _checked(second, first)


def _degrees(angle: re.Match[str]) -> float:
    parts = [float((angle[name] or "0").replace(",", ".")) for name in ("degrees", "minutes", "seconds")]
    size = abs(parts[0]) + parts[1] / 60 + parts[2] / 3600
    sign = -1 if angle["degrees"].startswith("-") else 1
    return size * (_HEMISPHERES[angle["side"].upper()][1] if angle["side"] else sign)


def _checked(lon: float, lat: float) -> tuple[float, float] | None:
    is_place = math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90
    return (lon, lat) if is_place else None
