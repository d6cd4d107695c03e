"""Nearest stations: who gets there first, by road where there is one, by a labelled estimate where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from gis.words import Estimate
from routing_engine.dispatch.fields import active_stations, load_fields
from routing_engine.network.calibration import Calibration
from routing_engine.network.calibration_store import load_calibrations
from routing_engine.network.estimate import great_circle_m, straight_line
from routing_engine.network.fields import Field
from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats
from routing_engine.network.snapping import SNAP_LIMIT_M, Snapped, snap
from routing_engine.network.speeds import band_of
from routing_engine.network.states import Ints

# A point this near to a bridge, and to no other road more, is on it. Half a wide deck plus a phone's error.
BRIDGE_M = 25.0
HOURS = 24

Wanted = tuple[str, str | None, str | None]


@dataclass(frozen=True, kw_only=True)
class RankedStation:
    """A station and the drive from it.

    Attributes
    ----------
    travel_time_s, distance_m
        Seconds, and metres along the same drive; `None` where no road leads there. Calibrated, half of the runs keep to
        the seconds; else they are what the model says.
    travel_time_p90_s, calibration_id
        Seconds nine of ten runs keep to, and the calibration both are from; `None` while not calibrated.
    estimate
        `road`; `straight_line` when either end is farther than the limit from a road or no network is loaded;
        `none` when both are on the network and no road joins them.
    straight_line_m, straight_line_rank
        Metres on the ellipsoid, and the place the station would have by them alone (1 is nearest) among the stations
        that were compared.
    street, access_m
        Street on which the drive ends, and metres from there to the point; `None` without a road or a name.
    """

    station_id: str
    code: str
    name: str
    lon: float
    lat: float
    travel_time_s: float | None
    travel_time_p90_s: float | None
    calibration_id: int | None
    distance_m: float | None
    estimate: Estimate
    straight_line_m: float
    straight_line_rank: int
    street: str | None
    access_m: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return what a program may read: seconds and metres to one decimal."""
        values = asdict(self)
        for name in ("travel_time_s", "travel_time_p90_s", "distance_m", "straight_line_m", "access_m"):
            values[name] = None if values[name] is None else round(values[name], 1)
        calibration = "none" if self.calibration_id is None else str(self.calibration_id)
        del values["calibration_id"]
        return {**values, "estimate": str(self.estimate), "calibration": calibration}


@dataclass(frozen=True, eq=False)
class Part:
    """The stations of one field: their positions in the index, their rows in the field, and their calibration."""

    field: Field
    stations: Ints
    rows: Ints
    calibration: Calibration | None


@dataclass(frozen=True, eq=False)
class _Drives:
    """Drives from every station to one point, ``(n_stations,)`` each; `snapped` by number of the part."""

    time_s: Floats
    p90_s: Floats
    distance_m: Floats
    straight_m: Floats
    is_by_road: npt.NDArray[np.bool_]
    candidate: Ints
    part_of: Ints
    snapped: Mapping[int, Snapped]


