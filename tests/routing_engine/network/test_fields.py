from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from drawn_networks import built, drawn, lonlat, networks
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import line_graph, times
from positions import PLACES, on_edges

from gis.errors import NetworkError
from routing_engine.network.fields import (
    ACCESS_KPH,
    build_field,
    field_digest,
    read_field,
    write_field,
)
from routing_engine.network.search import search_from_states
from routing_engine.network.snapping import snap

ACCESS_S = 3.6 / ACCESS_KPH
LINE = {1: (0, 0), 2: (1000, 0), 3: (1000, 400), 4: (0, 400)}


def as_oracle(snapped):
    """The same positions for `line_graph`: (edge id, offset, access seconds)."""
    return [
        (int(snapped.graph.edge_id[edge[0]]), float(offset[0]), float(access[0]) * ACCESS_S)
        for edge, offset, access in zip(snapped.edge, snapped.offset_m, snapped.distance_m, strict=True)
    ]


@settings(max_examples=100, deadline=None)
@given(networks(), PLACES, PLACES)
def test_times_equal_networkx_with_positions_as_nodes(tables, stations, points):
    graph = built(*tables)
    if len(graph.main_edges) == 0:
        return
    starts, ends = on_edges(graph, stations), on_edges(graph, points)
    found = build_field(graph, starts).travel_times(ends)
    oracle = line_graph(tables[1], tables[2], as_oracle(starts), as_oracle(ends))
    expected = np.column_stack([times(oracle, ("s", i), len(points)) for i in range(len(stations))])
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("seed", range(2))
def test_times_equal_networkx_on_larger_networks(seed):
    rng = np.random.default_rng(seed)
    points = {i: tuple(place) for i, place in enumerate(rng.uniform(0, 3000, (150, 2)).tolist())}
    edges = [
        (k, int(a), int(b), str(rng.choice(["both", "both", "forward"])), {"road_class": str(rng.choice(CLASSES))})
        for k, (a, b) in enumerate(rng.integers(0, 150, (420, 2)))
        if a != b
    ]
    turns = []
    for _ in range(60):
        first = edges[rng.integers(len(edges))]
        second = edges[rng.choice([i for i, edge in enumerate(edges) if first[2] in edge[1:3]])]
        turns.append((first[0], first[2], second[0], str(rng.choice(["no", "no", "only"]))))
    tables = frames_of(points, edges, turns)
    graph = built(*tables)
    assert graph.n_states > graph.n_nodes
    places = [(int(k), float(part), float(m)) for k, part, m in rng.uniform(0, [400, 1, 50], (60, 3))]
    starts, ends = on_edges(graph, places[:20]), on_edges(graph, places[20:])
    field = build_field(graph, starts)
    oracle = line_graph(tables[1], tables[2], as_oracle(starts), as_oracle(ends))
    expected = np.column_stack([times(oracle, ("s", i), 40) for i in range(20)])
    reach = field.reach(ends)
    assert np.allclose(reach.time_s, expected, rtol=1e-6, atol=1e-6, equal_nan=True)
    assert np.isfinite(expected).mean() > 0.9
    metres = np.column_stack([path_metres(oracle, tables[1], starts, ends, i) for i in range(20)])
    assert np.allclose(reach.distance_m, metres, rtol=1e-5, atol=1e-2, equal_nan=True)


CLASSES = ["primary", "residential"]


def frames_of(points, edges, turns):
    from drawn_networks import frames

    return frames(points, edges, turns)


def path_metres(oracle, edges, starts, ends, start):
    """Metres of NetworkX's fastest paths: whole edges, less what the start and the end do not drive."""
    length = dict(zip(edges["edge_id"], edges["length_m"], strict=True))
    paths = nx.single_source_dijkstra_path(oracle, ("s", start), weight="s")
    begun_edge, begun_m = int(starts.graph.edge_id[starts.edge[start, 0]]), starts.offset_m[start, 0]
    metres = []
    for i in range(len(ends.edge)):
        path = paths.get(("e", i))
        if path is None:
            metres.append(np.nan)
            continue
        arcs = path[1:-1]
        total = sum(length[edge] for edge, _ in arcs[1:])
        ending, offset = int(ends.graph.edge_id[ends.edge[i, 0]]), ends.offset_m[i, 0]
        if arcs:
            total += length[begun_edge] - begun_m if arcs[0][1] else begun_m
            into = oracle[path[-2]][path[-1]]["s"] - ends.distance_m[i, 0] * ACCESS_S
            # The last step is driven along or against the drawing, whichever took these seconds.
            row = edges[edges["edge_id"] == ending].iloc[0]
            speed = {"primary": 10.0, "residential": 5.0}[row["road_class"]]
            total += into * speed
        else:
            total += abs(offset - begun_m)
        metres.append(total + starts.distance_m[start, 0] + ends.distance_m[i, 0])
    return metres


