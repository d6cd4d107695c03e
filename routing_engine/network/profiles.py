"""Vehicle profiles: what a kind of vehicle can pass. Its speeds by road class are in the table `road_speed`."""

from __future__ import annotations

from dataclasses import dataclass

from gis.errors import NetworkError


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A kind of vehicle.

    Attributes
    ----------
    name
        As in `station.profile`, `road_speed.profile` and `groups`.
    width_m
        Clear width it needs, mirrors included. A way whose known width is smaller is closed to it; a way of unknown
        width is open.
    signal_s, level_crossing_s
        Mean seconds lost at a traffic signal and at a level crossing.
    limited_factor
        How much longer a street takes that one may enter but not pass through.
    """

    name: str
    width_m: float
    signal_s: float
    level_crossing_s: float
    limited_factor: float


# Widths: a 2.5 m pump or a 2.0 m van with mirrors and a hand's breadth on each side, from makers' body widths. Seconds
# and factors are assumed: a public driver's mean wait as routing servers use it, half of it under siren.
PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="fire_engine", width_m=3.0, signal_s=1.0, level_crossing_s=1.0, limited_factor=1.0),
        Profile(name="ambulance", width_m=2.4, signal_s=1.0, level_crossing_s=1.0, limited_factor=1.0),
        Profile(name="car", width_m=2.0, signal_s=2.0, level_crossing_s=2.0, limited_factor=4.0),
        Profile(name="motorcycle", width_m=0.8, signal_s=2.0, level_crossing_s=2.0, limited_factor=4.0),
    )
}


def profile_named(name: str) -> Profile:
    """Return the profile called `name`.

    Raises
    ------
    NetworkError
        There is none.
    """
    if name not in PROFILES:
        raise NetworkError(f"profile {name!r} is unknown; known are {', '.join(sorted(PROFILES))}")
    return PROFILES[name]
