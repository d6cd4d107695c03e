from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from gis.db import database_now
from routing_engine.dispatch import clocks, reminders
from routing_engine.dispatch.tables import clock
from tests.routing_engine.dispatch.world import LADDER, World, outbox_rows


def clock_rows(tx, assignment_id):
    rows = tx.execute(select(clock).where(clock.c.assignment_id == assignment_id).order_by(clock.c.step))
    return {row.step: row for row in rows}


def events(tx, assignment_id):
    return tx.execute(
        text(
            "SELECT kind, actor, actor_role, version, detail FROM siaga.incident_event"
            " WHERE assignment_id = :id ORDER BY incident_event_id"
        ),
        {"id": assignment_id},
    ).all()


@pytest.fixture
def world(tx):
    world = World(tx)
    world.agency("A1", webhook="https://a.example/hook")
    world.agency("V1", is_vertical=True)
    return world


def test_acting_agencies_get_both_clocks_and_informed_ones_none(tx, world):
    now = database_now(tx)
    made = world.tell(["A1", "V1"])
    world.start_clocks({"A1": made["A1"]}, ack_s=90, role="lead", now=now)
    world.start_clocks({"V1": made["V1"]}, ack_s=90, role="inform", now=now)
    rows = clock_rows(tx, made["A1"])
    assert {step: row.due_at - now for step, row in rows.items()} == {
        "ack": timedelta(seconds=90),
        "ladder-1": timedelta(seconds=60),
    }
    assert clock_rows(tx, made["V1"]) == {}


def test_without_a_time_for_an_answer_only_the_ladder_runs(tx, world):
    made = world.tell(["A1"])
    world.start_clocks(made, ack_s=None, role="support", now=database_now(tx))
    assert set(clock_rows(tx, made["A1"])) == {"ladder-1"}


def test_a_lane_without_a_ladder_has_no_ladder_clock(tx, world):
    made = world.tell(["A1"])
    item = {"assignment_id": made["A1"], "role": "lead", "ack_s": 5, "lane": "L", "severity": 4}
    clocks.start(tx, [item], ladder=LADDER, now=database_now(tx))
    assert set(clock_rows(tx, made["A1"])) == {"ack"}


def test_starting_twice_changes_no_running_clock(tx, world):
    now = database_now(tx)
    made = world.tell(["A1"])
    world.start_clocks(made, ack_s=90, role="support", now=now)
    world.start_clocks(made, ack_s=10, role="lead", now=now + timedelta(seconds=30))
    assert clock_rows(tx, made["A1"])["ack"].due_at == now + timedelta(seconds=90)


def test_a_stopped_clock_starts_anew_only_while_there_is_no_answer(tx, world):
    now = database_now(tx)
    made = world.tell(["A1"])
    later = now + timedelta(minutes=10)
    for state, is_running in (("seen", True), ("accepted", False)):
        world.start_clocks(made, ack_s=90, role="support", now=now)
        clocks.stop(tx, made["A1"], now=now)
        tx.execute(text("UPDATE siaga.assignment SET state = :state WHERE agency_code = 'A1'"), {"state": state})
        world.start_clocks(made, ack_s=90, role="support", now=later)
        assert (clock_rows(tx, made["A1"])["ack"].stopped_at is None) == is_running
    assert clocks.fire_due(tx, now=later + timedelta(hours=1)) == 0


