"""Dijkstra's algorithm over states: seconds, then metres, then the lowest entry decide, so every result is unique.

Times lie on the grid of `units`, where sums are exact, and every entry takes one tick at least. A state's time is
therefore final when it leaves the heap, and its metres and entry are too: all that could improve them at an equal time
left the heap before.

A parent is the entry by which a state is reached best; ``-2 - k`` stands for departure *k* of the start, -1 for a
state that is not reached. Among equals a departure goes before an entry, a lower number before a higher.
"""

from __future__ import annotations

import numpy as np
from numba import types

from gis.kernel_kinds import (
    B1,
    F8,
    I4,
    I8,
    F4_2_out,
    F8_2_out,
    F8_out,
    I4_2_out,
    I4_out,
    f8,
    i8,
    kernel,
    part_of_kernels,
)

NOT_REACHED = -1
FROM_START = -2


@part_of_kernels
def push(keys, items, size, key, item):
    """Add to a heap of four children per place; return its new size."""
    at = size
    while at > 0:
        above = (at - 1) >> 2
        if keys[above] <= key:
            break
        keys[at] = keys[above]
        items[at] = items[above]
        at = above
    keys[at] = key
    items[at] = item
    return size + 1


@part_of_kernels
def pop(keys, items, size):
    """Take the first place away (its content is read before); return the heap's new size."""
    size -= 1
    key = keys[size]
    item = items[size]
    at = 0
    while True:
        child = 4 * at + 1
        if child >= size:
            break
        last = min(child + 4, size)
        least = child
        for other in range(child + 1, last):
            if keys[other] < keys[least]:
                least = other
        if keys[least] >= key:
            break
        keys[at] = keys[least]
        items[at] = items[least]
        at = least
    keys[at] = key
    items[at] = item
    return size


@part_of_kernels
def goes_before(one, two):
    """Whether parent `one` wins over parent `two` when seconds and metres are equal."""
    if one <= -2:
        return two > one if two <= -2 else True
    return two > one if two >= 0 else False


@part_of_kernels
def wins(t, m, p, than_t, than_m, than_p):
    """Whether a drive of `t` seconds and `m` metres by parent `p` goes before another: seconds, metres, parents."""
    if t == than_t and t < np.inf:
        return m < than_m or (m == than_m and goes_before(p, than_p))
    return t < than_t


@part_of_kernels
def search(
    indptr, indices, entry_time, entry_length, is_dead_end,
    seed_state, seed_time, seed_length, first, last,
    limit, wanted, n_wanted, time, length, parent, keys, items,
):  # fmt: skip
    """Search from the seeds `first` to `last`; `time` must be infinite everywhere before.

    A dead end (nothing but one state leads there, and it leads nowhere else) is settled with that state and never
    enters the heap; a quarter of a city's states are dead ends. The search stops beyond `limit` seconds, or when
    `n_wanted` states marked in `wanted` (cleared on the way) have been settled; -1 asks for all.
    """
    size = 0
    for k in range(first, last):
        state, t, m, p = seed_state[k], seed_time[k], seed_length[k], FROM_START - (k - first)
        if t < time[state]:
            size = push(keys, items, size, t, state)
        elif (
            t > time[state]
            or t == np.inf
            or m > length[state]
            or (m == length[state] and not goes_before(p, parent[state]))
        ):
            continue
        time[state], length[state], parent[state] = t, m, p
    while size > 0:
        now = keys[0]
        state = items[0]
        size = pop(keys, items, size)
        if now > time[state]:
            continue
        if now > limit:
            break
        if n_wanted >= 0 and wanted[state]:
            wanted[state] = False
            n_wanted -= 1
            if n_wanted == 0:
                break
        so_far = length[state]
        for entry in range(indptr[state], indptr[state + 1]):
            other = indices[entry]
            t = now + entry_time[entry]
            if t < time[other]:
                time[other], length[other], parent[other] = t, so_far + entry_length[entry], entry
                if not is_dead_end[other]:
                    size = push(keys, items, size, t, other)
                elif n_wanted > 0 and wanted[other]:
                    wanted[other] = False
                    n_wanted -= 1
            elif t == time[other] and t < np.inf:
                m = so_far + entry_length[entry]
                if m < length[other] or (m == length[other] and goes_before(entry, parent[other])):
                    length[other], parent[other] = m, entry
        if n_wanted == 0:
            break


@kernel(
    types.void,
    I4, I4, F8, I4, B1, I8, I8, F8, I4, I8, i8, i8, F4_2_out, F4_2_out, I4_2_out,
)  # fmt: skip
def fields(
    indptr, indices, entry_time, entry_length, is_dead_end,
    seed_start, seed_state, seed_time, seed_length, rows, first, last,
    out_time, out_path, out_parent,
):  # fmt: skip
    """Fill columns ``rows[first:last]`` of `out_time` and `out_path` (states × stations) and rows of `out_parent`.

    Several stations are written at once: a column alone would touch a cache line for each number.
    """
    n = len(indptr) - 1
    at_once = 16
    time = np.empty((at_once, n))
    length = np.empty((at_once, n), np.int32)
    n_heap = len(indices) + len(seed_state) + 1
    keys = np.empty(n_heap)
    items = np.empty(n_heap, np.int32)
    wanted = np.empty(0, np.bool_)
    for start in range(first, last, at_once):
        stop = min(start + at_once, last)
        for i in range(start, stop):
            row = rows[i]
            label = time[i - start]
            label[:] = np.inf
            out_parent[row, :] = NOT_REACHED
            search(
                indptr, indices, entry_time, entry_length, is_dead_end,
                seed_state, seed_time, seed_length, seed_start[row], seed_start[row + 1],
                np.inf, wanted, -1, label, length[i - start], out_parent[row], keys, items,
            )  # fmt: skip
        for state in range(n):
            for i in range(start, stop):
                t = time[i - start, state]
                if t < np.inf:
                    out_time[state, rows[i]] = t
                    out_path[state, rows[i]] = length[i - start, state] / 1024.0
                else:
                    out_time[state, rows[i]] = np.nan
                    out_path[state, rows[i]] = np.nan


