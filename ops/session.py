"""The database for the length of one command: started if it is not running, stopped again if nobody else uses it."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from sqlalchemy import Connection, Engine

from gis.db import transaction
from ops.cluster import Cluster
from ops.database import Database, head
from ops.exits import REFUSED, CommandFailed
from ops.preparation import engine_of
from ops.state import State, open_lock, try_lock

RUNNING_LOCK = ".running"
USERS_LOCK = ".users"


@contextlib.contextmanager
def open_database(state: State) -> Iterator[Database]:
    """Give the database of `state`, reachable.

    Every command holds the users' lock shared. Who started the cluster stops it at the end, unless another command
    still uses it or a supervisor has taken it over.
    """
    database = Database.of(state)
    state.make()
    if not database.is_private:
        state.own_server_file.touch(mode=0o600)
        yield database
        return
    if state.own_server_file.exists():
        raise CommandFailed(
            REFUSED, f"the data of {state.path} are on a server of your own; set DATABASE_URL as when it was made"
        )
    cluster = Cluster(state)
    with open_lock(state.path / USERS_LOCK) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        did_start = cluster.start()
        try:
            yield database
        finally:
            if did_start and try_lock(descriptor) and not state.is_locked(RUNNING_LOCK):
                cluster.stop()


@contextlib.contextmanager
def open_engine(state: State, role: str = "owner", *, for_reading: bool = False) -> Iterator[Engine]:
    """Give an engine on the database of an installation that exists, its schema up to date.

    Raises
    ------
    CommandFailed
        Exit 1: nothing was ever made in this state folder, or (`for_reading`) its schema is another version's.
    """
    if not state.exists():
        raise CommandFailed(
            REFUSED, f"{state.path} holds no installation; make one with ./siaga demo or ./siaga city init DIR"
        )
    with open_database(state) as database:
        if not for_reading:
            database.prepare()
        elif database.revision() != head():
            raise CommandFailed(REFUSED, "the database's schema is of another version; run ./siaga up or ./siaga demo")
        with engine_of(database, role) as engine:
            yield engine


@contextlib.contextmanager
def open_transaction(state: State, role: str = "owner") -> Iterator[Connection]:
    """Give one transaction on the installation's database."""
    with open_engine(state, role) as engine, transaction(engine) as tx:
        yield tx
