"""Pandana's nearest stations, made in the oracle's own environment where Pandana is installed besides.

Usage: ``python pandana_child.py JOB``, a folder with ``network.npz``: `x`, `y` of nodes (metres), `tail`, `head`,
`time_s` of arcs, `stations` (node numbers) and `incidents` ``(n, 2)`` (metres). It knows no turns and puts positions on
the nearest node. It writes ``pandana.json``: seconds of each step, and ``pandana.npz``: `time_s` of every incident.
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
    started = time.perf_counter()
    network = pandana.Network(
        pd.Series(given["x"]),
        pd.Series(given["y"]),
        pd.Series(given["tail"]),
        pd.Series(given["head"]),
        pd.DataFrame({"time_s": given["time_s"]}),
        twoway=False,
    )
    build_s = time.perf_counter() - started
    stations, places = given["stations"], given["incidents"]
    network.set_pois("stations", FAR_S, 1, pd.Series(given["x"][stations]), pd.Series(given["y"][stations]))
    nearest_s, snap_s = [], []
    for _ in range(3):
        started = time.perf_counter()
        found = network.nearest_pois(FAR_S, "stations", num_pois=1)
        nearest_s.append(time.perf_counter() - started)
        started = time.perf_counter()
        nodes = network.get_node_ids(places[:, 0], places[:, 1])
        time_s = found[1].reindex(nodes).to_numpy()
        snap_s.append(time.perf_counter() - started)
    np.savez(job / "pandana.npz", time_s=time_s)
    report = {"version": pandana.__version__, "build_s": build_s, "nearest_s": nearest_s, "snap_s": snap_s}
    (job / "pandana.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
