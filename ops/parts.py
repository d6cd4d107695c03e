"""The processes of Siaga besides PostgreSQL: how each starts, with which rights, and how to see that it is well."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gis.settings import ROOT
from ops import health
from ops.database import Database
from ops.health import Health
from ops.ports import HOST
from ops.processes import PART_VARIABLE, STATE_VARIABLE


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process to keep running.

    `hang_s`: seconds without any answer after which it is ended and started anew; longer while it starts.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    health: Callable[[], Health]
    folder: Path = ROOT
    start_s: float = 90.0
    hang_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Ports of an installation, and whether it is a demo."""

    pages_port: int
    api_port: int
    is_demo: bool

    @property
    def pages_url(self) -> str:
        """Address of what people see."""
        return f"http://{HOST}:{self.pages_port}"

    @property
    def api_url(self) -> str:
        """Address of what programs call."""
        return f"http://{HOST}:{self.api_port}"


# Connections per process; with five planners and room for the command line they stay below the cluster's 80.
POOL_SIZES = {"api": 12, "pages": 20, "worker": 12}
STATEMENT_TIMEOUT_MS = {"api": 10_000, "pages": 10_000, "worker": 60_000}


def health_of(name: str, pages_url: str, api_url: str, heartbeat: Path) -> Callable[[], Health]:
    """Return the question that tells whether the part `name` is well."""
    return {
        "api": partial(health.of_http, f"{api_url}/v1/health"),
        "pages": partial(health.of_http, f"{pages_url}/healthz"),
        "worker": partial(health.of_heartbeat, heartbeat),
    }[name]


def surroundings(database: Database, name: str, *, is_demo: bool) -> dict[str, str]:
    """Return the environment of a part: the caller's, less every administrator's secret, plus its own role."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DATABASE_URL", "SIAGA_DEMO") and not (key.startswith("PG") and key[2:].isupper())
    }
    own = {
        STATE_VARIABLE: str(database.state.path),
        PART_VARIABLE: name,
        "SIAGA_DATABASE_URL": database.url(name),
        "SIAGA_POOL_SIZE": str(POOL_SIZES[name]),
        "SIAGA_STATEMENT_TIMEOUT_MS": str(STATEMENT_TIMEOUT_MS[name]),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        "LC_ALL": "C.UTF-8",
    }
    if name == "pages":  # planners' questions run read-only, few at a time
        own["SIAGA_PLANNER_DATABASE_URL"] = database.url("planner")
    return kept | own | ({"SIAGA_DEMO": "1"} if is_demo else {})


def of_installation(database: Database, layout: Layout) -> list[Part]:
    """Return the parts in the order they start; they stop in reverse."""

    def web(factory: str, port: int) -> list[str]:
        return [
            *(sys.executable, "-m", "uvicorn", f"api.app:{factory}", "--factory", "--host", HOST, "--port", str(port)),
            *("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "2"),
        ]

    commands = {
        "api": web("make_api", layout.api_port),
        "pages": web("make_pages", layout.pages_port),
        "worker": [sys.executable, "-m", "routing_engine.dispatch.worker"],
    }
    return [
        Part(
            name=name,
            command=command,
            environment=surroundings(database, name, is_demo=layout.is_demo),
            health=health_of(name, layout.pages_url, layout.api_url, database.state.heartbeat_file),
        )
        for name, command in commands.items()
    ]
