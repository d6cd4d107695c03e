"""Drives: one with its streets, the ground reached in so many minutes, many at once. They write nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.identity import current_actor
from api.travel import (
    MATRIX,
    Hour,
    Lat,
    Lon,
    Minutes,
    Point,
    Profile,
    Station,
    isochrones_answer,
    matrix_of,
    route_answer,
)
from api.v1 import schemas
from gis.actors import Actor

router = APIRouter()

Anybody = Annotated[Actor, Depends(current_actor)]


@router.get("/route", summary="The fastest drive: a line, seconds, steps (GeoJSON)")
def route(
    request: Request,
    _: Anybody,
    start: Annotated[Point, Query(alias="from")] = None,
    to: Point = None,
    station: Station = None,
    profile: Profile = None,
    hour: Hour = None,
) -> Response:
    """Return the drive from a point or a station; `estimate` says whether it is by road."""
    return route_answer(request, start, to, station, profile, hour)


@router.get("/isochrones", summary="What is reached within so many minutes (GeoJSON)")
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
    """Return nested polygons along the streets, from a station or a point."""
    return isochrones_answer(request, lon, lat, station, minutes, profile, hour)


@router.post("/matrix", summary="Drives between many places", openapi_extra=schemas.body(MATRIX))
def matrix(request: Request, _: Anybody) -> Response:
    """Return seconds and metres from every origin to every destination, each with `estimate`."""
    return matrix_of(request)
