"""Streets that are shut or slowed for a while."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.body import read_object
from api.door import door, known_id, language, read_moment, reply
from api.identity import allowed, current_actor
from api.keys import key_if_given
from api.v1 import schemas
from gis.actors import Actor
from gis.db import transaction
from gis.words import Role
from routing_engine.dispatch import closures

router = APIRouter()

Closer = Annotated[Actor, Depends(allowed(Role.OPERATOR, Role.SUPERVISOR))]


@router.post(
    "/closures",
    status_code=201,
    summary="Shut or slow streets",
    openapi_extra=schemas.body(schemas.CLOSURE),
)
def open_closure(request: Request, actor: Closer, key: Annotated[str | None, Depends(key_if_given)] = None) -> Response:
    """Close by line, polygon or a click; travel times follow within a second. The answer says who is cut off."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    with transaction(here.engine) as tx:
        made = closures.open_closure(tx, here.context, body, actor=actor, language=tongue, key=key)
    return reply(made.answer, 201 if made.is_new else 200)


@router.get("/closures", summary="Closures in force or planned, or those in force at a moment")
def list_closures(
    request: Request,
    _: Annotated[Actor, Depends(current_actor)],
    at: Annotated[str | None, Query(description="only what is in force then; RFC 3339")] = None,
) -> Response:
    """Return closures with the streets they touch, and the stations and kelurahan they cut off."""
    here, tongue = door(request), language(request)
    asked = read_moment("at", at, tongue)
    with transaction(here.engine) as tx:
        return reply(closures.list_closures(tx, here.context.current(tx), at=asked, language=tongue))


@router.delete("/closures/{closure_id}", summary="Open the streets again")
def end_closure(request: Request, closure_id: str, actor: Closer) -> Response:
    """End a closure; it stays in the history. What has ended already stays as it is."""
    here, tongue = door(request), language(request)
    with transaction(here.engine) as tx:
        return reply(closures.end_closure(tx, here.context, known_id(closure_id), actor=actor, language=tongue))
