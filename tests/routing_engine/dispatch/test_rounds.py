"""Called again, appointed by hand, reopened: new rounds, and what the incident is meanwhile."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gis.errors import ConflictError, ForbiddenError, ValueRefused
from routing_engine.dispatch import changes, inbox, incidents
from tests.routing_engine.dispatch.conftest import OPERATOR, SUPERVISOR, acting, agency, do
from tests.routing_engine.dispatch.world import outbox_rows
from zones.receipts import replay


def stored(tx, incident_id, code=None, *, language="id", **wanted):
    detail = incidents.detail(tx, incident_id, OPERATOR, language)
    return [
        item
        for item in detail["assignments"]
        if (code is None or item["agency"] == code) and all(item[name] == value for name, value in wanted.items())
    ]


def clock_rows(tx, assignment_id):
    rows = tx.execute(
        text("SELECT step, due_at, fired_at, stopped_at FROM siaga.clock WHERE assignment_id = :id"),
        {"id": assignment_id},
    )
    return {row.step: row for row in rows}


def told(tx, incident_id, code, kind=None):
    return [
        row
        for row in outbox_rows(tx, code, "inbox")
        if row.body["incident"]["incident_id"] == incident_id and kind in (None, row.kind)
    ]


def decline_all(desk, answer):
    for item in acting(answer):
        last = desk(item, "declined", note="tidak ada unit")
    return last


def test_when_everybody_declines_the_incident_is_open_and_needs_somebody(send, desk, kendari_tx):
    answer = send()
    desk(acting(answer)[0], "accepted")
    lead, *others = acting(answer)
    desk(lead, "declined", note="tidak ada unit")
    assert incidents.detail(kendari_tx, answer["incident_id"], OPERATOR, "id")["needs_agency"]
    for item in others:
        last = desk(item, "declined", note="tidak ada unit")
    assert last["incident_status"] == "dispatched"
    detail = incidents.detail(kendari_tx, answer["incident_id"], OPERATOR, "id")
    assert (detail["status"], detail["needs_agency"]) == ("dispatched", True)
    assert detail["events"][-1]["detail"]["nobody_left"] is True
    assert "nobody_left" not in detail["events"][-2]["detail"]


def test_an_agency_that_declined_is_asked_again(send, desk, kendari_tx, context):
    answer = send()
    incident_id, lead = answer["incident_id"], acting(answer)[0]
    decline_all(desk, answer)
    before = clock_rows(kendari_tx, lead["assignment_id"])
    done = do(kendari_tx, context, incident_id, "recall", assignment_id=lead["assignment_id"], note="unit Baruga siap?")
    assert (done["status"], done["assignment_id"]) == ("dispatched", lead["assignment_id"])
    (item,) = stored(kendari_tx, incident_id, assignment_id=lead["assignment_id"])
    assert (item["state"], item["round"], item["note"], item["version"]) == ("queued", 2, "", 3)
    assert item["called_at"] > answer["received_at"]
    after = clock_rows(kendari_tx, lead["assignment_id"])
    assert before.keys() == after.keys() == {"ack", "ladder-1"}
    assert all(row.stopped_at for row in before.values())
    assert all(row.stopped_at is None and row.fired_at is None for row in after.values())
    assert all(after[step].due_at > before[step].due_at for step in after)
    first, again = told(kendari_tx, incident_id, lead["agency"], "assignment")
    assert (first.body["assignment"]["round"], again.body["assignment"]["round"]) == (1, 2)
    assert again.body["assignment"]["note"] == "unit Baruga siap?"
    assert again.body["assignment"]["station"]["name"] == lead["station"]["name"]
    detail = incidents.detail(kendari_tx, incident_id, OPERATOR, "id")
    assert not detail["needs_agency"]
    assert detail["events"][-1]["kind"] == "recall"
    assert detail["events"][-1]["assignment_id"] == lead["assignment_id"]
    inbox.deliver(kendari_tx, lead["agency"], limit=25)
    assert desk(lead, "accepted", version=3)["incident_status"] == "acknowledged"


def test_a_fired_clock_of_a_silent_agency_runs_anew(send, kendari_tx, context):
    answer = send()
    lead = acting(answer)[0]
    kendari_tx.execute(
        text("UPDATE siaga.clock SET fired_at = clock_timestamp() WHERE assignment_id = :id"),
        {"id": lead["assignment_id"]},
    )
    do(kendari_tx, context, answer["incident_id"], "recall", assignment_id=lead["assignment_id"])
    assert all(row.fired_at is None for row in clock_rows(kendari_tx, lead["assignment_id"]).values())


def test_who_is_at_it_or_only_informed_is_not_called_again(send, desk, kendari_tx, context):
    answer = send()
    incident_id, lead = answer["incident_id"], acting(answer)[0]
    informed = next(item for item in answer["assignments"] if item["role"] == "inform")
    desk(lead, "accepted")
    for item in (lead, informed):
        with pytest.raises(ConflictError):
            do(kendari_tx, context, incident_id, "recall", assignment_id=item["assignment_id"])
    other = acting(send())[0]
    for wrong in (other["assignment_id"], "x", ""):
        with pytest.raises(ValueRefused, match="assignment_id"):
            do(kendari_tx, context, incident_id, "recall", assignment_id=wrong)
    with pytest.raises(ForbiddenError):
        do(kendari_tx, context, incident_id, "recall", actor=agency("POL"), assignment_id=lead["assignment_id"])
    recallable = {item["assignment_id"] for item in stored(kendari_tx, incident_id, is_recallable=True)}
    assert recallable == {item["assignment_id"] for item in acting(answer)[1:]}


def test_the_order_of_states_stays(send, desk):
    lead = acting(send())[0]
    desk(lead, "declined", note="tidak ada unit")
    with pytest.raises(ConflictError):
        desk(lead, "seen")


def test_another_polsek_is_appointed_to_lead(send, desk, kendari_tx, context):
    answer = send()
    incident_id = answer["incident_id"]
    decline_all(desk, answer)
    done = do(
        kendari_tx,
        context,
        incident_id,
        "appoint",
        actor=SUPERVISOR,
        jurisdiction="POL-KEMARAYA",
        role="lead",
        reason="Polsek Baruga tidak ada unit.",
    )
    assert done["status"] == "dispatched"
    (lead,) = stored(kendari_tx, incident_id, role="lead")
    assert lead["assignment_id"] == done["assignment_id"]
    assert (lead["jurisdiction"]["code"], lead["state"], lead["match"]) == ("POL-KEMARAYA", "queued", "nearest")
    assert lead["border_m"] > 500
    assert lead["estimate"] == "road"
    assert lead["station"]["name"]
    assert lead["rule"].startswith("hand/supervisor/police@")
    assert lead["appointed"]["by_role"] == "supervisor"
    assert "ditunjuk langsung oleh supervisor: Polsek Baruga tidak ada unit; titik berada" in lead["why"]
    assert lead["why"].endswith(f"aturan {lead['rule']}.")
    (english,) = stored(kendari_tx, incident_id, role="lead", language="en")
    assert "appointed by hand by the supervisor" in english["why"]
    former = next(item for item in stored(kendari_tx, incident_id, "POL") if item["role"] == "support")
    assert former["state"] == "declined"
    city = context.current(kendari_tx).snapshot.city
    assert replay(kendari_tx, lead["receipt_id"], city=city)["same"]
    (body,) = [
        one["body"]
        for one in incidents.receipts(kendari_tx, incident_id, OPERATOR)
        if one["receipt_id"] == lead["receipt_id"]
    ]
    assert body["appointed"]["reason"] == "Polsek Baruga tidak ada unit."
    assert body["appointed"]["jurisdiction"] == "POL-KEMARAYA"
    assert set(clock_rows(kendari_tx, lead["assignment_id"])) == {"ack", "ladder-1"}
    assert [row.assignment_id for row in told(kendari_tx, incident_id, "POL", "assignment")][-1] == lead[
        "assignment_id"
    ]
    event = incidents.events(kendari_tx, incident_id, OPERATOR)[-1]
    assert (event["kind"], event["detail"]["reason"]) == ("appoint", "Polsek Baruga tidak ada unit.")
    # A worse repeat does not take the lead from whom a person appointed.
    send(attach_to=incident_id, facts={"n_victims": 3})
    (lead,) = stored(kendari_tx, incident_id, role="lead")
    assert lead["jurisdiction"]["code"] == "POL-KEMARAYA"
    # Nor does a move: it only measures anew.
    do(kendari_tx, context, incident_id, "relocate", lon=122.5, lat=-3.9965)
    (moved,) = stored(kendari_tx, incident_id, role="lead")
    assert moved["jurisdiction"]["code"] == "POL-KEMARAYA"
    assert moved["receipt_id"] != lead["receipt_id"]
    assert "ditunjuk langsung" in moved["why"]
    assert replay(kendari_tx, moved["receipt_id"], city=city)["same"]


def test_an_informed_agency_is_called_when_it_is_appointed(send, kendari_tx, context):
    answer = send()
    informed = next(item for item in answer["assignments"] if item["agency"] == "BPBD")
    done = do(kendari_tx, context, answer["incident_id"], "appoint", jurisdiction="BPBD", reason="tenda pengungsi")
    (item,) = stored(kendari_tx, answer["incident_id"], "BPBD")
    assert done["assignment_id"] == item["assignment_id"] == informed["assignment_id"]
    assert (item["role"], item["state"], item["round"]) == ("support", "queued", 2)
    assert set(clock_rows(kendari_tx, item["assignment_id"])) >= {"ladder-1"}
    assert len(told(kendari_tx, answer["incident_id"], "BPBD", "assignment")) == 2
    with pytest.raises(ConflictError, match="recall"):
        do(kendari_tx, context, answer["incident_id"], "appoint", jurisdiction="BPBD", reason="lagi")


def test_a_supporting_agency_at_work_takes_the_lead_and_both_are_told(send, desk, kendari_tx, context):
    answer = send()
    fire = next(item for item in acting(answer) if item["agency"] == "DMK")
    desk(fire, "on_scene")
    do(kendari_tx, context, answer["incident_id"], "appoint", jurisdiction="DMK", role="lead", reason="api membesar")
    (item,) = stored(kendari_tx, answer["incident_id"], "DMK")
    assert (item["role"], item["state"], item["round"]) == ("lead", "on_scene", 1)
    assert len(stored(kendari_tx, answer["incident_id"], role="lead")) == 1
    for code, role in (("DMK", "lead"), ("POL", "support")):
        last = told(kendari_tx, answer["incident_id"], code)[-1]
        assert (last.kind, last.body["assignment"]["role"]) == ("update", role)
        assert last.body["event"]["kind"] == "appoint"


def test_appointing_ends_the_row_that_said_nobody(send, kendari_tx, context):
    answer = send(lon=122.9, lat=-3.5)
    assert incidents.detail(kendari_tx, answer["incident_id"], OPERATOR, "id")["needs_agency"]
    done = do(
        kendari_tx,
        context,
        answer["incident_id"],
        "appoint",
        jurisdiction="POL-KANDAI",
        role="lead",
        reason="kapal patroli di dekatnya",
    )
    assert done["status"] == "dispatched"
    assert not incidents.detail(kendari_tx, answer["incident_id"], OPERATOR, "id")["needs_agency"]
    (lead,) = stored(kendari_tx, answer["incident_id"], role="lead")
    assert (lead["jurisdiction"]["code"], lead["match"]) == ("POL-KANDAI", "nearest")
    assert lead["border_m"] > 10_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"jurisdiction": "TIDAK-ADA", "reason": "x"}, "jurisdiction"),
        ({"reason": "x"}, "jurisdiction"),
        ({"jurisdiction": "POL-KEMARAYA"}, "reason"),
        ({"jurisdiction": "POL-KEMARAYA", "reason": "x", "role": "inform"}, "role"),
        ({"jurisdiction": "POL-KEMARAYA", "reason": "x", "role": ["lead"]}, "role"),
        ({"jurisdiction": "POL-KEMARAYA", "reason": "x", "service": "fire"}, "service"),
        ({"jurisdiction": "POL-KEMARAYA", "reason": "x", "agency": "DMK"}, "agency"),
        ({"jurisdiction": "POL-KEMARAYA", "reason": "x", "note": "y"}, "note"),
    ],
)
def test_a_bad_appointment_is_refused_by_name(send, kendari_tx, context, body, field):
    answer = send()
    with pytest.raises(ValueRefused) as refused:
        do(kendari_tx, context, answer["incident_id"], "appoint", **body)
    assert [finding.field for finding in refused.value.findings] == [field]
    assert stored(kendari_tx, answer["incident_id"], round=2) == []


def test_appointable_lists_who_may_be_called_nearest_of_the_service_first(send, kendari_tx, context):
    from routing_engine.dispatch import appointing

    answer = send()
    moment = context.current(kendari_tx)
    row = incidents.incident_row(kendari_tx, answer["incident_id"])
    found = appointing.appointable(kendari_tx, moment, row, "id")
    lead = acting(answer)[0]
    codes = [one["jurisdiction"] for one in found]
    assert lead["jurisdiction"]["code"] not in codes
    police = [one for one in found if one["service"] == "police"]
    assert found[: len(police)] == police
    seconds = [one["travel_time_s"] for one in police]
    assert seconds == sorted(seconds)
    by_code = {one["jurisdiction"]: one for one in found}
    assert by_code["DMK"]["roles"] == ["lead"]
    assert by_code["DMK"]["assignment"]["role"] == "support"
    assert by_code["BPBD"]["roles"] == ["lead", "support"]
    assert by_code["POL-ABELI"]["assignment"] is None
    do(kendari_tx, context, answer["incident_id"], "cancel", reason="uji")
    row = incidents.incident_row(kendari_tx, answer["incident_id"])
    assert appointing.appointable(kendari_tx, moment, row, "id") == []


def test_reopening_calls_everybody_again_who_did_not_decline(send, desk, kendari_tx, context):
    answer = send()
    incident_id = answer["incident_id"]
    lead, second, *others = acting(answer)
    desk(lead, "done", result="tertangani")
    desk(second, "declined", note="tidak ada unit")
    for item in others:
        desk(item, "done", result="tertangani")
    do(kendari_tx, context, incident_id, "close", result="tertangani")
    done = do(kendari_tx, context, incident_id, "reopen", reason="massa kembali")
    assert done["status"] == "dispatched"
    detail = incidents.detail(kendari_tx, incident_id, OPERATOR, "id")
    assert detail["closed_at"] is None
    states = {item["assignment_id"]: (item["state"], item["round"]) for item in detail["assignments"]}
    assert states[second["assignment_id"]] == ("declined", 1)
    for item in (lead, *others):
        assert states[item["assignment_id"]] == ("queued", 2)
        assert all(row.stopped_at is None for row in clock_rows(kendari_tx, item["assignment_id"]).values())
        assert told(kendari_tx, incident_id, item["agency"])[-1].kind == "assignment"
    assert told(kendari_tx, incident_id, second["agency"])[-1].kind == "assignment"  # the first one; nothing since
    assert len(told(kendari_tx, incident_id, second["agency"])) == 1
    informed = told(kendari_tx, incident_id, "BPBD")[-1]
    assert (informed.kind, informed.body["event"]["kind"], informed.body["status"]) == (
        "update",
        "reopen",
        "dispatched",
    )
    assert desk(lead, "accepted", version=3)["incident_status"] == "acknowledged"


@pytest.mark.parametrize("how", [{"unfounded": True}, {}])
def test_a_cancelled_incident_can_be_opened_again(send, desk, kendari_tx, context, how):
    answer = send()
    desk(acting(answer)[0], "en_route")
    do(kendari_tx, context, answer["incident_id"], "cancel", reason="palsu", **how)
    assert do(kendari_tx, context, answer["incident_id"], "reopen", reason="ternyata benar")["status"] == "dispatched"
    assert {item["state"] for item in stored(kendari_tx, answer["incident_id"]) if item["role"] != "inform"} == {
        "queued"
    }


def test_a_new_round_of_a_resolved_incident_opens_it(send, desk, kendari_tx, context):
    answer = send()
    lead, *others = acting(answer)
    for item in others:
        desk(item, "declined", note="tidak ada unit")
    assert desk(lead, "done", result="tertangani")["incident_status"] == "resolved"
    done = do(
        kendari_tx, context, answer["incident_id"], "recall", assignment_id=others[0]["assignment_id"], note="tolong"
    )
    assert done["status"] == "in_progress"


def test_members_of_other_kinds_are_refused_by_name(send, kendari_tx, context):
    answer = send()
    values = {"text": "x", "lane": "L", "reason": "x", "unfounded": True, "note": "x", "role": "lead"}
    for kind, known in changes.MEMBERS.items():
        strange = {name: value for name, value in values.items() if name not in known}
        with pytest.raises(ValueRefused) as refused:
            do(kendari_tx, context, answer["incident_id"], kind, **strange)
        assert [finding.field for finding in refused.value.findings] == list(strange)
    assert incidents.incident_row(kendari_tx, answer["incident_id"])["version"] == 1
