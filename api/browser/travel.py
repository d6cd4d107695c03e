"""Drives for the maps of the pages; as under ``/v1``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import text

from api.browser.person import READERS, person
from api.door import door, known_id, language, reply
from api.travel import Hour, Lat, Lon, Minutes, Point, Profile, Station, isochrones_answer, route_answer
from gis.actors import Actor
from gis.db import transaction
from gis.errors import ConflictError, ValueRefused
from gis.words import Role
from routing_engine.dispatch import incidents, travel
from routing_engine.dispatch.detours import detour

router = APIRouter()

NO_LIMITS = {"agency": None, "jurisdiction": None}
ASSIGNMENT = text(
    """
SELECT a.station_id::text, a.service_code, a.agency_code, j.code AS jurisdiction_code
FROM siaga.assignment a LEFT JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE a.incident_id = :incident AND a.station_id IS NOT NULL
  AND (CAST(:assignment AS text) IS NULL OR a.assignment_id::text = :assignment)
  AND (CAST(:agency AS text) IS NULL OR a.agency_code = :agency)
  AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)
ORDER BY a.role = 'lead' DESC, a.role = 'support' DESC, a.travel_time_s, a.assignment_id LIMIT 1
"""
)

Anybody = Annotated[Actor, Depends(person())]


@router.get("/route")
def route(
    request: Request,
    _: Anybody,
    start: Annotated[Point, Query(alias="from")] = None,
    to: Point = None,
    station: Station = None,
    profile: Profile = None,
    hour: Hour = None,
) -> Response:
    """Return the fastest drive; as ``GET /v1/route``."""
    return route_answer(request, start, to, station, profile, hour)


@router.get("/incidents/{incident_id}/route")
def incident_route(
    request: Request,
    incident_id: str,
    actor: Annotated[Actor, Depends(person(*READERS))],
    assignment: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Return the drive of the station that was called (of the lead, by default), in the traffic of this hour.

    `route` as ``GET /v1/route``; `null` without a station, without roads, or when no road leads there. `detour` says
    which station would be nearer in a straight line, and why it is not called.
    """
    here, tongue = door(request), language(request)
    with transaction(here.engine) as tx:
        row = incidents.visible(tx, known_id(incident_id), actor)
        is_agency = actor.role == Role.AGENCY
        limits = {"agency": actor.agency, "jurisdiction": actor.jurisdiction} if is_agency else NO_LIMITS
        wanted = {"incident": row["incident_id"], "assignment": assignment, **limits}
        called = tx.execute(ASSIGNMENT, wanted).one_or_none()
        if called is None:
            return reply({"route": None, "detour": None})
        moment = here.context.current(tx)
        snapshot, point = moment.snapshot, (row["lon"], row["lat"])
        hour = snapshot.city.hour_of(moment.now)
        around = detour(
            tx,
            snapshot,
            point,
            service=called.service_code,
            agency=called.agency_code,
            jurisdiction_code=called.jurisdiction_code,
            hour=hour,
            language=tongue,
        )
    try:
        start = travel.station_start(snapshot.stations, called.station_id, tongue)
        drive = travel.route(snapshot, start, point, profile=None, hour=hour, language=tongue)
    except (ConflictError, ValueRefused):
        drive = None
    return reply({"route": drive, "detour": around})


@router.get("/isochrones")
def isochrones(
    request: Request,
    _: Anybody,
    minutes: Minutes,
    station: Station = None,
    lon: Lon = None,
    lat: Lat = None,
    profile: Profile = None,
    hour: Hour = None,
) -> Response:
    """Return what is reached within so many minutes; as ``GET /v1/isochrones``."""
    return isochrones_answer(request, lon, lat, station, minutes, profile, hour)
