"""Updates to agencies: what changed in an incident they have a part in, one message per desk and event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from gis.words import Origin
from routing_engine.dispatch import assignments, outbox
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.incidents import SETTLED


def is_concerned(item: dict[str, Any]) -> bool:
    """Tell whether a stored assignment is an agency's whose part has not ended."""
    return item["agency_code"] is not None and item["state"] not in SETTLED


def concerned(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the stored assignments to write to: not ended, one per agency and jurisdiction, the strongest role.

    A desk may be limited to one jurisdiction, so two polsek of the police are two readers.
    """
    readers: dict[tuple[str, str | None], dict[str, Any]] = {}
    for item in items:  # lead first, as `incidents.stored_assignments` returns them
        if is_concerned(item):
            readers.setdefault((item["agency_code"], item["jurisdiction_code"]), item)
    return list(readers.values())


def send(
    tx: Connection,
    moment: Moment,
    row: dict[str, Any],
    items: Iterable[dict[str, Any]],
    *,
    kind: str = "update",
    event: Mapping[str, Any] | None = None,
    note: str = "",
) -> None:
    """Write one message for each of `items`, stored assignments of the incident `row` as it is now.

    Parameters
    ----------
    kind
        `update`, or `assignment` for who is called.
    event
        ``{"kind", …}``: what happened; nothing of the caller.
    note
        A word to who is called.
    """
    incident = assignments.shown(row)
    messages = []
    for item in items:
        body = assignments.message_body(item, None, incident)
        if kind == "update":
            body["status"] = str(row["status"])
        if event:
            body["event"] = dict(event)
        if note:
            body["assignment"]["note"] = note
        messages.append(
            {
                "agency_code": item["agency_code"],
                "kind": kind,
                "incident_id": row["incident_id"],
                "assignment_id": item["assignment_id"],
                "body": body,
            }
        )
    outbox.enqueue(
        tx, messages, channels=moment.snapshot.channels, is_drill=row["origin"] == Origin.DRILL, now=moment.now
    )
