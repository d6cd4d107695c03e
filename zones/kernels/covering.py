"""The coarse grid over a set of polygons: which edges come near each square, and what covers the squares without any.

Squares are known by number, row by row from the south-west. `frame` is: left, bottom, side of a square (degrees),
columns, rows, place of the reference point in a fine cell (x, y), in a coarse square (x, y), 1 / side. A reference
point lies on no edge; the parity of crossings from it tells what covers any other point of its square.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from gis.kernel_kinds import F8, F8_2, I4, I1_out, I4_out, b1, i8, kernel, part_of_kernels
from zones.kernels.sides import side

# In squares. Far above what rounding does to a place in the grid (10⁻¹²), so that no square is missed.
HAIR = 1e-6


@part_of_kernels
def columns_in_row(row, x0, y0, x1, y1, n_columns):
    """Return the first and last column an edge (in squares) comes near in a row; none when last < first."""
    if y0 == y1:
        a, b = x0, x1
    else:
        start = (row - HAIR - y0) / (y1 - y0)
        end = (row + 1 + HAIR - y0) / (y1 - y0)
        if start > end:
            start, end = end, start
        start, end = max(0.0, start), min(1.0, end)
        a, b = x0 + start * (x1 - x0), x0 + end * (x1 - x0)
    first = math.floor(min(a, b) - HAIR)
    last = math.floor(max(a, b) + HAIR)
    return max(0, first), min(n_columns - 1, last)


@part_of_kernels
def rows_of(y0, y1, n_rows):
    """Return the first and last row an edge (in squares) comes near."""
    return max(0, math.floor(min(y0, y1) - HAIR)), min(n_rows - 1, math.floor(max(y0, y1) + HAIR))


@part_of_kernels
def is_right_of(edge_xy, edge, x, y):
    """Return 1 where a point lies right of an edge that reaches over its height, 0 left of it, -1 on it."""
    of_point = side(edge_xy[edge, 0], edge_xy[edge, 1], edge_xy[edge, 2], edge_xy[edge, 3], x, y)
    if edge_xy[edge, 1] > edge_xy[edge, 3]:
        of_point = -of_point
    if of_point == 0:
        return -1
    return 1 if of_point < 0 else 0


@part_of_kernels
def first_right_of(edge_xy, edge, y, left, step, n):
    """Return how many of the points ``left + i * step`` at height `y` lie left of the edge; -1 when one lies on it."""
    x0, y0, x1, y1 = edge_xy[edge, 0], edge_xy[edge, 1], edge_xy[edge, 2], edge_xy[edge, 3]
    meets = (x0 + (y - y0) / (y1 - y0) * (x1 - x0) - left) / step
    column = min(n, max(0, math.ceil(meets))) if meets == meets else 0
    # Rounding may be off by a column or, along a nearly level edge, by more.
    while column > 0:
        found = is_right_of(edge_xy, edge, left + (column - 1) * step, y)
        if found < 0:
            return -1
        if found == 0:
            break
        column -= 1
    while column < n:
        found = is_right_of(edge_xy, edge, left + column * step, y)
        if found < 0:
            return -1
        if found == 1:
            break
        column += 1
    return column


@kernel(types.int64, F8_2, F8, I4_out, I4_out, b1)
def near_edges(edge_xy, frame, start, out, counts_only):
    """Count the edges near each square into ``start[square + 1]``, or, with `start` summed up, list them in `out`.

    `start` is moved on by one square when listing; return how many there are.
    """
    left, bottom, inverse = frame[0], frame[1], frame[9]
    n_columns, n_rows = int(frame[3]), int(frame[4])
    total = 0
    for edge in range(len(edge_xy)):
        x0, y0 = (edge_xy[edge, 0] - left) * inverse, (edge_xy[edge, 1] - bottom) * inverse
        x1, y1 = (edge_xy[edge, 2] - left) * inverse, (edge_xy[edge, 3] - bottom) * inverse
        first_row, last_row = rows_of(y0, y1, n_rows)
        for row in range(first_row, last_row + 1):
            first, last = columns_in_row(row, x0, y0, x1, y1, n_columns)
            for column in range(first, last + 1):
                square = row * n_columns + column
                if counts_only:
                    start[square + 1] += 1
                else:
                    out[start[square]] = edge
                    start[square] += 1
                total += 1
    return total


@kernel(types.int64, I4, I4, I4, I4, I4, I4_out, I4_out, i8)
def polygons_of_blocks(block_square, near_start, near, user_start, user, start, out, n_polygons):
    """List the polygons whose edges come near each block, in order of rank; return how many there are.

    Without room in `out` they are only counted, into ``start[block + 1]``.
    """
    seen = np.full(n_polygons, -1, np.int32)
    total = 0
    for block in range(len(block_square)):
        square = block_square[block]
        first = total
        for item in range(near_start[square], near_start[square + 1]):
            edge = near[item]
            for place in range(user_start[edge], user_start[edge + 1]):
                polygon = user[place]
                if seen[polygon] != block:
                    seen[polygon] = block
                    if len(out):
                        out[total] = polygon
                    total += 1
        if len(out):
            out[first:total].sort()
        start[block + 1] = total
    return total


@part_of_kernels
def place_in(items, first, last, wanted):
    """Return where `wanted` lies in the ascending ``items[first:last]``, -1 when it does not."""
    while first < last:
        middle = (first + last) // 2
        if items[middle] < wanted:
            first = middle + 1
        elif items[middle] > wanted:
            last = middle
        else:
            return middle
    return -1


@kernel(types.int64, F8_2, F8, I4, I4, I4, I4, I4_out, I1_out, I4_out)
def cover(edge_xy, frame, polygon_start, polygon_edge, block_start, block_polygon, top, state, base):
    """Find what covers every square's reference point.

    `top` holds, per square, -2 − block where an edge comes near, else a number larger than every rank; there it becomes
    the lowest rank that covers the square. `state`: for each polygon of each block, 1 where it covers the block's
    reference point. `base`: the lowest rank that covers the whole of a block without an edge near it. Return -1 when a
    reference point lies on an edge.
    """
    left, bottom, cell = frame[0], frame[1], frame[2]
    n_columns, n_rows = int(frame[3]), int(frame[4])
    first_x = left + frame[7] * cell
    for polygon in range(len(polygon_start) - 1):
        edges = polygon_edge[polygon_start[polygon] : polygon_start[polygon + 1]]
        if len(edges) == 0:
            continue
        low, high, west, east = np.inf, -np.inf, np.inf, -np.inf
        for edge in edges:
            low = min(low, edge_xy[edge, 1], edge_xy[edge, 3])
            high = max(high, edge_xy[edge, 1], edge_xy[edge, 3])
            west, east = min(west, edge_xy[edge, 0]), max(east, edge_xy[edge, 2])
        from_row, to_row = rows_of((low - bottom) * frame[9], (high - bottom) * frame[9], n_rows)
        from_column, to_column = rows_of((west - left) * frame[9], (east - left) * frame[9], n_columns)
        # A reference point of the last column may lie left of the last crossing: one more column ends the row.
        width = to_column - from_column + 2
        turns = np.zeros((to_row - from_row + 1, width), np.uint8)
        for edge in edges:
            y0, y1 = edge_xy[edge, 1], edge_xy[edge, 3]
            if y0 == y1:
                continue
            first_row, last_row = rows_of((y0 - bottom) * frame[9], (y1 - bottom) * frame[9], n_rows)
            for row in range(first_row, last_row + 1):
                y = bottom + (row + frame[8]) * cell
                if (y0 <= y) == (y1 <= y):
                    continue
                column = first_right_of(edge_xy, edge, y, first_x, cell, n_columns)
                if column < 0:
                    return -1
                turns[row - from_row, max(0, min(column - from_column, width - 1))] ^= 1
        for row in range(from_row, to_row + 1):
            is_inside = 0
            for column in range(from_column, to_column + 1):
                is_inside ^= turns[row - from_row, column - from_column]
                if not is_inside:
                    continue
                square = row * n_columns + column
                if top[square] >= 0:
                    top[square] = min(top[square], polygon)
                    continue
                block = -2 - top[square]
                place = place_in(block_polygon, block_start[block], block_start[block + 1], polygon)
                if place >= 0:
                    state[place] = 1
                else:
                    base[block] = min(base[block], polygon)
    return 0
