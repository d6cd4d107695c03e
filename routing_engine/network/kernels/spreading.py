"""The nearest street segment of every point of a lattice, and when one arrives there.

A segment is known by the index of its first vertex. Points near a segment get it by walking along it, the others from
their neighbours, in two sweeps over the lattice (Danielsson's distance transform with segments instead of pixels). The
distance to the segment found is exact; in rare corners a segment up to a few per cent farther than the nearest wins.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from gis.kernel_kinds import (
    F8,
    F8_2,
    I4,
    I8,
    F8_2_out,
    I4_out,
    f8,
    i8,
    kernel,
    part_of_kernels,
)

NO_STREET = -1


@part_of_kernels
def foot(segment, x, y, vertex_xy):
    """Return the place on a segment nearest to (x, y), as a part of it, and the square of the distance."""
    dx, dy = vertex_xy[segment + 1, 0] - vertex_xy[segment, 0], vertex_xy[segment + 1, 1] - vertex_xy[segment, 1]
    px, py = x - vertex_xy[segment, 0], y - vertex_xy[segment, 1]
    square = dx * dx + dy * dy
    part = 0.0
    if square > 0.0:
        part = min(max((px * dx + py * dy) / square, 0.0), 1.0)
    px -= part * dx
    py -= part * dy
    return part, px * px + py * py


@part_of_kernels
def take_over(point, neighbour, x, y, most, vertex_xy, segment, square):
    """Give `point` the segment of its neighbour if it is nearer than its own and within reach."""
    other = segment[neighbour]
    if other >= 0 and other != segment[point]:
        distance = foot(other, x, y, vertex_xy)[1]
        if distance < square[point] and distance <= most:
            square[point] = distance
            segment[point] = other


@kernel(types.void, F8_2, I8, I8, f8, f8, f8, i8, i8, f8, I4_out)
def spread(vertex_xy, vertex_start, edges, left, bottom, cell, n_columns, n_rows, reach, segment):
    """Fill `segment` (rows of points from the lower left) with the nearest segments of `edges` within `reach`."""
    most = reach * reach
    square = np.full(n_columns * n_rows, np.inf)
    segment[:] = NO_STREET
    for edge in edges:
        for vertex in range(vertex_start[edge], vertex_start[edge + 1] - 1):
            ax, ay = vertex_xy[vertex, 0], vertex_xy[vertex, 1]
            dx, dy = vertex_xy[vertex + 1, 0] - ax, vertex_xy[vertex + 1, 1] - ay
            n_steps = int(math.sqrt(dx * dx + dy * dy) / cell) + 1
            for step in range(n_steps + 1):
                column = math.floor((ax + dx * step / n_steps - left) / cell)
                row = math.floor((ay + dy * step / n_steps - bottom) / cell)
                for r in range(max(row, 0), min(row + 2, n_rows)):
                    for c in range(max(column, 0), min(column + 2, n_columns)):
                        distance = foot(vertex, left + c * cell, bottom + r * cell, vertex_xy)[1]
                        point = r * n_columns + c
                        if distance < square[point] and distance <= most:
                            square[point] = distance
                            segment[point] = vertex
    for row in range(n_rows):
        y = bottom + row * cell
        first = row * n_columns
        for column in range(n_columns):
            x, point = left + column * cell, first + column
            if row > 0:
                below = point - n_columns
                if column > 0:
                    take_over(point, below - 1, x, y, most, vertex_xy, segment, square)
                take_over(point, below, x, y, most, vertex_xy, segment, square)
                if column + 1 < n_columns:
                    take_over(point, below + 1, x, y, most, vertex_xy, segment, square)
            if column > 0:
                take_over(point, point - 1, x, y, most, vertex_xy, segment, square)
        for column in range(n_columns - 2, -1, -1):
            take_over(first + column, first + column + 1, left + column * cell, y, most, vertex_xy, segment, square)
    for row in range(n_rows - 1, -1, -1):
        y = bottom + row * cell
        first = row * n_columns
        for column in range(n_columns - 1, -1, -1):
            x, point = left + column * cell, first + column
            if row + 1 < n_rows:
                above = point + n_columns
                if column + 1 < n_columns:
                    take_over(point, above + 1, x, y, most, vertex_xy, segment, square)
                take_over(point, above, x, y, most, vertex_xy, segment, square)
                if column > 0:
                    take_over(point, above - 1, x, y, most, vertex_xy, segment, square)
            if column + 1 < n_columns:
                take_over(point, point + 1, x, y, most, vertex_xy, segment, square)
        for column in range(1, n_columns):
            take_over(first + column, first + column - 1, left + column * cell, y, most, vertex_xy, segment, square)


@kernel(
    types.void,
    F8_2, I4, F8, F8, F8_2, F8_2, I8, I8, F8, F8, f8, I4, f8, f8, f8, i8, i8, i8, i8, i8, F8_2_out,
)  # fmt: skip
def arrivals(
    vertex_xy, vertex_edge, vertex_along, edge_drawn, enter_s, drive_s,
    begin_edge, begin_side, begin_part, begin_s, access,
    segment, left, bottom, cell, n_columns, from_column, from_row, n_wide, n_high, out,
):  # fmt: skip
    """Fill `out` with the seconds of arrival at a window of the lattice; infinite where no street is within reach.

    The window begins at `from_column`, `from_row`. One enters a street at its ends at `enter_s` (along, against the
    drawing) and drives all of it in `drive_s`, or begins on it: `begin_*`. `access` is in seconds per metre.
    """
    begins_here = np.zeros(len(edge_drawn), np.bool_)
    for k in range(len(begin_edge)):
        begins_here[begin_edge[k]] = True
    for r in range(n_high):
        y = bottom + (from_row + r) * cell
        for c in range(n_wide):
            x = left + (from_column + c) * cell
            vertex = segment[(from_row + r) * n_columns + from_column + c]
            if vertex < 0:
                out[r, c] = np.inf
                continue
            part, distance = foot(vertex, x, y, vertex_xy)
            edge = vertex_edge[vertex]
            if edge_drawn[edge] > 0.0:
                dx, dy = (
                    vertex_xy[vertex + 1, 0] - vertex_xy[vertex, 0],
                    vertex_xy[vertex + 1, 1] - vertex_xy[vertex, 1],
                )
                part = min((vertex_along[vertex] + part * math.sqrt(dx * dx + dy * dy)) / edge_drawn[edge], 1.0)
            else:
                part = 0.0
            along = enter_s[edge, 0] + part * drive_s[edge, 0]
            against = enter_s[edge, 1] + (1.0 - part) * drive_s[edge, 1]
            best = min(along, against)
            if begins_here[edge]:
                for k in range(len(begin_edge)):
                    if begin_edge[k] != edge:
                        continue
                    ahead = part - begin_part[k] if begin_side[k] == 0 else begin_part[k] - part
                    if ahead >= 0.0:
                        best = min(best, begin_s[k] + ahead * drive_s[edge, begin_side[k]])
            out[r, c] = best + access * math.sqrt(distance)
