"""What has to be there before the processes start, besides the migrated database and its city."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, select

from gis.db import make_engine, transaction
from ops.client import ensure_token
from ops.database import Database
from routing_engine.network.tables import travel_field


@contextmanager
def engine_of(database: Database, role: str = "owner") -> Iterator[Engine]:
    """Give an engine of a role on a reachable database."""
    engine = make_engine(database.settings(role), application="ops")
    try:
        yield engine
    finally:
        engine.dispose()


def finish(database: Database, say: Callable[[str], None]) -> None:
    """Make what the first report needs: the command line's token, and the travel-time fields.

    Fields that are there are left to the worker, which looks at its start whether they are still right.
    """
    with engine_of(database) as engine:
        with transaction(engine) as tx:
            ensure_token(tx, database.state)
            has_fields = tx.execute(select(travel_field.c.digest).where(travel_field.c.is_current).limit(1)).first()
        if has_fields is None:
            from routing_engine.dispatch.fields import refresh_fields

            say("making the travel-time fields")
            refresh_fields(engine, database.state.path)