@dataclass(frozen=True, eq=False)
class StationIndex:
    """The stations in service with their travel-time fields; immutable, shared by threads.

    Stations are ordered by code, so that a tie goes to the lowest code. Made by `of` or `load_stations`.
    """

    station_ids: tuple[str, ...]
    codes: tuple[str, ...]
    names: tuple[str, ...]
    lonlat: Floats
    snap_limit_m: float
    jurisdiction: Ints  # number in `jurisdictions`; -1 serves all of its agency
    jurisdictions: Mapping[str, int]
    groups: Mapping[tuple[str, str | None], Ints]  # (service, agency or None for any) → stations
    parts: tuple[Part, ...]
    # (24, n_stations): for each hour of the city's day the number in `parts`; -1: no field knows the station at its
    # place.
    part_of: Ints

    @classmethod
    def of(
        cls,
        stations: pd.DataFrame,
        fields: Mapping[str, Field | Mapping[int, Field]],
        *,
        snap_limit_m: float = SNAP_LIMIT_M,
        calibrations: Mapping[str, Calibration] | None = None,
    ) -> StationIndex:
        """Make the index.

        Parameters
        ----------
        stations
            `station_id`, `code` (unique), `name`, `agency_code`, `service_code`, `jurisdiction_code` (may be missing),
            `profile`, `lon`, `lat` (EPSG:4326 degrees).
        fields
            Profile → first hour of the band → field, as `load_fields` gives them; a field alone is for the whole day.
            A station counts as on the road only if the field has it at the same place: after a move it gets the
            estimate until its field is made again.
        snap_limit_m
            Points farther from every road get the estimate.
        calibrations
            Profile → calibration of its times by road; without one they are what the model says.
        """
        ordered = stations.sort_values("code", ignore_index=True)
        lonlat = ordered[["lon", "lat"]].to_numpy(np.float64).reshape(-1, 2)
        jurisdictions = {code: i for i, code in enumerate(sorted(set(ordered["jurisdiction_code"].dropna())))}
        groups: dict[tuple[str, str | None], list[int]] = {}
        for i, (service, agency) in enumerate(zip(ordered["service_code"], ordered["agency_code"], strict=True)):
            groups.setdefault((service, agency), []).append(i)
            groups.setdefault((service, None), []).append(i)
        parts: list[Part] = []
        calibrated = calibrations or {}
        part_of = np.full((HOURS, len(ordered)), -1)
        for profile, given in sorted(fields.items()):
            bands = {0: given} if isinstance(given, Field) else given
            number_of: dict[str, int] = {}
            for field in bands.values():
                if field.digest not in number_of:
                    number_of[field.digest] = len(parts)
                    parts.append(_part(field, ordered, lonlat, profile, calibrated.get(profile)))
            for hour in range(HOURS):
                number = number_of[bands[band_of(tuple(bands), hour)].digest]
                part_of[hour, parts[number].stations] = number
        return cls(
            station_ids=tuple(ordered["station_id"].astype(str)),
            codes=tuple(ordered["code"]),
            names=tuple(ordered["name"]),
            lonlat=lonlat,
            snap_limit_m=snap_limit_m,
            jurisdiction=np.array([jurisdictions.get(code, -1) for code in ordered["jurisdiction_code"]], np.int64),
            jurisdictions=jurisdictions,
            groups={key: np.array(rows, np.int64) for key, rows in groups.items()},
            parts=tuple(parts),
            part_of=part_of,
        )

    @property
    def graph(self) -> RoadGraph | None:
        """The network with the most drivable edges; `None` without one."""
        graphs = [part.field.graph for part in self.parts]
        return max(graphs, key=lambda graph: len(graph.main_edges), default=None)

    def is_on_bridge(self, lon: float, lat: float) -> bool:
        """Whether the road nearest to the point is a bridge, at most `BRIDGE_M` away."""
        graph = self.graph
        if graph is None:
            return False
        snapped = snap(graph, (lon, lat), limit_m=BRIDGE_M, n_candidates=1)
        return bool(snapped.is_on_road[0] and graph.edge_is_bridge[snapped.edge[0, 0]])

    def nearest(
        self,
        lonlat: tuple[float, float],
        *,
        service: str,
        agency: str | None = None,
        jurisdiction_code: str | None = None,
        limit: int = 3,
        hour: int = 0,
    ) -> list[RankedStation]:
        """Rank the stations of a service by travel time to a point.

        Parameters
        ----------
        lonlat
            EPSG:4326 degrees.
        agency
            Only this agency's stations; all by default.
        jurisdiction_code
            Stations that serve one jurisdiction only count if it is this one. By default all count.
        limit
            How many to return.
        hour
            Hour of the city's day, 0 to 23, whose traffic counts.

        Returns
        -------
        list
            Fastest first, then those no road leads from, nearest in a straight line first; ties by code.
        """
        stations = self.eligible(service, agency, jurisdiction_code)
        if len(stations) == 0:
            return []
        drives = self._drives(lonlat, stations, hour)
        return [self._ranked(stations, int(i), drives) for i in _order(stations, drives)[:limit]]

    def rank_all(
        self, lonlat: tuple[float, float], wanted: Sequence[Wanted], *, hour: int = 0
    ) -> list[RankedStation | None]:
        """Find the first station to arrive for each of several (service, agency, jurisdiction code), as `nearest`.

        The point is put on the roads once for all of them. `None` where there is no such station.
        """
        eligible = [self.eligible(*one) for one in wanted]
        if not any(len(stations) for stations in eligible):
            return [None] * len(wanted)
        drives = self._drives(lonlat, np.unique(np.concatenate(eligible)), hour)
        best: list[RankedStation | None] = []
        for stations in eligible:
            if len(stations) == 0:
                best.append(None)
                continue
            best.append(self._ranked(stations, int(_order(stations, drives)[0]), drives))
        return best

    def eligible(self, service: str, agency: str | None, jurisdiction_code: str | None) -> Ints:
        """Return the stations of a service that may be called; those of another jurisdiction are not among them."""
        stations = self.groups.get((service, agency), np.empty(0, np.int64))
        if jurisdiction_code is None or len(stations) == 0:
            return stations
        own = self.jurisdiction[stations]
        serves = (own == -1) | (own == self.jurisdictions.get(jurisdiction_code, -1))
        return np.asarray(stations[serves], dtype=np.int64)

    def _drives(self, lonlat: tuple[float, float], stations: Ints, hour: int) -> _Drives:
        """Measure the drives from `stations`; the rows of others mean nothing."""
        point = np.array([lonlat], dtype=np.float64)
        n = len(self.codes)
        straight_m = np.full(n, np.nan)
        straight_m[stations] = great_circle_m(point, self.lonlat[stations])[0]
        time_s, distance_m = straight_line(straight_m)
        p90_s = np.full(n, np.nan)
        part_of = self.part_of[hour]
        needed = np.unique(part_of[stations])
        is_by_road = np.zeros(n, dtype=bool)
        candidate = np.full(n, -1)
        snapped: dict[int, Snapped] = {}
        for number in needed[needed >= 0].tolist():
            part = self.parts[number]
            place, reach = part.field.reach_at(point, limit_m=self.snap_limit_m)
            if not place.is_on_road[0]:
                continue
            snapped[number] = place
            time_s[part.stations] = reach.time_s[0, part.rows]
            if part.calibration is not None:
                time_s[part.stations] = part.calibration.median_s(time_s[part.stations], hour)
                p90_s[part.stations] = part.calibration.p90_s(time_s[part.stations])
            distance_m[part.stations] = reach.distance_m[0, part.rows]
            candidate[part.stations] = reach.candidate[0, part.rows]
            is_by_road[part.stations] = True
        return _Drives(time_s, p90_s, distance_m, straight_m, is_by_road, candidate, part_of, snapped)

    def _ranked(self, stations: Ints, position: int, drives: _Drives) -> RankedStation:
        """Describe one of `stations`, which were compared with each other."""
        i = int(stations[position])
        seconds, straight = float(drives.time_s[i]), drives.straight_m[stations]
        is_known, is_calibrated = seconds == seconds, not np.isnan(drives.p90_s[i])
        calibration = self.parts[int(drives.part_of[i])].calibration if is_calibrated else None
        street, access_m = None, None
        if drives.candidate[i] >= 0:
            place = drives.snapped[int(drives.part_of[i])]
            street = place.graph.street(int(place.edge[0, drives.candidate[i]]))
            access_m = float(place.distance_m[0, drives.candidate[i]])
        road = Estimate.ROAD if drives.is_by_road[i] else Estimate.STRAIGHT_LINE
        ahead = (straight < straight[position]).sum() + (straight[:position] == straight[position]).sum()
        return RankedStation(
            station_id=self.station_ids[i],
            code=self.codes[i],
            name=self.names[i],
            lon=float(self.lonlat[i, 0]),
            lat=float(self.lonlat[i, 1]),
            travel_time_s=seconds if is_known else None,
            travel_time_p90_s=float(drives.p90_s[i]) if is_calibrated else None,
            calibration_id=calibration.calibration_id if calibration else None,
            distance_m=float(drives.distance_m[i]) if is_known else None,
            estimate=road if is_known else Estimate.NONE,
            straight_line_m=float(straight[position]),
            straight_line_rank=int(ahead) + 1,
            street=street,
            access_m=access_m,
        )


