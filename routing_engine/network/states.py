"""Turn restrictions as states of a search: where a vehicle is and, where it matters, how it came there.

A *state* is a node, or one way of arriving at a node when that arrival may not turn everywhere: an *approach* (the arc
it came by), or, inside a restriction over whole streets, a *course* (the arc, and which restrictions have begun). An
unrestricted network has one state per node, so restrictions cost memory only where they stand.

U-turn rule: a vehicle may turn round at any node unless a restriction on its approach forbids it (a ``no`` from an
edge to itself, or an ``only`` to another edge). Engines do turn round at junctions. `UTurns.DEAD_ENDS` forbids it
wherever there is another way on, as routing servers for the public do; it needs a state for nearly every arc.
Measured in docs/road-search.md. The first rule also means that closing a street never opens a manoeuvre.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class UTurns(StrEnum):
    """Where a vehicle may turn round on its own street."""

    ANYWHERE = "anywhere"
    DEAD_ENDS = "dead_ends"


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
    delay_s
        Seconds lost in passing the arc's head, once it is passed ``(n_arcs,)``.
    """

    edge: Ints
    tail: Ints
    head: Ints
    of_edge: Ints
    time_s: Floats
    delay_s: Floats


@dataclass(frozen=True, eq=False)
class Turns:
    """Restrictions in indices; `to_edge` is -1 where that edge is not part of the network.

    Attributes
    ----------
    from_edge, via_node, to_edge
        ``(n_restrictions,)``; `via_node` is where `from_edge` ends.
    is_only
        True: every other turn is forbidden. False: this turn is forbidden.
    via_edges
        Edges between the two, in driving order; empty for a restriction at a node. An ``only`` binds once `from_edge`
        and all of `via_edges` have been driven; leaving earlier is allowed.
    """

    from_edge: Ints
    via_node: Ints
    to_edge: Ints
    is_only: npt.NDArray[np.bool_]
    via_edges: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class States:
    """The search graph over states.

    Attributes
    ----------
    node, arc
        ``(n_states,)``: where the state is, and the arc it arrived by (-1: any without a restriction).
    arc_target
        ``(n_arcs,)``: the state reached by driving the arc from a place on it or from an unrestricted state.
    source_start, source
        States from which arc *i* may be entered: ``source[source_start[i]:source_start[i+1]]``, ascending.
    indptr, indices, entry_arc
        Compressed rows: row *i* holds the states next to state *i* and the arc driven, by (arc, state).
    """

    node: Ints
    arc: Ints
    arc_target: Ints
    source_start: Ints
    source: Ints
    indptr: Ints
    indices: Ints
    entry_arc: Ints


def ranges(start: Ints, count: Ints) -> Ints:
    """Return ``start[0] … start[0]+count[0]-1, start[1] …`` as one array."""
    before = np.cumsum(count) - count
    return np.repeat(start - before, count) + np.arange(int(count.sum()))


def no_turning_round(arcs: Arcs, turns: Turns, n_nodes: int) -> Turns:
    """List the restrictions that forbid turning round wherever another street may be taken.

    A dead end is where nothing else is left: no other arc leaves, or restrictions forbid each one that does. That is
    OSRM's rule.
    """
    is_two_way = (arcs.of_edge[arcs.edge] >= 0).all(axis=1)
    n_leaving = np.bincount(arcs.tail, minlength=n_nodes)
    n_others = n_leaving[arcs.head] - 1
    for (restricted, via), left in _left_by_restrictions(arcs, turns).items():
        for arc in arcs.of_edge[restricted]:
            if arc >= 0 and arcs.head[arc] == via:
                n_others[arc] = left
    barred = np.flatnonzero(is_two_way & (n_others > 0))
    edge = arcs.edge[barred]
    return Turns(edge, arcs.head[barred], edge, np.zeros(len(barred), bool), ((),) * len(barred))


def _left_by_restrictions(arcs: Arcs, turns: Turns) -> dict[tuple[int, int], int]:
    """Count, for each restricted arrival (edge, node), the other edges that may still be taken."""
    banned: dict[tuple[int, int], set[int]] = {}
    only: dict[tuple[int, int], set[int]] = {}
    rows = zip(
        turns.from_edge.tolist(),
        turns.via_node.tolist(),
        turns.to_edge.tolist(),
        turns.is_only,
        turns.via_edges,
        strict=True,
    )
    for edge, via, to, is_only, via_edges in rows:
        if not via_edges:
            (only if is_only else banned).setdefault((edge, via), set()).add(to)
    leaving: dict[int, set[int]] = {via: set() for _, via in banned.keys() | only.keys()}
    for arc in np.flatnonzero(np.isin(arcs.tail, list(leaving))).tolist():
        leaving[int(arcs.tail[arc])].add(int(arcs.edge[arc]))
    left = {}
    for edge, via in banned.keys() | only.keys():
        others = leaving[via] - {edge} - banned.get((edge, via), set())
        if (edge, via) in only:
            others &= only[edge, via]
        left[edge, via] = len(others)
    return left


