"""Clocks: promises with a deadline, kept as rows, so that a restart neither loses nor repeats one.

`ack` waits for the agency's word; `ladder-1` tells its second contact. Locks are taken incident first, then clock, as
everywhere in this package, and never waited for: what is busy is looked at again a second later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.dialects import postgresql

from gis.actors import system
from gis.tables import incident_event
from gis.words import ENDED, AssignmentRole, AssignmentState, Origin
from routing_engine.dispatch import outbox, reminders
from routing_engine.dispatch.ladder import LadderStep, steps_for
from routing_engine.dispatch.tables import agency_channel, assignment, clock

ACK = "ack"
LADDER_1 = "ladder-1"
ACTING = (AssignmentRole.LEAD, AssignmentRole.SUPPORT)
UNANSWERED = (AssignmentState.QUEUED, AssignmentState.DELIVERED, AssignmentState.SEEN)
WORKER = system("worker")

# Both rows are locked and their conditions checked again on the newest version; `NO KEY` lets new rows refer to the
# incident meanwhile.
DUE = text(
    """
SELECT c.clock_id, c.step, c.due_at, a.assignment_id, a.agency_code, a.service_code, a.role, a.state,
       coalesce(a.called_at, a.created_at) AS called_at,
       i.incident_id, i.number, i.lane, i.severity, i.status, i.origin, i.version,
       g.name_id AS agency_id, g.name_en AS agency_en, g.is_vertical, y.name_id AS type_id, y.name_en AS type_en,
       l.whom_id, l.whom_en
FROM siaga.clock c
JOIN siaga.assignment a USING (assignment_id)
JOIN siaga.incident i USING (incident_id)
JOIN siaga.agency g ON g.agency_code = a.agency_code
JOIN siaga.incident_type y ON y.type_code = i.type_code
LEFT JOIN siaga.ladder_step l ON l.lane = i.lane AND l.severity = i.severity AND l.level = 1
WHERE c.due_at <= :now AND c.fired_at IS NULL AND c.stopped_at IS NULL
ORDER BY c.due_at, c.clock_id
LIMIT :limit
FOR NO KEY UPDATE OF i, c SKIP LOCKED
"""
)

FIRED = text("UPDATE siaga.clock SET fired_at = :now WHERE clock_id = ANY(CAST(:ids AS uuid[]))")
DROPPED = text("UPDATE siaga.clock SET stopped_at = :now WHERE clock_id = ANY(CAST(:ids AS uuid[]))")

# No new version: an operator's change in hand must not be refused because a clock fired. The live map goes by the xid.
SHOW = text(
    "UPDATE siaga.incident SET changed_xid = pg_current_xact_id() WHERE incident_id = ANY(CAST(:ids AS uuid[]))"
)

LAST_BODIES = text(
    """
