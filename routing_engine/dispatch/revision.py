"""Decide again for an incident that has changed: worse than first told, or somewhere else.

New duties are added, weaker roles are raised, the lead moves when it must. Nobody who is on the way is called off by
the system; an agency that is no longer responsible and has not accepted is told so and its clocks stop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, update

from gis.actors import Actor
from gis.reports import Facts
from gis.tables import incident
from gis.words import AssignmentRole, AssignmentState
from routing_engine.dispatch import answers, assignments, clocks, notices
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.decision import Decision, Duty, decide
from routing_engine.dispatch.given import Given, decide_given
from routing_engine.dispatch.incidents import stored_assignments
from routing_engine.dispatch.tables import assignment

STRENGTH = {AssignmentRole.INFORM: 0, AssignmentRole.SUPPORT: 1, AssignmentRole.LEAD: 2}
Pair = tuple[str, str | None]  # service, jurisdiction_id
NOT_ACCEPTED = {AssignmentState.QUEUED, AssignmentState.DELIVERED, AssignmentState.SEEN}


def raise_incident(
    tx: Connection,
    moment: Moment,
    row: dict[str, Any],
    *,
    severity: int,
    facts: Facts,
    n_more_reports: int,
    actor: Actor,
    language: str,
) -> dict[str, Any]:
    """Take what a further report says into an incident (a locked row of `incidents.incident_row`).

    Returns
    -------
    dict
        `version`, `severity`, `admin` as they are now.
    """
    together = Facts.from_dict(row["facts"]).merged(facts)
    version = row["version"] + 1
    tx.execute(
        update(incident)
        .where(incident.c.incident_id == row["incident_id"])
        .values(
            severity=severity,
            facts=together.as_dict(),
            n_reports=row["n_reports"] + n_more_reports,
            version=version,
        )
    )
    decision = decide(
        tx,
        moment,
        lon=row["lon"],
        lat=row["lat"],
        accuracy_m=row["accuracy_m"],
        type_code=row["type_code"],
        severity=severity,
        facts=together,
        language=language,
    )
    revise(tx, moment, {**row, "severity": severity, "version": version}, decision)
    return {"version": version, "severity": severity, "admin": answers.admin(decision)}


def revise(tx: Connection, moment: Moment, row: dict[str, Any], decision: Decision) -> None:
    """Bring the assignments of an incident that is worse than first told in step with a new decision.

    Roles are raised, who is raised is told and gets clocks, who is missing is called. A lead a person appointed stays.
    """
    existing = _by_pair(tx, row)
    decision = _beside_appointed_lead(decision, existing.values())
    wanted = {_pair(duty): duty for duty in decision.duties}
    roles = {
        pair: _role(item, wanted.get(pair), is_lead_settled=_has_lead(decision)) for pair, item in existing.items()
    }
    raised = [pair for pair, role in roles.items() if STRENGTH[role] > STRENGTH[AssignmentRole(existing[pair]["role"])]]
    # Who steps down comes first: there is one lead at a time.
    for pair in sorted(existing, key=lambda pair: STRENGTH[roles[pair]]):
        if roles[pair] != existing[pair]["role"]:
            _change(tx, existing[pair], _as(existing[pair], roles[pair]))
    notices.send(tx, moment, row, [existing[pair] for pair in raised if existing[pair]["agency_code"]])
    _start_clocks(tx, moment, row, [(existing[pair], wanted[pair]) for pair in raised])
    added = assignments.plan(decision, row["incident_id"], skip=frozenset(existing))
    assignments.write(tx, moment.snapshot, decision, assignments.shown(row), added, now=moment.now)


def move(tx: Connection, moment: Moment, row: dict[str, Any], decision: Decision) -> tuple[list[str], list[str]]:
    """Bring the assignments of an incident in step with its new place; `row` has it already.

    Every one gets station, seconds, border, sentence and a new receipt for the new place; older receipts stay. Who is
    no longer responsible and has not accepted is only informed from now on; whom a person appointed stays. The new
    ones are called here; the others are told by the caller, when the incident is as they should see it.

    Returns
    -------
    stayed, added
        Ids of the assignments there were, and of the new ones.
    """
    existing = _by_pair(tx, row)
    decision = _beside_appointed_lead(decision, existing.values())
    wanted = {_pair(duty): duty for duty in decision.duties}
    left = {pair: item for pair, item in existing.items() if item["agency_code"] and _is_left(item, wanted.get(pair))}
    roles = {
        pair: AssignmentRole.INFORM
        if pair in left and not item["appointed"] and item["state"] in NOT_ACCEPTED
        else _role(item, wanted.get(pair), is_lead_settled=_has_lead(decision))
        for pair, item in existing.items()
    }
    beside = decide_given(tx, moment, row, [_given(item, roles[pair]) for pair, item in left.items()])
    duties = {
        **{pair: duty for pair, duty in wanted.items() if pair in existing},
        **{_pair(duty): duty for duty in beside.duties},
    }
    receipts = {duty.receipt_id for duty in duties.values()}
    for one in (decision, beside):
        assignments.write_receipts(tx, one, row["incident_id"], receipts & one.receipts.keys())
    for pair in sorted(existing, key=lambda pair: STRENGTH[roles[pair]]):
        item, was = existing[pair], AssignmentRole(existing[pair]["role"])
        if pair not in duties and item["agency_code"] is None:
            # It said that nobody was responsible: somebody is now.
            _change(tx, item, {"role": AssignmentRole.INFORM, "state": AssignmentState.DONE})
            continue
        _change(
            tx,
            item,
            {**_as(item, roles[pair]), **(assignments.placed_columns(duties[pair]) if pair in duties else {})},
        )
        if roles[pair] == AssignmentRole.INFORM and was != AssignmentRole.INFORM:
            clocks.stop(tx, item["assignment_id"], now=moment.now)
        elif STRENGTH[roles[pair]] > STRENGTH[was]:
            _start_clocks(tx, moment, row, [(item, duties[pair])])
    added = assignments.plan(decision, row["incident_id"], skip=frozenset(existing))
    assignments.write(
        tx, moment.snapshot, decision, assignments.shown(row), added, now=moment.now, written=frozenset(receipts)
    )
    return [item["assignment_id"] for item in existing.values()], [item["assignment_id"] for item in added]


def _pair(duty: Duty) -> Pair:
    return duty.rule.service, duty.winner.jurisdiction_id if duty.winner else None


def _by_pair(tx: Connection, row: dict[str, Any]) -> dict[Pair, dict[str, Any]]:
    return {
        (item["service_code"], item["jurisdiction_id"]): item for item in stored_assignments(tx, row["incident_id"])
    }


def _has_lead(decision: Decision) -> bool:
    return any(duty.role == AssignmentRole.LEAD for duty in decision.duties)


def _beside_appointed_lead(decision: Decision, items: Iterable[dict[str, Any]]) -> Decision:
    """Return the decision without a lead of its own while one whom a person appointed has not declined."""
    if not any(
        item["role"] == AssignmentRole.LEAD and item["appointed"] and item["state"] != AssignmentState.DECLINED
        for item in items
    ):
        return decision
    return replace(
        decision,
        duties=tuple(
            replace(duty, role=AssignmentRole.SUPPORT) if duty.role == AssignmentRole.LEAD else duty
            for duty in decision.duties
            if duty.winner is not None
        ),
    )


def _role(item: dict[str, Any], duty: Duty | None, *, is_lead_settled: bool) -> AssignmentRole:
    """Return the role an assignment has after a decision: never weaker, but that there is one lead."""
    role = AssignmentRole(item["role"])
    if role == AssignmentRole.LEAD and is_lead_settled and (duty is None or duty.role != AssignmentRole.LEAD):
        role = AssignmentRole.SUPPORT
    if duty is not None and STRENGTH[duty.role] > STRENGTH[role]:
        role = duty.role
    return role


def _is_left(item: dict[str, Any], duty: Duty | None) -> bool:
    """Tell whether the place no longer speaks for an agency: it is not called there, or a person appointed it."""
    return duty is None or bool(item["appointed"])


def _given(item: dict[str, Any], role: AssignmentRole) -> Given:
    return Given(
        jurisdiction_id=item["jurisdiction_id"],
        service=item["service_code"],
        role=role,
        rule_code=item["rule_code"],
        appointed=item["appointed"],
    )


def _as(item: dict[str, Any], role: AssignmentRole) -> dict[str, Any]:
    """Return the columns of a role; the row that says nobody is responsible is open again when it leads again."""
    is_open_again = item["agency_code"] is None and role == AssignmentRole.LEAD
    return {"role": role, **({"state": AssignmentState.QUEUED} if is_open_again else {})}


def _change(tx: Connection, item: dict[str, Any], values: dict[str, Any]) -> None:
    tx.execute(
        update(assignment)
        .where(assignment.c.assignment_id == item["assignment_id"])
        .values(**values, version=assignment.c.version + 1)
    )
    item |= {name: value for name, value in values.items() if name in item} | {"version": item["version"] + 1}


def _start_clocks(
    tx: Connection, moment: Moment, row: dict[str, Any], raised: Iterable[tuple[dict[str, Any], Duty]]
) -> None:
    clocks.start(
        tx,
        [
            {
                "assignment_id": item["assignment_id"],
                "role": duty.role,
                "ack_s": duty.rule.ack_s,
                "lane": row["lane"],
                "severity": row["severity"],
            }
            for item, duty in raised
            if item["agency_code"] is not None
        ],
        ladder=moment.snapshot.ladder,
        now=moment.now,
    )
