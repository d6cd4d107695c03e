from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from drawn_networks import SPEEDS, SRID, built, drawn, frames, networks
from hypothesis import given, settings
from oracle import arcs_of, may_turn

from gis.errors import NetworkError
from routing_engine.network.graph import build_graph
from routing_engine.network.profiles import PROFILES, profile_named
from routing_engine.network.search import search_from_states

# Six nodes by hand: a square 1-2-4-3 of 100 m sides, a one-way shortcut 1→4, a tail 4-5, and 6 behind 5, one way only.
#
#   3 ── 4 ── 5 → 6
#   │  ↗ │
#   1 ── 2
POINTS = {1: (0, 0), 2: (100, 0), 3: (0, 100), 4: (100, 100), 5: (200, 100), 6: (300, 100)}
EDGES = [
    (12, 1, 2, "both"),
    (13, 1, 3, "both"),
    (24, 2, 4, "both"),
    (34, 3, 4, "both"),
    (14, 1, 4, "forward"),
    (45, 4, 5, "both"),
    (56, 5, 6, "forward"),
]


def node_times(graph, start_id):
    """Seconds from a node to every node: {node id: seconds}, rounded."""
    start = int(np.flatnonzero(graph.node_id == start_id)[0])
    seconds, _ = search_from_states(graph, [start])
    best = np.full(graph.n_nodes, np.inf)
    np.minimum.at(best, graph.state_node, np.nan_to_num(seconds[0], nan=np.inf))
    return {int(node): round(float(s), 3) for node, s in zip(graph.node_id, best, strict=True)}


def test_times_on_the_drawn_network():
    graph = drawn(POINTS, EDGES)
    # 36 km/h is 10 m/s; the shortcut is 141.421 m.
    assert node_times(graph, 1) == {1: 0, 2: 10, 3: 10, 4: 14.142, 5: 24.142, 6: 34.142}
    assert node_times(graph, 4) == {1: 20, 2: 10, 3: 10, 4: 0, 5: 10, 6: 20}
    assert node_times(graph, 6) == {1: np.inf, 2: np.inf, 3: np.inf, 4: np.inf, 5: np.inf, 6: 0}


def test_states_are_nodes_without_restrictions():
    graph = drawn(POINTS, EDGES)
    assert graph.n_states == graph.n_nodes == 6
    assert graph.source.tolist() == graph.arc_tail.tolist()


def test_no_turn_sends_round_the_block():
    graph = drawn(POINTS, EDGES, [(12, 2, 24, "no"), (14, 4, 45, "no")])
    assert graph.n_states == 8
    # To 5: not over the shortcut (no 14→45), not over 2 (no 12→24), but over 3.
    assert node_times(graph, 1)[5] == 30.0
    # Only the turn is forbidden, not the street.
    assert node_times(graph, 2)[4] == 10.0


def test_only_turn_forbids_the_others_and_turning_round():
    graph = drawn(POINTS, EDGES, [(45, 4, 34, "only")])
    assert node_times(graph, 5)[3] == 20.0
    # To 2 the vehicle has to follow 34 first, then 3-1-2.
    assert node_times(graph, 5)[2] == 40.0


def test_several_restrictions_on_one_approach_add_up():
    graph = drawn(POINTS, EDGES, [(45, 4, 34, "only"), (45, 4, 24, "only"), (45, 4, 34, "no")])
    assert node_times(graph, 5)[2] == 20.0
    assert node_times(graph, 5)[3] == 40.0


def test_turning_round_is_allowed_unless_forbidden():
    points = {1: (0, 0), 2: (100, 0), 3: (100, 100), 4: (200, 0)}
    edges = [(12, 1, 2, "both"), (23, 2, 3, "both"), (24, 2, 4, "both")]
    barred = [(12, 2, 23, "no")]
    # On to 4, round there, back to 2 and left.
    assert node_times(drawn(points, edges, barred), 1)[3] == 40.0
    assert node_times(drawn(points, edges, [*barred, (24, 4, 24, "no")]), 1)[3] == np.inf


