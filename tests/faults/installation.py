"""The product as a user has it: `./siaga demo` in a state folder and on ports of its own, gone afterwards."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from gis.settings import ROOT
from ops import processes
from ops.cluster import Cluster
from ops.state import State

PARTS = ("api", "pages", "worker")


def free_ports(n: int) -> list[int]:
    """Return ports nobody listens on, below those the machine gives to outgoing connections."""
    found: list[int] = []
    first = 20_000 + os.getpid() * 7 % 10_000
    for port in range(first, first + 2_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == n:
            return found
    raise RuntimeError("no free port")


class Installation:
    """One demo; every command runs as the launcher runs it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.pages_port, self.api_port = free_ports(2)

    def siaga(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``./siaga ARGUMENTS`` with nothing of this run's environment but what every shell has."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SIAGA_", "PG"))}
        environment.pop("DATABASE_URL", None)
        return subprocess.run(
            [sys.executable, "-P", "-m", "ops", *arguments, "--state", str(self.state.path)],
            cwd=self.state.path.parent,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def start(self) -> None:
        """Start the demo, made first if there is none; nothing happens when it runs."""
        ports = ["--port", str(self.pages_port), "--api-port", str(self.api_port)]
        done = self.siaga("demo", "--detach", *ports)
        assert done.returncode == 0, done.stderr

    @property
    def pages(self) -> str:
        """Address of what people see."""
        return f"http://127.0.0.1:{self.pages_port}"

    @property
    def run_info(self) -> dict[str, Any]:
        """What `run.json` says now."""
        found: dict[str, Any] = json.loads(self.state.run_file.read_text())
        return found

    def pid(self, part: str) -> int:
        """Return the process of a part, as a script would find it."""
        return int(self.run_info["pids"][part])

    def kill(self, part: str) -> int:
        """Send SIGKILL to a part and return the process that was."""
        pid = self.pid(part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_back(self, part: str, old: int) -> bool:
        """Tell whether another process than `old` does the part's work."""
        pid = self.pid(part)
        return pid != old and processes.is_alive(pid)

    def token(self, name: str) -> str:
        """Return one of the demo's tokens."""
        return str(json.loads(self.state.accounts_file.read_text())["tokens"][name])

    def get(self, path: str, token: str) -> Any:
        """Return the JSON the API answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=20)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        assert response.status == 200, answer
        return answer

    def cookie(self, account: str) -> str:
        """Log a demo account in and return the header ``Cookie``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.pages_port, timeout=20)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.pages}
            connection.request("POST", "/login", f"demo={account}", headers)
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        assert response.status == 303, response.status
        return str(response.headers["Set-Cookie"]).partition(";")[0]

    @contextmanager
    def database(self) -> Iterator[Any]:
        """Yield a cursor of the owner, in a transaction that is rolled back."""
        connection = psycopg2.connect(self.run_info["dsn"])
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def traces(self) -> dict[int, str]:
        """Return all processes that have to do with the state folder, by their command, environment or folder."""
        marker = os.fsencode(self.state.path)
        found = {}
        for pid in processes.pids():
            seen = (
                processes.read(pid, "cmdline"),
                processes.read(pid, "environ"),
                os.fsencode(processes.working_folder(pid)),
            )
            if pid != os.getpid() and processes.is_alive(pid) and any(marker in text for text in seen):
                found[pid] = processes.command(pid)
        return found

    def remove(self) -> None:
        """Stop everything, by force if need be, and remove the folder."""
        try:
            if self.state.path.exists():
                self.siaga("down")
        finally:
            processes.end(self.traces(), patience_s=2.0)
            if self.state.path.exists():
                Cluster(self.state).stop(fast_s=2.0)
            shutil.rmtree(self.state.path.parent, ignore_errors=True)


@contextmanager
def installed() -> Iterator[Installation]:
    """Yield an installation that is not started yet; nothing of it is left afterwards, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="siaga-", dir="/tmp"))
    folder.chmod(0o711)
    here = Installation(State.at(folder / "st"))
    try:
        yield here
    finally:
        here.remove()
