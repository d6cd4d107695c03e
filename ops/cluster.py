"""The private PostgreSQL cluster of a state folder: reached by its socket only, owned and looked after by us.

It survives what a crash in a container leaves behind: a stale `postmaster.pid`, a pid used again by another program, a
zombie, backends without a postmaster, a cluster made half, two starts at once. `pg_ctl` is not used: its `status` and
`start` ask `kill(pid, 0)`, which is wrong in all of these cases.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops import postgres, processes
from ops.exits import NOT_RUNNING, REFUSED, CommandFailed
from ops.state import State

PORT = 5432  # names the socket file; nothing listens on TCP
SOCKET_PATH_LIMIT = 107  # sun_path of sockaddr_un, less the final NUL
SMALL_SHM_BYTES = 128 * 1024**2
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "cluster_name": "siaga",
    "max_connections": "80",
    "superuser_reserved_connections": "3",
    "shared_buffers": "256MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    # After a crash the files are made safe by one call for the file system instead of one for each of 1,500 files:
    # killed 16 times under load, ready after 0.17 s (0.22 s at most) instead of 0.7 s (4.2 s).
    "recovery_init_sync_method": "syncfs",
    # Just-in-time compilation costs more than it saves in queries that take milliseconds.
    "jit": "off",
    # Answers and receipts are kilobytes of JSON; the default compressor costs more time than the rest of their row.
    "default_toast_compression": "lz4",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a %u ",
    # psycopg2 puts values into the statement's text, so a logged statement, or the DETAIL of a refused row, could
    # hold a caller's name or number. The program's own logs say which use case failed.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Cluster:
    """The cluster of one state folder. Methods are safe against other processes doing the same."""

    state: State

    # --- looking -------------------------------------------------------------------------------------------------

    def users(self) -> list[int]:
        """Return the processes that really use the data folder: every backend has it as its current folder."""
        data = str(self.state.data)
        return [
            pid
            for pid in processes.pids()
            if processes.working_folder(pid) == data and processes.read(pid, "comm").strip() == b"postgres"
        ]

    def _pid_lines(self) -> list[str]:
        try:
            return (self.state.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def postmaster(self) -> int | None:
        """Return the pid of the running postmaster, `None` when there is none."""
        lines = self._pid_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else None
        if pid and processes.is_alive(pid) and processes.working_folder(pid) == str(self.state.data):
            return pid
        return None

    def is_ready(self) -> bool:
        """Tell whether the postmaster accepts connections; it says so in line 8 of its pid file."""
        lines = self._pid_lines()
        return len(lines) >= 8 and lines[7].strip() == "ready" and self.postmaster() is not None

    # --- starting ------------------------------------------------------------------------------------------------

    def start(self, *, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Start the cluster, making it first if there is none; tell whether it was this call that started it.

        Raises
        ------
        CommandFailed
            The state folder cannot be used, was made by another major, or the server did not come up; the message
            ends with what its log says.
        """
        self._check_socket_path()
        self.state.make()
        postgres.require_reachable(self.state.path)
        with self.state.lock():
            if self.postmaster() is not None:
                self._wait_ready(None, cancelled)
                return False
            programs = postgres.programs_for(self.state.data, self.state.sockets)
            self._make_sockets()
            self._clear_leftovers()
            if postgres.made_by(self.state.data) is None:
                self._initialise(programs)
            self._wait_ready(self._launch(programs), cancelled)
            return True

    def _check_socket_path(self) -> None:
        socket = self.state.sockets / f".s.PGSQL.{PORT}"
        length = len(os.fsencode(socket))
        if length > SOCKET_PATH_LIMIT or '"' in str(socket):
            raise CommandFailed(
                REFUSED,
                f"state folder {self.state.path}: the socket's path would have {length} bytes, {SOCKET_PATH_LIMIT} are "
                "possible (and no quotation mark); choose a shorter folder with --state DIR",
            )

    def _make_sockets(self) -> None:
        self.state.sockets.mkdir(mode=0o700, exist_ok=True)
        self.state.sockets.chmod(0o700)
        postgres.give_to_owner(self.state.sockets)

    def _clear_leftovers(self) -> None:
        """Remove what a crashed server left: first its orphans, then the files that name it."""
        for number in (None, signal.SIGQUIT, signal.SIGKILL):
            if number is not None:
                processes.send(self.users(), number)
            # Backends notice a dead postmaster at once unless they are inside a long computation; SIGQUIT is what
            # the postmaster itself would send them.
            if processes.wait_until(lambda: not self.users(), 0.3 if number is None else 2.0, every_s=0.02):
                break
        left = self.users()
        if left:
            raise CommandFailed(
                REFUSED, f"{self.state.data} is in use by process {', '.join(map(str, left))}, which does not end"
            )
        (self.state.data / "postmaster.pid").unlink(missing_ok=True)
        for file in self.state.sockets.glob(f".s.PGSQL.{PORT}*"):
            file.unlink(missing_ok=True)

    def _initialise(self, programs: postgres.Programs) -> None:
        """Make the cluster beside its place and move it there, so that a half-made one is never taken for real."""
        new = self.state.path / "pg.new"
        for rest in (new, self.state.data):
            shutil.rmtree(rest, ignore_errors=True)
        new.mkdir(mode=0o700)
        postgres.give_to_owner(new)
        password_file = self.state.sockets / ".password"
        password_file.unlink(missing_ok=True)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.state.secrets()["admin"] + "\n")
        postgres.give_to_owner(password_file)
        try:
            done = postgres.run(
                [
                    programs.path("initdb"),
                    f"--pgdata={new}",
                    "--username=siaga_admin",
                    "--auth-local=scram-sha-256",
                    "--auth-host=reject",
                    f"--pwfile={password_file}",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--data-checksums",
                ]
            )
        finally:
            password_file.unlink(missing_ok=True)
        (self.state.logs / "initdb.log").write_text(done.stdout)
        if done.returncode != 0:
            shutil.rmtree(new, ignore_errors=True)
            raise CommandFailed(REFUSED, f"the database cluster could not be made in {new}:\n{done.stdout.strip()}")
        new.rename(self.state.data)

    def _launch(self, programs: postgres.Programs) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {
            "unix_socket_directories": f'"{self.state.sockets}"',
            "dynamic_shared_memory_type": "posix" if has_usable_shm() else "mmap",
        }
        arguments = [programs.path("postgres"), "-D", str(self.state.data)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        with (self.state.logs / "postgres.log").open("ab") as log:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=postgres.surroundings(),
                start_new_session=True,
                **postgres.identity(),
            )

    def _wait_ready(self, process: subprocess.Popen[bytes] | None, cancelled: Callable[[], bool]) -> None:
        def is_over() -> bool:
            gone = process.poll() is not None if process else self.postmaster() is None
            return gone or cancelled() or self.is_ready()

        processes.wait_until(is_over, READY_WITHIN_S, every_s=0.01)
        if self.is_ready() or cancelled():
            return
        raise CommandFailed(
            NOT_RUNNING,
            "the database did not become ready; its log ends with:\n" + tail(self.state.logs / "postgres.log"),
        )

    # --- stopping ------------------------------------------------------------------------------------------------

    def stop(self, *, fast_s: float = STOP_WITHIN_S) -> bool:
        """Stop the cluster: fast, then immediate, then by force; tell whether it was running.

        A backend inside GEOS cannot be interrupted, so a fast stop alone may never end.
        """
        if not self.state.path.exists():
            return False
        with self.state.lock():
            pid = self.postmaster()
            was_running = pid is not None or bool(self.users())
            for number, patience_s in ((signal.SIGINT, fast_s), (signal.SIGQUIT, 6.0), (signal.SIGKILL, 3.0)):
                if pid is None:
                    break
                processes.send([pid], number)
                if processes.wait_until(lambda: not self._lives(pid), patience_s, every_s=0.02):
                    break
            if pid is not None or self.users():
                self._clear_leftovers()
            return was_running

    def _lives(self, pid: int) -> bool:
        _reap(pid)
        return processes.is_alive(pid)


def _reap(pid: int) -> None:
    """Take leave of a child of ours that ended, so that it does not stay as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def has_usable_shm(folder: Path = Path("/dev/shm")) -> bool:
    """Tell whether parallel queries can share memory there; else files in `pg/` do, slower but surely.

    Containers often have 64 MB, which a parallel query outgrows, or a folder that only root may write.
    """
    try:
        space = os.statvfs(folder)
        is_writable = folder.stat().st_mode & 0o002 != 0
    except OSError:
        return False
    return is_writable and space.f_blocks * space.f_frsize >= SMALL_SHM_BYTES


def tail(path: Path, n_lines: int = 12) -> str:
    """Return the last lines of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-n_lines:])
    except OSError:
        return "(no log)"
