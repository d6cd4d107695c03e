"""Roads: what travel times cost, on the streets of Malta, beside SciPy, Shapely, OSRM, Valhalla, Pandana, pgRouting.

The peers do not do the same work, and the rows say so: OSRM and Valhalla answer any pair and put every coordinate on
the network in each call; ours gathers from fields made for stations that stand still. ``bench oracles`` is about
agreement; here the answers are compared as well, so that nobody is fast at something else. Servers run in the oracle
environment (requirements-oracle.lock; Pandana besides, if somebody installed it there).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from data.osm_network import Roads, read_roads
from ops.bench import BenchRow
from routing_engine.network.closures import arc_factors, repaired, with_factors
from routing_engine.network.compiled import kernels
from routing_engine.network.drives import matrix
from routing_engine.network.fields import Field, build_field
from routing_engine.network.graph import RoadGraph, build_graph
from routing_engine.network.isochrones import JUMP_S, isochrones, street_times
from routing_engine.network.profiles import PROFILES
from routing_engine.network.projection import to_metric
from routing_engine.network.routes import routes
from routing_engine.network.snapping import snap
from routing_engine.network.states import compressed
from tests.benchmarks.bench_oracles import GEODATA, graph_of, nearest_equal, speeds
from tests.oracles.agreement import HERE, ask, draw, oracle_python, write_job

EXTRACT, SRID = GEODATA / "osm" / "malta.osm.pbf", 32633
SEED = 11
N_STATIONS = 100
N_INCIDENTS = 100_000
N_ASKED = 1_000  # of OSRM's table, then multiplied
N_ASKED_OF_VALHALLA = 20
N_ALONE = 100
N_CLOSURES = 50
N_OUTLINES = 20
OUTLINE_MINUTES = 10
N_REPEATS = 5
ABSENT = "no oracle environment (requirements-oracle.lock, Python 3.12 or newer)"


@dataclass(frozen=True, eq=False, kw_only=True)
class City:
    """Malta as ours drives it, with stations and incidents near its streets (EPSG:4326 degrees)."""

    roads: Roads
    graph: RoadGraph
    stations: np.ndarray
    incidents: np.ndarray
    read_s: float
    build_s: float


def best_of(run: Callable[[], object], n: int = N_REPEATS) -> float:
    """Return the least seconds of several runs: others on the machine only ever add."""
    spent = []
    for _ in range(n):
        started = time.perf_counter()
        run()
        spent.append(time.perf_counter() - started)
    return min(spent)


def work_of(run: Callable[[], object], n: int = N_REPEATS) -> str:
    """Say how much processor time ours takes, which hardly depends on who else uses the machine."""
    spent = []
    for _ in range(n):
        started = time.process_time()
        run()
        spent.append(time.process_time() - started)
    return f"{1e3 * min(spent):.0f} ms of processor time"


def run() -> list[BenchRow]:
    """Measure everything; peers that are not there are named absent."""
    if not EXTRACT.exists():
        return [BenchRow(name="roads", size="absent", ours=0.0, unit="", note="no extract malta.osm.pbf")]
    kernels()  # compiled in set-up, not here
    city = city_of(EXTRACT)
    field = build_field(city.graph, snap(city.graph, city.stations))
    rows = fields_beside_scipy(city, field)
    rows += closures(city, field)
    rows += snapping_beside_shapely(city)
    rows += incidents(city, field)
    rows += beside_servers(city, field)
    rows += [pandana(city, field), pgrouting()]
    return rows + growth(city)


def city_of(path: Path) -> City:
    """Read the extract and draw its places."""
    started = time.perf_counter()
    roads = read_roads(path)
    read_s = time.perf_counter() - started
    started = time.perf_counter()
    graph = build_graph(
        roads.nodes, roads.edges, roads.restrictions, speeds=speeds(), profile=PROFILES["car"], metric_srid=SRID
    )
    build_s = time.perf_counter() - started
    rng = np.random.default_rng(SEED)
    beside = rng.normal(0, 20, (N_INCIDENTS, 2)) / (90_000, 111_000)  # metres to degrees, near enough
    return City(
        roads=roads,
        graph=graph,
        stations=draw(graph, N_STATIONS, rng),
        incidents=draw(graph, N_INCIDENTS, rng) + beside,
        read_s=read_s,
        build_s=build_s,
    )


def fields_beside_scipy(city: City, field: Field) -> list[BenchRow]:
    """Measure 100 fields beside SciPy's search over the same states, and compare every time."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    graph, stations = city.graph, field.stations
    ours_s = best_of(lambda: build_field(graph, stations))
    n = graph.n_states
    indptr, kept = compressed(graph.entry_source, graph.indices, graph.entry_time_s, n)
    network = csr_array((graph.entry_time_s[kept], graph.indices[kept], indptr), shape=(n, n))
    starts = np.arange(0, n, n // N_STATIONS)[:N_STATIONS]
    scipy_s = best_of(lambda: dijkstra(network, indices=starts), 2)
    from routing_engine.network.search import search_from_states

    mine, _ = search_from_states(graph, starts[:5])
    assert np.array_equal(np.nan_to_num(mine, nan=np.inf), dijkstra(network, indices=starts[:5]))
    served = (field.time_s.nbytes + field.path_m.nbytes) / (N_STATIONS * n)
    kept_too = field.parent.nbytes / (N_STATIONS * n)
    size = f"{N_STATIONS} stations, {n:,} states"
    work = work_of(lambda: build_field(graph, stations))
    note = f"times alone, one thread; ours ({work}) with metres and routes, restrictions on both"
    return [
        BenchRow(
            name="fields", size=size, ours=1e3 * ours_s, unit="ms", peer="SciPy", peer_value=1e3 * scipy_s,
            ratio=scipy_s / ours_s, note=note,
        ),
        BenchRow(
            name="field memory", size="per station and state", ours=served, unit="bytes",
            note=f"and {kept_too:.0f} for repair and routes; {n / graph.n_nodes:.3f} states per node",
        ),
    ]  # fmt: skip


def closures(city: City, field: Field) -> list[BenchRow]:
    """Measure mending after one closed street beside building all again, over random streets."""
    graph, stations = city.graph, field.stations
    rng = np.random.default_rng(SEED + 1)
    mended_s, full_s = [], []
    for edge in rng.choice(graph.main_edges, N_CLOSURES, replace=False):
        closed = with_factors(graph, arc_factors(graph, [edge]))
        there = replace(stations, graph=closed)
        started = time.perf_counter()
        mended, _ = repaired(field, closed, digest="mended")
        middle = time.perf_counter()
        full = build_field(closed, there)
        full_s.append(time.perf_counter() - middle)
        mended_s.append(middle - started)
        assert mended.time_s.tobytes() == full.time_s.tobytes()
        assert mended.path_m.tobytes() == full.path_m.tobytes()
        assert mended.parent.tobytes() == full.parent.tobytes()
    share = statistics.median(mine / whole for mine, whole in zip(mended_s, full_s, strict=True))
    return [
        BenchRow(
            name="one closure", size=f"{N_STATIONS} stations, median of {N_CLOSURES}",
            ours=1e3 * statistics.median(mended_s), unit="ms", peer="full build",
            peer_value=1e3 * statistics.median(full_s), ratio=1.0 / share,
            note=f"{share:.1%} of a full build, copying included; equal in every byte",
        )
    ]  # fmt: skip


def snapping_beside_shapely(city: City) -> list[BenchRow]:
    """Measure putting incidents on streets beside Shapely's tree over the same streets."""
    graph = city.graph
    ours_s = best_of(lambda: snap(graph, city.incidents))
    some = city.incidents[: N_INCIDENTS // 10]
    tree = shapely.STRtree(graph.lines(graph.main_edges))
    points = shapely.points(to_metric(some, SRID))
    started = time.perf_counter()
    (row, _), metres = tree.query_nearest(points, return_distance=True, all_matches=False)
    shapely_s = (time.perf_counter() - started) * 10
    found = snap(graph, some, limit_m=1e6)
    assert np.array_equal(row, np.arange(len(some)))
    assert np.abs(found.distance_m[:, 0] - metres).max() <= 1e-6
    work = work_of(lambda: snap(graph, city.incidents))
    note = f"nearest alone, from a tenth; ours ({work}) with offset, other candidates and projection"
    return [
        BenchRow(
            name="snap", size=f"{N_INCIDENTS:,} incidents", ours=1e3 * ours_s, unit="ms", peer="Shapely STRtree",
            peer_value=1e3 * shapely_s, ratio=shapely_s / ours_s, note=note,
        )
    ]  # fmt: skip


def nearest_batch(field: Field, incidents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find who reaches each incident first, and when."""
    found = field.nearest(snap(field.graph, incidents))
    return found.station, found.time_s


def incidents(city: City, field: Field) -> list[BenchRow]:
    """Measure batches, single incidents, moving units and routes, without a peer."""
    graph = city.graph
    batch_s = best_of(lambda: nearest_batch(field, city.incidents))
    work = work_of(lambda: nearest_batch(field, city.incidents))
    all_s = best_of(lambda: field.reach(snap(graph, city.incidents)), 2)
    alone = alone_s(field, city.incidents)
    units, places = snap(graph, city.stations), snap(graph, city.incidents[:N_ALONE])
    matrix_s = best_of(lambda: matrix(graph, units, places))
    some = snap(graph, city.incidents[:20])
    route_s = best_of(lambda: [one.lonlat for one in routes(graph, snap(graph, city.stations[:20]), some) if one])
    size = f"{N_INCIDENTS:,} × {N_STATIONS}"
    return [
        BenchRow(name="nearest", size=size, ours=1e3 * batch_s, unit="ms", note=f"degrees in, fields ready; {work}"),
        BenchRow(name="all times", size=size, ours=1e3 * all_s, unit="ms", note="seconds and metres of every pair"),
        BenchRow(
            name="one incident", size=f"{N_STATIONS} times, {len(alone):,} in turn", unit="µs p99",
            ours=1e6 * float(np.percentile(alone, 99)), note=f"median {1e6 * float(np.median(alone)):.0f} µs",
        ),
        BenchRow(
            name="matrix without fields", size=f"{N_STATIONS} × {N_ALONE}", ours=1e3 * matrix_s, unit="ms",
            note="any places",
        ),
        BenchRow(name="route with geometry", size="20 routes", ours=1e3 * route_s / 20, unit="ms each"),
    ]  # fmt: skip


def alone_s(field: Field, lonlat: np.ndarray, n: int = 2_000) -> np.ndarray:
    """Return the seconds of each incident, asked one after the other for all times and the least."""
    spent = []
    for i in range(n):
        started = time.perf_counter()
        field.reach(snap(field.graph, lonlat[i : i + 1])).time_s[0].argmin()
        spent.append(time.perf_counter() - started)
    return np.array(spent[n // 10 :])


def outline_s(city: City) -> float:
    """Return the median seconds from a position to its valid polygon."""
    spent = []
    for lonlat in city.stations[: N_OUTLINES + 1]:
        started = time.perf_counter()
        start = snap(city.graph, lonlat)
        times = street_times(city.graph, start, limit_s=60.0 * OUTLINE_MINUTES + JUMP_S)
        (found,) = isochrones(times, [OUTLINE_MINUTES])
        spent.append(time.perf_counter() - started)
        assert found.polygon.is_valid
        assert found.area_km2 > 0
    return statistics.median(spent[1:])


def beside_servers(city: City, field: Field) -> list[BenchRow]:
    """Measure the same questions at OSRM and Valhalla."""
    python = oracle_python()
    names = ("nearest", "nearest, build counted", "one incident", "import")
    if python is None:
        return [
            BenchRow(name=name, size="absent", ours=0.0, unit="", peer=peer, note=ABSENT)
            for name, peer in [*[(name, "OSRM") for name in names], ("nearest", "Valhalla"), ("isochrone", "Valhalla")]
        ]
    stations = snap(city.graph, city.stations)
    build_s = best_of(lambda: build_field(city.graph, stations))
    batch_s = best_of(lambda: nearest_batch(field, city.incidents))
    mine_s = alone_s(field, city.incidents)
    # For the answers OSRM's own rule of turning round; what is timed is the rule the product drives by.
    graph = graph_of(city.roads, SRID, speeds())
    asked = {"origins": city.stations[None], "destinations": draw(graph, N_ASKED, np.random.default_rng(SEED))[None]}
    edges, turns = city.roads.edges, city.roads.restrictions
    with tempfile.TemporaryDirectory(prefix="siaga-roads-") as folder:
        job = Path(folder) / "job"
        write_job(job, EXTRACT, graph, edges, turns, singles=city.incidents[:N_ALONE], algorithm="CH", **asked)
        osrm = ask(job, "osrm", python)
        few = {"origins": asked["origins"], "destinations": asked["destinations"][:, :N_ASKED_OF_VALHALLA]}
        outlines = {"isochrones": {"points": city.stations[:N_OUTLINES].tolist(), "minutes": [OUTLINE_MINUTES]}}
        write_job(job, EXTRACT, graph, edges, turns, more=outlines, **few)
        valhalla = ask(job, "valhalla", python)
    places = (snap(graph, one, n_candidates=1) for one in (asked["origins"][0], asked["destinations"][0]))
    times = matrix(graph, *places).time_s
    same, known = nearest_equal(times[None], osrm)
    theirs_s = osrm.report["table_s"][0] * N_INCIDENTS / N_ASKED
    osrm_alone = np.array(osrm.report["single_s"])
    valhalla_s = valhalla.report["ask_s"][0] * N_INCIDENTS / N_ASKED_OF_VALHALLA
    import_s = osrm.report["build_s"]["extract"] + osrm.report["build_s"]["contract"]
    size = f"{N_INCIDENTS:,} × {N_STATIONS}"
    any_pair = "any pair, coordinates put on streets in each call"
    note = f"{any_pair}; from {N_ASKED:,}, tables alone; same station {same / known:.2%}"

    def row(name: str, size: str, ours: float, unit: str, peer: str, theirs: float, note: str) -> BenchRow:
        return BenchRow(
            name=name, size=size, ours=ours, unit=unit, peer=peer, peer_value=theirs, ratio=theirs / ours, note=note
        )

    p99 = [1e6 * float(np.percentile(spent, 99)) for spent in (mine_s, osrm_alone)]
    read_s = city.read_s + city.build_s
    return [
        row("nearest", size, 1e3 * batch_s, "ms", "OSRM table (CH)", 1e3 * theirs_s, note),
        row(
            "nearest, build counted", size, 1e3 * (batch_s + build_s), "ms", "OSRM table (CH)", 1e3 * theirs_s,
            "OSRM's own build not counted",
        ),
        row("one incident", f"{N_STATIONS} times, in turn", p99[0], "µs p99", "OSRM table (CH)", p99[1], any_pair),
        row(
            "nearest", size, 1e3 * batch_s, "ms", "Valhalla matrix", 1e3 * valhalla_s,
            f"{any_pair}; from {N_ASKED_OF_VALHALLA}",
        ),
        row(
            "isochrone", f"{OUTLINE_MINUTES} minutes, median of {N_OUTLINES}", 1e3 * outline_s(city), "ms",
            "Valhalla isochrone", 1e3 * statistics.median(valhalla.report["isochrone_s"]),
            "from a position: search and polygon; the lattice was made once before; speeds of each its own",
        ),
        row(
            "import", "Malta, to a graph in memory", read_s, "s", "osrm-extract + contract", import_s,
            "without the database",
        ),
    ]  # fmt: skip


def pandana(city: City, field: Field) -> BenchRow:
    """Measure the nearest station alone beside Pandana: every node's, then 100,000 look-ups."""
    row = BenchRow(name="nearest alone", size=f"{N_INCIDENTS:,} × {N_STATIONS}", ours=0.0, unit="ms", peer="Pandana")
    python, graph = oracle_python(), city.graph
    has_pandana = (
        python is not None
        and subprocess.run([str(python), "-c", "import pandana"], capture_output=True, check=False).returncode == 0
    )
    stations = field.stations

    def ours() -> None:
        first = build_field(graph, stations)
        nearest_batch(first, city.incidents)

    ours_s = best_of(lambda: nearest_batch(field, city.incidents))
    whole_s = best_of(ours, 2)
    if not has_pandana:
        return replace(row, ours=1e3 * ours_s, note=f"{1e3 * whole_s:.0f} ms with 100 fields built")
    with tempfile.TemporaryDirectory(prefix="siaga-roads-") as folder:
        np.savez(
            Path(folder) / "network.npz",
            x=graph.node_xy_m[:, 0],
            y=graph.node_xy_m[:, 1],
            tail=graph.arc_tail,
            head=graph.arc_head,
            time_s=graph.arc_time_s + graph.arc_delay_s,
            stations=graph.edge_from[stations.edge[:, 0]],
            incidents=to_metric(city.incidents, SRID),
        )
        # It prints a warning for every pair without a way.
        subprocess.run([str(python), str(HERE / "pandana_child.py"), folder], capture_output=True, check=True)
        report = json.loads((Path(folder) / "pandana.json").read_text())
        theirs = np.load(Path(folder) / "pandana.npz")["time_s"]
    _, mine = nearest_batch(field, city.incidents)
    # Nodes against edges with access: the same question within a block.
    off_s = float(np.nanmedian(np.abs(mine - theirs)))
    peer_s = min(report["nearest_s"]) + min(report["snap_s"])
    return replace(
        row,
        ours=1e3 * ours_s,
        peer_value=1e3 * peer_s,
        ratio=peer_s / ours_s,
        note=f"nodes, no turns; {1e3 * whole_s:.0f} ms with 100 fields built; median difference {off_s:.0f} s",
    )


def pgrouting() -> BenchRow:
    """Say that pgRouting is not measured: it reads the whole edge table in every call, and is seldom installed."""
    return BenchRow(
        name="nearest", size=f"{N_INCIDENTS:,} × {N_STATIONS}", ours=0.0, unit="", peer="pgRouting",
        note="the PostgreSQL extension is not part of the set-up",
    )  # fmt: skip


def growth(city: City) -> list[BenchRow]:
    """Measure how cost grows: the network once and four times (copies side by side), 10 to 1,000 stations."""
    rows = []
    rng = np.random.default_rng(SEED + 2)
    for copies in (1, 4):
        graph = city.graph if copies == 1 else tiled(city.roads, copies)
        incident = draw(graph, N_INCIDENTS, rng)
        for n in (10, 100, 1_000):
            stations = snap(graph, draw(graph, n, rng))
            field = build_field(graph, stations)
            build_s = best_of(lambda g=graph, s=stations: build_field(g, s), 1 if n == 1_000 else 2)
            batch_s = best_of(lambda f=field, i=incident: nearest_batch(f, i), 3)
            size = f"{copies}× Malta, {n:,} stations"
            rows.append(
                BenchRow(
                    name="growth", size=size, ours=1e3 * build_s, unit="ms fields",
                    note=f"nearest of {N_INCIDENTS:,}: {1e3 * batch_s:.0f} ms; {graph.n_states:,} states",
                )
            )  # fmt: skip
    return rows


def tiled(roads: Roads, copies: int) -> RoadGraph:
    """Return copies of the network side by side, each joined to the next by one street at its easternmost node."""
    step = float(np.ptp(roads.nodes["lon"])) + 0.01
    n_nodes, n_edges = int(roads.nodes["node_id"].max()) + 1, int(roads.edges["edge_id"].max()) + 1
    main = graph_of(roads, SRID, speeds())
    inside = np.unique(main.edge_from[main.main_edges])
    end = int(main.node_id[inside[main.node_lonlat[inside, 0].argmax()]])
    nodes, edges, turns = [], [], []
    for copy in range(copies):
        east = np.array([copy * step, 0.0])
        numbered = {"node_id": roads.nodes["node_id"] + copy * n_nodes, "lon": roads.nodes["lon"] + copy * step}
        nodes.append(roads.nodes.assign(**numbered))
        lines = shapely.transform(roads.edges["geometry"].to_numpy(), lambda xy, by=east: xy + by)
        frame = roads.edges.assign(edge_id=roads.edges["edge_id"] + copy * n_edges, geometry=lines)
        frame[["from_node", "to_node"]] += copy * n_nodes
        edges.append(frame)
        rows = roads.restrictions.copy()
        rows[["from_edge", "to_edge"]] += copy * n_edges
        rows["via_node"] += copy * n_nodes
        rows["via_edges"] = [tuple(edge + copy * n_edges for edge in via) for via in rows["via_edges"]]
        turns.append(rows)
    joins = []
    for copy in range(copies - 1):
        pair = [end + copy * n_nodes, end + (copy + 1) * n_nodes]
        place = pd.concat(nodes).set_index("node_id").loc[pair, ["lon", "lat"]].to_numpy()
        plain = roads.edges[roads.edges["limited"].isna()].iloc[0].to_dict()
        joins.append(
            plain
            | {"edge_id": copies * n_edges + copy, "from_node": pair[0], "to_node": pair[1], "road_class": "primary"}
            | {"access_forward": 7, "access_backward": 7, "length_m": 1000.0, "geometry": shapely.LineString(place)}
        )
    everything = pd.concat([*edges, pd.DataFrame(joins)], ignore_index=True)
    return build_graph(
        pd.concat(nodes, ignore_index=True),
        everything.astype({"access_forward": int, "access_backward": int}),
        pd.concat(turns, ignore_index=True),
        speeds=speeds(),
        profile=PROFILES["car"],
        metric_srid=SRID,
    )
