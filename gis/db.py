"""Engine, metadata and the transaction of a use case.

Functions of the domain take ``tx: Connection`` first and never commit; the caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from psycopg2 import extensions
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from gis import prepared
from gis.errors import UnavailableError
from gis.settings import Settings

SCHEMA = "siaga"
PRIVATE = "private"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def make_engine(settings: Settings, *, application: str) -> Engine:
    """Return an engine whose connections carry the process' name and time limits.

    A connection goes back to the pool with its settings cleared, so that nothing a borrower set survives.
    """
    engine = create_engine(
        settings.database_url,
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_use_lifo=True,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged, and the values may be a caller's
        connect_args={
            "application_name": f"siaga-{application}",
            "connect_timeout": 3,
            "options": f"-c statement_timeout={settings.statement_timeout_ms} -c lock_timeout=5000"
            f" -c idle_in_transaction_session_timeout={settings.idle_timeout_ms} -c search_path=siaga,public",
        },
    )

    @event.listens_for(engine, "connect")
    def uuids_as_text(dbapi_connection, record):  # type: ignore[no-untyped-def]
        # Ids travel as text everywhere (JSON, tokens, logs), in plain SQL as in typed columns.
        as_text = extensions.new_type((2950,), "UUID_TEXT", lambda value, cursor: value)
        extensions.register_type(as_text, dbapi_connection)

    @event.listens_for(engine, "reset")
    def clear_settings(dbapi_connection, record, reset_state):  # type: ignore[no-untyped-def]
        if not reset_state.terminate_only and not dbapi_connection.closed:
            dbapi_connection.rollback()
            # Outside a transaction: one round trip instead of three, after every use of a connection.
            dbapi_connection.autocommit = True
            with dbapi_connection.cursor() as cursor:
                cursor.execute("RESET ALL")
            dbapi_connection.autocommit = False

    event.listen(engine, "before_cursor_execute", prepared.substitute, retval=True)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open one transaction; commit at the end, roll back on an error.

    Raises
    ------
    UnavailableError
        The database cannot be reached, is starting up, or dropped the connection.
    """
    try:
        with engine.begin() as tx:
            yield tx
    except (OperationalError, InterfaceError) as error:
        raise UnavailableError("the database is not reachable now; try again with the same key") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnavailableError("the database connection was lost; try again with the same key") from error
        raise


def database_now(tx: Connection) -> datetime:
    """Return the database clock (aware UTC); read once at the start of a use case and passed down as `now`."""
    return tx.execute(text("SELECT clock_timestamp()")).scalar_one()  # type: ignore[no-any-return]
