"""The live map: how soon everybody sees a new incident, and what looking costs, with 5,000 incidents open.

Beside it what one would write first: every page fetches the whole list each time (here from the same process, by the
same route without a cursor). Delays count from the answer to the report, which follows its commit at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ops import processes
from ops.bench import BenchRow
from tests.benchmarks import browsers, reports
from tests.benchmarks.sending import children_cpu_s, send
from tests.faults import promises
from tests.faults.installation import Installation, installed
from tests.faults.writers import send as send_one

SEED = 20_112
N_OPEN = 5_000
SESSIONS = (1, 20)
SECONDS = 20
ROUNDS = 8
POLLING = Path(__file__).with_name("polling.py")
WUA_WUA = {"type": "KAM1", "lon": 122.49985, "lat": -3.9962}


@dataclass(frozen=True, kw_only=True)
class Polled:
    """What some sessions came to.

    Attributes
    ----------
    delay_s
        From each report's answer to each session's answer with it.
    n_missed
        Reports a session never saw.
    bytes_per_s
        Over the wire, per session.
    pages_share, postgres_share
        CPU by wall time, 1 is a core.
    """

    delay_s: np.ndarray
    n_missed: int
    answer_ms: float
    bytes_per_s: float
    pages_share: float
    postgres_share: float


class Reporter:
    """Reports one incident after the other and remembers when each was answered."""

    def __init__(self, here: Installation) -> None:
        self.here, self.token = here, here.token("intake")
        self.n = 0
        self.answered: dict[str, float] = {}

    def report(self) -> str:
        """Report a brawl and return the incident's number."""
        self.n += 1
        status, answer = send_one(self.here.api_port, self.token, f"live-{self.n}", WUA_WUA)
        assert status == 201, answer
        self.answered[answer["number"]] = time.monotonic()
        return str(answer["number"])


def fill(here: Installation) -> None:
    """Open incidents of lane L: the clocks of lane D would escalate 5,000 emergencies that nobody answers."""
    requests = reports.draw(N_OPEN, seed=SEED, prefix="open", lanes="L")
    sent = send(here.api_port, requests, token=here.token("intake"), connections=4)
    assert len(sent.answers) == N_OPEN, sent.refused
    assert processes.wait_until(lambda: promises.n_waiting(here) == 0, 300, every_s=0.5)


def polled(here: Installation, reporter: Reporter, cookies: list[str], *, is_changes: bool) -> Polled:
    """Let sessions poll while a report comes in each second or so."""
    plan = {
        "port": here.pages_port,
        "cookies": cookies,
        "is_changes": is_changes,
        "since": "0",
        "duration_s": SECONDS,
    }
    watched = {name: here.pid(name) for name in ("pages", "postgres")}
    rng = np.random.default_rng(SEED)
    reporter.answered.clear()
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "plan.json"), Path(folder, "result.json")
        given.write_text(json.dumps(plan))
        process = subprocess.Popen([sys.executable, str(POLLING), str(given), str(found)])
        time.sleep(3.0)  # every page has its first list
        before, started = {name: children_cpu_s(pid) for name, pid in watched.items()}, time.monotonic()
        while time.monotonic() < started + SECONDS - 7:
            reporter.report()
            time.sleep(float(rng.uniform(0.5, 1.5)))
        wall_s = time.monotonic() - started
        share = {name: (children_cpu_s(pid) - before[name]) / wall_s for name, pid in watched.items()}
        assert process.wait(120) == 0
        result = json.loads(found.read_text())
    return read(result, reporter.answered, started, wall_s, share)


def read(
    result: dict[str, Any], answered: dict[str, float], started: float, wall_s: float, share: dict[str, float]
) -> Polled:
    """Find each report's first appearance in each session."""
    delays, n_missed, n_bytes, answers = [], 0, 0, []
    for session in result["sessions"]:
        for number, at in answered.items():
            first = next((got for _, got, _, numbers in session if number in numbers), None)
            if first is None:
                n_missed += 1
            else:
                delays.append(max(0.0, first - at))
        during = [one for one in session if started <= one[0] < started + wall_s]
        n_bytes += sum(one[2] for one in during)
        answers += [(got - asked) * 1000 for asked, got, _, _ in during]
    return Polled(
        delay_s=np.array(delays),
        n_missed=n_missed,
        answer_ms=float(np.median(answers)),
        bytes_per_s=n_bytes / len(result["sessions"]) / wall_s,
        pages_share=share["pages"],
        postgres_share=share["postgres"],
    )


def run() -> list[BenchRow]:
    """Measure changes and whole lists, for one page and for many, then two browsers."""
    load = os.getloadavg()[0]
    with installed() as here:
        here.start()
        fill(here)
        reporter = Reporter(here)
        seen = browsers.watch(here.pages, reporter.report, n_rounds=ROUNDS)
        cookies = [here.cookie("operator") for _ in range(max(SESSIONS))]
        found = {
            n: [polled(here, reporter, cookies[:n], is_changes=is_changes) for is_changes in (True, False)]
            for n in SESSIONS
        }
    rows = []
    for n, (changes, whole) in found.items():
        assert changes.n_missed == 0, f"{changes.n_missed} reports were not shown"
        rows += table(f"{N_OPEN:,} open, {n} session{'s' * (n > 1)}", changes, whole)
    return rows + screens(seen, load)


def table(size: str, ours: Polled, peer: Polled) -> list[BenchRow]:
    """Put changes beside whole lists."""
    missed = f"{peer.n_missed} not shown in time by the whole list" if peer.n_missed else ""
    figures = (
        ("live delay, median", np.median(ours.delay_s), np.median(peer.delay_s), "s", missed),
        ("live delay, max", ours.delay_s.max(), peer.delay_s.max(), "s", ""),
        ("live answer, median", ours.answer_ms, peer.answer_ms, "ms", ""),
        ("live bytes per session", ours.bytes_per_s / 1000, peer.bytes_per_s / 1000, "kB/s", ""),
        ("live CPU of pages", ours.pages_share * 100, peer.pages_share * 100, "% of core", ""),
        ("live CPU of postgres", ours.postgres_share * 100, peer.postgres_share * 100, "% of core", ""),
    )
    return [
        BenchRow(
            name=name,
            size=size,
            ours=float(value),
            unit=unit,
            peer="whole list each time",
            peer_value=float(other),
            ratio=float(other / value) if value else None,
            note=note,
        )
        for name, value, other, unit, note in figures
    ]


def screens(seen: browsers.Seconds | None, load: float) -> list[BenchRow]:
    """Return what people see, in Chromium."""
    if seen is None:
        print("  two browsers: absent (Chromium or Playwright is not installed)")
        return []
    figures = (
        ("report to operator", seen.operator),
        ("report to agency", seen.agency),
        ("Terima to operator", seen.accepted),
    )
    return [
        BenchRow(
            name=name,
            size=f"{seen.n_rows:,} open, {kind} of {ROUNDS}",
            ours=float(value),
            unit="s",
            note=f"load {load:.1f} before",
        )
        for name, seconds in figures
        for kind, value in (("median", np.median(seconds)), ("max", max(seconds)))
    ]
