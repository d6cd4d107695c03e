"""One incident whole, its changes, and the states of its assignments."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.body import check_values, read_object
from api.browser.person import READERS, person
from api.door import door, known_id, language, reply
from api.states import read_state
from api.v1.schemas import EVENT
from gis.actors import Actor
from gis.db import database_now, transaction
from gis.words import Role
from routing_engine.dispatch import appointing, callers, changes, incidents, lifecycle

router = APIRouter()

Changer = Annotated[Actor, Depends(person(Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY))]


@router.get("/incidents/{incident_id}")
def detail(request: Request, incident_id: str, actor: Annotated[Actor, Depends(person(*READERS))]) -> Response:
    """Return an incident with its assignments, sentences and events; for who answers calls with its callers, masked."""
    here, wanted = door(request), known_id(incident_id)
    with transaction(here.engine) as tx:
        found = incidents.detail(tx, wanted, actor, language(request))
        return reply(found | {"callers": callers.masked(tx, here.context.current(tx).snapshot.city, wanted, actor)})


@router.post("/reports/{report_id}/caller")
def reveal_caller(
    request: Request, report_id: str, actor: Annotated[Actor, Depends(person(Role.OPERATOR, Role.SUPERVISOR))]
) -> Response:
    """Return who sent a report, whole, for the `reason` in the body, which goes on record."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    check_values(body, ("reason",), tongue, required=("reason",))
    with transaction(here.engine) as tx:
        city = here.context.current(tx).snapshot.city
        found = callers.reveal(tx, city, known_id(report_id), body["reason"], actor=actor, language=tongue)
    return reply(found)


@router.get("/incidents/{incident_id}/appointable")
def appointable(
    request: Request, incident_id: str, actor: Annotated[Actor, Depends(person(Role.OPERATOR, Role.SUPERVISOR))]
) -> Response:
    """Return who may be appointed by hand; as ``GET /v1/incidents/{id}/appointable``."""
    here = door(request)
    with transaction(here.engine) as tx:
        row = incidents.visible(tx, known_id(incident_id), actor)
        found = appointing.appointable(tx, here.context.current(tx), row, language(request))
    return reply({"items": found})


@router.post("/incidents/{incident_id}/events")
def add_event(request: Request, incident_id: str, actor: Changer) -> Response:
    """Change an incident; the same body as ``POST /v1/incidents/{id}/events``."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    check_values(body, EVENT["properties"], tongue, required=EVENT["required"])
    with transaction(here.engine) as tx:
        changed = changes.add_event(tx, here.context, known_id(incident_id), body, actor=actor, language=tongue)
    return reply(changed, 201)


@router.post("/assignments/{assignment_id}/state")
def change_state(request: Request, assignment_id: str, actor: Changer) -> Response:
    """Move an assignment on; the same body as ``POST /v1/assignments/{id}/state``."""
    here, tongue = door(request), language(request)
    change = read_state(request.state.body, tongue)
    with transaction(here.engine) as tx:
        now = database_now(tx)
        changed = lifecycle.change_assignment(
            tx, known_id(assignment_id), actor=actor, now=now, language=tongue, **change
        )
    return reply(changed)
