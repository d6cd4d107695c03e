"""Each process is killed while reports come in: it comes back by itself, and no agency misses a message."""

from __future__ import annotations

import time

import pytest

from ops import processes
from tests.faults import promises
from tests.faults.installation import PARTS
from tests.faults.writers import Writers, send

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HERE = {"type": "KAM1", "lon": 122.49985, "lat": -3.9962}


def inbox(installation, agency):
    """Return everything an agency's own program reads, page by page, as it would."""
    token = installation.token(f"agency:{agency}")
    found, since = [], 0
    while True:
        answer = installation.get(f"/v1/agencies/{agency}/inbox?since_seq={since}&limit=500", token)
        if not answer["items"]:
            return found
        found += answer["items"]
        since = answer["last_seq"]


def is_well(installation):
    return installation.siaga("status").returncode == 0


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_comes_back_and_loses_nothing(installation, part):
    token = installation.token("intake")
    with Writers(installation.api_port, token, seed=PARTS.index(part), n_writers=2) as writers:
        assert processes.wait_until(lambda: len(writers.acknowledged) > 10, 60)
        n_before = len(writers.acknowledged)
        killed_at = time.monotonic()
        old = installation.kill(part)
        if part != "api":  # reports are taken all the while
            assert processes.wait_until(lambda: len(writers.acknowledged) > n_before + 10, 30)
        assert processes.wait_until(lambda: installation.is_back(part, old), 30)
        assert processes.wait_until(lambda: writers.first_after(killed_at), 60)
        assert processes.wait_until(lambda: is_well(installation), 90, every_s=0.5)
    assert not writers.refused
    assert promises.lost(installation, writers.acknowledged) == []
    assert processes.wait_until(lambda: promises.n_waiting(installation) == 0, 120, every_s=0.2)
    assert promises.broken(installation) == {}

    items = inbox(installation, "POL")
    assert [item["seq"] for item in items] == list(range(1, len(items) + 1))
    wanted = {
        duty["assignment_id"]
        for one in writers.acknowledged
        for duty in one.answer["assignments"]
        if duty["agency"] == "POL"
    }
    told = [item["assignment"]["assignment_id"] for item in items if item["kind"] == "assignment"]
    assert wanted
    assert wanted <= set(told)
    assert len(told) == len(set(told))


def test_what_is_reported_while_the_worker_is_dead_is_delivered_afterwards(installation):
    token = installation.token("intake")
    seen = len(inbox(installation, "POL"))
    # Again and again, so that several reports fall into a time without a worker.
    sent = []
    for n in range(3):
        old = installation.kill("worker")
        while not installation.is_back("worker", old):
            status, answer = send(installation.api_port, token, f"dead-{time.time_ns()}-{n}", HERE)
            assert status == 201
            sent.append(answer)
    assert processes.wait_until(lambda: is_well(installation), 90, every_s=0.5)
    assert processes.wait_until(lambda: promises.n_waiting(installation) == 0, 60, every_s=0.2)
    new = inbox(installation, "POL")[seen:]
    told = [item["incident"]["incident_id"] for item in new if item["kind"] == "assignment"]
    assert [one["incident_id"] for one in sent] == [one for one in told if one in {a["incident_id"] for a in sent}]
    assert promises.broken(installation) == {}


def test_down_leaves_no_process_and_nothing_listening(installation):
    assert set(installation.run_info["pids"].values()) <= set(installation.traces())
    down = installation.siaga("down")
    assert down.returncode == 0, down.stderr
    assert installation.traces() == {}
    for port in (installation.pages_port, installation.api_port):
        assert processes.port_holders(port) == []
    assert not installation.state.run_file.exists()
    assert installation.siaga("status").returncode == 3
