from __future__ import annotations

import threading

import numpy as np
import pytest
from sqlalchemy import text

from gis.db import database_now
from routing_engine.dispatch import inbox, outbox
from routing_engine.dispatch.delivery import Delivery
from routing_engine.dispatch.lanes import LaneLocks
from routing_engine.dispatch.outbox import Lane
from routing_engine.dispatch.webhooks import WebhookFile, WebhookSender
from tests.routing_engine.dispatch.world import World, inbox_rows, message, outbox_rows


def states(tx, made):
    rows = tx.execute(
        text(
            "SELECT assignment_id, state, version FROM siaga.assignment WHERE assignment_id = ANY(CAST(:ids AS uuid[]))"
        ),
        {"ids": list(made.values())},
    )
    return {row.assignment_id: (row.state, row.version) for row in rows}


def test_delivery_numbers_items_marks_rows_and_moves_assignments(tx):
    world = World(tx)
    world.agency("A1")
    first, second = world.tell(["A1"]), world.tell(["A1"])
    assert inbox.deliver(tx, "A1", now=database_now(tx), limit=25) == 2
    items = inbox_rows(tx, "A1")
    assert [(item.seq, item.assignment_id) for item in items] == [(1, first["A1"]), (2, second["A1"])]
    assert all(row.delivered_at is not None and row.attempts == 1 for row in outbox_rows(tx, "A1", "inbox"))
    assert states(tx, first) == {first["A1"]: ("delivered", 1)}
    assert inbox.deliver(tx, "A1", now=database_now(tx), limit=25) == 0


def test_delivery_takes_the_oldest_and_leaves_the_rest(tx):
    world = World(tx)
    world.agency("A1")
    for _ in range(5):
        world.tell(["A1"])
    assert inbox.deliver(tx, "A1", now=database_now(tx), limit=2) == 2
    rows = outbox_rows(tx, "A1", "inbox")
    assert [row.delivered_at is not None for row in rows] == [True, True, False, False, False]


def test_an_assignment_further_on_is_not_taken_back(tx):
    world = World(tx)
    world.agency("A1")
    made = world.tell(["A1"])
    tx.execute(text("UPDATE siaga.assignment SET state = 'accepted', version = 5 WHERE agency_code = 'A1'"))
    inbox.deliver(tx, "A1", now=database_now(tx), limit=25)
    assert states(tx, made) == {made["A1"]: ("accepted", 5)}


def test_items_show_what_was_sent_and_how_it_stands_now(tx):
    world = World(tx)
    world.agency("A1")
    made = world.tell(["A1"], role="lead")
    inbox.deliver(tx, "A1", now=database_now(tx), limit=25)
    tx.execute(text("UPDATE siaga.assignment SET state = 'seen', version = 3 WHERE agency_code = 'A1'"))
    answer = inbox.items(tx, "A1", since_seq=0)
    assert answer["last_seq"] == 1
    (item,) = answer["items"]
    assert item["seq"] == 1
    assert item["kind"] == "assignment"
    assert item["delivered_at"] is not None
    assert item["assignment"]["assignment_id"] == made["A1"]
    assert item["assignment"]["why"] == "karena titik di dalam batas"
    assert (item["assignment"]["state"], item["assignment"]["version"]) == ("seen", 3)
    assert item["assignment"]["role"] == "lead"
    assert (item["incident"]["status"], item["incident"]["version"]) == ("dispatched", 1)


