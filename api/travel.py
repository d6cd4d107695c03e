"""What both doors ask about drives: the parameters, read and judged, and the answers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from sqlalchemy import Connection

from api.body import check_values, read_object
from api.door import Door, door, language, reply
from api.queries import Code, check_position
from gis.db import transaction
from gis.errors import Finding, ValueRefused
from gis.messages import message
from gis.words import Language
from routing_engine.dispatch import travel
from routing_engine.dispatch.answers import calibration as named_calibration
from routing_engine.dispatch.closures import travel_times
from routing_engine.dispatch.context import Snapshot
from routing_engine.network.matrices import matrix, matrix_answer

MOST_OUTLINES = 10
MAX_MINUTES = 120.0
MOST_PLACES = 1_000
MOST_PAIRS = 50_000

Point = Annotated[str | None, Query(max_length=80, description="lon,lat in degrees, EPSG:4326")]
Station = Annotated[str | None, Query(max_length=64, description="a station's code or id, instead of a point")]
Minutes = Annotated[str, Query(max_length=200, description="such as 5,10,15")]
Profile = Code
Hour = Annotated[
    int | None,
    Query(ge=0, le=23, description="hour of the city's day whose traffic counts; by default the present one"),
]
Lon = Annotated[float | None, Query(ge=-180, le=180, allow_inf_nan=False, description="degrees, EPSG:4326")]
Lat = Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False, description="degrees, EPSG:4326")]

MATRIX = {
    "type": "object",
    "properties": {
        name: {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_PLACES,
            "items": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": {"type": "number"},
                "description": "lon, lat in degrees, EPSG:4326",
            },
        }
        for name in ("origins", "destinations")
    }
    | {
        "profile": {"type": ["string", "null"], "maxLength": 64},
        "hour": {"type": ["integer", "null"], "minimum": 0, "maximum": 23},
    },
    "additionalProperties": False,
    "required": ["origins", "destinations"],
    "example": {"origins": [[122.47, -4.01]], "destinations": [[122.53, -4.0], [122.5, -3.97]]},
}


def route_answer(
    request: Request, start: str | None, end: str | None, station: str | None, profile: str | None, hour: int | None
) -> Response:
    """Answer with the fastest drive.

    Raises
    ------
    ValueRefused
        A point is none, or the start is given twice or not at all.
    """
    here, tongue = door(request), language(request)
    findings: list[Finding] = []
    begin = _point("from", start, tongue, findings) if start is not None else None
    there = _point("to", end, tongue, findings)
    if (start is None) == (station is None):
        findings.append(Finding(field="from", reason=message("one_start", tongue, names="from, station")))
    if findings or there is None:
        raise ValueRefused("; ".join(map(str, findings)), findings)
    snapshot, asked, known = _present(here, hour)
    found = travel.route(
        snapshot, _start(snapshot, begin, station, tongue), there, profile=profile, hour=asked, language=tongue
    )
    return reply(found | {"travel_times": known}, media_type="application/geo+json")


def isochrones_answer(
    request: Request,
    lon: float | None,
    lat: float | None,
    station: str | None,
    minutes: str,
    profile: str | None,
    hour: int | None,
) -> Response:
    """Answer with what is reached within each of `minutes`.

    Raises
    ------
    ValueRefused
        The start is given twice, half or not at all, or `minutes` is no list of minutes.
    """
    here, tongue = door(request), language(request)
    findings = []
    wanted = _minutes(minutes)
    if wanted is None:
        reason = message("minutes_format", tongue, most=MOST_OUTLINES, limit=f"{MAX_MINUTES:g}")
        findings.append(Finding(field="minutes", reason=reason, hint=message("minutes_hint", tongue)))
    begin = None
    if lon is not None and lat is not None and station is None:
        check_position(lon, lat, tongue)
        begin = lon, lat
    elif station is None or lon is not None or lat is not None:
        findings.append(Finding(field="station", reason=message("one_start", tongue, names="station, lon + lat")))
    if findings or wanted is None:
        raise ValueRefused("; ".join(map(str, findings)), findings)
    snapshot, asked, known = _present(here, hour)
    found = travel.reached(
        snapshot, _start(snapshot, begin, station, tongue), wanted, profile=profile, hour=asked, language=tongue
    )
    return reply(found | {"travel_times": known}, media_type="application/geo+json")


def matrix_of(request: Request) -> Response:
    """Answer with the drives between the places in the body.

    Raises
    ------
    ValueRefused
        A list is none, or there are too many pairs.
    """
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    check_values(body, list(MATRIX["properties"]), tongue, required=MATRIX["required"])
    findings: list[Finding] = []
    origins, destinations = (_places(name, body[name], tongue, findings) for name in ("origins", "destinations"))
    profile = body.get("profile")
    if profile is not None and not isinstance(profile, str):
        findings.append(Finding(field="profile", reason=message("wrong_type", tongue, expected="text")))
    hour = body.get("hour")
    if hour is not None and (isinstance(hour, bool) or not isinstance(hour, int) or not 0 <= hour <= 23):
        findings.append(Finding(field="hour", reason=message("range", tongue, low=0, high=23)))
    pairs = len(origins) * len(destinations)
    if pairs > MOST_PAIRS:
        reason = message("too_many_pairs", tongue, n=pairs, limit=MOST_PAIRS)
        findings.append(Finding(field="destinations", reason=reason))
    if findings:
        raise ValueRefused("; ".join(map(str, findings)), findings)
    snapshot, asked, known = _present(here, hour)
    stations = snapshot.stations
    # As `nearest`: without roads every answer is the labelled estimate.
    roads = travel.roads_for(stations, profile, tongue, hour=asked) if stations.parts else None
    graph, calibration = (roads.field.graph, roads.calibration) if roads is not None else (None, None)
    found = matrix(
        graph, origins, destinations, calibration=calibration, hour=asked, snap_limit_m=stations.snap_limit_m
    )
    named = named_calibration(calibration.calibration_id if calibration else None)
    said = {"profile": graph.profile if graph is not None else None, "hour": asked, "calibration": named}
    return reply({**said, **matrix_answer(found), "travel_times": known})


def present(tx: Connection, here: Door, hour: int | None) -> tuple[Snapshot, int, dict[str, Any]]:
    """Return the configuration in force, the hour asked or the present one, and how old that hour's times are."""
    moment = here.context.current(tx)
    asked = moment.snapshot.city.hour_of(moment.now) if hour is None else hour
    # What is said of the times must be true of those that answer, so these are looked up afterwards.
    known = travel_times(tx, asked)
    return here.context.current(tx).snapshot, asked, known


