from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely
from sqlalchemy import Connection, text

from data.city import City, load_city
from data.city_areas import union
from data.city_init import init_city
from gis.actors import system
from gis.city import read_city
from gis.errors import ConflictError
from routing_engine.dispatch.ladder import load_ladder, steps_for
from routing_engine.dispatch.sop import load_rules
from zones.matching import match_point

KENDARI = Path(__file__).resolve().parents[2] / "data/cities/kendari"
NOW = datetime(2026, 2, 1, 4, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 4, tzinfo=UTC)
ACTOR = system("test")
WUA_WUA = (122.49985, -3.9962)


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(KENDARI)


@pytest.fixture
def loaded(tx: Connection, city: City) -> Connection:
    init_city(tx, city, ACTOR, NOW)
    return tx


def count(tx: Connection, what: str) -> int:
    return int(tx.execute(text(f"SELECT count(*) FROM siaga.{what}")).scalar_one())  # noqa: S608 (the tests' own names)


def without(frame, column: str, *values: str):  # type: ignore[no-untyped-def]
    return frame[~frame[column].isin(values)]


def test_everything_of_the_folder_is_in_the_database(loaded: Connection, city: City) -> None:
    for table, n in {
        "service": len(city.services),
        "agency": len(city.agencies),
        "contact": len(city.contacts),
        "incident_type": len(city.types),
        "sop_rule": len(city.rules),
        "ladder_step": len(city.ladder),
        "station": len(city.stations),
        "place": len(city.places),
        "admin_area": len(city.areas),
        "jurisdiction": len(city.jurisdictions),
        "boundary_version": len(city.jurisdictions),
        "road_speed": len(city.speeds),
        "neighbour": 4,
        "boundary_set": 1,
    }.items():
        assert count(loaded, table) == n, table
    assert sorted(load_rules(loaded), key=lambda rule: rule.code) == sorted(city.rules, key=lambda rule: rule.code)
    assert [step.after_s for step in steps_for(load_ladder(loaded), "D", 1)] == [0, 60, 120, 240, 360, 480, 600]
    facts = read_city(loaded)
    assert (facts.revision, facts.is_demo, facts.bbox) == (1, False, city.bbox)
    assert facts.settings["handoff"]["reach_km"] == 90


def test_a_second_time_nothing_is_written(loaded: Connection, city: City) -> None:
    again = init_city(loaded, load_city(KENDARI), ACTOR, LATER)
    assert set(again.values()) == {0}
    assert read_city(loaded).revision == 1
    assert count(loaded, "boundary_set") == 1


def test_database_matches_as_the_folder_says(loaded: Connection) -> None:
    facts = read_city(loaded)
    match = match_point(loaded, *WUA_WUA, city=facts, services=["police", "fire"], at=NOW, accuracy_m=100)
    assert {winner.code for winner in match.winners["police"]} == {"POL-BARUGA", "POL-MANDONGA"}
    assert [winner.agency for winner in match.winners["fire"]] == ["DMK"]
    assert len([area for area in match.areas if area.level == "kelurahan" and area.share >= 0.15]) == 4
    bridge = match_point(loaded, 122.58706, -3.97617, city=facts, services=["police"], at=NOW)
    assert [(w.code, w.match) for w in bridge.winners["police"]] == [("POL-KANDAI", "nearest")]
    bay = match_point(loaded, 122.558, -3.979, city=facts, services=["police", "rescue"], at=NOW)
    assert [(w.code, w.match) for w in bay.winners["police"]] == [("POL-POLRESTA", "citywide")]
    assert [(w.code, w.match) for w in bay.winners["rescue"]] == [("SAR", "covers")]
    jakarta = match_point(loaded, 106.8, -6.2, city=facts, services=["police", "rescue"], at=NOW)
    assert not any(jakarta.winners.values())


def test_a_changed_polygon_makes_a_new_version_of_that_jurisdiction_only(loaded: Connection, city: City) -> None:
    frame = city.jurisdictions.copy()
    at = frame.index[frame["code"] == "POL-BARUGA"][0]
    areas = city.areas.set_index("code")["geometry"]
    frame.loc[[at], "geometry"] = [union([areas["7471011"]])]
    changed = replace(city, jurisdictions=frame)
    written = init_city(loaded, changed, ACTOR, LATER)
    assert {name: n for name, n in written.items() if n} == {"boundaries": 1, "city": 1}
    rows = loaded.execute(
        text(
            "SELECT version, lower(valid), upper(valid), ended_set FROM siaga.boundary_version"
            " JOIN siaga.jurisdiction USING (jurisdiction_id) WHERE code = 'POL-BARUGA' ORDER BY version"
        )
    ).all()
    assert [row.version for row in rows] == [1, 2]
    assert rows[0].upper == LATER == rows[1].lower
    assert rows[0].ended_set is not None
    assert count(loaded, "boundary_version") == len(city.jurisdictions) + 1
    assert read_city(loaded).revision == 2


