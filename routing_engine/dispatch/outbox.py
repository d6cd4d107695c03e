"""The outbox: what agencies must be told, written with the decision itself and sent after its commit.

A message is one row per channel. Delivery is at least once and in order per *lane* (an agency's channel); rows of one
message share agency, incident, assignment, kind and `created_at`. Order follows what readers can see: ids are given
before commit, so two transactions may commit out of id order, but rows of one incident never do (it is locked).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

NOTIFY_CHANNEL = "siaga_outbox"
BACK_OFF_CAP_S = 30.0
BACK_OFF_FIRST_S = 1.0
MAX_ERROR = 300

INBOX = "inbox"
WEBHOOK = "webhook"
LOG = "log"

# One round trip for all rows and the hint; the order of messages and of their channels becomes the order of ids.
# A commit that carries a NOTIFY holds a lock of the whole database until it is on disk, which undoes group commit
# (measured with 8 writers: 3,000 commits/s without, 500 with it). So the hint wakes a worker that sleeps; while one of
# these inboxes has rows waiting, a worker is at it or will look by itself.
ENQUEUE = text(
    f"""
WITH written AS (
  INSERT INTO siaga.outbox (agency_code, channel, kind, incident_id, assignment_id, body, created_at, next_attempt_at)
  SELECT m.value ->> 'agency_code', c.channel, m.value ->> 'kind', CAST(m.value ->> 'incident_id' AS uuid),
         CAST(m.value ->> 'assignment_id' AS uuid), m.value -> 'body', :now, :now
  FROM jsonb_array_elements(CAST(:messages AS jsonb)) WITH ORDINALITY AS m(value, n),
       jsonb_array_elements_text(m.value -> 'channels') WITH ORDINALITY AS c(channel, k)
  ORDER BY m.n, c.k
  RETURNING 1
)
SELECT pg_notify('{NOTIFY_CHANNEL}', '') FROM (SELECT count(*) FROM written) AS n
WHERE NOT EXISTS (
  SELECT 1 FROM siaga.outbox
  WHERE agency_code = ANY(:agencies) AND channel = 'inbox' AND delivered_at IS NULL
)
"""  # noqa: S608 - a constant of this module
)

# One probe of the partial index per lane, however long the queue of a dead one is.
WAITING = text(
    """
SELECT g.agency_code, c.channel
FROM siaga.agency g
CROSS JOIN (VALUES ('inbox'), ('log'), ('webhook')) AS c(channel)
CROSS JOIN LATERAL (
  SELECT o.next_attempt_at FROM siaga.outbox o
  WHERE o.agency_code = g.agency_code AND o.channel = c.channel AND o.delivered_at IS NULL
  ORDER BY o.outbox_id LIMIT 1
) AS head
WHERE head.next_attempt_at <= clock_timestamp()
  AND (c.channel <> 'webhook' OR EXISTS (
    SELECT 1 FROM siaga.agency_channel a
    WHERE a.agency_code = g.agency_code AND a.channel = 'webhook' AND a.is_active))
ORDER BY c.channel, head.next_attempt_at, g.agency_code
"""
).execution_options(prepared=True)

HEAD = text(
    """