def test_a_due_clock_fires_once_with_its_event_and_shows_on_the_map(tx, world):
    made = world.tell(["A1"], ack_s=30, role="lead")
    before = tx.execute(text("SELECT version FROM siaga.incident ORDER BY received_at DESC LIMIT 1")).scalar_one()
    tx.execute(text("ALTER TABLE siaga.incident DISABLE TRIGGER changed"))
    tx.execute(text("UPDATE siaga.incident SET changed_xid = '3'"))
    tx.execute(text("ALTER TABLE siaga.incident ENABLE TRIGGER changed"))
    now = database_now(tx)
    assert clocks.fire_due(tx, now=now) == 0
    assert clocks.fire_due(tx, now=now + timedelta(seconds=31)) == 1
    assert clocks.fire_due(tx, now=now + timedelta(seconds=32)) == 0
    (event,) = events(tx, made["A1"])
    assert (event.kind, event.actor, event.actor_role) == ("ack_overdue", "worker", "admin")
    assert event.detail["agency"] == "A1"
    assert event.detail["waited_s"] >= 31
    incident = tx.execute(
        text(
            "SELECT version, changed_xid = pg_current_xact_id() AS is_shown FROM siaga.incident"
            " ORDER BY received_at DESC LIMIT 1"
        )
    ).one()
    assert incident.is_shown
    assert incident.version == before  # an operator's change in hand is not refused because of a clock
    assert [row.kind for row in outbox_rows(tx, "A1", "inbox")] == ["assignment"]


def test_the_first_ladder_step_tells_the_second_contact_on_every_channel(tx, world):
    made = world.tell(["A1"], ack_s=None) | world.tell(["A1"], ack_s=600)
    world.start_clocks(made, ack_s=600, role="support", now=database_now(tx))
    assert clocks.fire_due(tx, now=database_now(tx) + timedelta(seconds=61)) == 1
    (event,) = events(tx, made["A1"])
    assert event.kind == "ladder"
    assert event.detail["level"] == 1
    assert event.detail["whom"] == {"id": "kontak kedua", "en": "second contact"}
    for channel in ("inbox", "webhook"):
        last = outbox_rows(tx, "A1", channel)[-1]
        assert last.kind == "ladder"
        assert last.assignment_id == made["A1"]
        assert last.body["assignment"]["why"] == "karena titik di dalam batas"
        assert last.body["ladder"]["is_order"] is True
        assert last.body["ladder"]["text"]["id"].endswith("Terima sekarang, atau tolak dengan alasan.")


def test_an_agency_the_city_cannot_order_is_informed(tx, world):
    world.tell(["V1"], ack_s=600)
    clocks.fire_due(tx, now=database_now(tx) + timedelta(seconds=61))
    ladder = outbox_rows(tx, "V1", "inbox")[-1].body["ladder"]
    assert ladder["is_order"] is False
    assert "untuk diketahui" in ladder["text"]["id"]
    assert "for information" in ladder["text"]["en"]
    assert "Terima sekarang" not in ladder["text"]["id"]
    assert "Accept now" not in ladder["text"]["en"]


def test_a_drill_climbs_its_ladder_in_the_log(tx, world):
    world.tell(["A1"], ack_s=600, origin="drill")
    clocks.fire_due(tx, now=database_now(tx) + timedelta(seconds=61))
    assert [row.kind for row in outbox_rows(tx, "A1", "log")] == ["assignment", "ladder"]
    assert outbox_rows(tx, "A1", "webhook") == []


def test_an_answer_stops_the_clocks_of_that_agency_only(tx, world):
    made = world.tell(["A1", "V1"], ack_s=30)
    clocks.stop(tx, made["A1"], now=database_now(tx))
    assert clocks.fire_due(tx, now=database_now(tx) + timedelta(hours=1)) == 2
    assert events(tx, made["A1"]) == []
    assert {event.kind for event in events(tx, made["V1"])} == {"ack_overdue", "ladder"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE siaga.assignment SET state = 'accepted'",
        "UPDATE siaga.assignment SET state = 'declined'",
        "UPDATE siaga.assignment SET role = 'inform'",
        "UPDATE siaga.incident SET status = 'cancelled'",
    ],
)
def test_a_clock_nobody_waits_for_is_stopped_instead_of_fired(tx, world, change):
    made = world.tell(["A1"], ack_s=30)
    tx.execute(text(change))
    later = database_now(tx) + timedelta(hours=1)
    assert clocks.fire_due(tx, now=later) == 2
    assert events(tx, made["A1"]) == []
    for row in clock_rows(tx, made["A1"]).values():
        assert (row.fired_at, row.stopped_at) == (None, later)
    assert clocks.fire_due(tx, now=later) == 0


