"""An agency's inbox: numbered without gaps in the order of delivery, read from where the reader left off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from routing_engine.dispatch import outbox

# One round trip. The rows marked are the rows numbered: what another worker has marked meanwhile is left out, whatever
# this statement's snapshot says. The counter's row stays locked until commit, so numbers follow commits, and a rollback
# leaves no gap. Nothing overtakes a row that is not due.
DELIVER = text(
    """
WITH turn AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtextextended(:lane, 0)) AS is_mine,
         coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now
), head AS (
  SELECT o.outbox_id, bool_and(o.next_attempt_at <= turn.now) OVER (ORDER BY o.outbox_id) AS is_due
  FROM turn CROSS JOIN LATERAL (
    SELECT outbox_id, next_attempt_at FROM siaga.outbox
    WHERE agency_code = :agency AND channel = 'inbox' AND delivered_at IS NULL AND turn.is_mine
    ORDER BY outbox_id LIMIT :limit
  ) AS o
), sent AS (
  UPDATE siaga.outbox o SET delivered_at = turn.now, attempts = o.attempts + 1
  FROM head, turn
  WHERE head.is_due AND o.outbox_id = head.outbox_id AND o.delivered_at IS NULL
  RETURNING o.outbox_id, o.assignment_id, turn.now
), raised AS (
  INSERT INTO siaga.agency_inbox AS i (agency_code, last_seq)
  SELECT :agency, count(*) FROM sent HAVING count(*) > 0
  ON CONFLICT (agency_code) DO UPDATE SET last_seq = i.last_seq + excluded.last_seq
  RETURNING last_seq
), added AS (
  INSERT INTO siaga.inbox_item (agency_code, seq, outbox_id, assignment_id, delivered_at)
  SELECT :agency, raised.last_seq + 1 - row_number() OVER (ORDER BY sent.outbox_id DESC), sent.outbox_id,
         sent.assignment_id, sent.now
  FROM sent, raised
  RETURNING assignment_id
)
SELECT added.assignment_id, turn.now FROM added, turn
"""
).execution_options(prepared=True)

# Delivery is no decision: the version stays, so that an agency acting on what it saw just before is not told that
# somebody else changed it. Rows are locked in order, as everywhere.
MARK = text(
    """
WITH mine AS (
  SELECT assignment_id FROM siaga.assignment
  WHERE assignment_id = ANY (CAST(CAST(:ids AS text[]) AS uuid[])) AND state = 'queued'
  ORDER BY assignment_id FOR UPDATE
)
UPDATE siaga.assignment a SET state = 'delivered' FROM mine WHERE a.assignment_id = mine.assignment_id
"""
).execution_options(prepared=True)

LAST_SEQ = text("SELECT last_seq FROM siaga.agency_inbox WHERE agency_code = :agency")

# The body is what was sent; state, status and versions are as they are now, so that a late reader acts on the truth.
ITEMS = text(
    """
SELECT n.seq, n.delivered_at, o.kind, o.body, a.state, a.version, a.role, i.status, i.version AS incident_version,
       j.code AS jurisdiction
FROM siaga.inbox_item n
JOIN siaga.outbox o USING (outbox_id)
JOIN siaga.incident i ON i.incident_id = o.incident_id
LEFT JOIN siaga.assignment a ON a.assignment_id = n.assignment_id
LEFT JOIN siaga.jurisdiction j ON j.jurisdiction_id = a.jurisdiction_id
WHERE n.agency_code = :agency AND n.seq > :since AND n.seq <= :last
  AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)
ORDER BY n.seq LIMIT :limit
"""
)


def deliver(tx: Connection, agency: str, *, limit: int, now: datetime | None = None) -> int:
    """Move what is due from the outbox into the inbox; return how many items.

    Item, number, delivery mark and the assignment's state are one transaction: an item that can be read has been
    delivered, and the reverse. Returns 0 as well when another worker has the lane.

    Parameters
    ----------
    now
        Database clock; read by the statement itself if None.
    """
    lane = outbox.Lane(agency, outbox.INBOX)
    rows = tx.execute(DELIVER, {"lane": lane.lock_name, "agency": agency, "limit": limit, "now": now}).all()
    ids = sorted({row.assignment_id for row in rows if row.assignment_id})
    if ids:
        tx.execute(MARK, {"ids": ids})
    return len(rows)


def items(
    tx: Connection, agency: str, *, since_seq: int, jurisdiction: str | None = None, limit: int = 200
) -> dict[str, Any]:
    """Return what was delivered to an agency after `since_seq`.

    Parameters
    ----------
    jurisdiction
        Code of the only jurisdiction to show, for desks limited to one.

    Returns
    -------
    dict
        `items`, lowest `seq` first, and `last_seq`: where the next call goes on. It is the agency's newest number when
        everything was returned, else the last returned one.
    """
    newest = tx.execute(LAST_SEQ, {"agency": agency}).scalar_one_or_none() or 0
    rows = tx.execute(
        ITEMS,
        {"agency": agency, "since": since_seq, "last": newest, "jurisdiction": jurisdiction, "limit": limit},
    ).all()
    return {
        "items": [
            {
                **row.body,
                "seq": row.seq,
                "delivered_at": row.delivered_at,
                "kind": row.kind,
                "assignment": {
                    **row.body.get("assignment", {}),
                    "role": row.role,
                    "state": row.state,
                    "version": row.version,
                    "jurisdiction": row.jurisdiction,
                },
                "incident": {**row.body.get("incident", {}), "status": row.status, "version": row.incident_version},
            }
            for row in rows
        ],
        "last_seq": rows[-1].seq if len(rows) == limit else newest,
    }