def test_same_edge_is_driven_directly_in_both_directions():
    graph = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "both"), (41, 4, 1, "both")])
    stations = snap(graph, lonlat([(300, 0)]), n_candidates=1)
    field = build_field(graph, stations)
    reach = field.reach(snap(graph, lonlat([(700, 0), (100, 0), (300, 0)]), n_candidates=1))
    assert np.allclose(reach.time_s[:, 0], [40, 20, 0], atol=1e-3)
    assert np.allclose(reach.distance_m[:, 0], [400, 200, 0], atol=1e-2)


def test_same_edge_backwards_on_a_one_way_goes_round():
    graph = drawn(LINE, [(12, 1, 2, "forward"), (23, 2, 3, "both"), (34, 3, 4, "both"), (41, 4, 1, "both")])
    field = build_field(graph, snap(graph, lonlat([(300, 0)]), n_candidates=1))
    reach = field.reach(snap(graph, lonlat([(700, 0), (100, 0)]), n_candidates=1))
    assert np.allclose(reach.time_s[:, 0], [40, 70 + 40 + 100 + 40 + 10], atol=1e-3)


def test_a_metre_against_a_one_way_is_the_same_place():
    graph = drawn(LINE, [(12, 1, 2, "forward"), (23, 2, 3, "both"), (34, 3, 4, "both"), (41, 4, 1, "both")])
    field = build_field(graph, snap(graph, lonlat([(300, 0)]), n_candidates=1))
    times_s = field.travel_times(snap(graph, lonlat([(299.5, 0), (298.5, 0)]), n_candidates=1))
    assert np.allclose(times_s[:, 0], [0.05, 279.85], atol=1e-3)


def test_same_edge_may_be_faster_round_the_block():
    edges = [
        (12, 1, 2, "both", {"via": [(0, -3000), (1000, -3000)]}),
        (21, 2, 1, "both", {"length_m": 500.0}),
    ]
    graph = drawn(LINE, edges)
    field = build_field(graph, snap(graph, lonlat([(0, -100)]), n_candidates=1))
    reach = field.reach(snap(graph, lonlat([(1000, -100)]), n_candidates=1))
    assert np.allclose(reach.time_s, 10 + 50 + 10, atol=1e-3)
    assert np.allclose(reach.distance_m, 700, atol=0.1)


def test_access_counts_at_both_ends():
    graph = drawn(LINE, [(12, 1, 2, "both")])
    field = build_field(graph, snap(graph, lonlat([(300, 100)]), n_candidates=1))
    reach = field.reach(snap(graph, lonlat([(700, -50)]), n_candidates=1))
    assert np.allclose(reach.time_s, 40 + 150 * ACCESS_S, atol=1e-3)
    assert np.allclose(reach.distance_m, 550, atol=1e-2)


def test_station_on_an_edge_obeys_its_turns():
    points = {1: (0, 0), 2: (100, 0), 3: (100, 100), 4: (200, 0), 5: (200, 100)}
    edges = [(12, 1, 2, "both"), (23, 2, 3, "both"), (24, 2, 4, "both"), (45, 4, 5, "both"), (53, 5, 3, "both")]
    graph = drawn(points, edges, [(12, 2, 23, "no"), (24, 4, 24, "no")])
    field = build_field(graph, snap(graph, lonlat([(50, 0)]), n_candidates=1))
    reach = field.reach(snap(graph, lonlat([(100, 50)]), n_candidates=1))
    assert np.allclose(reach.time_s, 5 + 10 + 10 + 10 + 5, atol=1e-3)


