"""Whose is it, and who is near: questions that write nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.door import door, language, read_moment, reply
from api.identity import current_actor
from api.queries import Accuracy, Code, Lat, Lon, check_position
from api.travel import present
from gis.actors import Actor
from gis.db import transaction
from routing_engine.dispatch import codes, stations
from routing_engine.dispatch.detours import detour
from routing_engine.dispatch.explaining import find_services

router = APIRouter()

Anybody = Annotated[Actor, Depends(current_actor)]


@router.get("/find-service", summary="Who is responsible at a point, and why")
def find_service(
    request: Request,
    _: Anybody,
    lon: Lon,
    lat: Lat,
    accuracy_m: Accuracy = 0.0,
    service: Code = None,
    type: Code = None,
    at: Annotated[str | None, Query(description="moment the boundaries must be in force; RFC 3339")] = None,
) -> Response:
    """Return the jurisdictions of one service, of those the SOP calls for a type, or of all."""
    here, tongue = door(request), language(request)
    check_position(lon, lat, tongue)
    asked = read_moment("at", at, tongue)
    with transaction(here.engine) as tx:
        found = find_services(
            tx,
            here.context.current(tx),
            lon,
            lat,
            type_code=type,
            service=service,
            accuracy_m=accuracy_m,
            at=asked,
            language=tongue,
        )
    return reply(found)


@router.get("/nearest", summary="Nearest stations of a service by road travel time")
def nearest(
    request: Request,
    _: Anybody,
    lon: Lon,
    lat: Lat,
    service: Annotated[str, Query(max_length=64)],
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
    hour: Annotated[int | None, Query(ge=0, le=23)] = None,
) -> Response:
    """Return stations by travel time, with the straight-line order beside it; `estimate` says how it was found.

    `hour` is one of the city's day whose traffic counts; by default the present one.
    """
    here, tongue = door(request), language(request)
    check_position(lon, lat, tongue)
    with transaction(here.engine) as tx:
        snapshot, asked, known = present(tx, here, hour)
        codes.service(snapshot, service, tongue)
        found = stations.nearest(snapshot, lon, lat, service, limit, hour=asked)
        around = detour(tx, snapshot, (lon, lat), service=service, hour=asked, language=tongue)
    answer = {"lon": lon, "lat": lat, "service": service, "hour": asked, "stations": found, "detour": around}
    return reply(answer | {"travel_times": known})
