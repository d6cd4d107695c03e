"""Match: whose are a million points, beside geopandas.sjoin and SedonaDB; one point at a time in SQL; a file of them.

Ours takes two arrays of degrees and returns one row number a point, by the rule of overlaps; the peers take geometry
columns and return every pair. What either needs before that (arrays, point frame, point column, index, boundaries as a
table) is outside the timers and named in the notes; geopandas builds its tree of polygons in each call, SedonaDB too.
Answers are compared point by point: a peer's pairs, decided by the rule, have to be ours.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, Engine

from data.matching_files import read_points, write_points
from gis.city import read_city
from gis.db import make_engine
from gis.settings import ROOT, Settings
from gis.threads import n_threads
from ops.bench import BenchRow
from ops.cluster import Cluster
from ops.database import Database
from ops.state import State
from tests.oracles.agreement import HERE, oracle_python
from tests.zones.conftest import found_city
from tests.zones.layers import draw_points, first_of, read_layer
from zones import jurisdictions
from zones.compiled import kernels
from zones.index_files import open_index, save_index
from zones.jurisdictions import NewBoundary
from zones.matching import current_set, match_point
from zones.matching_batch import index_of, match_jurisdictions, read_jurisdictions, read_service_area
from zones.point_index import PointIndex, build_index

GEODATA = Path(os.environ.get("SIAGA_GEODATA", ROOT.parent / "shared" / "geodata"))
# Layer → what its polygons are called.
LAYERS = {"kendari_kelurahan": "kelurahan", "sultra_desa": "desa", "indonesia_kabkota": "kabupaten"}
LIVE_LAYER = "sultra_desa"
N_POINTS = 1_000_000
N_GROWTH = (10_000, 100_000, 1_000_000, 10_000_000)
N_ALONE = 5_000
SEED = 4
AT = datetime(2026, 6, 1, tzinfo=UTC)
PROMISED_MS = 0.5

# The rule for an exact point, in one prepared statement.
WHOSE = """
PREPARE whose (float8, float8, timestamptz, bigint, text) AS
SELECT j.code FROM siaga.boundaries_in_force($3, $4) v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = $5 AND NOT j.is_citywide AND ST_Covers(v.geom, ST_SetSRID(ST_MakePoint($1, $2), 4326))
ORDER BY v.priority, j.code COLLATE "C", j.agency_code COLLATE "C" LIMIT 1
"""


def best_of(run: Callable[[], object], n: int) -> float:
    """Return the least seconds of several runs: others on the machine only ever add."""
    spent = []
    for _ in range(n):
        started = time.perf_counter()
        run()
        spent.append(time.perf_counter() - started)
    return min(spent)


def run() -> list[BenchRow]:
    """Measure everything; without the layers there is nothing to measure."""
    if not (GEODATA / "sultra_desa_simplified.geojson").exists():
        return [BenchRow(name="match", size="absent", ours=0.0, unit="", note=f"no layers in {GEODATA}")]
    kernels()  # compiled in set-up, not here
    rows: list[BenchRow] = []
    for name, kind in LAYERS.items():
        layer = read_layer(GEODATA, name)
        rows += index_rows(layer, f"{len(layer):,} {kind}")
        rows += beside_peers(layer, f"1,000,000 × {len(layer):,} {kind}")
    layer = read_layer(GEODATA, LIVE_LAYER)
    return rows + growth(layer) + in_database(layer)


def index_rows(layer: gpd.GeoDataFrame, size: str) -> list[BenchRow]:
    """Measure building, memory, and opening from a folder."""
    index = build_index(layer)
    built_s = best_of(lambda: build_index(layer), 3)
    with tempfile.TemporaryDirectory() as folder:
        save_index(index, Path(folder) / "index")
        opened_s = best_of(lambda: open_index(Path(folder) / "index"), 3)
    note = (
        f"{index.n_bytes / 1e6:.1f} MB, {len(index.edge_xy):,} edges; opened from a folder in {1e3 * opened_s:.0f} ms"
    )
    return [BenchRow(name="index, built", size=size, ours=1e3 * built_s, unit="ms", note=note)]


def beside_peers(layer: gpd.GeoDataFrame, size: str) -> list[BenchRow]:
    """Measure a million points beside both peers and compare every answer."""
    xy = draw_points(layer, N_POINTS, SEED)
    lon, lat = np.ascontiguousarray(xy.T)
    index = build_index(layer)
    ours = index.match(lon, lat)
    ours_s = best_of(lambda: index.match(lon, lat), 9)

    started = time.perf_counter()
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4326)
    frame_s = time.perf_counter() - started
    plain = layer[["geometry"]]
    pairs = gpd.sjoin(points, plain, predicate="covered_by")
    sjoin_s = best_of(lambda: gpd.sjoin(points, plain, predicate="covered_by"), 3)
    require_equal(ours, index, pairs.index.to_numpy(), pairs["index_right"].to_numpy(), "geopandas.sjoin")
    row = {"name": "match", "size": size, "ours": 1e3 * ours_s, "unit": "ms"}
    found = [
        BenchRow(
            **row,
            peer="geopandas.sjoin(covered_by)",
            peer_value=1e3 * sjoin_s,
            ratio=sjoin_s / ours_s,
            note=f"equal; {n_threads()} threads, sjoin one; its point frame, {1e3 * frame_s:.0f} ms, not counted",
        )
    ]
    sedona = beside_sedona(layer, xy)
    if sedona is None:
        absent = "no oracle environment (requirements-oracle.lock, Python 3.12 or newer)"
        return [*found, BenchRow(**row, peer="SedonaDB ST_Covers", note=absent)]
    at, polygon, sedona_s, version = sedona
    require_equal(ours, index, at, polygon, "SedonaDB")
    return [
        *found,
        BenchRow(
            **row,
            peer="SedonaDB ST_Covers",
            peer_value=1e3 * sedona_s,
            ratio=sedona_s / ours_s,
            note=f"equal; SedonaDB {version}, as many threads, tables in memory before",
        ),
    ]


def require_equal(ours: np.ndarray, index: PointIndex, at: np.ndarray, polygon: np.ndarray, peer: str) -> None:
    """Compare with a peer's pairs, decided by the rule."""
    rows = index.rows[:-1]
    rank = np.empty(len(rows), dtype=np.int64)
    rank[rows] = np.arange(len(rows))
    n_different = int((first_of(at, rank[polygon], rows, len(ours)) != ours).sum())
    assert n_different == 0, f"{peer} differs at {n_different} of {len(ours)} points"


