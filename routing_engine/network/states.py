"""Turn restrictions as states of a search: where a vehicle is and, where it matters, how it came there.

A *state* is a node, or one way of arriving at a node (an *approach*) when that arrival may not turn everywhere. An
unrestricted network has one state per node, so restrictions cost memory only where they stand.

U-turn rule: a vehicle may turn round at any node unless a restriction on its approach forbids it (a ``no`` from an
edge to itself, or an ``only`` to another edge). Engines do turn round at junctions, and a general ban would need a
state for every arc, about twice the memory. The rule also means that closing a street never opens a manoeuvre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Arcs:
    """Directed arcs, one or two per edge.

    Attributes
    ----------
    edge, tail, head
        Edge and node indices ``(n_arcs,)``.
    of_edge
        ``(n_edges, 2)``: the arc along and the arc against the drawing; -1 where it may not be driven.
    time_s
        Seconds over the whole arc ``(n_arcs,)``.
    """

    edge: Ints
    tail: Ints
    head: Ints
    of_edge: Ints
    time_s: Floats


@dataclass(frozen=True, eq=False)
class Turns:
    """Restrictions in indices; `to_edge` is -1 where that edge is not part of the network.

    Attributes
    ----------
    from_edge, via_node, to_edge
        ``(n_restrictions,)``.
    is_only
        True: every other turn is forbidden. False: this turn is forbidden.
    """

    from_edge: Ints
    via_node: Ints
    to_edge: Ints
    is_only: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class States:
    """The search graph over states.

    Attributes
    ----------
    node, arc
        ``(n_states,)``: where the state is, and the arc it arrived by (-1: any without a restriction).
    arc_target
        ``(n_arcs,)``: the state reached by driving the arc.
    arc_source
        ``(n_arcs, k)``: states from which the arc may be entered; -1 pads.
    indptr, indices, time_s, entry_arc
        Compressed rows: row *i* holds the states next to state *i*, the seconds, and the arc driven.
    """

    node: Ints
    arc: Ints
    arc_target: Ints
    arc_source: Ints
    indptr: Ints
    indices: Ints
    time_s: Floats
    entry_arc: Ints


def ranges(start: Ints, count: Ints) -> Ints:
    """Return ``start[0] … start[0]+count[0]-1, start[1] …`` as one array."""
    before = np.cumsum(count) - count
    return np.repeat(start - before, count) + np.arange(int(count.sum()))


def compressed(
    row: npt.NDArray[Any], column: npt.NDArray[Any], weight: Floats, n_rows: int
) -> tuple[Ints, npt.NDArray[np.intp]]:
    """Sort entries by row and column and keep the lightest of each pair (ties: the first given).

    SciPy must not see a pair twice: it adds them when it compresses, and its search for strong components does not
    end on them (1.17).

    Returns
    -------
    tuple
        `indptr` ``(n_rows + 1,)`` and the positions of the kept entries, in order.
    """
    order = np.lexsort((weight, column, row))
    r, c = row[order], column[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (r[1:] != r[:-1]) | (c[1:] != c[:-1])
    kept = order[first]
    return np.searchsorted(row[kept], np.arange(n_rows + 1)).astype(np.int64), kept


def _allowed_turns(arcs: Arcs, turns: Turns, n_nodes: int) -> tuple[Ints, Ints, Ints]:
    """Return the restricted approaches (arcs), and the pairs (approach index, arc) that may be driven."""
    n_edges = len(arcs.of_edge)
    arriving = [arcs.of_edge[turns.from_edge, side] for side in (0, 1)]
    row = np.concatenate([np.flatnonzero((arc >= 0) & (arcs.head[arc] == turns.via_node)) for arc in arriving])
    arc = np.concatenate([arc[(arc >= 0) & (arcs.head[arc] == turns.via_node)] for arc in arriving])
    approach, of_row = np.unique(arc, return_inverse=True)

    by_tail = np.argsort(arcs.tail, kind="stable")
    start = np.searchsorted(arcs.tail[by_tail], np.arange(n_nodes + 1))
    via = arcs.head[approach]
    count = start[via + 1] - start[via]
    turn_from = np.repeat(np.arange(len(approach)), count)
    turn_arc = by_tail[ranges(start[via], count)]

    is_only = turns.is_only[row]
    named = of_row * (n_edges + 1) + np.where(turns.to_edge[row] < 0, n_edges, turns.to_edge[row])
    key = turn_from * (n_edges + 1) + arcs.edge[turn_arc]
    allowed = ~np.isin(key, named[~is_only])
    allowed &= ~np.isin(turn_from, of_row[is_only]) | np.isin(key, named[is_only])

    # An approach whose every turn is allowed (the forbidden street is one-way towards us) needs no state.
    needed = np.bincount(turn_from[~allowed], minlength=len(approach)) > 0
    new = np.cumsum(needed) - 1
    kept = allowed & needed[turn_from]
    return approach[needed], new[turn_from[kept]], turn_arc[kept]


def expand(arcs: Arcs, turns: Turns, n_nodes: int) -> States:
    """Make the states and the search graph over them.

    Parameters
    ----------
    arcs
        What may be driven.
    turns
        Restrictions via a node. Several on one approach add up: a turn must be named by an ``only`` (if there is
        one) and by no ``no``.
    n_nodes
        Number of nodes; states 0 … n_nodes-1 are the nodes.
    """
    n_arcs = len(arcs.edge)
    approach, turn_from, turn_arc = _allowed_turns(arcs, turns, n_nodes)
    arc_target = arcs.head.copy()
    arc_target[approach] = n_nodes + np.arange(len(approach))

    by_arc = np.argsort(turn_arc, kind="stable")
    n_sources = np.bincount(turn_arc, minlength=n_arcs)
    rank = np.arange(len(by_arc)) - np.repeat(np.cumsum(n_sources) - n_sources, n_sources)
    arc_source = np.full((n_arcs, 1 + int(n_sources.max(initial=0))), -1, dtype=np.int64)
    arc_source[:, 0] = arcs.tail
    arc_source[turn_arc[by_arc], 1 + rank] = n_nodes + turn_from[by_arc]

    row = np.concatenate([arcs.tail, n_nodes + turn_from])
    arc = np.concatenate([np.arange(n_arcs), turn_arc])
    indptr, kept = compressed(row, arc_target[arc], arcs.time_s[arc], n_nodes + len(approach))
    return States(
        node=np.concatenate([np.arange(n_nodes), arcs.head[approach]]),
        arc=np.concatenate([np.full(n_nodes, -1), approach]),
        arc_target=arc_target,
        arc_source=arc_source,
        indptr=indptr,
        indices=arc_target[arc[kept]],
        time_s=arcs.time_s[arc[kept]],
        entry_arc=arc[kept],
    )
