"""The worker: delivers the outbox, fires clocks, keeps travel-time fields, forgets what is due.

``python -m routing_engine.dispatch.worker``. Everything it does is a row first, so it may die at any moment, and any
number of workers may run beside each other. The main thread waits for wake-ups and hands out work; each lane is one
task at a time, inboxes have threads and connections of their own that no webhook can hold up.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from sqlalchemy import text

from gis.db import database_now, make_engine, transaction
from gis.errors import ConflictError, PlatformError, UnavailableError
from gis.settings import Settings
from routing_engine.dispatch import clocks, maintenance, outbox
from routing_engine.dispatch.delivery import Delivery
from routing_engine.dispatch.fields import refresh_fields
from routing_engine.dispatch.lanes import LaneLocks
from routing_engine.dispatch.outbox import Lane
from routing_engine.dispatch.wakeups import Wakeups
from routing_engine.dispatch.webhooks import NETWORKS_VARIABLE, WebhookFile, WebhookSender, read_networks
from routing_engine.network.closure_rows import KEY_NOW
from routing_engine.network.compiled import kernels

log = logging.getLogger(__name__)

POLL_S = 0.5
# While there is something to deliver nobody sends hints (see `outbox.ENQUEUE`), so the worker looks more often.
BUSY_POLL_S = 0.1
BUSY_S = 2.0  # longer than from a message's insert, where the hint is decided, to its commit
CLOCKS_S = 1.0
HEARTBEAT_S = 1.0
FIELDS_S = 0.5  # a closure must count within a second; those that begin by the clock are found by looking
FIELDS_LEAST_S = 0.1  # a hint may be about a closure, and in a storm there are many
FIELDS_AGAIN_S = 60.0
MAINTENANCE_S = 60.0
INBOX_THREADS = 5
CHORE_THREADS = 3
# A dead receiver holds a thread for up to 5 s of every back-off; all agencies of a city may be dead at once.
WEBHOOK_THREADS = 24

# What the fields are built from; a change of it is a reason to look whether they are still right. Closures begin and
# end by the clock, so they are asked for as they are now.
FIELD_SOURCES = text(
    f"""
SELECT (SELECT revision FROM siaga.city) AS city,
       (SELECT string_agg(digest, ',') FROM siaga.road_build WHERE is_current) AS roads,
       {KEY_NOW} AS closures
