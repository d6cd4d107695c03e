"""The supervisor keeps parts running, tells where they are, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gis.settings import ROOT
from ops import health, processes
from ops.processes import PART_VARIABLE, STATE_VARIABLE
from ops.state import State
from ops.supervisor import back_off_s

# A part that answers over HTTP, starts a child of its own, and (named so) ignores being asked to stop.
PART = """
import http.server, signal, subprocess, sys
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"])
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""

SUPERVISE = """
import os, sys
from functools import partial
from ops import health, supervisor
from ops.cluster import Cluster
from ops.parts import Part
from ops.running import log_to_terminal
from ops.state import State
state = State.at(sys.argv[1])
state.make()
lock = supervisor.claim(state)
assert lock is not None
log_to_terminal()
def part(name, port):
    return Part(name=name, command=[sys.executable, sys.argv[2], port, name], folder=state.path,
                environment=dict(os.environ) | {"SIAGA_STATE": str(state.path), "SIAGA_PART": name},
                health=partial(health.of_http, f"http://127.0.0.1:{port}/"))
names = dict(zip(sys.argv[4::2], sys.argv[5::2]))
cluster = Cluster(state) if sys.argv[3] == "cluster" else None
watch = supervisor.Supervisor(state, [part(*one) for one in names.items()], cluster=cluster,
                              addresses={"pages": "http://p", "api": "http://a", "dsn": "host=x", "version": "1"})
sys.exit(watch.run(when_ready=lambda: print("ready", flush=True)))
"""


class Supervised:
    """A supervisor in a process of its own, with parts that do nothing useful."""

    def __init__(self, state: State, parts: dict[str, int], *, cluster: bool = False) -> None:
        state.make()
        program = state.path / "part.py"
        program.write_text(textwrap.dedent(PART))
        arguments = [str(word) for pair in parts.items() for word in pair]
        self.state = state
        self.log = (state.path / "supervisor.txt").open("w+")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", SUPERVISE, str(state.path), str(program)),
                *("cluster" if cluster else "none", *arguments),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", Path(self.log.name).read_text()

    def pid(self, name: str) -> int:
        return int(json.loads(self.state.run_file.read_text())["pids"][name])

    def comes_back(self, name: str, old: int) -> bool:
        def is_back() -> bool:
            pid = self.pid(name)
            return pid != old and processes.is_alive(pid)

        return processes.wait_until(is_back, 20.0)

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(40)
        self.close()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()


@pytest.fixture
def supervised(state, free_port) -> Iterator[Supervised]:
    one = Supervised(state, {"api": free_port(), "worker": free_port()})
    yield one
    one.close()


def test_run_json_is_private_and_has_what_the_contract_says(supervised, state):
    assert state.run_file.stat().st_mode & 0o777 == 0o600
    run = json.loads(state.run_file.read_text())
    assert list(run) == ["pages", "api", "dsn", "pids", "version"]
    assert run["pids"]["supervisor"] == supervised.process.pid
    assert set(run["pids"]) == {"supervisor", "api", "worker"}
    assert processes.parts_of(state.path).keys() >= {run["pids"]["api"], run["pids"]["worker"]}


def test_a_killed_part_is_started_again_and_its_children_end(supervised, state):
    old = supervised.pid("api")
    children = [pid for pid, name in processes.parts_of(state.path).items() if name == "api" and pid != old]
    assert children
    os.kill(old, signal.SIGKILL)
    assert supervised.comes_back("api", old)
    assert processes.wait_until(lambda: not any(map(processes.is_alive, children)), 5.0)


def test_it_stops_cleanly_and_leaves_no_process(supervised, state):
    assert state.is_locked(".running")
    assert supervised.stop() == 0
    assert not processes.parts_of(state.path)
    assert not state.run_file.exists()
    assert not state.is_locked(".running")


def test_a_part_that_ignores_the_signal_is_killed(state, free_port):
    one = Supervised(state, {"stubborn": free_port()})
    assert one.stop() == 0
    assert not processes.parts_of(state.path)


def test_parts_outlive_a_killed_supervisor_and_are_found(supervised, state):
    pid = supervised.pid("api")
    supervised.process.kill()
    supervised.process.wait()
    assert processes.is_alive(pid), "an incident desk goes on without its supervisor"
    assert not state.is_locked(".running"), "a part inherited the lock"
    from ops.running import stop

    assert stop(state) == ["api", "worker"]
    assert not processes.parts_of(state.path)
    assert stop(state) == []


def test_postgres_is_started_again_after_it_was_killed(state, cluster, free_port):
    one = Supervised(state, {"api": free_port()}, cluster=True)
    try:
        old, api = one.pid("postgres"), one.pid("api")
        os.kill(old, signal.SIGKILL)
        assert one.comes_back("postgres", old)
        assert processes.wait_until(cluster.is_ready, 20.0)
        assert one.pid("api") == api, "the others are left alone"
        assert one.stop() == 0
        assert not cluster.users()
    finally:
        one.close()


def test_waits_grow_and_end_at_half_a_minute():
    waits = [back_off_s(n) for n in range(12)]
    assert waits[0] == 0.0
    assert waits == sorted(waits)
    assert waits[-1] == 30.0


def test_processes_of_another_state_are_not_ours(state, tmp_path):
    environment = dict(os.environ) | {STATE_VARIABLE: str(tmp_path), PART_VARIABLE: "api"}
    with subprocess.Popen(["sleep", "60"], env=environment) as other:
        assert other.pid in processes.parts_of(tmp_path)
        assert other.pid not in processes.parts_of(state.path)
        other.kill()


def test_a_heartbeat_goes_stale(tmp_path):
    file = tmp_path / "worker.alive"
    ask = partial(health.of_heartbeat, file)
    assert ask().detail == "no heartbeat yet"
    file.touch()
    assert ask().is_well
    os.utime(file, (0, 0))
    assert not ask().answers
