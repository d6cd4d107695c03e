"""How long the first station takes to many places at once, each with its own choice of stations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from routing_engine.dispatch.stations import StationIndex, Wanted
from routing_engine.network.estimate import great_circle_m, straight_line
from routing_engine.network.projection import Floats
from routing_engine.network.snapping import Snapped, snap
from routing_engine.network.states import Ints

Bools = npt.NDArray[np.bool_]


def first_arrivals(
    index: StationIndex, lonlat: Floats, wanted: Sequence[Wanted | None], hours: npt.ArrayLike
) -> tuple[Floats, Bools]:
    """Return the seconds of the first station to each place; the batch form of `StationIndex.rank_all`.

    Parameters
    ----------
    lonlat
        EPSG:4326 degrees, ``(n, 2)``.
    wanted
        Per place service, agency and jurisdiction code, as `rank_all` takes them; `None`: nobody comes.
    hours
        Hours of the city's day, 0 to 23, ``(n,)``.

    Returns
    -------
    seconds, is_estimated
        ``(n,)`` each. Seconds are NaN where nobody comes, there is no station, or no road leads there; `is_estimated`
        where the first station's drive is no drive by road but the estimate of the straight line.
    """
    places = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
    hour = np.asarray(hours, dtype=np.int64)
    seconds, is_estimated = np.full(len(places), np.nan), np.zeros(len(places), dtype=bool)
    snapped: dict[str, Snapped] = {}
    groups: dict[tuple[Wanted, bytes], list[int]] = {}
    for i, one in enumerate(wanted):
        if one is not None:
            # Hours of one band read the same fields.
            groups.setdefault((one, index.part_of[hour[i]].tobytes()), []).append(i)
    for (one, _), members in groups.items():
        stations = index.eligible(*one)
        if len(stations):
            rows = np.array(members, dtype=np.int64)
            seconds[rows], is_estimated[rows] = _first(index, places[rows], stations, hour[rows], rows, places, snapped)
    return seconds, is_estimated


def _first(
    index: StationIndex,
    here: Floats,
    stations: Ints,
    hour: Ints,
    rows: Ints,
    places: Floats,
    snapped: dict[str, Snapped],
) -> tuple[Floats, Bools]:
    time_s, _ = straight_line(great_circle_m(here, index.lonlat[stations]))
    is_by_road = np.zeros(time_s.shape, dtype=bool)
    part_of = index.part_of[hour[0]][stations]
    for number in np.unique(part_of[part_of >= 0]).tolist():
        part = index.parts[number]
        graph = part.field.graph
        if graph.digest not in snapped:
            snapped[graph.digest] = snap(graph, places, limit_m=index.snap_limit_m)
        mine = _of_rows(snapped[graph.digest], rows)
        columns = np.flatnonzero(part_of == number)
        place_of = {int(station): i for i, station in enumerate(part.stations)}
        field_rows = part.rows[[place_of[int(station)] for station in stations[columns]]]
        by_road = part.field.reach(mine, stations=field_rows).time_s
        if part.calibration is not None:
            by_road = part.calibration.median_s(by_road, hour[:, np.newaxis])
        reached = np.ix_(np.flatnonzero(mine.is_on_road), columns)
        time_s[reached], is_by_road[reached] = by_road[mine.is_on_road], True
    best = np.where(np.isnan(time_s), np.inf, time_s).argmin(axis=1)
    at = np.arange(len(here))
    return time_s[at, best], ~is_by_road[at, best] & ~np.isnan(time_s[at, best])


def _of_rows(snapped: Snapped, rows: Ints) -> Snapped:
    arrays = {name: getattr(snapped, name)[rows] for name in ("lonlat", "edge", "fraction", "distance_m", "reason")}
    return replace(snapped, **arrays)
