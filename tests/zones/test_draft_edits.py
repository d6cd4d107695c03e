"""Edits of boundaries by themselves: ground moves whole, shared borders stay shared, what does not fit is refused."""

from __future__ import annotations

import dataclasses
import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.affinity import translate

from gis.city import CityFacts
from gis.errors import ValueRefused
from tests.conftest import ROOT
from zones.draft_checks import created_gaps, created_overlaps, created_slivers, differences, gained_outside
from zones.draft_edits import apply
from zones.draft_form import MAX_VERTICES, parse_edit
from zones.layers import Area, area_m2

SRID = 32751
CITY = CityFacts(
    code="t",
    name="Test",
    time_zone=None,
    number_prefix="T",
    metric_srid=SRID,
    fallback_m=800.0,
    bbox=(122.3, -4.2, 122.8, -3.8),
    settings={},
    is_demo=True,
    revision=1,
)


def area(code, shape, *, agency="POL", priority=100, **more):
    return Area(agency=agency, code=code, name=f"Polsek {code}", priority=priority, shape=shape, **more)


def layer_of(*areas):
    return {one.key: one for one in areas}


def box(west, south, east, north):
    return shapely.box(122.4 + west / 100, -4.0 + south / 100, 122.4 + east / 100, -4.0 + north / 100)


def ring(*corners):
    return {"type": "Polygon", "coordinates": [[[122.4 + x / 100, -4.0 + y / 100] for x, y in (*corners, corners[0])]]}


def line(*corners):
    return {"type": "LineString", "coordinates": [[122.4 + x / 100, -4.0 + y / 100] for x, y in corners]}


def three():
    """A and B side by side, C above both: its south border has no vertex where A and B meet."""
    return layer_of(area("A", box(0, 0, 2, 2)), area("B", box(2, 0, 4, 2)), area("C", box(0, 2, 4, 4)))


def edited(layer, body, areas=None, agency=None):
    edit = parse_edit(body, city=CITY, language="en")
    return apply(layer, edit, areas=areas or {}, srid=SRID, language="en", agency=agency)


def shapes(layer):
    return [one.shape for one in layer.values()]


def total(layer):
    """Square metres by the degree: a vertex more on a straight border of degrees bends it in the metric CRS."""
    return float(shapely.area(shapes(layer)).sum()) * 111_000.0**2


def total_m2(layer):
    return float(area_m2(shapes(layer), SRID).sum())


def refusal(layer, body, areas=None, agency=None):
    with pytest.raises(ValueRefused) as caught:
        edited(layer, body, areas, agency)
    (finding,) = caught.value.findings
    return finding


@pytest.fixture(scope="module")
def kendari_areas():
    text = (ROOT / "data/cities/kendari/admin_areas.geojson").read_text()
    features = json.loads(text)["features"]
    return {
        f["properties"]["code"]: (f["properties"], shapely.geometry.shape(f["geometry"]))
        for f in features
        if f["properties"]["level"] == "kelurahan"
    }


@pytest.fixture(scope="module")
def polsek(kendari_areas):
    """The city's kelurahan put together by kecamatan."""
    parents = {}
    for properties, shape in kendari_areas.values():
        parents.setdefault(properties["parent_code"], []).append(shape)
    return layer_of(*(area(code, shapely.union_all(parts)) for code, parts in sorted(parents.items())))