def test_the_limit_takes_the_oldest_first(tx, world):
    now = database_now(tx)
    made = [world.tell(["A1"])["A1"] for _ in range(3)]
    for seconds, assignment_id in zip((30, 10, 20), made, strict=True):
        world.start_clocks({"A1": assignment_id}, ack_s=seconds, role="lead", now=now)
    assert clocks.fire_due(tx, now=now + timedelta(seconds=59), limit=2) == 2
    fired = {assignment_id for assignment_id in made if events(tx, assignment_id)}
    assert fired == {made[1], made[2]}


def test_a_locked_incident_is_left_for_the_next_second(engine):
    with engine.begin() as tx:
        world = World(tx)
        world.agency("L1")
        held, free = world.tell(["L1"], ack_s=1), world.tell(["L1"], ack_s=1)
    with engine.begin() as person:
        person.execute(
            text(
                "SELECT 1 FROM siaga.incident WHERE incident_id ="
                " (SELECT incident_id FROM siaga.assignment WHERE assignment_id = :id) FOR UPDATE"
            ),
            {"id": held["L1"]},
        )
        with engine.begin() as tx:
            assert clocks.fire_due(tx, now=database_now(tx) + timedelta(seconds=2)) == 1
    with engine.begin() as tx:
        assert len(events(tx, free["L1"])) == 1
        assert events(tx, held["L1"]) == []
        clocks.stop(tx, held["L1"], now=database_now(tx))
        clocks.stop(tx, free["L1"], now=database_now(tx))


@pytest.mark.slow
def test_each_clock_fires_exactly_once_with_several_workers_and_answers_at_the_same_time(engine):
    n = 60
    with engine.begin() as tx:
        world = World(tx)
        world.agency("E1")
        made = [world.tell(["E1"], ack_s=1)["E1"] for _ in range(n)]
    problems: list[BaseException] = []
    start = threading.Barrier(4)

    def fire() -> None:
        try:
            start.wait()
            idle = 0
            while idle < 3:
                with engine.begin() as tx:
                    idle = 0 if clocks.fire_due(tx, now=database_now(tx) + timedelta(hours=1), limit=7) else idle + 1
        except BaseException as error:
            problems.append(error)

    def answer() -> None:
        """Accept every third, in the order of locks that the life cycle uses."""
        try:
            start.wait()
            for assignment_id in made[::3]:
                with engine.begin() as tx:
                    tx.execute(
                        text(
                            "SELECT 1 FROM siaga.incident WHERE incident_id ="
                            " (SELECT incident_id FROM siaga.assignment WHERE assignment_id = :id) FOR UPDATE"
                        ),
                        {"id": assignment_id},
                    )
                    tx.execute(
                        text("UPDATE siaga.assignment SET state = 'accepted' WHERE assignment_id = :id"),
                        {"id": assignment_id},
                    )
                    clocks.stop(tx, assignment_id, now=database_now(tx))
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=fire) for _ in range(3)] + [threading.Thread(target=answer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with engine.begin() as tx:
        while clocks.fire_due(tx, now=database_now(tx) + timedelta(hours=1)):
            pass
        for assignment_id in made:
            rows = clock_rows(tx, assignment_id)
            assert all((row.fired_at is None) != (row.stopped_at is None) for row in rows.values())
            kinds = sorted(event.kind for event in events(tx, assignment_id))
            fired = sorted(
                {"ack": "ack_overdue", "ladder-1": "ladder"}[step]
                for step, row in rows.items()
                if row.fired_at is not None
            )
            assert kinds == fired
        told = [row.assignment_id for row in outbox_rows(tx, "E1", "inbox") if row.kind == "ladder"]
        assert len(told) == len(set(told))


def test_durations_are_said_in_the_largest_whole_unit():
    said = [reminders.waited(seconds, "id") for seconds in (0.2, 60, 119, 180, 3_600, 7_300, 90_000)]
    assert said == ["0 detik", "60 detik", "119 detik", "3 menit", "1 jam", "2 jam", "1 hari"]
