"""What has to be there before the processes start, besides the migrated database and its city."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from gis.db import make_engine, transaction
from ops.client import ensure_token
from ops.database import Database


@contextmanager
def engine_of(database: Database, role: str = "owner") -> Iterator[Engine]:
    """Give an engine of a role on a reachable database."""
    engine = make_engine(database.settings(role), application="ops")
    try:
        yield engine
    finally:
        engine.dispose()


def finish(database: Database, say: Callable[[str], None]) -> None:
    """Make the command line's token and the travel-time fields; both are left alone when they are current."""
    from routing_engine.dispatch.fields import refresh_fields

    with engine_of(database) as engine:
        with transaction(engine) as tx:
            ensure_token(tx, database.state)
        say("checking the travel-time fields")
        refresh_fields(engine, database.state.path)
