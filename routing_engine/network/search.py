"""Searches from a few starts, without a field: where a drive may begin and end, and what lies within reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from routing_engine.network.compiled import kernels
from routing_engine.network.graph import Ints32, RoadGraph
from routing_engine.network.projection import Floats
from routing_engine.network.snapping import Snapped
from routing_engine.network.states import Ints, ranges
from routing_engine.network.units import TICKS_PER_M, Lengths, exact_s, length_ticks

# The last metres between road and position (yard, alley, field). Assumed; slow enough that a nearer road wins.
ACCESS_KPH = 10.0
# Along one edge, positions this near are one place: nobody drives round the block for a metre against a one-way, and
# rounding must not decide it.
SAME_PLACE_M = 1.0


@dataclass(frozen=True, eq=False)
class Ways:
    """How drives begin (or end) at places: place *i* owns ``start[i]:start[i+1]`` of the other arrays.

    Attributes
    ----------
    state
        The state reached first (or left last).
    time_s, length
        Seconds, access included, on the grid of `units`; infinite where the street is closed for now. Length in
        1/1024 m.
    candidate, side
        Which candidate of the place, and 0 for driving along its edge's drawing, 1 against.
    """

    start: Ints
    state: Ints
    time_s: Floats
    length: Lengths
    candidate: Ints
    side: Ints


@dataclass(frozen=True, eq=False)
class Tree:
    """Fastest drives from one start: seconds, 1/1024 m and parents ``(n_states,)``; see `kernels.searching`."""

    time_s: Floats
    length: Lengths
    parent: Ints32


def _arcs_of(graph: RoadGraph, edge: Ints) -> Ints:
    """Return the arcs along and against each edge ``(n, k, 2)``; -1 where there is none."""
    # A last row of -1 stands for "no edge", which is what index -1 picks.
    return np.vstack([graph.edge_arc, [(-1, -1)]])[edge]


def _part_s(graph: RoadGraph, arc: Ints, part: Floats, access_m: Floats, access_kph: float) -> Floats:
    """Return seconds over a part of each arc and the access to it; infinite where the arc is closed, even for none."""
    whole_s = graph.arc_time_s[arc]
    is_open = np.isfinite(whole_s)
    return exact_s(np.where(is_open, part * np.where(is_open, whole_s, 0.0) + access_m * 3.6 / access_kph, np.inf))


def departures(graph: RoadGraph, places: Snapped, access_kph: float = ACCESS_KPH) -> Ways:
    """List how drives leave places: from each candidate both ways, where the edge may be driven so.

    A start in the middle of an edge obeys the same turns as any other drive on that edge.
    """
    edge, part = places.edge, places.fraction
    arc = _arcs_of(graph, edge)
    left = np.stack([1.0 - part, part], axis=2)
    place, candidate, side = np.nonzero(arc >= 0)
    driven, out = left[place, candidate, side], arc[place, candidate, side]
    access_m = places.distance_m[place, candidate]
    seconds = _part_s(graph, out, driven, access_m, access_kph) + graph.arc_delay_s[out]
    metres = driven * graph.edge_length_m[edge[place, candidate]] + access_m
    start = np.searchsorted(place, np.arange(len(edge) + 1)).astype(np.int64)
    return Ways(start, graph.arc_target[out], seconds, length_ticks(metres), candidate, side)


def arrivals(graph: RoadGraph, places: Snapped, access_kph: float = ACCESS_KPH) -> Ways:
    """List how drives end at places: over each candidate's edge, from every state it may be entered from."""
    edge, part = places.edge, places.fraction
    arc = _arcs_of(graph, edge)
    driven = np.stack([part, 1.0 - part], axis=2)
    place, candidate, side = np.nonzero(arc >= 0)
    into = arc[place, candidate, side]
    count = graph.source_start[into + 1] - graph.source_start[into]
    access_m = places.distance_m[place, candidate]
    part = driven[place, candidate, side]
    seconds = _part_s(graph, into, part, access_m, access_kph)
    metres = part * graph.edge_length_m[edge[place, candidate]] + access_m
    start = np.searchsorted(np.repeat(place, count), np.arange(len(edge) + 1)).astype(np.int64)
    return Ways(
        start,
        graph.source[ranges(graph.source_start[into], count)],
        np.repeat(seconds, count),
        length_ticks(np.repeat(metres, count)),
        np.repeat(candidate, count),
        np.repeat(side, count),
    )


def search_tree(
    graph: RoadGraph,
    state: npt.ArrayLike,
    time_s: npt.ArrayLike,
    length: npt.ArrayLike,
    *,
    limit_s: float = np.inf,
    targets: npt.ArrayLike = (),
    is_reversed: bool = False,
) -> Tree:
    """Search once from several states that are reached after so many seconds and 1/1024 m.

    Parameters
    ----------
    limit_s
        States farther than this are not reached.
    targets
        The search ends when all of these are settled; times of other states are then upper bounds.
    is_reversed
        Search against the direction of driving: results are drives *to* the start. Parents then count the entries
        of `RoadGraph.reversed`.
    """
    seeds = np.ascontiguousarray(state, dtype=np.int64)
    start_s, start_length = np.ascontiguousarray(time_s, np.float64), np.ascontiguousarray(length, np.int32)
    n = graph.n_states
    tree = Tree(np.empty(n), np.empty(n, np.int32), np.empty(n, np.int32))
    kernels().searching.tree(
        *(graph.reversed if is_reversed else graph.forward),
        *(seeds, start_s, start_length, float(limit_s), np.ascontiguousarray(targets, dtype=np.int64)),
        *(tree.time_s, tree.length, tree.parent),
    )
    return tree


def search_from_states(graph: RoadGraph, states: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return seconds and metres ``(len(states), n_states)`` of the fastest drives between states; NaN: none."""
    target = np.asarray(states, dtype=np.int64)
    seconds = np.full((len(target), graph.n_states), np.nan)
    metres = np.full((len(target), graph.n_states), np.nan)
    for row, state in enumerate(target.tolist()):
        tree = search_tree(graph, [state], [0.0], [0])
        found = np.isfinite(tree.time_s)
        seconds[row, found] = tree.time_s[found]
        metres[row, found] = tree.length[found] / TICKS_PER_M
    return seconds, metres