def test_reading_on_from_last_seq_misses_and_repeats_nothing(tx):
    world = World(tx)
    world.agency("A1")
    world.agency("A2")
    for _ in range(7):
        world.tell(["A1", "A2"])
    for code in ("A1", "A2"):
        inbox.deliver(tx, code, now=database_now(tx), limit=25)
    seen, since = [], 0
    while True:
        answer = inbox.items(tx, "A1", since_seq=since, limit=3)
        if not answer["items"]:
            break
        seen += [item["seq"] for item in answer["items"]]
        since = answer["last_seq"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert since == 7
    assert inbox.items(tx, "A1", since_seq=7) == {"items": [], "last_seq": 7}
    assert inbox.items(tx, "A3", since_seq=0) == {"items": [], "last_seq": 0}


def test_a_desk_of_one_jurisdiction_sees_its_own_and_goes_on_past_the_rest(tx):
    world = World(tx)
    world.agency("A1")
    made = [world.tell(["A1"])["A1"] for _ in range(4)]
    for code in ("baruga", "poasia"):
        tx.execute(
            text(
                "INSERT INTO siaga.jurisdiction (code, name, agency_code, service_code)"
                " VALUES (:code, :code, 'A1', 'police')"
            ),
            {"code": code},
        )
    for assignment_id, code in zip(made, ("baruga", "poasia", "baruga", "poasia"), strict=True):
        tx.execute(
            text(
                "UPDATE siaga.assignment SET jurisdiction_id ="
                " (SELECT jurisdiction_id FROM siaga.jurisdiction WHERE code = :code) WHERE assignment_id = :id"
            ),
            {"code": code, "id": assignment_id},
        )
    inbox.deliver(tx, "A1", now=database_now(tx), limit=25)
    answer = inbox.items(tx, "A1", since_seq=0, jurisdiction="baruga")
    assert [item["seq"] for item in answer["items"]] == [1, 3]
    assert {item["assignment"]["jurisdiction"] for item in answer["items"]} == {"baruga"}
    assert answer["last_seq"] == 4


def test_a_rolled_back_delivery_leaves_no_gap(engine):
    with engine.begin() as tx:
        world = World(tx)
        world.agency("R1")
        world.tell(["R1"])
        world.tell(["R1"])
    with engine.connect() as tx:
        attempt = tx.begin()
        assert inbox.deliver(tx, "R1", now=database_now(tx), limit=25) == 2
        attempt.rollback()
    with engine.begin() as tx:
        assert inbox_rows(tx, "R1") == []
        assert inbox.deliver(tx, "R1", now=database_now(tx), limit=25) == 2
        assert [row.seq for row in inbox_rows(tx, "R1")] == [1, 2]


@pytest.mark.slow
def test_numbers_are_gapless_and_in_order_with_several_writers_and_workers(server, engine, database, tmp_path):
    """Four writers commit in any order while three workers deliver; nothing is lost, doubled or out of order."""
    n_writers, n_each = 4, 25
    with engine.begin() as tx:
        world = World(tx)
        for code in ("G1", "G2"):
            world.agency(code)
    problems: list[BaseException] = []
    is_written = threading.Event()

    def write() -> None:
        try:
            for _ in range(n_each):
                with engine.begin() as tx:
                    World(tx).tell(["G1", "G2"])
                    made = tx.execute(
                        text("SELECT incident_id FROM siaga.incident ORDER BY 1 DESC LIMIT 1")
                    ).scalar_one()
                with engine.begin() as tx:  # a second message of the incident must come after its first
                    assignment_id = tx.execute(
                        text(
                            "SELECT assignment_id FROM siaga.assignment WHERE incident_id = :id AND agency_code = 'G1'"
                        ),
                        {"id": made},
                    ).scalar_one()
                    outbox.enqueue(
                        tx,
                        [message("G1", made, assignment_id, kind="update")],
                        channels={},
                        is_drill=False,
                        now=database_now(tx),
                    )
        except BaseException as error:
            problems.append(error)

    def work() -> None:
        locks = LaneLocks(engine)
        delivery = Delivery(engine, WebhookSender(WebhookFile(tmp_path)), locks=locks, rng=np.random.default_rng())
        try:
            while True:
                was_written = is_written.is_set()
                n = sum(delivery.deliver_batch(Lane(code, "inbox"), limit=3).n for code in ("G1", "G2"))
                if was_written and n == 0:
                    with engine.begin() as tx:
                        if not outbox.waiting_lanes(tx):
                            break
        except BaseException as error:
            problems.append(error)
        finally:
            locks.close()

    writers = [threading.Thread(target=write) for _ in range(n_writers)]
    workers = [threading.Thread(target=work) for _ in range(3)]
    for thread in writers + workers:
        thread.start()
    for thread in writers:
        thread.join()
    is_written.set()
    for thread in workers:
        thread.join()
    assert problems == []
    with engine.begin() as tx:
        for code, n in (("G1", 2 * n_writers * n_each), ("G2", n_writers * n_each)):
            rows = inbox_rows(tx, code)
            assert [row.seq for row in rows] == list(range(1, n + 1))
            assert len({row.outbox_id for row in rows}) == n
            assert (
                tx.execute(
                    text("SELECT last_seq FROM siaga.agency_inbox WHERE agency_code = :code"), {"code": code}
                ).scalar_one()
                == n
            )
        late = tx.execute(
            text(
                "SELECT count(*) FROM siaga.inbox_item u JOIN siaga.outbox o USING (outbox_id)"
                " JOIN siaga.inbox_item a ON a.assignment_id = u.assignment_id AND a.seq > u.seq"
                " JOIN siaga.outbox p ON p.outbox_id = a.outbox_id AND p.kind = 'assignment'"
                " WHERE o.kind = 'update'"
            )
        ).scalar_one()
        assert late == 0
