"""Fastest drives from a few starts to every state, with the metres along them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats
from routing_engine.network.states import Ints, compressed


def search_from_states(graph: RoadGraph, states: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return seconds and metres ``(len(states), n_states)`` of the fastest drives between states; NaN: none."""
    target = np.asarray(states, dtype=np.int64)
    nothing = np.zeros(len(target))
    return search(graph, np.arange(len(target)), target, nothing, nothing, len(target))


def search(
    graph: RoadGraph, start: Ints, target: Ints, seconds: Floats, metres: Floats, n_starts: int
) -> tuple[Floats, Floats]:
    """Search from `n_starts` temporary states that lead to `target` in so many seconds and metres."""
    # Imported here: it takes half a second, and only those who build a field need it.
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    n_states = graph.n_states
    size = n_states + n_starts
    row = np.concatenate([np.repeat(np.arange(n_states), np.diff(graph.indptr)), n_states + start])
    column = np.concatenate([graph.indices, target])
    weight = np.concatenate([graph.entry_time_s, seconds])
    length = np.concatenate([graph.edge_length_m[graph.arc_edge[graph.entry_arc]], metres])
    indptr, kept = compressed(row, column, weight, size)
    matrix = csr_array((weight[kept], column[kept], indptr), shape=(size, size))
    time, before = dijkstra(matrix, indices=n_states + np.arange(n_starts), return_predecessors=True)
    along = _along_paths(before, row[kept] * size + column[kept], length[kept])
    time[np.isinf(time)] = np.nan
    along[np.isnan(time)] = np.nan
    return time[:, :n_states], along[:, :n_states]


def _along_paths(before: npt.NDArray[np.int32], pairs: Ints, length: Floats) -> Floats:
    """Add up `length` along the search trees.

    Parameters
    ----------
    before
        Predecessors ``(n_searches, size)``, negative at roots and where nothing was reached.
    pairs
        Sorted ``row * size + column`` of the entries `length` belongs to.

    Notes
    -----
    Pointer doubling: each round halves the number of steps to the root, so depth *d* takes log2(d) rounds.
    """
    size = before.shape[1]
    total = np.zeros(before.shape)
    for tree, metres in zip(before, total, strict=True):
        state = np.flatnonzero(tree >= 0)
        up = np.arange(size)
        up[state] = tree[state]
        metres[state] = length[np.searchsorted(pairs, tree[state].astype(np.int64) * size + state)]
        while True:
            further = up[up]
            if np.array_equal(further, up):
                break
            metres += metres[up]
            up = further
    return total
