"""An independent answer: NetworkX on the line graph (a node per directed arc), positions as nodes of their own."""

from __future__ import annotations

import networkx as nx
import numpy as np
from drawn_networks import SPEEDS

from routing_engine.network.fields import SAME_PLACE_M
from routing_engine.network.speeds import class_speeds


def arcs_of(edges, profile="car"):
    """Rows (edge id, is forward, tail, head, length, seconds) straight from the frame."""
    speeds = class_speeds(SPEEDS, profile)
    for edge in edges.itertuples():
        if edge.road_class not in speeds:
            continue
        kph = min(speeds[edge.road_class], edge.speed_kph if edge.speed_kph == edge.speed_kph else np.inf)
        seconds = edge.length_m / (kph / 3.6)
        if edge.direction != "backward":
            yield edge.edge_id, True, edge.from_node, edge.to_node, edge.length_m, seconds
        if edge.direction != "forward":
            yield edge.edge_id, False, edge.to_node, edge.from_node, edge.length_m, seconds


def may_turn(restrictions, from_edge, via, to_edge):
    """Whether every restriction on this approach allows the turn; the rule of `routing_engine.network.states`."""
    here = [r for r in restrictions.itertuples() if r.from_edge == from_edge and r.via_node == via]
    only = {r.to_edge for r in here if r.kind == "only"}
    banned = {r.to_edge for r in here if r.kind == "no"}
    return to_edge not in banned and (not only or to_edge in only)


def line_graph(edges, restrictions, starts=(), ends=()):
    """A graph whose nodes are arcs (driven to their end), starts ("s", i) and ends ("e", i).

    `starts` and `ends`: (edge id, offset in metres from the drawing's start, access seconds).
    """
    graph = nx.DiGraph()
    arcs = list(arcs_of(edges))
    leaving = {}
    for arc in arcs:
        leaving.setdefault(arc[2], []).append(arc)
        graph.add_node(arc[:2])

    def connect(a, b, seconds):
        if not graph.has_edge(a, b) or graph[a][b]["s"] > seconds:
            graph.add_edge(a, b, s=seconds)

    def ends_on(source, edge_id, is_forward, length, seconds, begun, extra, same_m=0.0):
        """Let `source`, already `begun` metres along the arc, reach the positions further on."""
        for i, (end_edge, offset, access) in enumerate(ends):
            at = offset if is_forward else length - offset
            if end_edge == edge_id and at >= begun - same_m:
                connect(source, ("e", i), abs(at - begun) / (length or 1.0) * seconds + access + extra)

    for edge_id, is_forward, _, head, _, _ in arcs:
        for other, other_forward, _, _, length, seconds in leaving.get(head, []):
            if may_turn(restrictions, edge_id, head, other):
                connect((edge_id, is_forward), (other, other_forward), seconds)
                ends_on((edge_id, is_forward), other, other_forward, length, seconds, 0.0, 0.0)
    for i, (start_edge, offset, access) in enumerate(starts):
        for edge_id, is_forward, _, _, length, seconds in arcs:
            if edge_id == start_edge:
                begun = offset if is_forward else length - offset
                connect(("s", i), (edge_id, is_forward), (length - begun) / (length or 1.0) * seconds + access)
                ends_on(("s", i), edge_id, is_forward, length, seconds, begun, access, SAME_PLACE_M)
    return graph


def times(graph, start, n_ends):
    """Seconds from a start to every end; NaN where there is no way."""
    found = nx.single_source_dijkstra_path_length(graph, start, weight="s") if start in graph else {}
    return np.array([found.get(("e", i), np.nan) for i in range(n_ends)])
