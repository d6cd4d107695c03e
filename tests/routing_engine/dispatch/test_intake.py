"""One report through the whole path on the demo city."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis.errors import ConflictError, ForbiddenError, ValueRefused
from routing_engine.dispatch import incidents
from routing_engine.dispatch.intake import accept
from tests.routing_engine.dispatch.conftest import INTAKE, OPERATOR, WUA_WUA, agency
from zones.receipts import replay


def roles(answer):
    found = {}
    for item in answer["assignments"]:
        found.setdefault(item["role"], set()).add(item["agency"])
    return found


def count(tx, table):
    return tx.execute(text(f"SELECT count(*) FROM siaga.{table}")).scalar_one()  # noqa: S608  names are ours


def test_the_brawl_at_simpang_wua_wua(send, kendari_tx, context):
    answer = send()
    assert answer["number"].startswith("K-")
    assert (answer["status"], answer["status_label"], answer["lane"], answer["severity"]) == (
        "dispatched",
        "dikirim",
        "D",
        1,
    )
    assert roles(answer) == {
        "lead": {"POL"},
        "support": {"SPP", "PSC", "TNI", "DMK"},
        "inform": {"PLN", "SAR", "BPBD", "KEL"},
    }
    city = context.current(kendari_tx).snapshot.city
    for item in answer["assignments"]:
        assert item["why"].endswith(f"aturan {item['rule']}.")
        assert item["rule"].startswith(f"KAM1/S1/{item['service']}@")
        assert replay(kendari_tx, item["receipt_id"], city=city)["same"]
        if item["role"] != "inform":
            assert item["estimate"] == "road"
            assert 0 < item["travel_time_s"] < 3600
            assert item["station"]["name"]
    assert [area["share"] for area in answer["admin"]["kelurahan"]] == [1.0]
    # One row of each in the same transaction.
    assert kendari_tx.execute(
        text("SELECT count(*) FROM siaga.outbox WHERE incident_id = :id AND channel = 'inbox'"),
        {"id": answer["incident_id"]},
    ).scalar_one() == len(answer["assignments"])
    steps = kendari_tx.execute(
        text(
            "SELECT c.step, count(*) FROM siaga.clock c JOIN siaga.assignment a USING (assignment_id)"
            " WHERE a.incident_id = :id GROUP BY 1 ORDER BY 1"
        ),
        {"id": answer["incident_id"]},
    ).all()
    assert [tuple(row) for row in steps] == [("ack", 5), ("ladder-1", 5)]


def test_uncertain_position_names_four_kelurahan_and_asks(send):
    answer = send(accuracy_m=100, location_method="landmark")
    kelurahan = answer["admin"]["kelurahan"]
    assert len(kelurahan) == 4
    assert all(area["share"] >= 0.15 for area in kelurahan)
    assert sum(area["share"] for area in kelurahan) == pytest.approx(1, abs=0.002)
    assert len(roles(answer)["lead"]) == 1
    assert sum(item["role"] == "lead" for item in answer["assignments"]) == 1


def test_same_key_and_body_give_the_same_answer_another_body_is_refused(send, kendari_tx, context):
    first = send(key="same", description="satu")
    before = count(kendari_tx, "incident")
    again = accept(kendari_tx, context, {"description": "satu", **WUA_WUA}, actor=INTAKE, key="same", language="id")
    assert (again.answer, again.is_new) == (first, False)
    with pytest.raises(ConflictError):
        send(key="same", description="dua")
    assert count(kendari_tx, "incident") == before
    # Another owner may use the same key.
    assert send(key="same", actor=OPERATOR)["incident_id"] != first["incident_id"]


def test_on_the_bay_bridge_somebody_is_always_responsible(send):
    answer = send(type="SAR2", lon=122.5885, lat=-3.9795)
    assert answer["handoff"] is None
    assert all(item["agency"] for item in answer["assignments"])
    assert {item["match"] for item in answer["assignments"]} <= {"covers", "nearest", "citywide"}
    assert roles(answer)["lead"] == {"SAR"}


def test_at_sea_and_in_jakarta_there_is_one_open_row_and_a_hand_off(send):
    for lon, lat in ((106.8272, -6.1754), (122.9, -3.5)):
        answer = send(lon=lon, lat=lat)
        unassigned = [item for item in answer["assignments"] if item["match"] == "unassigned"]
        assert len(unassigned) == 1
        assert unassigned[0]["role"] == "lead"
        assert unassigned[0]["agency"] is None
        assert answer["handoff"]["government"]
        assert answer["handoff"]["number"]


@pytest.mark.parametrize(
    ("lon", "lat", "field"),
    [(-3.9962, 122.49985, "lon"), (122.49985, 3.9962, "lat"), (-122.49985, -3.9962, "lon"), (3.9962, 89.0, None)],
)
def test_swapped_and_flipped_positions_are_refused_with_the_mended_value(send, lon, lat, field):
    if field is None:
        send(lon=lon, lat=lat)
        return
    with pytest.raises(ValueRefused) as refused:
        send(lon=lon, lat=lat)
    (found,) = [finding for finding in refused.value.findings if finding.lon is not None]
    assert (found.field, found.lon, found.lat) == (field, 122.49985, -3.9962)
    assert "lon=122.49985, lat=-3.9962" in found.hint


def test_confirmed_position_is_taken_as_it_is(send):
    answer = send(lat=3.9962, confirm_position=True)
    assert answer["handoff"] is not None


def test_a_place_by_name_has_its_accuracy(send):
    answer = send(lon=None, lat=None, location_text="simpang wua wua")
    assert answer["incident_id"]
    with pytest.raises(ValueRefused, match="location_text"):
        send(lon=None, lat=None, location_text="zzqx tidak ada")


def test_prank_is_recorded_without_an_incident(send, kendari_tx):
    before = count(kendari_tx, "incident")
    answer = send(type="ADM2")
    assert (answer["incident_id"], answer["classification"], answer["assignments"]) == (None, "prank", [])
    assert count(kendari_tx, "incident") == before


@pytest.mark.parametrize("classification", ["information", "prank", "ghost", "wrong_number", "test"])
def test_what_is_no_emergency_is_recorded_without_an_incident_whatever_its_type(send, kendari_tx, classification):
    running = send()
    before = count(kendari_tx, "incident"), count(kendari_tx, "outbox"), count(kendari_tx, "report")
    for more in (
        {},
        {"attach_to": running["incident_id"]},
        {"lon": None, "lat": None, "location_text": "entah di mana"},
    ):
        answer = send(classification=classification, **more)
        assert (answer["incident_id"], answer["assignments"]) == (None, [])
        assert answer["classification"] == classification
    after = count(kendari_tx, "incident"), count(kendari_tx, "outbox"), count(kendari_tx, "report")
    assert after == (before[0], before[1], before[2] + 3)


@pytest.mark.parametrize("classification", ["emergency", "service", "out_of_area"])
def test_other_classifications_go_their_way(send, classification):
    assert send(classification=classification)["incident_id"]


def test_a_worse_repeat_raises_the_incident_and_adds_agencies(send, kendari_tx):
    first = send(type="KBK2", severity=3, lon=122.51, lat=-3.98)
    second = send(
        type="KBK2",
        severity=1,
        lon=122.5101,
        lat=-3.98,
        attach_to=first["incident_id"],
        facts={"n_victims": 2, "hazards": ["fire"]},
    )
    assert second["incident_id"] == first["incident_id"]
    assert second["severity"] == 1
    assert len(second["assignments"]) > len(first["assignments"])
    assert sum(item["role"] == "lead" for item in second["assignments"]) == 1
    detail = incidents.detail(kendari_tx, first["incident_id"], OPERATOR, "en")
    assert detail["n_reports"] == 2
    assert detail["facts"]["n_victims"] == 2
    assert [event["kind"] for event in detail["events"]] == ["report", "attach"]


def test_the_second_call_about_one_event_is_suggested_not_merged(send):
    first = send(description="massa saling lempar batu di simpang")
    second = send(lon=122.4999, description="tawuran lempar batu")
    (found,) = [item for item in second["possible_duplicates"] if item["incident_id"] == first["incident_id"]]
    assert found["score"] >= 0.8
    assert second["incident_id"] != first["incident_id"]


def test_an_agency_may_not_report_through_intake(send):
    with pytest.raises(ForbiddenError):
        send(actor=agency("POL"))


def test_callers_stand_apart_and_are_nowhere_else(send, kendari_tx):
    answer = send(caller={"phone": "0812-3456-7890", "name": "Contoh Pelapor", "relation": "saksi"})
    row = kendari_tx.execute(
        text("SELECT phone, name FROM private.caller JOIN siaga.report USING (report_id) WHERE incident_id = :id"),
        {"id": answer["incident_id"]},
    ).one()
    assert tuple(row) == ("+6281234567890", "Contoh Pelapor")
    for table in ("report", "incident", "incident_event", "outbox", "audit", "receipt", "assignment"):
        dump = kendari_tx.execute(
            text(f"SELECT string_agg(t::text, ' ') FROM siaga.{table} t")  # noqa: S608  names are ours
        ).scalar_one()
        assert "34567890" not in (dump or "")
        assert "3456-7890" not in (dump or "")
        assert "Contoh Pelapor" not in (dump or "")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lon=st.floats(-180, 180).filter(lambda x: abs(x) > 0.02),
    lat=st.floats(-90, 90).filter(lambda y: abs(y) > 0.02),
    accuracy=st.floats(0, 5000),
    kind=st.sampled_from(["KAM1", "KBK1", "LKA1", "MED1", "SAR2", "BNC1", "UTL4", "SOS1"]),
)
def test_every_point_on_earth_has_somebody_or_one_open_row(send, lon, lat, accuracy, kind):
    answer = send(type=kind, lon=lon, lat=lat, accuracy_m=accuracy, confirm_position=True)
    assert sum(item["role"] == "lead" for item in answer["assignments"]) == 1
    assert sum(item["match"] == "unassigned" for item in answer["assignments"]) <= 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lon=st.floats(122.40, 122.68),
    lat=st.floats(-4.12, -3.88),
    accuracy=st.sampled_from([0.0, 0.5, 20.0, 150.0, 1500.0, 5000.0]),
)
def test_every_point_near_the_city_is_dispatched(send, lon, lat, accuracy):
    answer = send(lon=lon, lat=lat, accuracy_m=accuracy)
    for item in answer["assignments"]:
        assert item["match"] == "unassigned" or item["agency"]
        if item["share"] is not None:
            assert 0 <= item["share"] <= 1.0001
