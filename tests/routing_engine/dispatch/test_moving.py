"""An incident that is moved: everybody's figures are those of the new place, and everybody is told."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gis.errors import ValueRefused
from routing_engine.dispatch import incidents
from tests.routing_engine.dispatch.conftest import OPERATOR, acting, do
from tests.routing_engine.dispatch.world import outbox_rows
from zones.receipts import replay

KENDARI_BARAT = {"lon": 122.55, "lat": -3.955}


def by_id(tx, incident_id):
    detail = incidents.detail(tx, incident_id, OPERATOR, "id")
    return {item["assignment_id"]: item for item in detail["assignments"]}


def test_every_assignment_carries_the_new_place_and_keeps_its_old_receipt(send, desk, kendari_tx, context):
    answer = send()
    incident_id = answer["incident_id"]
    desk(acting(answer)[1], "accepted")
    before = by_id(kendari_tx, incident_id)
    do(kendari_tx, context, incident_id, "relocate", **KENDARI_BARAT, accuracy_m=40)
    after = by_id(kendari_tx, incident_id)
    city = context.current(kendari_tx).snapshot.city
    assert before.keys() <= after.keys()
    receipts = {one["receipt_id"]: one for one in incidents.receipts(kendari_tx, incident_id, OPERATOR)}
    for assignment_id, old in before.items():
        new = after[assignment_id]
        assert new["version"] > old["version"]
        assert new["receipt_id"] != old["receipt_id"]
        assert old["receipt_id"] in receipts
        inputs = receipts[new["receipt_id"]]["body"]["inputs"]
        assert (inputs["lon"], inputs["lat"], inputs["accuracy_m"]) == (122.55, -3.955, 40)
        assert replay(kendari_tx, new["receipt_id"], city=city)["same"]
        assert new["why"] != old["why"]
        assert "±40 m" in new["why"]
        assert (new["border_m"], new["match"] == "citywide") != (old["border_m"], False)
        assert new["state"] == old["state"]
        if old["station"]:
            assert new["estimate"] == "road"
            assert new["travel_time_s"] != old["travel_time_s"]
            assert new["distance_m"] != old["distance_m"]
    # The fire service has several posts; the nearest one has changed.
    fire = next(item for item in before.values() if item["agency"] == "DMK")
    assert after[fire["assignment_id"]]["station"] != fire["station"]


def test_everybody_is_told_once_and_the_new_ones_are_called(send, kendari_tx, context):
    answer = send()
    before = by_id(kendari_tx, answer["incident_id"])
    do(kendari_tx, context, answer["incident_id"], "relocate", **KENDARI_BARAT)
    after = by_id(kendari_tx, answer["incident_id"])
    for assignment_id, item in after.items():
        rows = [row for row in outbox_rows(kendari_tx, item["agency"], "inbox") if row.assignment_id == assignment_id]
        assert [row.kind for row in rows] == (["assignment", "update"] if assignment_id in before else ["assignment"])
        told = rows[-1].body
        assert (told["incident"]["lon"], told["incident"]["lat"]) == (122.55, -3.955)
        assert told["assignment"]["travel_time_s"] == item["travel_time_s"]
        assert (told["assignment"]["station"] or {}).get("name") == (item["station"] or {}).get("name")
        assert told["assignment"]["role"] == item["role"]
        if assignment_id in before:
            assert told["event"]["kind"] == "relocate"
            assert told["event"]["to"] == [122.55, -3.955]


def test_who_is_left_behind_is_told_how_far(send, kendari_tx, context):
    answer = send()
    former = acting(answer)[0]
    do(kendari_tx, context, answer["incident_id"], "relocate", **KENDARI_BARAT)
    item = by_id(kendari_tx, answer["incident_id"])[former["assignment_id"]]
    assert (item["role"], item["match"]) == ("inform", "nearest")
    assert item["border_m"] > 500
    assert "dipanggil untuk tempat sebelum insiden dipindahkan; kini titik berada" in item["why"]


@pytest.mark.parametrize(
    ("place", "field", "hint"),
    [
        ({"lon": -3.9962, "lat": 122.49985}, "lon", "lon=122.49985, lat=-3.9962"),
        ({"lon": 122.49985, "lat": 3.9962}, "lat", "lat=-3.9962"),
        ({"lon": 0, "lat": 0.005}, "lon", ""),
        ({"lon": 181, "lat": -4}, "lon", ""),
        ({"lon": 122.5, "lat": -91}, "lat", ""),
        ({"lon": float("nan"), "lat": -4}, "lon", ""),
        ({"lon": float("inf"), "lat": -4}, "lon", ""),
        ({"lon": 10**400, "lat": -4}, "lon", ""),
        ({"lon": "122.5", "lat": -4}, "lon", ""),
        ({"lon": True, "lat": -4}, "lon", ""),
        ({"lat": -4}, "lon", ""),
        ({"lon": 122.5}, "lat", ""),
        ({"lon": 122.5, "lat": -4, "accuracy_m": 5001}, "accuracy_m", ""),
        ({"lon": 122.5, "lat": -4, "accuracy_m": -1}, "accuracy_m", ""),
        ({"lon": 122.5, "lat": -4, "confirm_position": "yes"}, "confirm_position", ""),
    ],
)
def test_a_place_is_judged_as_that_of_a_report(send, kendari_tx, context, place, field, hint):
    answer = send()
    with pytest.raises(ValueRefused) as refused:
        do(kendari_tx, context, answer["incident_id"], "relocate", **place)
    named = [finding for finding in refused.value.findings if finding.field == field]
    assert named
    assert any(hint in finding.hint for finding in named)
    assert incidents.incident_row(kendari_tx, answer["incident_id"])["version"] == 1


def test_a_confirmed_place_is_taken_as_it_is(send, kendari_tx, context):
    answer = send()
    done = do(kendari_tx, context, answer["incident_id"], "relocate", lon=122.49985, lat=3.9962, confirm_position=True)
    assert done["version"] == 2
    detail = incidents.detail(kendari_tx, answer["incident_id"], OPERATOR, "id")
    assert detail["handoff"]["government"]
    assert [item["agency"] for item in detail["assignments"] if item["role"] == "lead"] == [None]
    assert detail["needs_agency"]


def test_an_open_row_follows_the_place(send, kendari_tx, context):
    answer = send(lon=106.8272, lat=-6.1754)
    (old,) = by_id(kendari_tx, answer["incident_id"]).values()
    done = do(kendari_tx, context, answer["incident_id"], "relocate", lon=106.9, lat=-6.2)
    assert done["status"] == "verified"
    (new,) = by_id(kendari_tx, answer["incident_id"]).values()
    assert new["receipt_id"] != old["receipt_id"]


def test_clocks_of_who_stays_go_on_and_of_who_is_raised_begin(send, kendari_tx, context):
    answer = send()
    due = dict(
        kendari_tx.execute(
            text(
                "SELECT c.assignment_id::text, max(c.due_at) FROM siaga.clock c JOIN siaga.assignment a USING"
                " (assignment_id) WHERE a.incident_id = :id GROUP BY 1"
            ),
            {"id": answer["incident_id"]},
        ).all()
    )
    do(kendari_tx, context, answer["incident_id"], "relocate", lon=122.5, lat=-3.9963)
    for assignment_id, moment in due.items():
        row = kendari_tx.execute(
            text("SELECT max(due_at) AS due, count(stopped_at) AS n FROM siaga.clock WHERE assignment_id = :id"),
            {"id": assignment_id},
        ).one()
        assert (row.due, row.n) == (moment, 0)


def test_leaving_the_city_a_second_time_opens_the_row_again_without_a_clock(send, kendari_tx, context):
    answer = send(lon=106.8272, lat=-6.1754)
    do(kendari_tx, context, answer["incident_id"], "relocate", **KENDARI_BARAT)
    do(kendari_tx, context, answer["incident_id"], "relocate", lon=106.8272, lat=-6.1754)
    (nobody,) = [item for item in by_id(kendari_tx, answer["incident_id"]).values() if item["agency"] is None]
    assert (nobody["role"], nobody["state"]) == ("lead", "queued")
    n_clocks = kendari_tx.execute(
        text("SELECT count(*) FROM siaga.clock WHERE assignment_id = :id"), {"id": nobody["assignment_id"]}
    ).scalar_one()
    assert n_clocks == 0
