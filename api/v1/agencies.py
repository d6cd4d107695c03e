"""What an agency has to know, in the order it was delivered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection, text

from api.door import door, language, reply
from api.identity import allowed
from api.queries import Code
from gis.actors import Actor
from gis.db import transaction
from gis.errors import NotFoundError
from gis.words import Language, Role
from routing_engine.dispatch.codes import known
from routing_engine.dispatch.inbox import items

router = APIRouter()

MOST = 500

JURISDICTIONS = text("SELECT DISTINCT code FROM siaga.jurisdiction WHERE agency_code = :agency ORDER BY code")
EXISTS = text("SELECT EXISTS (SELECT 1 FROM siaga.agency WHERE agency_code = :agency)")


def own_jurisdiction(tx: Connection, agency: str, jurisdiction: str | None, actor: Actor) -> str | None:
    """Return the jurisdiction to show: the one asked for, or the only one the actor may see.

    Raises
    ------
    NotFoundError
        No such agency, or not the actor's own.
    """
    if actor.role == Role.AGENCY:
        if actor.agency != agency or (actor.jurisdiction and jurisdiction not in (None, actor.jurisdiction)):
            raise NotFoundError("another agency's inbox")
        jurisdiction = actor.jurisdiction or jurisdiction
    if not tx.execute(EXISTS, {"agency": agency}).scalar_one():
        raise NotFoundError("no such agency")
    return jurisdiction


def known_jurisdiction(tx: Connection, agency: str, jurisdiction: str, tongue: Language) -> None:
    """Refuse a code that is none of the agency's jurisdictions: an empty inbox would look like a quiet one.

    Raises
    ------
    ValueRefused
        With the codes there are.
    """
    known("jurisdiction", jurisdiction, tx.execute(JURISDICTIONS, {"agency": agency}).scalars(), tongue)


@router.get("/agencies/{code}/inbox", summary="What was delivered to an agency")
def inbox(
    request: Request,
    code: str,
    actor: Annotated[Actor, Depends(allowed(Role.AGENCY, Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN))],
    since_seq: Annotated[int, Query(ge=0, le=2**62)] = 0,
    jurisdiction: Code = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
) -> Response:
    """Return what was delivered after `since_seq`: numbers are gapless per agency and follow delivery."""
    here = door(request)
    with transaction(here.engine) as tx:
        shown = own_jurisdiction(tx, code, jurisdiction, actor)
        if jurisdiction is not None:
            known_jurisdiction(tx, code, jurisdiction, language(request))
        return reply(items(tx, code, since_seq=since_seq, jurisdiction=shown, limit=limit))