def test_the_nearer_carriageway_does_not_decide_alone():
    # The two carriageways of one street; the point lies between them, a little nearer to the wrong one.
    points = {1: (0, 0), 2: (1000, 0), 3: (1000, 10), 4: (0, 10)}
    edges = [(12, 1, 2, "forward"), (34, 3, 4, "forward"), (23, 2, 3, "both"), (41, 4, 1, "both")]
    graph = drawn(points, edges)
    field = build_field(graph, snap(graph, lonlat([(100, 0)]), n_candidates=1))
    place = snap(graph, lonlat([(500, 6)]))
    reach = field.reach(place)
    assert graph.edge_id[place.edge[0, 0]] == 34
    assert reach.candidate[0, 0] == 1
    assert np.allclose(reach.time_s, 40 + 6 * ACCESS_S, atol=1e-3)


def test_unreachable_and_refused_are_nan():
    graph = drawn(
        {**LINE, 5: (1500, 0)}, [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "both"), (25, 2, 5, "forward")]
    )
    stations = snap(graph, lonlat([(500, 0), (5000, 5000)]))
    field = build_field(graph, stations)
    assert np.isnan(field.time_s[1]).all()
    assert np.isnan(field.path_m[1]).all()
    reach = field.reach(snap(graph, lonlat([(600, 0), (9000, 0), (np.nan, 0)])))
    assert np.isfinite(reach.time_s[0, 0])
    assert np.isnan(reach.time_s[0, 1])
    assert np.isnan(reach.time_s[1:]).all()
    assert np.isnan(reach.distance_m[1:]).all()
    assert (reach.candidate[1:] == -1).all()
    # Node 5 can be entered and not left: reached from the others, nothing is reached from it.
    last = int(np.flatnonzero(graph.node_id == 5)[0])
    seconds, metres = search_from_states(graph, [last])
    assert np.isfinite(seconds[0]).sum() == 1
    assert np.isfinite(metres[0]).sum() == 1
    assert np.isfinite(field.time_s[0, last])


def test_without_stations_points_or_roads_the_answer_is_empty_or_nan():
    graph = drawn(LINE, [(12, 1, 2, "both")])
    some = snap(graph, lonlat([(100, 0), (200, 0)]))
    none = snap(graph, np.empty((0, 2)))
    assert build_field(graph, none).travel_times(some).shape == (2, 0)
    assert build_field(graph, some).travel_times(none).shape == (0, 2)
    roadless = built(*[frame.iloc[:0] for frame in frames_of(LINE, [(12, 1, 2, "both")], [])])
    nowhere = snap(roadless, lonlat([(100, 0)]))
    assert np.isnan(build_field(roadless, nowhere).travel_times(nowhere)).all()


@settings(max_examples=50, deadline=None)
@given(networks(), PLACES, PLACES, st.randoms())
def test_order_of_stations_changes_nothing(tables, stations, points, random):
    graph = built(*tables)
    if len(graph.main_edges) == 0:
        return
    order = list(range(len(stations)))
    random.shuffle(order)
    ends = on_edges(graph, points)
    field = build_field(graph, on_edges(graph, stations))
    shuffled = build_field(graph, on_edges(graph, [stations[i] for i in order]))
    assert np.array_equal(field.time_s[order], shuffled.time_s, equal_nan=True)
    assert np.array_equal(field.path_m[order], shuffled.path_m, equal_nan=True)
    reach, other = field.reach(ends), shuffled.reach(ends)
    assert np.array_equal(reach.time_s[:, order], other.time_s, equal_nan=True)
    assert np.array_equal(reach.distance_m[:, order], other.distance_m, equal_nan=True)
    some = field.reach(ends, stations=order[:2])
    assert np.array_equal(some.time_s, reach.time_s[:, order[:2]], equal_nan=True)
    assert np.array_equal(some.distance_m, reach.distance_m[:, order[:2]], equal_nan=True)
    assert np.array_equal(some.candidate, reach.candidate[:, order[:2]])


