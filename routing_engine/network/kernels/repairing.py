"""Mending a field after streets were closed, slowed or opened: only what lies behind them is searched again.

The method of Ramalingam and Reps (1996) in two steps, on the tree of parents that the field keeps. Where entries became
slower, the states behind them in the tree lose their time and are searched again from their neighbours. Where entries
became faster, improvements spread from there. Times are exact (see `units`) and parents are unique (see `searching`),
so the result equals a full search in every bit. Exact times of states that did not change are summed along the tree
when they are needed: the field itself holds them rounded.
"""

from __future__ import annotations

import numpy as np
from numba import types

from gis.kernel_kinds import (
    F8,
    I4,
    I8,
    F4_2_out,
    I4_2_out,
    I8_out,
    i8,
    kernel,
    part_of_kernels,
)
from routing_engine.network.kernels.searching import FROM_START, NOT_REACHED, pop, push, wins


@part_of_kernels
def climb(
    state, stamp, parent, entry_source, entry_time, entry_length, seed, seed_time, seed_length,
    known, time, length, stack,
):  # fmt: skip
    """Make `time` and `length` of a state known, by its parents' up to one that is."""
    depth = 0
    at = state
    while known[at] != stamp:
        stack[depth] = at
        depth += 1
        p = parent[at]
        if p < 0:
            break
        at = entry_source[p]
    while depth > 0:
        depth -= 1
        at = stack[depth]
        p = parent[at]
        if p == NOT_REACHED:
            time[at], length[at] = np.inf, 0
        elif p < 0:
            k = seed + FROM_START - p
            time[at], length[at] = seed_time[k], seed_length[k]
        else:
            above = entry_source[p]
            time[at], length[at] = time[above] + entry_time[p], length[above] + entry_length[p]
        known[at] = stamp


@part_of_kernels
def write(state, row, t, m, p, out_time, out_path, parent):
    """Write one state of one station."""
    if t < np.inf:
        out_time[state, row] = t
        out_path[state, row] = m / 1024.0
        parent[state] = p
    else:
        out_time[state, row] = np.nan
        out_path[state, row] = np.nan
        parent[state] = NOT_REACHED