"""  # noqa: S608
)


class Worker:
    """One worker process' work. `run` returns after `stop`."""

    def __init__(self, settings: Settings, *, rng: np.random.Generator, environment: dict[str, str]) -> None:
        self._state = settings.state
        # Every thread that has no webhook to wait for has a connection; one more is the main thread's.
        own = INBOX_THREADS + CHORE_THREADS + 1
        self._engine = make_engine(replace(settings, pool_size=own), application="worker")
        # Webhook threads need one only before and after sending; the locks of their lanes keep one for good.
        shared = max(3, settings.pool_size - own) + 1
        self._webhook_engine = make_engine(replace(settings, pool_size=shared), application="worker-webhooks")
        self._locks = LaneLocks(self._webhook_engine)
        networks = read_networks([part for part in environment.get(NETWORKS_VARIABLE, "").split(",") if part])
        self._delivery = Delivery(
            self._engine,
            WebhookSender(WebhookFile(settings.state, networks=networks)),
            locks=self._locks,
            rng=rng,
            webhook_engine=self._webhook_engine,
        )
        self._wakeups = Wakeups(self._engine, outbox.NOTIFY_CHANNEL)
        self._stopping = threading.Event()
        self._is_away = False
        self._away_lock = threading.Lock()
        self._inbox_threads = ThreadPoolExecutor(INBOX_THREADS, "inbox")
        self._webhook_threads = ThreadPoolExecutor(WEBHOOK_THREADS, "webhook")
        self._chore_threads = ThreadPoolExecutor(CHORE_THREADS, "chore")
        self._running: dict[Lane | str, Future[None]] = {}
        self._running_lock = threading.Lock()
        self._again: set[Lane | str] = set()
        self._busy_until = 0.0
        self._field_sources: tuple[object, ...] | None = None
        self._fields_not_before = 0.0

    def stop(self) -> None:
        """Ask `run` to end; from any thread or a signal handler."""
        self._stopping.set()
        self._wakeups.wake()

    def run(self) -> None:
        """Work until `stop`; then let what is on its way arrive (a webhook ends within its own limit)."""
        next_beat = next_clocks = next_fields = fields_least = next_maintenance = next_look = 0.0
        try:
            while not self._stopping.is_set():
                now = time.monotonic()
                if now >= next_beat:
                    self._beat()
                    next_beat = now + HEARTBEAT_S
                if now >= next_look:
                    is_busy = self._hand_out_lanes()
                    next_look = time.monotonic() + (BUSY_POLL_S if is_busy else POLL_S)
                if now >= next_clocks:
                    self._hand_out("clocks", self._chore_threads, self._fire_clocks)
                    next_clocks = now + CLOCKS_S
                if now >= next_fields:
                    self._hand_out("fields", self._chore_threads, self._refresh_fields)
                    next_fields, fields_least = now + FIELDS_S, now + FIELDS_LEAST_S
                if now >= next_maintenance:
                    self._hand_out("maintenance", self._chore_threads, self._forget)
                    next_maintenance = now + MAINTENANCE_S
                left = min(next_beat, next_look, next_clocks, next_fields) - time.monotonic()
                if self._wakeups.wait(left):
                    next_look = 0.0
                    next_fields = min(next_fields, fields_least)
        finally:
            self._stopping.set()
            for threads in (self._inbox_threads, self._webhook_threads, self._chore_threads):
                threads.shutdown(wait=True, cancel_futures=True)
            self._locks.close()
            self._wakeups.close()
            self._engine.dispose()
            self._webhook_engine.dispose()

    def _beat(self) -> None:
        try:
            (self._state / "worker.alive").touch()
        except OSError as error:
            log.warning("heartbeat not written: %s", error.strerror)

    # -- handing out

    def _hand_out_lanes(self) -> bool:
        """Start what is due; tell whether an inbox has been among it of late."""
        lanes: list[Lane] = []

        def look() -> None:
            with transaction(self._engine) as tx:
                lanes.extend(outbox.waiting_lanes(tx))
            for lane in lanes:
                threads = self._webhook_threads if lane.channel == outbox.WEBHOOK else self._inbox_threads
                self._hand_out(lane, threads, lambda lane=lane: self._deliver(lane))  # type: ignore[misc]

        self._guarded(look)
        now = time.monotonic()
        if any(lane.channel == outbox.INBOX for lane in lanes):
            self._busy_until = now + BUSY_S
        return now < self._busy_until

    def _hand_out(self, name: Lane | str, threads: ThreadPoolExecutor, task: Callable[[], None]) -> None:
        """Run a task unless it is running; then note that it is wanted again."""
        with self._running_lock:
            if name in self._running:
                self._again.add(name)
                return
            if self._stopping.is_set():
                return
            self._running[name] = threads.submit(self._guarded, task)
            future = self._running[name]
        future.add_done_callback(lambda _: self._ended(name))

    def _ended(self, name: Lane | str) -> None:
        with self._running_lock:
            self._running.pop(name, None)
            is_wanted = name in self._again
            self._again.discard(name)
        # A row that was committed while its lane was finishing must not wait for the next poll.
        if is_wanted and isinstance(name, Lane):
            self._wakeups.wake()

    def _guarded(self, task: Callable[[], None]) -> None:
        """Run a task; the database's absence is said once, everything else each time, and neither ends the worker."""
        try:
            task()
        except UnavailableError:
            self._set_away(True)
        except Exception:
            log.exception("a task failed; it is tried again at its next turn")
        else:
            self._set_away(False)

    def _set_away(self, is_away: bool) -> None:
        with self._away_lock:
            if is_away == self._is_away:
                return
            self._is_away = is_away
        if is_away:
            log.warning("the database is away; waiting for it")
        else:
            log.info("the database is back")

    # -- tasks

    def _deliver(self, lane: Lane) -> None:
        n = 0
        while not self._stopping.is_set():
            done = self._delivery.deliver_batch(lane, is_stopping=self._stopping.is_set)
            n += done.n
            if not done.is_more:
                break
        if n:
            log.info("%s of %s: %s delivered", lane.channel, lane.agency, n)
            if lane.channel == outbox.INBOX:
                self._wakeups.wake()  # webhooks follow the inbox

    def _fire_clocks(self) -> None:
        limit = 200
        while not self._stopping.is_set():
            with transaction(self._engine) as tx:
                n = clocks.fire_due(tx, now=database_now(tx), limit=limit)
            if n:
                log.info("clocks: %s due", n)
            if n < limit:
                break

    def _forget(self) -> None:
        maintenance.forget_expired(self._engine)

    def _refresh_fields(self) -> None:
        """Build the travel-time fields anew when what they are made from has changed."""
        if time.monotonic() < self._fields_not_before:
            return
        if self._field_sources is None:
            kernels()  # the first closure should not wait for them
        with transaction(self._engine) as tx:
            sources = tuple(tx.execute(FIELD_SOURCES).one())
        if sources == self._field_sources or None in sources:
            return
        self._fields_not_before = time.monotonic() + FIELDS_AGAIN_S  # if this fails, not at once again
        try:
            refresh_fields(self._engine, self._state)
        except ConflictError as error:
            log.info("%s", error)
            self._fields_not_before = 0.0
            return
        self._fields_not_before = 0.0
        self._field_sources = sources


def main() -> int:
    """Run a worker until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # A connection that dies in the pool is told with its traceback there; here its absence is said once.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        settings = Settings.from_env()
        worker = Worker(settings, rng=np.random.default_rng(), environment=dict(os.environ))
    except PlatformError as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    log.info("worker %s started", os.getpid())
    worker.run()
    log.info("worker %s stopped", os.getpid())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
