"""Seconds and metres on a grid of powers of two, so that sums along a path are exact in any order.

A float64 holds every multiple of 2**-30 s up to 97 days without rounding. Times on that grid add up exactly, so the
fastest time to a state is one number however it was found: by a full search, by repair after a closure, forwards or
backwards. Lengths are whole 1/1024 m in int32 (up to 2,000 km) for the same reason: among equally fast drives the
shortest counts, and "equally" must mean equal.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Lengths = npt.NDArray[np.int32]

TICKS_PER_S = float(2**30)
TICKS_PER_M = 1024.0


def exact_s(seconds: npt.ArrayLike) -> Floats:
    """Round seconds to the grid (half a nanosecond); infinity and NaN stay."""
    return np.asarray(np.rint(np.asarray(seconds, dtype=np.float64) * TICKS_PER_S) / TICKS_PER_S)


def drive_s(seconds: npt.ArrayLike) -> Floats:
    """Round seconds of a drive to the grid, one tick at least: a search settles states in the order of their times."""
    return np.asarray(np.maximum(exact_s(seconds), 1.0 / TICKS_PER_S))


def length_ticks(metres: npt.ArrayLike) -> Lengths:
    """Return metres as whole 1/1024 m; NaN as 0."""
    return np.nan_to_num(np.rint(np.asarray(metres, dtype=np.float64) * TICKS_PER_M)).astype(np.int32)