def _order(stations: Ints, drives: _Drives) -> npt.NDArray[np.intp]:
    """Return the places of `stations` by time; where no road leads to the point, by straight line; then by code."""
    seconds = drives.time_s[stations]
    straight = np.where(np.isnan(seconds), drives.straight_m[stations], 0.0)
    return np.lexsort((straight, seconds))  # NaN sorts last


def _part(field: Field, stations: pd.DataFrame, lonlat: Floats, profile: str, calibration: Calibration | None) -> Part:
    """Match the stations of one profile to the rows of its field: same code, same place, on a road."""
    row_of = {code: i for i, code in enumerate(field.codes)}
    pairs = [
        (i, row_of[code])
        for i, (code, own) in enumerate(zip(stations["code"], stations["profile"], strict=True))
        if own == profile and code in row_of
    ]
    matched = [
        (i, row)
        for i, row in pairs
        if field.stations.is_on_road[row] and np.array_equal(field.stations.lonlat[row], lonlat[i])
    ]
    index, rows = np.array(matched, dtype=np.int64).reshape(-1, 2).T
    if field.codes:
        # Makes what is made at first use (the grid of streets), so that the first incident does not wait for it.
        field.reach_at(field.stations.lonlat[:1])
    return Part(field, index, rows, calibration)


def load_stations(tx: Connection, state: Path) -> StationIndex:
    """Read the stations in service and map their current fields.

    To be called again when `siaga.city.revision`, the current rows of `travel_field` or the calibrations change.
    """
    return StationIndex.of(active_stations(tx), load_fields(tx, state), calibrations=load_calibrations(tx))


class HasStations(Protocol):
    """What `nearest` needs of a snapshot of the city."""

    @property
    def stations(self) -> StationIndex:
        """The stations in service."""


def nearest(
    snapshot: HasStations, lon: float, lat: float, service: str, limit: int = 3, *, hour: int = 0
) -> list[dict[str, Any]]:
    """Return the nearest stations of a service, of all agencies, for a program to read; see `StationIndex.nearest`."""
    found = snapshot.stations.nearest((lon, lat), service=service, limit=limit, hour=hour)
    return [station.as_dict() for station in found]
