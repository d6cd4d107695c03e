"""Who covers a point: a look into the grid, and for the few points near a border a test against the edges near them."""

from __future__ import annotations

import numpy as np
from numba import types

from gis.kernel_kinds import F8, F8_2, I4, I8, I4_out, i8, kernel, part_of_kernels
from zones.kernels.dividing import LAST, SIDE_BITS
from zones.kernels.sides import side

# Nearer to zero, a coordinate counts as zero: see `zones.kernels.sides`.
TINY = 2.0**-400
# Points worked off together: what they need stays in the first cache.
BATCH = 2048


@part_of_kernels
def is_on(x0, y0, x1, y1, x, y):
    """Whether (x, y) lies on an edge whose western end comes first."""
    return x0 <= x <= x1 and min(y0, y1) <= y <= max(y0, y1) and side(x0, y0, x1, y1, x, y) == 0


@part_of_kernels
def decide(edge_xy, record, at, x, y, reference_x, reference_y):
    """Return the lowest rank that covers (x, y) by the record at `at`, -1 for none."""
    while True:
        n_edges, n_polygons = record[at], record[at + 1]
        is_last = n_polygons >= LAST
        if is_last:
            n_polygons -= LAST
        inside, on_border = record[at + 2], 0
        first = at + 4 + n_polygons
        for item in range(first, first + 2 * n_edges, 2):
            edge, bits = record[item] >> 1, record[item + 1]
            x0, y0, x1, y1 = edge_xy[edge, 0], edge_xy[edge, 1], edge_xy[edge, 2], edge_xy[edge, 3]
            of_start = side(x, y, reference_x, reference_y, x0, y0)
            of_end = side(x, y, reference_x, reference_y, x1, y1)
            # An end on the line through point and reference: the point may be that end, or on an edge along the line.
            if (of_start == 0 or of_end == 0) and is_on(x0, y0, x1, y1, x, y):
                on_border |= bits
                continue
            if (of_start >= 0) == (of_end >= 0):
                continue
            of_point = side(x0, y0, x1, y1, x, y)
            if of_point == 0:
                on_border |= bits
            elif (of_point > 0) != bool(record[item] & 1):
                inside ^= bits
        covers = inside | on_border
        if covers:
            bit = 0
            while not covers & 1:
                covers >>= 1
                bit += 1
            return record[at + 4 + bit]
        if is_last:
            return record[at + 3]
        at = first + 2 * n_edges


@kernel(types.void, F8, F8, F8_2, F8, I4, I8, I4, I4, I4, i8, i8, I4_out)
def locate(lon, lat, edge_xy, frame, top, block, fine, record, rows, first, last, out):
    """Fill ``out[first:last]`` with the row that covers each point, -1 where none does.

    A batch goes through the grid in three steps, each for those the step before has not decided: the loops are short
    and without surprises for the processor, which then waits for many cells at once. The last square of `top` is the
    world outside the grid, the last of `rows` is for rank -1: nobody.
    """
    left, bottom, cell_size, inverse = frame[0], frame[1], frame[2], frame[9]
    n_columns, n_rows = int(frame[3]), int(frame[4])
    outside = n_columns * n_rows
    in_block, in_border = np.empty(BATCH, np.int64), np.empty(BATCH, np.int64)
    for begin in range(first, last, BATCH):
        end = min(begin + BATCH, last)
        n_in_block = 0
        for i in range(begin, end):
            across, up = (lon[i] - left) * inverse, (lat[i] - bottom) * inverse
            # A NaN is in no column.
            is_inside = (across >= 0.0) & (up >= 0.0) & (across < n_columns) & (up < n_rows)
            square = int(up if is_inside else 0.0) * n_columns + int(across if is_inside else 0.0)
            found = top[square if is_inside else outside]
            out[i] = found if found < -1 else rows[found]
            in_block[n_in_block] = i
            n_in_block += found < -1
        n_in_border = 0
        for item in range(n_in_block):
            i = in_block[item]
            across, up = (lon[i] - left) * inverse, (lat[i] - bottom) * inverse
            column, row = int(across), int(up)
            place = block[-2 - out[i]]
            n_side = place & ((1 << SIDE_BITS) - 1)
            found = fine[(place >> SIDE_BITS) + int((up - row) * n_side) * n_side + int((across - column) * n_side)]
            out[i] = found if found < -1 else rows[found]
            in_border[n_in_border] = i
            n_in_border += found < -1
        for item in range(n_in_border):
            i = in_border[item]
            across, up = (lon[i] - left) * inverse, (lat[i] - bottom) * inverse
            column, row = int(across), int(up)
            n_side = block[-2 - top[row * n_columns + column]] & ((1 << SIDE_BITS) - 1)
            step = cell_size / n_side
            found = decide(
                edge_xy, record, -2 - out[i],
                lon[i] if abs(lon[i]) >= TINY else 0.0,
                lat[i] if abs(lat[i]) >= TINY else 0.0,
                left + (column + frame[5] / n_side) * cell_size + int((across - column) * n_side) * step,
                bottom + (row + (int((up - row) * n_side) + frame[6]) / n_side) * cell_size,
            )  # fmt: skip
            out[i] = rows[found]
