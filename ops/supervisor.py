"""Keeps the processes of one installation running: starts them in order, starts them again, stops them cleanly.

Each process has a keeper, a thread that does one simple thing after another: start, watch, wait a little, start again.
PostgreSQL is looked at ten times a second, so that the first report after a crash is saved within a second or so.
If the supervisor itself is killed, the processes go on serving; the next `up` or `demo` takes their place.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ops import processes
from ops.cluster import Cluster
from ops.exits import DONE, NOT_RUNNING, CommandFailed
from ops.parts import Part
from ops.state import State, write_private

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
HEALTH_EVERY_S = 2.0
HEALTH_EVERY_STARTING_S = 0.25
# Waits before a process that keeps ending is started again; one that ran for a while starts at once.
BACK_OFF_S = (0.0, 0.3, 1.0, 2.0, 5.0, 10.0, 30.0)
RAN_WELL_S = 20.0
STOP_PART_S = 8.0
LOG_LIMIT_BYTES = 20 * 1024**2
LOG_LOOK_EVERY_S = 60.0


def back_off_s(n_failures: int) -> float:
    """Return the wait before the next start after `n_failures` short lives in a row."""
    return BACK_OFF_S[min(n_failures, len(BACK_OFF_S) - 1)]


class Keeper(threading.Thread):
    """Runs one process and starts it again whenever it ends or stops answering."""

    def __init__(self, part: Part, supervisor: Supervisor) -> None:
        super().__init__(name=part.name, daemon=True)
        self.part = part
        self.supervisor = supervisor
        self.process: subprocess.Popen[bytes] | None = None
        self.is_well = False
        self.detail = "starting"
        self.n_starts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the latest start."""
        return self.process.pid if self.process else None

    def run(self) -> None:
        """Keep the process until the supervisor stops."""
        stopping = self.supervisor.stopping
        n_failures = 0
        while not stopping.wait(back_off_s(n_failures)):
            started = time.monotonic()
            try:
                self._start()
                reason = self._watch(started)
            except OSError as error:
                reason = f"cannot be started: {error}"
            self.is_well = False
            if stopping.is_set():
                return
            self.detail = reason
            n_failures = 0 if time.monotonic() - started > RAN_WELL_S else n_failures + 1
            log.warning("%s %s; starting it again in %.1f s", self.part.name, reason, back_off_s(n_failures))

    def _start(self) -> None:
        with (self.supervisor.state.logs / f"{self.part.name}.log").open("ab") as output:
            self.process = subprocess.Popen(
                self.part.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.part.folder,
                env=dict(self.part.environment),
                # A session of its own: Ctrl+C in the terminal reaches the supervisor alone, which stops in order.
                start_new_session=True,
            )
        self.n_starts += 1
        log.info("%s started as process %d", self.part.name, self.process.pid)
        self.supervisor.note_change()

    def _watch(self, started: float) -> str:
        """Watch the process until it is over; return why."""
        assert self.process is not None
        last_answer = started
        was_well = False
        next_look = started
        while not self.supervisor.stopping.wait(LOOK_EVERY_S):
            if self.process.poll() is not None:
                self._end_group()
                return f"ended with {_ending(self.process.returncode)}"
            now = time.monotonic()
            if now < next_look:
                continue
            found = self.part.health()
            now = time.monotonic()
            if found.answers:
                last_answer = now
            was_well = was_well or found.is_well
            self.is_well, self.detail = found.is_well, found.detail
            limit_s = self.part.hang_s if was_well else self.part.start_s
            if now - last_answer > limit_s:
                self.stop()
                return f"did not answer for {limit_s:.0f} s"
            next_look = now + (HEALTH_EVERY_S if was_well else HEALTH_EVERY_STARTING_S)
        return "stopping"

    def ask_to_stop(self) -> None:
        """Send the signal to end."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def stop(self, deadline: float | None = None) -> None:
        """End the process and all it started: ask, then kill."""
        if self.process is None:
            return
        self.ask_to_stop()
        try:
            self.process.wait(max(0.1, (deadline or time.monotonic() + STOP_PART_S) - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s did not end in time and is killed", self.part.name)
        self._end_group()
        self.process.wait()

    def _end_group(self) -> None:
        """Kill whatever the process started: its session is its own, and the group outlives its leader."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


