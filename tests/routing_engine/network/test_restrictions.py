"""Restrictions over whole streets, for some vehicles only, and the rule for turning round."""

from __future__ import annotations

import heapq

import numpy as np
import pandas as pd
from drawn_networks import SPEEDS, SRID, built, frames, networks
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import arcs_of

from routing_engine.network.graph import build_graph
from routing_engine.network.profiles import PROFILES
from routing_engine.network.search import search_from_states
from routing_engine.network.states import UTurns

#   5 ── 6
#   │    │
#   1 ── 2 ── 3 ── 4      and 2-7 below, 3-8 below
#        7    8
POINTS = {1: (0, 0), 2: (100, 0), 3: (200, 0), 4: (300, 0), 5: (0, 100), 6: (100, 100), 7: (100, -100), 8: (200, -100)}
EDGES = [
    (12, 1, 2, "both"),
    (23, 2, 3, "both"),
    (34, 3, 4, "both"),
    (15, 1, 5, "both"),
    (56, 5, 6, "both"),
    (62, 6, 2, "both"),
    (27, 2, 7, "both"),
    (38, 3, 8, "both"),
]


def turns(*rows):
    """Rows (from edge, via node, via edges, to edge, kind[, applies])."""
    columns = ["from_edge", "via_node", "via_edges", "to_edge", "kind", "applies"]
    return pd.DataFrame([(*row, 7)[:6] for row in rows], columns=columns)


def graph_with(*rows, profile="car", u_turns=UTurns.ANYWHERE, edges=EDGES):
    nodes, frame, _ = frames(POINTS, edges)
    return build_graph(
        nodes, frame, turns(*rows), speeds=SPEEDS, profile=PROFILES[profile], metric_srid=SRID, u_turns=u_turns
    )


def times_from(graph, start_id):
    """{node id: seconds} from an unrestricted node."""
    seconds, _ = search_from_states(graph, [int(np.flatnonzero(graph.node_id == start_id)[0])])
    best = np.full(graph.n_nodes, np.inf)
    np.minimum.at(best, graph.state_node, np.nan_to_num(seconds[0], nan=np.inf))
    return {int(node): round(float(s), 3) for node, s in zip(graph.node_id, best, strict=True)}


def test_no_turn_over_a_street_bars_that_sequence_alone():
    graph = graph_with((12, 2, (23,), 34, "no"))
    # 1-2-3 and then 4: barred. Round over 8 it may go, and from 6 straight on.
    assert times_from(graph, 1)[3] == 20
    assert times_from(graph, 1)[4] == 50
    assert times_from(graph, 6)[4] == 30
    assert graph.n_states > graph.n_nodes


def test_only_turn_over_a_street_binds_once_it_is_driven():
    graph = graph_with((12, 2, (23,), 38, "only"), (12, 2, (), 12, "no"))
    found = times_from(graph, 1)
    assert found[8] == 30
    assert found[7] == 20  # leaving before the street is allowed
    assert found[4] == 50  # over 8 and back
    assert times_from(graph, 6)[4] == 30


def test_sequences_that_overlap_are_all_obeyed():
    long_way = [edge if edge[0] != 56 else (56, 5, 6, "both", {"length_m": 300.0}) for edge in EDGES]
    rows = [(12, 2, (23,), 34, "no"), (12, 2, (), 62, "no"), (12, 2, (), 27, "no")]
    assert times_from(graph_with(*rows, edges=long_way), 1)[4] == 50  # round at 8
    rows += [(23, 3, (), 23, "no"), (23, 3, (38,), 38, "no")]
    # At 3 and at 8 it may not turn round any more: by way of 5, 6 and 2.
    assert times_from(graph_with(*rows, edges=long_way), 1)[4] == 70
    assert times_from(graph_with(*rows, edges=long_way), 6)[4] == 30


def test_a_street_of_the_sequence_that_may_not_be_driven_binds_nobody():
    closed = [edge if edge[0] != 23 else (23, 2, 3, "backward") for edge in EDGES]
    assert graph_with((12, 2, (23,), 34, "no"), edges=closed).n_states == len(POINTS)


def test_streets_that_do_not_hang_together_are_reported():
    graph = graph_with((12, 2, (34,), 38, "no"), (12, 2, (23, 999), 38, "no"))
    assert [finding.value for finding in graph.findings] == [0, 1]
    assert graph.n_states == graph.n_nodes


def test_restrictions_bind_the_vehicles_they_name():
    row = (12, 2, (), 23, "no", 1 | 2)
    assert times_from(graph_with(row), 1)[3] > 20
    assert times_from(graph_with(row, profile="fire_engine"), 1)[3] == 20


