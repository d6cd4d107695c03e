from __future__ import annotations

import numpy as np
import pyproj
import shapely
from drawn_networks import ORIGIN, SRID, built, drawn, lonlat, networks
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_engine.network.projection import to_metric
from routing_engine.network.snapping import Refusal, snap

POINTS = {1: (0, 0), 2: (400, 0), 3: (400, 300), 4: (0, 300), 5: (2000, 0), 6: (2100, 0)}
RING = [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "both"), (41, 4, 1, "both")]
ISLAND = (56, 5, 6, "both")


def test_offset_runs_along_the_drawing():
    graph = drawn(POINTS, RING)
    found = snap(graph, lonlat([(100, -20), (380, 300.0), (200, 5)]), n_candidates=1)
    assert graph.edge_id[found.edge[:, 0]].tolist() == [12, 34, 12]
    assert np.allclose(found.offset_m[:, 0], [100, 20, 200], atol=1e-3)
    assert np.allclose(found.distance_m[:, 0], [20, 0, 5], atol=1e-3)
    assert np.allclose(to_metric(found.point_lonlat[:, 0], SRID) - ORIGIN, [(100, 0), (380, 300), (200, 0)], atol=1e-3)
    assert found.is_on_road.all()


def test_offset_follows_a_bent_street():
    graph = drawn(POINTS, [(12, 1, 2, "both", {"via": [(0, 200), (400, 200)]}), (21, 2, 1, "both")])
    found = snap(graph, lonlat([(410, 100)]), n_candidates=1)
    assert np.allclose(found.offset_m, 700, atol=1e-3)


def test_offset_is_scaled_to_the_length_of_the_table():
    graph = drawn(POINTS, [(12, 1, 2, "both", {"length_m": 800.0})])
    assert np.allclose(snap(graph, lonlat([(100, 0)]), n_candidates=1).offset_m, 200, atol=1e-3)


def test_far_positions_are_refused():
    graph = drawn(POINTS, RING)
    found = snap(graph, lonlat([(200, -249), (200, -251), (9000, 9000)]), limit_m=250.0)
    assert found.reason.tolist() == [Refusal.NONE, Refusal.TOO_FAR, Refusal.TOO_FAR]
    assert found.edge[1:].max() == -1
    assert np.isnan(found.distance_m[1:]).all()
    assert np.isnan(found.offset_m[1:]).all()
    assert np.isnan(found.point_lonlat[1:]).all()


def test_unusable_positions_are_refused_not_an_error():
    graph = drawn(POINTS, RING)
    bad = [(np.nan, -4.0), (122.5, np.inf), (500.0, -4.0), (122.5, -91.0), (-58.0, 4.0), (122.5, 90.0)]
    found = snap(graph, bad)
    assert found.reason[:4].tolist() == [Refusal.NOT_A_POSITION] * 4
    assert found.reason[4:].tolist() == [Refusal.TOO_FAR] * 2


def test_without_roads_the_reason_says_so():
    nodes, edges, turns = drawn_frames()
    found = snap(built(nodes, edges.iloc[:0], turns), lonlat([(0, 0)]))
    assert found.reason.tolist() == [Refusal.NO_ROADS]
    assert not found.is_on_road.any()


def drawn_frames():
    from drawn_networks import frames

    return frames(POINTS, RING)


def test_only_the_main_part_is_near():
    graph = drawn(POINTS, [*RING, ISLAND])
    assert snap(graph, lonlat([(2050, 5)])).reason.tolist() == [Refusal.TOO_FAR]
    far = snap(graph, lonlat([(2050, 5)]), limit_m=2000.0)
    assert set(graph.edge_id[far.edge[0][far.edge[0] >= 0]]) <= {12, 23}


