"""Pandana's nearest stations, made in the oracle's own environment (nothing of Siaga is imported).

Usage: ``python pandana_child.py JOB``, a folder with ``network.npz``: `x`, `y` of nodes (metres), `tail`, `head`,
`time_s` of arcs, `stations` (node numbers) and `incidents` ``(n, 2)`` (metres). It knows no turns and puts positions on
the nearest node. For each line on standard input it asks again, writes ``pandana.npy`` (seconds of every incident) and
prints ``[nearest_s, look_up_s]``: of `nearest_pois` for all nodes, and of finding the incidents' nodes among them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandana
import pandas as pd

FAR_S = 36_000.0


def main(job: Path) -> None:
    """Build, ask, write."""
    given = np.load(job / "network.npz")
    network = pandana.Network(
        pd.Series(given["x"]),
        pd.Series(given["y"]),
        pd.Series(given["tail"]),
        pd.Series(given["head"]),
        pd.DataFrame({"time_s": given["time_s"]}),
        twoway=False,
    )
    stations, places = given["stations"], given["incidents"]
    network.set_pois("stations", FAR_S, 1, pd.Series(given["x"][stations]), pd.Series(given["y"][stations]))
    for _ in sys.stdin:
        started = time.perf_counter()
        found = network.nearest_pois(FAR_S, "stations", num_pois=1)
        middle = time.perf_counter()
        nodes = network.get_node_ids(places[:, 0], places[:, 1])
        time_s = found[1].reindex(nodes).to_numpy()
        ended = time.perf_counter()
        np.save(job / "pandana.npy", time_s)
        sys.__stdout__.write(json.dumps([middle - started, ended - middle]) + "\n")
        sys.__stdout__.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
