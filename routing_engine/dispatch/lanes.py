"""Locks of lanes that are held while a message is on its way, without a transaction open meanwhile.

One connection per worker holds the locks of all lanes it is sending on. They belong to the database session: when the
worker is killed, its lanes are free at once, and no lease has to run out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, TimeoutError

from gis.errors import UnavailableError
from routing_engine.dispatch.outbox import Lane

TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:lane, 0))")
RELEASE = text("SELECT pg_advisory_unlock(hashtextextended(:lane, 0))")


class LaneLocks:
    """The lanes this process is sending on. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mutex = threading.Lock()
        self._connection: Connection | None = None
        self._held: set[Lane] = set()

    @contextmanager
    def holding(self, lane: Lane) -> Iterator[bool]:
        """Hold a lane if it is free: yields False when this process or another has it.

        Raises
        ------
        UnavailableError
            The database cannot be reached.
        """
        is_mine = self._take(lane)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._release(lane)

    def close(self) -> None:
        """Give everything back."""
        with self._mutex:
            self._drop()

    def _take(self, lane: Lane) -> bool:
        with self._mutex:
            # A session may take its own lock twice; here the second time must be refused.
            if lane in self._held:
                return False
            try:
                if self._connection is None:
                    self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                is_free = bool(self._connection.execute(TRY, {"lane": lane.lock_name}).scalar_one())
            except (DBAPIError, TimeoutError) as error:
                self._drop()
                raise UnavailableError("the connection that holds the lanes was lost") from error
            if is_free:
                self._held.add(lane)
            return is_free

    def _release(self, lane: Lane) -> None:
        with self._mutex:
            if lane not in self._held or self._connection is None:
                return  # the connection was lost meanwhile, and every lock with it
            self._held.discard(lane)
            try:
                self._connection.execute(RELEASE, {"lane": lane.lock_name})
            except DBAPIError:
                self._drop()

    def _drop(self) -> None:
        """Close the session: what it still held is free for others. Senders in progress find their row marked."""
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):
                connection.invalidate()
            connection.close()