class ClusterKeeper(threading.Thread):
    """Keeps PostgreSQL running."""

    def __init__(self, cluster: Cluster, supervisor: Supervisor) -> None:
        super().__init__(name="postgres", daemon=True)
        self.cluster = cluster
        self.supervisor = supervisor
        self.pid = cluster.postmaster()

    def run(self) -> None:
        """Look for the postmaster ten times a second; start the cluster when it is gone."""
        stopping = self.supervisor.stopping
        n_failures = 0
        while not stopping.wait(LOOK_EVERY_S):
            if self.pid is not None and self._lives(self.pid):
                continue
            log.warning("postgres (process %s) is gone; starting it again", self.pid)
            try:
                self.cluster.start(cancelled=stopping.is_set)
                self.pid = self.cluster.postmaster()
                n_failures = 0
                log.info("postgres is ready as process %s", self.pid)
                self.supervisor.note_change()
            except (CommandFailed, OSError) as error:
                n_failures += 1
                log.error("postgres does not start: %s", error)
                stopping.wait(back_off_s(n_failures))

    @staticmethod
    def _lives(pid: int) -> bool:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return processes.is_alive(pid)


class Supervisor:
    """The processes of one state folder.

    Parameters
    ----------
    cluster
        The private cluster, started here if it is not running; `None` when the database is elsewhere.
    addresses
        `pages`, `api`, `dsn` and `version` of `run.json`.
    """

    def __init__(
        self, state: State, parts: Sequence[Part], *, cluster: Cluster | None, addresses: Mapping[str, str]
    ) -> None:
        self.state = state
        self.parts = parts
        self.cluster = cluster
        self.addresses = addresses
        self.stopping = threading.Event()
        self.keepers: list[Keeper] = []
        self.cluster_keeper: ClusterKeeper | None = None
        self._write = threading.Lock()

    def run(self, *, when_ready: Callable[[], None] | None = None) -> int:
        """Run until SIGTERM, SIGINT or SIGHUP, then stop everything; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        write_private(self.state.pid_file, f"{os.getpid()}\n")
        try:
            self._start()
            is_announced = False
            next_look = 0.0
            while not self.stopping.wait(LOOK_EVERY_S):
                if not is_announced and all(keeper.is_well for keeper in self.keepers):
                    is_announced = True
                    log.info("every part is well")
                    if when_ready:
                        when_ready()
                if time.monotonic() > next_look:
                    self._shorten_logs()
                    next_look = time.monotonic() + LOG_LOOK_EVERY_S
            return DONE
        except CommandFailed as error:
            log.error("%s", error)
            return error.code or NOT_RUNNING
        finally:
            self.stopping.set()
            self._stop()

    def _start(self) -> None:
        self.state.heartbeat_file.unlink(missing_ok=True)
        if self.cluster:
            self.cluster.start(cancelled=self.stopping.is_set)
            self.cluster_keeper = ClusterKeeper(self.cluster, self)
            self.cluster_keeper.start()
        self.keepers = [Keeper(part, self) for part in self.parts]
        for keeper in self.keepers:
            keeper.start()

    def _stop(self) -> None:
        log.info("stopping")
        for keeper in (*self.keepers, *filter(None, [self.cluster_keeper])):
            keeper.join(timeout=10.0)
        for keeper in reversed(self.keepers):
            keeper.ask_to_stop()
        deadline = time.monotonic() + STOP_PART_S
        for keeper in reversed(self.keepers):
            keeper.stop(deadline)
        if self.cluster:
            self.cluster.stop()
        for file in (self.state.run_file, self.state.pid_file, self.state.heartbeat_file):
            file.unlink(missing_ok=True)
        log.info("stopped")

    def note_change(self) -> None:
        """Write `run.json` anew once every part has a process, and after each restart."""
        with self._write:
            pids: dict[str, Any] = {"supervisor": os.getpid()}
            if self.cluster_keeper:
                pids["postgres"] = self.cluster_keeper.pid
            pids |= {keeper.part.name: keeper.pid for keeper in self.keepers}
            if self.keepers and all(pids.values()) and not self.stopping.is_set():
                write_private(
                    self.state.run_file,
                    {
                        "pages": self.addresses["pages"],
                        "api": self.addresses["api"],
                        "dsn": self.addresses["dsn"],
                        "pids": pids,
                        "version": self.addresses["version"],
                    },
                )

    def _shorten_logs(self) -> None:
        """Keep one old copy of a log that grew too long; its writer appends, so it goes on at the new end."""
        for file in self.state.logs.glob("*.log"):
            if file.stat().st_size > LOG_LIMIT_BYTES:
                shutil.copyfile(file, file.with_suffix(".log.1"))
                os.truncate(file, 0)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def claim(state: State) -> int | None:
    """Take the lock that says "this state runs"; return its descriptor, or `None` when another process has it.

    The descriptor may be passed on to a detached supervisor: the lock lives as long as any process holds it.
    """
    descriptor = os.open(state.path / ".running", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
