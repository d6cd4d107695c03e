"""What has to be there before the processes start, besides the migrated database and its city."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, select

from gis.compiled import KernelPackage
from gis.db import make_engine, transaction
from gis.settings import ROOT
from ops.client import ensure_token
from ops.database import Database
from routing_engine.network.tables import travel_field

KERNEL_PACKAGES = ("routing_engine.network.kernels", "zones.kernels")


@contextmanager
def engine_of(database: Database, role: str = "owner") -> Iterator[Engine]:
    """Give an engine of a role on a reachable database."""
    engine = make_engine(database.settings(role), application="ops")
    try:
        yield engine
    finally:
        engine.dispose()


def compile_kernels(state: Path | None, say: Callable[[str], None]) -> None:
    """Compile the kernels this machine has none of that fit; in a process of its own, for its memory."""
    missing = [name for name in KERNEL_PACKAGES if not KernelPackage(name).is_compiled(state)]
    if not missing:
        return
    say("compiling the kernels of roads and boundaries, once for this version")
    environment = os.environ if state is None else {**os.environ, "SIAGA_STATE": str(state)}
    # Without success every process compiles its own, in memory: slower, and said in its log.
    subprocess.run(
        [sys.executable, "-m", "gis.compiled", *missing],
        cwd=ROOT,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def finish(database: Database, say: Callable[[str], None]) -> None:
    """Make what the first report needs: the command line's token, compiled kernels, and the travel-time fields.

    Fields that are there are left to the worker, which looks at its start whether they are still right.
    """
    compile_kernels(database.state.path, say)
    with engine_of(database) as engine:
        with transaction(engine) as tx:
            ensure_token(tx, database.state)
            has_fields = tx.execute(select(travel_field.c.digest).where(travel_field.c.is_current).limit(1)).first()
        if has_fields is None:
            from routing_engine.dispatch.fields import refresh_fields

            say("making the travel-time fields")
            refresh_fields(engine, database.state.path)