def test_a_hand_over_moves_the_ground_and_nothing_else():
    areas = {"k": box(1, 0, 2, 2)}
    before = three()
    after = edited(before, {"kind": "handover", "areas": ["k"], "from": "A", "to": "POL/B"}, areas)
    assert after["POL/A"].shape.equals(box(0, 0, 1, 2))
    assert after["POL/B"].shape.equals(box(1, 0, 4, 2))
    assert total(after) == pytest.approx(total(before), abs=1)
    found = differences(before, after, SRID)
    (moved,) = area_m2([areas["k"]], SRID)
    assert found["POL/A"].lost_m2 == pytest.approx(moved, abs=1)
    assert found["POL/B"].gained_m2 == pytest.approx(moved, abs=1)
    # C's border got the vertex where A and B meet now; that is no ground and no signature.
    assert shapely.coverage_is_valid(shapes(after))
    assert found["POL/C"].why is None
    assert (found["POL/C"].gained_m2, found["POL/C"].lost_m2) == (0, 0)
    assert created_gaps(before, after, SRID) == created_overlaps(before, after, SRID) == []


def test_every_kelurahan_can_be_handed_to_every_neighbour(polsek, kendari_areas):
    assert shapely.coverage_is_valid(shapes(polsek))
    areas = {code: shape for code, (_, shape) in kendari_areas.items()}
    whole, n = total_m2(polsek), 0
    for code, (properties, shape) in kendari_areas.items():
        giver = f"POL/{properties['parent_code']}"
        for receiver in polsek.values():
            is_beside = receiver.key != giver and shapely.length(shapely.intersection(receiver.shape, shape)) > 0
            if not is_beside:
                continue
            after = edited(polsek, {"kind": "handover", "areas": [code], "from": giver, "to": receiver.key}, areas)
            n += 1
            assert shapely.coverage_is_valid(shapes(after))
            assert total_m2(after) == pytest.approx(whole, abs=1)
            assert {key for key, one in differences(polsek, after, SRID).items() if one.why} == {giver, receiver.key}
    assert n > 40


def test_borders_drawn_differently_leave_no_strips():
    """The kelurahan's outline is some metres off the polsek's: the strip beyond it goes along."""
    areas = {"k": box(1, 0.03, 1.98, 1.98)}  # 33 m and 22 m short of the borders on three sides
    body = {"kind": "handover", "areas": ["k"], "from": "A", "to": "B"}
    before = three()
    near = edited(before, {**body, "snap_m": 50}, areas)
    assert shapely.coverage_is_valid(shapes(near))
    assert created_gaps(before, near, SRID) == created_overlaps(before, near, SRID) == []
    (off,) = area_m2([near["POL/A"].shape.symmetric_difference(box(0, 0, 1, 2))], SRID)
    assert off < 1
    # What counts as the hand's error is the person's to say: here the strips are meant to stay.
    exact = edited(before, {**body, "snap_m": 0}, areas)
    assert exact["POL/A"].shape.equals(shapely.difference(before["POL/A"].shape, areas["k"]))
    assert shapely.coverage_is_valid(shapes(exact))


def test_pieces_that_are_cut_off_are_listed():
    before = three()
    in_two = shapely.difference(before["POL/A"].shape, box(1, -1, 1.5, 3))
    cut = layer_of(*before.values(), area("A", in_two))
    areas = {"k": box(-1, 0.03, 1, 3)}  # the west part but for a strip of 33 m
    body = {"kind": "handover", "areas": ["k"], "from": "A", "to": "B"}
    after = edited(cut, {**body, "snap_m": 10}, areas)
    (found,) = created_slivers(cut, after, SRID)
    assert (found["jurisdiction"], found["area_m2"]) == ("POL/A", pytest.approx(36_700, rel=0.02))
    assert created_slivers(cut, edited(cut, {**body, "snap_m": 40}, areas), SRID) == []