@kernel(types.void, I4, I4, F8, I4, B1, I8, F8, I4, f8, I8, F8_out, I4_out, I4_out)
def tree(
    indptr, indices, entry_time, entry_length, is_dead_end,
    seed_state, seed_time, seed_length, limit, targets, time, length, parent,
):  # fmt: skip
    """Search once from all seeds; beyond `limit`, or after all of `targets` (none: all), states are not reached."""
    n = len(indptr) - 1
    n_heap = len(indices) + len(seed_state) + 1
    keys = np.empty(n_heap)
    items = np.empty(n_heap, np.int32)
    wanted = np.zeros(n if len(targets) else 0, np.bool_)
    n_wanted = 0
    for state in targets:
        if not wanted[state]:
            wanted[state] = True
            n_wanted += 1
    time[:] = np.inf
    length[:] = 0
    parent[:] = NOT_REACHED
    search(
        indptr, indices, entry_time, entry_length, is_dead_end, seed_state, seed_time, seed_length, 0, len(seed_state),
        limit, wanted, n_wanted if n_wanted else -1, time, length, parent, keys, items,
    )  # fmt: skip
    for state in range(n):
        if time[state] > limit:
            time[state] = np.inf
        if time[state] == np.inf:
            parent[state] = NOT_REACHED


@kernel(
    types.void,
    I4, I4, F8, I4, B1, I8, I8, F8, I4, I8, I8, F8, I4, f8, i8, i8, F8_2_out, F8_2_out,
)  # fmt: skip
def many_to_many(
    indptr, indices, entry_time, entry_length, is_dead_end,
    seed_start, seed_state, seed_time, seed_length,
    probe_start, probe_state, probe_time, probe_length,
    limit, first, last, out_time, out_metres,
):  # fmt: skip
    """Fill rows `first` to `last` (places searched from) with seconds and metres to every place probed."""
    n = len(indptr) - 1
    n_probes = len(probe_start) - 1
    time = np.empty(n)
    length = np.empty(n, np.int32)
    parent = np.empty(n, np.int32)
    n_heap = len(indices) + len(seed_state) + 1
    keys = np.empty(n_heap)
    items = np.empty(n_heap, np.int32)
    wanted = np.zeros(n, np.bool_)
    for row in range(first, last):
        time[:] = np.inf
        n_wanted = 0
        for state in probe_state:
            if not wanted[state]:
                wanted[state] = True
                n_wanted += 1
        if n_wanted:
            search(
                indptr, indices, entry_time, entry_length, is_dead_end,
                seed_state, seed_time, seed_length, seed_start[row], seed_start[row + 1],
                limit, wanted, n_wanted, time, length, parent, keys, items,
            )  # fmt: skip
        for state in probe_state:
            wanted[state] = False
        for j in range(n_probes):
            best, metres = np.inf, np.nan
            for k in range(probe_start[j], probe_start[j + 1]):
                t = time[probe_state[k]] + probe_time[k]
                if t < best and t <= limit:
                    best = t
                    metres = (length[probe_state[k]] + probe_length[k]) / 1024.0
            out_time[row, j] = best
            out_metres[row, j] = metres


@kernel(types.void, I4, I4, F8, I4, B1, I8, I8, F8, I4, I8, I8, F8, I4, i8, i8, F8_out, F8_out)
def pairs(
    indptr, indices, entry_time, entry_length, is_dead_end,
    seed_start, seed_state, seed_time, seed_length,
    probe_start, probe_state, probe_time, probe_length,
    first, last, out_time, out_metres,
):  # fmt: skip
    """Fill `first` to `last`: seconds and metres from place *i* to probe *i*. Stops when the probe is reached."""
    n = len(indptr) - 1
    time = np.empty(n)
    length = np.empty(n, np.int32)
    parent = np.empty(n, np.int32)
    n_heap = len(indices) + len(seed_state) + 1
    keys = np.empty(n_heap)
    items = np.empty(n_heap, np.int32)
    wanted = np.zeros(n, np.bool_)
    for row in range(first, last):
        out_time[row] = np.inf
        out_metres[row] = np.nan
        n_wanted = 0
        for k in range(probe_start[row], probe_start[row + 1]):
            if not wanted[probe_state[k]]:
                wanted[probe_state[k]] = True
                n_wanted += 1
        if n_wanted == 0:
            continue
        time[:] = np.inf
        search(
            indptr, indices, entry_time, entry_length, is_dead_end,
            seed_state, seed_time, seed_length, seed_start[row], seed_start[row + 1],
            np.inf, wanted, n_wanted, time, length, parent, keys, items,
        )  # fmt: skip
        for k in range(probe_start[row], probe_start[row + 1]):
            state = probe_state[k]
            wanted[state] = False
            t = time[state] + probe_time[k]
            if t < out_time[row]:
                out_time[row] = t
                out_metres[row] = (length[state] + probe_length[k]) / 1024.0
