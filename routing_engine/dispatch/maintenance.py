"""What the worker forgets when it is due to be forgotten, in small transactions."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from gis.db import database_now, transaction

log = logging.getLogger(__name__)

# Log-in attempts slow down guessing within a minute; a day more lets a supervisor look into an attack.
KEEP_ATTEMPTS = timedelta(days=1)
CHUNK = 1000

# The owner's data first: a caller is removed on the day it was promised, the incident stays.
FORGET = {
    "callers": text(
        "DELETE FROM private.caller WHERE report_id IN"
        " (SELECT report_id FROM private.caller WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit)"
    ),
    "sessions": text(
        "DELETE FROM siaga.session WHERE session_hash IN"
        " (SELECT session_hash FROM siaga.session WHERE expires_at <= :now LIMIT :limit)"
    ),
    "login attempts": text(
        "DELETE FROM siaga.login_attempt WHERE login_attempt_id IN"
        " (SELECT login_attempt_id FROM siaga.login_attempt WHERE at <= :attempts_before LIMIT :limit)"
    ),
}


def forget_chunk(tx: Connection, what: str, *, now: datetime, limit: int = CHUNK) -> int:
    """Delete up to `limit` expired rows of one kind; return how many.

    Parameters
    ----------
    what
        A key of `FORGET`.
    """
    values = {"now": now, "attempts_before": now - KEEP_ATTEMPTS, "limit": limit}
    statement = FORGET[what]
    return tx.execute(statement, {name: values[name] for name in statement.compile().params}).rowcount


def forget_expired(engine: Engine, *, limit: int = CHUNK) -> dict[str, int]:
    """Delete every expired row, chunk by chunk; return the counts."""
    counts = dict.fromkeys(FORGET, 0)
    for what in FORGET:
        while True:
            with transaction(engine) as tx:
                n = forget_chunk(tx, what, now=database_now(tx), limit=limit)
            counts[what] += n
            if n < limit:
                break
    if any(counts.values()):
        log.info("forgotten: %s", ", ".join(f"{n} {what}" for what, n in counts.items() if n))
    return counts