SELECT outbox_id, incident_id, assignment_id, kind, attempts, next_attempt_at
FROM siaga.outbox
WHERE agency_code = :agency AND channel = :channel AND delivered_at IS NULL
ORDER BY outbox_id LIMIT :limit
"""
)

MARK_DELIVERED = text(
    "UPDATE siaga.outbox SET delivered_at = :now, attempts = attempts + 1"
    " WHERE outbox_id = ANY(:ids) AND delivered_at IS NULL"
)

NOTE_FAILURE = text(
    "UPDATE siaga.outbox SET attempts = attempts + 1, next_attempt_at = :next, last_error = :error"
    " WHERE outbox_id = :id AND delivered_at IS NULL"
)

LOCK_LANE = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:lane, 0))")


@dataclass(frozen=True, order=True)
class Lane:
    """An agency's channel: the unit of order, and of failure."""

    agency: str
    channel: str

    @property
    def lock_name(self) -> str:
        """Return the text whose hash is the lane's advisory lock."""
        return f"outbox:{self.agency}:{self.channel}"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A row at the head of a lane."""

    outbox_id: int
    incident_id: str
    assignment_id: str | None
    kind: str
    attempts: int
    next_attempt_at: datetime


def enqueue(
    tx: Connection,
    messages: Sequence[Mapping[str, Any]],
    *,
    channels: Mapping[str, Sequence[str]],
    is_drill: bool,
    now: datetime,
) -> None:
    """Write messages for delivery after the caller's commit.

    Parameters
    ----------
    messages
        Mappings with `agency_code`, `kind` (``assignment``, ``update``, ``ladder``), `incident_id`, `assignment_id`
        (or `None`) and `body` (JSON; times may be datetimes), in the order in which an agency shall get them.
    channels
        Agency code → its active channels besides the inbox (`Snapshot.channels`).
    is_drill
        An exercise: the inbox gets it, everything outside goes to the log instead.
    now
        Database clock of the use case.
    """
    rows = [
        {
            "agency_code": message["agency_code"],
            "kind": message["kind"],
            "incident_id": message["incident_id"],
            "assignment_id": message["assignment_id"],
            "body": message["body"],
            "channels": [INBOX, *_outside(channels.get(message["agency_code"], ()), is_drill=is_drill)],
        }
        for message in messages
    ]
    if rows:
        agencies = sorted({row["agency_code"] for row in rows})
        tx.execute(ENQUEUE, {"messages": json.dumps(rows, default=_plain), "agencies": agencies, "now": now})


def _outside(channels: Sequence[str], *, is_drill: bool) -> Sequence[str]:
    return [LOG] if is_drill and channels else list(channels)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def waiting_lanes(tx: Connection) -> list[Lane]:
    """Return the lanes whose oldest row is due, inboxes first, the longest waiting first."""
    return [Lane(row.agency_code, row.channel) for row in tx.execute(WAITING)]


def lock_lane(tx: Connection, lane: Lane) -> bool:
    """Take the lane until the end of the transaction; False when another worker has it."""
    return bool(tx.execute(LOCK_LANE, {"lane": lane.lock_name}).scalar_one())


def due_rows(tx: Connection, lane: Lane, *, now: datetime, limit: int) -> list[Waiting]:
    """Return the oldest rows of a lane, up to the first one that is not due: nothing overtakes a row that waits."""
    due: list[Waiting] = []
    for row in tx.execute(HEAD, {"agency": lane.agency, "channel": lane.channel, "limit": limit}).mappings():
        if row["next_attempt_at"] > now:
            break
        due.append(Waiting(**row))
    return due


def mark_delivered(tx: Connection, outbox_ids: Sequence[int], *, now: datetime) -> int:
    """Note delivery; return how many of the rows were still waiting."""
    return tx.execute(MARK_DELIVERED, {"ids": list(outbox_ids), "now": now}).rowcount


def note_failure(
    tx: Connection, outbox_id: int, *, attempts: int, error: str, now: datetime, rng: np.random.Generator
) -> float:
    """Note a failed attempt and when to try again; return the delay in seconds.

    Parameters
    ----------
    attempts
        Attempts before this one.
    error
        What went wrong, without secrets, addresses of callers or texts of reports.
    """
    delay_s = back_off_s(attempts + 1, rng)
    tx.execute(NOTE_FAILURE, {"id": outbox_id, "next": now + timedelta(seconds=delay_s), "error": error[:MAX_ERROR]})
    return delay_s


def back_off_s(attempts: int, rng: np.random.Generator) -> float:
    """Return the seconds to wait after `attempts` failures: full jitter under a doubling cap.

    Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    return float(rng.uniform(0.0, min(BACK_OFF_CAP_S, BACK_OFF_FIRST_S * 2.0 ** min(attempts - 1, 10))))
