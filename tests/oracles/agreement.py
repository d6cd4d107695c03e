"""Our travel times beside OSRM's on the same extract, with access, speeds and penalties aligned.

OSRM is given, way by way, what our import made of the tags (see ``aligned.lua``): who may drive, how fast, which nodes
stop a car. Junctions, turn restrictions, U-turns, snapping and the search stay its own. Speeds are divided by `SLOWER`,
because OSRM rounds every segment to a tenth of a second; with its answer divided again, a hundredth is left.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pandas as pd
import shapely

from gis.settings import ROOT
from routing_engine.network.groups import CAR

HERE = Path(__file__).parent
SLOWER = 10
# A coordinate that OSRM moves farther than this was put on another street than ours.
SAME_STREET_M = 1.0
# Restrictions by the clock, as they were tagged before `restriction:conditional`.
TIMES = {"day_on", "day_off", "hour_on", "hour_off"}


def oracle_python() -> Path | None:
    """Return the Python of the oracle environment: `SIAGA_ORACLE_PYTHON`, else ``.venv-oracle``; None if absent."""
    given = os.environ.get("SIAGA_ORACLE_PYTHON")
    python = Path(given) if given else ROOT / ".venv-oracle" / "bin" / "python"
    return python if python.exists() else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """What a peer said of blocks of pairs.

    Attributes
    ----------
    time_s, distance_m
        ``(n_blocks, n, m)``; NaN where there is no way; `time_s` is None for a peer that was asked for metres only.
    origin_off_m, destination_off_m
        How far the peer moved each position, ``(n_blocks, n)`` and ``(n_blocks, m)``; None where it does not say.
    origin_ways, destination_ways
        Onto which OSM ways, ``(n_blocks, n, 2)`` and ``(n_blocks, m, 2)``; see `osrm_child.ways_of`.
    report
        Seconds of its steps (`build_s`), of each block (`ask_s`), and what else it said.
    """

    time_s: np.ndarray | None
    distance_m: np.ndarray
    origin_off_m: np.ndarray | None
    destination_off_m: np.ndarray | None
    origin_ways: np.ndarray | None
    destination_ways: np.ndarray | None
    report: dict[str, Any]


def way_speeds(graph: Any, edges: pd.DataFrame) -> pd.DataFrame:
    """Return `along` and `against` in km/h by OSM way as the graph drives it, 0 where it does not.

    Parameters
    ----------
    graph
        Made of `edges`, of a profile without delays at signals and crossings.
    """
    arc = graph.edge_arc
    kph = np.where(arc >= 0, graph.edge_length_m[:, None] / graph.arc_time_s[arc] * 3.6, 0.0)
    table = pd.DataFrame({"way": edges["osm_way_id"].to_numpy(), "along": kph[:, 0], "against": kph[:, 1]})
    # Edges of a way share its tags, and so their speeds.
    return table.groupby("way", sort=True).max()


def write_job(
    folder: Path,
    extract: Path,
    graph: Any,
    edges: pd.DataFrame,
    restrictions: pd.DataFrame,
    *,
    origins: np.ndarray,
    destinations: np.ndarray,
    singles: np.ndarray | None = None,
    algorithm: str = "MLD",
    more: dict[str, Any] | None = None,
) -> None:
    """Write what a peer needs into a new folder.

    Parameters
    ----------
    graph
        What ours drives on, see `way_speeds`.
    edges, restrictions
        Frames as `data.osm_network.read_roads` gives them.
    origins, destinations
        ``(n_blocks, n, 2)`` and ``(n_blocks, m, 2)``, EPSG:4326 degrees; every pair of a block is asked.
    singles
        ``(k, 2)``: destinations that OSRM can be asked about one by one afterwards, see `in_turn`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _copy(extract, folder / "extract.osm.pbf")
    ways = way_speeds(graph, edges)
    lines = (f"{way} {along / SLOWER!r} {against / SLOWER!r}\n" for way, along, against in ways.itertuples())
    (folder / "ways.txt").write_text("".join(lines))
    stops = restrictions[(restrictions["reason"] == "barrier") & ((restrictions["applies"] & CAR) > 0)]
    (folder / "barriers.txt").write_text("".join(f"{node}\n" for node in sorted(set(stops["via_node"]))))
    (folder / "job.json").write_text(json.dumps({"slower": SLOWER, "algorithm": algorithm} | (more or {})))
    alone = np.empty((0, 2)) if singles is None else singles
    np.savez(folder / "pairs.npz", origins=origins, destinations=destinations, singles=alone)


