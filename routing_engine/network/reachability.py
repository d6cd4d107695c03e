"""What can still be reached while streets are shut: sets of states, without times."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from routing_engine.network.components import MAIN
from routing_engine.network.graph import RoadGraph
from routing_engine.network.search import search_tree
from routing_engine.network.snapping import Snapped
from routing_engine.network.states import Ints

Bools = npt.NDArray[np.bool_]

# A part this large of the open main part is what is left of it; looked for from so many places, evenly spread. Of parts
# below the second share none is a main part: everything is cut off from everything.
MAIN_SHARE = 0.5
LEAST_SHARE = 0.05
TRIES = 16


def departing_states(graph: RoadGraph, places: Snapped, rows: Ints) -> Ints:
    """Return the states that drives from some of the places reach first."""
    edge = places.edge[rows]
    arc = graph.edge_arc[edge[edge >= 0]]
    return np.unique(graph.arc_target[arc[arc >= 0]])


def reached_states(graph: RoadGraph, states: npt.ArrayLike) -> Bools:
    """Tell which states ``(n_states,)`` can be driven to from `states` (which count themselves)."""
    return _spread(graph, states, is_reversed=False)


def reaching_states(graph: RoadGraph, states: npt.ArrayLike) -> Bools:
    """Tell from which states ``(n_states,)`` one can drive to `states` (which count themselves)."""
    return _spread(graph, states, is_reversed=True)


def _spread(graph: RoadGraph, states: npt.ArrayLike, *, is_reversed: bool) -> Bools:
    start = np.asarray(states, dtype=np.int64)
    nothing = np.zeros(len(start))
    return np.isfinite(search_tree(graph, start, nothing, nothing, is_reversed=is_reversed).time_s)


def main_part(graph: RoadGraph) -> Bools:
    """Return what is left of the main part: the states ``(n_states,)`` from which its heart can be reached.

    The heart is the first strongly connected part found that holds `MAIN_SHARE` of the open network's main part; where
    closures leave none so large, the largest one found from `TRIES` places; nothing where that is next to none.
    """
    main = np.flatnonzero(graph.state_component == MAIN)
    best = np.zeros(graph.n_states, dtype=bool)
    most = LEAST_SHARE * len(main)
    for i in range(min(TRIES, len(main))):
        # Spread evenly, beginning in the middle.
        state = main[(len(main) // 2 + i * len(main) // TRIES) % len(main)]
        reaching = reaching_states(graph, [state])
        size = int((reached_states(graph, [state]) & reaching)[main].sum())
        if size > most:
            best, most = reaching, size
        if size >= MAIN_SHARE * len(main):
            break
    return best


def reached_edges(graph: RoadGraph, reached: Bools) -> Bools:
    """Tell which edges ``(n_edges,)`` can be driven onto from reached states.

    Shut edges count when one of their ends is reached: places on them are reached from there. Forbidden turns into the
    edge are left out of account.
    """
    node = np.zeros(graph.n_nodes, dtype=bool)
    node[graph.state_node[reached]] = True
    is_entered = np.append(node[graph.arc_tail], False)  # index -1, no arc, is the last
    return np.asarray(is_entered[graph.edge_arc].any(axis=1), dtype=bool)


def streets_outside(graph: RoadGraph) -> tuple[dict[str, Any], float]:
    """Return the streets outside the main part: no position is put on them, and no drive takes them.

    Returns
    -------
    tuple
        GeoJSON MultiLineString in EPSG:4326 degrees, and its length in metres. Streets closed to the profile are not
        among them: those are no streets to it.
    """
    edges = np.flatnonzero(graph.edge_component > MAIN)
    lines = [graph.vertex_lonlat[graph.vertex_start[edge] : graph.vertex_start[edge + 1]].tolist() for edge in edges]
    return {"type": "MultiLineString", "coordinates": lines}, float(graph.edge_length_m[edges].sum())
