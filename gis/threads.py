"""A batch shared out among threads, for kernels that hold no lock."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=n_threads(), thread_name_prefix="kernels")


def n_threads() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# Threads do not survive a fork, and the child must not wait for its parent's.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)


def in_parts(run: Callable[[int, int], Any], count: int, *, least: int) -> None:
    """Call ``run(first, last)`` over 0 … count, in several threads where each has `least` to do."""
    # One incident must not pay for a look at the processors.
    if count < 2 * least or n_threads() < 2:
        run(0, count)
        return
    n_parts = min(4 * n_threads(), count // least)
    bounds = [count * i // n_parts for i in range(n_parts + 1)]
    parts = [_threads().submit(run, first, last) for first, last in itertools.pairwise(bounds)]
    for part in parts:
        part.result()
