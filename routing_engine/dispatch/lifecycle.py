"""The life of an assignment, and the incident status that follows from it.

Every change checks the version it was made from and appends an event; a person's changes of the incident itself are in
`changes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, text, update

from gis.actors import Actor
from gis.errors import ConflictError, NotFoundError, ValueRefused
from gis.messages import message
from gis.reports import CONTROL, UUID
from gis.tables import audit, incident, incident_event
from gis.words import ENDED, AssignmentRole, AssignmentState, IncidentStatus, Role
from routing_engine.dispatch import clocks
from routing_engine.dispatch.incidents import ACTING, SETTLED, incident_row, stored_assignments
from routing_engine.dispatch.tables import assignment

ORDER = {state: position for position, state in enumerate(AssignmentState)}
STARTED = frozenset({AssignmentState.ON_SCENE, AssignmentState.DONE})
TAKEN = frozenset({AssignmentState.ACCEPTED, AssignmentState.EN_ROUTE, *STARTED})


def append_event(
    tx: Connection,
    incident_id: str,
    *,
    kind: str,
    version: int,
    detail: dict[str, Any],
    actor: Actor,
    now: datetime,
    assignment_id: str | None = None,
) -> None:
    """Append one row to an incident's timeline."""
    tx.execute(
        insert(incident_event).values(
            incident_id=incident_id,
            assignment_id=assignment_id,
            at=now,
            actor=actor.name,
            actor_role=actor.role,
            kind=kind,
            version=version,
            detail=detail,
        )
    )


def append_audit(
    tx: Connection, *, action: str, subject: str, detail: dict[str, Any], actor: Actor, now: datetime
) -> None:
    """Append one row to the audit."""
    tx.execute(
        insert(audit).values(
            at=now, actor=actor.name, actor_role=actor.role, action=action, subject=subject, detail=detail
        )
    )


def status_of(current: str, states: list[tuple[str, str]]) -> str:
    """Derive an incident's status from (role, state) of its assignments.

    It moves forward, but for two cases: when no acting agency has accepted (all declined, or are asked again) it is
    `dispatched`, and when one is called to what was resolved it is what the agencies are. Ended and under-control
    incidents keep their status until a person changes it, except that everybody done resolves.
    """
    if current in ENDED:
        return current
    acting = [state for role, state in states if role in ACTING]
    order = list(IncidentStatus)
    reached = IncidentStatus(current)
    if acting and all(state in SETTLED for state in acting) and AssignmentState.DONE in acting:
        found = IncidentStatus.RESOLVED
    elif any(state in STARTED for state in acting):
        found = IncidentStatus.IN_PROGRESS
    elif any(state in TAKEN for state in acting):
        found = IncidentStatus.ACKNOWLEDGED
    elif states:
        found = IncidentStatus.DISPATCHED
    else:
        found = reached
    if acting and found == IncidentStatus.DISPATCHED:
        return found
    if states and reached == IncidentStatus.RESOLVED:
        return found
    return found if order.index(found) > order.index(reached) else reached


def status_after(current: str, items: Sequence[dict[str, Any]]) -> str:
    """Derive the status from stored assignments; where no agency has a part it stays."""
    if all(item["agency_code"] is None for item in items):
        return current
    return status_of(current, [(item["role"], item["state"]) for item in items])


