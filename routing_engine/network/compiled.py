"""The kernels of roads, as `gis.compiled` keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType

from gis.compiled import KernelPackage

KERNELS = KernelPackage("routing_engine.network.kernels")


@dataclass(frozen=True, eq=False)
class Kernels:
    """The compiled modules."""

    searching: ModuleType
    placing: ModuleType
    gathering: ModuleType
    arriving: ModuleType
    repairing: ModuleType
    spreading: ModuleType


@cache
def kernels() -> Kernels:
    """Return the kernels; the first call in a process imports them."""
    return Kernels(**KERNELS.load())