@settings(max_examples=50, deadline=None)
@given(networks(), PLACES, PLACES)
def test_metres_are_those_of_a_drive_of_that_time(tables, stations, points):
    graph = built(*tables)
    if len(graph.main_edges) == 0:
        return
    starts, ends = on_edges(graph, stations), on_edges(graph, points)
    reach = build_field(graph, starts).reach(ends)
    access = starts.distance_m[:, 0][None, :] + ends.distance_m
    driven_m, driven_s = reach.distance_m - access, reach.time_s - access * ACCESS_S
    known = np.isfinite(reach.time_s)
    assert np.array_equal(known, np.isfinite(reach.distance_m))
    assert np.array_equal(known, reach.candidate >= 0)
    # Between 5 and 10 m/s, the speeds of the two classes.
    assert (driven_m[known] >= 5.0 * driven_s[known] - 0.01).all()
    assert (driven_m[known] <= 10.0 * driven_s[known] + 0.01).all()


def test_batch_in_pieces_equals_one_by_one(monkeypatch):
    rng = np.random.default_rng(5)
    graph = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "forward"), (41, 4, 1, "both")])
    field = build_field(graph, snap(graph, lonlat(rng.uniform(0, 1000, (5, 2)))))
    xy = rng.uniform(-100, 1100, (200, 2))
    whole = field.reach(snap(graph, lonlat(xy)))
    monkeypatch.setattr("routing_engine.network.fields.POINTS_AT_ONCE", 7)
    monkeypatch.setattr("routing_engine.network.snapping.POINTS_AT_ONCE", 7)
    pieces = field.reach(snap(graph, lonlat(xy)))
    assert np.array_equal(whole.time_s, pieces.time_s, equal_nan=True)
    singles = np.vstack([field.travel_times(snap(graph, lonlat([place]))) for place in xy])
    assert np.array_equal(whole.time_s, singles, equal_nan=True)


@pytest.mark.parametrize("way", ["one call", "many", "another metric system"])
def test_putting_on_streets_and_reading_at_once_changes_nothing(monkeypatch, way):
    rng = np.random.default_rng(6)
    graph = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "forward"), (41, 4, 1, "both")])
    field = build_field(graph, snap(graph, lonlat(rng.uniform(0, 1000, (5, 2)))))
    places = np.vstack([lonlat(rng.uniform(-300, 1300, (40, 2))), [(np.nan, 0), (200, 0), (0, -91), (106.8, -6.2)]])
    if way == "many":
        monkeypatch.setattr("routing_engine.network.fields.AT_ONCE", 7)
    elif way == "another metric system":
        monkeypatch.setattr("routing_engine.network.fields.utm_terms", lambda srid: np.empty(0))
    snapped, reach = field.reach_at(places, limit_m=150.0)
    other = snap(graph, places, limit_m=150.0)
    assert 0 < snapped.is_on_road.sum() < len(places)
    for name in ("lonlat", "edge", "fraction", "distance_m", "reason"):
        assert np.array_equal(getattr(snapped, name), getattr(other, name), equal_nan=name != "reason")
    assert np.array_equal(reach.time_s, field.reach(other).time_s, equal_nan=True)
    assert np.array_equal(reach.distance_m, field.reach(other).distance_m, equal_nan=True)
    assert np.array_equal(reach.candidate, field.reach(other).candidate)
    single, alone = field.reach_at(tuple(places[0]), limit_m=150.0)
    assert single.edge.shape == (1, 3)
    assert np.array_equal(alone.time_s[0], reach.time_s[0], equal_nan=True)


def test_many_stations_are_searched_in_pieces(monkeypatch):
    graph = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "forward"), (41, 4, 1, "both")])
    stations = snap(graph, lonlat(np.random.default_rng(1).uniform(0, 1000, (7, 2))))
    whole = build_field(graph, stations)
    monkeypatch.setattr("routing_engine.network.fields.SEARCHES_AT_ONCE", 1)
    pieces = build_field(graph, stations)
    assert np.array_equal(whole.time_s, pieces.time_s, equal_nan=True)
    assert np.array_equal(whole.path_m, pieces.path_m, equal_nan=True)


def test_positions_of_another_graph_are_refused():
    graph = drawn(LINE, [(12, 1, 2, "both")])
    other = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both")])
    field = build_field(graph, snap(graph, lonlat([(1, 0)])))
    with pytest.raises(NetworkError, match="different road graphs"):
        field.reach(snap(other, lonlat([(1, 0)])))
    # The same network read twice is the same.
    assert field.travel_times(snap(drawn(LINE, [(12, 1, 2, "both")]), lonlat([(1, 0)])))[0, 0] == 0


