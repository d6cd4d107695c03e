"""The nearest station as pgRouting finds it, in a throw-away database, where the extension is installed.

It is asked in two ways. One incident at a time, as a dispatcher's application asks: put it on a node, search from the
stations until the first is there; every call reads the whole table of streets. And the whole batch at once, the best
pgRouting can do: one search that says of every node which station is first, then 100,000 look-ups of nodes. Nodes
instead of places along streets and no turn restrictions, in both.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from psycopg2 import sql
from psycopg2.extras import execute_values

from ops.cluster import Cluster
from ops.database import Database
from ops.state import State
from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import to_metric

N_ALONE = 20
FAR_S = 1e6
STREETS = "SELECT id, source, target, cost, reverse_cost FROM street"
# The node nearest to a place, and the first of the stations to reach it.
ONE = """
    WITH place AS (SELECT id FROM node ORDER BY xy <-> ST_SetSRID(ST_Point(%s, %s), %s) LIMIT 1)
    SELECT agg_cost FROM place, pgr_dijkstraNearCost(%s, %s::bigint[], place.id, true, 1)
"""
ALL = """
    WITH first AS MATERIALIZED (
        SELECT node, agg_cost FROM pgr_drivingDistance(%s, %s::bigint[], %s, true, true)
    ), place AS MATERIALIZED (
        SELECT incident.id, near.id AS node
        FROM incident, LATERAL (SELECT node.id FROM node ORDER BY node.xy <-> incident.xy LIMIT 1) AS near
    )
    SELECT place.id, first.agg_cost FROM place LEFT JOIN first USING (node) ORDER BY place.id
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class PgRouting:
    """What was measured.

    Attributes
    ----------
    version
        Of the extension.
    alone_s
        Seconds of each incident asked by itself.
    batch_s
        Seconds of all incidents in one statement.
    time_s
        What the batch says of each incident, ``(n,)``; NaN where there is no way.
    alone_time_s
        What the first of them were answered one by one, ``(n_alone,)``.
    """

    version: str
    alone_s: list[float]
    batch_s: float
    time_s: np.ndarray
    alone_time_s: np.ndarray


def measure(graph: RoadGraph, stations: np.ndarray, incidents: np.ndarray) -> PgRouting | None:
    """Ask pgRouting; `None` where the extension is not installed.

    Parameters
    ----------
    stations
        Node indices.
    incidents
        ``(n, 2)``, EPSG:4326 degrees.
    """
    folder = Path(tempfile.mkdtemp(prefix="siaga-b-", dir="/tmp" if Path("/tmp").is_dir() else None))
    folder.chmod(0o755)
    state = State.at(folder)
    cluster = Cluster(state)
    try:
        cluster.start()
        database = Database(state)
        admin = database.connect("admin", database="postgres")
        try:
            with admin.cursor() as cursor:
                cursor.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'pgrouting'")
                found = cursor.fetchone()
                if found is None:
                    return None
                cursor.execute("CREATE DATABASE roads_beside")
        finally:
            admin.close()
        connection = database.connect("admin", database="roads_beside")
        try:
            with connection.cursor() as cursor:
                fill(cursor, graph, incidents)
                some_m = to_metric(incidents[:N_ALONE], graph.metric_srid)
                return asked(cursor, graph.metric_srid, stations, some_m, found[0])
        finally:
            connection.close()
    finally:
        cluster.stop(fast_s=5)
        shutil.rmtree(folder, ignore_errors=True)


def fill(cursor: Any, graph: RoadGraph, incidents: np.ndarray) -> None:
    """Write streets, nodes and incidents, with the indices one would make."""
    srid = graph.metric_srid
    point = f"(%s, ST_SetSRID(ST_Point(%s, %s), {srid}))"
    cursor.execute("CREATE EXTENSION postgis; CREATE EXTENSION pgrouting")
    for table in ("node", "incident"):
        name = sql.Identifier(table)
        cursor.execute(
            sql.SQL("CREATE UNLOGGED TABLE {} (id bigint PRIMARY KEY, xy geometry(Point, {}) NOT NULL)").format(
                name, sql.Literal(srid)
            )
        )
        xy = graph.node_xy_m if table == "node" else to_metric(incidents, srid)
        rows = [(i, *place) for i, place in enumerate(xy.tolist())]
        statement = sql.SQL("INSERT INTO {} VALUES %s").format(name).as_string(cursor)
        execute_values(cursor, statement, rows, template=point, page_size=5_000)
    # An incident is put on a node that a street of the main part leads to, as ours is.
    main = np.unique([graph.edge_from[graph.main_edges], graph.edge_to[graph.main_edges]])
    cursor.execute("DELETE FROM node WHERE NOT id = ANY(%s)", (main.tolist(),))
    cursor.execute("CREATE INDEX ON node USING gist (xy)")
    cursor.execute(
        "CREATE UNLOGGED TABLE street (id bigint PRIMARY KEY, source bigint NOT NULL, target bigint NOT NULL, "
        "cost float8 NOT NULL, reverse_cost float8 NOT NULL)"
    )
    arc, seconds = graph.edge_arc, graph.arc_time_s + graph.arc_delay_s
    cost = np.where(arc >= 0, seconds[arc], -1.0)
    ends = zip(graph.edge_from.tolist(), graph.edge_to.tolist(), *cost.T.tolist(), strict=True)
    rows = [(i, *row) for i, row in enumerate(ends)]
    execute_values(cursor, "INSERT INTO street VALUES %s", rows, page_size=5_000)
    cursor.execute("ANALYZE")


def asked(cursor: Any, srid: int, stations: np.ndarray, places_m: np.ndarray, version: str) -> PgRouting:
    """Ask one by one, then all at once."""
    nodes = np.unique(stations).tolist()
    alone_s, alone_time_s = [], []
    for x, y in [places_m[0].tolist(), *places_m.tolist()]:
        started = time.perf_counter()
        cursor.execute(ONE, (x, y, srid, STREETS, nodes))
        row = cursor.fetchone()
        alone_s.append(time.perf_counter() - started)
        alone_time_s.append(np.nan if row is None else row[0])
    batches = []
    for _ in range(2):
        started = time.perf_counter()
        cursor.execute(ALL, (STREETS, nodes, FAR_S))
        rows = cursor.fetchall()
        batches.append(time.perf_counter() - started)
    time_s = np.array([np.nan if seconds is None else seconds for _, seconds in rows])
    # The first of the single ones opened the connection's caches.
    return PgRouting(
        version=version,
        alone_s=alone_s[1:],
        batch_s=min(batches),
        time_s=time_s,
        alone_time_s=np.array(alone_time_s[1:]),
    )
