"""Decide again for an incident that has changed: worse than first told, or somewhere else.

New duties are added, weaker roles are raised, the lead moves when it must. Nobody who is on the way is called off by
the system; an agency that is no longer responsible and has not accepted is told so and its clocks stop.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, update

from gis.actors import Actor
from gis.reports import Facts
from gis.tables import incident
from gis.words import AssignmentRole, AssignmentState
from routing_engine.dispatch import answers, assignments, clocks, outbox
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.decision import Decision, Duty, decide
from routing_engine.dispatch.incidents import stored_assignments
from routing_engine.dispatch.tables import assignment

STRENGTH = {AssignmentRole.INFORM: 0, AssignmentRole.SUPPORT: 1, AssignmentRole.LEAD: 2}
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


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return an incident row as `assignments.message_body` wants it."""
    return {**row, "type": row["type_code"], "received_at": row["received_at"].isoformat()}


def revise(
    tx: Connection, moment: Moment, row: dict[str, Any], decision: Decision, *, is_moved: bool = False
) -> list[str]:
    """Bring the assignments of an incident in step with a new decision.

    Parameters
    ----------
    is_moved
        The point has changed: who is no longer responsible and has not accepted is only informed from now on.

    Returns
    -------
    list of str
        Ids of the assignments added or changed.
    """
    existing = {
        (item["service_code"], item["jurisdiction_id"]): item for item in stored_assignments(tx, row["incident_id"])
    }
    wanted: dict[tuple[str, str | None], Duty] = {
        (duty.rule.service, duty.winner.jurisdiction_id if duty.winner else None): duty for duty in decision.duties
    }
    changed: list[str] = []
    lead = next(pair for pair, duty in wanted.items() if duty.role == AssignmentRole.LEAD)
    # Who steps down comes first: there is one lead at a time.
    for pair, item in existing.items():
        is_gone = is_moved and pair not in wanted and item["state"] in NOT_ACCEPTED
        if is_gone and item["agency_code"] is None:
            _end_open_row(tx, item)
        elif is_gone and item["role"] != AssignmentRole.INFORM:
            _set_role(tx, item, AssignmentRole.INFORM)
            clocks.stop(tx, item["assignment_id"], now=moment.now)
            _tell(tx, moment, row, item, None)
        elif item["role"] == AssignmentRole.LEAD and pair != lead:
            _set_role(tx, item, AssignmentRole.SUPPORT)
        else:
            continue
        changed.append(item["assignment_id"])
    for pair, item in existing.items():
        duty = wanted.get(pair)
        if duty is not None and STRENGTH[duty.role] > STRENGTH[AssignmentRole(item["role"])]:
            _set_role(tx, item, duty.role)
            _tell(tx, moment, row, item, duty)
            changed.append(item["assignment_id"])
    added = assignments.plan(decision, row["incident_id"], skip=frozenset(existing))
    assignments.write(tx, moment.snapshot, decision, shown(row), added, now=moment.now)
    return changed + [item["assignment_id"] for item in added]


def _set_role(tx: Connection, item: dict[str, Any], role: AssignmentRole) -> None:
    tx.execute(
        update(assignment)
        .where(assignment.c.assignment_id == item["assignment_id"])
        .values(role=role, version=assignment.c.version + 1)
    )
    item["role"] = role


def _end_open_row(tx: Connection, item: dict[str, Any]) -> None:
    """End the row that said nobody was responsible: somebody is now."""
    tx.execute(
        update(assignment)
        .where(assignment.c.assignment_id == item["assignment_id"])
        .values(role=AssignmentRole.INFORM, state=AssignmentState.DONE, version=assignment.c.version + 1)
    )


def _tell(tx: Connection, moment: Moment, row: dict[str, Any], item: dict[str, Any], duty: Duty | None) -> None:
    """Send the agency what changed for it."""
    outbox.enqueue(
        tx,
        [
            {
                "agency_code": item["agency_code"],
                "kind": "update",
                "incident_id": row["incident_id"],
                "assignment_id": item["assignment_id"],
                "body": assignments.message_body(item, duty, shown(row)),
            }
        ],
        channels=moment.snapshot.channels,
        is_drill=row["origin"] == "drill",
        now=moment.now,
    )
    if duty is not None:
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
            ],
            ladder=moment.snapshot.ladder,
            now=moment.now,
        )