def test_restriction_that_bars_nothing_costs_no_state():
    # 14 is one-way away from 1, so nobody could turn from 45 into it.
    assert drawn(POINTS, EDGES, [(45, 4, 14, "no")]).n_states == 6


def test_restriction_without_its_target_still_bars_the_others():
    assert node_times(drawn(POINTS, EDGES, [(45, 4, 999, "only")]), 5)[4] == 10.0
    assert node_times(drawn(POINTS, EDGES, [(45, 4, 999, "only")]), 5)[2] == np.inf
    assert drawn(POINTS, EDGES, [(45, 4, 999, "no"), (999, 4, 45, "no")]).n_states == 6


def test_restriction_whose_edges_do_not_meet_is_reported_and_has_no_effect():
    graph = drawn(POINTS, EDGES, [(12, 2, 45, "no"), (45, 4, 24, "no"), (45, 4, 34, "perhaps")])
    assert [(finding.value, finding.reason) for finding in graph.findings] == [
        (0, "its edges do not meet at the via node"),
        (2, "kind is neither no nor only"),
    ]
    assert node_times(graph, 5)[2] == 40.0


def test_width_closes_a_way_to_large_vehicles_only():
    edges = [*EDGES[:2], (24, 2, 4, "both", {"width_m": 2.5}), *EDGES[3:]]
    assert node_times(drawn(POINTS, edges, profile="car"), 2)[4] == 10.0
    engine = drawn(POINTS, edges, profile="fire_engine")
    assert node_times(engine, 2)[4] == pytest.approx(24.142)
    assert engine.edge_component[engine.edge_id == 24] == -1


def test_the_lower_of_limit_and_class_speed_counts():
    edges = [
        (12, 1, 2, "both", {"speed_kph": 18.0}),
        (13, 1, 3, "both", {"road_class": "residential"}),
        (24, 2, 4, "both", {"road_class": "path"}),
        (34, 3, 4, "both"),
    ]
    times = node_times(drawn(POINTS, edges), 1)
    assert times[2] == 20.0
    assert times[3] == 20.0
    assert times[4] == 30.0  # a class without a speed is closed


def test_main_part_is_the_largest_and_others_are_listed():
    graph = drawn({**POINTS, 7: (900, 0), 8: (950, 0)}, [*EDGES, (78, 7, 8, "both")])
    is_main = dict(zip(graph.edge_id.tolist(), (graph.edge_component == 0).tolist(), strict=True))
    assert is_main == {12: True, 13: True, 24: True, 34: True, 14: True, 45: True, 56: False, 78: False}
    listed = graph.components()
    assert listed["length_m"].round(3).tolist() == [100.0, 50.0]
    assert listed["n_edges"].tolist() == [1, 1]


def test_parallel_streets_keep_the_faster_and_loops_do_no_harm():
    edges = [
        (1, 1, 2, "both", {"road_class": "residential"}),
        (2, 1, 2, "both"),
        (3, 2, 2, "both", {"via": [(150, 10), (150, -10)]}),
        (4, 2, 4, "both", {"length_m": 0.0}),
    ]
    graph = drawn(POINTS, edges)
    assert node_times(graph, 1)[2] == 10.0
    assert node_times(graph, 1)[4] == 10.0


def test_network_without_edges_is_a_network():
    nodes, edges, turns = frames(POINTS, EDGES)
    graph = built(nodes, edges.iloc[:0], turns)
    assert len(graph.main_edges) == 0
    empty = built(nodes.iloc[:0], edges.iloc[:0], turns)
    assert empty.n_states == 0


