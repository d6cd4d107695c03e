"""The product as its users meet it: a demo started by the command line, with its database, API, pages and worker.

Nothing is replaced. Only the history is short, so that a run does not spend its time on seeding.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg2

from gis.settings import ROOT
from ops import processes
from ops.cluster import Cluster
from ops.state import State

PATIENCE_S = 90.0
HISTORY_SCALE = 0.05  # some five hundred incidents of three years

T = TypeVar("T")


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until `condition` gives something true and return it; patient, so that a busy machine fails nothing."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)
    return found


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Product:
    """A running demo: its addresses, accounts, tokens, processes and database."""

    state: State
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    # Part of texts that are looked for in the database, so that an older run's reports are not found.
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:6])

    def __post_init__(self) -> None:
        kept = json.loads(self.state.accounts_file.read_text())
        self.accounts = {user["name"]: user for user in kept["users"]}
        self.tokens = kept["tokens"]

    def run_info(self) -> dict[str, Any]:
        """Return what `run.json` says now."""
        return until(self.state.run_info, "run.json is there")

    @property
    def pages(self) -> str:
        """Address of the pages."""
        return str(self.run_info()["pages"])

    def answers(self) -> bool:
        """Whether the pages answer."""
        try:
            return httpx.get(self.pages + "/healthz", timeout=10).is_success
        except httpx.TransportError:
            return False

    # -- what programs and agencies do

    def call(self, token: str, method: str, path: str, **options: Any) -> Any:
        """Call the API with one of the demo's tokens and return the answer; anything but success fails the test."""
        headers = {"Authorization": f"Bearer {self.tokens[token]}", "Accept-Language": "id"} | options.pop(
            "headers", {}
        )
        answer = httpx.request(method, self.run_info()["api"] + path, headers=headers, timeout=60, **options)
        assert answer.is_success, answer.text
        return answer.json()

    def report(self, **body: Any) -> dict[str, Any]:
        """Send a report as a program does and return the stored answer."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer: dict[str, Any] = self.call("operator", "POST", "/v1/reports", json=body, headers=headers)
        return answer

    def move(self, answer: dict[str, Any], agency: str, *states: str, note: str = "", result: str = "handled") -> None:
        """Let an agency move its own assignment of a report through `states`."""
        for state in states:
            incident = self.call(f"agency:{agency}", "GET", f"/v1/incidents/{answer['incident_id']}")
            own = next(one for one in incident["assignments"] if one["agency"] == agency and one["role"] != "inform")
            body = {"state": state, "version": own["version"], "note": note}
            if state == "done":
                body["result"] = result
            self.call(f"agency:{agency}", "POST", f"/v1/assignments/{own['assignment_id']}/state", json=body)

    def close_all(self) -> None:
        """Close every open incident, so that tests on a demo that was used before find none in their way."""
        for incident_id, version in self.query(
            "SELECT incident_id::text, version FROM siaga.incident WHERE origin <> 'history' AND closed_at IS NULL"
        ):
            body = {"kind": "close", "version": version, "result": "handled", "reason": "uji coba"}
            self.call("operator", "POST", f"/v1/incidents/{incident_id}/events", json=body)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement as the database's owner and return its rows."""
        connection = psycopg2.connect(self.run_info()["dsn"])
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


def siaga(state: State, *arguments: str, typed: str = "") -> str:
    """Run one command of the product and return its output; failure fails the test."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SIAGA_", "PG", "PYTEST"))}
    environment |= {"PYTHONPATH": str(ROOT)}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ops", *arguments, "--state", str(state.path)],
        cwd=state.path.parent,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"siaga {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def seed(state: State, scale: float) -> None:
    """Make the demo's database with a short history; `demo` finds it made and only starts what is missing."""
    from data.demo import seed_demo
    from ops.demo import CITY
    from ops.session import open_database

    state.make()
    with open_database(state) as database:
        database.prepare()
        seed_demo(database.settings(), CITY, scale=scale, progress=lambda line: None)


@contextmanager
def demo(*, scale: float = HISTORY_SCALE) -> Iterator[Product]:
    """Start a demo in a folder of its own and stop it at the end, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="siaga-b-", dir="/tmp"))
    folder.chmod(0o711)
    state = State.at(folder / "st")
    try:
        if scale != 1.0:
            seed(state, scale)
        siaga(state, "demo", "--detach", "--port", str(free_port()), "--api-port", str(free_port()))
        yield Product(state)
    finally:
        try:
            siaga(state, "down")
        finally:
            processes.end(processes.parts_of(state.path), patience_s=2.0)
            if state.path.exists():
                Cluster(state).stop(fast_s=5)
            shutil.rmtree(folder, ignore_errors=True)
