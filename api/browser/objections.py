"""Objections for the pages: an agency makes them, the city's people look into them and answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.body import check_values, read_object
from api.browser.person import person
from api.door import door, known_id, language, reply
from api.queries import Code
from gis.actors import Actor
from gis.db import transaction
from gis.words import Role
from routing_engine.dispatch import objection_views, objections

router = APIRouter()

MADE = ("reason", "agency", "jurisdiction")
WORKED = ("version", "state", "draft_id", "outcome", "answer")


@router.post("/assignments/{assignment_id}/objection", status_code=201)
def make(request: Request, assignment_id: str, actor: Annotated[Actor, Depends(person(Role.AGENCY))]) -> Response:
    """Object to an assignment; the same body as ``POST /v1/assignments/{id}/objection``."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    check_values(body, MADE, tongue)
    with transaction(here.engine) as tx:
        made = objections.make(tx, here.context, known_id(assignment_id), body, actor=actor, language=tongue)
    return reply(made, 201)


@router.get("/objections")
def list_objections(
    request: Request,
    actor: Annotated[Actor, Depends(person(*objection_views.READERS))],
    state: Code = None,
    service: Code = None,
    incident: Annotated[str | None, Query(max_length=36)] = None,
) -> Response:
    """Return objections, the oldest that waits first."""
    here, tongue = door(request), language(request)
    with transaction(here.engine) as tx:
        return reply(
            objection_views.list_objections(
                tx,
                actor=actor,
                language=tongue,
                state=state,
                service=service,
                incident=known_id(incident) if incident else None,
            )
        )


@router.post("/objections/{objection_id}")
def work(
    request: Request, objection_id: str, actor: Annotated[Actor, Depends(person(*objection_views.WORKERS))]
) -> Response:
    """Take an objection up, link a draft with it, or answer it."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    check_values(body, WORKED, tongue)
    with transaction(here.engine) as tx:
        done = objections.work(tx, here.context, known_id(objection_id), body, actor=actor, language=tongue)
    return reply(done)