def test_outlines_from_another_source_leave_a_valid_coverage(geodata):
    """Real kelurahan of one file handed over between kecamatan of another, whose borders differ by up to 50 m."""
    frame = gpd.read_file(geodata / "kendari_kelurahan.geojson", engine="pyogrio")
    other = gpd.read_file(geodata / "kendari_kelurahan_cahyadsn_dirty.geojson", engine="pyogrio")
    grouped = frame.geometry.groupby(frame["kode_bps"].astype(str).str[:7])
    before = layer_of(*(area(code, shapely.union_all(parts.to_numpy())) for code, parts in grouped))
    n = 0
    for outline in other.geometry.to_numpy()[::4]:
        held = {key: shapely.intersection(one.shape, outline).area for key, one in before.items()}
        giver = max(held, key=held.get)
        for receiver in [key for key, one in before.items() if key != giver and one.shape.intersects(outline)][:1]:
            body = {"kind": "handover", "areas": ["k"], "from": giver, "to": receiver}
            after = edited(before, body, {"k": outline})
            n += 1
            assert shapely.coverage_is_valid(shapes(after))
            assert created_gaps(before, after, SRID) == created_overlaps(before, after, SRID) == []
            assert {key for key, one in differences(before, after, SRID).items() if one.why} == {giver, receiver}
            assert len(created_slivers(before, after, SRID)) <= 1
    assert n > 5


def test_real_desa_are_redrawn_and_split(geodata):
    """Outlines drawn anew up to a hundred metres off, and cuts: where borders run close and shallow."""
    frame = gpd.read_file(geodata / "sultra_desa_simplified.geojson", engine="pyogrio")
    layer = layer_of(*(area(f"D{i:04}", shape) for i, shape in enumerate(frame.geometry)))
    random = np.random.default_rng(1)
    n_valid = n = 0
    for i in random.integers(0, len(layer), size=45):
        key = f"POL/D{i:04}"
        held = layer[key].shape
        west, south, east, north = held.bounds
        if n % 3:
            drawn = held.simplify(random.uniform(1e-5, 1e-3)).buffer(random.uniform(-1e-3, 1e-3), quad_segs=4)
            outline = shapely.get_parts(drawn)[0].exterior
            body = {"kind": "replace", "jurisdiction": key, "geometry": {
                "type": "Polygon", "coordinates": [[list(xy) for xy in outline.coords]]}}  # fmt: skip
        else:
            x = west + (east - west) * random.uniform(0.2, 0.8)
            ends = [[x, south - 0.01], [x + 0.001, north + 0.01]]
            body = {"kind": "split", "jurisdiction": key, "line": {"type": "LineString", "coordinates": ends},
                    "new": {"code": "NEW", "name": "Baru"}}  # fmt: skip
        n += 1
        edit = parse_edit(body, city=dataclasses.replace(CITY, bbox=(118.0, -8.0, 126.0, 0.0)), language="en")
        try:
            after = apply(layer, edit, areas={}, srid=SRID, language="en", agency="POL")
        except ValueRefused:  # a line that cuts a bent desa more than once
            n_valid += 1
            continue
        near = [one.shape for one in after.values() if one.shape.intersects(shapely.box(west, south, east, north))]
        assert all(shape.is_valid for shape in near)
        assert created_overlaps(layer, after, SRID) == []
        n_valid += bool(shapely.coverage_is_valid(near))
    assert n_valid >= 0.95 * n


def test_many_random_edits_keep_the_coverage(polsek, kendari_areas):
    random = np.random.default_rng(4)
    areas = {code: shape for code, (_, shape) in kendari_areas.items()}
    layer, whole = polsek, total(polsek)
    codes, done = sorted(areas), 0
    while done < 25:
        chosen = [codes[i] for i in random.integers(0, len(codes), size=int(random.integers(1, 3)))]
        giver, receiver = (sorted(layer)[i] for i in random.choice(len(layer), size=2, replace=False))
        # The outlines of the layer and of the areas differ by up to 20 m.
        off = {code: translate(areas[code], *random.uniform(-2e-4, 2e-4, size=2)) for code in chosen}
        try:
            after = edited(layer, {"kind": "handover", "areas": chosen, "from": giver, "to": receiver}, off)
        except ValueRefused:
            continue
        done += 1
        assert all(one.shape.is_valid for one in after.values())
        assert created_gaps(layer, after, SRID) == created_overlaps(layer, after, SRID) == []
        assert shapely.coverage_is_valid(shapes(after))
        assert total(after) == pytest.approx(whole, abs=1)
        layer = after


