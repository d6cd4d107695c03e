"""Parts of the network: from where to where one can drive and come back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from routing_engine.network.states import Arcs, States, compressed

MAIN = 0
NOT_ROUTABLE = -1


def strong_components(states: States) -> npt.NDArray[np.int32]:
    """Label strongly connected components of the states, most nodes first (ties: lowest state first)."""
    # Imported here: it takes half a second, and only those who build a graph need it.
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n_states = len(states.node)
    if n_states == 0:
        return np.empty(0, dtype=np.int32)
    row = np.repeat(np.arange(n_states), np.diff(states.indptr))
    indptr, kept = compressed(row, states.indices, np.zeros(len(row)), n_states)
    column = states.indices[kept]
    matrix = csr_array((np.ones(len(column), np.int8), column, indptr), shape=(n_states, n_states))
    n_labels, label = connected_components(matrix, directed=True, connection="strong")
    pairs = np.unique(np.column_stack([label, states.node]), axis=0)
    size = np.bincount(pairs[:, 0], minlength=n_labels)
    first = np.full(n_labels, n_states)
    np.minimum.at(first, label, np.arange(n_states))
    rank = np.empty(n_labels, dtype=np.int32)
    rank[np.lexsort((first, -size))] = np.arange(n_labels)
    return np.asarray(rank[label], dtype=np.int32)


def edge_components(arcs: Arcs, states: States, label: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Label edges. An edge is in the main part when some arc of it leads from that part back into it."""
    unknown = np.iinfo(np.int32).max
    entered = np.full(len(arcs.edge), unknown, dtype=np.int32)
    arc = np.repeat(np.arange(len(arcs.edge)), np.diff(states.source_start))
    np.minimum.at(entered, arc, label[states.source])
    of_arc = np.maximum(entered, label[states.arc_target])
    both = np.where(arcs.of_edge >= 0, of_arc[arcs.of_edge] if len(of_arc) else 0, unknown)
    lowest = both.min(axis=1)
    return np.where(lowest == unknown, NOT_ROUTABLE, lowest).astype(np.int32)
