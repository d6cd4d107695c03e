"""Drives for the maps of the pages; as under ``/v1``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.browser.person import person
from api.travel import Hour, Lat, Lon, Minutes, Point, Profile, Station, isochrones_answer, route_answer
from gis.actors import Actor

router = APIRouter()

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