def test_compose_takes_ground_and_leaves_what_is_given_up():
    areas = {"k": box(1, 0, 3, 2)}
    before = three()
    after = edited(before, {"kind": "compose", "areas": ["k"], "jurisdiction": "A"}, areas)
    assert after["POL/A"].shape.equals(areas["k"])
    assert after["POL/B"].shape.equals(box(3, 0, 4, 2))
    (gap,) = created_gaps(before, after, SRID)
    assert gap["area_m2"] == pytest.approx(area_m2([box(0, 0, 1, 2)], SRID)[0], abs=1)
    assert shapely.coverage_is_valid(shapes(after))
    given = edited(before, {"kind": "compose", "areas": ["k"], "jurisdiction": "A", "rest": "neighbours"}, areas)
    assert created_gaps(before, given, SRID) == []
    assert shapely.coverage_is_valid(shapes(given))


def test_compose_makes_a_new_one():
    areas = {"k": box(1, 0, 3, 1), "l": box(1, 1, 3, 2)}
    body = {"kind": "compose", "areas": ["k", "l"], "new": {"code": "D", "name": "Polsek D"}}
    after = edited(three(), body, areas, agency="POL")
    assert after["POL/D"].shape.equals(box(1, 0, 3, 2))
    assert after["POL/D"].priority == 100
    assert shapely.coverage_is_valid(shapes(after))
    assert refusal(three(), body, areas).field == "new.agency"
    used = {**body, "new": {"code": "A", "name": "x"}}
    assert "Polsek A" in refusal(three(), used, areas, agency="POL").reason


def test_another_priority_lies_above_and_is_not_cut():
    before = three()
    body = {"kind": "compose", "areas": ["k"], "new": {"code": "D", "name": "Posko", "priority": 10}}
    after = edited(before, body, {"k": box(1, 0, 3, 2)}, agency="POL")
    assert after["POL/A"] == before["POL/A"]
    assert created_overlaps(before, after, SRID) == []
    # Yet it takes their ground, and they are sides.
    found = differences(before, after, SRID)
    assert {key: one.why for key, one in found.items()} == {"POL/A": "ground", "POL/B": "ground", "POL/D": "begins"}
    half = area_m2([box(1, 0, 2, 2)], SRID)[0]
    assert found["POL/A"].lost_m2 == pytest.approx(half, abs=1)
    lower = edited(after, {"kind": "priority", "jurisdiction": "D", "priority": 200})
    back = differences(after, lower, SRID)
    assert (back["POL/A"].gained_m2, back["POL/D"].why) == (pytest.approx(half, abs=1), "ground")


def test_a_drawn_border_moves_on_both_sides():
    before = three()
    # The hand slips by about 3 m where it means the old border, and moves the border to B by a kilometre.
    body = {"kind": "replace", "jurisdiction": "A", "geometry": ring((0.002, 0.002), (3, -0.002), (3, 2.002), (0, 2))}
    after = edited(before, body)
    assert after["POL/A"].shape.bounds == pytest.approx(box(0, 0, 3, 2).bounds, abs=1e-12)
    assert after["POL/C"].shape.symmetric_difference(before["POL/C"].shape).area < 1e-15
    assert created_gaps(before, after, SRID) == created_overlaps(before, after, SRID) == []
    assert shapely.coverage_is_valid(shapes(after))
    back = edited(before, {**body, "geometry": ring((0, 0), (1, 0), (1, 2), (0, 2))})
    assert back["POL/B"].shape.area == pytest.approx(box(1, 0, 4, 2).area)
    assert total(back) == pytest.approx(total(before), abs=1)
    gap = edited(before, {**body, "geometry": ring((0, 0), (1, 0), (1, 2), (0, 2)), "rest": "nobody"})
    assert len(created_gaps(before, gap, SRID)) == 1


