"""The demo as a person starts it: from nothing to a dispatched report, and back to nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from gis.settings import ROOT
from ops import processes
from ops.state import State

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def siaga(state: State, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command as the launcher does, with nothing of this run's environment but what every shell has."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SIAGA_", "PG"))}
    environment |= {"PYTHONPATH": str(ROOT)}
    environment.pop("DATABASE_URL", None)
    return subprocess.run(
        [sys.executable, "-P", "-m", "ops", *arguments, "--state", str(state.path)],
        cwd=state.path.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_a_demo_from_nothing_to_nothing(state, cluster, free_port):
    ports = ["--port", str(free_port()), "--api-port", str(free_port())]
    # capture_output waits for the end of the pipes: a detached process that kept them would hang this.
    first = siaga(state, "demo", "--detach", *ports)
    assert first.returncode == 0, first.stderr
    assert "desk-" in first.stdout

    again = siaga(state, "demo", "--detach", *ports)
    assert (again.returncode, "already running" in again.stderr) == (0, True)

    run = json.loads(state.run_file.read_text())
    assert list(run["pids"]) == ["supervisor", "postgres", "api", "pages", "worker"]
    for name in ("run.json", "demo-accounts.json", "cli-token", "secrets.json"):
        assert (state.path / name).stat().st_mode & 0o777 == 0o600, name
    accounts = json.loads(state.accounts_file.read_text())
    assert {"intake", "operator", "supervisor", "planner", "admin", "agency:POL"} <= set(accounts["tokens"])
    assert {user["role"] for user in accounts["users"]} >= {"operator", "supervisor", "planner", "admin", "agency"}

    status = siaga(state, "status", "--json")
    assert status.returncode == 0, status.stdout
    assert all(part["is_well"] for part in json.loads(status.stdout)["parts"].values())

    position = ["--lon", "122.49985", "--lat", "-3.9962"]
    report = siaga(state, "report", *position, "--type", "KAM1", "--key", "one", "--json")
    assert report.returncode == 0, report.stderr
    answer = json.loads(report.stdout)
    assert [one["agency"] for one in answer["assignments"] if one["role"] == "lead"] == ["POL"]
    assert json.loads(siaga(state, "report", *position, "--type", "KAM1", "--key", "one", "--json").stdout) == answer

    swapped = siaga(state, "report", "--lon", "-3.9962", "--lat", "122.49985", "--type", "KAM1")
    assert swapped.returncode == 1
    assert "122.49985" in swapped.stderr

    document = siaga(state, "report", *position, "--type", "XX", "--json")
    assert (document.returncode, json.loads(document.stdout)["status"]) == (1, 422)
    assert document.stderr.count("unknown") == 1, "English, and once"
    wide = siaga(state, "report", *position, "--type", "KAM1", "--accuracy", "100", "--language", "id")
    assert "karena" in wide.stdout
    assert "{" not in wide.stdout

    old = run["pids"]["api"]
    os.kill(old, signal.SIGKILL)
    is_back = processes.wait_until(lambda: siaga(state, "status").returncode == 0, 120.0, every_s=0.5)
    assert is_back
    assert json.loads(state.run_file.read_text())["pids"]["api"] != old

    doctor = siaga(state, "doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout

    assert siaga(state, "down").returncode == 0
    assert not processes.parts_of(state.path)
    assert not cluster.users()
    assert not state.run_file.exists()
    assert siaga(state, "status").returncode == 3

    # Commands that need the database start it, and leave nothing running.
    token = siaga(state, "token", "add", "cc112", "--role", "intake", "--channel", "112")
    assert token.stdout.startswith("siaga_intake_"), token.stderr
    nearest = siaga(state, "nearest", "122.49985", "-3.9962", "--service", "fire", "--json")
    assert json.loads(nearest.stdout)["stations"][0]["estimate"] == "road"
    explained = siaga(state, "explain", "122.49985", "-3.9962", "--type", "KAM1", "--accuracy", "100")
    assert "because" in explained.stdout
    assert "karena" not in explained.stdout
    over = siaga(state, "token", "add", "late", "--role", "intake", "--expires", "2020-01-01T00:00:00+08:00")
    assert (over.returncode, "is over already" in over.stderr) == (1, True)
    accounts = json.loads(siaga(state, "user", "list", "--json").stdout)
    assert {"name", "role", "is_disabled"} <= accounts[0].keys()
    found = json.loads(siaga(state, "token", "list", "--json").stdout)
    assert "cc112" in {one["name"] for one in found}
    assert "late" not in {one["name"] for one in found}
    assert not any("secret" in one or "token_hash" in one for one in found)
    assert not cluster.users()

    # Another city's `up` and `city init` have no business in a demo's state, nor `demo` in a city's.
    assert siaga(state, "city", "init", str(ROOT / "data/cities/kendari")).returncode == 1
