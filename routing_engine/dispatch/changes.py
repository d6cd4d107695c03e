"""What a person does to an incident: who may, from which version, and what is written down of it.

Every change is made from a version, appends an event and an audit row, and tells the agencies it concerns; what each
kind does is in `change_kinds`.
"""

from __future__ import annotations

import difflib
from typing import Any

from sqlalchemy import Connection, update

from gis.actors import Actor
from gis.errors import ConflictError, Finding, ValueRefused
from gis.messages import message
from gis.tables import incident
from gis.words import Role
from routing_engine.dispatch.change_kinds import Change
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.incidents import incident_row, visible
from routing_engine.dispatch.lifecycle import append_audit, append_event

# What each kind takes besides `kind` and `version`.
MEMBERS: dict[str, tuple[str, ...]] = {
    "verify": ("text",),
    "note": ("text",),
    "classify": ("classification",),
    "relocate": ("lon", "lat", "accuracy_m", "confirm_position"),
    "attach": ("incident_id",),
    "detach": ("incident_id",),
    "lane": ("lane", "reason"),
    "escalate": ("text",),
    "confirm": ("handled", "text"),
    "close": ("result", "reason"),
    "reopen": ("reason",),
    "cancel": ("reason", "unfounded"),
    "handoff": ("government", "number", "text"),
    "recall": ("assignment_id", "note"),
    "appoint": ("jurisdiction", "service", "agency", "role", "reason"),
}
EVENT_KINDS = tuple(MEMBERS)
AGENCY_KINDS = ("note",)


def add_event(
    tx: Connection, context: Context, incident_id: str, body: Any, *, actor: Actor, language: str = "id"
) -> dict[str, Any]:
    """Do one thing to an incident: the kinds of the contract.

    Parameters
    ----------
    body
        ``{"kind", "version", …}``; what else a kind takes is in the contract, and nothing else is taken.

    Returns
    -------
    dict
        `incident_id`, `kind`, `status`, `version`, `lane`, `severity`; `assignment_id` of a recall or an appointment.

    Raises
    ------
    NotFoundError
        No such incident, or not the agency's.
    ConflictError
        Stale version, or the incident's status does not allow it.
    ValueRefused
        A member is missing, wrong, or another kind's.
    """
    if not isinstance(body, dict):
        raise ValueRefused.of("", message("wrong_type", language, expected="object"))
    kind, version = body.get("kind"), body.get("version")
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise ValueRefused.of("kind", message("one_of", language, allowed=", ".join(EVENT_KINDS)), value=str(kind)[:40])
    if kind in AGENCY_KINDS:
        actor.require(Role.AGENCY, Role.OPERATOR, Role.SUPERVISOR)
    else:
        actor.require(Role.OPERATOR, Role.SUPERVISOR)
    _refuse_unknown(body, kind, language)
    if isinstance(version, bool) or not isinstance(version, int):
        raise ValueRefused.of("version", message("wrong_type", language, expected="1, 2, 3 …"))
    moment = context.current(tx)
    row = visible(tx, incident_id, actor, lock=True)
    if row["version"] != version:
        raise ConflictError(message("stale", language, current=row["version"], sent=version))
    change = Change(tx=tx, moment=moment, row=row, body=body, actor=actor, language=language)
    detail = change.make(kind)
    values = {"version": version + 1, **change.values}
    tx.execute(update(incident).where(incident.c.incident_id == incident_id).values(**values))
    append_event(
        tx,
        incident_id,
        kind=kind,
        version=version + 1,
        detail=detail,
        actor=actor,
        now=moment.now,
        assignment_id=change.assignment_id,
    )
    append_audit(
        tx, action=f"incident.{kind}", subject=f"incident:{incident_id}", detail=detail, actor=actor, now=moment.now
    )
    after = incident_row(tx, incident_id)
    assert after is not None
    for tell in change.telling:
        tell(after)
    return {
        "incident_id": incident_id,
        "kind": kind,
        "status": after["status"],
        "version": after["version"],
        "lane": after["lane"],
        "severity": after["severity"],
        **({"assignment_id": change.assignment_id} if change.assignment_id else {}),
    }


def _refuse_unknown(body: dict[str, Any], kind: str, language: str) -> None:
    """Refuse members of other kinds by name: what is ignored is believed to have been done."""
    known = ("kind", "version", *MEMBERS[kind])
    findings = []
    for name in body:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = (
                message("did_you_mean", language, name=near[0])
                if near
                else message("known_fields", language, names=", ".join(known))
            )
            findings.append(Finding(field=str(name)[:80], reason=message("unknown_field", language), hint=hint))
    if findings:
        raise ValueRefused("; ".join(map(str, findings)), findings)
