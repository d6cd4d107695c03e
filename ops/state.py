"""The state folder: everything one installation writes, with the rights each file needs.

::

    secrets.json        passwords of the database roles, key of the cookies            0600
    run.json            addresses, connection string, pids; only while it runs         0600
    kind.json           demo or city, so that `demo --fresh` never drops real data
    demo-accounts.json  accounts and tokens of a demo                                  0600
    own-server          there when `DATABASE_URL` names the server that holds this installation's data
    cli-token           token that `./siaga report` presents                           0600
    webhooks.json       signing secrets of agencies' webhooks                          0600
    pg/ run/            data and socket of the private cluster (of user postgres when root started it)
    fields/ log/        travel-time fields; one log per part
    worker.alive        touched by the worker each second
    supervisor.pid      who watches over the processes
    .lock .running .users .secrets.lock      locks: cluster start, the running supervisor, users of the cluster, secrets
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.exits import REFUSED, USAGE, CommandFailed

ROLES = ("admin", "owner", "api", "pages", "worker", "planner")


def _file(name: str) -> property:
    return property(lambda state: state.path / name, doc=f"Path of `{name}`.")


@dataclass(frozen=True)
class State:
    """One state folder. Making the object touches nothing; `make` creates the folder."""

    path: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> State:
        """Return the state folder at `path`, with links and relative parts resolved.

        Raises
        ------
        CommandFailed
            It names no folder: empty, the home of nobody, or links that lead to themselves.
        """
        # An empty text would be the folder one happens to stand in.
        if not str(path).strip():
            raise CommandFailed(USAGE, "--state is empty; name a folder")
        try:
            resolved = Path(os.path.realpath(Path(path).expanduser()))
        except RuntimeError as error:  # no such user
            raise CommandFailed(REFUSED, f"--state {path}: {error}") from None
        if resolved.is_symlink():
            raise CommandFailed(REFUSED, f"--state {path}: a loop of links; name a folder")
        return cls(resolved)

    secrets_file = _file("secrets.json")
    run_file = _file("run.json")
    kind_file = _file("kind.json")
    accounts_file = _file("demo-accounts.json")
    cli_token_file = _file("cli-token")
    webhooks_file = _file("webhooks.json")
    pid_file = _file("supervisor.pid")
    heartbeat_file = _file("worker.alive")
    own_server_file = _file("own-server")
    data = _file("pg")
    sockets = _file("run")
    logs = _file("log")

    def exists(self) -> bool:
        """Tell whether anything was ever made here."""
        return self.secrets_file.exists()

    def make(self) -> None:
        """Create the folder.

        As root others may pass through it, not list it: PostgreSQL's own user must reach `pg/` and `run/`.

        Raises
        ------
        CommandFailed
            The folder cannot be made or written.
        """
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(13, "not writable by this user")
            if self.path.stat().st_uid == os.geteuid():
                self.path.chmod(mode)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            (self.path / "fields").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CommandFailed(
                REFUSED, f"state folder {self.path}: {error.strerror}; choose another with --state DIR"
            ) from error

    def secrets(self) -> dict[str, str]:
        """Return the passwords, making them at the first call."""
        with self.lock(".secrets.lock"):
            kept: dict[str, str] = read_json(self.secrets_file) or {}
            if not kept.keys() >= {*ROLES, "cookie"}:
                kept = {name: secrets.token_urlsafe(24) for name in (*ROLES, "cookie")} | kept
                write_private(self.secrets_file, kept)
        return kept

    def kind(self) -> str | None:
        """Return ``demo`` or ``city``, or `None` for a folder that holds neither yet."""
        kept = read_json(self.kind_file) or {}
        return kept.get("kind")

    def run_info(self) -> dict[str, Any] | None:
        """Return what `run.json` says; `None` when nothing runs or the file is damaged."""
        kept: dict[str, Any] | None = read_json(self.run_file)
        return kept

    @contextlib.contextmanager
    def lock(self, name: str = ".lock", *, shared: bool = False) -> Iterator[None]:
        """Hold a lock of this folder. No child process inherits it, so it ends with this process."""
        with open_lock(self.path / name) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield

    def is_locked(self, name: str) -> bool:
        """Tell whether a live process holds the lock `name`."""
        if not (self.path / name).exists():
            return False
        with open_lock(self.path / name) as descriptor:
            return not try_lock(descriptor)


@contextlib.contextmanager
def open_lock(path: Path) -> Iterator[int]:
    """Open a lock file; closing it gives the lock back."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take an exclusive lock if nobody has it; tell whether that worked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_json(path: Path) -> Any:
    """Return the content of a JSON file, or `None` when it is absent or damaged."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def write_private(path: Path, content: Any) -> None:
    """Write a file with mode 0600, whole or not at all; `content` is text, or anything JSON can hold."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    # mkstemp gives 0600 from the first byte on; rename keeps readers from seeing half a file.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
