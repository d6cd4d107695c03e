"""Deliver one lane: the oldest rows first, up to the first failure.

Inbox and log are one short transaction. A webhook is sent between two: read the head of the lane, send with no
transaction open, mark it. Killed in between, the message goes out again with the same id.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from gis.db import database_now, transaction
from gis.errors import UnavailableError
from routing_engine.dispatch import inbox, outbox
from routing_engine.dispatch.lanes import LaneLocks
from routing_engine.dispatch.outbox import Lane
from routing_engine.dispatch.webhooks import DeliveryError, WebhookSender

log = logging.getLogger(__name__)

BATCH = 25
# Deadlock, lock or statement time-out: nobody's fault, tried again at the next turn.
TRANSIENT = {"40P01", "40001", "55P03", "57014"}

ADDRESS = text(
    "SELECT address FROM siaga.agency_channel WHERE agency_code = :agency AND channel = 'webhook' AND is_active"
)

# Webhooks follow the inbox: same message, same number, same order. Ids of messages that commit late are lower than ids
# already delivered, so the order is that of the inbox number, looked up within the oldest thousand that wait.
WEBHOOK_HEAD = text(
    """
WITH head AS (
  SELECT outbox_id, incident_id, assignment_id, kind, body, created_at, attempts, next_attempt_at
  FROM siaga.outbox
  WHERE agency_code = :agency AND channel = 'webhook' AND delivered_at IS NULL
  ORDER BY outbox_id LIMIT 1000
)
SELECT h.outbox_id, h.kind, h.body, h.attempts, h.next_attempt_at, n.seq, clock_timestamp() AS now
FROM head h
CROSS JOIN LATERAL (
  SELECT i.seq FROM siaga.outbox o JOIN siaga.inbox_item i USING (outbox_id)
  WHERE o.incident_id = h.incident_id AND o.agency_code = :agency AND o.channel = 'inbox' AND o.kind = h.kind
    AND o.assignment_id IS NOT DISTINCT FROM h.assignment_id AND o.created_at = h.created_at
    AND o.outbox_id < h.outbox_id
  ORDER BY o.outbox_id DESC LIMIT 1
) AS n
ORDER BY n.seq LIMIT :limit
"""
)


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What one turn on a lane did.

    Attributes
    ----------
    n
        Rows delivered.
    is_more
        The batch was full: there may be more to deliver now.
    """

    n: int = 0
    is_more: bool = False


