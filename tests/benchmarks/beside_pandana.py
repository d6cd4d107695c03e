"""Pandana, kept open in the oracle environment and asked in turn with ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import to_metric
from tests.oracles.agreement import HERE


class Pandana:
    """A process that has the network open."""

    def __init__(self, child: subprocess.Popen[str], folder: Path) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self._asking, self._said = child.stdin, child.stdout
        self._folder = folder

    def ask(self) -> tuple[float, float]:
        """Return the seconds of `nearest_pois`, and of looking up the incidents' nodes in its answer."""
        self._asking.write("\n")
        self._asking.flush()
        # What it says of its progress goes the same way.
        answer = next(line for line in self._said if line.startswith("["))
        nearest_s, look_up_s = json.loads(answer)
        return float(nearest_s), float(look_up_s)

    def time_s(self) -> np.ndarray:
        """Return the last answer: seconds of each incident."""
        return np.asarray(np.load(self._folder / "pandana.npy"))


def start(
    python: Path | None, graph: RoadGraph, stations: np.ndarray, incidents: np.ndarray
) -> AbstractContextManager[Pandana] | None:
    """Open Pandana; `None` where it is not installed.

    Parameters
    ----------
    stations
        Node indices.
    incidents
        ``(n, 2)``, EPSG:4326 degrees.
    """
    if (
        python is None
        or subprocess.run([str(python), "-c", "import pandana"], capture_output=True, check=False).returncode
    ):
        return None
    return _opened(python, graph, stations, incidents)


@contextmanager
def _opened(python: Path, graph: RoadGraph, stations: np.ndarray, incidents: np.ndarray) -> Iterator[Pandana]:
    folder = Path(tempfile.mkdtemp(prefix="siaga-roads-"))
    try:
        np.savez(
            folder / "network.npz",
            x=graph.node_xy_m[:, 0],
            y=graph.node_xy_m[:, 1],
            tail=graph.arc_tail,
            head=graph.arc_head,
            time_s=graph.arc_time_s + graph.arc_delay_s,
            stations=stations,
            incidents=to_metric(incidents, graph.metric_srid),
        )
        command = [str(python), str(HERE / "pandana_child.py"), str(folder)]
        # It prints a warning for every pair without a way.
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, text=True, **pipes) as child:
            yield Pandana(child, folder)
            assert child.stdin is not None
            child.stdin.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
