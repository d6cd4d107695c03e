"""Receipts asked again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection, text

from api.door import door, known_id, reply
from api.identity import allowed
from gis.actors import Actor
from gis.db import transaction
from gis.errors import NotFoundError
from gis.words import Role
from zones import receipts

router = APIRouter()

OWN = text(
    """
SELECT EXISTS (
  SELECT 1 FROM siaga.assignment a LEFT JOIN siaga.jurisdiction j USING (jurisdiction_id)
  WHERE a.receipt_id = :receipt AND a.agency_code = :agency
    AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction))
"""
)


def require_visible(tx: Connection, receipt_id: str, actor: Actor) -> None:
    """Refuse an agency a receipt that led to none of its assignments.

    Raises
    ------
    NotFoundError
        It is not this agency's.
    """
    own = {"receipt": receipt_id, "agency": actor.agency, "jurisdiction": actor.jurisdiction}
    if actor.role == Role.AGENCY and not tx.execute(OWN, own).scalar_one():
        raise NotFoundError("another agency's receipt")


@router.get("/receipts/{receipt_id}/replay", summary="Decide again what a receipt decided")
def replay(
    request: Request,
    receipt_id: str,
    actor: Annotated[Actor, Depends(allowed(Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY, Role.PLANNER, Role.ADMIN))],
) -> Response:
    """Return whether the same inputs and boundaries give the same digest; if not, what changed."""
    here, wanted = door(request), known_id(receipt_id)
    with transaction(here.engine) as tx:
        require_visible(tx, wanted, actor)
        return reply(receipts.replay(tx, wanted, city=here.context.current(tx).snapshot.city))
