"""Which polygons cover which points, by SedonaDB, in the oracle's own environment.

Usage: ``python sedona_child.py JOB``, a folder with ``points.npy`` ``(n, 2)`` and ``polygons.parquet`` (`row`, `wkb`).
The tables are made first, points included, and are not part of the seconds. It writes ``pairs.npy`` ``(m, 2)``, point
and row of every pair, and ``report.json``: the version, and the seconds of each run of the join up to the pairs in
memory.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sedonadb

N_RUNS = 5
JOIN = "SELECT p.id, g.row FROM points p JOIN polygons g ON ST_Covers(g.geometry, p.geometry)"


def main(job: Path) -> None:
    """Join, and write."""
    context = sedonadb.connect()
    places = np.load(job / "points.npy")
    table = pa.table({"id": np.arange(len(places)), "lon": places[:, 0], "lat": places[:, 1]})
    context.create_data_frame(table).to_view("plain_points")
    context.create_data_frame(pq.read_table(job / "polygons.parquet")).to_view("plain_polygons")
    context.sql("SELECT id, ST_Point(lon, lat) AS geometry FROM plain_points").to_memtable().to_view("points")
    context.sql("SELECT row, ST_GeomFromWKB(wkb) AS geometry FROM plain_polygons").to_memtable().to_view("polygons")
    spent = []
    for _ in range(N_RUNS):
        started = time.perf_counter()
        pairs = context.sql(JOIN).to_arrow_table()
        spent.append(time.perf_counter() - started)
    np.save(job / "pairs.npy", np.column_stack([pairs["id"].to_numpy(), pairs["row"].to_numpy()]))
    (job / "report.json").write_text(json.dumps({"version": sedonadb.__version__, "seconds": spent}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
