"""Objections: an agency says that an assignment is not its own, and somebody of the city answers.

An objection changes nothing in the running incident; who must go is changed by `recall` and `appoint`. What comes of it
is a better boundary, or an answer that says why the boundary is right. Every step is an event of the incident.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, text, update

from gis.actors import Actor
from gis.errors import ConflictError, NotFoundError
from gis.ids import uuid7
from gis.messages import message
from gis.reports import UUID
from gis.words import Role
from routing_engine.dispatch import notices, objection_views
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.incidents import incident_row, stored_assignments
from routing_engine.dispatch.lifecycle import append_audit, append_event
from routing_engine.dispatch.objection_views import ANSWERED, IN_WORK, OPEN, WORKERS
from routing_engine.dispatch.tables import OBJECTION_OUTCOMES, objection
from zones.draft_form import MAX_CODE, Findings, read_text, read_whole

MAX_TEXT = 2_000


# The jurisdictions a service has or had: an objection may name one that has ended since, a list of today's would not.
NAMED = text(
    """
SELECT agency_code, code, name FROM siaga.jurisdiction
WHERE service_code = :service AND (CAST(:agency AS text) IS NULL OR agency_code = :agency)
  AND (CAST(:code AS text) IS NULL OR code = :code)
ORDER BY agency_code COLLATE "C", code COLLATE "C"
"""
)
DRAFT_SERVICE = text("SELECT service_code FROM siaga.boundary_draft WHERE boundary_draft_id = :id")


def make(
    tx: Connection, context: Context, assignment_id: str, body: dict[str, Any], *, actor: Actor, language: str
) -> dict[str, Any]:
    """Object to an assignment of the actor's agency.

    Parameters
    ----------
    body
        ``{"reason", "agency", "jurisdiction"}``; the last two, codes, say whose it should be.

    Raises
    ------
    ForbiddenError
        The role is no agency's.
    NotFoundError
        No such assignment, or another agency's.
    ConflictError
        An objection to it waits for its answer.
    ValueRefused
        With every finding.
    """
    actor.require(Role.AGENCY)
    item = _own_assignment(tx, assignment_id, actor)
    found = Findings(language)
    reason = read_text(body, "reason", found, most=MAX_TEXT)
    suggested_agency, suggested_code = _suggested(tx, body, item, found)
    found.settle()
    waiting = (
        tx.execute(select(objection).where(objection.c.assignment_id == assignment_id, objection.c.state != ANSWERED))
        .mappings()
        .one_or_none()
    )
    if waiting is not None:
        raise ConflictError(
            message("objection_waiting", language, by=waiting["created_by"]), _happened(waiting, language)
        )
    moment = context.current(tx)
    objection_id = uuid7()
    tx.execute(
        insert(objection).values(
            objection_id=objection_id,
            assignment_id=assignment_id,
            incident_id=item["incident_id"],
            receipt_id=item["receipt_id"],
            service_code=item["service_code"],
            agency_code=item["agency_code"],
            jurisdiction_id=item["jurisdiction_id"],
            reason=reason,
            suggested_agency=suggested_agency,
            suggested_code=suggested_code,
            state=OPEN,
            created_at=moment.now,
            created_by=actor.name,
        )
    )
    detail = {
        "objection_id": objection_id,
        "agency": item["agency_code"],
        "service": item["service_code"],
        "reason": reason,
        "suggested": {"agency": suggested_agency, "jurisdiction": suggested_code} if suggested_agency else None,
    }
    _note(tx, item, "objection", detail, actor=actor, now=moment.now)
    return objection_views.read(tx, objection_id, actor=actor, language=language)


def work(
    tx: Connection, context: Context, objection_id: str, body: dict[str, Any], *, actor: Actor, language: str
) -> dict[str, Any]:
    """Take an objection up, link the draft that mends the boundary, or answer it.

    Parameters
    ----------
    body
        ``{"version", "state": "in_work", "draft_id"}`` or ``{"version", "state": "answered", "outcome", "answer"}``.

    Raises
    ------
    ForbiddenError
        The role answers none.
    NotFoundError
        There is no such objection.
    ConflictError
        The version is stale, or it is answered: with what happened.
    ValueRefused
        With every finding.
    """
    actor.require(*WORKERS)
    row = _locked(tx, objection_id)
    found = Findings(language)
    version = read_whole(body, "version", found, low=1, high=2**31 - 1)
    state = body.get("state")
    if state not in (IN_WORK, ANSWERED):
        found.add("state", "one_of", allowed=f"{IN_WORK}, {ANSWERED}")
    outcome, answer = None, ""
    if state == ANSWERED:
        outcome = body.get("outcome")
        if outcome not in OBJECTION_OUTCOMES:
            found.add("outcome", "one_of", allowed=", ".join(OBJECTION_OUTCOMES))
        answer = read_text(body, "answer", found, most=MAX_TEXT)
    draft_id = _draft(tx, body, row, found)
    found.settle()
    if row["state"] == ANSWERED:
        raise ConflictError(message("objection_answered", language, by=row["answered_by"]), _happened(row, language))
    if row["version"] != version:
        raise ConflictError(message("stale", language, current=row["version"], sent=version), _happened(row, language))
    moment = context.current(tx)
    values: dict[str, Any] = {"state": state, "version": version + 1, "boundary_draft_id": draft_id}
    if row["taken_at"] is None:
        values |= {"taken_at": moment.now, "taken_by": actor.name}
    if state == ANSWERED:
        values |= {"outcome": outcome, "answer": answer, "answered_at": moment.now, "answered_by": actor.name}
    tx.execute(update(objection).where(objection.c.objection_id == objection_id).values(**values))
    detail = {"objection_id": objection_id, "agency": row["agency_code"], "draft_id": draft_id}
    if state == ANSWERED:
        detail |= {"outcome": outcome, "answer": answer}
    _note(tx, row, f"objection.{state}", detail, actor=actor, now=moment.now)
    # A draft linked later is no news for the agency.
    if state == ANSWERED or row["state"] == OPEN:
        told = {"kind": "objection", "objection_id": objection_id, "state": state}
        said = {"outcome": outcome, "answer": answer} if state == ANSWERED else {"outcome": None, "answer": ""}
        incident = incident_row(tx, row["incident_id"])
        assert incident is not None  # the foreign key holds it
        mine = [
            item
            for item in stored_assignments(tx, row["incident_id"], agency=row["agency_code"])
            if item["assignment_id"] == row["assignment_id"]
        ]
        notices.send(tx, moment, incident, mine, event={**told, **said})
    return objection_views.read(tx, objection_id, actor=actor, language=language)


def _own_assignment(tx: Connection, assignment_id: str, actor: Actor) -> dict[str, Any]:
    """Return a stored assignment of the actor's, its row locked: two desks of one agency cannot object at once."""
    owner = None
    if UUID.fullmatch(assignment_id):
        owner = tx.execute(
            text("SELECT incident_id FROM siaga.assignment WHERE assignment_id = :id"), {"id": assignment_id}
        ).scalar_one_or_none()
    if owner is not None:
        # The incident first, as everywhere.
        tx.execute(text("SELECT FROM siaga.incident WHERE incident_id = :id FOR UPDATE"), {"id": owner})
        for item in stored_assignments(tx, owner, agency=actor.agency, jurisdiction=actor.jurisdiction):
            if item["assignment_id"] == assignment_id:
                return item
    raise NotFoundError(f"assignment {assignment_id[:40]}: not found")


