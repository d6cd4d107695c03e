"""The worker as a process: woken, killed, without its database, beside others."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from gis.db import database_now
from gis.ids import uuid7
from gis.tables import account
from routing_engine.dispatch import maintenance
from tests.conftest import ROOT
from tests.routing_engine.dispatch.receiver import SECRET, receiving
from tests.routing_engine.dispatch.world import World, inbox_rows, outbox_rows

PATIENCE_S = 60.0


def eventually(condition, *, what, step_s=0.02):
    """Wait until a condition holds; the limit only ends a test that would hang."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(step_s)


@pytest.fixture
def state(tmp_path):
    (tmp_path / "webhooks.json").write_text(json.dumps({"networks": ["127.0.0.0/8"]}))
    return tmp_path


def give_secrets(state, *codes):
    file = state / "webhooks.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {code: {"secret": SECRET} for code in codes}))


@pytest.fixture
def start(server, database, state):
    """Start workers as the supervisor does, as the role `siaga_worker`; kill what is left at the end."""
    processes = []

    def start_one():
        log = (state / f"worker-{len(processes)}.log").open("wb")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SIAGA_")},
            "SIAGA_STATE": str(state),
            "SIAGA_DATABASE_URL": server.url("worker", database),
            "SIAGA_POOL_SIZE": "4",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "routing_engine.dispatch.worker"], cwd=ROOT, env=environment, stderr=log
        )
        log.close()
        process.log = state / f"worker-{len(processes)}.log"
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def quiet(engine):
    """Leave nothing for the next test's worker to do."""
    yield
    with engine.begin() as tx:
        tx.execute(text("UPDATE siaga.agency_channel SET is_active = false"))
        tx.execute(text("UPDATE siaga.clock SET stopped_at = now() WHERE fired_at IS NULL AND stopped_at IS NULL"))


@contextmanager
def stopped(process):
    yield
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE_S) == 0


def n_inbox(engine, code):
    with engine.begin() as tx:
        return len(inbox_rows(tx, code))


def test_a_commit_is_delivered_and_the_worker_stops_cleanly(engine, start, state):
    worker = start()
    eventually((state / "worker.alive").exists, what="heartbeat")
    with stopped(worker):
        with engine.begin() as tx:
            world = World(tx)
            for code in ("P1", "P2"):
                world.agency(code)
            made = world.tell(["P1", "P2"])
        eventually(lambda: n_inbox(engine, "P1") == n_inbox(engine, "P2") == 1, what="both inboxes")
        beat = (state / "worker.alive").stat().st_mtime_ns
        eventually(lambda: (state / "worker.alive").stat().st_mtime_ns > beat, what="the next heartbeat")
    with engine.begin() as tx:
        rows = tx.execute(
            text("SELECT state FROM siaga.assignment WHERE assignment_id = ANY(CAST(:ids AS uuid[]))"),
            {"ids": list(made.values())},
        )
        assert {row.state for row in rows} == {"delivered"}
    said = worker.log.read_text()
    assert "Traceback" not in said
    assert "Wua-Wua" not in said  # ids and counts, no texts of reports


@pytest.mark.slow
def test_clocks_fire_once_though_workers_are_killed(engine, start):
    workers = [start(), start()]
    with engine.begin() as tx:
        world = World(tx)
        world.agency("K1")
        made = [world.tell(["K1"], ack_s=0)["K1"] for _ in range(300)]
        tx.execute(
            text("UPDATE siaga.clock SET due_at = now() WHERE assignment_id = ANY(CAST(:ids AS uuid[]))"), {"ids": made}
        )

    def n_unfired():
        with engine.begin() as tx:
            return tx.execute(
                text(
                    "SELECT count(*) FROM siaga.clock WHERE fired_at IS NULL"
                    " AND assignment_id = ANY(CAST(:ids AS uuid[]))"
                ),
                {"ids": made},
            ).scalar_one()

    eventually(lambda: n_unfired() < 2 * len(made), what="the first clocks fired", step_s=0.002)
    for process in workers:
        process.kill()
    start()
    eventually(lambda: n_unfired() == 0, what="all clocks fired")
    with engine.begin() as tx:
        fired = tx.execute(
            text(
                "SELECT assignment_id, kind, count(*) AS n FROM siaga.incident_event"
                " WHERE assignment_id = ANY(CAST(:ids AS uuid[])) GROUP BY 1, 2"
            ),
            {"ids": made},
        ).all()
    assert {row.n for row in fired} == {1}
    assert len(fired) == 2 * len(made)
    # the second contact is told, once, after the assignment itself
    eventually(lambda: n_inbox(engine, "K1") == 2 * len(made), what="reminders in the inbox")
    with engine.begin() as tx:
        kinds = [
            (row.kind, row.assignment_id) for row in outbox_rows(tx, "K1", "inbox") if row.delivered_at is not None
        ]
    assert len(set(kinds)) == len(kinds) == 2 * len(made)


