"""What can still be driven to when streets are closed."""

from __future__ import annotations

import numpy as np
from drawn_networks import built, drawn, lonlat, networks
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_engine.network.closures import closed_network, with_factors
from routing_engine.network.reachability import (
    departing_states,
    main_part,
    reached_edges,
    reached_states,
    reaching_states,
    streets_outside,
)
from routing_engine.network.search import search_from_states
from routing_engine.network.snapping import snap

# A block, and a cape behind one bridge with a block of its own.
POINTS = {1: (0, 0), 2: (500, 0), 3: (500, 400), 4: (0, 400), 5: (1200, 0), 6: (1500, 0), 7: (1500, 300)}
STREETS = [(12, 1, 2), (23, 2, 3), (34, 3, 4), (41, 4, 1), (25, 2, 5), (56, 5, 6), (67, 6, 7), (75, 7, 5)]
EDGES = [(*street, "both") for street in STREETS]


def ids(graph, is_edge):
    return set(graph.edge_id[is_edge].tolist())


def test_bridge_cuts_off_the_cape():
    graph = drawn(POINTS, EDGES)
    closed = closed_network(graph, [25], [np.inf])
    stations = snap(graph, lonlat([(0, 200), (1400, 0)]))
    town, cape = (departing_states(closed, stations, np.array([row])) for row in (0, 1))
    assert ids(graph, reached_edges(graph, reached_states(graph, town))) == {edge for edge, *_ in STREETS}
    # The bridge itself is still reached, from its end.
    assert ids(graph, reached_edges(closed, reached_states(closed, town))) == {12, 23, 34, 41, 25}
    assert ids(graph, reached_edges(closed, reached_states(closed, cape))) == {56, 67, 75, 25}
    left = main_part(closed)
    assert left[town].any()
    assert not left[cape].any()
    assert main_part(graph).all()
    slowed = closed_network(graph, [25], [3.0])
    assert main_part(slowed).all()


def test_with_everything_closed_nothing_is_left():
    points = {i: (100 * (i % 8), 100 * (i // 8)) for i in range(64)}
    edges = [(i, i, i + 1, "both") for i in range(63) if i % 8 < 7] + [(100 + i, i, i + 8, "both") for i in range(56)]
    graph = drawn(points, edges)
    assert main_part(graph).all()
    assert not main_part(with_factors(graph, np.inf)).any()


@settings(max_examples=60, deadline=None)
@given(networks(), st.data())
def test_reached_is_what_a_search_finds(tables, data):
    graph = built(*tables)
    factors = data.draw(st.lists(st.sampled_from([1.0, 2.0, np.inf]), min_size=len(graph.arc_edge),
                                 max_size=len(graph.arc_edge)))  # fmt: skip
    closed = with_factors(graph, factors)
    start = data.draw(st.integers(0, graph.n_states - 1))
    seconds, _ = search_from_states(closed, [start])
    assert np.array_equal(reached_states(closed, [start]), np.isfinite(seconds[0]))
    back, _ = search_from_states(closed, np.arange(graph.n_states))
    assert np.array_equal(reaching_states(closed, [start]), np.isfinite(back[:, start]))


def test_streets_outside_the_main_part_are_lines_for_a_map():
    graph = drawn(POINTS | {8: (3000, 3000), 9: (3300, 3000)}, [*EDGES, (89, 8, 9, "both")])
    shape, metres = streets_outside(graph)
    assert shape["type"] == "MultiLineString"
    (line,) = shape["coordinates"]
    np.testing.assert_allclose(line, graph.vertex_lonlat[-2:])
    assert 299 < metres < 301
    assert streets_outside(drawn(POINTS, EDGES)) == ({"type": "MultiLineString", "coordinates": []}, 0.0)
