"""Oracles: our travel times beside OSRM's and our metres beside Valhalla's, on the extracts that are at hand.

Correctness, not speed (that is ``bench roads``): 20,000 pairs per extract, both put on the same streets, access, speeds
and penalties aligned as `tests.oracles.agreement` says. Without the oracle environment nothing is compared, and
the row says so. docs/routing-check.md explains what differs.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from data.osm_network import Roads, read_roads
from gis.settings import ROOT
from ops.bench import BenchRow
from routing_engine.network.fields import build_field
from routing_engine.network.graph import RoadGraph, build_graph
from routing_engine.network.profiles import PROFILES, Profile
from routing_engine.network.snapping import Refusal, Snapped, snap
from routing_engine.network.states import UTurns
from tests.oracles.agreement import (
    SAME_STREET_M,
    Agreement,
    Answers,
    ask,
    compare,
    draw,
    oracle_python,
    same_street,
    write_job,
)

GEODATA = Path(os.environ.get("SIAGA_GEODATA", ROOT.parent / "shared" / "geodata"))
# Extract → SRID of its UTM zone.
EXTRACTS = {
    "malta": 32633,
    "baltimore": 32618,
    "liechtenstein": 32632,
    "harrisburg": 32618,
    "monaco": 32632,
    "helsinki_centre": 32635,
    "north_bayreuth": 32632,
}
SEED = 7
N_BLOCKS, N_ORIGINS, N_DESTINATIONS = 20, 10, 100
N_STATIONS = 100
N_INCIDENTS = 10_000
TIE_S = 0.5
SAME_PLACE_S = 0.4
VALHALLA_BLOCKS = 2
LIMIT_M = 50.0
# Streets within a metre of each other, at most: levels of a car park.
N_STACKED = 12

# A public car as OSRM's engine drives it: it turns round at dead ends only, and loses no time at signals.
CAR = dataclasses.replace(PROFILES["car"], signal_s=0.0, level_crossing_s=0.0, limited_factor=1.0)
# Valhalla is asked for the shortest way: one speed everywhere, and, as it does, nobody passes through private streets.
FLAT_KPH = 36.0
VISITOR = dataclasses.replace(CAR, limited_factor=20.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """One extract as ours drives it, and the pairs asked."""

    name: str
    path: Path
    roads: Roads
    graph: RoadGraph
    origins: np.ndarray
    destinations: np.ndarray


def speeds() -> pd.DataFrame:
    """Return the speeds of the demo city for a whole day."""
    table = pd.read_csv(ROOT / "data/cities/kendari/speeds.csv")
    return table[table["hour_from"] == 0]


def graph_of(roads: Roads, srid: int, table: pd.DataFrame, profile: Profile = CAR) -> RoadGraph:
    """Build the graph that drives as OSRM does."""
    return build_graph(
        roads.nodes,
        roads.edges,
        roads.restrictions,
        speeds=table,
        profile=profile,
        metric_srid=srid,
        u_turns=UTurns.DEAD_ENDS,
    )


def case_of(name: str) -> Case:
    """Read an extract and draw its pairs."""
    path = GEODATA / "osm" / f"{name}.osm.pbf"
    roads = read_roads(path)
    graph = graph_of(roads, EXTRACTS[name], speeds())
    rng = np.random.default_rng(SEED)
    return Case(
        name=name,
        path=path,
        roads=roads,
        graph=graph,
        origins=draw(graph, N_BLOCKS * N_ORIGINS, rng).reshape(N_BLOCKS, N_ORIGINS, 2),
        destinations=draw(graph, N_BLOCKS * N_DESTINATIONS, rng).reshape(N_BLOCKS, N_DESTINATIONS, 2),
    )


def placed(graph: RoadGraph, lonlat: np.ndarray, ways: np.ndarray | None = None) -> Snapped:
    """Put positions on the one nearest street, or on those of the OSM ways given for each, ``(n, 2)``.

    Where streets lie on top of each other, "nearest" is a matter of rounding: OSRM's coordinates are whole millionths
    of a degree, and two streets that are then equally near both count. A position with no such way within
    `SAME_STREET_M` is refused.
    """
    if ways is None:
        return snap(graph, lonlat, limit_m=LIMIT_M, n_candidates=1)
    found = snap(graph, lonlat, limit_m=LIMIT_M, n_candidates=N_STACKED, tolerance_m=SAME_STREET_M)
    fits = (found.edge >= 0)[:, :, None] & (graph.edge_way[found.edge][:, :, None] == ways[:, None, :])
    # Of each way the nearest piece; those found come first.
    first, none = fits.argmax(axis=1), ~fits.any(axis=1)
    order = np.argsort(none, axis=1, kind="stable")
    first, none = (np.take_along_axis(values, order, axis=1) for values in (first, none))
    edge, fraction, metres = (
        np.take_along_axis(values, first, axis=1) for values in (found.edge, found.fraction, found.distance_m)
    )
    edge[none], fraction[none], metres[none] = -1, np.nan, np.nan
    reason = np.where(none[:, 0], Refusal.TOO_FAR, Refusal.NONE).astype(np.int8)
    return Snapped(graph, found.lonlat, edge, fraction, metres, reason)


def ours(
    graph: RoadGraph,
    origins: np.ndarray,
    destinations: np.ndarray,
    what: str = "time_s",
    *,
    on: Answers | None = None,
) -> np.ndarray:
    """Return seconds or metres (`distance_m`) ``(n_blocks, n, m)``.

    Positions are put on the one nearest street, or on the streets on which a peer put them, `on`.
    """
    blocks = []
    for number, (start, end) in enumerate(zip(origins, destinations, strict=True)):
        ways = (None, None) if on is None else (on.origin_ways[number], on.destination_ways[number])
        field = build_field(graph, placed(graph, start, ways[0]))
        blocks.append(getattr(field.reach(placed(graph, end, ways[1])), what).T)
    return np.stack(blocks)


def nearest_equal(ours_s: np.ndarray, theirs: Answers) -> tuple[int, int]:
    """Count how often the nearest of a block's origins is the same, and of how many destinations.

    Positions that OSRM put on another street are left out, and those within a metre of a station: there ours does not
    drive round the block against a one-way (`SAME_PLACE_M`). A tie within half a second is equal: a hundredth of
    rounding in each of fifty segments.
    """
    assert theirs.time_s is not None
    usable = same_street(theirs) & np.isfinite(ours_s) & np.isfinite(theirs.time_s)
    block, column = np.nonzero(usable.any(axis=1))
    mine, other = (np.where(usable, times, np.inf)[block, :, column] for times in (ours_s, theirs.time_s))
    apart = mine.min(axis=1) > SAME_PLACE_S
    mine, other = mine[apart], other[apart]
    chosen = other[np.arange(len(other)), mine.argmin(axis=1)]
    return int((chosen - other.min(axis=1) <= TIE_S).sum()), len(mine)


def run() -> list[BenchRow]:
    """Compare on every extract that is there."""
    python = oracle_python()
    rows: list[BenchRow] = []
    for name in EXTRACTS:
        if not (GEODATA / "osm" / f"{name}.osm.pbf").exists():
            rows.append(BenchRow(name=f"oracle {name}", size="absent", ours=0.0, unit="pairs", note="no extract"))
        elif python is None:
            what = "no oracle environment (requirements-oracle.lock, Python 3.12 or newer)"
            rows.append(BenchRow(name=f"oracle {name}", size="absent", ours=0.0, unit="pairs", peer="OSRM", note=what))
        else:
            rows += compared(case_of(name), python)
    return rows


def compared(case: Case, python: Path) -> list[BenchRow]:
    """Ask both peers about one extract."""
    with tempfile.TemporaryDirectory(prefix="siaga-oracle-") as folder:
        job = Path(folder) / "osrm"
        write_job(
            job,
            case.path,
            case.graph,
            case.roads.edges,
            case.roads.restrictions,
            origins=case.origins,
            destinations=case.destinations,
        )
        osrm = ask(job, "osrm", python)
        found, _ = compare(ours(case.graph, case.origins, case.destinations, on=osrm), osrm)
        own, _ = compare(ours(case.graph, case.origins, case.destinations), osrm)
        stations = stations_of(case)
        write_job(job, case.path, case.graph, case.roads.edges, case.roads.restrictions, **stations)
        osrm = ask(job, "osrm", python)
        same, asked = nearest_equal(ours(case.graph, **stations, on=osrm), osrm)
        own_same, own_asked = nearest_equal(ours(case.graph, **stations), osrm)
        elsewhere, n = on_other_streets(case.graph, stations["destinations"], osrm)
        put = f"each put on a street by itself {own_same / own_asked:.2%}; on another street {elsewhere} of {n:,}"
        rows = [
            row(case, "pairs within 1 % of OSRM", found.n, 100 * found.within_1, "OSRM", gaps(found)),
            row(
                case, "pairs within 3 % of OSRM", found.n, 100 * found.within_3, "OSRM",
                f"each put on a street by itself {own.within_1:.2%} and {own.within_3:.2%}",
            ),
            row(case, f"nearest of {N_STATIONS} equal", asked, 100 * same / asked, "OSRM", put),
        ]  # fmt: skip
        return rows + beside_valhalla(case, job, python)


def on_other_streets(graph: RoadGraph, lonlat: np.ndarray, theirs: Answers) -> tuple[int, int]:
    """Count the positions that OSRM put on another street, or on a second one besides, and all of them."""
    there = placed(graph, lonlat[0], theirs.destination_ways[0]).edge
    own = placed(graph, lonlat[0]).edge
    return int(((there[:, :1] != own) | (there[:, 1:] >= 0)).any(axis=1).sum()), len(own)


def stations_of(case: Case) -> dict[str, np.ndarray]:
    """Draw the stations and ten thousand positions, in one block."""
    rng = np.random.default_rng(SEED + 1)
    return {
        "origins": draw(case.graph, N_STATIONS, rng)[None],
        "destinations": draw(case.graph, N_INCIDENTS, rng)[None],
    }


def beside_valhalla(case: Case, job: Path, python: Path) -> list[BenchRow]:
    """Compare metres of the shortest way and reachability; Valhalla reads access and turns by rules of its own."""
    edges = case.roads.edges.assign(speed_kph=np.nan, speed_backward_kph=np.nan)
    flat = speeds().assign(speed_kph=FLAT_KPH)
    graph = graph_of(dataclasses.replace(case.roads, edges=edges), EXTRACTS[case.name], flat, VISITOR)
    origins, destinations = case.origins[:VALHALLA_BLOCKS], case.destinations[:VALHALLA_BLOCKS]
    write_job(
        job,
        case.path,
        case.graph,
        case.roads.edges,
        case.roads.restrictions,
        origins=origins,
        destinations=destinations,
    )
    theirs = ask(job, "valhalla", python)
    metres = ours(graph, origins, destinations, "distance_m")
    both = np.isfinite(metres) & np.isfinite(theirs.distance_m)
    gap = np.abs(metres - theirs.distance_m)[both] / np.maximum(theirs.distance_m[both], 100.0)
    one_way = int((np.isfinite(metres) != np.isfinite(theirs.distance_m)).sum())
    n = metres.size
    return [
        row(case, "metres within 3 % of Valhalla", int(both.sum()), 100 * float((gap <= 0.03).mean()), "Valhalla"),
        row(case, "reachable in both or neither", n, 100 * (1 - one_way / n), "Valhalla"),
    ]


def gaps(found: Agreement) -> str:
    """Say how the rest differs."""
    return (
        f"ours faster {found.faster:.2%}, slower {found.slower:.2%}, median {found.median_s:+.2f} s; "
        f"no way: ours {found.unreachable_ours}, theirs {found.unreachable_theirs}"
    )


def row(case: Case, what: str, n: int, value: float, peer: str, note: str = "") -> BenchRow:
    """Return one row."""
    return BenchRow(name=f"{case.name}: {what}", size=f"{n:,} pairs", ours=value, unit="%", peer=peer, note=note)