def _present(here: Door, hour: int | None) -> tuple[Snapshot, int, dict[str, Any]]:
    with transaction(here.engine) as tx:
        return present(tx, here, hour)


def _start(snapshot: Snapshot, point: travel.Place | None, station: str | None, tongue: Language) -> travel.Start:
    if station is not None:
        return travel.station_start(snapshot.stations, station, tongue)
    assert point is not None
    return travel.Start(lonlat=point)


def _point(field: str, value: str | None, tongue: Language, findings: list[Finding]) -> travel.Place | None:
    if value is None:
        findings.append(Finding(field=field, reason=message("required", tongue)))
        return None
    try:
        lon, lat = (float(part) for part in value.split(","))
        if not (abs(lon) <= 180 and abs(lat) <= 90):
            raise ValueError
        check_position(lon, lat, tongue)
    except ValueRefused as refused:
        findings += [Finding(field=field, reason=one.reason, hint=one.hint) for one in refused.findings]
        return None
    except ValueError:
        hint = message("point_hint", tongue)
        findings.append(Finding(field=field, reason=message("point_format", tongue), hint=hint))
        return None
    return lon, lat


def _minutes(value: str) -> list[float] | None:
    """Return the minutes, each once, ascending; `None` when it is no such list."""
    try:
        found = sorted({float(part) for part in value.split(",")})
    except ValueError:
        return None
    is_good = 1 <= len(found) <= MOST_OUTLINES and all(0.0 < one <= MAX_MINUTES for one in found)
    return found if is_good else None


def _places(field: str, value: Any, tongue: Language, findings: list[Finding]) -> list[list[float]]:
    """Return the positions of a list; a finding for the first that is none."""
    places: list[list[float]] = value if isinstance(value, list) else []
    at = next((i for i, place in enumerate(places) if not _is_place(place)), None)
    if at is not None:
        hint = message("point_hint", tongue)
        findings.append(Finding(field=f"{field}[{at}]", reason=message("point_format", tongue), hint=hint))
        return []
    if not 1 <= len(places) <= MOST_PLACES:
        findings.append(Finding(field=field, reason=message("places_format", tongue, limit=MOST_PLACES)))
    return places


def _is_place(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    numbers = [one for one in value if isinstance(one, int | float) and not isinstance(one, bool)]
    return len(numbers) == 2 and abs(numbers[0]) <= 180 and abs(numbers[1]) <= 90