def test_digest_follows_content():
    digest = drawn(POINTS, EDGES).digest
    assert drawn(POINTS, EDGES).digest == digest
    others = [
        drawn(POINTS, EDGES[:-1]),
        drawn({**POINTS, 6: (301, 100)}, EDGES),
        drawn(POINTS, [*EDGES[:-1], (56, 5, 6, "both")]),
        drawn(POINTS, [*EDGES[:-1], (56, 5, 6, "forward", {"name": "Jl. Lain"})]),
        drawn(POINTS, EDGES, [(12, 2, 24, "no")]),
        drawn(POINTS, EDGES, profile="fire_engine"),
    ]
    assert len({digest, *(graph.digest for graph in others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("nodes", "lon", np.nan, "position not on Earth"),
        ("nodes", "node_id", 2, "id given twice"),
        ("edges", "edge_id", 13, "id given twice"),
        ("edges", "from_node", 99, "not in the table"),
        ("edges", "direction", "-1", "not one of both"),
        ("edges", "length_m", -1.0, "not a length"),
        ("edges", "length_m", np.inf, "not a length"),
        ("edges", "speed_kph", 0.0, "not above zero"),
        ("edges", "width_m", -2.0, "not above zero"),
        ("edges", "geometry", shapely.Point(122, -4), "not a line"),
        ("edges", "geometry", None, "not a line"),
    ],
)
def test_tables_that_are_no_network_are_refused(table, column, value, reason):
    nodes, edges, turns = frames(POINTS, EDGES)
    wrong = {"nodes": nodes, "edges": edges}[table]
    wrong.at[0, column] = value
    with pytest.raises(NetworkError, match=reason):
        built(nodes, edges, turns)


def test_all_kinds_of_fault_are_named_at_once():
    nodes, edges, turns = frames(POINTS, EDGES)
    edges.at[0, "length_m"] = -1.0
    edges.at[1, "direction"] = "up"
    with pytest.raises(NetworkError, match=r"direction.*first \[13\].*length_m.*first \[12\]"):
        built(nodes, edges, turns)


def test_speeds_of_another_hour_are_not_used():
    night = SPEEDS.assign(hour_from=22, speed_kph=72.0)
    graph = build_graph(
        *frames(POINTS, EDGES),
        speeds=pd.concat([SPEEDS, night]),
        profile=PROFILES["car"],
        metric_srid=SRID,
        hour_from=22,
    )
    assert node_times(graph, 1)[2] == 5.0


def test_unknown_profile_is_named():
    with pytest.raises(NetworkError, match=r"hovercraft.*ambulance, car"):
        profile_named("hovercraft")


@settings(max_examples=60, deadline=None)
@given(networks())
def test_search_graph_holds_exactly_the_allowed_turns(tables):
    _, edges, turns = tables
    graph = built(*tables)
    arcs = {row[:2]: row for row in arcs_of(edges)}
    assert len(arcs) == len(graph.arc_edge)
    name = [(int(graph.edge_id[edge]), bool(graph.edge_arc[edge, 0] == arc)) for arc, edge in enumerate(graph.arc_edge)]
    allowed = set()
    for arc, target in enumerate(graph.arc_target):
        for following in range(len(name)):
            entered_from = graph.source[graph.source_start[following] : graph.source_start[following + 1]]
            if target in entered_from:
                allowed.add((name[arc], name[following]))
    expected = {
        (one[:2], two[:2])
        for one in arcs.values()
        for two in arcs.values()
        if one[3] == two[2] and may_turn(turns, one[0], one[3], two[0])
    }
    assert allowed == expected


@settings(max_examples=60, deadline=None)
@given(networks())
def test_triangle_inequality_over_states(tables):
    graph = built(*tables)
    seconds, _ = search_from_states(graph, np.arange(graph.n_states))
    seconds = np.nan_to_num(seconds, nan=np.inf)
    over = (seconds[:, :, None] + seconds[None, :, :]).min(axis=1)
    assert (seconds <= over + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(networks())
def test_closing_an_edge_never_shortens(tables):
    nodes, edges, turns = tables
    before = built(*tables)
    for closed in range(min(len(edges), 3)):
        after = built(nodes, edges.drop(index=closed).reset_index(drop=True), turns)
        for start in nodes["node_id"]:
            one, two = node_times(before, start), node_times(after, start)
            assert all(two[node] >= one[node] - 0.001 for node in one)
