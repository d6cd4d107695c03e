"""The live list, asked for by every open page somewhat more often than once a second."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.browser.person import READERS, person
from api.door import door, reply
from gis.actors import Actor
from gis.db import transaction
from routing_engine.dispatch import incident_lists

router = APIRouter()


@router.get("/live")
def live(
    request: Request,
    actor: Annotated[Actor, Depends(person(*READERS))],
    since: Annotated[str, Query(pattern="^[0-9]{1,19}$")] = "0",
) -> Response:
    """Return the rows changed since a cursor, as compact arrays."""
    with transaction(door(request).engine) as tx:
        found = incident_lists.live(tx, since, actor)
    return reply(found)
