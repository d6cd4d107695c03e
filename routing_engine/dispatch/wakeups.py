"""Wake-ups: the database's hint that something was written, and the process' own.

A hint may be missed (while the connection is down, or behind a pooler), so the reader also looks by itself from time
to time; nothing depends on a hint but speed.
"""

from __future__ import annotations

import logging
import os
import select
import time
from contextlib import suppress

import psycopg2
from psycopg2.extensions import connection as Psycopg2Connection
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, TimeoutError

log = logging.getLogger(__name__)

RETRY_FIRST_S = 0.1
RETRY_MOST_S = 2.0


class Wakeups:
    """Listens on a channel of the database and on a pipe of the process. Used by one thread, but for `wake`."""

    def __init__(self, engine: Engine, channel: str) -> None:
        self._engine = engine
        self._channel = channel
        self._connection: Psycopg2Connection | None = None
        self._retry_at = 0.0
        self._retry_s = RETRY_FIRST_S
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)

    def wake(self) -> None:
        """End a wait of the reader, from any thread or a signal handler."""
        with suppress(BlockingIOError, OSError):  # full: a wake-up is pending already; closed: the reader has gone
            os.write(self._write_end, b"!")

    def wait(self, timeout_s: float) -> bool:
        """Wait for a wake-up; True when there was one, False when the time was up."""
        self._connect()
        sources: list[int | Psycopg2Connection] = [self._read_end]
        if self._connection is not None:
            sources.append(self._connection)
        ready, _, _ = select.select(sources, [], [], max(0.0, timeout_s))
        if self._read_end in ready:
            with suppress(BlockingIOError):
                os.read(self._read_end, 4096)
        if self._connection in ready:
            self._drain()
        return bool(ready)

    def close(self) -> None:
        """Close the connection and the pipe."""
        self._drop()
        os.close(self._write_end)
        os.close(self._read_end)

    def _drain(self) -> None:
        assert self._connection is not None
        try:
            self._connection.poll()
        except psycopg2.Error:
            self._lost()
            return
        self._connection.notifies.clear()

    def _connect(self) -> None:
        if self._connection is not None or time.monotonic() < self._retry_at:
            return
        try:
            # A connection of the pool, with its name and limits, taken out of it for good.
            fairy = self._engine.raw_connection()
            fairy.detach()
            connection: Psycopg2Connection = fairy.dbapi_connection  # type: ignore[assignment]
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {self._channel}")
        except (DBAPIError, psycopg2.Error, TimeoutError):
            self._retry_at = time.monotonic() + self._retry_s
            self._retry_s = min(RETRY_MOST_S, self._retry_s * 2)
            return
        self._connection = connection
        self._retry_s = RETRY_FIRST_S

    def _lost(self) -> None:
        self._drop()
        self._retry_at = time.monotonic() + RETRY_FIRST_S

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg2.Error):
                connection.close()
