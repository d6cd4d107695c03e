"""Intake: one report in, one stored answer out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.body import read_object
from api.door import door, language, reply
from api.identity import allowed
from api.keys import one_key
from api.v1 import schemas
from gis.actors import Actor
from gis.db import transaction
from gis.words import Role
from routing_engine.dispatch import intake

router = APIRouter()


@router.post(
    "/reports",
    status_code=201,
    summary="Take one report",
    openapi_extra=schemas.body(schemas.REPORT),
    responses={200: {"description": "the stored answer of the same key and body"}},
)
def post_report(
    request: Request,
    actor: Annotated[Actor, Depends(allowed(Role.INTAKE, Role.OPERATOR, Role.SUPERVISOR))],
    key: Annotated[str, Depends(one_key)],
) -> Response:
    """Store the report, decide who is called, answer. A lost answer is had again with the same key and body."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    with transaction(here.engine) as tx:
        accepted = intake.accept(tx, here.context, body, actor=actor, key=key, language=tongue)
    return reply(accepted.answer, 201 if accepted.is_new else 200)