def test_field_comes_back_from_its_file(tmp_path):
    graph = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "forward"), (41, 4, 1, "both")])
    field = build_field(graph, snap(graph, lonlat([(300, 20), (900, 900)])), codes=["POS-A", "POS-B"])
    path = tmp_path / "one.arrays"
    write_field(path, field)
    back = read_field(path, graph)
    assert back.codes == ("POS-A", "POS-B")
    assert back.digest == field.digest
    assert back.time_s.dtype == np.float32
    assert back.time_s.shape == (2, graph.n_states)
    assert np.array_equal(back.time_s, field.time_s, equal_nan=True)
    points = snap(graph, lonlat([(400, 0), (0, 200)]))
    one, two = field.reach(points), back.reach(points)
    assert np.array_equal(one.time_s, two.time_s, equal_nan=True)
    assert np.array_equal(one.distance_m, two.distance_m, equal_nan=True)
    assert np.array_equal(back.stations.point_lonlat, field.stations.point_lonlat, equal_nan=True)
    with pytest.raises(NetworkError, match="made on graph"):
        read_field(path, drawn(LINE, [(12, 1, 2, "both")]))


def test_field_digest_follows_everything_it_depends_on():
    base = ("g", ["A", "B"], [(122.5, -4.0), (122.6, -4.0)])
    digests = {
        field_digest(*base, snap_limit_m=250.0),
        field_digest("h", *base[1:], snap_limit_m=250.0),
        field_digest("g", ["A", "C"], base[2], snap_limit_m=250.0),
        field_digest("g", base[1], [(122.5, -4.0), (122.6, -4.000001)], snap_limit_m=250.0),
        field_digest(*base, snap_limit_m=200.0),
        field_digest(*base, snap_limit_m=250.0, access_kph=5.0),
    }
    assert len(digests) == 6
    assert field_digest(*base, snap_limit_m=250.0) in digests


@settings(max_examples=60, deadline=None)
@given(networks(), PLACES, PLACES, st.randoms())
def test_the_nearest_station_is_the_least_of_all_times(tables, stations, points, random):
    graph = built(*tables)
    if len(graph.main_edges) == 0:
        return
    field, ends = build_field(graph, on_edges(graph, stations)), on_edges(graph, points)
    some = random.sample(range(len(stations)), random.randint(1, len(stations)))
    for wanted in (None, some):
        reach = field.reach(ends, stations=wanted)
        found = field.nearest(ends, stations=wanted)
        seconds = np.nan_to_num(reach.time_s, nan=np.inf)
        best = seconds.argmin(axis=1)
        is_reached = np.isfinite(seconds.min(axis=1))
        rows = np.arange(len(stations)) if wanted is None else np.array(wanted)
        assert np.array_equal(found.station, np.where(is_reached, rows[best], -1))
        assert np.array_equal(found.time_s, np.where(is_reached, seconds.min(axis=1), np.nan), equal_nan=True)
        chosen = reach.candidate[np.arange(len(points)), best]
        assert np.array_equal(found.candidate, np.where(is_reached, chosen, -1))


@pytest.mark.parametrize("seed", range(2))
def test_times_equal_scipy_on_a_larger_network(seed):
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    from routing_engine.network.states import compressed

    rng = np.random.default_rng(seed)
    points = {i: tuple(place) for i, place in enumerate(rng.uniform(0, 5000, (600, 2)).tolist())}
    edges = [(k, int(a), int(b), str(rng.choice(["both", "forward"])), {}) for k, (a, b) in
             enumerate(rng.integers(0, 600, (1500, 2))) if a != b]  # fmt: skip
    turns = [(edges[i][0], edges[i][2], edges[j][0], "no") for i in range(300) for j in range(len(edges))
             if edges[i][2] in edges[j][1:3]][:400]  # fmt: skip
    graph = built(*frames_of(points, edges, turns))
    n = graph.n_states
    indptr, kept = compressed(graph.entry_source, graph.indices, graph.entry_time_s, n)
    network = csr_array((graph.entry_time_s[kept], graph.indices[kept], indptr), shape=(n, n))
    starts = rng.choice(n, 20, replace=False)
    expected = dijkstra(network, indices=starts)
    seconds, _ = search_from_states(graph, starts)
    # On the grid of seconds sums are exact, whoever adds them.
    assert np.array_equal(np.nan_to_num(seconds, nan=np.inf), expected)
