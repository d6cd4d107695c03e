"""The life of assignments and incidents: forward only, versions checked, everything told in order."""

from __future__ import annotations

import pytest

from gis.errors import ConflictError, ForbiddenError, NotFoundError, ValueRefused
from routing_engine.dispatch import inbox, incident_lists, incidents
from routing_engine.dispatch.lifecycle import status_of
from tests.routing_engine.dispatch.conftest import OPERATOR, SUPERVISOR, acting, agency, clocks_running, do


@pytest.mark.parametrize(
    ("current", "states", "expected"),
    [
        ("dispatched", [("lead", "queued"), ("inform", "seen")], "dispatched"),
        ("dispatched", [("lead", "accepted"), ("support", "queued")], "acknowledged"),
        ("acknowledged", [("lead", "accepted"), ("support", "on_scene")], "in_progress"),
        ("in_progress", [("lead", "done"), ("support", "declined")], "resolved"),
        ("in_progress", [("lead", "declined"), ("support", "declined")], "dispatched"),
        ("acknowledged", [("lead", "declined"), ("support", "seen")], "dispatched"),
        ("acknowledged", [("lead", "declined"), ("support", "accepted")], "acknowledged"),
        ("resolved", [("lead", "queued"), ("support", "done")], "in_progress"),
        ("resolved", [("lead", "done"), ("support", "declined")], "resolved"),
        ("under_control", [("lead", "on_scene")], "under_control"),
        ("under_control", [("lead", "done")], "resolved"),
        ("closed", [("lead", "accepted")], "closed"),
        ("verified", [], "verified"),
    ],
)
def test_status_follows_the_assignments(current, states, expected):
    assert status_of(current, states) == expected


def test_from_sent_to_closed(send, desk, kendari_tx, context):
    answer = send()
    incident_id = answer["incident_id"]
    lead, *others = acting(answer)
    assert desk(lead, "accepted")["incident_status"] == "acknowledged"
    assert clocks_running(kendari_tx, lead["assignment_id"]) == 0
    assert clocks_running(kendari_tx, others[0]["assignment_id"]) == 2
    desk(lead, "en_route")
    assert desk(lead, "on_scene")["incident_status"] == "in_progress"
    for item in others:
        desk(item, "declined", note="tidak ada unit")
    done = desk(lead, "done", result="tertangani")
    assert done["incident_status"] == "resolved"
    assert do(kendari_tx, context, incident_id, "close", result="tertangani")["status"] == "closed"
    kinds = [event["kind"] for event in incidents.events(kendari_tx, incident_id, SUPERVISOR)]
    assert kinds == [
        "report",
        "assignment.accepted",
        "assignment.en_route",
        "assignment.on_scene",
        *["assignment.declined"] * len(others),
        "assignment.done",
        "close",
    ]
    assert do(kendari_tx, context, incident_id, "reopen", reason="masih ada asap")["status"] == "dispatched"


def test_steps_may_be_skipped_but_not_taken_back(send, desk):
    lead = acting(send())[0]
    desk(lead, "on_scene")
    with pytest.raises(ConflictError):
        desk(lead, "accepted")
    with pytest.raises(ConflictError):
        desk(lead, "declined", note="salah tekan")


def test_the_same_state_again_changes_nothing(send, desk):
    lead = acting(send())[0]
    first = desk(lead, "accepted")
    again = desk(lead, "accepted", version=first["version"])
    assert again["version"] == first["version"]


def test_a_stale_version_is_refused(send, desk):
    lead = acting(send())[0]
    desk(lead, "seen")
    with pytest.raises(ConflictError, match="versi 2, dikirim 1"):
        desk(lead, "accepted", version=1)


def test_another_agency_finds_nothing(send, desk, kendari_tx):
    answer = send()
    lead = acting(answer)[0]
    with pytest.raises(NotFoundError):
        desk(lead, "accepted", actor=agency("PLN" if lead["agency"] != "PLN" else "POL"))
    with pytest.raises(NotFoundError):
        incidents.detail(kendari_tx, answer["incident_id"], agency("KSOP"), "id")


def test_a_desk_of_one_jurisdiction_sees_only_that(send, kendari_tx):
    answer = send()
    lead = acting(answer)[0]
    mine = agency("POL", lead["jurisdiction"]["code"])
    assert incidents.detail(kendari_tx, answer["incident_id"], mine, "id")["assignments"]
    with pytest.raises(NotFoundError):
        incidents.detail(kendari_tx, answer["incident_id"], agency("POL", "tidak-ada"), "id")


def test_a_decline_needs_a_reason_and_done_a_result(send, desk):
    lead = acting(send())[0]
    with pytest.raises(ValueRefused, match="note"):
        desk(lead, "declined")
    with pytest.raises(ValueRefused, match="result"):
        desk(lead, "done")


def test_an_informed_agency_ends_at_seen_and_holds_nothing_open(send, desk):
    informed = next(item for item in send()["assignments"] if item["role"] == "inform")
    assert desk(informed, "seen")["incident_status"] == "dispatched"
    with pytest.raises(ConflictError, match="dibaca"):
        desk(informed, "accepted")


def test_closing_with_agencies_under_way_needs_a_reason(send, desk, kendari_tx, context):
    answer = send()
    desk(acting(answer)[0], "accepted")
    with pytest.raises(ConflictError, match="belum selesai"):
        do(kendari_tx, context, answer["incident_id"], "close", result="tertangani")
    assert (
        do(kendari_tx, context, answer["incident_id"], "close", result="tertangani", reason="lapor lewat radio")[
            "status"
        ]
        == "closed"
    )
    with pytest.raises(ConflictError):
        do(kendari_tx, context, answer["incident_id"], "close", result="lagi")


