from __future__ import annotations

import threading
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert, text, update

from gis.db import database_now, make_engine
from routing_engine.dispatch import clocks, inbox, outbox
from routing_engine.dispatch.delivery import Delivery
from routing_engine.dispatch.lanes import LaneLocks
from routing_engine.dispatch.outbox import Lane
from routing_engine.dispatch.tables import outbox as outbox_table
from routing_engine.dispatch.wakeups import Wakeups
from routing_engine.dispatch.webhooks import WebhookFile, WebhookSender
from tests.routing_engine.dispatch.world import LADDER, World, inbox_rows, message, outbox_rows


@pytest.fixture
def delivery(engine, tmp_path):
    locks = LaneLocks(engine)
    yield Delivery(engine, WebhookSender(WebhookFile(tmp_path)), locks=locks, rng=np.random.default_rng(1))
    locks.close()


def test_each_message_is_one_row_per_channel_in_the_order_given(tx):
    world = World(tx)
    world.agency("A1", webhook="https://a.example/hook")
    world.agency("A2")
    incident_id = world.incident()
    first, second = world.assignment(incident_id, "A1"), world.assignment(incident_id, "A1")
    third = world.assignment(incident_id, "A2")
    outbox.enqueue(
        tx,
        [message("A1", incident_id, first), message("A2", incident_id, third), message("A1", incident_id, second)],
        channels=world.channels,
        is_drill=False,
        now=database_now(tx),
    )
    assert [row.assignment_id for row in outbox_rows(tx, "A1", "inbox")] == [first, second]
    assert [row.assignment_id for row in outbox_rows(tx, "A1", "webhook")] == [first, second]
    assert [row.assignment_id for row in outbox_rows(tx, "A2", "inbox")] == [third]
    assert outbox_rows(tx, "A2", "webhook") == []
    assert outbox_rows(tx, "A1", "webhook")[0].body == message("A1", incident_id, first)["body"]


def test_a_drill_goes_to_the_inbox_and_the_log_and_nowhere_else(tx):
    world = World(tx)
    world.agency("A1", webhook="https://a.example/hook")
    world.tell(["A1"], origin="drill")
    assert len(outbox_rows(tx, "A1", "inbox")) == 1
    assert len(outbox_rows(tx, "A1", "log")) == 1
    assert outbox_rows(tx, "A1", "webhook") == []


def test_nothing_to_tell_writes_nothing(tx):
    outbox.enqueue(tx, [], channels={}, is_drill=False, now=database_now(tx))


def test_times_in_a_body_become_text(tx):
    world = World(tx)
    world.agency("A1")
    incident_id = world.incident()
    now = database_now(tx)
    told = message("A1", incident_id, world.assignment(incident_id, "A1"))
    told["body"]["incident"]["received_at"] = now
    outbox.enqueue(tx, [told], channels={}, is_drill=False, now=now)
    assert outbox_rows(tx, "A1", "inbox")[0].body["incident"]["received_at"] == now.isoformat()


def test_a_commit_wakes_a_sleeping_worker_and_spares_a_busy_one(engine):
    """The hint costs every commit of the database; while rows wait in the inbox somebody is at work anyway."""
    wakeups = Wakeups(engine, outbox.NOTIFY_CHANNEL)
    assert not wakeups.wait(0)
    with engine.begin() as tx:
        World(tx).agency("N1")
    with engine.begin() as tx:
        World(tx).tell(["N1"])
    assert wakeups.wait(60)
    with engine.begin() as tx:
        World(tx).tell(["N1"])
    assert not wakeups.wait(0)
    with engine.begin() as tx:
        inbox.deliver(tx, "N1", limit=25)
    with engine.begin() as tx:
        World(tx).tell(["N1"])
    assert wakeups.wait(60)
    with engine.begin() as tx:
        inbox.deliver(tx, "N1", limit=25)
    wakeups.wake()
    assert wakeups.wait(60)
    assert not wakeups.wait(0)
    wakeups.close()


