"""Settings of one running installation, built once at the edge and passed down.

Facts of a city (metric SRID, languages, limits) are not settings: they are in the city's folder and in `siaga.city`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gis.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent


def default_state() -> Path:
    """Return the state folder used when neither `--state` nor `SIAGA_STATE` names one."""
    if os.geteuid() == 0:
        return Path("/var/lib/siaga")
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(base) / "siaga"


def sqlalchemy_url(url: str) -> str:
    """Return `url` with the psycopg2 driver named.

    SQLAlchemy 2.1 loads psycopg 3 for a bare ``postgresql://``; this is the one place where that is rewritten.

    Raises
    ------
    ConfigurationError
        The URL is not a PostgreSQL URL.
    """
    for prefix in ("postgresql+psycopg2://", "postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg2://" + url[len(prefix) :]
    raise ConfigurationError("DATABASE_URL: not a PostgreSQL URL; expected postgresql://user:password@host/name")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a process needs to know.

    Attributes
    ----------
    state
        Folder with everything this installation writes.
    database_url
        SQLAlchemy URL of the role this process logs in as.
    pool_size
        Connections of this process; the thread pool of a web process is not larger.
    statement_timeout_ms
        Limit of one SQL statement, milliseconds.
    idle_timeout_ms
        How long a transaction may wait for the program, milliseconds; 0 is no limit (commands that compute between
        statements: a service must never hold rows that long).
    planner_url
        SQLAlchemy URL of the read-only role planners' questions run as; `None`: as `database_url`.
    """

    state: Path
    database_url: str
    pool_size: int = 10
    statement_timeout_ms: int = 10_000
    idle_timeout_ms: int = 30_000
    demo: bool = False
    planner_url: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read the variables listed in `.env.example`.

        Raises
        ------
        ConfigurationError
            `SIAGA_DATABASE_URL` is missing or a number is not one.
        """
        url = env.get("SIAGA_DATABASE_URL", "")
        if not url:
            raise ConfigurationError("SIAGA_DATABASE_URL is not set; start the parts with ./siaga up or ./siaga demo")
        try:
            pool_size = int(env.get("SIAGA_POOL_SIZE", "10"))
            timeout = int(env.get("SIAGA_STATEMENT_TIMEOUT_MS", "10000"))
        except ValueError as error:
            raise ConfigurationError(
                f"SIAGA_POOL_SIZE, SIAGA_STATEMENT_TIMEOUT_MS: whole numbers expected ({error})"
            ) from None
        return cls(
            state=Path(env.get("SIAGA_STATE") or default_state()),
            database_url=sqlalchemy_url(url),
            pool_size=pool_size,
            statement_timeout_ms=timeout,
            demo=env.get("SIAGA_DEMO") == "1",
            planner_url=sqlalchemy_url(env["SIAGA_PLANNER_DATABASE_URL"])
            if env.get("SIAGA_PLANNER_DATABASE_URL")
            else None,
        )
