"""Receipts replay to the same digest, whatever is changed afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import shapely
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from gis.errors import ConflictError, NotFoundError
from gis.ids import uuid7
from tests.zones.conftest import add_boundary
from zones.matching import match_point
from zones.receipts import digest, make_body, replay
from zones.tables import receipt

AT = datetime(2026, 6, 1, tzinfo=UTC)


def store(tx, facts, lon, lat, accuracy_m=0.0, at=AT):
    match = match_point(tx, lon, lat, city=facts, services=["police"], at=at, accuracy_m=accuracy_m)
    body = make_body(match, "police", rule="KAM1/S1/police@2026-01-01")
    receipt_id = uuid7()
    tx.execute(
        insert(receipt).values(
            receipt_id=receipt_id,
            service_code="police",
            at=at,
            boundary_set=match.boundary_set,
            body=body,
            digest=digest(body),
        )
    )
    return receipt_id


@pytest.mark.parametrize(("lon", "accuracy_m"), [(122.47, 0), (122.4999, 80), (122.5571, 0), (106.8, 0)])
def test_replay_after_three_changes_is_the_same(tx, square_city, lon, accuracy_m):
    receipt_id = store(tx, square_city, lon, -3.97, accuracy_m)
    assert replay(tx, receipt_id, city=square_city)["same"]
    for days, edge in ((1, 122.48), (5, 122.52), (9, 122.49)):
        # The first change takes effect before the receipt's moment: only the commit's number tells it apart.
        at = AT + timedelta(days=days - 2)
        add_boundary(tx, "B", shapely.box(edge, -4.0, 122.55, -3.95), at=at, priority=5)
    again = replay(tx, receipt_id, city=square_city)
    assert again["same"]
    assert again["changed"] == []


def test_a_body_that_was_tampered_with_is_found(tx, square_city):
    receipt_id = store(tx, square_city, 122.47, -3.97)
    tx.execute(text("ALTER TABLE siaga.receipt DISABLE TRIGGER append_only"))
    tx.execute(
        text(
            "UPDATE siaga.receipt SET body = jsonb_set(body, '{candidates,0,border_m}', '1.0') WHERE receipt_id = :id"
        ),
        {"id": receipt_id},
    )
    assert not replay(tx, receipt_id, city=square_city)["same"]


def test_receipts_cannot_be_changed(tx, square_city):
    store(tx, square_city, 122.47, -3.97)
    with pytest.raises(DBAPIError, match="append-only"), tx.begin_nested():
        tx.execute(text("UPDATE siaga.receipt SET digest = 'x'"))


def test_boundaries_keep_geometry_priority_and_start(tx, square_city):
    for change in (
        "geom = ST_Multi(ST_MakeEnvelope(0, 0, 1, 1, 4326))",
        "priority = 1",
        "valid = tstzrange('2020-01-01', NULL)",
        "digest = 'x'",
    ):
        with pytest.raises(DBAPIError, match="only the end of validity"), tx.begin_nested():
            tx.execute(text(f"UPDATE siaga.boundary_version SET {change}"))  # noqa: S608  the four lines above
    with pytest.raises(DBAPIError, match="kept for ever"), tx.begin_nested():
        tx.execute(text("DELETE FROM siaga.boundary_version"))


def test_a_change_before_the_newest_version_is_refused(tx, square_city):
    add_boundary(tx, "A", shapely.box(122.45, -4.0, 122.49, -3.95), at=AT)
    with pytest.raises(ConflictError, match="must start after"):
        add_boundary(tx, "A", shapely.box(122.45, -4.0, 122.48, -3.95), at=AT - timedelta(days=3))


def test_unknown_receipt_is_not_found(tx, square_city):
    with pytest.raises(NotFoundError):
        replay(tx, uuid7(), city=square_city)