def test_turning_round_at_dead_ends_only():
    anywhere = graph_with((12, 2, (), 23, "no"))
    assert times_from(anywhere, 1)[3] == 40  # round at 7, which is a dead end
    assert times_from(graph_with((12, 2, (), 23, "no"), u_turns=UTurns.DEAD_ENDS), 1)[3] == 40
    # Without the dead end: round at 6 (a junction of two streets) or by way of 5.
    barred = ((12, 2, (), 23, "no"), (12, 2, (), 27, "no"))
    assert times_from(graph_with(*barred), 1)[3] == 40
    assert times_from(graph_with(*barred, u_turns=UTurns.DEAD_ENDS), 1)[3] == 40 + 0
    ring = ((12, 2, (), 23, "no"), (12, 2, (), 27, "no"), (15, 5, (), 56, "no"))
    assert times_from(graph_with(*ring), 1)[3] == 40
    assert times_from(graph_with(*ring, u_turns=UTurns.DEAD_ENDS), 1)[3] == np.inf


def test_where_every_other_street_is_forbidden_the_road_is_a_dead_end():
    edges = [*EDGES, (91, 9, 1, "forward")]
    into_2 = (91, 1, (), 12, "only")
    nodes, frame, _ = frames({**POINTS, 9: (-100, 0)}, edges)

    def seconds_to_5(*rows):
        made = build_graph(
            nodes,
            frame,
            turns(into_2, *rows),
            speeds=SPEEDS,
            profile=PROFILES["car"],
            metric_srid=SRID,
            u_turns=UTurns.DEAD_ENDS,
        )
        return times_from(made, 9)[5]

    all_but_7 = ((12, 2, (), 23, "no"), (12, 2, (), 62, "no"))
    assert seconds_to_5(*all_but_7) == 60  # on to 7, round there, back
    assert seconds_to_5(*all_but_7, (12, 2, (), 27, "no")) == 40  # round at 2: nothing else is left


def history_times(edges, restrictions, start):
    """Dijkstra over the last arcs driven, every rule looked up where it is asked: {(node, last arcs)}."""
    arcs = list(arcs_of(edges))
    rules = [(r.from_edge, r.via_node, tuple(r.via_edges), r.to_edge, r.kind) for r in restrictions.itertuples()]
    memory = 1 + max([len(rule[2]) for rule in rules], default=0)

    def begun(history, rule):
        """Whether the last arcs are this rule's street and its via streets, in order."""
        first, via_node, via, _, _ = rule
        last = history[-1 - len(via) :]
        return len(last) == 1 + len(via) and tuple(a[0] for a in last) == (first, *via) and last[0][3] == via_node

    def allowed(history, arc):
        at_node = [rule for rule in rules if not rule[2] and begun(history, rule)]
        over = [rule for rule in rules if rule[2] and begun(history, rule)]
        for group in (at_node, over):
            only = {rule[3] for rule in group if rule[4] == "only"}
            if arc[0] in {rule[3] for rule in group if rule[4] == "no"} or (only and arc[0] not in only):
                return False
        return True

    best = {start: 0.0}
    heap, done = [(0.0, 0, start, ())], set()
    count = 0
    while heap:
        seconds, _, node, history = heapq.heappop(heap)
        if (node, history) in done:
            continue
        done.add((node, history))
        best[node] = min(best.get(node, np.inf), seconds)
        for arc in arcs:
            if arc[2] == node and (not history or allowed(history, arc)):
                count += 1
                heapq.heappush(heap, (seconds + arc[5], count, arc[3], (*history, arc)[-memory:]))
    return best


@settings(max_examples=60, deadline=None)
@given(networks(max_nodes=5), st.data())
def test_restrictions_over_streets_equal_a_search_that_remembers(tables, data):
    nodes, edges, at_node = tables
    rows = [(r.from_edge, r.via_node, (), r.to_edge, r.kind, 7) for r in at_node.itertuples()]
    ends = {row.edge_id: (row.from_node, row.to_node) for row in edges.itertuples()}
    ids = sorted(ends)
    for _ in range(data.draw(st.integers(1, 4))):
        first = data.draw(st.sampled_from(ids))
        via_node = node = data.draw(st.sampled_from(ends[first]))
        via = []
        for _ in range(data.draw(st.integers(1, 2))):
            via.append(data.draw(st.sampled_from([e for e in ids if node in ends[e]])))
            node = sum(ends[via[-1]]) - node
        to = data.draw(st.sampled_from([e for e in ids if node in ends[e]]))
        rows.append((first, via_node, tuple(via), to, data.draw(st.sampled_from(["no", "only"])), 7))
    restrictions = turns(*rows)
    graph = built(nodes, edges, restrictions)
    for start in nodes["node_id"]:
        expected = history_times(edges, restrictions, start)
        for node, seconds in times_from(graph, start).items():
            other = expected.get(node, np.inf)
            assert seconds == other or abs(seconds - other) < 0.002
