"""Valhalla's answers to a job, made in an environment of its own (Python 3.12 or newer; nothing of Siaga is imported).

Usage: ``python valhalla_child.py JOB``, a folder as `osrm_child` has it; speeds and barriers are Valhalla's own. It is
asked for the *shortest* way, so that only access, turns and lengths are compared, not speed tables. `job.json` may name
`isochrones`: ``{"points": [[lon, lat], …], "minutes": [5, 10, 15]}``.

It writes ``valhalla.npz`` (`distance_m`, NaN: no way) and ``valhalla.json``: seconds of each step.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import valhalla

BIN = Path(valhalla.__file__).parent / "bin"


def build(job: Path) -> tuple[dict, dict[str, float]]:
    """Make the tiles; return the configuration and the seconds of each step."""
    tiles = job / "tiles"
    tiles.mkdir(exist_ok=True)  # get_config resolves the path, so it must be there
    config = valhalla.get_config(tile_dir=str(tiles), tile_extract="")
    config["mjolnir"]["admin"] = str(job / "admins.sqlite")
    config["service_limits"]["auto"].update(max_matrix_location_pairs=1_000_000, max_matrix_distance=1_000_000.0)
    config["service_limits"]["max_timedep_distance_matrix"] = 0
    path = job / "valhalla-config.json"
    path.write_text(json.dumps(config))
    seconds = {}
    for name in ("valhalla_build_admins", "valhalla_build_tiles"):
        started = time.perf_counter()
        command = [str(BIN / name), "-c", str(path), str(job / "extract.osm.pbf")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
        seconds[name] = time.perf_counter() - started
    return config, seconds


def matrix(actor: valhalla.Actor, origins: np.ndarray, destinations: np.ndarray) -> np.ndarray:
    """Return metres of the shortest ways ``(n, m)``."""
    answer = actor.matrix(
        {
            "sources": [{"lon": float(lon), "lat": float(lat)} for lon, lat in origins],
            "targets": [{"lon": float(lon), "lat": float(lat)} for lon, lat in destinations],
            "costing": "auto",
            "costing_options": {"auto": {"shortest": True, "use_ferry": 0.0}},
            "verbose": False,
        }
    )
    found = answer["sources_to_targets"]["distances"]
    return np.array([[np.nan if v is None else v * 1000.0 for v in row] for row in found], dtype=float)


def main(job: Path) -> None:
    """Build, ask, write."""
    task = json.loads((job / "job.json").read_text())
    config, seconds = build(job)
    actor = valhalla.Actor(config)
    pairs = np.load(job / "pairs.npz")
    spent, metres = [], []
    for origins, destinations in zip(pairs["origins"], pairs["destinations"], strict=True):
        started = time.perf_counter()
        metres.append(matrix(actor, origins, destinations))
        spent.append(time.perf_counter() - started)
    np.savez(job / "valhalla.npz", distance_m=np.stack(metres))
    isochrones = []
    asked = task.get("isochrones", {"points": [], "minutes": []})
    for lon, lat in asked["points"]:
        started = time.perf_counter()
        actor.isochrone(
            {
                "locations": [{"lon": lon, "lat": lat}],
                "costing": "auto",
                "contours": [{"time": minutes} for minutes in asked["minutes"]],
                "polygons": True,
            }
        )
        isochrones.append(time.perf_counter() - started)
    report = {"build_s": seconds, "ask_s": spent, "isochrone_s": isochrones}
    (job / "valhalla.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