def change_assignment(
    tx: Connection,
    assignment_id: str,
    *,
    state: str,
    version: int,
    note: str = "",
    result: str | None = None,
    actor: Actor,
    now: datetime,
    language: str = "id",
) -> dict[str, Any]:
    """Move an assignment forward.

    Parameters
    ----------
    state
        New state; steps may be skipped, never taken back.
    version
        The version the caller saw.
    note
        Reason of a decline (required there), else a remark.
    result
        What was done (required for `done`).

    Returns
    -------
    dict
        `assignment_id`, `state`, `version`, `incident_id`, `incident_status`, `incident_version`.

    Raises
    ------
    NotFoundError
        No such assignment, or another agency's.
    ConflictError
        Stale version, a step back, or an ended incident.
    ValueRefused
        A reason or a result is missing, or the state is not one.
    """
    actor.require(Role.AGENCY, Role.OPERATOR, Role.SUPERVISOR)
    if state not in set(AssignmentState):
        raise ValueRefused.of(
            "state", message("one_of", language, allowed=", ".join(AssignmentState)), value=state[:40]
        )
    check_text("note", note, 1000, language)
    check_text("result", result or "", 1000, language)
    row = _locked(tx, assignment_id, actor)
    if row["version"] != version:
        raise ConflictError(message("stale", language, current=row["version"], sent=version))
    old, new = AssignmentState(row["state"]), AssignmentState(state)
    if old == new:
        return _changed(row, old, row["version"])
    if row["incident_status"] in ENDED:
        raise ConflictError(message("ended", language, status=row["incident_status"]))
    if ORDER[new] <= ORDER[old]:
        raise ConflictError(message("backwards", language, old=old, new=new))
    if row["role"] == AssignmentRole.INFORM and ORDER[new] > ORDER[AssignmentState.SEEN]:
        raise ConflictError(message("inform_ends", language))
    if new == AssignmentState.DECLINED and not note.strip():
        raise ValueRefused.of("note", message("reason_required", language))
    if new == AssignmentState.DONE and not (result or "").strip():
        raise ValueRefused.of("result", message("result_required", language))
    changed = tx.execute(
        update(assignment)
        .where(assignment.c.assignment_id == assignment_id, assignment.c.version == version)
        .values(
            state=new,
            version=version + 1,
            note=note.strip() or assignment.c.note,
            result=(result or "").strip() or assignment.c.result,
        )
    ).rowcount
    if changed != 1:
        raise ConflictError(message("stale", language, current="?", sent=version))
    if ORDER[new] >= ORDER[AssignmentState.ACCEPTED]:
        clocks.stop(tx, assignment_id, now=now)
    row = {**row, **_settle(tx, row["incident_id"])}
    append_event(
        tx,
        row["incident_id"],
        kind=f"assignment.{new}",
        version=row["incident_version"],
        detail={
            "from": old,
            "agency": row["agency_code"],
            "service": row["service_code"],
            **({"note": note.strip()} if note.strip() else {}),
            **({"result": result.strip()} if result and result.strip() else {}),
            **({"nobody_left": True} if new == AssignmentState.DECLINED and row["nobody_left"] else {}),
        },
        actor=actor,
        now=now,
        assignment_id=assignment_id,
    )
    return _changed(row, new, version + 1)


def _locked(tx: Connection, assignment_id: str, actor: Actor) -> dict[str, Any]:
    """Lock an assignment's incident, then the assignment: always in this order, so that two desks cannot dead-lock."""
    if not UUID.fullmatch(assignment_id):
        raise NotFoundError(f"assignment {assignment_id[:40]}: not found")
    owner = tx.execute(
        text(
            "SELECT i.incident_id, i.status, i.version FROM siaga.incident i WHERE i.incident_id ="
            " (SELECT incident_id FROM siaga.assignment WHERE assignment_id = :id) FOR UPDATE"
        ),
        {"id": assignment_id},
    ).one_or_none()
    row = (
        tx.execute(
            text(
                "SELECT a.assignment_id, a.incident_id, a.agency_code, a.service_code, a.role, a.state, a.version,"
                " j.code AS jurisdiction_code"
                " FROM siaga.assignment a LEFT JOIN siaga.jurisdiction j USING (jurisdiction_id)"
                " WHERE a.assignment_id = :id"
            ),
            {"id": assignment_id},
        )
        .mappings()
        .one_or_none()
    )
    is_hidden = row is not None and (
        (actor.role == Role.AGENCY and row["agency_code"] != actor.agency)
        or (actor.jurisdiction is not None and row["jurisdiction_code"] != actor.jurisdiction)
    )
    if owner is None or row is None or is_hidden:
        raise NotFoundError(f"assignment {assignment_id}: not found")
    return {**row, "incident_status": owner.status, "incident_version": owner.version}


def _changed(row: dict[str, Any], state: str, version: int) -> dict[str, Any]:
    return {
        "assignment_id": row["assignment_id"],
        "state": str(state),
        "version": version,
        "incident_id": row["incident_id"],
        "incident_status": str(row["incident_status"]),
        "incident_version": row["incident_version"],
    }


def _settle(tx: Connection, incident_id: str) -> dict[str, Any]:
    """Bring the incident's status in step with its assignments; a change of status raises its version."""
    row = incident_row(tx, incident_id)
    assert row is not None
    items = stored_assignments(tx, incident_id)
    status = status_after(row["status"], items)
    version = row["version"]
    if status != row["status"]:
        version += 1
        tx.execute(update(incident).where(incident.c.incident_id == incident_id).values(status=status, version=version))
    left = [item for item in items if item["role"] in ACTING and item["state"] != AssignmentState.DECLINED]
    return {"incident_status": status, "incident_version": version, "nobody_left": not left}


def check_text(name: str, value: Any, limit: int, language: str) -> str:
    """Return a text a person gave, without blanks at its ends.

    Raises
    ------
    ValueRefused
        Not a text, too long, or with control characters.
    """
    if not isinstance(value, str):
        raise ValueRefused.of(name, message("wrong_type", language, expected="text"))
    found = CONTROL.search(value)
    if found:
        raise ValueRefused.of(
            name, message("control", language), message("control_hint", language, at=found.start() + 1)
        )
    if len(value) > limit:
        raise ValueRefused.of(name, message("too_long", language, limit=limit, n=len(value)))
    return value.strip()