def test_a_dead_agency_delays_no_other(engine, start, state):
    """One receiver answers nothing and one refuses: their lanes wait, everybody else's are empty."""
    with receiving(behave=lambda n, message: "slow") as dead, receiving() as good:
        give_secrets(state, "D1", "D2", "D3")
        worker = start()
        with engine.begin() as tx:
            world = World(tx)
            world.agency("D1", webhook=dead.url)
            world.agency("D2", webhook=good.url)
            world.agency("D3", webhook="http://127.0.0.1:9/nobody")
        for _ in range(20):
            with engine.begin() as tx:
                world = World(tx)
                world.channels = {code: ["webhook"] for code in ("D1", "D2", "D3")}
                world.tell(["D1", "D2", "D3"])
        with stopped(worker):
            eventually(lambda: len(good.got) == 20, what="the good agency has all")
            eventually(
                lambda: [n_inbox(engine, code) for code in ("D1", "D2", "D3")] == [20] * 3, what="every inbox has all"
            )
            with engine.begin() as tx:
                for code in ("D1", "D3"):
                    assert all(row.delivered_at is None for row in outbox_rows(tx, code, "webhook"))
            assert [body["seq"] for _, body in good.got] == list(range(1, 21))
            # What the dead one gets first is its oldest, and nothing but that.
            eventually(lambda: dead.n_requests >= 1, what="the dead one was tried")
    with engine.begin() as tx:
        assert [row.attempts for row in outbox_rows(tx, "D3", "webhook")][1:] == [0] * 19
        assert outbox_rows(tx, "D3", "webhook")[0].last_error == "no connection: Connection refused"


@pytest.mark.slow
def test_a_restarted_database_is_waited_for(server, engine, start):
    worker = start()
    with engine.begin() as tx:
        world = World(tx)
        world.agency("R1")
        world.tell(["R1"])
    eventually(lambda: n_inbox(engine, "R1") == 1, what="first delivery")
    for _ in range(2):
        # Every connection of the worker goes, as when the server crashes.
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'siaga_worker'")
    server.execute("ALTER ROLE siaga_worker NOLOGIN")
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'siaga_worker'")
    with stopped(worker):
        eventually(lambda: "the database is away" in worker.log.read_text(), what="the worker says so")
        with engine.begin() as tx:
            World(tx).tell(["R1"])
        server.execute("ALTER ROLE siaga_worker LOGIN")
        eventually(lambda: n_inbox(engine, "R1") == 2, what="delivery after the return")
        eventually(lambda: "the database is back" in worker.log.read_text(), what="the worker says so")
    assert worker.log.read_text().count("the database is away") <= 3  # not at every try
    assert "Traceback" not in worker.log.read_text()