def test_roads_at_nearly_the_same_distance_are_all_candidates():
    points = {1: (0, 0), 2: (500, 0), 3: (0, 12), 4: (500, 12), 5: (0, 60), 6: (500, 60)}
    edges = [(12, 1, 2, "forward"), (43, 4, 3, "forward"), (56, 5, 6, "both"), (13, 3, 1, "both"), (24, 2, 4, "both")]
    edges += [(35, 3, 5, "both")]
    graph = drawn(points, edges)
    found = snap(graph, lonlat([(250, 5), (250, 1), (0.5, 13)]), tolerance_m=5.0)
    names = [[int(graph.edge_id[e]) for e in row if e >= 0] for row in found.edge]
    assert names[0] == [12, 43]
    assert np.allclose(found.distance_m[0, :2], [5, 7], atol=1e-3)
    assert names[1] == [12]
    assert len(names[2]) == 3  # a corner: three streets within half a metre
    assert (np.diff(found.distance_m[2]) >= 0).all()


def test_equal_distance_goes_to_the_first_edge_of_the_table():
    graph = drawn(POINTS, RING)
    found = snap(graph, lonlat([(0, 0)]), n_candidates=1)
    assert graph.edge_id[found.edge[0, 0]] == 12


def test_distance_agrees_with_the_ellipsoid():
    graph = drawn(POINTS, RING)
    asked = lonlat([(130, -200)])
    found = snap(graph, asked, n_candidates=1)
    metres = pyproj.Geod(ellps="WGS84").inv(*asked[0], *found.point_lonlat[0, 0])[2]
    assert abs(metres - found.distance_m[0, 0]) < 0.001 * metres


@settings(max_examples=60, deadline=None)
@given(networks(), st.lists(st.tuples(st.floats(-300, 1300), st.floats(-300, 1300)), min_size=1, max_size=8))
def test_nearest_edge_equals_a_search_over_all(tables, xy):
    graph = built(*tables)
    found = snap(graph, lonlat(xy), limit_m=250.0, n_candidates=2, tolerance_m=5.0)
    if len(graph.main_edges) == 0:
        assert (found.reason == Refusal.NO_ROADS).all()
        return
    points = shapely.points(to_metric(lonlat(xy), SRID))
    every = shapely.distance(points[:, None], graph.main_lines[None, :])
    nearest = every.min(axis=1)
    is_near = nearest <= 250.0
    assert np.array_equal(found.is_on_road, is_near)
    assert np.allclose(found.distance_m[is_near, 0], nearest[is_near], atol=1e-6)
    has_two = found.edge[:, 1] >= 0
    second = np.sort(every, axis=1)[:, 1] if every.shape[1] > 1 else np.full(len(xy), np.inf)
    assert np.allclose(found.distance_m[has_two, 1], second[has_two], atol=1e-6)
    length = graph.edge_length_m[found.edge]
    used = found.edge >= 0
    assert (found.offset_m[used] >= 0).all()
    assert (found.offset_m[used] <= length[used] * (1 + 1e-12)).all()


def test_a_large_network_agrees_with_shapely_to_a_micrometre():
    rng = np.random.default_rng(11)
    points = {i: tuple(place) for i, place in enumerate(rng.uniform(0, 4000, (250, 2)).tolist())}
    edges = []
    for k, (a, b) in enumerate(rng.integers(0, 250, (500, 2)).tolist()):
        if a != b:
            bends = np.linspace(points[a], points[b], 6)[1:-1] + rng.normal(0, 40, (4, 2))
            edges.append((k, a, b, "both", {"via": bends.tolist()}))
    graph = drawn(points, edges)
    asked = lonlat(rng.uniform(-300, 4300, (4000, 2)))
    found = snap(graph, asked, limit_m=300.0)
    places = shapely.points(to_metric(asked, SRID))
    (row, _), metres = graph_tree(graph).query_nearest(places, return_distance=True, all_matches=False)
    assert np.array_equal(row, np.arange(len(places)))
    assert np.array_equal(found.is_on_road, metres <= 300.0)
    on_road = found.is_on_road
    assert on_road.mean() > 0.8
    assert np.abs(found.distance_m[on_road, 0] - metres[on_road]).max() <= 1e-6
    for k in range(found.edge.shape[1]):
        has = found.edge[:, k] >= 0
        lines = graph.lines(found.edge[has, k])
        assert np.abs(shapely.distance(places[has], lines) - found.distance_m[has, k]).max() <= 1e-6
        along = shapely.line_interpolate_point(lines, found.fraction[has, k], normalized=True)
        assert np.abs(shapely.distance(places[has], along) - found.distance_m[has, k]).max() <= 1e-6
        back = to_metric(found.point_lonlat[has, k], SRID)
        assert np.abs(back - shapely.get_coordinates(along)).max() <= 1e-6
    # Every edge within the tolerance is a candidate, unless there are more than asked for.
    near = shapely.distance(places[:200, None], graph.lines(graph.main_edges)[None, :])
    wanted = (near <= np.minimum(metres[:200, None] + 5.0, 300.0)).sum(axis=1)
    assert np.array_equal((found.edge[:200] >= 0).sum(axis=1), np.minimum(wanted, found.edge.shape[1]))


