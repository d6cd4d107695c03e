"""The database dies ten times while four clients report: what was acknowledged is there, whole, and nothing is half.

Anchor: the kill loop of PostgreSQL's own recovery tests, around the whole product. The time from each kill to the first
report saved again is printed, not asserted.
"""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from ops import processes
from tests.faults import promises
from tests.faults.writers import Writers, send

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 20_112
N_KILLS = 10


def test_nothing_acknowledged_is_lost_when_postgres_is_killed(installation, capsys):
    rng = np.random.default_rng(SEED)
    token = installation.token("intake")
    seconds = []
    with Writers(installation.api_port, token, SEED) as writers:
        assert processes.wait_until(lambda: len(writers.acknowledged) > 20, 60)
        for _ in range(N_KILLS):
            time.sleep(float(rng.uniform(0.2, 1.5)))
            killed_at = time.monotonic()
            old = installation.kill("postgres")
            assert processes.wait_until(lambda at=killed_at: writers.first_after(at), 60, every_s=0.01)
            first = writers.first_after(killed_at)
            assert first is not None
            seconds.append(first.answered_at - killed_at)
            assert processes.wait_until(lambda old=old: installation.is_back("postgres", old), 10)
    with capsys.disabled():
        print(
            f"\n  kill -9 of postgres, {N_KILLS} times under 4 writers: {len(writers.acknowledged):,} acknowledged; "
            f"first report saved again after {np.median(seconds):.2f} s (median), {max(seconds):.2f} s (max); "
            f"load {os.getloadavg()[0]:.1f}"
        )
    assert not writers.refused
    assert sum(one.n_tries > 1 for one in writers.acknowledged) >= N_KILLS  # the kills did hit reports on their way
    assert promises.lost(installation, writers.acknowledged) == []

    # A client that asks again with a key from before gets the answer it had, and makes nothing new.
    for one in writers.acknowledged[:: max(1, len(writers.acknowledged) // 20)]:
        assert send(installation.api_port, token, one.key, one.body) == (200, one.answer)

    assert processes.wait_until(lambda: promises.n_waiting(installation) == 0, 120, every_s=0.5)
    assert promises.broken(installation) == {}
    doctor = installation.siaga("doctor")
    assert doctor.returncode == 0, doctor.stdout