SELECT DISTINCT ON (o.assignment_id) o.assignment_id, o.body FROM siaga.outbox o
WHERE o.incident_id = ANY(CAST(:incidents AS uuid[])) AND o.assignment_id = ANY(CAST(:assignments AS uuid[]))
ORDER BY o.assignment_id, o.outbox_id DESC
"""
)


def rows_for(
    assignments: Sequence[Mapping[str, Any]], *, ladder: Iterable[LadderStep], now: datetime
) -> list[dict[str, Any]]:
    """Return the rows of `clock` for assignments that expect an answer; informed agencies get none.

    Parameters
    ----------
    assignments
        Mappings with `assignment_id`, `role`, `ack_s` (seconds or `None`), `lane`, `severity`.
    ladder
        Every step of the city's ladder.
    """
    steps = tuple(ladder)
    rows: list[dict[str, Any]] = []
    for item in assignments:
        if item["role"] not in ACTING:
            continue
        if item["ack_s"] is not None:
            rows.append(_row(item, ACK, now, item["ack_s"]))
        rows.extend(
            _row(item, f"ladder-{step.level}", now, step.after_s)
            for step in steps_for(steps, item["lane"], item["severity"])
            if step.level == 1
        )
    return rows


def start(
    tx: Connection, assignments: Sequence[Mapping[str, Any]], *, ladder: Iterable[LadderStep], now: datetime
) -> None:
    """Start the clocks of assignments that exist already (`rows_for`).

    A clock that runs or has fired stays as it is; one that was stopped while the agency had not answered (it was no
    longer responsible, and now is again) starts anew.
    """
    rows = rows_for(assignments, ladder=ladder, now=now)
    if not rows:
        return
    statement = postgresql.insert(clock).values(rows)
    is_unanswered = (
        select(assignment.c.assignment_id)
        .where(assignment.c.assignment_id == clock.c.assignment_id, assignment.c.state.in_(UNANSWERED))
        .exists()
    )
    tx.execute(
        statement.on_conflict_do_update(
            constraint="uq_clock_assignment_id_step",
            set_={"due_at": statement.excluded.due_at, "stopped_at": None},
            where=clock.c.stopped_at.is_not(None) & clock.c.fired_at.is_(None) & is_unanswered,
        )
    )


def restart(
    tx: Connection, assignments: Sequence[Mapping[str, Any]], *, ladder: Iterable[LadderStep], now: datetime
) -> None:
    """Start the clocks of assignments anew, whatever became of them: a new round has begun (`rows_for`)."""
    rows = rows_for(assignments, ladder=ladder, now=now)
    if rows:
        statement = postgresql.insert(clock).values(rows)
        tx.execute(
            statement.on_conflict_do_update(
                constraint="uq_clock_assignment_id_step",
                set_={"due_at": statement.excluded.due_at, "fired_at": None, "stopped_at": None},
            )
        )


def _row(item: Mapping[str, Any], step: str, now: datetime, after_s: float) -> dict[str, Any]:
    return {"assignment_id": item["assignment_id"], "step": step, "due_at": now + timedelta(seconds=after_s)}


def stop(tx: Connection, assignment_id: str, *, now: datetime) -> None:
    """Stop what still runs for an assignment: it was answered, or has ended."""
    tx.execute(
        update(clock)
        .where(clock.c.assignment_id == assignment_id, clock.c.fired_at.is_(None), clock.c.stopped_at.is_(None))
        .values(stopped_at=now)
    )


def fire_due(tx: Connection, *, now: datetime, limit: int = 200) -> int:
    """Fire the clocks that are due, oldest first; return how many were handled.

    Each is handled once, whatever the number of workers. A clock of an assignment that was answered or has ended is
    stopped instead.

    Parameters
    ----------
    now
        Database clock.
    """
    rows = [dict(row) for row in tx.execute(DUE, {"now": now, "limit": limit}).mappings()]
    fired = [row for row in rows if _is_expected(row)]
    dropped = [row["clock_id"] for row in rows if not _is_expected(row)]
    if dropped:
        tx.execute(DROPPED, {"now": now, "ids": dropped})
    if fired:
        tx.execute(FIRED, {"now": now, "ids": [row["clock_id"] for row in fired]})
        tx.execute(insert(incident_event), [_event(row, now) for row in fired])
        _remind(tx, [row for row in fired if row["step"] == LADDER_1], now=now)
        tx.execute(SHOW, {"ids": sorted({str(row["incident_id"]) for row in fired})})
    return len(rows)


def _is_expected(row: Mapping[str, Any]) -> bool:
    return row["state"] in UNANSWERED and row["role"] in ACTING and row["status"] not in ENDED


def _event(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    is_ladder = row["step"] != ACK
    detail = {
        "agency": row["agency_code"],
        "service": row["service_code"],
        "due_at": row["due_at"].isoformat(),
        "waited_s": round((now - row["called_at"]).total_seconds(), 1),
    }
    if is_ladder:
        detail |= {"level": 1, "whom": {"id": row["whom_id"], "en": row["whom_en"]}}
    return {
        "incident_id": row["incident_id"],
        "assignment_id": row["assignment_id"],
        "at": now,
        "actor": WORKER.name,
        "actor_role": WORKER.role,
        "kind": "ladder" if is_ladder else "ack_overdue",
        "version": row["version"],
        "detail": detail,
    }


def _remind(tx: Connection, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Tell the second contact of each agency: what it was told last, and that an answer is missing."""
    if not rows:
        return
    agencies = {row["agency_code"] for row in rows}
    channels: dict[str, list[str]] = {}
    active = select(agency_channel.c.agency_code, agency_channel.c.channel).where(
        agency_channel.c.agency_code.in_(agencies), agency_channel.c.is_active
    )
    for code, channel in tx.execute(active):
        channels.setdefault(code, []).append(channel)
    told = {
        str(row.assignment_id): row.body
        for row in tx.execute(
            LAST_BODIES,
            {
                "incidents": sorted({str(row["incident_id"]) for row in rows}),
                "assignments": [str(row["assignment_id"]) for row in rows],
            },
        )
    }
    for is_drill in (False, True):
        outbox.enqueue(
            tx,
            [
                {
                    "agency_code": row["agency_code"],
                    "kind": "ladder",
                    "incident_id": str(row["incident_id"]),
                    "assignment_id": str(row["assignment_id"]),
                    "body": _reminder(row, told.get(str(row["assignment_id"]), {}), now),
                }
                for row in rows
                if (row["origin"] == Origin.DRILL) == is_drill
            ],
            channels=channels,
            is_drill=is_drill,
            now=now,
        )


def _reminder(row: Mapping[str, Any], told: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "assignment": {
            "assignment_id": str(row["assignment_id"]),
            "agency": row["agency_code"],
            "service": row["service_code"],
            **told.get("assignment", {}),
            "role": row["role"],
        },
        "incident": {
            "incident_id": str(row["incident_id"]),
            "number": row["number"],
            **told.get("incident", {}),
            "lane": row["lane"],
            "severity": row["severity"],
        },
        "ladder": {
            "level": 1,
            "whom": {"id": row["whom_id"], "en": row["whom_en"]},
            "is_order": not row["is_vertical"],
            "text": reminders.second_contact(
                number=row["number"],
                names={"id": row["type_id"], "en": row["type_en"]},
                agencies={"id": row["agency_id"], "en": row["agency_en"]},
                is_vertical=row["is_vertical"],
                waited_s=(now - row["called_at"]).total_seconds(),
            ),
        },
    }
