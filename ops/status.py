"""What runs in a state folder: every part with its health, age and version."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ops import processes
from ops.cluster import Cluster
from ops.database import Database
from ops.exits import CommandFailed
from ops.health import Health
from ops.parts import health_of
from ops.session import RUNNING_LOCK
from ops.state import State

PARTS = ("supervisor", "postgres", "api", "pages", "worker")


@dataclass(frozen=True, kw_only=True)
class PartStatus:
    """One line of `./siaga status`; `age_s` counts from the start of the process."""

    name: str
    pid: int | None
    is_well: bool
    age_s: float | None
    version: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """All of it."""

    state: str
    is_running: bool
    is_well: bool
    kind: str | None
    pages: str | None
    api: str | None
    version: str | None
    parts: tuple[PartStatus, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        parts = {part.name: {k: v for k, v in asdict(part).items() if k != "name"} for part in self.parts}
        return asdict(self) | {"parts": parts}


def database_health(database: Database) -> tuple[Health, str]:
    """Ask the database; return its health and the versions of PostgreSQL and PostGIS."""
    try:
        connection = database.connect("owner")
    except CommandFailed as error:
        return Health(False, False, str(error)), ""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version'), postgis_lib_version()")
            server, postgis = cursor.fetchone()
        return Health(True, True), f"{server.split()[0]} PostGIS {postgis}"
    except Exception as error:
        return Health(True, False, str(error).strip()), ""
    finally:
        connection.close()


def look(state: State) -> Status:
    """Ask every part how it is."""
    run = state.run_info()
    is_running = run is not None and state.is_locked(RUNNING_LOCK)
    pids: dict[str, int | None] = dict((run or {}).get("pids", {}))
    version = (run or {}).get("version", "")
    database = Database.of(state)
    found: list[PartStatus] = []
    for name in PARTS:
        pid = pids.get(name)
        if name == "postgres":
            if not database.is_private:
                pid = None
            elif not pid or not processes.is_alive(pid):
                pid = Cluster(state).postmaster()
        if name == "supervisor":
            well, part_version = Health(is_running, is_running, "" if is_running else "not running"), version
        elif run is None and pid is None:
            well, part_version = Health(False, False, "not running"), ""
        elif name == "postgres":
            well, part_version = database_health(database)
        else:
            ask = health_of(name, run["pages"], run["api"], state.heartbeat_file)  # type: ignore[index]
            well, part_version = ask(), version
        is_there = bool(pid) and processes.is_alive(pid)
        needs_process = name != "postgres" or database.is_private
        found.append(
            PartStatus(
                name=name,
                pid=pid if is_there else None,
                is_well=well.is_well and (is_there or not needs_process),
                age_s=round(processes.age_s(pid) or 0.0, 1) if is_there and pid else None,
                version=part_version,
                detail=well.detail,
            )
        )
    return Status(
        state=str(state.path),
        is_running=is_running,
        is_well=is_running and all(part.is_well for part in found),
        kind=state.kind() if state.path.exists() else None,
        pages=run["pages"] if run else None,
        api=run["api"] if run else None,
        version=version or None,
        parts=tuple(found),
    )
