"""A new round of an assignment: an agency that declined, kept silent or was done is asked once more.

The order of states stays as it is; a round begins at its start, with a message, clocks and a number of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, update

from gis.words import AssignmentRole, AssignmentState
from routing_engine.dispatch import clocks, notices
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.given import rule_for
from routing_engine.dispatch.tables import assignment


def begin(tx: Connection, moment: Moment, row: dict[str, Any], items: Sequence[dict[str, Any]]) -> None:
    """Begin a new round of stored assignments: `queued`, a version and a round further, clocks from now.

    The items are changed with their rows; `call` tells the agencies, when the incident is as they should see it.
    """
    for item in items:
        item |= {
            "state": AssignmentState.QUEUED,
            "version": item["version"] + 1,
            "round": item["round"] + 1,
            "called_at": moment.now,
            "note": "",
            "result": None,
        }
        changed = ("state", "version", "round", "called_at", "note", "result")
        tx.execute(
            update(assignment)
            .where(assignment.c.assignment_id == item["assignment_id"])
            .values({name: item[name] for name in changed})
        )
    clocks.restart(
        tx,
        [
            {
                "assignment_id": item["assignment_id"],
                "role": item["role"],
                "ack_s": rule_for(
                    moment, row, item["service_code"], AssignmentRole(item["role"]), code=item["rule_code"]
                ).ack_s,
                "lane": row["lane"],
                "severity": row["severity"],
            }
            for item in items
        ],
        ladder=moment.snapshot.ladder,
        now=moment.now,
    )


def call(
    tx: Connection, moment: Moment, row: dict[str, Any], items: Sequence[dict[str, Any]], *, note: str = ""
) -> None:
    """Tell agencies that they are called (again); `row` is the incident as it is now."""
    notices.send(tx, moment, row, items, kind="assignment", note=note)
