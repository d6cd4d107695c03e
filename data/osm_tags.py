"""Tags of a way as what a road network needs to know of it.

How each tag is read, and why, is the table in docs/roads.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from data.osm_access import read_access
from data.osm_values import duration_s, speed_kph, width_m

# What a car may drive unless a tag says otherwise, and what is open to somebody only if one says so.
ROADS = {
    *("motorway motorway_link trunk trunk_link primary primary_link secondary secondary_link".split()),
    *("tertiary tertiary_link unclassified residential living_street service track road".split()),
}
SOMETIMES = {"busway", "bus_guideway", "pedestrian", "path", "footway", "cycleway", "bridleway"}
# Known values that are no street today; anything else in `highway` is suspicious.
NO_STREET = {
    *("construction proposed planned abandoned razed disused dismantled demolished platform steps corridor".split()),
    *("elevator ladder rest_area services bus_stop raceway escape via_ferrata trailhead emergency_bay no".split()),
    *("crossing give_way stop traffic_signals turning_circle street_lamp speed_camera traffic_island".split()),
}
RENAMED = {"bus_guideway": "busway", "road": "unclassified"}

ROUNDABOUTS = {"roundabout", "circular"}
YES = {"yes", "true", "1"}

# Only these, and what begins like these, is kept of a way's tags: ways that agree in them are read once.
EXACT = {
    *("highway route area junction service surface bridge tunnel layer toll duration".split()),
    *("width est_width source:maxspeed zone:maxspeed zone:traffic".split()),
}
PREFIXES = (
    *("access vehicle motor_vehicle motorcar motorcycle emergency psv bus taxi tourist_bus coach".split()),
    *("oneway maxspeed maxwidth width lanes:psv lanes:bus".split()),
)


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A tag that was not understood or cannot be meant, and what was done instead."""

    key: str
    value: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way that somebody may drive; units in the names, directions as drawn.

    `access_forward`, `access_backward` are bits of `routing_engine.network.groups`; `duration_s` is that of a ferry.
    """

    road_class: str
    access_forward: int
    access_backward: int
    limited: str | None
    speed_kph: float | None
    speed_backward_kph: float | None
    width_m: float | None
    max_width_m: float | None
    surface: str | None
    service_kind: str | None
    layer: int
    is_bridge: bool
    is_tunnel: bool
    is_roundabout: bool
    is_toll: bool
    duration_s: float | None
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Why a way is not part of the network (a word for counting), and what was odd about it."""

    reason: str
    doubts: tuple[Doubt, ...] = ()


@cache
def is_relevant(key: str) -> bool:
    """Whether a tag can change how a way is read."""
    return key in EXACT or key.startswith(PREFIXES)


def read_way(tags: Mapping[str, str], *, with_ferries: bool = False) -> Way | LeftOut:
    """Read the tags of one way.

    Parameters
    ----------
    tags
        All tags, or those that are `is_relevant`.
    with_ferries
        Keep ferries, as class `ferry`.
    """
    highway = tags.get("highway", "").strip()
    is_ferry = not highway and tags.get("route") == "ferry"
    if is_ferry and not with_ferries:
        return LeftOut(reason="ferry")
    if not is_ferry and highway not in ROADS | SOMETIMES:
        doubts = ()
        if highway and highway not in NO_STREET:
            doubts = (Doubt(key="highway", value=highway, reason="is no known kind of street; left out"),)
        return LeftOut(reason=highway if highway in NO_STREET else "unknown" if highway else "no street", doubts=doubts)
    if tags.get("area") in YES:
        return LeftOut(reason="area")
    doubts_found: list[Doubt] = []
    road_class = "ferry" if is_ferry else RENAMED.get(highway, highway)
    is_roundabout = tags.get("junction") in ROUNDABOUTS
    access = read_access(tags, road_class, is_implied_one_way=is_roundabout or road_class == "motorway")
    doubts_found += [Doubt(key=key, value=value, reason="is no known value; ignored") for key, value in access.doubts]
    doubts_found += _odd(tags, road_class, is_roundabout)
    if not access.forward | access.backward:
        return LeftOut(
            reason="reversible" if tags.get("oneway") == "reversible" else f"{highway or 'ferry'} closed to vehicles",
            doubts=tuple(doubts_found),
        )
    forward, backward = _limits(tags, doubts_found)
    return Way(
        road_class=road_class,
        access_forward=access.forward,
        access_backward=access.backward,
        limited=access.limited,
        speed_kph=forward,
        speed_backward_kph=backward if backward != forward else None,
        width_m=_narrowest(tags, ("width", "maxwidth:physical"), doubts_found)
        or _narrowest(tags, ("est_width",), doubts_found),
        max_width_m=_narrowest(tags, ("maxwidth",), doubts_found),
        surface=_word(tags.get("surface")),
        service_kind=_word(tags.get("service")) if road_class in ("service", "busway") else None,
        layer=_layer(tags, doubts_found),
        is_bridge=tags.get("bridge", "no") != "no",
        is_tunnel=tags.get("tunnel", "no") not in ("no", "culvert"),
        is_roundabout=is_roundabout,
        is_toll=tags.get("toll") in YES,
        duration_s=duration_s(tags["duration"]) if is_ferry and "duration" in tags else None,
        doubts=tuple(doubts_found),
    )