def test_relocating_moves_the_lead_and_tells_who_is_no_longer_responsible(send, kendari_tx, context):
    answer = send()
    before = acting(answer)[0]["jurisdiction"]["code"]
    do(kendari_tx, context, answer["incident_id"], "relocate", lon=122.59, lat=-3.965)
    detail = incidents.detail(kendari_tx, answer["incident_id"], OPERATOR, "id")
    leads = [item for item in detail["assignments"] if item["role"] == "lead"]
    assert len(leads) == 1
    assert leads[0]["jurisdiction"]["code"] != before
    former = next(i for i in detail["assignments"] if i["jurisdiction"]["code"] == before and i["service"] == "police")
    assert former["role"] == "inform"
    assert clocks_running(kendari_tx, former["assignment_id"]) == 0
    assert (detail["lon"], detail["lat"]) == (122.59, -3.965)
    assert detail["events"][-1]["kind"] == "relocate"


def test_relocating_into_the_city_ends_the_open_row(send, kendari_tx, context):
    answer = send(lon=106.8272, lat=-6.1754)
    assert answer["status"] == "verified"
    after = do(kendari_tx, context, answer["incident_id"], "relocate", lon=122.51, lat=-3.98)
    assert after["status"] == "dispatched"
    detail = incidents.detail(kendari_tx, answer["incident_id"], OPERATOR, "id")
    assert detail["handoff"] is None
    assert [item["agency"] for item in detail["assignments"] if item["role"] == "lead"] == ["POL"]
    assert [item["state"] for item in detail["assignments"] if item["agency"] is None] == ["done"]


def test_folding_incidents_together_can_be_undone(send, kendari_tx, context):
    first, second = send(type="KBK1"), send(type="KBK1")
    do(kendari_tx, context, first["incident_id"], "attach", incident_id=second["incident_id"])
    child = incidents.detail(kendari_tx, second["incident_id"], OPERATOR, "id")
    assert (child["status"], child["parent_id"]) == ("merged", first["incident_id"])
    parent = incidents.detail(kendari_tx, first["incident_id"], OPERATOR, "id")
    assert parent["n_reports"] == 2
    do(kendari_tx, context, first["incident_id"], "detach", incident_id=second["incident_id"])
    child = incidents.detail(kendari_tx, second["incident_id"], OPERATOR, "id")
    assert (child["status"], child["parent_id"]) == ("dispatched", None)
    assert incidents.detail(kendari_tx, first["incident_id"], OPERATOR, "id")["n_reports"] == 1


def test_a_call_back_that_says_not_handled_reopens(send, desk, kendari_tx, context):
    answer = send()
    for item in acting(answer):
        desk(item, "done", result="tertangani")
    assert do(kendari_tx, context, answer["incident_id"], "confirm", handled=False)["status"] == "dispatched"


def test_hand_off_lane_cancel_and_escalate(send, kendari_tx, context):
    outside = send(lon=106.8272, lat=-6.1754)
    assert do(kendari_tx, context, outside["incident_id"], "handoff")["status"] == "handed_off"
    lamp = send(type="UTL4", lon=122.51, lat=-3.98)
    assert do(kendari_tx, context, lamp["incident_id"], "lane", lane="D")["lane"] == "D"
    with pytest.raises(ValueRefused, match="reason"):
        do(kendari_tx, context, lamp["incident_id"], "lane", lane="L")
    raised = do(kendari_tx, context, lamp["incident_id"], "escalate")
    assert raised["kind"] == "escalate"
    assert (
        do(kendari_tx, context, lamp["incident_id"], "cancel", reason="salah", unfounded=True)["status"] == "unfounded"
    )


def test_events_are_for_operators_except_notes(send, kendari_tx, context):
    answer = send()
    with pytest.raises(ForbiddenError):
        do(kendari_tx, context, answer["incident_id"], "close", actor=agency("POL"), result="x")
    assert (
        do(kendari_tx, context, answer["incident_id"], "note", actor=agency("POL"), text="massa bubar")["version"] == 2
    )
    with pytest.raises(ConflictError):
        do(kendari_tx, context, answer["incident_id"], "note", version=1, text="terlambat")


def test_live_sends_each_change_once_and_takes_ended_incidents_off(send, desk, kendari_tx, context):
    start = incident_lists.live(kendari_tx, "0", OPERATOR)
    answer = send()
    after = incident_lists.live(kendari_tx, start["since"], OPERATOR)
    assert answer["incident_id"] in {row[0] for row in after["rows"]}
    do(kendari_tx, context, answer["incident_id"], "cancel", reason="uji")
    rows = {row[0]: row for row in incident_lists.live(kendari_tx, after["since"], OPERATOR)["rows"]}
    assert rows[answer["incident_id"]][7] == "cancelled"
    mine = incident_lists.live(kendari_tx, start["since"], agency("KSOP"))
    assert answer["incident_id"] not in {row[0] for row in mine["rows"]}


def test_delivery_in_between_is_no_conflict(send, desk, kendari_tx):
    lead = acting(send())[0]
    inbox.deliver(kendari_tx, lead["agency"], limit=25)
    assert desk(lead, "accepted", version=1)["state"] == "accepted"
