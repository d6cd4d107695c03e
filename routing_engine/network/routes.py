"""Routes: the streets of the fastest drive between two places, with its geometry and every state it passes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gis.errors import NetworkError
from routing_engine.network.fields import Field
from routing_engine.network.graph import Ints32, RoadGraph
from routing_engine.network.projection import Floats, to_lonlat
from routing_engine.network.search import ACCESS_KPH, SAME_PLACE_M, Ways, arrivals, departures, search_tree
from routing_engine.network.snapping import Snapped, at_fraction
from routing_engine.network.states import Ints
from routing_engine.network.units import TICKS_PER_M


@dataclass(frozen=True)
class Street:
    """A part of a route on one street: its name (or number, or `None`), metres, seconds, and the edges it takes."""

    name: str | None
    distance_m: float
    time_s: float
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Route:
    """The fastest drive between two places.

    Attributes
    ----------
    graph
        The network.
    time_s, distance_m
        Seconds and metres, access at both ends included.
    edge, is_forward
        ``(n,)``: edges in driving order, and whether each is driven along its drawing.
    state
        ``(n - 1,)``: the state in which each edge but the last is left; with `edge` it shows every turn taken.
    begin, end
        Part of the first edge's drawing where the drive begins, of the last edge's where it ends.
    candidates
        Which snapping candidates of origin and destination it joins.
    access_m
        Metres between the places and the road, at both ends.
    """

    graph: RoadGraph
    time_s: float
    distance_m: float
    edge: Ints
    is_forward: npt.NDArray[np.bool_]
    state: Ints
    begin: float
    end: float
    candidates: tuple[int, int]
    access_m: tuple[float, float]

    @cached_property
    def parts(self) -> Floats:
        """Which part of each edge is driven ``(n, 2)``: from and to, along its drawing."""
        parts = np.where(self.is_forward[:, None], (0.0, 1.0), (1.0, 0.0))
        parts[0, 0], parts[-1, 1] = self.begin, self.end
        return parts

    @cached_property
    def lonlat(self) -> Floats:
        """The line driven ``(m, 2)``, EPSG:4326 degrees, from road to road."""
        graph, lines = self.graph, []
        for edge, (begin, end) in zip(self.edge.tolist(), self.parts.tolist(), strict=True):
            xy = graph.vertex_xy_m[graph.vertex_start[edge] : graph.vertex_start[edge + 1]]
            low, high = min(begin, end), max(begin, end)
            if (low, high) != (0.0, 1.0):  # the first and the last edge
                ends, _ = at_fraction(graph, np.array([edge, edge]), np.array([low, high]))
                along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
                between = xy[(along > low * along[-1]) & (along < high * along[-1])]
                xy = np.vstack([ends[:1], between, ends[1:]])
            lines.append(xy if begin <= end else xy[::-1])
        whole = np.vstack(lines)
        # The end of one edge is the beginning of the next.
        moved = np.ones(len(whole), dtype=bool)
        moved[1:] = (np.abs(np.diff(whole, axis=0)) > 1e-6).any(axis=1)
        return to_lonlat(whole[moved], graph.metric_srid)

    @cached_property
    def edge_m(self) -> Floats:
        """Metres driven on each edge ``(n,)``."""
        return np.abs(np.diff(self.parts, axis=1))[:, 0] * self.graph.edge_length_m[self.edge]

    @cached_property
    def edge_s(self) -> Floats:
        """Seconds on each edge ``(n,)``, with the delay at its end where it is passed."""
        graph = self.graph
        arc = graph.edge_arc[self.edge, (~self.is_forward).astype(np.int64)]
        # A metre against a one-way counts as its street; see `search.SAME_PLACE_M`.
        arc = np.where(arc < 0, graph.edge_arc[self.edge].max(axis=1), arc)
        seconds = np.abs(np.diff(self.parts, axis=1))[:, 0] * graph.arc_time_s[arc]
        seconds[:-1] += graph.arc_delay_s[arc[:-1]]
        return np.asarray(seconds)

    def streets(self) -> list[Street]:
        """Return the streets in driving order, edges of the same name together."""
        name = self.graph.edge_name[self.edge]
        first = np.flatnonzero(np.concatenate([[True], name[1:] != name[:-1]]))
        last = np.append(first[1:], len(name))
        return [
            Street(
                self.graph.street(int(self.edge[a])),
                float(self.edge_m[a:b].sum()),
                float(self.edge_s[a:b].sum()),
                int(a),
                int(b),
            )
            for a, b in zip(first, last, strict=True)
        ]


def routes(
    graph: RoadGraph, origins: Snapped, destinations: Snapped, *, access_kph: float = ACCESS_KPH
) -> list[Route | None]:
    """Find the fastest route from each origin to the destination of the same number; `None` where no road leads.

    Raises
    ------
    NetworkError
        The lists differ in length, or the places are on another network.
    """
    for places in (origins, destinations):
        if places.graph is not graph and places.graph.digest != graph.digest:
            raise NetworkError("places belong to another road graph; snap them to this one")
    n = len(origins.edge)
    if len(destinations.edge) != n:
        raise NetworkError(f"{n} origins and {len(destinations.edge)} destinations; one for each expected")
    leaving, entering = departures(graph, origins, access_kph), arrivals(graph, destinations, access_kph)
    found: list[Route | None] = []
    for i in range(n):
        a, b = slice(*leaving.start[i : i + 2]), slice(*entering.start[i : i + 2])
        if a.start == a.stop or b.start == b.stop:
            found.append(None)
            continue
        tree = search_tree(graph, leaving.state[a], leaving.time_s[a], leaving.length[a], targets=entering.state[b])
        metres = tree.length[entering.state[b]] / TICKS_PER_M
        ends = (tree.time_s[entering.state[b]], metres, tree.parent)
        found.append(_route(graph, origins, destinations, i, i, leaving, entering, access_kph, *ends))
    return found


def route_from_station(field: Field, station: int, points: Snapped, point: int = 0) -> Route | None:
    """Return the route of a field's drive: from row `station` to position `point`; `None` where no road leads."""
    graph = field.graph
    leaving = departures(graph, field.stations, field.access_kph)
    entering = arrivals(graph, points, field.access_kph)
    state = entering.state[entering.start[point] : entering.start[point + 1]]
    seconds = np.nan_to_num(field.time_s[station, state].astype(np.float64), nan=np.inf)
    ends = (seconds, field.path_m[station, state].astype(np.float64), field.parent[station])
    return _route(graph, field.stations, points, station, point, leaving, entering, field.access_kph, *ends)