def test_a_jurisdiction_that_left_ends_and_may_come_back(loaded: Connection, city: City) -> None:
    fewer = replace(city, jurisdictions=without(city.jurisdictions, "code", "POL-ABELI"))
    assert init_city(loaded, fewer, ACTOR, NOW.replace(day=2))["boundaries"] == 1
    facts = read_city(loaded)
    found = match_point(loaded, 122.583, -3.99, city=facts, services=["police"], at=NOW.replace(day=3))
    assert found.winners["police"][0].code != "POL-ABELI"
    assert init_city(loaded, city, ACTOR, LATER)["boundaries"] == 1
    found = match_point(loaded, 122.583, -3.99, city=facts, services=["police"], at=LATER)
    assert (found.winners["police"][0].code, found.winners["police"][0].version) == ("POL-ABELI", 2)


def test_rules_end_and_stations_rest_when_they_leave(loaded: Connection, city: City) -> None:
    kept = tuple(rule for rule in city.rules if not rule.code.startswith("KAM1/S1/military"))
    fewer = replace(city, rules=kept, stations=without(city.stations, "code", "POL-PELABUHAN"))
    written = init_city(loaded, fewer, ACTOR, LATER)
    assert (written["rules"], written["stations"]) == (1, 1)
    gone = next(rule for rule in load_rules(loaded) if rule.code.startswith("KAM1/S1/military"))
    assert gone.valid_to == LATER
    assert set(init_city(loaded, fewer, ACTOR, LATER.replace(day=2)).values()) == {0}
    back = init_city(loaded, city, ACTOR, LATER.replace(day=3))
    assert (back["rules"], back["stations"]) == (1, 1)
    assert next(rule for rule in load_rules(loaded) if rule.code == gone.code).valid_to is None


def test_a_type_leaves_unless_reports_have_it(loaded: Connection, city: City) -> None:
    fewer = replace(
        city,
        types=without(city.types, "code", "LNG2"),
        rules=tuple(rule for rule in city.rules if rule.type_code != "LNG2"),
    )
    with loaded.begin_nested() as savepoint:
        init_city(loaded, fewer, ACTOR, LATER)
        assert count(loaded, "incident_type") == len(city.types) - 1
        savepoint.rollback()
    loaded.execute(
        text(
            "INSERT INTO siaga.report (owner, idempotency_key, body_hash, type_code, classification, channel,"
            " occurred_at, received_at, received_by, answer)"
            " VALUES ('t', 'k', '', 'LNG2', 'service', '112', now(), now(), 't', '{}')"
        )
    )
    with pytest.raises(ConflictError, match="LNG2"):
        init_city(loaded, fewer, ACTOR, LATER)


def test_another_city_is_refused(loaded: Connection, city: City) -> None:
    with pytest.raises(ConflictError, match="another state folder"):
        init_city(loaded, replace(city, code="elsewhere"), ACTOR, LATER)


def test_an_agency_of_the_past_stays_as_a_name(loaded: Connection, city: City) -> None:
    fewer = replace(
        city,
        agencies=without(city.agencies, "code", "BKS"),
        contacts=without(city.contacts, "agency", "BKS"),
        stations=without(city.stations, "agency", "BKS"),
        jurisdictions=without(city.jurisdictions, "agency", "BKS"),
    )
    init_city(loaded, fewer, ACTOR, LATER)
    assert count(loaded, "agency") == len(city.agencies)
    assert set(init_city(loaded, fewer, ACTOR, LATER.replace(day=2)).values()) == {0}


def test_service_area_reaches_fallback_beyond_the_areas(loaded: Connection, city: City) -> None:
    statement = text("SELECT ST_AsBinary(ST_Transform(service_area, :srid)) FROM siaga.city")
    stored = shapely.from_wkb(bytes(loaded.execute(statement, {"srid": city.metric_srid}).scalar_one()))
    areas = city.areas[city.areas["level"] != "kecamatan"]
    ours = city.to_metres(areas["geometry"]).union_all().buffer(city.fallback_m)
    assert stored.symmetric_difference(ours).area < 1e-4 * ours.area
