"""Long lives of incidents, in whatever order: one lead, receipts that replay, clocks where they belong."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sqlalchemy import text

from gis.errors import ConflictError, ValueRefused
from gis.words import ENDED
from routing_engine.dispatch import appointing, inbox, incidents, lifecycle
from tests.routing_engine.dispatch.conftest import OPERATOR, agency, do
from zones.receipts import replay

UNANSWERED = {"queued", "delivered", "seen"}
STEPS = (*["state"] * 5, *["recall"] * 2, "appoint", *["relocate"] * 2, "attach", "deliver", "close", "cancel")


def step(tx, context, send, incident_id, rng, now):
    """Do one thing somebody might try; the rules may refuse it."""
    detail = incidents.detail(tx, incident_id, OPERATOR, "id")
    kind = "reopen" if detail["is_ended"] else STEPS[rng.integers(len(STEPS))]
    items = [item for item in detail["assignments"] if item["agency"]]
    one = items[rng.integers(len(items))] if items else None
    place = {"lon": float(rng.uniform(122.45, 122.62)), "lat": float(rng.uniform(-4.05, -3.92))}
    if kind == "state" and one:
        state = ("seen", "accepted", "declined", "declined", "on_scene", "done")[rng.integers(6)]
        lifecycle.change_assignment(
            tx,
            one["assignment_id"],
            state=state,
            version=one["version"],
            note="alasan",
            result="hasil",
            actor=agency(one["agency"]),
            now=now,
        )
    elif kind == "recall" and one:
        do(tx, context, incident_id, "recall", assignment_id=one["assignment_id"])
    elif kind == "appoint":
        row = incidents.incident_row(tx, incident_id)
        offered = appointing.appointable(tx, context.current(tx), row, "id")
        if offered:
            chosen = offered[rng.integers(len(offered))]
            role = chosen["roles"][rng.integers(len(chosen["roles"]))]
            do(
                tx,
                context,
                incident_id,
                "appoint",
                jurisdiction=chosen["jurisdiction"],
                service=chosen["service"],
                role=role,
                reason="alasan",
            )
    elif kind == "relocate":
        do(tx, context, incident_id, "relocate", **place, accuracy_m=float(rng.choice([0, 100, 600])))
    elif kind == "attach":
        send(attach_to=incident_id, severity=int(rng.integers(1, 5)), facts={"n_victims": int(rng.integers(5))})
    elif kind == "deliver" and one:
        inbox.deliver(tx, one["agency"], limit=100)
    elif kind in ("close", "reopen", "cancel"):
        more = {"result": "hasil"} if kind == "close" else {}
        do(tx, context, incident_id, kind, reason="alasan", **more)
    return kind


def check(tx, incident_id):
    row = incidents.incident_row(tx, incident_id)
    items = incidents.stored_assignments(tx, incident_id)
    assert sum(item["role"] == "lead" for item in items) == 1
    clocks = dict(
        tx.execute(
            text(
                "SELECT c.assignment_id::text, count(*) FROM siaga.clock c JOIN siaga.assignment a USING"
                " (assignment_id) WHERE a.incident_id = :id AND c.stopped_at IS NULL AND c.fired_at IS NULL GROUP BY 1"
            ),
            {"id": incident_id},
        ).all()
    )
    for item in items:
        is_asked = item["agency_code"] and item["role"] != "inform" and item["state"] in UNANSWERED
        assert bool(clocks.get(item["assignment_id"])) == bool(is_asked and row["status"] not in ENDED), item
        assert item["round"] >= 1
    acting = [item for item in items if item["agency_code"] and item["role"] != "inform"]
    if acting and row["status"] not in ENDED and all(item["state"] in UNANSWERED | {"declined"} for item in acting):
        assert row["status"] == "dispatched"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_there_is_one_lead_and_everybody_asked_has_a_clock(send, kendari_tx, context, seed):
    rng = np.random.default_rng(seed)
    now = kendari_tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    city = context.current(kendari_tx).snapshot.city
    outside = {"lon": 106.8272, "lat": -6.1754} if seed % 3 == 0 else {}
    incident_id = send(type=("KAM1", "KBK2", "SAR2")[seed % 3], **outside)["incident_id"]
    done = Counter()
    for _ in range(30):
        try:
            with kendari_tx.begin_nested():
                done[step(kendari_tx, context, send, incident_id, rng, now)] += 1
        except (ConflictError, ValueRefused):
            continue
        check(kendari_tx, incident_id)
    assert len(done) > 5
    for item in incidents.stored_assignments(kendari_tx, incident_id):
        assert replay(kendari_tx, item["receipt_id"], city=city)["same"]
    for code in ("POL", "DMK", "PSC"):
        inbox.deliver(kendari_tx, code, limit=500)
        numbers = [item["seq"] for item in inbox.items(kendari_tx, code, since_seq=0, limit=500)["items"]]
        assert numbers == list(range(1, len(numbers) + 1))
