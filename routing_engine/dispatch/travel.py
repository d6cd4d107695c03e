"""Drives and isochrones as people and programs ask for them, with all that must be said beside them.

Seconds are those of `stations.nearest`: modelled, and, where recorded runs calibrate them, the median of such runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from gis.errors import ConflictError, Finding, ValueRefused
from gis.messages import message
from gis.words import Estimate
from routing_engine.dispatch import answers
from routing_engine.dispatch.context import Snapshot
from routing_engine.dispatch.stations import StationIndex
from routing_engine.network.calibration import Calibration
from routing_engine.network.estimate import great_circle_m, straight_line
from routing_engine.network.fields import Field
from routing_engine.network.isochrones import JUMP_S, isochrones, one_of, street_times, street_times_of
from routing_engine.network.routes import Route, route_from_station, routes
from routing_engine.network.snapping import Snapped, snap
from routing_engine.network.step_texts import step_text
from routing_engine.network.steps import Step, steps_of

# What a drive is asked for without a word about the vehicle.
DEFAULT_PROFILE = "car"

NOTHING = shapely.MultiPolygon()

Place = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a drive begins: a position in EPSG:4326 degrees, and the number of the station there, if it is one."""

    lonlat: Place
    station: int | None = None


@dataclass(frozen=True, eq=False)
class Roads:
    """The roads a vehicle drives at an hour, the stations' rows of their field, and what recorded runs say of them."""

    field: Field
    hour: int
    row_of: Mapping[int, int]
    calibration: Calibration | None

    @property
    def real(self) -> tuple[float, float]:
        """Seconds every drive has besides, and real seconds per modelled second; (0, 1) while not calibrated."""
        if self.calibration is None:
            return 0.0, 1.0
        fixed_s, more_s = self.calibration.median_s([0.0, 1.0], self.hour).tolist()
        return fixed_s, more_s - fixed_s

    def timed(self, seconds: float) -> dict[str, Any]:
        """Return the seconds of a drive by road, and those nine of ten drives keep to, as answers have them."""
        fixed_s, factor = self.real
        median_s = fixed_s + factor * seconds
        p90_s = None if self.calibration is None else round(float(self.calibration.p90_s(median_s)), 1)
        return {"travel_time_s": round(median_s, 1), "travel_time_p90_s": p90_s}


def roads_for(
    stations: StationIndex, profile: str | None, language: str, *, hour: int, station: int | None = None
) -> Roads:
    """Return the roads to be driven: by `profile`, else by the station's vehicle, else by a car.

    Parameters
    ----------
    hour
        Of the city's day, 0 to 23.

    Raises
    ------
    ConflictError
        There are no roads yet.
    ValueRefused
        No station has such a vehicle, so that no roads have been prepared for it.
    """
    if not stations.parts:
        raise ConflictError(message("no_roads", language))
    in_force = {int(number) for number in stations.part_of[hour] if number >= 0}
    # A profile whose stations are all off the road has no number, but roads.
    numbers = {stations.parts[i].field.graph.profile: i for i in (*range(len(stations.parts)), *sorted(in_force))}
    if profile is None and station is not None and stations.part_of[hour, station] >= 0:
        number = int(stations.part_of[hour, station])
    else:
        wanted = profile or (DEFAULT_PROFILE if DEFAULT_PROFILE in numbers else sorted(numbers)[0])
        if wanted not in numbers:
            allowed = ", ".join(sorted(numbers))
            raise ValueRefused.of("profile", message("one_of", language, allowed=allowed), value=wanted)
        number = numbers[wanted]
    part = stations.parts[number]
    rows = dict(zip(part.stations.tolist(), part.rows.tolist(), strict=True))
    return Roads(part.field, hour, rows, part.calibration)


def station_start(stations: StationIndex, code: str, language: str) -> Start:
    """Return the start at a station in service, named by its code or id.

    Raises
    ------
    ValueRefused
        There is none.
    """
    for names in (stations.codes, stations.station_ids):
        if code in names:
            number = names.index(code)
            lon, lat = stations.lonlat[number].tolist()
            return Start(lonlat=(lon, lat), station=number)
    raise ValueRefused.of("station", message("unknown_station", language), message("station_hint", language), code)


def route(
    snapshot: Snapshot, start: Start, end: Place, *, profile: str | None, hour: int, language: str
) -> dict[str, Any]:
    """Return the fastest drive as a GeoJSON feature (EPSG:4326).

    Parameters
    ----------
    end
        EPSG:4326 degrees.
    profile
        The vehicle; by default the station's, else a car.
    hour
        Of the city's day, 0 to 23, whose traffic counts.

    Returns
    -------
    dict
        A line from road to road; properties as the contract has them. Where an end is too far from every road: a
        straight line with the labelled estimate and no steps.

    Raises
    ------
    ConflictError
        There are no roads yet, or none leads there.
    ValueRefused
        The profile has no roads.
    """
    roads = roads_for(snapshot.stations, profile, language, hour=hour, station=start.station)
    field = roads.field
    limit_m = snapshot.stations.snap_limit_m
    places = snap(field.graph, [start.lonlat, end], limit_m=limit_m)
    properties = _labels(snapshot, roads) | {"from": _where(snapshot, start), "to": {"lon": end[0], "lat": end[1]}}
    if not places.is_on_road.all():
        return _straight(start.lonlat, end, properties)
    found = _drive(roads, start, places)
    if found is None:
        raise ConflictError(message("no_road_leads", language))
    line = found.lonlat if len(found.lonlat) > 1 else np.repeat(found.lonlat, 2, axis=0)
    drive_side = str(snapshot.city.settings.get("drive_side", "left"))
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": np.round(line, 6).tolist()},
        "properties": properties
        | {
            "estimate": str(Estimate.ROAD),
            **roads.timed(found.time_s),
            "distance_m": round(found.distance_m, 1),
            "access_m": [round(metres, 1) for metres in found.access_m],
            "bridge_m": round(float(found.edge_m[found.graph.edge_is_bridge[found.edge]].sum()), 1),
            "steps": [_step(step, roads.real[1], language) for step in steps_of(found, end, drive_side=drive_side)],
        },
    }


