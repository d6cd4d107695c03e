"""Blocks: the squares of the grid that edges come near, divided into cells with one answer or a record each.

A record is what `zones.kernels.locating` reads to decide a point of a border cell: groups of up to 31 polygons in order
of rank, each group

    number of edges · number of polygons, +64 in the last group · state of the polygons at the cell's reference point
    (one bit each) · who covers the cell when none of the group does (last group) · the polygons' ranks ·
    per edge: twice its number, +1 where the reference point lies left of it · bits of the polygons it bounds
"""

from __future__ import annotations

import numpy as np
from numba import types

from gis.kernel_kinds import F8, F8_2, I1, I4, I8, I4_out, I8_out, b1, i8, kernel, part_of_kernels
from zones.kernels.covering import columns_in_row, first_right_of, place_in, rows_of
from zones.kernels.sides import crosses, side

LAST = 64
GROUP = 31
SIDE_BITS = 16
NOBODY = 2**31 - 1


@part_of_kernels
def list_cell_edges(edge_xy, edges, frame, column, row, n_side):
    """Return the edges near each cell of a square: where each cell's begin, and their places in `edges`."""
    scale = frame[9] * n_side
    west, south = column * n_side, row * n_side
    start = np.zeros(n_side * n_side + 1, np.int32)
    items = np.empty(0, np.int32)
    for is_listing in (False, True):
        for at in range(len(edges)):
            edge = edges[at]
            x0, y0 = (edge_xy[edge, 0] - frame[0]) * scale - west, (edge_xy[edge, 1] - frame[1]) * scale - south
            x1, y1 = (edge_xy[edge, 2] - frame[0]) * scale - west, (edge_xy[edge, 3] - frame[1]) * scale - south
            first_row, last_row = rows_of(y0, y1, n_side)
            for cell_row in range(first_row, last_row + 1):
                first, last = columns_in_row(cell_row, x0, y0, x1, y1, n_side)
                for cell in range(cell_row * n_side + first, cell_row * n_side + last + 1):
                    if is_listing:
                        items[start[cell]] = at
                        start[cell] += 1
                    else:
                        start[cell + 1] += 1
        if not is_listing:
            for cell in range(n_side * n_side):
                start[cell + 1] += start[cell]
            items = np.empty(start[n_side * n_side], np.int32)
    # Listing has moved every start to the next cell's.
    for cell in range(n_side * n_side, 0, -1):
        start[cell] = start[cell - 1]
    start[0] = 0
    return start, items


@part_of_kernels
def write_record(out, at, is_counting, edge_xy, edges, local, users, user_start, polygons, chosen, states, other, x, y):
    """Write the record of a cell with reference point (x, y); return where it ends, -1 for a point on an edge.

    `chosen`: places in `polygons` of those to test, in order of rank; `states`: of each place, at the reference point;
    `other`: who covers the cell when none of them does.
    """
    for first in range(0, len(chosen), GROUP):
        group = chosen[first : first + GROUP]
        is_last = first + GROUP >= len(chosen)
        head = at
        at += 4 + len(group)
        mask = 0
        for bit in range(len(group)):
            mask |= int(states[group[bit]]) << bit
            if not is_counting:
                out[head + 4 + bit] = polygons[group[bit]]
        n_edges = 0
        for item in local:
            bits = 0
            for user in range(user_start[item], user_start[item + 1]):
                place = place_in(group, 0, len(group), users[user])
                if place >= 0:
                    # Twice the same edge in one polygon is no border.
                    bits ^= 1 << place
            if bits == 0:
                continue
            edge = edges[item]
            of_reference = side(edge_xy[edge, 0], edge_xy[edge, 1], edge_xy[edge, 2], edge_xy[edge, 3], x, y)
            if of_reference == 0:
                return -1
            if not is_counting:
                out[at] = 2 * edge + (1 if of_reference > 0 else 0)
                out[at + 1] = bits
            at += 2
            n_edges += 1
        if not is_counting:
            out[head] = n_edges
            out[head + 1] = len(group) + (LAST if is_last else 0)
            out[head + 2] = mask
            out[head + 3] = other
    return at