def test_split_along_a_line():
    before = three()
    body = {
        "kind": "split",
        "jurisdiction": "B",
        "line": line((2.5, -0.5), (2.6, 1.1), (2.5, 2.5)),
        "new": {"code": "D", "name": "Polsek D"},
    }
    after = edited(before, body)
    assert after["POL/D"].shape.area < after["POL/B"].shape.area
    assert total(after) == pytest.approx(total(before), abs=1)
    assert shapely.coverage_is_valid(shapes(after))
    other = edited(before, {**body, "point": [122.435, -3.99]})
    assert other["POL/D"].shape.equals(after["POL/B"].shape)
    assert refusal(before, {**body, "line": line((2.5, 0.5), (2.5, 1.5))}).field == "line"
    assert refusal(before, {**body, "line": line((10, 0), (10, 2))}).field == "line"
    zigzag = line((2.5, -1), (2.5, 3), (3, 3), (3, -1))
    assert "3 parts" in refusal(before, {**body, "line": zigzag}).reason
    assert refusal(before, {**body, "point": [122.405, -3.99]}).field == "point"


def test_end_priority_and_name():
    before = three()
    gone = edited(before, {"kind": "end", "jurisdiction": "A"})
    assert sorted(gone) == ["POL/B", "POL/C"]
    assert len(created_gaps(before, gone, SRID)) == 1
    given = edited(before, {"kind": "end", "jurisdiction": "A", "to": "B"})
    assert given["POL/B"].shape.equals(box(0, 0, 4, 2))
    assert shapely.coverage_is_valid(shapes(given))
    named = edited(before, {"kind": "rename", "jurisdiction": "A", "name": "Polsek Baru"})
    assert {key: one.why for key, one in differences(before, named, SRID).items()} == {"POL/A": "name"}
    for body in (
        {"kind": "rename", "jurisdiction": "A", "name": "Polsek A"},
        {"kind": "priority", "jurisdiction": "A", "priority": 100},
        {"kind": "replace", "jurisdiction": "A", "geometry": ring((0, 0), (2, 0), (2, 2), (0, 2))},
    ):
        assert refusal(before, body).reason == "changes nothing"


