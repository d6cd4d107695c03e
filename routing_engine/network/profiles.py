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
        As in `station.profile` and `road_speed.profile`.
    width_m
        Clear width it needs, mirrors included. A way whose known width is smaller is closed to it; a way of unknown
        width is open.
    """

    name: str
    width_m: float


# A 2.5 m pump or a 2.0 m van with mirrors and a hand's breadth on each side. Assumed from makers' body widths.
PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="fire_engine", width_m=3.0),
        Profile(name="ambulance", width_m=2.4),
        Profile(name="car", width_m=2.0),
        Profile(name="motorcycle", width_m=0.8),
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