def _copy(extract: Path, copy: Path) -> None:
    """Copy an extract without the restrictions that hold at times only: OSRM would take them for always, ours never."""
    with osmium.SimpleWriter(str(copy)) as writer:
        for thing in osmium.FileProcessor(str(extract)):
            if not (thing.is_relation() and TIMES & {tag.k for tag in thing.tags}):
                writer.add(thing)


def ask(folder: Path, peer: str, python: Path) -> Answers:
    """Let a peer (``osrm`` or ``valhalla``) answer the job in `folder`."""
    done = subprocess.run(
        [str(python), str(HERE / f"{peer}_child.py"), str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{peer}: {done.stderr[-2000:]}")
    name = {"osrm": "answer", "valhalla": "valhalla"}[peer]
    found = dict(np.load(folder / f"{name}.npz"))
    return Answers(
        time_s=found.get("time_s"),
        distance_m=found["distance_m"],
        origin_off_m=found.get("origin_off_m"),
        destination_off_m=found.get("destination_off_m"),
        origin_ways=found.get("origin_ways"),
        destination_ways=found.get("destination_ways"),
        report=json.loads((folder / f"{name}.json").read_text()),
    )


@contextmanager
def in_turn(folder: Path, python: Path) -> Iterator[Callable[[int, int], list[float]]]:
    """Open OSRM on a job that was answered; what is given asks ``singles[first:last]`` one by one: seconds of each."""
    command = [str(python), str(HERE / "osrm_child.py"), str(folder), "--in-turn"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        asking, said = child.stdin, child.stdout

        def ask_some(first: int, last: int) -> list[float]:
            asking.write(f"{first} {last}\n")
            asking.flush()
            return [float(seconds) for seconds in json.loads(said.readline())]

        yield ask_some
        asking.close()


def draw(graph: Any, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw positions on the streets of the main part, uniform by length: ``(n, 2)``, EPSG:4326 degrees."""
    edges = graph.main_edges
    length = graph.edge_length_m[edges]
    chosen = edges[rng.choice(len(edges), n, p=length / length.sum())]
    part = rng.random(n)
    first, last = graph.vertex_start[chosen], graph.vertex_start[chosen + 1]
    lines = [shapely.LineString(graph.vertex_lonlat[a:b]) for a, b in zip(first, last, strict=True)]
    points = shapely.line_interpolate_point(lines, part, normalized=True)
    return shapely.get_coordinates(points)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often two agree on pairs both put on the same streets."""

    n: int
    within_1: float
    within_3: float
    median_s: float
    faster: float
    slower: float
    unreachable_ours: int
    unreachable_theirs: int


def same_street(theirs: Answers) -> np.ndarray:
    """Return the pairs whose ends the peer left where they were, ``(n_blocks, n, m)``: all were drawn on a street."""
    assert theirs.origin_off_m is not None
    assert theirs.destination_off_m is not None
    return (theirs.origin_off_m[:, :, None] < SAME_STREET_M) & (theirs.destination_off_m[:, None, :] < SAME_STREET_M)


def compare(ours_s: np.ndarray, theirs: Answers) -> tuple[Agreement, np.ndarray]:
    """Compare seconds of the same blocks; return the summary and which pairs differ by over 1 %."""
    assert theirs.time_s is not None
    same = same_street(theirs)
    both = same & np.isfinite(ours_s) & np.isfinite(theirs.time_s)
    gap = (ours_s - theirs.time_s)[both]
    # Times below ten seconds are compared in tenths of a second: a per cent of them is below OSRM's rounding.
    part = gap / np.maximum(theirs.time_s[both], 10.0)
    differs = np.zeros(ours_s.shape, dtype=bool)
    differs[both] = np.abs(part) > 0.01
    return (
        Agreement(
            n=int(both.sum()),
            within_1=float((np.abs(part) <= 0.01).mean()),
            within_3=float((np.abs(part) <= 0.03).mean()),
            median_s=float(np.median(gap)),
            faster=float((part < -0.01).mean()),
            slower=float((part > 0.01).mean()),
            unreachable_ours=int((same & np.isnan(ours_s)).sum()),
            unreachable_theirs=int((same & np.isnan(theirs.time_s)).sum()),
        ),
        differs,
    )
