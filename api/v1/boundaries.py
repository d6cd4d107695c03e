"""Boundaries for programs: the set in force at any moment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.door import door, language, read_moment, reply
from api.identity import allowed
from gis.actors import Actor
from gis.db import database_now, transaction
from gis.words import Role
from zones import boundary_history

router = APIRouter()


@router.get("/boundaries", summary="The boundaries of a service in force at a moment, past or to come")
def in_force(
    request: Request,
    _: Annotated[Actor, Depends(allowed(Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY, Role.PLANNER, Role.ADMIN))],
    service: Annotated[str, Query(min_length=1, max_length=64)],
    at: Annotated[str | None, Query(description="moment they must be in force; RFC 3339; default now")] = None,
) -> Response:
    """Return a FeatureCollection with every version, since when it holds, and the moments at which the set changes."""
    here, tongue = door(request), language(request)
    asked = read_moment("at", at, tongue)
    with transaction(here.engine) as tx:
        return reply(boundary_history.in_force(tx, service, at=asked or database_now(tx), language=tongue))