def test_a_row_that_waits_is_not_overtaken(tx):
    world = World(tx)
    world.agency("A1")
    for _ in range(3):
        world.tell(["A1"])
    rows = outbox_rows(tx, "A1", "inbox")
    now = database_now(tx)
    tx.execute(
        update(outbox_table)
        .where(outbox_table.c.outbox_id == rows[1].outbox_id)
        .values(next_attempt_at=now + timedelta(minutes=1))
    )
    lane = Lane("A1", "inbox")
    assert [row.outbox_id for row in outbox.due_rows(tx, lane, now=now, limit=10)] == [rows[0].outbox_id]
    later = now + timedelta(minutes=2)
    assert [row.outbox_id for row in outbox.due_rows(tx, lane, now=later, limit=10)] == [r.outbox_id for r in rows]


def test_waiting_lanes_name_what_is_due_and_only_active_channels(tx):
    world = World(tx)
    world.agency("A1", webhook="https://a.example/hook")
    world.agency("A2", webhook="https://b.example/hook")
    world.agency("A3")
    world.tell(["A1", "A2"])
    tx.execute(text("UPDATE siaga.agency_channel SET is_active = false WHERE agency_code = 'A2'"))
    assert set(outbox.waiting_lanes(tx)) == {Lane("A1", "inbox"), Lane("A2", "inbox"), Lane("A1", "webhook")}
    tx.execute(text("UPDATE siaga.outbox SET next_attempt_at = now() + interval '1 h' WHERE channel = 'inbox'"))
    assert outbox.waiting_lanes(tx) == [Lane("A1", "webhook")]


def test_a_failure_is_noted_with_its_delay_and_its_error(tx):
    world = World(tx)
    world.agency("A1")
    world.tell(["A1"])
    row, now = outbox_rows(tx, "A1", "inbox")[0], database_now(tx)
    rng = np.random.default_rng(7)
    delay_s = outbox.note_failure(tx, row.outbox_id, attempts=0, error="x" * 999, now=now, rng=rng)
    noted = outbox_rows(tx, "A1", "inbox")[0]
    assert noted.attempts == 1
    assert noted.next_attempt_at == now + timedelta(seconds=delay_s)
    assert len(noted.last_error) == outbox.MAX_ERROR


