"""The rule of matching, in SQL: borders, priorities, shares, fall-backs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from tests.zones.conftest import START, add_boundary, found_city
from zones.matching import choose, match_point

AT = datetime(2026, 6, 1, tzinfo=UTC)


def winners(tx, facts, lon, lat, accuracy_m=0.0, at=AT, service="police"):
    found = match_point(tx, lon, lat, city=facts, services=[service], at=at, accuracy_m=accuracy_m)
    return [(w.code, str(w.match)) for w in found.winners[service]]


def test_point_inside_is_covered_with_its_border_distance(tx, square_city):
    found = match_point(tx, 122.46, -3.96, city=square_city, services=["police"], at=AT)
    (winner,) = found.winners["police"]
    assert (winner.code, winner.match, winner.share) == ("A", "covers", 1.0)
    # 0.01° of longitude at 4° S is 1,110 m, of latitude 1,106 m: the northern side is nearest.
    assert winner.border_m == pytest.approx(1106, abs=3)
    assert found.is_in_service_area


def test_border_point_belongs_to_the_lowest_code(tx, square_city):
    assert winners(tx, square_city, 122.5, -3.97) == [("A", "covers")]


def test_border_point_belongs_to_the_higher_priority_before_the_lower_code(tx):
    facts = found_city(tx, service_area=shapely.box(122.4, -4.1, 122.6, -3.9))
    add_boundary(tx, "A", shapely.box(122.45, -4.0, 122.5, -3.95), priority=20)
    add_boundary(tx, "B", shapely.box(122.5, -4.0, 122.55, -3.95), priority=10)
    assert winners(tx, facts, 122.5, -3.97) == [("B", "covers")]


def test_row_order_changes_nothing(tx):
    facts = found_city(tx, service_area=shapely.box(122.4, -4.1, 122.6, -3.9))
    for code in ("C", "A", "B"):
        add_boundary(tx, code, shapely.box(122.45, -4.0, 122.5, -3.95))
    assert winners(tx, facts, 122.47, -3.97) == [("A", "covers")]


def test_uncertain_point_near_the_border_has_two_owners_by_share(tx, square_city):
    # A disc of 100 m around a point 30 m west of a straight border: the area of a circular segment.
    found = match_point(tx, 122.5 - 30 / 110_980, -3.97, city=square_city, services=["police"], at=AT, accuracy_m=100)
    shares = {w.code: w.share for w in found.winners["police"]}
    west = 0.5 + (30 * np.sqrt(100**2 - 30**2) + 100**2 * np.arcsin(0.3)) / (np.pi * 100**2)
    assert shares["A"] == pytest.approx(west, abs=0.005)
    assert shares["B"] == pytest.approx(1 - west, abs=0.005)
    assert [str(w.match) for w in found.winners["police"]] == ["covers", "share"]


def test_one_share_of_nine_tenths_is_alone(tx, square_city):
    assert winners(tx, square_city, 122.5 - 90 / 110_980, -3.97, accuracy_m=100) == [("A", "covers")]


def test_higher_priority_cuts_out_the_lower_one(tx):
    facts = found_city(tx, service_area=shapely.box(122.4, -4.1, 122.6, -3.9))
    add_boundary(tx, "whole", shapely.box(122.45, -4.0, 122.55, -3.95), priority=50)
    add_boundary(tx, "inner", shapely.box(122.45, -4.0, 122.5, -3.95), priority=10)
    assert winners(tx, facts, 122.46, -3.97, accuracy_m=50) == [("inner", "covers")]
    assert winners(tx, facts, 122.54, -3.97, accuracy_m=50) == [("whole", "covers")]
    half = dict(winners(tx, facts, 122.5, -3.97, accuracy_m=50))
    assert half == {"inner": "covers", "whole": "share"}


def test_nearest_within_the_fall_back_then_city_wide_then_nobody(tx):
    facts = found_city(tx, service_area=shapely.box(122.4, -4.1, 122.6, -3.9), fallback_m=800)
    add_boundary(tx, "A", shapely.box(122.45, -4.0, 122.5, -3.95))
    near = match_point(tx, 122.503, -3.97, city=facts, services=["police"], at=AT).winners["police"][0]
    assert (near.code, near.match) == ("A", "nearest")
    assert near.border_m == pytest.approx(333, abs=2)
    assert winners(tx, facts, 122.55, -3.97) == []
    add_boundary(tx, "all", shapely.box(122.4, -4.1, 122.6, -3.9), is_citywide=True)
    assert winners(tx, facts, 122.55, -3.97) == [("all", "citywide")]
    assert winners(tx, facts, 122.47, -3.97) == [("A", "covers")]


def test_outside_the_service_area_only_covering_polygons_count(tx, square_city):
    add_boundary(tx, "wide", shapely.box(100, -10, 130, 5), service="fire", agency="DMK")
    found = match_point(tx, 106.8, -6.2, city=square_city, services=["police", "fire"], at=AT, accuracy_m=500)
    assert not found.is_in_service_area
    assert found.winners["police"] == ()
    assert [w.code for w in found.winners["fire"]] == ["wide"]
    assert found.winners["fire"][0].border_m > 100_000


@pytest.mark.parametrize(("lon", "lat"), [(-122.4, 37.8), (179.9, 89.9), (-180, -90), (0.5, 0.5)])
def test_any_place_on_earth_has_an_answer(tx, square_city, lon, lat):
    assert winners(tx, square_city, lon, lat, accuracy_m=5000) == []


def test_time_travel_before_at_and_after_a_change(tx, square_city):
    change = datetime(2026, 3, 1, tzinfo=UTC)
    add_boundary(tx, "B", shapely.box(122.48, -4.0, 122.55, -3.95), priority=10, at=change)
    place = (122.49, -3.97)
    assert winners(tx, square_city, *place, at=change - timedelta(seconds=1)) == [("A", "covers")]
    assert winners(tx, square_city, *place, at=change) == [("B", "covers")]
    assert winners(tx, square_city, *place, at=AT) == [("B", "covers")]
    assert winners(tx, square_city, *place, at=START - timedelta(days=1)) == []


def test_nobody_to_choose_from():
    assert choose([]) == ((), ())


def test_wua_wua_lies_in_four_kelurahan(real_kendari):
    engine, facts = real_kendari
    with engine.connect() as tx:
        found = match_point(tx, 122.49985, -3.99620, city=facts, services=["police"], at=AT, accuracy_m=100)
        exact = match_point(tx, 122.49985, -3.99620, city=facts, services=["police"], at=AT)
    shares = {w.name: 100 * w.share for w in found.winners["police"]}
    assert shares == pytest.approx({"Wua Wua": 27, "Mataiwoi": 26, "Bonggoeya": 24, "Anaiwoi": 23}, abs=2)
    assert exact.winners["police"][0].border_m == pytest.approx(0.9, abs=0.1)


def test_shares_equal_a_monte_carlo_estimate(real_kendari, kelurahan_frame):
    generator = np.random.default_rng(112)
    to_metric = Transformer.from_crs(4326, 32751, always_xy=True)
    metric = kelurahan_frame.to_crs(32751)
    lon, lat = generator.uniform(122.45, 122.6, 40), generator.uniform(-4.05, -3.94, 40)
    radius = generator.uniform(50, 800, 40)
    n = 4000
    engine, facts = real_kendari
    with engine.connect() as tx:
        for x, y, r in zip(lon, lat, radius, strict=True):
            found = match_point(tx, x, y, city=facts, services=["police"], at=AT, accuracy_m=r)
            if not found.is_in_service_area or (found.winners["police"] and found.winners["police"][0].share is None):
                continue
            centre = to_metric.transform(x, y)
            distance, angle = r * np.sqrt(generator.random(n)), generator.uniform(0, 2 * np.pi, n)
            drawn = shapely.points(centre[0] + distance * np.cos(angle), centre[1] + distance * np.sin(angle))
            at, hit = shapely.STRtree(metric.geometry.to_numpy()).query(drawn, predicate="covered_by")
            counts = np.bincount(hit, minlength=len(metric))
            everything = {
                c.code: c.share for c in found.winners["police"] + found.others["police"] if c.share is not None
            }
            for code, share in everything.items():
                row = int(np.flatnonzero(kelurahan_frame["kode_bps"] == code)[0])
                # Four standard errors of 4,000 draws are 3.2 points at most.
                assert share == pytest.approx(counts[row] / max(1, len(at)), abs=0.035)