def _route(
    graph: RoadGraph,
    origins: Snapped,
    destinations: Snapped,
    origin: int,
    destination: int,
    leaving: Ways,
    entering: Ways,
    access_kph: float,
    end_s: Floats,
    end_m: Floats,
    parent: Ints32,
) -> Route | None:
    """Choose the best arrival, and walk its parents back to the departure."""
    b = slice(*entering.start[destination : destination + 2])
    seconds = end_s + entering.time_s[b]
    metres = end_m + entering.length[b] / TICKS_PER_M
    best = int(np.lexsort((metres, seconds))[0]) if len(seconds) else -1
    best_s = seconds[best] if best >= 0 else np.inf
    direct = _direct(graph, origins, destinations, origin, destination, access_kph, best_s)
    if direct is not None or not best_s < np.inf:
        return direct
    at = int(entering.state[b][best])
    state, entries = [at], []
    while (entry := int(parent[at])) >= 0:
        entries.append(entry)
        at = int(graph.entry_source[entry])
        state.append(at)
    way = int(leaving.start[origin]) - 2 - entry
    candidate, side = int(leaving.candidate[way]), int(leaving.side[way])
    end_candidate, end_side = int(entering.candidate[b][best]), int(entering.side[b][best])
    arc = graph.entry_arc[entries[::-1]].astype(np.int64)
    middle = graph.arc_edge[arc]
    ends = (origins.edge[origin, candidate], destinations.edge[destination, end_candidate])
    return Route(
        graph=graph,
        time_s=float(best_s),
        distance_m=float(metres[best]),
        edge=np.concatenate([[ends[0]], middle, [ends[1]]]).astype(np.int64),
        is_forward=np.concatenate([[side == 0], graph.edge_arc[middle, 0] == arc, [end_side == 0]]),
        state=np.array(state[::-1], dtype=np.int64),
        begin=float(origins.fraction[origin, candidate]),
        end=float(destinations.fraction[destination, end_candidate]),
        candidates=(candidate, end_candidate),
        access_m=(
            float(origins.distance_m[origin, candidate]),
            float(destinations.distance_m[destination, end_candidate]),
        ),
    )


def _direct(
    graph: RoadGraph,
    origins: Snapped,
    destinations: Snapped,
    origin: int,
    destination: int,
    access_kph: float,
    best_s: float,
) -> Route | None:
    """Return the drive that does not leave its first edge, where there is one faster than `best_s`."""
    found = None
    for one, edge in enumerate(origins.edge[origin].tolist()):
        for two, other in enumerate(destinations.edge[destination].tolist()):
            if edge < 0 or edge != other:
                continue
            begin, end = float(origins.fraction[origin, one]), float(destinations.fraction[destination, two])
            driven_m = abs(end - begin) * float(graph.edge_length_m[edge])
            arc = int(graph.edge_arc[edge, 0 if end >= begin else 1])
            if arc < 0 and driven_m <= SAME_PLACE_M:
                arc = int(graph.edge_arc[edge].max())
            access = (float(origins.distance_m[origin, one]), float(destinations.distance_m[destination, two]))
            seconds = abs(end - begin) * float(graph.arc_time_s[arc]) + sum(access) * 3.6 / access_kph
            if arc < 0 or not seconds < best_s:
                continue
            best_s = seconds
            found = Route(
                graph=graph,
                time_s=seconds,
                distance_m=driven_m + sum(access),
                edge=np.array([edge], dtype=np.int64),
                is_forward=np.array([end >= begin]),
                state=np.empty(0, dtype=np.int64),
                begin=begin,
                end=end,
                candidates=(one, two),
                access_m=access,
            )
    return found
