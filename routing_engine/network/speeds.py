"""How fast a vehicle drives each edge, and whether it may: class speeds of the city, limits, access, widths."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from routing_engine.network.groups import EVERY, GROUP_OF
from routing_engine.network.profiles import Profile

Floats = npt.NDArray[np.float64]

# How far above a tagged limit a vehicle with blue light is assumed to drive; not calibrated.
LIMIT_FACTOR = {"ambulance": 1.2, "fire_engine": 1.2}


def hour_bands(speeds: pd.DataFrame, profile: str) -> tuple[int, ...]:
    """Return the first hours of the bands of a profile, ascending; always from 0.

    Parameters
    ----------
    speeds
        Rows of `road_speed`: `profile`, `road_class`, `hour_from`, `speed_kph`. A band lasts until the next begins.
    """
    hours = speeds.loc[speeds["profile"] == profile, "hour_from"]
    return tuple(sorted({0, *(int(hour) for hour in hours)}))


def band_of(bands: tuple[int, ...], hour: float) -> int:
    """Return the band, out of `hour_bands`, that `hour` (0 to 24, the city's time) lies in."""
    return max(band for band in bands if band <= hour)


def class_speeds(speeds: pd.DataFrame, profile: str, hour_from: int = 0) -> dict[str, float]:
    """Return km/h by road class for a profile in a band; a class without a row there keeps its last earlier one."""
    rows = speeds[(speeds["profile"] == profile) & (speeds["hour_from"] <= hour_from)].sort_values("hour_from")
    return {str(name): float(kph) for name, kph in zip(rows["road_class"], rows["speed_kph"], strict=True)}


def access_of(edges: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return who may drive each edge along and against its drawing: bits of `groups`, ``(n_edges, 2)``.

    Tables without the access columns say it by `direction`, for everybody.
    """
    if "access_forward" in edges:
        return edges[["access_forward", "access_backward"]].to_numpy(np.int64)
    direction = edges["direction"].to_numpy()
    return np.column_stack([direction != "backward", direction != "forward"]) * EVERY


def edge_speeds(edges: pd.DataFrame, speeds: pd.DataFrame, profile: Profile, hour_from: int = 0) -> Floats:
    """Return how fast a vehicle drives each edge along and against its drawing.

    Parameters
    ----------
    edges
        Columns of `road_edge`; those that came with imported roads may be missing (see `access_of`).
    speeds
        Rows of `road_speed`.
    hour_from
        The band, one of `hour_bands`.

    Returns
    -------
    ndarray
        km/h ``(n_edges, 2)``; NaN where the vehicle may not drive: its class has no speed for the profile, the
        access bits leave it out, or the way is narrower than the vehicle.

    Notes
    -----
    A link (``primary_link``) without a speed of its own has that of its class. The class speed is what the city says
    is driven, a tagged limit what is allowed: the lower of the two counts (`LIMIT_FACTOR` for blue light). Unknown
    widths are wide enough.
    """
    by_class = class_speeds(speeds, profile.name, hour_from)
    classes = edges["road_class"].astype(object)
    kph = classes.map(by_class).to_numpy(np.float64)
    kph = np.where(np.isnan(kph), classes.str.removesuffix("_link").map(by_class).to_numpy(np.float64), kph)
    for column in ("width_m", "max_width_m"):
        if column in edges:
            kph = np.where(edges[column].to_numpy(np.float64) < profile.width_m, np.nan, kph)
    limit = limits_of(edges) * LIMIT_FACTOR.get(profile.name, 1.0)
    both = np.fmin(kph[:, None], limit)
    both[np.isnan(kph)] = np.nan
    both[(access_of(edges) & GROUP_OF[profile.name]) == 0] = np.nan
    return np.asarray(both, dtype=np.float64)


def limits_of(edges: pd.DataFrame) -> Floats:
    """Return the tagged limits along and against the drawing, km/h ``(n_edges, 2)``; NaN where none is tagged."""
    along = edges["speed_kph"].to_numpy(np.float64)
    against: Any = edges["speed_backward_kph"].to_numpy(np.float64) if "speed_backward_kph" in edges else along
    return np.column_stack([along, np.where(np.isnan(against), along, against)])
