"""Roads: what travel times cost, on the streets of Malta, beside SciPy, Shapely, OSRM, Valhalla, Pandana, pgRouting.

The peers do not do the same work, and the rows say so: OSRM and Valhalla answer any pair and put every coordinate on
the network in each call; ours gathers from fields made for stations that stand still. ``bench oracles`` is about
agreement; here the answers are compared as well, so that nobody is fast at something else. Peers run in the oracle
environment (requirements-oracle.lock), pgRouting where PostgreSQL has the extension.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from data.osm_network import Roads, read_roads
from ops.bench import BenchRow
from routing_engine.network.arrays import read_arrays, write_arrays
from routing_engine.network.closures import arc_factors, repaired, with_factors
from routing_engine.network.compiled import kernels
from routing_engine.network.drives import matrix
from routing_engine.network.fields import Field, build_field, read_field, write_field
from routing_engine.network.graph import RoadGraph, build_graph, graph_arrays, graph_from_arrays
from routing_engine.network.isochrones import JUMP_S, isochrones, street_times
from routing_engine.network.profiles import PROFILES
from routing_engine.network.projection import to_metric
from routing_engine.network.routes import routes
from routing_engine.network.snapping import snap
from routing_engine.network.states import compressed
from tests.benchmarks import beside_pandana, beside_pgrouting
from tests.benchmarks.bench_oracles import GEODATA, graph_of, nearest_equal, speeds
from tests.benchmarks.tiling import tiled
from tests.oracles.agreement import ask, draw, in_turn, oracle_python, write_job

EXTRACT, SRID = GEODATA / "osm" / "malta.osm.pbf", 32633
SEED = 11
N_STATIONS = 100
N_INCIDENTS = 100_000
N_ASKED = 1_000  # of OSRM's table, then multiplied
N_ASKED_OF_VALHALLA = 20
N_ALONE = 100
N_ROUNDS = 20
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
    rows += pandana(city, field)
    rows += pgrouting(city, field)
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
    with tempfile.TemporaryDirectory(prefix="siaga-roads-") as folder:
        served = as_served(field, Path(folder))
        served.reach_at(city.stations[0])
        first = alone_s(served, city.incidents[:N_ALONE])
        alone = alone_s(served, city.incidents[N_ALONE : N_ALONE * (N_ROUNDS + 1)])
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
            ours=1e6 * float(np.percentile(alone, 99)),
            note=f"median {1e6 * float(np.median(alone)):.1f} µs; field mapped; the first {N_ALONE} after opening: "
            f"p99 {1e6 * float(np.percentile(first, 99)):.0f} µs",
        ),
        BenchRow(
            name="matrix without fields", size=f"{N_STATIONS} × {N_ALONE}", ours=1e3 * matrix_s, unit="ms",
            note="any places",
        ),
        BenchRow(name="route with geometry", size="20 routes", ours=1e3 * route_s / 20, unit="ms each"),
    ]  # fmt: skip


def alone_s(field: Field, lonlat: np.ndarray) -> list[float]:
    """Return the seconds of each incident, asked one after the other for all times and the least."""
    spent = []
    for one in lonlat:
        started = time.perf_counter()
        _, reach = field.reach_at(one)
        reach.time_s[0].argmin()
        spent.append(time.perf_counter() - started)
    return spent


def as_served(field: Field, folder: Path) -> Field:
    """Return the field and its graph as the product's processes have them: mapped from files."""
    write_arrays(folder / "graph", *graph_arrays(field.graph))
    write_field(folder / "field", field)
    return read_field(folder / "field", graph_from_arrays(*read_arrays(folder / "graph")))


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
    # For the answers OSRM's own rule of turning round; what is timed is the rule the product drives by.
    graph = graph_of(city.roads, SRID, speeds())
    asked = {"origins": city.stations[None], "destinations": draw(graph, N_ASKED, np.random.default_rng(SEED))[None]}
    edges, turns = city.roads.edges, city.roads.restrictions
    with tempfile.TemporaryDirectory(prefix="siaga-roads-") as folder:
        job = Path(folder) / "job"
        singles = city.incidents[: N_ALONE * (N_ROUNDS + 1)]
        write_job(job, EXTRACT, graph, edges, turns, singles=singles, algorithm="CH", **asked)
        osrm = ask(job, "osrm", python)
        served = as_served(field, Path(folder))
        mine_s, theirs_alone_s = [], []
        with in_turn(job, python) as ask_osrm:
            for first in range(0, len(singles), N_ALONE):
                mine_s.append(alone_s(served, singles[first : first + N_ALONE]))
                theirs_alone_s.append(ask_osrm(first, first + N_ALONE))
        # The first hundred of each opened what has to be opened; the first of each round found the other's data in the
        # processor's caches, and is told apart.
        mine, theirs = (np.array(spent)[1:, 1:].ravel() for spent in (mine_s, theirs_alone_s))
        waking = [1e6 * float(np.median(np.array(spent)[1:, 0])) for spent in (mine_s, theirs_alone_s)]
        few = {"origins": asked["origins"], "destinations": asked["destinations"][:, :N_ASKED_OF_VALHALLA]}
        outlines = {"isochrones": {"points": city.stations[:N_OUTLINES].tolist(), "minutes": [OUTLINE_MINUTES]}}
        write_job(job, EXTRACT, graph, edges, turns, more=outlines, **few)
        valhalla = ask(job, "valhalla", python)
    places = (snap(graph, one, n_candidates=1) for one in (asked["origins"][0], asked["destinations"][0]))
    times = matrix(graph, *places).time_s
    same, known = nearest_equal(times[None], osrm)
    theirs_s = osrm.report["table_s"][0] * N_INCIDENTS / N_ASKED
    valhalla_s = valhalla.report["ask_s"][0] * N_INCIDENTS / N_ASKED_OF_VALHALLA
    import_s = osrm.report["build_s"]["extract"] + osrm.report["build_s"]["contract"]
    size = f"{N_INCIDENTS:,} × {N_STATIONS}"
    any_pair = "any pair, coordinates put on streets in each call"
    note = f"{any_pair}; from {N_ASKED:,}, tables alone; same station {same / known:.2%}"

    def row(name: str, size: str, ours: float, unit: str, peer: str, theirs: float, note: str) -> BenchRow:
        return BenchRow(
            name=name, size=size, ours=ours, unit=unit, peer=peer, peer_value=theirs, ratio=theirs / ours, note=note
        )

    p50, p99 = ([1e6 * float(np.percentile(spent, at)) for spent in (mine, theirs)] for at in (50, 99))
    turns_note = (
        f"{any_pair}; {N_ROUNDS} rounds in turn, fields mapped; the first of a round, after the other's: "
        f"median {waking[0]:.0f} and {waking[1]:,.0f} µs"
    )
    read_s = city.read_s + city.build_s
    return [
        row("nearest", size, 1e3 * batch_s, "ms", "OSRM table (CH)", 1e3 * theirs_s, note),
        row(
            "nearest, build counted", size, 1e3 * (batch_s + build_s), "ms", "OSRM table (CH)", 1e3 * theirs_s,
            "OSRM's own build not counted",
        ),
        row("one incident", f"{N_STATIONS} times", p50[0], "µs median", "OSRM table (CH)", p50[1], turns_note),
        row("one incident", f"{N_STATIONS} times", p99[0], "µs p99", "OSRM table (CH)", p99[1], turns_note),
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


def pgrouting(city: City, field: Field) -> list[BenchRow]:
    """Measure pgRouting: incidents asked one by one, and the whole batch in one statement."""
    size, graph = f"{N_INCIDENTS:,} × {N_STATIONS}", city.graph
    found = beside_pgrouting.measure(graph, graph.edge_from[field.stations.edge[:, 0]], city.incidents)
    row = BenchRow(name="nearest", size=size, ours=0.0, unit="ms", peer="pgRouting")
    if found is None:
        return [replace(row, size="absent", unit="", note="the PostgreSQL extension is not installed")]
    _, mine = nearest_batch(field, city.incidents)
    off_s = [float(np.nanmedian(np.abs(mine[: len(theirs)] - theirs))) for theirs in (found.alone_time_s, found.time_s)]
    ours_s = best_of(lambda: nearest_batch(field, city.incidents))
    one_by_one_s = statistics.median(found.alone_s) * N_INCIDENTS
    what, n = f"{found.version}, nodes, no turns; median difference", len(found.alone_s)
    return [
        replace(
            row, ours=1e3 * ours_s, peer="pgRouting, one by one", peer_value=1e3 * one_by_one_s,
            ratio=one_by_one_s / ours_s, note=f"pgr_dijkstraNearCost, from {n}; {what} {off_s[0]:.0f} s",
        ),
        replace(
            row, ours=1e3 * ours_s, peer="pgRouting, one statement", peer_value=1e3 * found.batch_s,
            ratio=found.batch_s / ours_s, note=f"pgr_drivingDistance, equicost; {what} {off_s[1]:.0f} s",
        ),
    ]  # fmt: skip


def pandana(city: City, field: Field) -> list[BenchRow]:
    """Measure the nearest station alone beside Pandana."""
    row = BenchRow(name="nearest alone", size=f"{N_INCIDENTS:,} × {N_STATIONS}", ours=0.0, unit="ms", peer="Pandana")
    python, graph = oracle_python(), city.graph
    stations = field.stations
    found = beside_pandana.start(python, graph, graph.edge_from[stations.edge[:, 0]], city.incidents)
    if found is None:
        return [replace(row, size="absent", unit="", note=ABSENT)]

    def first_of_all() -> None:
        fresh = replace(field)  # what was found of each state before is forgotten
        nearest_batch(fresh, city.incidents)

    ours_s, all_s, built_s, nearest_s, look_up_s = [], [], [], [], []
    with found as peer:
        for _ in range(N_REPEATS):
            ours_s.append(best_of(lambda: nearest_batch(field, city.incidents), 1))
            all_s.append(best_of(first_of_all, 1))
            built_s.append(best_of(lambda: nearest_batch(build_field(graph, stations), city.incidents), 1))
            nearest, look_up = peer.ask()
            nearest_s.append(nearest)
            look_up_s.append(look_up)
        theirs = peer.time_s()
    _, mine = nearest_batch(field, city.incidents)
    # Nodes against edges with access: the same question within a block.
    off_s = float(np.nanmedian(np.abs(mine - theirs)))
    note = f"nodes, no turns; median difference {off_s:.0f} s; medians of {N_REPEATS} in turn"
    whole_s = statistics.median(a + b for a, b in zip(nearest_s, look_up_s, strict=True))

    def beside(name: str, mine_s: list[float], peer_s: float, says: str) -> BenchRow:
        one = statistics.median(mine_s)
        return replace(
            row, name=name, ours=1e3 * one, peer_value=1e3 * peer_s, ratio=peer_s / one, note=f"{says}; {note}"
        )

    return [
        beside("nearest alone", ours_s, whole_s, "fields ready; Pandana: nearest_pois and look-up of nodes"),
        beside("nearest alone, first asked", all_s, whole_s, "who is first at each state is found in it"),
        beside("nearest alone, built in it", built_s, whole_s, "ours makes all 100 fields in it"),
    ]


def growth(city: City) -> list[BenchRow]:
    """Measure how cost grows: the network once and four times (copies side by side), 10 to 1,000 stations."""
    rows = []
    rng = np.random.default_rng(SEED + 2)
    for copies in (1, 4):
        graph = city.graph if copies == 1 else tiled(city.roads, copies, SRID)
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