def graph_tree(graph):
    return shapely.STRtree(graph.lines(graph.main_edges))


def test_a_batch_in_threads_equals_one_by_one(monkeypatch):
    monkeypatch.setattr("routing_engine.network.snapping.POINTS_AT_ONCE", 10)
    graph = drawn(POINTS, RING)
    asked = lonlat(np.random.default_rng(4).uniform(-300, 900, (300, 2)))
    whole = snap(graph, asked)
    for i, one in enumerate(asked):
        single = snap(graph, one)
        assert np.array_equal(single.edge[0], whole.edge[i])
        assert np.array_equal(single.fraction[0], whole.fraction[i], equal_nan=True)
        assert np.array_equal(single.distance_m[0], whole.distance_m[i], equal_nan=True)


def test_long_streets_are_found_from_every_cell():
    graph = drawn({1: (0, 0), 2: (9000, 7000)}, [(12, 1, 2, "both")])
    part = np.linspace(0.001, 0.999, 500)
    asked = np.column_stack([9000 * part, 7000 * part]) + np.array([3.5, -4.5])
    found = snap(graph, lonlat(asked), limit_m=10.0)
    assert found.is_on_road.all()
    assert np.allclose(found.distance_m[:, 0], (3.5 * 7000 + 4.5 * 9000) / np.hypot(9000, 7000), atol=1e-3)


def test_the_side_is_that_of_the_drawing():
    graph = drawn(POINTS, RING)
    found = snap(graph, lonlat([(100, 20), (100, -20), (100, 0), (-20, 100), (9000, 0)]), n_candidates=1)
    # 12 runs east, 41 south from (0, 300): west of it is its right.
    assert found.side[:, 0].tolist() == [1, -1, 0, -1, 0]


def test_a_heading_chooses_the_carriageway():
    points = {1: (0, 0), 2: (500, 0), 3: (500, 12), 4: (0, 12)}
    edges = [(12, 1, 2, "forward"), (34, 3, 4, "forward"), (23, 2, 3, "both"), (41, 4, 1, "both")]
    graph = drawn(points, edges)
    place = lonlat([(250, 3)] * 5)
    found = snap(graph, place, bearing_deg=[90.0, 270.0, 0.0, np.nan, 90.0 + 360.0])
    assert [graph.edge_id[edge] for edge in found.edge[[0, 1, 3, 4], 0]] == [12, 34, 12, 12]
    assert (found.edge[[0, 4], 1] == -1).all()
    # A street for both directions fits either heading; across it fits none.
    both = drawn(POINTS, RING)
    headed = snap(both, lonlat([(200, 5)] * 3), bearing_deg=[95.0, 260.0, 10.0], limit_m=100.0)
    assert headed.reason.tolist() == [Refusal.NONE, Refusal.NONE, Refusal.NO_SUCH_DIRECTION]


def test_a_heading_counts_from_true_north():
    # At the edge of the zone grid north is a quarter of a degree off; turned by it, the tolerance still fits exactly.
    graph = drawn(POINTS, RING)
    place, tolerance = lonlat([(200, 5)]), 10.0
    north = to_metric(place + np.array([0.0, 1e-4]), SRID) - to_metric(place, SRID)
    turned = np.degrees(np.arctan2(north[0, 0], north[0, 1]))
    inside, outside = 90.0 - turned + tolerance - 0.01, 90.0 - turned + tolerance + 0.01
    found = snap(
        graph, np.vstack([place, place]), bearing_deg=[inside, outside], bearing_tolerance_deg=tolerance, limit_m=50.0
    )
    assert found.is_on_road.tolist() == [True, False]
