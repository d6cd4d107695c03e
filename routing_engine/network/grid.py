"""Square cells over the street segments of a network, for finding the nearest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from routing_engine.network.compiled import kernels

Floats = npt.NDArray[np.float64]
Ints32 = npt.NDArray[np.int32]

# Small enough that a cell holds few segments, large enough that most positions need one ring of cells.
CELL_M = 60.0
# Bounds the memory of wide, empty countries: cells per segment.
CELLS_PER_SEGMENT = 8


@dataclass(frozen=True, eq=False)
class StreetGrid:
    """Cells in rows from the lower left, and the segments that touch each.

    Attributes
    ----------
    cell_start, cell_ends, cell_segment
        Cell *i* owns ``cell_start[i]:cell_start[i+1]`` of `cell_ends` ``(n, 4)`` (x, y of both ends, metres) and
        `cell_segment`.
    frame
        Left, bottom, size of a cell in metres, columns, rows.
    segment_edge, segment_along
        ``(n_segments,)``: the edge, and the metres from its beginning, as drawn.
    edge_length
        ``(n_edges,)``: metres as drawn.
    """

    cell_start: Ints32
    cell_ends: Floats
    cell_segment: Ints32
    frame: Floats
    segment_edge: Ints32
    segment_along: Floats
    edge_length: Floats

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Return the arrays in the order the kernel takes them."""
        return (
            self.cell_start,
            self.cell_ends,
            self.cell_segment,
            self.frame,
            self.segment_edge,
            self.segment_along,
            self.edge_length,
        )


def make_grid(vertex_xy_m: Floats, vertex_start: npt.NDArray[np.int64], edges: npt.NDArray[np.int64]) -> StreetGrid:
    """Make the grid over `edges`.

    Parameters
    ----------
    vertex_xy_m, vertex_start
        As in `graph.RoadGraph`.
    edges
        Indices of the edges that positions may be put on.
    """
    n_edges = len(vertex_start) - 1
    owner = np.repeat(np.arange(n_edges), np.diff(vertex_start))
    is_inside = owner[1:] == owner[:-1]
    ends = np.hstack([vertex_xy_m[:-1], vertex_xy_m[1:]])[is_inside]
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    segment_edge = owner[:-1][is_inside]
    edge_length = np.zeros(n_edges)
    np.add.at(edge_length, segment_edge, length)
    before = np.cumsum(length) - length
    first = np.searchsorted(segment_edge, np.arange(n_edges))
    along = before - before[first[segment_edge]]

    is_wanted = np.zeros(n_edges, dtype=bool)
    is_wanted[edges] = True
    kept = np.flatnonzero(is_wanted[segment_edge])
    ends, segment_edge, along = np.ascontiguousarray(ends[kept]), segment_edge[kept], along[kept]
    if len(ends):
        low = np.minimum(ends[:, :2], ends[:, 2:]).min(axis=0)
        high = np.maximum(ends[:, :2], ends[:, 2:]).max(axis=0)
    else:
        low = high = np.zeros(2)
    # One metre of margin, so that no end lies on the outer border.
    low, span = low - 1.0, high - low + 2.0
    cell = max(CELL_M, math.sqrt(span[0] * span[1] / (CELLS_PER_SEGMENT * max(len(ends), 1000))))
    n_columns, n_rows = (int(n) for n in np.ceil(span / cell))
    rasterise = kernels().placing.rasterise
    arguments = (ends, low[0], low[1], cell, n_columns, n_rows)
    pairs = np.empty((rasterise(*arguments, np.empty((0, 2), np.int64), True), 2), np.int64)
    rasterise(*arguments, pairs, False)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    place, segment = pairs[order, 0], pairs[order, 1]
    return StreetGrid(
        cell_start=np.searchsorted(place, np.arange(n_columns * n_rows + 1)).astype(np.int32),
        cell_ends=np.ascontiguousarray(ends[segment]),
        cell_segment=segment.astype(np.int32),
        frame=np.array([low[0], low[1], cell, n_columns, n_rows], dtype=np.float64),
        segment_edge=segment_edge.astype(np.int32),
        segment_along=along,
        edge_length=edge_length,
    )
