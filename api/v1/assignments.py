"""Assignments: an agency says how far it is, or that it is not its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.body import check_values, read_object
from api.door import door, known_id, language, reply
from api.identity import allowed
from api.states import read_state
from api.v1 import schemas
from gis.actors import Actor
from gis.db import database_now, transaction
from gis.words import Role
from routing_engine.dispatch import lifecycle, objections

router = APIRouter()


@router.post(
    "/assignments/{assignment_id}/state", summary="Move an assignment on", openapi_extra=schemas.body(schemas.STATE)
)
def change_state(
    request: Request,
    assignment_id: str,
    actor: Annotated[Actor, Depends(allowed(Role.AGENCY, Role.OPERATOR, Role.SUPERVISOR))],
) -> Response:
    """Set the state on the version that was read; 409 when it is stale or would go backwards."""
    here, tongue = door(request), language(request)
    change = read_state(request.state.body, tongue)
    with transaction(here.engine) as tx:
        now = database_now(tx)
        changed = lifecycle.change_assignment(
            tx, known_id(assignment_id), actor=actor, now=now, language=tongue, **change
        )
    return reply(changed)


@router.post(
    "/assignments/{assignment_id}/objection",
    status_code=201,
    summary="Object to an assignment",
    openapi_extra=schemas.body(schemas.OBJECTION),
)
def make_objection(
    request: Request, assignment_id: str, actor: Annotated[Actor, Depends(allowed(Role.AGENCY))]
) -> Response:
    """Say that an assignment is another's; the answer comes to the inbox. The incident goes on as it is."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    check_values(body, schemas.OBJECTION["properties"], tongue)
    with transaction(here.engine) as tx:
        made = objections.make(tx, here.context, known_id(assignment_id), body, actor=actor, language=tongue)
    return reply(made, 201)
