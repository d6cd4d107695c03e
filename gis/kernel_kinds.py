"""Types of the kernels' arguments, and how a kernel is declared.

Every kernel has one signature, so it is compiled once, at import, and never at a call. What a kernel reads may be
mapped from a file and is declared read-only; writeable arrays are accepted there too. Kernels hold no lock (`nogil`)
and start no threads: `gis.threads.in_parts` shares a batch out among threads, which any process may do at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit, types

f8 = types.float64
i8 = types.int64
b1 = types.boolean


def _array(dtype: Any, n_dimensions: int, *, readonly: bool) -> Any:
    return types.Array(dtype, n_dimensions, "C", readonly=readonly, aligned=True)


F8 = _array(types.float64, 1, readonly=True)
F8_2 = _array(types.float64, 2, readonly=True)
F4_2 = _array(types.float32, 2, readonly=True)
F4_1 = _array(types.float32, 1, readonly=True)
I1 = _array(types.int8, 1, readonly=True)
I8 = _array(types.int64, 1, readonly=True)
I8_2 = _array(types.int64, 2, readonly=True)
I4 = _array(types.int32, 1, readonly=True)
I4_2 = _array(types.int32, 2, readonly=True)
B1 = _array(types.boolean, 1, readonly=True)

F8_out = _array(types.float64, 1, readonly=False)
F8_2_out = _array(types.float64, 2, readonly=False)
F4_1_out = _array(types.float32, 1, readonly=False)
F4_2_out = _array(types.float32, 2, readonly=False)
I8_out = _array(types.int64, 1, readonly=False)
I8_2_out = _array(types.int64, 2, readonly=False)
I4_out = _array(types.int32, 1, readonly=False)
I4_2_out = _array(types.int32, 2, readonly=False)
I1_out = _array(types.int8, 1, readonly=False)
I1_2_out = _array(types.int8, 2, readonly=False)

Kernel = Callable[..., Any]


def kernel(returns: Any, *arguments: Any) -> Callable[[Kernel], Kernel]:
    """Compile a function for these types, through the cache."""
    decorate: Callable[[Kernel], Kernel] = njit(returns(*arguments), cache=True, nogil=True, error_model="numpy")
    return decorate


def part_of_kernels(function: Kernel) -> Kernel:
    """Mark a function that kernels call; it is compiled into each of them."""
    compiled: Kernel = njit(inline="never", error_model="numpy")(function)
    return compiled
