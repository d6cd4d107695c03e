"""Drives between many places, each labelled with how it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.words import Estimate
from routing_engine.network.calibration import Calibration
from routing_engine.network.drives import matrix as drives_between
from routing_engine.network.estimate import great_circle_m, straight_line
from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats
from routing_engine.network.snapping import SNAP_LIMIT_M, snap


@dataclass(frozen=True, eq=False)
class Matrix:
    """Drives between places ``(n_origins, n_destinations)``.

    Attributes
    ----------
    time_s, distance_m
        Seconds and metres; NaN where no road leads there.
    p90_s
        Seconds nine of ten drives by road keep to; NaN while not calibrated.
    estimate
        How each was found: `gis.words.Estimate`.
    """

    time_s: Floats
    p90_s: Floats
    distance_m: Floats
    estimate: npt.NDArray[np.object_]


def matrix(
    graph: RoadGraph | None,
    origins: npt.ArrayLike,
    destinations: npt.ArrayLike,
    *,
    calibration: Calibration | None = None,
    hour: int = 0,
    snap_limit_m: float = SNAP_LIMIT_M,
) -> Matrix:
    """Find the fastest drive from every origin to every destination, each labelled with how it was found.

    Parameters
    ----------
    graph
        The roads; `None` gives the straight-line estimate for all.
    origins, destinations
        ``(n, 2)``, EPSG:4326 degrees; a position that is none gets `none`.
    calibration, hour
        Recorded runs that make the times by road those of real runs, and the hour of the city's day they are for.
    """
    starts = np.asarray(origins, dtype=np.float64).reshape(-1, 2)
    ends = np.asarray(destinations, dtype=np.float64).reshape(-1, 2)
    time_s, distance_m = straight_line(great_circle_m(starts, ends))
    by_road = np.zeros(time_s.shape, dtype=bool)
    if graph is not None:
        places = snap(graph, starts, limit_m=snap_limit_m), snap(graph, ends, limit_m=snap_limit_m)
        by_road = places[0].is_on_road[:, None] & places[1].is_on_road[None, :]
        if by_road.any():
            found = drives_between(graph, *places)
            driven_s = found.time_s if calibration is None else calibration.median_s(found.time_s, hour)
            time_s = np.where(by_road, driven_s, time_s)
            distance_m = np.where(by_road, found.distance_m, distance_m)
    p90_s = np.full(time_s.shape, np.nan)
    if calibration is not None:
        p90_s[by_road] = calibration.p90_s(time_s[by_road])
    estimate = np.where(by_road, str(Estimate.ROAD), str(Estimate.STRAIGHT_LINE)).astype(object)
    estimate[np.isnan(time_s)] = str(Estimate.NONE)
    distance_m[np.isnan(time_s)] = np.nan
    return Matrix(time_s, p90_s, distance_m, estimate)


def matrix_answer(found: Matrix) -> dict[str, Any]:
    """Return a matrix for a program: a list per origin; `null` where no road leads."""

    def listed(values: Floats) -> list[list[float | None]]:
        return [[None if value != value else round(value, 1) for value in row] for row in values.tolist()]

    return {
        "travel_time_s": listed(found.time_s),
        "travel_time_p90_s": listed(found.p90_s),
        "distance_m": listed(found.distance_m),
        "estimate": found.estimate.tolist(),
    }
