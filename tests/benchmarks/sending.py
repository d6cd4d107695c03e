"""Start the load in a process of its own and say what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LOAD = Path(__file__).with_name("load.py")
HERTZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a load came to.

    Attributes
    ----------
    latency_ms
        From the intended moment to the end of the answer, one per report answered 200 or 201.
    answers
        Idempotency key → answer.
    refused
        Status → how many.
    late_ms
        99th percentile of how late the generator itself sent.
    generator_share, cpu_ms
        CPU of the generator by wall time; CPU milliseconds per report of each process watched.
    """

    rate: float
    latency_ms: np.ndarray
    answers: dict[str, Any]
    refused: dict[int, int]
    late_ms: float
    generator_share: float
    cpu_ms: dict[str, float]

    def percentile(self, q: float) -> float:
        """Return a percentile of the latency, ms."""
        return float(np.percentile(self.latency_ms, q))


def cpu_s(pid: int) -> float:
    """Return the CPU seconds a process has used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / HERTZ


def children_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process, its children that live and those it has waited for."""
    total = 0.0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.name) == pid:
            total += sum(map(int, fields[11:15])) / HERTZ
        elif int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / HERTZ
    return total


def send(
    port: int,
    requests: Sequence[tuple[str, str]],
    *,
    token: str = "",
    rate: float | None = None,
    connections: int = 128,
    duration_s: float = 1e9,
    watch: dict[str, int] | None = None,
) -> Sent:
    """Send reports and wait for the end.

    Parameters
    ----------
    rate
        Per second, at fixed moments; `None`: each of `connections` sends again when it was answered, for `duration_s`.
    watch
        Name → process, whose CPU (with that of its children) is wanted.
    """
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    plan = {
        "port": port,
        "path": "/v1/reports",
        "headers": headers,
        "requests": list(requests),
        "rate": rate,
        "connections": connections,
        "duration_s": duration_s,
    }
    before = {name: children_cpu_s(pid) for name, pid in (watch or {}).items()}
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "plan.json"), Path(folder, "result.json")
        given.write_text(json.dumps(plan))
        subprocess.run([sys.executable, str(LOAD), str(given), str(found)], check=True, timeout=300)
        result = json.loads(found.read_text())
    after = {name: children_cpu_s(pid) for name, pid in (watch or {}).items()}
    good = [row for row in result["rows"] if row[1] in (200, 201)]
    refused: dict[int, int] = {}
    for row in result["rows"]:
        if row[1] not in (200, 201):
            refused[row[1]] = refused.get(row[1], 0) + 1
    wall_s = result["end"] - result["start"]
    return Sent(
        rate=len(good) / wall_s,
        latency_ms=np.array([(row[4] - row[2]) * 1000 for row in good]),
        answers={row[0]: json.loads(row[5]) for row in good},
        refused=refused,
        late_ms=float(np.percentile([(row[3] - row[2]) * 1000 for row in result["rows"]], 99)),
        generator_share=result["cpu_s"] / wall_s,
        cpu_ms={name: (after[name] - before[name]) * 1000 / max(1, len(good)) for name in before},
    )
