"""OSRM's answers to a job, made in the oracle's own environment (Python 3.12 or newer; nothing of Siaga is imported).

Usage: ``python osrm_child.py JOB [--in-turn]``, a folder with

``extract.osm.pbf``, ``ways.txt``, ``barriers.txt``
    The roads; ``way_id kph_along kph_against`` per line (0: closed); ids of nodes that stop a vehicle.
``job.json``
    ``{"slower": float, "algorithm": "MLD" | "CH"}``: speeds in ``ways.txt`` were divided by `slower`.
``pairs.npz``
    `origins` ``(n_blocks, n, 2)`` and `destinations` ``(n_blocks, m, 2)``, EPSG:4326 degrees; and `singles`
    ``(k, 2)``, for `--in-turn`.

It writes ``answer.npz``: `time_s` and `distance_m` ``(n_blocks, n, m)`` (NaN: no way), `origin_off_m`,
`destination_off_m` (how far each was moved onto a road), `origin_ways` and `destination_ways` (of which OSM way); and
``answer.json``: seconds of each step and peak memory. `ask_s` contains what makes numbers of the answer, `table_s` is
OSRM's part of it.

With `--in-turn` the job was answered before. For each line ``FIRST LAST`` on standard input every one of
``singles[FIRST:LAST]`` is asked alone from the first block's origins, and the seconds each took are printed as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import osrm

BIN = Path(osrm.__file__).parent / "bin"


def build(job: Path, algorithm: str) -> dict[str, float]:
    """Run OSRM's own steps; return the seconds of each."""
    base = str(job / "extract.osrm")
    steps = [("extract", ["osrm-extract", "-p", str(Path(__file__).with_name("aligned.lua")), job / "extract.osm.pbf"])]
    if algorithm == "CH":
        steps.append(("contract", ["osrm-contract", base]))
    else:
        steps += [("partition", ["osrm-partition", base]), ("customize", ["osrm-customize", base])]
    # The profile's `require` looks beside OSRM's own profiles.
    environment = os.environ | {"SIAGA_ORACLE_JOB": str(job)}
    seconds = {}
    for name, command in steps:
        started = time.perf_counter()
        done = subprocess.run(
            [str(BIN / command[0]), *map(str, command[1:])],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{command[0]}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
        seconds[name] = time.perf_counter() - started
    return seconds


def ways_of(points: list) -> np.ndarray:
    """Return the OSM ways each place was put on ``(n, 2)``: the second is 0 unless two were equally near."""
    ways = np.zeros((len(points), 2), dtype=np.int64)
    for row, point in zip(ways, points, strict=True):
        names = [int(name) for name in point["name"].split(" / ")[:2]]
        row[: len(names)] = names
    return ways


def ask(engine: osrm.OSRM, origins: np.ndarray, destinations: np.ndarray) -> dict[str, np.ndarray]:
    """Return OSRM's table of one block."""
    coordinates = [tuple(map(float, point)) for point in (*origins, *destinations)]
    n = len(origins)
    started = time.perf_counter()
    answer = engine.Table(
        osrm.TableParameters(
            coordinates=coordinates,
            sources=list(range(n)),
            destinations=list(range(n, len(coordinates))),
            annotations=["duration", "distance"],
            generate_hints=False,
        )
    )

    table_s = time.perf_counter() - started

    def numbers(name: str) -> np.ndarray:
        return np.array([[np.nan if v is None else v for v in row] for row in answer[name]], dtype=float)

    return {
        "table_s": np.array(table_s),
        "time_s": numbers("durations"),
        "distance_m": numbers("distances"),
        "origin_off_m": np.array([float(point["distance"]) for point in answer["sources"]]),
        "destination_off_m": np.array([float(point["distance"]) for point in answer["destinations"]]),
        "origin_ways": ways_of(answer["sources"]),
        "destination_ways": ways_of(answer["destinations"]),
    }


def opened(job: Path, algorithm: str) -> osrm.OSRM:
    """Load what was built."""
    return osrm.OSRM(
        algorithm=algorithm,
        storage_config=str(job / "extract.osrm"),
        max_locations_distance_table=-1,
        use_shared_memory=False,
    )


def in_turn(job: Path) -> None:
    """Answer round after round."""
    engine = opened(job, json.loads((job / "job.json").read_text())["algorithm"])
    pairs = np.load(job / "pairs.npz")
    origins, singles = pairs["origins"][0], pairs["singles"]
    for line in sys.stdin:
        first, last = map(int, line.split())
        spent = [float(ask(engine, origins, one[None])["table_s"]) for one in singles[first:last]]
        print(json.dumps(spent), flush=True)


def main(job: Path) -> None:
    """Build, ask, write."""
    task = json.loads((job / "job.json").read_text())
    seconds = build(job, task["algorithm"])
    pairs = np.load(job / "pairs.npz")
    engine = opened(job, task["algorithm"])
    found: dict[str, list[np.ndarray]] = {}
    spent = []
    for origins, destinations in zip(pairs["origins"], pairs["destinations"], strict=True):
        started = time.perf_counter()
        block = ask(engine, origins, destinations)
        spent.append(time.perf_counter() - started)
        for name, values in block.items():
            found.setdefault(name, []).append(values)
    answer = {name: np.stack(values) for name, values in found.items()}
    answer["time_s"] = answer["time_s"] / task["slower"]
    table_s = answer.pop("table_s").tolist()
    np.savez(job / "answer.npz", **answer)
    report = {
        "build_s": seconds,
        "ask_s": spent,
        "table_s": table_s,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "peak_build_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    (job / "answer.json").write_text(json.dumps(report))


if __name__ == "__main__":
    (in_turn if "--in-turn" in sys.argv[2:] else main)(Path(sys.argv[1]))
