"""What an agency has to know, in the order it was delivered."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection, text

from api.door import door, reply
from api.identity import allowed
from api.queries import Code
from gis.actors import Actor
from gis.db import transaction
from gis.errors import NotFoundError
from gis.words import Role

router = APIRouter()

MOST = 500

# The body is what was sent; state and version are what they are now, so that a reader who comes late acts on the truth.
INBOX = text(
    """
SELECT n.seq, n.delivered_at, o.kind, o.body, a.state, a.version, j.code AS jurisdiction
FROM siaga.inbox_item n
JOIN siaga.outbox o USING (outbox_id)
LEFT JOIN siaga.assignment a ON a.assignment_id = n.assignment_id
LEFT JOIN siaga.jurisdiction j ON j.jurisdiction_id = a.jurisdiction_id
WHERE n.agency_code = :agency AND n.seq > :since
ORDER BY n.seq LIMIT :limit
"""
)
EXISTS = text("SELECT EXISTS (SELECT 1 FROM siaga.agency WHERE agency_code = :agency)")


def read_inbox(
    tx: Connection, agency: str, *, since_seq: int, jurisdiction: str | None, actor: Actor, limit: int = MOST
) -> dict[str, Any]:
    """Return the items after `since_seq`; `last_seq` is where the next call goes on, also past items left out.

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
    rows = tx.execute(INBOX, {"agency": agency, "since": since_seq, "limit": limit}).all()
    items = [
        {
            "seq": row.seq,
            "kind": row.kind,
            "delivered_at": row.delivered_at,
            **row.body,
            "assignment": {**row.body.get("assignment", {}), "state": row.state, "version": row.version},
            "jurisdiction": row.jurisdiction,
        }
        for row in rows
        if jurisdiction is None or row.jurisdiction == jurisdiction
    ]
    return {"items": items, "last_seq": rows[-1].seq if rows else since_seq}


@router.get("/agencies/{code}/inbox", summary="What was delivered to an agency")
def inbox(
    request: Request,
    code: str,
    actor: Annotated[Actor, Depends(allowed(Role.AGENCY, Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN))],
    since_seq: Annotated[int, Query(ge=0, le=2**62)] = 0,
    jurisdiction: Code = None,
) -> Response:
    """Return what was delivered after `since_seq`: numbers are gapless per agency and follow delivery."""
    here = door(request)
    with transaction(here.engine) as tx:
        return reply(read_inbox(tx, code, since_seq=since_seq, jurisdiction=jurisdiction, actor=actor))
