from __future__ import annotations

import pytest

from gis.db import database_now
from routing_engine.dispatch import inbox
from tests.api.conftest import assert_problem


def deliver(owner, agency):
    with owner.begin() as tx:
        return inbox.deliver(tx, agency, now=database_now(tx), limit=100)


def read(call, who, agency, **query):
    return call(who, "GET", f"/v1/agencies/{agency}/inbox", params=query)


def test_items_come_gapless_in_order_of_delivery(call, report, owner):
    made = [report(type="KBK1", lon=122.47 if n % 2 else 122.53) for n in range(4)]
    assert deliver(owner, "POL") == 4
    box = read(call, "agency:POL", "POL").json()
    assert [item["seq"] for item in box["items"]] == [1, 2, 3, 4]
    assert [item["incident"]["incident_id"] for item in box["items"]] == [answer["incident_id"] for answer in made]
    assert box["last_seq"] == 4
    assert {item["assignment"]["state"] for item in box["items"]} == {"delivered"}
    assert read(call, "agency:POL", "POL", since_seq=2, limit=1).json()["last_seq"] == 3
    assert read(call, "agency:POL", "POL", since_seq=4).json() == {"items": [], "last_seq": 4}
    east = read(call, "supervisor", "POL", jurisdiction="polsek-timur").json()
    assert {item["assignment"]["jurisdiction"] for item in east["items"]} == {"polsek-timur"}


def test_another_agencys_inbox_is_not_there(call):
    assert_problem(read(call, "agency:DMK", "POL"), 404)
    assert_problem(read(call, "supervisor", "XYZ"), 404)
    assert read(call, "agency:DMK", "DMK").status_code == 200


def test_unknown_jurisdiction_is_refused_by_name(call):
    for who, code in (("supervisor", "polsek-utara"), ("agency:POL", "damkar")):
        refused = assert_problem(read(call, who, "POL", jurisdiction=code), 422)
        assert [error["field"] for error in refused["errors"]] == ["jurisdiction"]


def test_seconds_are_rounded_as_in_the_answer(call, report, owner):
    made = report(lon=122.4712345)
    deliver(owner, "POL")
    items = read(call, "agency:POL", "POL").json()["items"]
    (told,) = [item for item in items if item["incident"]["incident_id"] == made["incident_id"]]
    assert told["assignment"]["travel_time_s"] == made["assignments"][0]["travel_time_s"]
    assert told["assignment"]["travel_time_s"] == round(told["assignment"]["travel_time_s"], 1)


@pytest.mark.parametrize("since", ["-1", "x", "1e3", str(10**30), "\x00"])
def test_bad_since_is_refused(call, since):
    refused = assert_problem(read(call, "agency:POL", "POL", since_seq=since), 422)
    assert refused["errors"][0]["field"] == "since_seq"
