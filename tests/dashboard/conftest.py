"""The pages as the supervisor starts them, on the demo city, looked at with Chromium."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from gis import accounts
from tests.browser.person import SCREEN, STILL
from tests.conftest import ROOT

PASSWORD = "kuda laut 7 biru"
PEOPLE = {"operator": ("operator", None), "operator-2": ("operator", None), "desk-DMK": ("agency", "DMK")}
PATIENCE_S = 60


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until `condition` holds and return what it gave; a minute, so that a busy machine fails nothing."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


@dataclass
class Pages:
    """The process of the pages; it can be killed and started again on the same port."""

    environment: dict[str, str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "api.app:make_pages", "--factory", "--host", "127.0.0.1"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        until(self.is_up, "the pages did not start: " + self.log.read_text())

    def is_up(self) -> bool:
        try:
            return httpx.get(self.address + "/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


@pytest.fixture(scope="module")
def pages(server, kendari_database, kendari, tmp_path_factory) -> Iterator[Pages]:
    with kendari.begin() as tx:
        for name, (role, agency) in PEOPLE.items():
            accounts.create(tx, name, PASSWORD, role=role, agency=agency)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SIAGA_", "DATABASE_", "PYTEST"))}
    environment = inherited | {
        "SIAGA_STATE": str(server.state),
        "SIAGA_DATABASE_URL": server.url("pages", kendari_database),
    }
    process = Pages(environment=environment, log=tmp_path_factory.mktemp("pages") / "log", port=port)
    process.start()
    yield process
    process.end()


@dataclass
class Desk:
    """One person's browser, and what it complained about."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def is_ready(self) -> bool:
        return bool(self.page.evaluate("() => Boolean(window.__siaga && !window.__siaga.desk.live.isFirst)"))

    def row(self, number: str) -> Any:
        return self.page.locator(".sg-row", has=self.page.locator("b.sg-num", has_text=number))

    def card(self, number: str) -> Any:
        return self.page.locator(".sg-card", has=self.page.locator("b.sg-num", has_text=number))

    def report(self, command: str) -> str:
        """Take a call by the command line, save it, and return the incident's number once its details are there."""
        before = {row["number"] for row in self.rows()}
        self.page.keyboard.press("F2")
        self.page.keyboard.type(command)
        self.page.keyboard.press("Enter")
        until(lambda: self.page.locator(".sg-primary[aria-disabled=false]").count(), "the form is not complete")
        self.page.keyboard.press("Control+Enter")
        new = until(lambda: {row["number"] for row in self.rows()} - before, "the report did not arrive")
        (number,) = new
        # The row may come with a poll, before the answer to the report itself opens the details.
        until(lambda: self.is_open(number), "the details did not open")
        return str(number)

    def is_open(self, number: str) -> bool:
        """Whether the details of an incident have been read and drawn."""
        incident = self.page.evaluate("() => window.__siaga.desk.detail.incident")
        return bool(incident and incident["number"] == number)

    def rows(self) -> list[dict[str, Any]]:
        return list(
            self.page.evaluate(
                "() => [...window.__siaga.desk.live.rows.values()]"
                ".map(r => ({id: r.id, number: r.number, status: r.status, text: r.text}))"
            )
        )


@pytest.fixture
def open_desk(pages, chromium) -> Iterator[Callable[..., Desk]]:
    """Give a function that logs somebody in and waits for the desk; at the end nothing may have gone wrong."""
    opened: list[tuple[Desk, Any]] = []

    def open_one(name: str, **options: Any) -> Desk:
        context = chromium.new_context(**({"viewport": SCREEN} | STILL | options))
        desk = Desk(context.new_page())
        desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        desk.page.on("console", lambda m: desk.complaints.append(m.text) if m.type == "error" else None)
        desk.page.on("request", lambda request: foreign(desk, request.url, pages.address))
        desk.page.goto(pages.address + "/login")
        desk.page.fill("input[name=name]", name)
        desk.page.fill("input[name=password]", PASSWORD)
        desk.page.click("button.enter")
        until(desk.is_ready, f"no desk for {name}: {desk.complaints}")
        opened.append((desk, context))
        return desk

    yield open_one
    for desk, context in opened:
        context.close()
        assert not desk.complaints


def foreign(desk: Desk, url: str, address: str) -> None:
    if not url.startswith((address, "data:", "blob:")):
        desk.complaints.append(f"asked another host: {url}")
