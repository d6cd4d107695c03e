"""Tags of a node on a street: barriers and whom they stop, traffic signals, level crossings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from routing_engine.network.groups import CAR, EMERGENCY, EVERY, MOTORCYCLE

# Keys by which nodes are kept while the file is read.
KEYS = ("barrier", "highway", "railway")

# These let everybody through unless a tag says otherwise; so does a gate, which is mostly open.
PASSABLE = {
    *("border_control bump_gate cattle_grid coupure entrance gate height_restrictor lift_gate no".split()),
    *("rope sally_port sliding_gate sliding_beam spikes sump_buster swing_gate toll_booth toll arch".split()),
    *("hampshire_gate checkpoint".split()),
}
# A motorcycle passes between these; through anything else that stops cars nobody is assumed to pass.
NARROW = {"bollard", "block", "planter", "boulder", "bar", "tyres", "delineators", "delineator"}

ACCESS = {
    CAR: ("motorcar", "motor_vehicle", "vehicle", "access"),
    MOTORCYCLE: ("motorcycle", "motor_vehicle", "vehicle", "access"),
}
OPEN = {"yes", "permissive", "designated", "official", "public", "private", "destination", "customers", "delivery"}
OPEN |= {"permit", "residents"}
# Emergency services have the key to what is kept for buses or staff, not to what is simply shut.
FOR_SOME = {"psv", "bus", "taxi", "agricultural", "forestry", "emergency"}
CLOSED = {"no", "military", "foot", "bicycle"} | FOR_SOME


@dataclass(frozen=True, kw_only=True)
class Point:
    """What a node does to traffic.

    `stops` are the groups that cannot pass; `signal` is ``both``, ``forward`` or ``backward``, along the drawing of
    the way it is on, or None.
    """

    stops: int = 0
    signal: str | None = None
    is_level_crossing: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it does nothing."""
        return not self.stops and self.signal is None and not self.is_level_crossing


def read_point(tags: Mapping[str, str]) -> Point:
    """Read the tags of a node on a street."""
    signal = None
    if tags.get("highway") == "traffic_signals":
        way = tags.get("traffic_signals:direction", tags.get("direction", "both"))
        signal = way if way in ("forward", "backward") else "both"
    return Point(stops=_stops(tags), signal=signal, is_level_crossing=tags.get("railway") == "level_crossing")


def _stops(tags: Mapping[str, str]) -> int:
    """Return the groups that cannot pass."""
    barrier = tags.get("barrier")
    # "No motor vehicles" on a crossing is about the footway that crosses.
    if barrier is None and tags.get("highway") == "crossing":
        return 0
    stops = EVERY if barrier is not None and barrier not in PASSABLE else 0
    if barrier == "kerb" and (tags.get("kerb") in ("lowered", "flush") or tags.get("highway") == "crossing"):
        stops = 0
    if barrier in NARROW:
        stops &= ~MOTORCYCLE
    if tags.get("bollard") == "rising":
        stops = 0
    elif tags.get("bollard") in ("removable", "foldable", "flexible"):
        stops &= ~EMERGENCY
    is_locked = tags.get("locked") == "yes"
    for group in (CAR, MOTORCYCLE):
        said = next((tags[key] for key in ACCESS[group] if key in tags), None)
        if said in CLOSED:
            stops |= group
        elif said in OPEN and not is_locked:
            stops &= ~group
    if said_to_cars := next((tags[key] for key in ACCESS[CAR] if key in tags), None):
        if said_to_cars in CLOSED - FOR_SOME:
            stops |= EMERGENCY
        elif said_to_cars in OPEN | FOR_SOME and not is_locked:
            stops &= ~EMERGENCY
    if is_locked:
        stops = EVERY
    own = tags.get("emergency")
    if own in ("yes", "designated", "official") or any(tags.get(key) in OPEN for key in ("psv", "bus")):
        stops &= ~EMERGENCY
    elif own == "no":
        stops |= EMERGENCY
    return stops