def beside_sedona(layer: gpd.GeoDataFrame, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, str] | None:
    """Return SedonaDB's pairs, its best seconds and its version; `None` where it is not installed."""
    python = oracle_python()
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder)
        np.save(job / "points.npy", xy)
        wkb = shapely.to_wkb(layer.geometry.to_numpy())
        pd.DataFrame({"row": np.arange(len(layer)), "wkb": wkb}).to_parquet(job / "polygons.parquet", index=False)
        done = subprocess.run(
            [str(python), str(HERE / "sedona_child.py"), folder], capture_output=True, text=True, check=False
        )
        if "No module named 'sedonadb'" in done.stderr:
            return None
        assert done.returncode == 0, done.stderr
        pairs = np.load(job / "pairs.npy")
        report = json.loads((job / "report.json").read_text())
    return pairs[:, 0], pairs[:, 1], min(report["seconds"]), report["version"]


def growth(layer: gpd.GeoDataFrame) -> list[BenchRow]:
    """Measure ours from ten thousand to ten million points."""
    index = build_index(layer)
    lon, lat = np.ascontiguousarray(draw_points(layer, max(N_GROWTH), SEED).T)
    # Rows come even half first: any part has both halves only when mixed.
    mixed = np.random.default_rng(SEED).permutation(len(lon))
    lon, lat = lon[mixed], lat[mixed]
    rows = []
    for n in N_GROWTH:
        spent = best_of(lambda n=n: index.match(lon[:n], lat[:n]), 5)
        size = f"{n:,} × {len(layer):,}"
        note = f"{n / spent / 1e6:.0f} million points a second"
        rows.append(BenchRow(name="match, growth", size=size, ours=1e3 * spent, unit="ms", note=note))
    return rows


def in_database(layer: gpd.GeoDataFrame) -> list[BenchRow]:
    """Measure what needs the boundaries in a database: one point at a time, and a file of a million."""
    with boundaries(layer) as engine:
        return [*alone(engine, layer), *file_of_points(engine, layer)]


@contextmanager
def boundaries(layer: gpd.GeoDataFrame) -> Iterator[Engine]:
    """Run a cluster of its own with the layer's polygons in force."""
    folder = Path(tempfile.mkdtemp(prefix="siaga-match-"))
    folder.chmod(0o755)
    state = State.at(folder)
    cluster = Cluster(state)
    try:
        cluster.start()
        database = Database(state)
        database.prepare()
        database.migrate()
        settings = Settings(state=state.path, database_url=database.url("owner"), pool_size=2, idle_timeout_ms=0)
        engine = make_engine(settings, application="bench")
        with engine.begin() as tx:
            found_city(tx, service_area=shapely.box(*layer.total_bounds))
            put_in_force(tx, layer)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
            plain.exec_driver_sql("VACUUM ANALYZE")
        yield engine
        engine.dispose()
    finally:
        cluster.stop(fast_s=5)
        shutil.rmtree(folder, ignore_errors=True)