def _drive(roads: Roads, start: Start, places: Snapped) -> Route | None:
    """Find the route between two positions; a station's own is read from its field."""
    if start.station is not None and start.station in roads.row_of:
        return route_from_station(roads.field, roads.row_of[start.station], places, 1)
    return routes(roads.field.graph, one_of(places, 0), one_of(places, 1))[0]


def drive_from(stations: StationIndex, code: str, lonlat: Place, *, hour: int) -> Route | None:
    """Return the drive from a station's field to a point; `None` without a road at either end or between them."""
    number = stations.codes.index(code)
    which = int(stations.part_of[hour, number])
    if which < 0:
        return None
    part = stations.parts[which]
    place = snap(part.field.graph, [lonlat], limit_m=stations.snap_limit_m)
    if not place.is_on_road[0]:
        return None
    return route_from_station(part.field, int(part.rows[np.flatnonzero(part.stations == number)[0]]), place)


def _straight(start: Place, end: Place, properties: dict[str, Any]) -> dict[str, Any]:
    time_s, distance_m = straight_line(great_circle_m([start], [end]))
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [list(start), list(end)]},
        "properties": properties
        | {
            "estimate": str(Estimate.STRAIGHT_LINE),
            "calibration": "none",
            "travel_time_s": round(float(time_s[0, 0]), 1),
            "travel_time_p90_s": None,
            "distance_m": round(float(distance_m[0, 0]), 1),
            "access_m": None,
            "bridge_m": None,
            "steps": [],
        },
    }


def _step(step: Step, factor: float, language: str) -> dict[str, Any]:
    return {
        "kind": str(step.kind),
        "modifier": None if step.modifier is None else str(step.modifier),
        "exit": step.exit,
        "street": step.street,
        "ref": step.ref,
        "text": step_text(step, language),
        "distance_m": round(step.distance_m, 1),
        "travel_time_s": round(factor * step.time_s, 1),
        "bearing": step.bearing,
        "lon": round(step.lon, 6),
        "lat": round(step.lat, 6),
    }


def reached(
    snapshot: Snapshot, start: Start, minutes: Sequence[float], *, profile: str | None, hour: int, language: str
) -> dict[str, Any]:
    """Return isochrones as a GeoJSON feature collection (EPSG:4326), the shortest first.

    Minutes are real ones where recorded runs calibrate them.

    Raises
    ------
    ConflictError
        There are no roads yet.
    ValueRefused
        The profile has no roads, or no road is near the start.
    """
    limit_m = snapshot.stations.snap_limit_m
    roads = roads_for(snapshot.stations, profile, language, hour=hour, station=start.station)
    field, graph = roads.field, roads.field.graph
    fixed_s, factor = roads.real
    modelled = {real: (real - fixed_s / 60.0) / factor for real in sorted(minutes)}
    if start.station is not None and start.station in roads.row_of:
        times = street_times_of(field, roads.row_of[start.station])
    else:
        place = snap(graph, [start.lonlat], limit_m=limit_m)
        if not place.is_on_road[0]:
            reason = message("off_road", language, limit=round(limit_m))
            fields = ["station"] if start.station is not None else ["lon", "lat"]
            raise ValueRefused(reason, [Finding(field=name, reason=reason) for name in fields])
        times = street_times(graph, place, limit_s=60.0 * max(modelled.values()) + JUMP_S, access_kph=field.access_kph)
    properties = _labels(snapshot, roads) | {"from": _where(snapshot, start)}
    # What takes longer only to set out is reached by nobody.
    outlines = isochrones(times, [value for value in modelled.values() if value > 0])
    drawn = dict(zip([real for real, value in modelled.items() if value > 0], outlines, strict=True))
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": json.loads(shapely.to_geojson(drawn[real].polygon if real in drawn else NOTHING)),
                "properties": properties
                | {
                    "minutes": real,
                    "estimate": str(Estimate.ROAD),
                    "area_km2": round(drawn[real].area_km2, 3) if real in drawn else 0.0,
                },
            }
            for real in modelled
        ],
    }


def _labels(snapshot: Snapshot, roads: Roads) -> dict[str, Any]:
    """Return what every figure needs beside it: vehicle, hour, and what it is not."""
    return {
        "profile": roads.field.graph.profile,
        "hour": roads.hour,
        "calibration": answers.calibration(roads.calibration.calibration_id if roads.calibration else None),
        "roads_synthetic": bool(snapshot.city.settings.get("roads_synthetic", False)),
    }


def _where(snapshot: Snapshot, start: Start) -> dict[str, Any]:
    lon, lat = start.lonlat
    if start.station is None:
        return {"lon": lon, "lat": lat}
    stations = snapshot.stations
    return {
        "lon": lon,
        "lat": lat,
        "station": {
            "id": stations.station_ids[start.station],
            "code": stations.codes[start.station],
            "name": stations.names[start.station],
        },
    }
