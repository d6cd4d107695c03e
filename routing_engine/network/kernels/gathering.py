"""Reading fields: from the edges of positions to seconds and metres of every station."""

from __future__ import annotations

import numpy as np
from numba import types

from gis.kernel_kinds import (
    F4_1,
    F4_2,
    F8,
    F8_2,
    I4,
    I8,
    I8_2,
    F4_1_out,
    F8_2_out,
    F8_out,
    I1_2_out,
    I4_out,
    I8_out,
    b1,
    f8,
    i8,
    kernel,
    part_of_kernels,
)


@part_of_kernels
def first_at_least(numbers, value):
    """Return the first place in ascending `numbers` that is not below `value`."""
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) >> 1
        if numbers[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@part_of_kernels
def along_edge(edge, from_fraction, to_fraction, edge_arc, arc_time, edge_length, same_place):
    """Return seconds and metres of a drive that does not leave the edge; infinite when it may not be driven."""
    forward = to_fraction - from_fraction
    side = 0 if forward >= 0.0 else 1
    arc = edge_arc[edge, side]
    driven = abs(forward) * edge_length[edge]
    if arc < 0 and driven <= same_place:
        arc = edge_arc[edge, 1 - side]
    if arc < 0:
        return np.inf, driven
    return abs(forward) * arc_time[arc], driven


@kernel(
    types.void,
    F4_2, F4_2, I8, b1,
    I8_2, F8_2, F8_2, I8_2, F8, F8, I8, I8,
    I8, I8, F8, F8, I8, f8, f8, i8, i8, F8_2_out, F8_2_out, I1_2_out,
)  # fmt: skip
def reach(
    field_time, field_path, columns, is_whole,
    edge, fraction, distance, edge_arc, arc_time, edge_length, source_start, source,
    on_edge, on_station, on_fraction, on_distance, column_of, pace, same_place, first, last,
    out_time, out_metres, out_candidate,
):  # fmt: skip
    """Fill rows `first` to `last`: the fastest drive from each of the stations `columns` to each position.

    `pace`: seconds per metre between road and position. `on_…`: the candidates of the stations, by edge.
    """
    n_candidates = edge.shape[1]
    n_columns = len(columns)
    way_of = np.empty(n_columns, np.int64)
    best = np.empty(n_columns)
    n_ways = 16
    way_state = np.empty(n_ways, np.int64)
    way_metres = np.empty(n_ways)
    way_candidate = np.empty(n_ways, np.int8)
    for i in range(first, last):
        best[:] = np.inf
        way_of[:] = -1
        n = 0
        for c in range(n_candidates):
            e = edge[i, c]
            if e < 0:
                break
            access = distance[i, c]
            for side in range(2):
                arc = edge_arc[e, side]
                if arc < 0:
                    continue
                part = fraction[i, c] if side == 0 else 1.0 - fraction[i, c]
                seconds = part * arc_time[arc] + access * pace
                if not seconds < np.inf:
                    continue
                for k in range(source_start[arc], source_start[arc + 1]):
                    if n == n_ways:
                        n_ways *= 2
                        way_state = np.append(way_state, way_state)
                        way_metres = np.append(way_metres, way_metres)
                        way_candidate = np.append(way_candidate, way_candidate)
                    way_state[n] = source[k]
                    way_metres[n] = part * edge_length[e] + access
                    way_candidate[n] = c
                    row = field_time[source[k]]
                    if is_whole:
                        for j in range(n_columns):
                            t = row[j] + seconds
                            is_better = t < best[j]
                            best[j] = t if is_better else best[j]
                            way_of[j] = n if is_better else way_of[j]
                    else:
                        for j in range(n_columns):
                            t = row[columns[j]] + seconds
                            if t < best[j]:
                                best[j] = t
                                way_of[j] = n
                    n += 1
        for j in range(n_columns):
            way = way_of[j]
            if way < 0:
                out_time[i, j] = np.nan
                out_metres[i, j] = np.nan
                out_candidate[i, j] = -1
            else:
                out_time[i, j] = best[j]
                out_metres[i, j] = field_path[way_state[way], columns[j]] + way_metres[way]
                out_candidate[i, j] = way_candidate[way]
        for c in range(n_candidates):
            e = edge[i, c]
            if e < 0:
                break
            k = first_at_least(on_edge, e)
            while k < len(on_edge) and on_edge[k] == e:
                j = column_of[on_station[k]]
                if j >= 0:
                    t, metres = along_edge(
                        e, on_fraction[k], fraction[i, c], edge_arc, arc_time, edge_length, same_place
                    )
                    access = distance[i, c] + on_distance[k]
                    t += access * pace
                    if t < np.inf and not t >= out_time[i, j]:
                        out_time[i, j] = t
                        out_metres[i, j] = metres + access
                        out_candidate[i, j] = c
                k += 1


@kernel(types.void, F4_2, I8, i8, i8, F4_1_out, I4_out)
def first_to_arrive(field_time, columns, first, last, out_time, out_station):
    """Find, for states `first` to `last`, the station of `columns` that is there first (ties: the lower column)."""
    for state in range(first, last):
        best, station = np.float32(np.inf), -1
        for j in range(len(columns)):
            t = field_time[state, columns[j]]
            if t < best:
                best, station = t, j
        out_time[state] = best
        out_station[state] = station


@kernel(
    types.void,
    F4_1, I4,
    I8_2, F8_2, F8_2, I8_2, F8, F8, I8, I8,
    I8, I8, F8, F8, I8, f8, f8, i8, i8, F8_out, I8_out, I8_out,
)  # fmt: skip
def nearest(
    state_time, state_station,
    edge, fraction, distance, edge_arc, arc_time, edge_length, source_start, source,
    on_edge, on_station, on_fraction, on_distance, column_of, pace, same_place, first, last,
    out_time, out_station, out_candidate,
):  # fmt: skip
    """Fill `first` to `last`: which station reaches the position first, when, and over which candidate; -1 if none."""
    n_candidates = edge.shape[1]
    for i in range(first, last):
        best, station, candidate = np.inf, -1, -1
        for c in range(n_candidates):
            e = edge[i, c]
            if e < 0:
                break
            access = distance[i, c]
            for side in range(2):
                arc = edge_arc[e, side]
                if arc < 0:
                    continue
                part = fraction[i, c] if side == 0 else 1.0 - fraction[i, c]
                seconds = part * arc_time[arc] + access * pace
                for k in range(source_start[arc], source_start[arc + 1]):
                    t = state_time[source[k]] + seconds
                    one = state_station[source[k]]
                    if t < best or (t == best and one < station):
                        best, station, candidate = t, one, c
            k = first_at_least(on_edge, e)
            while k < len(on_edge) and on_edge[k] == e:
                j = column_of[on_station[k]]
                if j >= 0:
                    t, _ = along_edge(e, on_fraction[k], fraction[i, c], edge_arc, arc_time, edge_length, same_place)
                    t += (access + on_distance[k]) * pace
                    if t < best or (t == best and t < np.inf and j < station):
                        best, station, candidate = t, j, c
                k += 1
        out_time[i] = best if station >= 0 else np.nan
        out_station[i] = station
        out_candidate[i] = candidate
