"""Connections made ready before the first request, not by it.

A new PostgreSQL connection takes ten milliseconds to make and thirty-five more for its first report: it reads the
catalogue, loads PostGIS and plans every statement. When many reports come at once after a quiet night, that is a
second of work that they would all wait for.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack

from sqlalchemy import Connection, Engine

from gis.db import transaction
from gis.reports import Facts
from gis.words import Lane, Origin
from routing_engine.dispatch import duplicates
from routing_engine.dispatch.context import Context, Moment
from routing_engine.dispatch.decision import decide

log = logging.getLogger(__name__)

# A place whose edge is not known exactly takes all statements of the match.
ACCURACY_M = 100.0


def warm(engine: Engine, context: Context, n_connections: int) -> None:
    """Open connections and do on each what an intake reads; nothing is written.

    A database that is away now, or a city that is not loaded yet, is left for the first request: a process must
    start without them, and its health says what is wrong.

    Parameters
    ----------
    n_connections
        How many; at most the size of the pool.
    """
    try:
        with ExitStack() as held:
            # All at once: one that is back in the pool would be taken again.
            for tx in [held.enter_context(transaction(engine)) for _ in range(n_connections)]:
                moment = context.current(tx)
                _read(tx, moment)
    except Exception as error:  # start-up must not depend on it
        log.warning("not warmed: %s", type(error).__name__)


def _read(tx: Connection, moment: Moment) -> None:
    snapshot = moment.snapshot
    kind = next((kind for kind in snapshot.types.values() if kind.is_incident and kind.lane == Lane.D), None)
    if kind is None:
        return
    west, south, east, north = snapshot.city.bbox
    lon, lat = (west + east) / 2, (south + north) / 2
    decide(
        tx,
        moment,
        lon=lon,
        lat=lat,
        accuracy_m=ACCURACY_M,
        type_code=kind.code,
        severity=kind.severity or 1,
        facts=Facts(),
        language="id",
    )
    duplicates.find(
        tx,
        snapshot,
        lon=lon,
        lat=lat,
        accuracy_m=ACCURACY_M,
        kind=kind,
        said="",
        phone="",
        origin=Origin.LIVE,
        now=moment.now,
    )
