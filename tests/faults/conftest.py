"""One installation for all faults: made once, running again at the start of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops import postgres
from ops.exits import CommandFailed
from tests.browser.product import HISTORY_SCALE, seed
from tests.faults.installation import Installation, installed


@pytest.fixture(scope="session")
def made() -> Iterator[Installation]:
    """Keep one state folder for the run; skip where PostgreSQL is not installed."""
    with installed() as here:
        try:
            postgres.programs_for(here.state.data, here.state.sockets)
        except CommandFailed as error:
            pytest.skip(str(error))
        seed(here.state, HISTORY_SCALE)
        yield here


@pytest.fixture
def installation(made: Installation) -> Installation:
    """Return the installation with everything running."""
    made.start()
    return made
