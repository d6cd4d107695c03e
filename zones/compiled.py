"""The kernels of boundaries, as `gis.compiled` keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType

from gis.compiled import KernelPackage

KERNELS = KernelPackage("zones.kernels")


@dataclass(frozen=True, eq=False)
class Kernels:
    """The compiled modules."""

    covering: ModuleType
    dividing: ModuleType
    locating: ModuleType
    measuring: ModuleType
    sides: ModuleType


@cache
def kernels() -> Kernels:
    """Return the kernels; the first call in a process imports them."""
    return Kernels(**KERNELS.load())