def _word(value: str | None) -> str | None:
    """Return the first of several values, as a short word."""
    text = re.split(r"[;|]", value)[0].strip().lower()[:40] if value else ""
    return text or None


def _odd(tags: Mapping[str, str], road_class: str, is_roundabout: bool) -> list[Doubt]:
    """Return what is tagged clearly but can hardly be meant, or what was read only in part."""
    doubts = []
    if is_roundabout and tags.get("oneway") in ("-1", "no"):
        reason = "a roundabout against its drawing or both ways; taken as tagged"
        doubts.append(Doubt(key="oneway", value=tags["oneway"], reason=reason))
    if road_class == "motorway_link" and "oneway" not in tags:
        doubts.append(Doubt(key="oneway", value="", reason="a motorway link without one; taken as open both ways"))
    for key, value in tags.items():
        if key.endswith(":conditional") and is_relevant(key):
            doubts.append(Doubt(key=key, value=value, reason="holds at times only; not read"))
    return doubts


def _limits(tags: Mapping[str, str], doubts: list[Doubt]) -> tuple[float | None, float | None]:
    """Return the limit along and against the drawing."""
    both = _limit(tags, ("maxspeed", "maxspeed:type", "zone:maxspeed", "source:maxspeed", "zone:traffic"), doubts)
    along, against = (_limit(tags, (f"maxspeed:{way}",), doubts) for way in ("forward", "backward"))
    return along if along is not None else both, against if against is not None else both


def _limit(tags: Mapping[str, str], keys: tuple[str, ...], doubts: list[Doubt]) -> float | None:
    for key in keys:
        if key not in tags:
            continue
        limit, is_known = speed_kph(tags[key])
        if is_known:
            return limit
        # The other keys often name where the number is from ("sign"), which is nothing to wonder at.
        if key.startswith("maxspeed") and key != "maxspeed:type":
            doubts.append(Doubt(key=key, value=tags[key], reason="is no speed limit; ignored"))
    return None


def _narrowest(tags: Mapping[str, str], keys: tuple[str, ...], doubts: list[Doubt]) -> float | None:
    widths = []
    for key in keys:
        if key in tags:
            width = width_m(tags[key])
            if width is None:
                doubts.append(Doubt(key=key, value=tags[key], reason="is no width of a street; ignored"))
            else:
                widths.append(width)
    return min(widths, default=None)


def _layer(tags: Mapping[str, str], doubts: list[Doubt]) -> int:
    value = tags.get("layer", "0").strip()
    try:
        layer = round(float(value))
    except (ValueError, OverflowError):
        layer = 99
    if abs(layer) > 20:
        doubts.append(Doubt(key="layer", value=value, reason="is no layer; taken as 0"))
        return 0
    return layer
