"""Closures for the desks: everybody sees them, operators and supervisors open and end them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.body import read_object
from api.browser.person import person
from api.door import door, known_id, language, reply
from api.keys import key_if_given
from api.queries import Lat, Lon
from gis.actors import Actor
from gis.db import transaction
from gis.words import Role
from routing_engine.dispatch import closures
from routing_engine.dispatch.closure_streets import street_at

router = APIRouter()

Closer = Annotated[Actor, Depends(person(Role.OPERATOR, Role.SUPERVISOR))]


@router.get("/closures")
def list_closures(request: Request, _: Annotated[Actor, Depends(person())]) -> Response:
    """Return what is in force or planned, as ``GET /v1/closures``, with the streets to draw."""
    here = door(request)
    with transaction(here.engine) as tx:
        moment = here.context.current(tx)
        return reply(closures.list_closures(tx, moment, language=language(request), with_edges=True))


@router.get("/closures/street")
def street(
    request: Request,
    _: Closer,
    lon: Lon,
    lat: Lat,
    profiles: Annotated[str | None, Query(max_length=120)] = None,
) -> Response:
    """Return the piece of street a click is on; nothing is closed."""
    here, tongue = door(request), language(request)
    chosen = tuple(profiles.split(",")) if profiles else None
    with transaction(here.engine) as tx:
        snapshot = here.context.current(tx).snapshot
        return reply(street_at(tx, snapshot, lon, lat, profiles=chosen, language=tongue))


@router.post("/closures", status_code=201)
def open_closure(request: Request, actor: Closer, key: Annotated[str | None, Depends(key_if_given)] = None) -> Response:
    """Shut or slow streets; the same body as ``POST /v1/closures``."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    with transaction(here.engine) as tx:
        made = closures.open_closure(tx, here.context, body, actor=actor, language=tongue, key=key)
    return reply(made.answer, 201 if made.is_new else 200)


@router.delete("/closures/{closure_id}")
def end_closure(request: Request, closure_id: str, actor: Closer) -> Response:
    """Open the streets again."""
    here, tongue = door(request), language(request)
    with transaction(here.engine) as tx:
        return reply(closures.end_closure(tx, here.context, known_id(closure_id), actor=actor, language=tongue))