class Delivery:
    """Delivers lanes. Safe to share between threads.

    Parameters
    ----------
    engine
        For inboxes and logs; never waits for a webhook.
    webhook_engine
        For what surrounds a webhook; the same engine if None.
    rng
        For the jitter of the back-off.
    """

    def __init__(
        self,
        engine: Engine,
        sender: WebhookSender,
        *,
        locks: LaneLocks,
        rng: np.random.Generator,
        webhook_engine: Engine | None = None,
    ) -> None:
        self._engine = engine
        self._webhook_engine = webhook_engine or engine
        self._sender = sender
        self._locks = locks
        self._rng = rng

    def deliver_batch(
        self, lane: Lane, *, limit: int = BATCH, is_stopping: Callable[[], bool] = lambda: False
    ) -> Delivered:
        """Deliver up to `limit` due rows of a lane in order; stop at the first failure.

        Returns at once when another worker has the lane.

        Raises
        ------
        UnavailableError
            The database is away.
        """
        if lane.channel == outbox.WEBHOOK:
            return self._webhooks(lane, limit=limit, is_stopping=is_stopping)
        try:
            return self._inside(lane, limit=limit)
        except UnavailableError as error:
            if isinstance(error.__cause__, DBAPIError) and getattr(error.__cause__.orig, "pgcode", None) in TRANSIENT:
                return Delivered()
            raise
        except DBAPIError as error:
            return self._one_by_one(lane, error, limit=limit)

    # -- inbox and log: one transaction

    def _inside(self, lane: Lane, *, limit: int) -> Delivered:
        with transaction(self._engine) as tx:
            n = (
                inbox.deliver(tx, lane.agency, limit=limit)
                if lane.channel == outbox.INBOX
                else _to_log(tx, lane, limit)
            )
        return Delivered(n=n, is_more=n == limit)

    def _one_by_one(self, lane: Lane, error: Exception, *, limit: int) -> Delivered:
        """Find the row that cannot be delivered; what stands before it gets through."""
        if limit > 1:
            n = 0
            while n < limit:
                one = self.deliver_batch(lane, limit=1)
                if one.n == 0:
                    break
                n += 1
            return Delivered(n=n, is_more=n == limit)
        with transaction(self._engine) as tx:
            if not outbox.lock_lane(tx, lane):
                return Delivered()
            now = database_now(tx)
            for row in outbox.due_rows(tx, lane, now=now, limit=1):
                self._note(tx, lane, row.outbox_id, row.attempts, f"database: {type(error).__name__}", now)
        return Delivered()

    # -- webhooks: no transaction while sending

    def _webhooks(self, lane: Lane, *, limit: int, is_stopping: Callable[[], bool]) -> Delivered:
        engine = self._webhook_engine
        n = 0
        with self._locks.holding(lane) as is_mine:
            if not is_mine:
                return Delivered()
            with transaction(engine) as tx:
                address = tx.execute(ADDRESS, {"agency": lane.agency}).scalar_one_or_none()
                rows = tx.execute(WEBHOOK_HEAD, {"agency": lane.agency, "limit": limit}).mappings().all()
            if address is None:
                return Delivered()
            read_at = time.monotonic()
            for row in rows:
                now = row["now"] + timedelta(seconds=time.monotonic() - read_at)
                if row["next_attempt_at"] > now or is_stopping():
                    break
                error = self._send(lane, address, row, now)
                with transaction(engine) as tx:
                    now = database_now(tx)
                    if error is not None:
                        self._note(tx, lane, row["outbox_id"], row["attempts"], error, now)
                        break
                    # No row: the locks were lost with their connection and another worker goes on from here.
                    if outbox.mark_delivered(tx, [row["outbox_id"]], now=now) == 0:
                        break
                n += 1
        return Delivered(n=n, is_more=n == limit)

    def _send(self, lane: Lane, address: str, row: Any, now: Any) -> str | None:
        """Send one message; return what went wrong, or None."""
        body = {"seq": row["seq"], "kind": row["kind"], **row["body"]}
        try:
            self._sender.send(lane.agency, address, message_id=str(row["outbox_id"]), body=body, at=now)
        except DeliveryError as error:
            return str(error)
        except Exception as error:
            # Whatever a foreign answer provokes stays this lane's trouble.
            log.exception("webhook %s of %s", row["outbox_id"], lane.agency)
            return type(error).__name__
        return None

    def _note(self, tx: Connection, lane: Lane, outbox_id: int, attempts: int, error: str, now: Any) -> None:
        delay_s = outbox.note_failure(tx, outbox_id, attempts=attempts, error=error, now=now, rng=self._rng)
        # The first failure and then each tenth: a receiver that is away for a day does not fill the log.
        if attempts % 10 == 0:
            log.warning(
                "outbox %s, %s of %s: attempt %s failed (%s), again in %.1f s",
                outbox_id,
                lane.channel,
                lane.agency,
                attempts + 1,
                error,
                delay_s,
            )


def _to_log(tx: Connection, lane: Lane, limit: int) -> int:
    """Deliver an exercise's messages to the log: ids and kinds, no texts."""
    if not outbox.lock_lane(tx, lane):
        return 0
    now = database_now(tx)
    rows = outbox.due_rows(tx, lane, now=now, limit=limit)
    for row in rows:
        log.info("drill: %s %s of incident %s for %s", row.kind, row.outbox_id, row.incident_id, lane.agency)
    outbox.mark_delivered(tx, [row.outbox_id for row in rows], now=now)
    return len(rows)
