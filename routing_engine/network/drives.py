"""Drives between any places, without a field: matrices, pairs, units on the move, and all that lies within reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.errors import NetworkError
from gis.threads import in_parts
from routing_engine.network.compiled import kernels
from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats
from routing_engine.network.search import ACCESS_KPH, SAME_PLACE_M, arrivals, departures, search_tree
from routing_engine.network.snapping import Snapped
from routing_engine.network.states import Ints, ranges
from routing_engine.network.units import TICKS_PER_M

# One search is worth a thread.
SEARCHES_AT_ONCE = 1
# Farther than this no unit on the move is looked for: beyond an hour's drive another city's units are nearer.
UNIT_LIMIT_S = 3600.0


@dataclass(frozen=True, eq=False)
class Drives:
    """Seconds of the fastest drives, and the metres along those same drives; NaN where no road leads there."""

    time_s: Floats
    distance_m: Floats


@dataclass(frozen=True, eq=False)
class Within:
    """What is reached from one place.

    Attributes
    ----------
    state_s, node_s
        Seconds at every state and at every node (whichever way it is reached); infinite beyond the limit.
    """

    graph: RoadGraph
    state_s: Floats
    node_s: Floats

    @property
    def edge_end_s(self) -> Floats:
        """Seconds at both ends of every edge ``(n_edges, 2)``: where its drawing begins, where it ends."""
        return self.node_s[np.column_stack([self.graph.edge_from, self.graph.edge_to])]


def _require(graph: RoadGraph, *places: Snapped) -> None:
    if any(one.graph is not graph and one.graph.digest != graph.digest for one in places):
        raise NetworkError("places belong to another road graph; snap them to this one")


def matrix(
    graph: RoadGraph,
    origins: Snapped,
    destinations: Snapped,
    *,
    limit_s: float = np.inf,
    access_kph: float = ACCESS_KPH,
) -> Drives:
    """Find the fastest drive from every origin to every destination.

    Parameters
    ----------
    graph
        The network both are on.
    limit_s
        Drives that take longer are not looked for.
    access_kph
        Speed between a road and a position beside it, at both ends.

    Returns
    -------
    Drives
        ``(n_origins, n_destinations)``. Drives start, turn and end as those of a `fields.Field`.

    Notes
    -----
    One search for each place of the shorter list: from origins along the streets, or from destinations against them.
    """
    _require(graph, origins, destinations)
    leaving, entering = departures(graph, origins, access_kph), arrivals(graph, destinations, access_kph)
    is_reversed = len(destinations.edge) < len(origins.edge)
    seeds, probes = (entering, leaving) if is_reversed else (leaving, entering)
    n_seeds, n_probes = len(seeds.start) - 1, len(probes.start) - 1
    time, metres = np.empty((n_seeds, n_probes)), np.empty((n_seeds, n_probes))
    searched = graph.reversed if is_reversed else graph.forward
    many_to_many = kernels().searching.many_to_many
    starts = (seeds.start, seeds.state, seeds.time_s, seeds.length)
    ends = (probes.start, probes.state, probes.time_s, probes.length)
    in_parts(
        lambda first, last: many_to_many(*searched, *starts, *ends, float(limit_s), first, last, time, metres),
        n_seeds,
        least=SEARCHES_AT_ONCE,
    )
    if is_reversed:
        time, metres = np.ascontiguousarray(time.T), np.ascontiguousarray(metres.T)
    origin, destination, seconds, along = along_one_edge(graph, origins, destinations, access_kph)
    faster = (seconds < time[origin, destination]) & (seconds <= limit_s)
    # The slowest first: of several, the last that is written is the fastest.
    order = np.flatnonzero(faster)[np.argsort(-seconds[faster], kind="stable")]
    time[origin[order], destination[order]] = seconds[order]
    metres[origin[order], destination[order]] = along[order]
    time[np.isinf(time)] = np.nan
    return Drives(time, metres)


def travel_times(
    graph: RoadGraph, origins: Snapped, destinations: Snapped, *, access_kph: float = ACCESS_KPH
) -> Drives:
    """Find the fastest drive from each origin to the destination of the same number ``(n,)``.

    Raises
    ------
    NetworkError
        The lists differ in length, or the places are on another network.
    """
    _require(graph, origins, destinations)
    n = len(origins.edge)
    if len(destinations.edge) != n:
        raise NetworkError(f"{n} origins and {len(destinations.edge)} destinations; one for each expected")
    leaving, entering = departures(graph, origins, access_kph), arrivals(graph, destinations, access_kph)
    time, metres = np.empty(n), np.empty(n)
    pairs = kernels().searching.pairs
    searched = graph.forward
    starts = (leaving.start, leaving.state, leaving.time_s, leaving.length)
    ends = (entering.start, entering.state, entering.time_s, entering.length)
    in_parts(lambda first, last: pairs(*searched, *starts, *ends, first, last, time, metres), n, least=SEARCHES_AT_ONCE)
    for one in range(origins.edge.shape[1]):
        for two in range(destinations.edge.shape[1]):
            seconds, along = _on_edge(graph, origins, destinations, np.arange(n), one, np.arange(n), two, access_kph)
            faster = seconds < time
            time[faster], metres[faster] = seconds[faster], along[faster]
    time[np.isinf(time)] = np.nan
    return Drives(time, metres)


def times_to(
    graph: RoadGraph,
    place: Snapped,
    units: Snapped,
    *,
    limit_s: float = UNIT_LIMIT_S,
    access_kph: float = ACCESS_KPH,
) -> Drives:
    """Find how long units, wherever they are now, drive to one place ``(n_units,)``.

    One search from the place against the direction of driving; it ends when the units are found, or at `limit_s`.
    """
    if len(place.edge) != 1:
        raise NetworkError(f"{len(place.edge)} places; one expected")
    _require(graph, place, units)
    ends, starts = arrivals(graph, place, access_kph), departures(graph, units, access_kph)
    tree = search_tree(
        graph, ends.state, ends.time_s, ends.length, limit_s=limit_s, targets=starts.state, is_reversed=True
    )
    n = len(units.edge)
    time, metres = np.full(n, np.inf), np.full(n, np.nan)
    seconds = tree.time_s[starts.state] + starts.time_s
    along = (tree.length[starts.state] + starts.length) / TICKS_PER_M
    unit = np.repeat(np.arange(n), np.diff(starts.start))
    seconds[~(seconds <= limit_s)] = np.inf
    order = np.argsort(-seconds, kind="stable")
    time[unit[order]], metres[unit[order]] = seconds[order], along[order]
    unit, _, seconds, along = along_one_edge(graph, units, place, access_kph)
    order = np.argsort(-seconds, kind="stable")
    order = order[(seconds[order] < time[unit[order]]) & (seconds[order] <= limit_s)]
    time[unit[order]], metres[unit[order]] = seconds[order], along[order]
    metres[np.isinf(time)] = np.nan
    time[np.isinf(time)] = np.nan
    return Drives(time, metres)


def within(graph: RoadGraph, place: Snapped, *, limit_s: float = np.inf, access_kph: float = ACCESS_KPH) -> Within:
    """Find what is reached from one place within `limit_s` seconds: for isochrones and cut-off areas."""
    if len(place.edge) != 1:
        raise NetworkError(f"{len(place.edge)} places; one expected")
    _require(graph, place)
    leaving = departures(graph, place, access_kph)
    tree = search_tree(graph, leaving.state, leaving.time_s, leaving.length, limit_s=limit_s)
    node_s = np.full(graph.n_nodes, np.inf)
    np.minimum.at(node_s, graph.state_node, tree.time_s)
    return Within(graph, tree.time_s, node_s)


def along_one_edge(
    graph: RoadGraph, origins: Snapped, destinations: Snapped, access_kph: float = ACCESS_KPH
) -> tuple[Ints, Ints, Floats, Floats]:
    """List drives that do not leave the edge both places are on: origin, destination, seconds, metres.

    Pairs on no common edge are left out; those on several come several times.
    """
    place, rank = np.nonzero(destinations.edge >= 0)
    edge = destinations.edge[place, rank]
    order = np.argsort(edge, kind="stable")
    edge, place, rank = edge[order], place[order], rank[order]
    low = np.searchsorted(edge, origins.edge)
    count = np.where(origins.edge >= 0, np.searchsorted(edge, origins.edge, side="right") - low, 0)
    origin, origin_rank = np.nonzero(count)
    repeats = count[origin, origin_rank]
    pair = ranges(low[origin, origin_rank], repeats)
    origin, origin_rank = np.repeat(origin, repeats), np.repeat(origin_rank, repeats)
    destination, rank = place[pair], rank[pair]
    seconds, along = _on_edge(graph, origins, destinations, origin, origin_rank, destination, rank, access_kph)
    return origin, destination, seconds, along


def _on_edge(
    graph: RoadGraph,
    origins: Snapped,
    destinations: Snapped,
    origin: Ints,
    origin_rank: Ints | int,
    destination: Ints,
    rank: Ints | int,
    access_kph: float,
) -> tuple[Floats, Floats]:
    """Return seconds (infinite where there is none) and metres of drives along one edge."""
    edge = origins.edge[origin, origin_rank]
    is_same = (edge >= 0) & (edge == destinations.edge[destination, rank])
    forward = destinations.fraction[destination, rank] - origins.fraction[origin, origin_rank]
    # A last row of -1 stands for "no edge", a last time of infinity for "no arc".
    arcs = np.vstack([graph.edge_arc, [(-1, -1)]])[np.where(is_same, edge, -1)]
    driven_m = np.abs(forward) * np.append(graph.edge_length_m, np.nan)[np.where(is_same, edge, -1)]
    arc = np.where(forward >= 0, arcs[:, 0], arcs[:, 1])
    arc = np.where((arc < 0) & (driven_m <= SAME_PLACE_M), arcs.max(axis=1), arc)
    access_m = origins.distance_m[origin, origin_rank] + destinations.distance_m[destination, rank]
    with np.errstate(invalid="ignore"):
        seconds = np.abs(forward) * np.append(graph.arc_time_s, np.inf)[arc] + access_m * 3.6 / access_kph
    return np.where(np.isnan(seconds), np.inf, seconds), driven_m + access_m