def test_ground_far_outside_is_found():
    before = three()
    service_area = shapely.union_all(shapes(before)).buffer(0.005)
    far = edited(before, {"kind": "replace", "jurisdiction": "B", "geometry": ring((2, 0), (30, 0), (30, 2), (2, 2))})
    near = edited(before, {"kind": "replace", "jurisdiction": "B", "geometry": ring((2, 0), (9, 0), (9, 2), (2, 2))})
    (found,) = gained_outside(before, far, service_area, SRID)
    assert (found["jurisdiction"], found["area_m2"] > 1e7) == ("POL/B", True)
    assert gained_outside(before, near, service_area, SRID) == []
    assert gained_outside(before, far, None, SRID) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "melt"}, "kind"),
        ({"kind": "handover", "areas": ["k"], "from": "A"}, "to"),
        ({"kind": "handover", "areas": ["k"], "from": "A", "to": "A"}, "to"),
        ({"kind": "handover", "areas": ["x"], "from": "A", "to": "B"}, "areas"),
        ({"kind": "handover", "areas": [], "from": "A", "to": "B"}, "areas"),
        ({"kind": "handover", "areas": "k", "from": "A", "to": "B"}, "areas"),
        ({"kind": "handover", "areas": ["k"], "from": "C", "to": "B"}, "areas"),
        ({"kind": "handover", "areas": ["a"], "from": "A", "to": "B"}, "areas"),
        ({"kind": "handover", "areas": ["k"], "from": "Z", "to": "B"}, "from"),
        ({"kind": "handover", "areas": ["k"], "from": "CITY", "to": "B"}, "from"),
        ({"kind": "handover", "areas": ["k"], "from": "A", "to": "B", "snap_m": 51}, "snap_m"),
        ({"kind": "handover", "areas": ["k"], "from": "A", "to": "B", "snap_m": True}, "snap_m"),
        ({"kind": "handover", "areas": ["k"], "from": "A", "to": "B", "note": "x"}, "note"),
        ({"kind": "compose", "areas": ["k"]}, "jurisdiction"),
        ({"kind": "compose", "areas": ["k"], "jurisdiction": "A", "new": {"code": "x", "name": "x"}}, "jurisdiction"),
        ({"kind": "compose", "areas": ["k"], "new": {"name": "x"}}, "new.code"),
        ({"kind": "compose", "areas": ["k"], "new": {"code": "a/b", "name": "x"}}, "new.code"),
        ({"kind": "compose", "areas": ["k"], "new": {"code": "x", "name": "x", "priority": 0}}, "new.priority"),
        ({"kind": "compose", "areas": ["k"], "new": {"code": "x", "name": "x", "colour": 0}}, "new.colour"),
        ({"kind": "compose", "areas": ["k"], "new": "x"}, "new"),
        ({"kind": "compose", "areas": ["k"], "jurisdiction": "A", "rest": "everybody"}, "rest"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": "POLYGON((0 0))"}, "geometry"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": line((0, 0), (1, 1))}, "geometry"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": {"type": "Polygon"}}, "geometry.coordinates"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": {"type": "Polygon", "coordinates": [[1, 2]]}},
         "geometry.coordinates"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": {"type": "Polygon", "coordinates": [[[122.4, -4.0]]]}},
         "geometry.coordinates"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": ring((0, 0), (2, 2), (2, 0), (0, 2))}, "geometry"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": ring((0, 0), (0, 0), (0, 0))}, "geometry"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": ring((float("nan"), 0), (2, 2), (2, 0))},
         "geometry.coordinates"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": ring((-12000, 0), (2, 2), (2, 0))},
         "geometry.coordinates"),
        ({"kind": "replace", "jurisdiction": "A",
          "geometry": {"type": "Polygon", "coordinates": [[[-4.0, 122.4], [-4.0, 122.5], [-3.9, 122.5]]]}},
         "geometry.coordinates"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": ring(*[(0, 0)] * MAX_VERTICES)}, "geometry"),
        ({"kind": "replace", "jurisdiction": "A", "geometry": ring((-1, -1), (5, -1), (5, 5), (-1, 5))}, "geometry"),
        ({"kind": "split", "jurisdiction": "A", "line": line((0, 0), (0, 0)), "new": {"code": "x", "name": "x"}},
         "line"),
        ({"kind": "priority", "jurisdiction": "A", "priority": 1.5}, "priority"),
        ({"kind": "rename", "jurisdiction": "A", "name": "a\u202eb"}, "name"),
        ({"kind": "rename", "jurisdiction": "A", "name": "x" * 201}, "name"),
        ({"kind": "end", "jurisdiction": "A", "to": "A"}, "to"),
        ({"kind": "end", "jurisdiction": 7}, "jurisdiction"),
    ],
)  # fmt: skip
def test_refusals_name_the_member(body, field):
    layer = three() | layer_of(area("CITY", box(0, 0, 4, 4), is_citywide=True))
    finding = refusal(layer, body, {"k": box(1, 0, 2, 2), "a": box(0, 0, 2, 2)}, agency="POL")
    assert finding.field == field, finding


def test_a_code_of_two_agencies_needs_the_agency():
    layer = three() | layer_of(area("A", box(5, 0, 6, 1), agency="TNI"))
    finding = refusal(layer, {"kind": "end", "jurisdiction": "A"})
    assert "POL/A, TNI/A" in finding.reason
    assert "POL/A" not in edited(layer, {"kind": "end", "jurisdiction": "POL/A"})
