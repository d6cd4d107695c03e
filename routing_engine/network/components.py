"""Parts of the network: from where to where one can drive and come back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from routing_engine.network.states import Arcs, Ints

MAIN = 0
NOT_ROUTABLE = -1


def strong_components(indptr: Ints, indices: Ints, state_node: Ints) -> npt.NDArray[np.int32]:
    """Label strongly connected components of the states, most nodes first (ties: lowest state first)."""
    # Imported here: it takes half a second, and only those who build a graph need it.
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n_states = len(state_node)
    if n_states == 0:
        return np.empty(0, dtype=np.int32)
    matrix = csr_array((np.ones(len(indices), np.int8), indices, indptr), shape=(n_states, n_states))
    n_labels, label = connected_components(matrix, directed=True, connection="strong")
    pairs = np.unique(np.column_stack([label, state_node]), axis=0)
    size = np.bincount(pairs[:, 0], minlength=n_labels)
    first = np.full(n_labels, n_states)
    np.minimum.at(first, label, np.arange(n_states))
    rank = np.empty(n_labels, dtype=np.int32)
    rank[np.lexsort((first, -size))] = np.arange(n_labels)
    return np.asarray(rank[label], dtype=np.int32)


def edge_components(arcs: Arcs, source: Ints, target: Ints, label: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Label edges. An edge is in the main part when some arc of it leads from that part back into it."""
    entered = np.where(source >= 0, label[source], np.iinfo(np.int32).max).min(axis=1)
    of_arc = np.maximum(entered, label[target])
    both = np.where(arcs.of_edge >= 0, of_arc[arcs.of_edge] if len(of_arc) else 0, np.iinfo(np.int32).max)
    lowest = both.min(axis=1)
    return np.where(lowest == np.iinfo(np.int32).max, NOT_ROUTABLE, lowest).astype(np.int32)
