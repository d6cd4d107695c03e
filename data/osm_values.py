"""Values of OpenStreetMap tags as numbers: speeds in km/h, widths in metres, durations in seconds.

Every reader returns None for what it does not understand; the caller says so in its report.
"""

from __future__ import annotations

import math
import re

KPH = {"": 1.0, "km/h": 1.0, "kmh": 1.0, "kph": 1.0, "kmph": 1.0, "mph": 1.609344, "knots": 1.852}
NUMBER = r"(\d+(?:\.\d+)?)"
SPEED = re.compile(NUMBER + r"\s*([a-z/]*)")
METRES = re.compile(NUMBER + r"\s*(m|meter|metre|meters|metres|cm|ft|feet)?")
FEET = re.compile(NUMBER + r"\s*'\s*(?:" + NUMBER + r"\s*(?:\"|''))?")
INCHES = re.compile(NUMBER + r"\s*\"")
IN_METRES = {None: 1.0, "m": 1.0, "cm": 0.01, "ft": 0.3048, "feet": 0.3048}
CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")
ISO_DURATION = re.compile(r"p(?:t)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")

# Walking pace, as German law reads "Schrittgeschwindigkeit".
WALK_KPH = 7.0
# No sign can be below or above; what is, is a slip of the keyboard.
SPEED_RANGE_KPH = (3.0, 160.0)
WIDTH_RANGE_M = (0.4, 60.0)

# Values that say truthfully that there is no number.
UNLIMITED = {"none", "no", "default", "implicit", "variable", "signals", "signs", "unsigned", "unposted", "unknown"}

# Limits by kind of zone, and by country where they differ (OSM wiki, Default speed limits). Indonesia: PP 79/2013
# art. 23. None: no limit.
ZONE_KPH: dict[str, float | None] = {
    "urban": 50, "rural": 90, "trunk": 110, "motorway": 130, "living_street": 20, "school": 30, "bicycle_road": 30,
    "id:urban": 50, "id:rural": 80, "id:trunk": 80, "id:motorway": 100, "id:living_street": 30,
    "at:rural": 100, "at:trunk": 100, "be:motorway": 120, "be-bru:urban": 30, "be-vlg:rural": 70, "bg:motorway": 140,
    "by:urban": 60, "by:motorway": 110, "ca-on:rural": 80, "ch:rural": 80, "ch:trunk": 100, "ch:motorway": 120,
    "cz:trunk": None, "cz:motorway": None, "de:living_street": WALK_KPH, "de:rural": 100, "de:motorway": None,
    "dk:rural": 80, "es:trunk": 90, "fr:rural": 80, "gb:nsl_single": 96.56, "gb:nsl_dual": 112.65,
    "gb:motorway": 112.65, "gb:nsl_restricted": 48.28, "jp:urban": 60, "my:urban": 60, "nl:rural": 80, "nl:trunk": 100,
    "no:rural": 80, "no:motorway": 110, "ph:urban": 40, "ph:rural": 80, "ph:motorway": 100, "pl:rural": 90,
    "pl:trunk": 100, "pl:motorway": 140, "ro:trunk": 100, "ru:living_street": 20, "ru:urban": 60, "ru:motorway": 110,
    "sg:urban": 50, "th:urban": 60, "za:urban": 60, "za:rural": 100,
}  # fmt: skip
NUMBERED_ZONE = re.compile(r"(?:[a-z]{2}(?:-[a-z]{2,3})?:)?(?:zone:?)?(\d{1,3})")


def speed_kph(value: str) -> tuple[float | None, bool]:
    """Read a speed limit.

    Parameters
    ----------
    value
        Such as ``50``, ``30 mph``, ``walk``, ``none``, ``50;30``, ``DE:urban``, ``IT:zone30``.

    Returns
    -------
    tuple
        km/h (of several the lowest; None without a limit or when not understood), and whether it was understood.
    """
    limits: list[float] = []
    is_known = True
    for part in re.split(r"[;|,]", value.strip().lower()):
        limit, is_understood = _one_speed(part.strip())
        is_known &= is_understood
        if limit is not None:
            limits.append(limit)
    return (min(limits) if limits else None), is_known


def _one_speed(text: str) -> tuple[float | None, bool]:
    if text in UNLIMITED or text == "":
        return None, text != ""
    if text in ("walk", "walking", "foot"):
        return WALK_KPH, True
    found = SPEED.fullmatch(text)
    if found and found[2] in KPH:
        return _in_range(float(found[1]) * KPH[found[2]], SPEED_RANGE_KPH)
    zone = text.replace("uk:", "gb:")
    for key in (zone, zone.partition(":")[2]):
        if key in ZONE_KPH:
            return ZONE_KPH[key], True
    numbered = NUMBERED_ZONE.fullmatch(text)
    return _in_range(float(numbered[1]), SPEED_RANGE_KPH) if numbered else (None, False)


def width_m(value: str) -> float | None:
    """Read a width in metres: ``3``, ``2.5 m``, ``2,5``, ``8'6"``, ``10 ft``; of several the narrowest."""
    text = value.strip().lower()
    if re.fullmatch(r"\d+,\d+(\s*m)?", text):  # a decimal comma, not two values
        text = text.replace(",", ".")
    widths = [_one_width(part.strip()) for part in re.split(r"[;,]", text)]
    known = [width for width in widths if width is not None]
    return min(known) if len(known) == len(widths) else None


def _one_width(text: str) -> float | None:
    if found := METRES.fullmatch(text):
        metres = float(found[1]) * IN_METRES.get(found[2], 1.0)
    elif found := FEET.fullmatch(text):
        metres = float(found[1]) * 0.3048 + float(found[2] or 0) * 0.0254
    elif found := INCHES.fullmatch(text):
        metres = float(found[1]) * 0.0254
    else:
        return None
    return _in_range(metres, WIDTH_RANGE_M)[0]


def _in_range(value: float, limits: tuple[float, float]) -> tuple[float | None, bool]:
    is_in = limits[0] <= value <= limits[1]
    return (round(value, 2) if is_in else None), is_in


def duration_s(value: str) -> float | None:
    """Read how long a crossing takes: minutes, ``H:MM``, ``H:MM:SS`` or ``PT1H30M``."""
    text = value.strip().lower()
    if text.isdecimal():
        seconds = float(text) * 60.0
    elif found := CLOCK.fullmatch(text):
        first, second, third = (float(part or 0) for part in found.groups())
        seconds = first * 3600 + second * 60 + third if found[1] else second * 3600 + third * 60
    elif found := ISO_DURATION.fullmatch(text):
        hours, minutes, rest = (float(part or 0) for part in found.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    else:
        return None
    return seconds if 0 < seconds < 7 * 86400 and math.isfinite(seconds) else None
