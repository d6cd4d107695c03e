"""What agencies are told after they were called: once per event, whom it concerns, nothing of callers."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from gis.errors import ValueRefused
from routing_engine.dispatch import inbox, incident_lists, incidents
from tests.routing_engine.dispatch.conftest import OPERATOR, acting, agency, do
from tests.routing_engine.dispatch.world import outbox_rows


def updates(tx, answer, code):
    return [
        row.body
        for row in outbox_rows(tx, code, "inbox")
        if row.kind == "update" and row.body["incident"]["incident_id"] == answer["incident_id"]
    ]


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("note", {"text": "akses dari jalan belakang"}, {"text": "akses dari jalan belakang"}),
        ("lane", {"lane": "L", "reason": "sudah aman"}, {"from": "D", "to": "L", "reason": "sudah aman"}),
        ("escalate", {"text": "massa bertambah"}, {"text": "massa bertambah"}),
        ("confirm", {"handled": True, "text": "kata pelapor di 0812-3456"}, {"handled": True}),
        ("classify", {"classification": "out_of_area"}, {"from": "emergency", "to": "out_of_area"}),
        ("close", {"result": "tertangani", "reason": "lapor radio"}, {"result": "tertangani", "reason": "lapor radio"}),
        ("cancel", {"reason": "palsu", "unfounded": True}, {"reason": "palsu", "unfounded": True}),
        ("handoff", {"government": "Kab. Konawe", "number": "112"}, {"government": "Kab. Konawe", "number": "112"}),
    ],
)
def test_an_event_tells_everybody_whose_part_goes_on(send, desk, kendari_tx, context, kind, body, said):
    answer = send(caller={"phone": "0812-3456-7890", "name": "Contoh Pelapor"})
    lead, done, declined, *_ = acting(answer)
    desk(lead, "accepted")
    desk(done, "done", result="tertangani")
    desk(declined, "declined", note="tidak ada unit")
    changed = do(kendari_tx, context, answer["incident_id"], kind, **body)
    for item in answer["assignments"]:
        told = updates(kendari_tx, answer, item["agency"])
        if item in (done, declined):
            assert told == []
            continue
        (one,) = told
        assert one["event"] == {"kind": kind, **said}
        assert one["status"] == changed["status"]
        assert one["incident"]["lane"] == changed["lane"]
        assert one["assignment"]["assignment_id"] == item["assignment_id"]
        text_of = json.dumps(one)
        assert "0812-3456" not in text_of  # short runs of digits may stand in an identifier
        assert "08123456" not in text_of
        assert "Contoh Pelapor" not in text_of


def test_two_polsek_of_one_police_are_two_readers(send, kendari_tx, context):
    answer = send(accuracy_m=600)
    called = {item["jurisdiction"]["code"] for item in answer["assignments"] if item["agency"] == "POL"}
    assert len(called) > 1
    do(kendari_tx, context, answer["incident_id"], "note", text="hati-hati")
    assert len(updates(kendari_tx, answer, "POL")) == len(called)
    inbox.deliver(kendari_tx, "POL", limit=100)
    for code in called:
        seen = inbox.items(kendari_tx, "POL", since_seq=0, jurisdiction=code)["items"]
        mine = [item for item in seen if item["incident"]["incident_id"] == answer["incident_id"]]
        assert [item["kind"] for item in mine] == ["assignment", "update"]
    numbers = [item["seq"] for item in inbox.items(kendari_tx, "POL", since_seq=0, limit=500)["items"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_note_of_an_agency_and_a_verification_tell_nobody(send, kendari_tx, context):
    answer = send()
    do(kendari_tx, context, answer["incident_id"], "note", actor=agency("POL"), text="massa bubar")
    do(kendari_tx, context, answer["incident_id"], "verify")
    for item in answer["assignments"]:
        assert updates(kendari_tx, answer, item["agency"]) == []


@pytest.mark.parametrize("classification", ["information", "prank", "ghost", "wrong_number", "test"])
def test_what_turns_out_to_be_nothing_ends_and_calls_everybody_off(send, kendari_tx, context, classification):
    answer = send()
    done = do(kendari_tx, context, answer["incident_id"], "classify", classification=classification)
    assert done["status"] == "unfounded"
    running = kendari_tx.execute(
        text(
            "SELECT count(*) FROM siaga.clock c JOIN siaga.assignment a USING (assignment_id)"
            " WHERE a.incident_id = :id AND c.stopped_at IS NULL"
        ),
        {"id": answer["incident_id"]},
    ).scalar_one()
    assert running == 0
    for item in answer["assignments"]:
        (told,) = updates(kendari_tx, answer, item["agency"])
        assert told["status"] == "unfounded"
    # A slip of the hand is taken back: open again, and what it was.
    again = do(kendari_tx, context, answer["incident_id"], "reopen", reason="salah tekan")
    assert again["status"] == "dispatched"
    assert incidents.incident_row(kendari_tx, answer["incident_id"])["classification"] == "emergency"
    # Of an incident that is over, only the word changes.
    do(kendari_tx, context, answer["incident_id"], "close", result="x", reason="x")
    assert do(kendari_tx, context, answer["incident_id"], "classify", classification="prank")["status"] == "closed"


def test_agencies_of_an_incident_that_is_folded_hear_of_it_and_their_clocks_come_back(send, kendari_tx, context):
    first, second = send(type="KBK1"), send(type="KBK1")
    do(kendari_tx, context, first["incident_id"], "attach", incident_id=second["incident_id"])
    lead = acting(second)[0]
    (told,) = updates(kendari_tx, second, lead["agency"])
    assert (told["status"], told["event"]) == ("merged", {"kind": "merged", "into": first["number"]})
    do(kendari_tx, context, first["incident_id"], "detach", incident_id=second["incident_id"])
    assert updates(kendari_tx, second, lead["agency"])[-1]["event"]["kind"] == "detached"
    stopped = kendari_tx.execute(
        text("SELECT count(stopped_at) FROM siaga.clock WHERE assignment_id = :id"), {"id": lead["assignment_id"]}
    ).scalar_one()
    assert stopped == 0


def test_a_drill_and_a_real_incident_are_never_joined(send, kendari_tx, context):
    drill, real = send(drill=True), send()
    for target, is_drill in ((drill, False), (real, True)):
        with pytest.raises(ValueRefused) as refused:
            send(attach_to=target["incident_id"], drill=is_drill)
        assert [finding.field for finding in refused.value.findings] == ["attach_to"]
    with pytest.raises(ValueRefused):
        do(kendari_tx, context, real["incident_id"], "attach", incident_id=drill["incident_id"])


def test_a_drill_says_so_everywhere(send, kendari_tx, context):
    answer, real = send(drill=True), send()
    assert (answer["drill"], real["drill"]) == (True, False)
    assert incidents.detail(kendari_tx, answer["incident_id"], OPERATOR, "id")["drill"] is True
    features = incident_lists.search(kendari_tx, OPERATOR, limit=1000)["features"]
    drills = {feature["id"]: feature["properties"]["drill"] for feature in features}
    assert (drills[answer["incident_id"]], drills[real["incident_id"]]) == (True, False)
    assert send(attach_to=answer["incident_id"], drill=True)["drill"] is True
    assert send(type="ADM2", drill=True)["drill"] is True
