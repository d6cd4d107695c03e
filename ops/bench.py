"""Benchmarks: ``tests/benchmarks/bench_<name>.py``, each with ``run() -> list[BenchRow]``.

A module measures ours and the peer in one process run, on data of a size its rows name, and asserts that both gave
the right answer. Figures are never tests: a slow machine fails nothing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gis.settings import ROOT
from ops.exits import DONE, REFUSED

FOLDER = ROOT / "tests" / "benchmarks"


@dataclass(frozen=True, kw_only=True)
class BenchRow:
    """One measured figure.

    Attributes
    ----------
    name, size
        What, and how much of it (``1,000 reports, 8 clients``).
    ours, unit
        The figure and its unit (``reports/s``, ``ms p99``).
    peer, peer_value
        What it stands beside, in the same unit; value `None` when the peer is not installed.
    ratio
        How many times better ours is (above 1 is better, whichever way the unit points); `None` without a peer.
    """

    name: str
    size: str
    ours: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None
    note: str = ""


def available() -> list[str]:
    """Return the names of the benchmarks."""
    return sorted(file.stem.removeprefix("bench_") for file in FOLDER.glob("bench_*.py"))


def load(name: str) -> list[BenchRow]:
    """Run one benchmark and return its rows."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", FOLDER / f"bench_{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    rows: list[BenchRow] = module.run()
    return rows


def run(names: Sequence[str], file: Path | None = None) -> int:
    """Run benchmarks, print each row as it comes, write them to `file`; return the exit code (1 if one failed)."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'benchmark':<24} {'size':<34} {'ours':>12} {'unit':<12} {'peer':>12} {'ratio':>7}  beside")
    rows: list[BenchRow] = []
    failed = []
    for name in names:
        started = time.monotonic()
        try:
            found = load(name)
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        for row in found:
            print(line(row), flush=True)
        rows += found
        print(f"  ({name}: {time.monotonic() - started:.0f} s)")
    if file:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
        file.write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return REFUSED if failed else DONE


def line(row: BenchRow) -> str:
    """Return a row of the table; an absent peer is named absent."""
    peer = (
        "absent" if row.peer and row.peer_value is None else "" if row.peer_value is None else f"{row.peer_value:,.4g}"
    )
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}×"
    beside = "  ".join(filter(None, [row.peer, row.note]))
    return f"{row.name:<24} {row.size:<34} {row.ours:>12,.4g} {row.unit:<12} {peer:>12} {ratio:>7}  {beside}".rstrip()
