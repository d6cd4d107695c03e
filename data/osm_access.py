"""Who may drive a way, in which direction: access tags, one-ways, bus lanes, per group of vehicles.

The most specific key that is there decides: `motorcar` before `motor_vehicle` before `vehicle` before `access`, each
with `:forward` or `:backward` first (OSM wiki, Key:access). Vehicles on emergency runs may besides use what is for
buses, what is private, and what `emergency=*` opens; see docs/roads.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing_engine.network.groups import CAR, EMERGENCY, MOTORCYCLE

KEYS = {
    CAR: ("motorcar", "motor_vehicle", "vehicle", "access"),
    MOTORCYCLE: ("motorcycle", "motor_vehicle", "vehicle", "access"),
}
BUS_KEYS = ("psv", "bus", "taxi", "tourist_bus", "coach")

OPEN = {"yes", "permissive", "designated", "official", "public", "allowed", "hov", "true", "1"}
LIMITED = {"destination", "private", "customers", "delivery", "permit", "residents", "permit_holders", "employees"}
# Closed to cars and motorcycles; fields and woods are open to those who come to put out a fire.
WORKERS = {"agricultural", "forestry"}
CLOSED = {"no", "none", "false", "0", "military", "foot", "bicycle", "horse", "use_sidepath", "dismount", "hgv"}
CLOSED |= {"restricted", "closed"}
FOR_BUSES = {"psv", "bus", "taxi", "emergency"}
# Says nothing that changes whether one may drive.
EMPTY = {"", "unknown", "discouraged", "unspecified", "variable"}
KNOWN = OPEN | LIMITED | WORKERS | CLOSED | FOR_BUSES | EMPTY

# Ways nobody drives unless a key of their own kind of vehicle says so: `access=yes` on a footway is about walkers.
NOT_FOR_CARS = {"path", "footway", "cycleway", "bridleway", "pedestrian", "busway"}

YES, NO = {"yes", "true", "1"}, {"no", "false", "0"}
BACK = {"-1", "reverse", "backward"}
# `alternating` is one lane for both, by turns; `reversible` belongs to either direction for hours.
BOTH = {*NO, "alternating", "both"}
REVERSIBLE = {"reversible"}


@dataclass
class Access:
    """What was read: bits of groups along and against the drawing.

    `limited` says why the way may be entered but not passed through; `doubts` are keys not understood.
    """

    forward: int = 0
    backward: int = 0
    limited: str | None = None
    doubts: list[tuple[str, str]] = field(default_factory=list)


def read_access(tags: Mapping[str, str], road_class: str, *, is_implied_one_way: bool) -> Access:
    """Read who may drive a way each way.

    Parameters
    ----------
    tags
        All tags of the way.
    road_class
        Its `highway`, or `ferry`.
    is_implied_one_way
        Motorways and roundabouts are one-way unless they say otherwise.
    """
    found = Access()
    found.doubts += [
        (key, value) for key, value in tags.items() if key in _ALL_KEYS and not set(_parts(value)) <= KNOWN
    ]
    for is_forward, direction in ((True, "forward"), (False, "backward")):
        bits = 0
        for group in (CAR, MOTORCYCLE, EMERGENCY):
            may_enter = _may(tags, group, direction, road_class, found)
            if may_enter and _is_with_traffic(tags, group, is_forward, is_implied_one_way, found):
                bits |= group
        if is_forward:
            found.forward = bits
        else:
            found.backward = bits
    return found


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.lower().replace(",", ";").split(";")]


_ALL_KEYS = {
    key + suffix
    for key in (*KEYS[CAR], "motorcycle", *BUS_KEYS, "emergency")
    for suffix in ("", ":forward", ":backward")
}


def _value(tags: Mapping[str, str], keys: tuple[str, ...], direction: str) -> tuple[str, list[str]] | None:
    """Return the most specific key that says something, and its values."""
    for key in keys:
        for name in (f"{key}:{direction}", key):
            if name in tags and (parts := [part for part in _parts(tags[name]) if part in KNOWN - EMPTY]):
                return key, parts
    return None


def _may(tags: Mapping[str, str], group: int, direction: str, road_class: str, found: Access) -> bool:
    """Whether vehicles of a group may use the way at all, one-ways aside; notes a limit in `found`."""
    is_closed_by_kind = road_class in NOT_FOR_CARS or tags.get("service") == "emergency_access"
    keys = KEYS[CAR if group == EMERGENCY else group]
    said = _value(tags, keys[:-1] if is_closed_by_kind else keys, direction)
    if group == EMERGENCY:
        own = _value(tags, ("emergency",), direction)
        if own is not None:
            return not set(own[1]) <= CLOSED
        if road_class == "busway" or tags.get("service") in ("emergency_access", "busway"):
            return True
        bus = _value(tags, BUS_KEYS, direction)
        if bus is not None and set(bus[1]) & (OPEN | LIMITED):
            return True
    if said is None:
        return not is_closed_by_kind
    values = set(said[1])
    if values & OPEN:
        return True
    if values & LIMITED:
        found.limited = found.limited or min(values & LIMITED)
        return True
    return group == EMERGENCY and bool(values & (WORKERS | FOR_BUSES))


def _is_with_traffic(tags: Mapping[str, str], group: int, is_forward: bool, is_implied: bool, found: Access) -> bool:
    """Whether vehicles of a group may drive this way along a street that may be one-way."""
    one_way = tags.get("oneway", "").strip().lower()
    if one_way in REVERSIBLE:
        return False
    if one_way and one_way not in YES | BACK | BOTH and ("oneway", one_way) not in found.doubts:
        found.doubts.append(("oneway", one_way))
    course = -1 if one_way in BACK else 1 if one_way in YES or (is_implied and one_way not in BOTH) else 0
    own_keys = {
        CAR: ("motorcar", "motor_vehicle", "vehicle"),
        MOTORCYCLE: ("motorcycle", "motor_vehicle", "vehicle"),
        EMERGENCY: ("emergency", *BUS_KEYS[:2], "motor_vehicle", "vehicle"),
    }[group]
    for key in own_keys:
        value = tags.get(f"oneway:{key}", "").strip().lower()
        if value in NO:
            return True
        # A one-way for buses alone says nothing about ambulances.
        if value in YES | BACK and key not in BUS_KEYS:
            course = -1 if value in BACK else 1
            break
    if course == 0 or (course > 0) == is_forward:
        return True
    against = "backward" if course > 0 else "forward"
    explicit = own_keys[:1] if group != EMERGENCY else own_keys[:3]
    if any(set(_parts(tags.get(f"{key}:{against}", ""))) & OPEN for key in explicit):
        return True
    return group == EMERGENCY and course > 0 and _has_contraflow_bus_lane(tags)


def _has_contraflow_bus_lane(tags: Mapping[str, str]) -> bool:
    """Whether a one-way street has a lane for buses the other way."""
    sides = ("busway", "busway:left", "busway:right", "busway:both")
    if any(tags.get(key, "").startswith("opposite") for key in sides):
        return True
    lanes = (tags.get(f"lanes:{key}:backward", "0") for key in BUS_KEYS[:2])
    if any(lane.isdecimal() and int(lane) > 0 for lane in lanes):
        return True
    return any("designated" in tags.get(f"{key}:lanes:backward", "").split("|") for key in BUS_KEYS[:2])
