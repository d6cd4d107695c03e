"""Intake: how many reports a second become stored, dispatched incidents, over HTTP, from one API process.

Beside it the least one could write: FastAPI with SQLAlchemy, one INSERT and a commit of the same report into the same
cluster, started the same way, without log-in, match, receipts, travel times or messages. What stands between the two is
what a dispatched incident costs. Everything runs on one machine: the load, both processes, PostgreSQL and the worker
that delivers meanwhile.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2
from sqlalchemy import create_engine

from gis.settings import ROOT
from ops import processes
from ops.bench import BenchRow
from ops.database import Database
from tests.benchmarks import plain_intake, reports
from tests.benchmarks.sending import Sent, send
from tests.faults import promises
from tests.faults.installation import Installation, free_ports, installed

SEED = 20_112
RATES = (60, 100, 150, 200, 300)
PLAIN_RATES = (100, 200, 400, 600, 800)
SECONDS = 10
CLIENTS = 16
P99_MS = 200.0
# The rate the promise is about is measured even where it is not kept.
MEASURED_ANYWAY = 100


@dataclass
class Target:
    """One of the two that are measured: where it listens, and what it has acknowledged."""

    name: str
    port: int
    token: str
    watch: dict[str, int]
    n_drawn: int = 0

    def __post_init__(self) -> None:
        self.acknowledged: dict[str, dict[str, str]] = {}

    def send(self, n: int, **how: float) -> Sent:
        """Send the next `n` reports."""
        self.n_drawn += 1
        requests = reports.draw(n, seed=SEED + self.n_drawn, prefix=self.name)
        sent = send(self.port, requests, token=self.token, watch=self.watch, **how)  # type: ignore[arg-type]
        self.acknowledged |= sent.answers
        return sent


@contextmanager
def plain(here: Installation) -> Iterator[Target]:
    """Run the peer in a database of its own in the same cluster."""
    database = Database(here.state)
    admin = database.connect("admin", database="postgres")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute("CREATE DATABASE plain OWNER siaga_api")
    admin.close()
    url = database.url("api").replace("/siaga?", "/plain?")
    engine = create_engine(url)
    with engine.begin() as tx:
        tx.exec_driver_sql("CREATE SCHEMA plain")
        plain_intake.metadata.create_all(tx)
    engine.dispose()
    (port,) = free_ports(3)[2:]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "tests.benchmarks.plain_intake:make", "--factory"),
            *("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--no-server-header"),
            *("--log-level", "warning"),
        ],
        cwd=ROOT,
        env=os.environ | {"PLAIN_DATABASE_URL": url, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert processes.wait_until(lambda: bool(processes.port_holders(port)), 30)
        yield Target("plain", port, "", {"api": process.pid, "postgres": here.pid("postgres")})
    finally:
        process.terminate()
        process.wait(10)


def climb(target: Target, rates: Sequence[int]) -> dict[int, Sent]:
    """Send at growing rates until the 99th percentile is over the limit."""
    target.send(150, rate=30)  # connections, caches
    found: dict[int, Sent] = {}
    for rate in rates:
        found[rate] = target.send(rate * SECONDS, rate=rate)
        if rate >= MEASURED_ANYWAY and not is_sustained(found[rate]):
            break
    return found


def is_sustained(sent: Sent) -> bool:
    """Tell whether every report was taken, and 99 of 100 within the limit."""
    return not sent.refused and sent.percentile(99) <= P99_MS


def stored(here: Installation, target: Target) -> int:
    """Count what was acknowledged and is there, with the id of its answer."""
    keys = list(target.acknowledged)
    ids = [answer["report_id"] for answer in target.acknowledged.values()]
    query = "SELECT count(*) FROM {} r JOIN unnest(%s, %s::uuid[]) AS a(key, id) "
    query += "ON r.idempotency_key = a.key AND r.report_id = a.id"
    if target.name == "plain":
        connection = psycopg2.connect(
            Database(here.state).url("api").replace("/siaga?", "/plain?").replace("+psycopg2", "")
        )
        query = query.format("plain.report")
    else:
        connection = psycopg2.connect(here.run_info["dsn"])
        query = query.format("siaga.report")
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, (keys, ids))
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def run() -> list[BenchRow]:
    """Measure both, check that everything acknowledged is stored, and return the rows."""
    load = os.getloadavg()[0]
    with installed() as here:
        here.start()
        with plain(here) as peer:
            ours = Target(
                "ours",
                here.api_port,
                here.token("intake"),
                {name: here.pid(name) for name in ("api", "postgres", "worker")},
            )
            peer_steps = climb(peer, PLAIN_RATES)
            peer_most = peer.send(CLIENTS * 1_000, connections=CLIENTS, duration_s=SECONDS)
            steps = climb(ours, RATES)
            most = ours.send(6_000, connections=CLIENTS, duration_s=SECONDS)
            for target in (peer, ours):
                assert stored(here, target) == len(target.acknowledged), f"{target.name} lost a report"
        started = time.monotonic()
        assert processes.wait_until(lambda: promises.n_waiting(here) == 0, 300, every_s=0.5)
        drained_s = time.monotonic() - started
        assert promises.broken(here) == {}
    return rows(peer_steps, peer_most, steps, most, n=len(ours.acknowledged), drained_s=drained_s, load=load)


def rows(
    peer_steps: dict[int, Sent],
    peer_most: Sent,
    steps: dict[int, Sent],
    most: Sent,
    *,
    n: int,
    drained_s: float,
    load: float,
) -> list[BenchRow]:
    """Put the figures beside each other."""
    what = "FastAPI + INSERT"
    found = []
    for rate, sent in steps.items():
        beside = peer_steps.get(rate)
        generator = f"generator {sent.generator_share:.0%} of a core, {sent.late_ms:.1f} ms late (p99)"
        for q in (50, 99):
            value, other = sent.percentile(q), beside.percentile(q) if beside else None
            found.append(
                BenchRow(
                    name=f"intake p{q}",
                    size=f"{rate}/s for {SECONDS} s, open loop",
                    ours=value,
                    unit="ms",
                    peer=what if other else "",
                    peer_value=other,
                    ratio=other / value if other else None,
                    note=f"refused {sent.refused}" if sent.refused else generator if q == 99 else "",
                )
            )
    best = max((rate for rate, sent in steps.items() if is_sustained(sent)), default=0)
    peer_best = max((rate for rate, sent in peer_steps.items() if is_sustained(sent)), default=0)
    found.append(
        BenchRow(
            name="intake sustained",
            size=f"{SECONDS} s, p99 ≤ {P99_MS:.0f} ms",
            ours=best,
            unit="reports/s",
            peer=what,
            peer_value=peer_best,
            ratio=best / peer_best if peer_best else None,
        )
    )
    found.append(
        BenchRow(
            name="intake most",
            size=f"{CLIENTS} clients in turn, {SECONDS} s",
            ours=most.rate,
            unit="reports/s",
            peer=what,
            peer_value=peer_most.rate,
            ratio=most.rate / peer_most.rate,
            note=f"{n:,} stored of {n:,}; inboxes even {drained_s:.0f} s after; load {load:.1f} before",
        )
    )
    ours, theirs = ({**sent.cpu_ms, "all": sum(sent.cpu_ms.values())} for sent in (most, peer_most))
    for part in ("api", "postgres", "worker", "all"):
        other = theirs.get(part)
        found.append(
            BenchRow(
                name=f"intake CPU of {part}",
                size=f"{CLIENTS} clients in turn, {SECONDS} s",
                ours=ours[part],
                unit="ms/report",
                peer=what if other is not None else "",
                peer_value=other,
                ratio=other / ours[part] if other is not None and ours[part] else None,
            )
        )
    return found