@kernel(
    types.void,
    I4, I4, I4, I4, I4, I4, F8, F8, I4, I4,
    I8, I8, F8, F8, F8, I4, I8, i8, i8, F4_2_out, F4_2_out, I4_2_out, I8_out,
)  # fmt: skip
def repair(
    indptr, indices, in_start, in_entry, entry_source, entry_length, slower_time, new_time, slower, faster,
    seed_start, seed_state, seed_old, seed_slower, seed_new, seed_length, rows, first, last,
    out_time, out_path, out_parent, out_count,
):  # fmt: skip
    """Mend stations ``rows[first:last]`` in place; `out_count` gets how many states of each were searched again.

    `slower`, `faster`: entries that changed. `slower_time`: times with the slower ones alone; `new_time`: with both.
    """
    n = len(indptr) - 1
    known = np.zeros(n, np.int64)
    marked = np.zeros(n, np.int64)
    time, length = np.empty(n), np.empty(n, np.int32)
    new, new_length, new_parent = np.empty(n), np.empty(n, np.int32), np.empty(n, np.int32)
    stack, queue = np.empty(n, np.int32), np.empty(n, np.int32)
    n_heap = 2 * (len(indices) + len(seed_state)) + n + 1
    keys, items = np.empty(n_heap), np.empty(n_heap, np.int32)
    stamp = 0
    for i in range(first, last):
        row = rows[i]
        parent = out_parent[row]
        seed, seed_end = seed_start[row], seed_start[row + 1]
        stamp += 2
        count = 0

        # What lies behind entries that became slower.
        for entry in slower:
            state = indices[entry]
            if parent[state] == entry and marked[state] != stamp:
                marked[state] = stamp
                queue[count] = state
                count += 1
        for k in range(seed, seed_end):
            state = seed_state[k]
            if seed_slower[k] > seed_old[k] and parent[state] == FROM_START - (k - seed) and marked[state] != stamp:
                marked[state] = stamp
                queue[count] = state
                count += 1
        at = 0
        while at < count:
            state = queue[at]
            for entry in range(indptr[state], indptr[state + 1]):
                other = indices[entry]
                if parent[other] == entry and marked[other] != stamp:
                    marked[other] = stamp
                    queue[count] = other
                    count += 1
            at += 1
        size = 0
        for at in range(count):
            state = queue[at]
            new[state], new_length[state], new_parent[state] = np.inf, 0, NOT_REACHED
            for place in range(in_start[state], in_start[state + 1]):
                entry = in_entry[place]
                before = entry_source[entry]
                if marked[before] == stamp or slower_time[entry] == np.inf:
                    continue
                climb(
                    before, stamp, parent, entry_source, slower_time, entry_length, seed, seed_slower, seed_length,
                    known, time, length, stack,
                )  # fmt: skip
                t = time[before] + slower_time[entry]
                m = length[before] + entry_length[entry]
                if wins(t, m, entry, new[state], new_length[state], new_parent[state]):
                    new[state], new_length[state], new_parent[state] = t, m, entry
        for k in range(seed, seed_end):
            state, t, m, p = seed_state[k], seed_slower[k], seed_length[k], FROM_START - (k - seed)
            if marked[state] == stamp and wins(t, m, p, new[state], new_length[state], new_parent[state]):
                new[state], new_length[state], new_parent[state] = t, m, p
        for at in range(count):
            state = queue[at]
            if new[state] < np.inf:
                size = push(keys, items, size, new[state], state)
        while size > 0:
            now, state = keys[0], items[0]
            size = pop(keys, items, size)
            if now > new[state]:
                continue
            for entry in range(indptr[state], indptr[state + 1]):
                other = indices[entry]
                if marked[other] != stamp:
                    continue
                t = now + slower_time[entry]
                m = new_length[state] + entry_length[entry]
                if wins(t, m, entry, new[other], new_length[other], new_parent[other]):
                    if t < new[other]:
                        size = push(keys, items, size, t, other)
                    new[other], new_length[other], new_parent[other] = t, m, entry
        for at in range(count):
            state = queue[at]
            write(state, row, new[state], new_length[state], new_parent[state], out_time, out_path, parent)
            time[state], length[state], known[state] = new[state], new_length[state], stamp
        out_count[row] = count

        # What gets better by entries that became faster. States not marked keep time, length and parent.
        stamp_faster = stamp + 1
        count = 0
        size = 0
        n_first = len(faster) + seed_end - seed
        for offer in range(n_first):
            if offer < len(faster):
                p = faster[offer]
                before = entry_source[p]
                climb(
                    before, stamp, parent, entry_source, slower_time, entry_length, seed, seed_slower, seed_length,
                    known, time, length, stack,
                )  # fmt: skip
                state = indices[p]
                t, m = time[before] + new_time[p], length[before] + entry_length[p]
            else:
                k = seed + offer - len(faster)
                p = FROM_START - (k - seed)
                if not seed_new[k] < seed_slower[k]:
                    continue
                state, t, m = seed_state[k], seed_new[k], seed_length[k]
            if not t < np.inf:
                continue
            if marked[state] != stamp_faster:
                climb(
                    state, stamp, parent, entry_source, slower_time, entry_length, seed, seed_slower, seed_length,
                    known, time, length, stack,
                )  # fmt: skip
                new[state], new_length[state], new_parent[state] = time[state], length[state], parent[state]
            if wins(t, m, p, new[state], new_length[state], new_parent[state]):
                is_less = t < new[state] or m < new_length[state]
                if marked[state] != stamp_faster:
                    marked[state] = stamp_faster
                    queue[count] = state
                    count += 1
                new[state], new_length[state], new_parent[state] = t, m, p
                if is_less:
                    size = push(keys, items, size, t, state)
        while size > 0:
            now, state = keys[0], items[0]
            size = pop(keys, items, size)
            if now > new[state]:
                continue
            for entry in range(indptr[state], indptr[state + 1]):
                other = indices[entry]
                t = now + new_time[entry]
                if not t < np.inf:
                    continue
                m = new_length[state] + entry_length[entry]
                if marked[other] != stamp_faster:
                    climb(
                        other, stamp, parent, entry_source, slower_time, entry_length, seed, seed_slower, seed_length,
                        known, time, length, stack,
                    )  # fmt: skip
                    new[other], new_length[other], new_parent[other] = time[other], length[other], parent[other]
                if wins(t, m, entry, new[other], new_length[other], new_parent[other]):
                    is_less = t < new[other] or m < new_length[other]
                    if marked[other] != stamp_faster:
                        marked[other] = stamp_faster
                        queue[count] = other
                        count += 1
                    new[other], new_length[other], new_parent[other] = t, m, entry
                    if is_less:
                        size = push(keys, items, size, t, other)
        for at in range(count):
            state = queue[at]
            write(state, row, new[state], new_length[state], new_parent[state], out_time, out_path, parent)
        out_count[row] += count
