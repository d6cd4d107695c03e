"""State folders for the tests of ops: short paths that PostgreSQL's own user can reach, emptied afterwards."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops import postgres, processes
from ops.cluster import Cluster
from ops.exits import CommandFailed
from ops.state import State


@pytest.fixture
def state() -> Iterator[State]:
    """Return a state folder below /tmp; whatever still runs in it at the end is stopped."""
    folder = Path(tempfile.mkdtemp(prefix="siaga-", dir="/tmp"))
    folder.chmod(0o711)
    state = State.at(folder / "st")
    yield state
    processes.end(processes.parts_of(state.path), patience_s=1.0)
    if state.path.exists():
        Cluster(state).stop(fast_s=2.0)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(state: State) -> Cluster:
    """Return a cluster that is not made yet; skip where PostgreSQL is not installed."""
    try:
        postgres.programs_for(state.data, state.sockets)
    except CommandFailed as error:
        pytest.skip(str(error))
    return Cluster(state)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Return a function that names ports nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find
