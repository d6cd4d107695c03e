"""An agency's inbox: numbered without gaps in the order of delivery, read from where the reader left off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from routing_engine.dispatch import lifecycle, outbox

# The counter's row stays locked until commit, so numbers follow commits and a rollback leaves no gap.
RAISE_SEQ = text(
    """
INSERT INTO siaga.agency_inbox AS i (agency_code, last_seq) VALUES (:agency, :n)
ON CONFLICT (agency_code) DO UPDATE SET last_seq = i.last_seq + excluded.last_seq
RETURNING last_seq
"""
)

ADD_ITEMS = text(
    """
INSERT INTO siaga.inbox_item (agency_code, seq, outbox_id, assignment_id, delivered_at)
SELECT :agency, :first + x.n - 1, x.outbox_id, x.assignment_id, :now
FROM unnest(CAST(:ids AS bigint[]), CAST(:assignments AS uuid[])) WITH ORDINALITY AS x(outbox_id, assignment_id, n)
"""
)

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


def deliver(tx: Connection, agency: str, *, now: datetime, limit: int) -> int:
    """Move what is due from the outbox into the inbox; return how many items.

    The caller holds the lane (`outbox.lock_lane`). Item, number, delivery mark and the assignment's state are one
    transaction: an item that can be read has been delivered, and the reverse.
    """
    rows = outbox.due_rows(tx, outbox.Lane(agency, outbox.INBOX), now=now, limit=limit)
    if not rows:
        return 0
    last = tx.execute(RAISE_SEQ, {"agency": agency, "n": len(rows)}).scalar_one()
    tx.execute(
        ADD_ITEMS,
        {
            "agency": agency,
            "first": last - len(rows) + 1,
            "ids": [row.outbox_id for row in rows],
            "assignments": [row.assignment_id for row in rows],
            "now": now,
        },
    )
    outbox.mark_delivered(tx, [row.outbox_id for row in rows], now=now)
    # Sorted, so that two agencies' deliveries and a person's change lock assignments in one order.
    for assignment_id in sorted({row.assignment_id for row in rows if row.assignment_id}):
        lifecycle.mark_delivered(tx, assignment_id, now=now)
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
