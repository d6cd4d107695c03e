"""Who covers a point: a look into the grid, and for the few points near a border a test against the edges near them."""

from __future__ import annotations

from numba import types

from gis.kernel_kinds import F8, F8_2, I4, I8, I4_out, i8, kernel, part_of_kernels
from zones.kernels.dividing import LAST, SIDE_BITS
from zones.kernels.sides import side

# Nearer to zero, a coordinate counts as zero: see `zones.kernels.sides`.
TINY = 2.0**-400


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
    """Fill ``out[first:last]`` with the row that covers each point, -1 where none does."""
    left, bottom, cell_size, inverse = frame[0], frame[1], frame[2], frame[9]
    n_columns, n_rows = int(frame[3]), int(frame[4])
    for i in range(first, last):
        x, y = lon[i], lat[i]
        if abs(x) < TINY:
            x = 0.0
        if abs(y) < TINY:
            y = 0.0
        across, up = (x - left) * inverse, (y - bottom) * inverse
        found = -1
        # A NaN is in no column.
        if across >= 0.0 and up >= 0.0 and across < n_columns and up < n_rows:
            column, row = int(across), int(up)
            found = top[row * n_columns + column]
            if found < -1:
                place = block[-2 - found]
                n_side = place & ((1 << SIDE_BITS) - 1)
                cell_column, cell_row = int((across - column) * n_side), int((up - row) * n_side)
                found = fine[(place >> SIDE_BITS) + cell_row * n_side + cell_column]
                if found < -1:
                    step = cell_size / n_side
                    found = decide(
                        edge_xy, record, -2 - found, x, y,
                        left + (column + frame[5] / n_side) * cell_size + cell_column * step,
                        bottom + (row + (cell_row + frame[6]) / n_side) * cell_size,
                    )  # fmt: skip
        out[i] = rows[found] if found >= 0 else -1