def _suggested(
    tx: Connection, body: dict[str, Any], item: dict[str, Any], found: Findings
) -> tuple[str | None, str | None]:
    """Return agency and code of whose it should be; the agency may be left out where the code has one only."""
    wanted = read_text(body, "agency", found, most=MAX_CODE, is_needed=False) or None
    code = read_text(body, "jurisdiction", found, most=MAX_CODE, is_needed=False) or None
    if code and "/" in code:
        head, _, code = code.partition("/")
        wanted = wanted or head
    if wanted is None and code is None:
        return None, None
    rows = tx.execute(NAMED, {"service": item["service_code"], "agency": wanted, "code": code}).all()
    if not rows and code is None:
        known = tx.execute(text("SELECT agency_code FROM siaga.agency ORDER BY 1")).scalars().all()
        if wanted not in known:
            found.add("agency", "one_of", allowed=", ".join(known))
        return wanted, None
    if not rows:
        found.add("jurisdiction", "objection_unknown", code=code)
        return None, None
    agencies = sorted({row.agency_code for row in rows})
    if len(agencies) > 1:
        found.add("agency", "needed_of", allowed=", ".join(agencies))
        return None, None
    if code is not None and (agencies[0], code) == (item["agency_code"], item["jurisdiction_code"]):
        found.add("jurisdiction", "objection_own")
    return agencies[0], code


def _draft(tx: Connection, body: dict[str, Any], row: RowMapping, found: Findings) -> str | None:
    """Return the draft an objection is to be linked with; what it is linked with when the body says nothing."""
    if "draft_id" not in body:
        kept: str | None = row["boundary_draft_id"]
        return kept
    given = body["draft_id"]
    if given is None:
        return None
    service = None
    if isinstance(given, str) and UUID.fullmatch(given):
        service = tx.execute(DRAFT_SERVICE, {"id": given}).scalar_one_or_none()
    if service is None:
        found.add("draft_id", "objection_draft")
        return None
    if service != row["service_code"]:
        found.add("draft_id", "objection_draft_service", service=service)
    return str(given).lower()


def _locked(tx: Connection, objection_id: str) -> RowMapping:
    table = objection
    known = select(table.c.incident_id).where(table.c.objection_id == objection_id)
    incident_id = tx.execute(known).scalar_one_or_none()
    if incident_id is None:
        raise NotFoundError(f"no objection {objection_id}")
    tx.execute(text("SELECT FROM siaga.incident WHERE incident_id = :id FOR UPDATE"), {"id": incident_id})
    row: RowMapping = (
        tx.execute(select(table).where(table.c.objection_id == objection_id).with_for_update()).mappings().one()
    )
    return row


def _note(tx: Connection, item: Any, kind: str, detail: dict[str, Any], *, actor: Actor, now: datetime) -> None:
    """Append the event of the incident, whose version stays, and the row of the audit."""
    version = tx.execute(
        text("SELECT version FROM siaga.incident WHERE incident_id = :id"), {"id": item["incident_id"]}
    ).scalar_one()
    append_event(
        tx,
        item["incident_id"],
        kind=kind,
        version=version,
        detail=detail,
        actor=actor,
        now=now,
        assignment_id=item["assignment_id"],
    )
    subject = f"objection:{detail['objection_id']}"
    append_audit(tx, action=kind, subject=subject, detail=detail, actor=actor, now=now)


def _happened(row: RowMapping, language: str) -> list[dict[str, Any]]:
    """Return what was done with an objection, for a refusal that can say it."""
    steps = (
        ("created", "objection_said"),
        ("taken", "objection_said_in_work"),
        ("answered", "objection_said_answered"),
    )
    return [
        {"at": row[f"{step}_at"].isoformat(), "by": row[f"{step}_by"], "what": message(key, language)}
        for step, key in steps
        if row[f"{step}_at"] is not None
    ]