def put_in_force(tx: Connection, layer: gpd.GeoDataFrame) -> None:
    """Make every polygon a jurisdiction of the police, in one boundary set."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    number = jurisdictions.open_set(tx, actor="bench", reason="bench", now=start)
    for row in layer.itertuples():
        jurisdiction_id = jurisdictions.ensure(tx, service="police", agency="POL", code=row.code, name=row.name)
        jurisdictions.add_version(
            tx,
            jurisdiction_id,
            NewBoundary(wkb=shapely.to_wkb(row.geometry), priority=row.priority, source="bench"),
            boundary_set_number=number,
            valid_from=start,
            srid=32751,
            actor="bench",
            now=start,
        )


def alone(engine: Engine, layer: gpd.GeoDataFrame) -> list[BenchRow]:
    """Measure one point at a time: the bare match, and all that intake asks of `match_point`."""
    xy = draw_points(layer, N_ALONE, SEED + 1)
    expected = build_index(layer).match(*xy.T)
    codes = [None if row < 0 else layer["code"].iloc[row] for row in expected]
    size = f"{N_ALONE:,} in turn, {len(layer):,} desa"
    rows = []
    with engine.connect() as tx:
        number, city = current_set(tx), read_city(tx)
        with tx.connection.cursor() as cursor:
            cursor.execute(WHOSE)
            values = [(lon, lat, AT, number, "police") for lon, lat in xy.tolist()]

            def bare(i: int) -> str | None:
                cursor.execute("EXECUTE whose (%s, %s, %s, %s, %s)", values[i])
                row = cursor.fetchone()
                return None if row is None else row[0]

            rows.append(latency("whose, one statement", size, bare, codes))
            cursor.execute("DEALLOCATE whose")

        def whole(i: int) -> str | None:
            winners = match_point(tx, *xy[i], city=city, services=["police"], at=AT, boundary_set=number).winners
            # Where nobody covers the point, a fall-back may have answered.
            return winners["police"][0].code if winners["police"] and codes[i] else None

        rows.append(latency("whose, match_point", size, whole, codes))
    return rows


def latency(name: str, size: str, ask: Callable[[int], str | None], expected: list[str | None]) -> BenchRow:
    """Ask for every point, in turn; compare the answers."""
    for i in range(200):
        ask(i)
    spent = np.empty(len(expected))
    for i, code in enumerate(expected):
        started = time.perf_counter()
        found = ask(i)
        spent[i] = time.perf_counter() - started
        assert found == code, (i, found, code)
    median, p99 = 1e3 * np.quantile(spent, [0.5, 0.99])
    note = f"median {median:.3f} ms through psycopg2; equal to the index; promised {PROMISED_MS} ms for one statement"
    return BenchRow(name=name, size=size, ours=float(p99), unit="ms p99", note=note)


def file_of_points(engine: Engine, layer: gpd.GeoDataFrame) -> list[BenchRow]:
    """Measure the steps of ``./siaga match`` on a CSV of a million points, border distances included."""
    xy = draw_points(layer, N_POINTS, SEED)
    with tempfile.TemporaryDirectory() as folder, engine.connect() as tx:
        source = Path(folder) / "points.csv"
        pd.DataFrame({"id": np.arange(len(xy)), "lon": xy[:, 0], "lat": xy[:, 1]}).to_csv(source, index=False)
        started = time.perf_counter()
        points = read_points(source)
        read_s = time.perf_counter() - started
        frame = read_jurisdictions(tx, "police", at=AT, boundary_set=current_set(tx))
        city, area = read_city(tx), read_service_area(tx)
        started = time.perf_counter()
        found = match_jurisdictions(points, frame, city=city, service_area=area)
        match_s = time.perf_counter() - started
        index = index_of(frame)
        started = time.perf_counter()
        match_jurisdictions(points, frame, city=city, service_area=area, index=index)
        again_s = time.perf_counter() - started
        started = time.perf_counter()
        write_points(points.join(found), Path(folder) / "out.csv")
        write_s = time.perf_counter() - started
    shares = ", ".join(f"{count:,} {name}" for name, count in found["match"].value_counts().items())
    note = f"reading {read_s:.1f} s, writing {write_s:.1f} s; with the index at hand {again_s:.2f} s; {shares}"
    size = f"1,000,000 × {len(layer):,} desa, CSV"
    return [BenchRow(name="match, a file of points", size=size, ours=match_s, unit="s", note=note)]