@kernel(
    types.void,
    F8_2, F8, I4, I4, I4, I4, I4, I8, I4, I4, I1, I4,
    i8, i8, b1, I8_out, I4_out, I4_out,
)  # fmt: skip
def divide(
    edge_xy, frame, near_start, near, user_start, user, block_square, block, block_start, block_polygon, state, base,
    first_block, last_block, is_counting, record_start, fine, record,
):  # fmt: skip
    """Divide blocks into cells.

    Counting puts the words a block's records take into ``record_start[block]``, -1 when a reference point lies on an
    edge. Otherwise the records are written from there on in `record`, and the cells in `fine`: the lowest rank that
    covers the cell, -1 for none, or -2 minus the place of its record. `block`: where its cells begin in `fine`, and the
    number of its cells per side (in the lowest bits).
    """
    cell_size = frame[2]
    n_columns = int(frame[3])
    for number in range(first_block, last_block):
        square = block_square[number]
        row, column = square // n_columns, square % n_columns
        n_side = int(block[number] & ((1 << SIDE_BITS) - 1))
        first_cell = block[number] >> SIDE_BITS
        edges = near[near_start[square] : near_start[square + 1]]
        polygons = block_polygon[block_start[number] : block_start[number + 1]]
        inside = state[block_start[number] : block_start[number + 1]]
        n_polygons = len(polygons)
        start, items = list_cell_edges(edge_xy, edges, frame, column, row, n_side)

        # Which of the block's polygons each of its edges bounds.
        users_start = np.zeros(len(edges) + 1, np.int32)
        for at in range(len(edges)):
            users_start[at + 1] = users_start[at] + user_start[edges[at] + 1] - user_start[edges[at]]
        users = np.empty(users_start[len(edges)], np.int32)
        for at in range(len(edges)):
            for user_at in range(user_start[edges[at] + 1] - user_start[edges[at]]):
                users[users_start[at] + user_at] = place_in(
                    polygons, 0, n_polygons, user[user_start[edges[at]] + user_at]
                )

        top_x, top_y = (frame[0] + frame[7] * cell_size) + column * cell_size, frame[1] + (row + frame[8]) * cell_size
        step = cell_size / n_side
        first_x = frame[0] + (column + frame[5] / n_side) * cell_size
        turns = np.zeros((n_side + 1, n_polygons), np.uint8)
        states = np.zeros(n_polygons, np.uint8)
        stamp = np.full(n_polygons, -1, np.int32)
        chosen = np.empty(n_polygons, np.int32)
        place = record_start[number] if not is_counting else 0
        is_broken = False
        for cell_row in range(n_side):
            y = frame[1] + (row + (cell_row + frame[6]) / n_side) * cell_size
            # States along the row: at its first reference point by the way from the square's, then by what is crossed.
            turns[:] = 0
            for at in range(len(edges)):
                edge = edges[at]
                x0, y0, x1, y1 = edge_xy[edge, 0], edge_xy[edge, 1], edge_xy[edge, 2], edge_xy[edge, 3]
                crossed = crosses(top_x, top_y, first_x, y, x0, y0, x1, y1)
                if crossed < 0:
                    is_broken = True
                    break
                if crossed:
                    for item in range(users_start[at], users_start[at + 1]):
                        turns[0, users[item]] ^= 1
                if (y0 <= y) != (y1 <= y):
                    right = first_right_of(edge_xy, edge, y, first_x, step, n_side)
                    if right < 0:
                        is_broken = True
                        break
                    if right > 0:
                        for item in range(users_start[at], users_start[at + 1]):
                            turns[right, users[item]] ^= 1
            if is_broken:
                break
            states[:] = inside
            for cell_column in range(n_side):
                for polygon in range(n_polygons):
                    states[polygon] ^= turns[cell_column, polygon]
                cell = cell_row * n_side + cell_column
                local = items[start[cell] : start[cell + 1]]
                for item in local:
                    for user_at in range(users_start[item], users_start[item + 1]):
                        stamp[users[user_at]] = cell
                # The lowest rank that covers the whole cell; only those before it need a test.
                other = base[number]
                n_chosen = 0
                for polygon in range(n_polygons):
                    if polygons[polygon] > other:
                        break
                    if stamp[polygon] == cell:
                        chosen[n_chosen] = polygon
                        n_chosen += 1
                    elif states[polygon]:
                        other = polygons[polygon]
                        break
                if other == NOBODY:
                    other = -1
                if n_chosen == 0:
                    if not is_counting:
                        fine[first_cell + cell] = other
                    continue
                if not is_counting:
                    fine[first_cell + cell] = -2 - place
                place = write_record(
                    record, place, is_counting, edge_xy, edges, local, users, users_start, polygons,
                    chosen[:n_chosen], states, other, first_x + cell_column * step, y,
                )  # fmt: skip
                if place < 0:
                    is_broken = True
                    break
            if is_broken:
                break
        if is_counting:
            record_start[number] = -1 if is_broken else place