@pytest.mark.slow
def test_nothing_is_lost_or_out_of_order_while_workers_are_killed(engine, start, state):
    """Three workers killed at random; 5 % of requests meet 503, 2 % of answers are lost after processing."""
    rng = random.Random(20261101)
    agencies, n_incidents = ("S1", "S2", "S3"), 100

    def misbehave(n, message):
        draw = rng.random()
        return "503" if draw < 0.05 else "lost" if draw < 0.07 else "ok"

    with receiving(behave=misbehave) as receiver:
        give_secrets(state, *agencies)
        workers = [start() for _ in range(3)]
        with engine.begin() as tx:
            world = World(tx)
            for code in agencies:
                world.agency(code, webhook=f"{receiver.url}&for={code}")
        n_kills = 0
        for n in range(n_incidents):
            with engine.begin() as tx:
                world = World(tx)
                world.channels = {code: ["webhook"] for code in agencies}
                world.tell(list(agencies))
            if n % 12 == 11:
                victim = rng.randrange(len(workers))
                workers[victim].send_signal(signal.SIGKILL)
                workers[victim].wait()
                workers[victim] = start()
                n_kills += 1
            time.sleep(0.02)

        def is_done():
            with engine.begin() as tx:
                return all(
                    row.delivered_at is not None for code in agencies for row in outbox_rows(tx, code, "webhook")
                )

        eventually(is_done, what="everything delivered", step_s=0.2)
        assert n_kills == n_incidents // 12
    assert receiver.problems == []
    with engine.begin() as tx:
        for code in agencies:
            mine = [(key, body["seq"]) for key, body in receiver.got if body["assignment"]["agency"] == code]
            sent = {str(row.outbox_id) for row in outbox_rows(tx, code, "webhook")}
            assert {key for key, _ in mine} == sent  # none missing, none unknown
            first = list(dict.fromkeys(seq for _, seq in mine))
            assert first == list(range(1, n_incidents + 1))  # first arrivals are in order
            assert [row.seq for row in inbox_rows(tx, code)] == list(range(1, n_incidents + 1))


def test_what_is_due_to_be_forgotten_is_deleted_and_nothing_else(tx):
    world = World(tx)
    world.agency("F1")
    now = database_now(tx)
    for expires_at in (now - timedelta(days=1), now + timedelta(days=1)):
        report_id = uuid7()
        tx.execute(
            text(
                "INSERT INTO siaga.report (report_id, owner, idempotency_key, body_hash, type_code, classification,"
                " channel, occurred_at, received_at, received_by, answer)"
                " VALUES (:id, 'token:1', :id, '', 'KAM1', 'emergency', '112', :now, :now, 'x', '{}')"
            ),
            {"id": report_id, "now": now},
        )
        tx.execute(
            text("INSERT INTO private.caller (report_id, phone, expires_at) VALUES (:id, '0812', :at)"),
            {"id": report_id, "at": expires_at},
        )
    account_id = uuid7()
    values = {"account_id": account_id, "name": "uji", "role": "operator"}
    columns = {
        column.name: values.get(column.name, "x")
        for column in account.columns
        if not column.nullable and column.server_default is None
    }
    columns = {
        name: now if "timestamp" in str(account.c[name].type).lower() or name.endswith("_at") else value
        for name, value in columns.items()
    }
    tx.execute(account.insert().values(**columns | values))
    for n, expires_at in enumerate((now - timedelta(seconds=1), now + timedelta(hours=1))):
        tx.execute(
            text(
                "INSERT INTO siaga.session (session_hash, account_id, created_at, last_seen_at, expires_at)"
                " VALUES (:hash, :account, :now, :now, :at)"
            ),
            {"hash": bytes([n]), "account": account_id, "now": now, "at": expires_at},
        )
    for at in (now - timedelta(days=2), now):
        tx.execute(
            text("INSERT INTO siaga.login_attempt (name, address, at) VALUES ('uji', '127.0.0.1', :at)"), {"at": at}
        )
    for what in maintenance.FORGET:
        assert maintenance.forget_chunk(tx, what, now=now) == 1
        assert maintenance.forget_chunk(tx, what, now=now) == 0
    left = "SELECT (SELECT count(*) FROM private.caller), (SELECT count(*) FROM siaga.session),"
    left += " (SELECT count(*) FROM siaga.login_attempt)"
    assert tuple(tx.execute(text(left)).one()) == (1, 1, 1)


def test_the_workers_role_may_forget(server, database):
    from gis.db import make_engine

    engine = make_engine(server.settings("worker", database), application="test")
    try:
        assert set(maintenance.forget_expired(engine)) == set(maintenance.FORGET)
    finally:
        engine.dispose()


def test_without_a_database_url_the_worker_says_what_to_do(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIAGA_")}
    done = subprocess.run(
        [sys.executable, "-m", "routing_engine.dispatch.worker"],
        cwd=ROOT,
        env=environment | {"SIAGA_STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1
    assert "SIAGA_DATABASE_URL is not set" in done.stderr
    assert "Traceback" not in done.stderr
