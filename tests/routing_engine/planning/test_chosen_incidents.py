"""Which incidents planners look at: what is no event of the city is left out, and counted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from gis.city import read_city
from gis.errors import DataError
from routing_engine.planning.incidents import Selection, read_areas, read_extent, read_incidents, read_types

ALL = Selection(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))

INSERT = text(
    """
INSERT INTO siaga.incident (number, type_code, lane, severity, status, classification, origin, geom, accuracy_m,
                            location_method, occurred_at, received_at)
VALUES (:number, :type, :lane, 2, :status, :classification, :origin, ST_Point(122.51, -3.97, 4326), 20, 'map', :at, :at)
RETURNING incident_id
"""
)


def insert(tx, number: str, **given) -> str:
    values = {
        "type": "KBK1",
        "lane": "D",
        "status": "closed",
        "classification": "emergency",
        "origin": "live",
        "at": datetime(2026, 1, 10, 4, 30, tzinfo=UTC),  # 12:30 in Kendari
    }
    incident_id = tx.execute(INSERT, {**values, "number": number, **given}).scalar_one()
    for level, code in (("kelurahan", "7471013005"), ("kecamatan", "7471013")):
        tx.execute(
            text("INSERT INTO siaga.incident_area VALUES (:id, :level, :code, 1.0, 0)"),
            {"id": incident_id, "level": level, "code": code},
        )
    return str(incident_id)


def read(tx, **given):
    selection = Selection(**{"since": ALL.since, "until": ALL.until, **given})
    frame, n_left_out = read_incidents(tx, selection, city=read_city(tx))
    return len(frame), n_left_out


@pytest.mark.parametrize(
    "given",
    [
        {"origin": "drill"},
        {"status": "merged"},
        {"status": "unfounded"},
        {"status": "handed_off"},
        {"status": "draft"},
        {"classification": "prank"},
        {"classification": "ghost"},
        {"classification": "test"},
    ],
)
def test_what_is_no_event_is_left_out_and_counted(kendari_tx, given):
    insert(kendari_tx, "T-1")
    insert(kendari_tx, "T-2", **given)
    assert read(kendari_tx) == (1, 1)


@pytest.mark.parametrize("status", ["verified", "dispatched", "in_progress", "resolved", "cancelled"])
def test_open_and_ended_events_count_alike(kendari_tx, status):
    insert(kendari_tx, "T-1", status=status)
    assert read(kendari_tx) == (1, 0)


def test_choices_narrow_and_join(kendari_tx):
    insert(kendari_tx, "T-1")
    insert(kendari_tx, "T-2", type="UTL4", lane="L", classification="service")
    insert(kendari_tx, "T-3", at=datetime(2026, 1, 10, 15, 30, tzinfo=UTC))  # 23:30
    assert read(kendari_tx) == (3, 0)
    assert read(kendari_tx, types=("UTL4", "MED1")) == (1, 0)
    assert read(kendari_tx, lane="D") == (2, 0)
    assert read(kendari_tx, lane="D", hours=(22, 4)) == (1, 0)
    assert read(kendari_tx, hours=(12, 13)) == (2, 0)
    assert read(kendari_tx, hours=(13, 12)) == (1, 0)
    assert read(kendari_tx, hours=(0, 24)) == (3, 0)
    assert read(kendari_tx, districts=("7471013",)) == (3, 0)
    assert read(kendari_tx, districts=("7471010",)) == (0, 0)


def test_period_is_half_open(kendari_tx):
    insert(kendari_tx, "T-1", at=ALL.since)
    insert(kendari_tx, "T-2", at=ALL.until)
    assert read(kendari_tx) == (1, 0)


def test_values_are_values_never_sql(kendari_tx):
    insert(kendari_tx, "T-1")
    assert read(kendari_tx, types=("KBK1') OR true --",), districts=("'; DROP TABLE siaga.incident --",)) == (0, 0)


def test_an_incident_outside_every_area_is_kept(kendari_tx):
    incident_id = insert(kendari_tx, "T-1")
    kendari_tx.execute(text("DELETE FROM siaga.incident_area WHERE incident_id = :id"), {"id": incident_id})
    frame, _ = read_incidents(kendari_tx, ALL, city=read_city(kendari_tx))
    assert frame["area_code"].isna().tolist() == [True]


def test_areas_types_and_extent(kendari_tx):
    areas = read_areas(kendari_tx)
    assert (areas["level"] == "kelurahan").sum() == 65
    assert areas[areas["level"] == "kelurahan"]["area_km2"].sum() == pytest.approx(268, rel=0.05)
    assert areas.crs.to_epsg() == 4326
    types = read_types(kendari_tx)
    assert "KBK1" in set(types["type_code"])
    assert not types["type_code"].str.startswith("ADM").any()
    assert read_extent(kendari_tx) is None
    insert(kendari_tx, "T-1")
    assert read_extent(kendari_tx) == (datetime(2026, 1, 10, 4, 30, tzinfo=UTC),) * 2


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (datetime(2026, 1, 1), datetime(2026, 2, 1)),
        (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_period_that_cannot_be_meant_is_refused(since, until):
    with pytest.raises(DataError):
        Selection(since=since, until=until)