def joined(one: Turns, two: Turns) -> Turns:
    """Return the restrictions of both."""
    return Turns(
        np.concatenate([one.from_edge, two.from_edge]),
        np.concatenate([one.via_node, two.via_node]),
        np.concatenate([one.to_edge, two.to_edge]),
        np.concatenate([one.is_only, two.is_only]),
        one.via_edges + two.via_edges,
    )


def _leaving(arcs: Arcs, n_nodes: int) -> tuple[Ints, Ints]:
    """Return the arcs by tail, and where each node's begin."""
    by_tail = np.argsort(arcs.tail, kind="stable")
    return by_tail, np.searchsorted(arcs.tail[by_tail], np.arange(n_nodes + 1)).astype(np.int64)


def _allowed_turns(arcs: Arcs, turns: Turns, by_tail: Ints, start: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the approaches (arcs) restricted at their node, and the pairs (approach index, arc) that may be driven."""
    n_edges = len(arcs.of_edge)
    at_node = np.array([not edges for edges in turns.via_edges], dtype=bool)
    from_edge, via_node = turns.from_edge[at_node], turns.via_node[at_node]
    to_edge, only = turns.to_edge[at_node], turns.is_only[at_node]
    arriving = [arcs.of_edge[from_edge, side] for side in (0, 1)]
    row = np.concatenate([np.flatnonzero((arc >= 0) & (arcs.head[arc] == via_node)) for arc in arriving])
    arc = np.concatenate([arc[(arc >= 0) & (arcs.head[arc] == via_node)] for arc in arriving])
    approach, of_row = np.unique(arc, return_inverse=True)

    via = arcs.head[approach]
    count = start[via + 1] - start[via]
    turn_from = np.repeat(np.arange(len(approach)), count)
    turn_arc = by_tail[ranges(start[via], count)]

    is_only = only[row]
    named = of_row * (n_edges + 1) + np.where(to_edge[row] < 0, n_edges, to_edge[row])
    key = turn_from * (n_edges + 1) + arcs.edge[turn_arc]
    allowed = ~np.isin(key, named[~is_only])
    allowed &= ~np.isin(turn_from, of_row[is_only]) | np.isin(key, named[is_only])

    # An approach whose every turn is allowed (the forbidden street is one-way towards us) needs no state.
    needed = np.bincount(turn_from[~allowed], minlength=len(approach)) > 0
    new = np.cumsum(needed) - 1
    kept = allowed & needed[turn_from]
    return approach[needed], new[turn_from[kept]], turn_arc[kept]


@dataclass(frozen=True)
class _Sequence:
    """A restriction over streets: once `arcs` have been driven one after the other, `to_edge` is barred or the only."""

    arcs: tuple[int, ...]
    to_edge: int
    is_only: bool


def _sequences(arcs: Arcs, turns: Turns) -> list[_Sequence]:
    """Translate restrictions over streets into arcs; those with a street that cannot be driven so never bind."""
    found = []
    for i, via_edges in enumerate(turns.via_edges):
        if not via_edges:
            continue
        first = arcs.of_edge[turns.from_edge[i]]
        open_ends: list[tuple[int, ...]] = [
            (int(arc),) for arc in first if arc >= 0 and arcs.head[arc] == turns.via_node[i]
        ]
        for edge in via_edges:
            sides = [int(arc) for arc in arcs.of_edge[edge] if arc >= 0] if edge >= 0 else []
            open_ends = [
                (*driven, arc) for driven in open_ends for arc in sides if arcs.tail[arc] == arcs.head[driven[-1]]
            ]
        found += [_Sequence(driven, int(turns.to_edge[i]), bool(turns.is_only[i])) for driven in open_ends]
    return found


Begun = frozenset[tuple[int, int]]


class _Courses:
    """States inside restrictions over streets, found by driving on from where they begin."""

    def __init__(
        self,
        arcs: Arcs,
        sequences: list[_Sequence],
        approach: Ints,
        turn_from: Ints,
        turn_arc: Ints,
        by_tail: Ints,
        start: Ints,
    ) -> None:
        self.arcs, self.sequences, self.by_tail, self.start = arcs, sequences, by_tail, start
        self.beginning: dict[int, set[tuple[int, int]]] = {}
        for number, sequence in enumerate(sequences):
            self.beginning.setdefault(sequence.arcs[0], set()).add((number, 0))
        bounds = np.searchsorted(turn_from, np.arange(len(approach) + 1))
        named = enumerate(approach.tolist()) if sequences else ()
        self.allowed = {arc: turn_arc[bounds[i] : bounds[i + 1]] for i, arc in named}
        self.number: dict[tuple[int, Begun], int] = {}
        self.turns: list[tuple[int, int, int]] = []  # course, arc, course reached or -1
        self._drive()

    def begun(self, arc: int) -> Begun:
        """Return what begins by driving `arc`."""
        return frozenset(self.beginning.get(arc, ()))

    def _of(self, arc: int, begun: Begun, waiting: deque[tuple[int, Begun]]) -> int:
        if not begun:
            return -1
        key = (arc, begun)
        if key not in self.number:
            self.number[key] = len(self.number)
            waiting.append(key)
        return self.number[key]

    def _drive(self) -> None:
        waiting: deque[tuple[int, Begun]] = deque()
        for arc in sorted(self.beginning):
            self._of(arc, self.begun(arc), waiting)
        while waiting:
            arc, begun = key = waiting.popleft()
            node = int(self.arcs.head[arc])
            leaving = self.allowed.get(arc, self.by_tail[self.start[node] : self.start[node + 1]])
            bound = [self.sequences[number] for number, at in begun if at + 1 == len(self.sequences[number].arcs)]
            barred = {one.to_edge for one in bound if not one.is_only}
            only = {one.to_edge for one in bound if one.is_only}
            for following in sorted(leaving.tolist()):
                edge = int(self.arcs.edge[following])
                if edge in barred or (only and edge not in only):
                    continue
                further = {
                    (number, at + 1)
                    for number, at in begun
                    if at + 1 < len(self.sequences[number].arcs) and self.sequences[number].arcs[at + 1] == following
                }
                reached = self._of(following, frozenset(further) | self.begun(following), waiting)
                self.turns.append((self.number[key], following, reached))


def expand(arcs: Arcs, turns: Turns, n_nodes: int) -> States:
    """Make the states and the search graph over them.

    Parameters
    ----------
    arcs
        What may be driven.
    turns
        Restrictions. Several on one approach add up: a turn must be named by an ``only`` (if there is one) and by no
        ``no``.
    n_nodes
        Number of nodes; states 0 … n_nodes-1 are the nodes, then come approaches, then courses.
    """
    n_arcs = len(arcs.edge)
    by_tail, start = _leaving(arcs, n_nodes)
    approach, turn_from, turn_arc = _allowed_turns(arcs, turns, by_tail, start)
    courses = _Courses(arcs, _sequences(arcs, turns), approach, turn_from, turn_arc, by_tail, start)
    first_course = n_nodes + len(approach)

    arc_target = arcs.head.copy()
    arc_target[approach] = n_nodes + np.arange(len(approach))
    base_target = arc_target.copy()
    course_arc = np.empty(len(courses.number), dtype=np.int64)
    for (last, begun), number in courses.number.items():
        course_arc[number] = last
        if begun == courses.begun(last):
            arc_target[last] = first_course + number

    driven = np.array(courses.turns, dtype=np.int64).reshape(-1, 3)
    row = np.concatenate([arcs.tail, n_nodes + turn_from, first_course + driven[:, 0]])
    arc = np.concatenate([np.arange(n_arcs), turn_arc, driven[:, 1]])
    reached = np.where(driven[:, 2] < 0, base_target[driven[:, 1]], first_course + driven[:, 2])
    column = np.concatenate([arc_target[arc[: n_arcs + len(turn_arc)]], reached])

    node = np.concatenate([np.arange(n_nodes), arcs.head[approach], arcs.head[course_arc]])
    order = np.lexsort((column, arc, row))
    by_arc = np.lexsort((row, arc))
    return States(
        node=node,
        arc=np.concatenate([np.full(n_nodes, -1), approach, course_arc]),
        arc_target=arc_target,
        source_start=np.searchsorted(arc[by_arc], np.arange(n_arcs + 1)).astype(np.int64),
        source=row[by_arc],
        indptr=np.searchsorted(row[order], np.arange(len(node) + 1)).astype(np.int64),
        indices=column[order],
        entry_arc=arc[order],
    )


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
