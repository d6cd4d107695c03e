"""What the model says of recorded runs: seconds from where each began to where it went, at its hour."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from routing_engine.network.fields import Field, build_field
from routing_engine.network.projection import Floats
from routing_engine.network.snapping import SNAP_LIMIT_M, snap
from routing_engine.network.speeds import band_of

# Starts searched from at once; bounds the memory: 8 bytes per start and state.
STARTS_AT_ONCE = 64


def modelled_seconds(
    bands: Mapping[int, Field], starts: npt.ArrayLike, points: npt.ArrayLike, hours: npt.ArrayLike
) -> Floats:
    """Return the model's seconds of drives at given hours.

    Parameters
    ----------
    bands
        First hour of the band → field, of one profile (`dispatch.fields.load_fields`); its graphs are used.
    starts, points
        EPSG:4326 degrees ``(n, 2)``: row *i* drives from ``starts[i]`` to ``points[i]``.
    hours
        Hour of the city's day ``(n,)``, 0 to 23.

    Returns
    -------
    ndarray
        Seconds ``(n,)``, access at both ends included; NaN where an end is too far from a road or no road leads there.
    """
    start = np.asarray(starts, dtype=np.float64).reshape(-1, 2)
    point = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    hour = np.asarray(hours, dtype=np.int64)
    names = tuple(bands)
    seconds = np.full(len(start), np.nan)
    band = np.array([band_of(names, one) for one in hour.tolist()], dtype=np.int64)
    for name in np.unique(band).tolist():
        rows = np.flatnonzero(band == name)
        # Today's closures were not there then.
        graph = bands[name].graph.base or bands[name].graph
        places, of_run = np.unique(start[rows], axis=0, return_inverse=True)
        of_run = of_run.reshape(-1)
        for first in range(0, len(places), STARTS_AT_ONCE):
            some = build_field(graph, snap(graph, places[first : first + STARTS_AT_ONCE], limit_m=SNAP_LIMIT_M))
            for number in range(len(some.codes)):
                own = rows[of_run == first + number]
                drives = some.travel_times(snap(graph, point[own], limit_m=SNAP_LIMIT_M), stations=[number])
                seconds[own] = drives[:, 0]
    return seconds