def test_back_off_doubles_up_to_its_cap_with_full_jitter():
    rng = np.random.default_rng(3)
    for attempts, most in ((1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (60, 30), (100_000, 30)):
        drawn = [outbox.back_off_s(attempts, rng) for _ in range(500)]
        assert min(drawn) >= 0
        assert max(drawn) <= most
        assert max(drawn) > 0.9 * most  # the whole width is used
        assert min(drawn) < 0.1 * most


def test_a_row_that_cannot_be_delivered_stops_only_its_own_agency(engine, delivery):
    with engine.begin() as tx:
        world = World(tx)
        for code in ("B1", "B2"):
            world.agency(code)
        for _ in range(3):
            world.tell(["B1", "B2"])
        poisoned = outbox_rows(tx, "B1", "inbox")[1].outbox_id
    # A foreign item with this row's id makes its delivery fail in the database, and nobody else's.
    with engine.begin() as tx:
        tx.execute(text("INSERT INTO siaga.agency_inbox VALUES ('B2', 0) ON CONFLICT DO NOTHING"))
        tx.execute(
            text("INSERT INTO siaga.inbox_item SELECT 'B2', -1, :id, NULL, now()"),
            {"id": poisoned},
        )
    assert delivery.deliver_batch(Lane("B1", "inbox")).n == 1
    assert delivery.deliver_batch(Lane("B2", "inbox")).n == 3
    with engine.begin() as tx:
        rows = outbox_rows(tx, "B1", "inbox")
        assert [row.delivered_at is not None for row in rows] == [True, False, False]
        assert rows[1].attempts == 1
        assert "IntegrityError" in rows[1].last_error
        tx.execute(text("DELETE FROM siaga.inbox_item WHERE outbox_id = :id"), {"id": poisoned})
        tx.execute(text("UPDATE siaga.outbox SET next_attempt_at = now() WHERE agency_code = 'B1'"))
    assert delivery.deliver_batch(Lane("B1", "inbox")).n == 2
    with engine.begin() as tx:
        assert [row.seq for row in inbox_rows(tx, "B1")] == [1, 2, 3]


def test_the_log_takes_a_drill(engine, delivery, caplog):
    with engine.begin() as tx:
        world = World(tx)
        world.agency("C1", webhook="https://c.example/hook")
        world.tell(["C1"], origin="drill")
    with caplog.at_level("INFO"):
        assert delivery.deliver_batch(Lane("C1", "log")).n == 1
    assert "drill: assignment" in caplog.text
    assert "Wua-Wua" not in caplog.text  # ids only, no texts
    with engine.begin() as tx:
        assert outbox_rows(tx, "C1", "log")[0].delivered_at is not None


def test_a_busy_lane_is_left_to_who_has_it(engine, delivery):
    with engine.begin() as tx:
        world = World(tx)
        world.agency("D1", webhook="http://127.0.0.1:9/")
        world.tell(["D1"])
    with engine.begin() as tx:
        assert outbox.lock_lane(tx, Lane("D1", "inbox"))
        assert delivery.deliver_batch(Lane("D1", "inbox")).n == 0
    other = LaneLocks(engine)
    with other.holding(Lane("D1", "webhook")) as is_mine:
        assert is_mine
        with other.holding(Lane("D1", "webhook")) as is_mine_twice:
            assert not is_mine_twice
        assert delivery.deliver_batch(Lane("D1", "webhook")).n == 0
    other.close()
    with engine.begin() as tx:
        assert outbox_rows(tx, "D1", "webhook")[0].attempts == 0


def test_locks_of_a_lost_session_are_free_for_others(engine):
    lane, first, second = Lane("X", "webhook"), LaneLocks(engine), LaneLocks(engine)
    with first.holding(lane):
        with second.holding(lane) as is_mine:
            assert not is_mine
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.execute(
                text(
                    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                    " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
                )
            )
        taken = threading.Event()
        while not taken.is_set():
            with second.holding(lane) as is_mine:
                if is_mine:
                    taken.set()
    first.close()
    second.close()


def test_order_of_ids_is_the_order_of_an_incident(tx):
    """A message written later in an incident never has a lower id, which is what delivery goes by."""
    world = World(tx)
    world.agency("A1")
    made = world.tell(["A1"])
    incident_id = outbox_rows(tx, "A1", "inbox")[0].body["incident"]["incident_id"]
    outbox.enqueue(
        tx,
        [message("A1", incident_id, made["A1"], kind="update")],
        channels={},
        is_drill=False,
        now=database_now(tx),
    )
    assert [row.kind for row in outbox_rows(tx, "A1", "inbox")] == ["assignment", "update"]


@pytest.mark.parametrize("role", ["api", "pages"])
def test_the_roles_that_take_reports_may_write_messages_and_clocks(server, engine, database, role):
    with engine.begin() as tx:
        world = World(tx)
        code = world.agency(f"Q-{role}")
        incident_id = world.incident()
        assignment_id = world.assignment(incident_id, code)
    theirs = make_engine(server.settings(role, database), application="test")
    try:
        with theirs.begin() as tx:
            now = database_now(tx)
            told = message(code, incident_id, assignment_id)
            outbox.enqueue(tx, [told], channels={}, is_drill=False, now=now)
            item = {"assignment_id": assignment_id, "role": "lead", "ack_s": 60, "lane": "D", "severity": 1}
            for _ in range(2):
                clocks.start(tx, [item], ladder=LADDER, now=now)
            clocks.stop(tx, assignment_id, now=now)
    finally:
        theirs.dispose()
    with engine.begin() as tx:
        assert len(outbox_rows(tx, code, "inbox")) == 1


def test_an_unknown_kind_is_refused_by_the_database(tx):
    world = World(tx)
    world.agency("A1")
    incident_id = world.incident()
    with pytest.raises(Exception, match="ck_outbox_kind"):
        tx.execute(
            insert(outbox_table).values(
                agency_code="A1",
                channel="inbox",
                kind="gossip",
                incident_id=incident_id,
                body={},
                created_at=database_now(tx),
                next_attempt_at=database_now(tx),
            )
        )
