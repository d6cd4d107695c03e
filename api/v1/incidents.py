"""Incidents as programs read and change them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.body import check_values, read_object
from api.door import door, known_id, language, read_moment, reply
from api.identity import allowed
from api.queries import Code, Cursor, read_bbox
from api.v1 import schemas
from gis.actors import Actor
from gis.db import transaction
from gis.errors import ValueRefused
from gis.messages import message
from gis.words import IncidentStatus, Lane, Role
from routing_engine.dispatch import appointing, changes, incident_lists, incidents
from routing_engine.dispatch.codes import known

router = APIRouter()

Reader = Annotated[Actor, Depends(allowed(Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY, Role.PLANNER, Role.ADMIN))]
# What a caller said is for those who act on it; planners work with the list, which has no text.
Insider = Annotated[Actor, Depends(allowed(Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY, Role.ADMIN))]
Changer = Annotated[Actor, Depends(allowed(Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY))]

MOST = 1000


@router.get("/incidents", summary="Search incidents (GeoJSON)")
def search(
    request: Request,
    actor: Reader,
    status: Annotated[IncidentStatus | None, Query()] = None,
    lane: Annotated[Lane | None, Query()] = None,
    type: Code = None,
    agency: Code = None,
    since: Annotated[str | None, Query(description="received at or after; RFC 3339")] = None,
    until: Annotated[str | None, Query(description="received before; RFC 3339")] = None,
    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    cursor: Cursor = None,
) -> Response:
    """Return a FeatureCollection, newest first, without callers' data; `next` is the next page's cursor or null."""
    here, tongue = door(request), language(request)
    box = read_bbox(bbox, tongue)
    first, end = read_moment("since", since, tongue), read_moment("until", until, tongue)
    if first is not None and end is not None and end < first:
        raise ValueRefused.of("until", message("ends_before", tongue), value=until)
    with transaction(here.engine) as tx:
        if type is not None or agency is not None:
            snapshot = here.context.current(tx).snapshot
            for name, code, codes in (("type", type, snapshot.types), ("agency", agency, snapshot.agencies)):
                if code is not None:
                    known(name, code, codes, tongue)
        found = incident_lists.search(
            tx,
            actor,
            status=status,
            lane=lane,
            type_code=type,
            agency=agency,
            since=first,
            until=end,
            bbox=box,
            limit=limit,
            cursor=cursor,
        )
    return reply(found, media_type="application/geo+json")


@router.get("/incidents/{incident_id}", summary="One incident with its assignments")
def detail(request: Request, incident_id: str, actor: Insider) -> Response:
    """Return the incident, its assignments with the sentence why, and its events."""
    here = door(request)
    with transaction(here.engine) as tx:
        return reply(incidents.detail(tx, known_id(incident_id), actor, language(request)))


@router.get("/incidents/{incident_id}/appointable", summary="Who may be appointed by hand")
def appointable(
    request: Request, incident_id: str, actor: Annotated[Actor, Depends(allowed(Role.OPERATOR, Role.SUPERVISOR))]
) -> Response:
    """Return who may be appointed, services called already first, each by travel time."""
    here = door(request)
    with transaction(here.engine) as tx:
        row = incidents.visible(tx, known_id(incident_id), actor)
        found = appointing.appointable(tx, here.context.current(tx), row, language(request))
    return reply({"items": found})


@router.get("/incidents/{incident_id}/events", summary="What happened, in order")
def events(request: Request, incident_id: str, actor: Insider) -> Response:
    """Return the append-only events of an incident."""
    here = door(request)
    with transaction(here.engine) as tx:
        return reply({"items": incidents.events(tx, known_id(incident_id), actor)})


@router.get("/incidents/{incident_id}/receipts", summary="What was decided from what")
def receipts(request: Request, incident_id: str, actor: Reader) -> Response:
    """Return the receipts of an incident: inputs, every candidate, why it lost, digest."""
    here = door(request)
    with transaction(here.engine) as tx:
        return reply({"items": incidents.receipts(tx, known_id(incident_id), actor)})


@router.post(
    "/incidents/{incident_id}/events",
    status_code=201,
    summary="Change an incident",
    openapi_extra=schemas.body(schemas.EVENT),
)
def add_event(request: Request, incident_id: str, actor: Changer) -> Response:
    """Verify, note, relocate, close, recall, appoint … on the version that was read; 409 when it is stale.

    An agency may add notes to its own incidents.
    """
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    check_values(body, schemas.EVENT["properties"], tongue, required=schemas.EVENT["required"])
    with transaction(here.engine) as tx:
        changed = changes.add_event(tx, here.context, known_id(incident_id), body, actor=actor, language=tongue)
    return reply(changed, 201)
