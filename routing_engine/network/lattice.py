"""A lattice of points over a network, each with the street segment it lies at: made once, read by every surface."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from routing_engine.network.compiled import kernels
from routing_engine.network.graph import Ints32, RoadGraph
from routing_engine.network.projection import Floats
from routing_engine.network.states import Ints

# Fine enough to tell neighbouring streets apart; the ground covered grows with its square.
CELL_M = 30.0
# How far beside a street it serves the ground, at most. Beyond it (a bay, a forest) nothing is reached.
REACH_M = 150.0
# Bounds the memory of a whole network's lattice (4 bytes per point); a larger one is looked at window by window.
MAX_POINTS = 16_000_000
# Of all lattices a process keeps: one for each vehicle and hour band that is asked for.
MAX_KEPT = 48_000_000

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class StreetLattice:
    """Points in rows from the lower left, whose coordinates are multiples of the cell: every lattice has the same ones.

    Attributes
    ----------
    left, bottom, cell_m, n_columns, n_rows
        In metres of the graph's metric SRID.
    segment
        ``(n_rows * n_columns,)``: first vertex of the nearest segment, -1 where none is within reach.
    vertex_edge, vertex_along, edge_drawn, edge_box
        Edge of each vertex, metres along its drawing; length and bounding box ``(n_edges, 4)`` of each drawing.
    """

    left: float
    bottom: float
    cell_m: float
    n_columns: int
    n_rows: int
    segment: Ints32
    vertex_edge: Ints32
    vertex_along: Floats
    edge_drawn: Floats
    edge_box: Floats

    def window(self, edges: Ints, margin_m: float) -> tuple[int, int, int, int]:
        """Return first column, first row, columns and rows of the part around `edges`."""
        low = self.edge_box[edges, :2].min(axis=0) - margin_m - (self.left, self.bottom)
        high = self.edge_box[edges, 2:].max(axis=0) + margin_m - (self.left, self.bottom)
        size = (self.n_columns, self.n_rows)
        first = [max(0, math.floor(metres / self.cell_m)) for metres in low]
        last = [min(n - 1, math.ceil(metres / self.cell_m)) for metres, n in zip(high, size, strict=True)]
        return first[0], first[1], last[0] - first[0] + 1, last[1] - first[1] + 1


_whole: OrderedDict[str, StreetLattice] = OrderedDict()  # digest of the network → its lattice, the latest used last
_lock = threading.Lock()


def lattice_around(graph: RoadGraph, edges: Ints) -> StreetLattice:
    """Return a lattice over `edges` of the graph at least; that of the whole network where it is small enough.

    Notes
    -----
    A street that is closed for now owns the ground beside it as before: positions are put on it, too.
    """
    network = graph.base or graph
    with _lock:
        known = _whole.get(network.digest)
        if known is None:
            boxes = _edge_boxes(network)
            if _n_points(boxes, network.main_edges, CELL_M) > MAX_POINTS:
                return _make(network, boxes, edges)
            known = _whole[network.digest] = _make(network, boxes, network.main_edges)
            while sum(len(one.segment) for one in _whole.values()) > MAX_KEPT and len(_whole) > 1:
                _whole.popitem(last=False)
        _whole.move_to_end(network.digest)
        return known


def _edge_boxes(graph: RoadGraph) -> Floats:
    """Return left, bottom, right and top of every edge as drawn ``(n_edges, 4)``."""
    start = graph.vertex_start[:-1]
    if len(start) == 0:
        return np.empty((0, 4))
    return np.hstack([np.minimum.reduceat(graph.vertex_xy_m, start), np.maximum.reduceat(graph.vertex_xy_m, start)])


def _corners(boxes: Floats, edges: Ints, cell_m: float) -> tuple[int, int, int, int]:
    """Return the box of `edges` widened by the reach, in whole cells."""
    low = np.floor((boxes[edges, :2].min(axis=0) - REACH_M) / cell_m).astype(int)
    high = np.ceil((boxes[edges, 2:].max(axis=0) + REACH_M) / cell_m).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _n_points(boxes: Floats, edges: Ints, cell_m: float) -> int:
    left, bottom, right, top = _corners(boxes, edges, cell_m)
    return (right - left + 1) * (top - bottom + 1)


def _make(graph: RoadGraph, boxes: Floats, edges: Ints) -> StreetLattice:
    cell_m = CELL_M
    while _n_points(boxes, edges, cell_m) > MAX_POINTS:
        cell_m *= 2.0
    left, bottom, right, top = _corners(boxes, edges, cell_m)
    n_columns, n_rows = right - left + 1, top - bottom + 1
    # Streets that are not wanted themselves still own the ground beside them.
    inside = (boxes[:, 0] <= (right + 1) * cell_m) & (boxes[:, 2] >= (left - 1) * cell_m)
    inside &= (boxes[:, 1] <= (top + 1) * cell_m) & (boxes[:, 3] >= (bottom - 1) * cell_m)
    owner = np.repeat(np.arange(len(graph.edge_id), dtype=np.int32), np.diff(graph.vertex_start))
    step = np.append(np.hypot(*np.diff(graph.vertex_xy_m, axis=0).T), 0.0)
    step[graph.vertex_start[1:] - 1] = 0.0
    before = np.cumsum(step) - step
    segment = np.empty(n_columns * n_rows, np.int32)
    kernels().spreading.spread(
        graph.vertex_xy_m,
        graph.vertex_start,
        graph.main_edges[inside[graph.main_edges]],
        *(left * cell_m, bottom * cell_m, cell_m, n_columns, n_rows, spread_m(cell_m)),
        segment,
    )
    return StreetLattice(
        left=left * cell_m,
        bottom=bottom * cell_m,
        cell_m=cell_m,
        n_columns=n_columns,
        n_rows=n_rows,
        segment=segment,
        vertex_edge=owner,
        vertex_along=before - before[graph.vertex_start[:-1]][owner],
        edge_drawn=np.bincount(owner, weights=step, minlength=len(graph.edge_id)).astype(np.float64),
        edge_box=boxes,
    )


def spread_m(cell_m: float) -> float:
    """Return how far from a street a point may lie, so that an outline drawn beyond it stays within `REACH_M`.

    An outline runs at most one cell beyond the points it encloses, across a corner a diagonal.
    """
    return max(REACH_M - math.sqrt(2.0) * cell_m, cell_m)
