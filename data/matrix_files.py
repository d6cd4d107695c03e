"""`./siaga matrix`: the drive from every place of one file to every place of another, as a file."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import shapely
from sqlalchemy import Connection

from data.matching_files import DRIVERS, PARQUET, read_points
from gis.city import read_city
from gis.db import database_now
from gis.errors import ColumnError, DataError, NetworkError
from routing_engine.network.calibration import Calibration
from routing_engine.network.closure_rows import closures_at, slowed_edges
from routing_engine.network.closures import closed_network
from routing_engine.network.graph import RoadGraph
from routing_engine.network.matrices import matrix
from routing_engine.network.profiles import profile_named
from routing_engine.network.speeds import band_of, hour_bands
from routing_engine.network.store import current_build, current_digest, graph_of, load_network, load_speeds, read_graph

COLUMNS = ("origin", "destination", "travel_time_s", "distance_m", "estimate")
# Bounds the memory of one piece of a large matrix, about 200 bytes a pair.
PAIRS_AT_ONCE = 1_000_000
# GDAL can write a GeoJSON file only as a whole.
MOST_GEOJSON = 1_000_000


def read_places(path: Path) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Read ids and positions ``(n, 2)``, EPSG:4326 degrees; NaN where a row has none.

    Files as `data.matching_files.read_points` takes them. Without a column `id` the number of the row, from 1, is it.

    Raises
    ------
    DataError
        The file cannot be read, has no rows, or holds other shapes than points.
    ColumnError
        An id is missing or stands there twice.
    """
    frame = read_points(path)
    geometry = frame.geometry.to_numpy()
    if len(frame) == 0:
        raise DataError(f"{path}: no rows")
    kinds = np.unique(shapely.get_type_id(geometry[~shapely.is_missing(geometry) & ~shapely.is_empty(geometry)]))
    if not set(kinds.tolist()) <= {int(shapely.GeometryType.POINT)}:
        raise DataError(f"{path}: holds other shapes than points; a matrix is made between points")
    lonlat = np.column_stack([shapely.get_x(geometry), shapely.get_y(geometry)])
    if "id" not in frame:
        return [str(row) for row in range(1, len(frame) + 1)], lonlat
    given = frame["id"].reset_index(drop=True)
    is_missing = given.isna() | (given.astype("string").fillna("").str.strip() == "")
    if is_missing.any():
        raise ColumnError(
            f"{path}: row {int(is_missing.idxmax()) + 1} has no id; give every row one, or drop the column"
        )
    ids = given.astype("string")
    if ids.duplicated().any():
        raise ColumnError(f"{path}: id {ids[ids.duplicated()].iloc[0]!r} stands there twice; every row needs its own")
    return ids.tolist(), lonlat


def roads(tx: Connection, folder: Path, *, profile: str, hour: int) -> RoadGraph | None:
    """Return the roads of a vehicle at an hour of the city's day, without what is closed now; `None`: there are none.

    Parameters
    ----------
    folder
        Where the graphs of the stations' fields lie; a graph that is not among them is made.

    Raises
    ------
    NetworkError
        The profile is unknown, or has no speeds.
    """
    vehicle = profile_named(profile)
    build_id = current_build(tx)
    if build_id is None:
        return None
    srid, speeds = read_city(tx).metric_srid, load_speeds(tx)
    if not (speeds["profile"] == profile).any():
        raise NetworkError(f"profile {profile!r} has no speeds; add them to the city's speeds.csv")
    band = band_of(hour_bands(speeds, profile), hour)
    digest = current_digest(tx, profile=vehicle, metric_srid=srid, hour_from=band)
    try:
        network = read_graph(folder, str(digest))
    except NetworkError:
        network = graph_of(load_network(tx), profile=vehicle, metric_srid=srid, hour_from=band)
    edges, factors = slowed_edges(tx, build_id, closures_at(tx, database_now(tx)), profile, srid)
    return closed_network(network, edges, factors) if edges else network


def matrix_file(
    graph: RoadGraph | None,
    origins: Path,
    destinations: Path,
    *,
    out: Path,
    calibration: Calibration | None = None,
    hour: int = 0,
) -> dict[str, int]:
    """Write the drives between all places of two files; the ending of `out` chooses the format.

    Parameters
    ----------
    calibration, hour
        See `routing_engine.network.matrices.matrix`.

    Returns
    -------
    dict
        Pairs per `estimate` code.

    Raises
    ------
    DataError
        Input or output cannot be read or written.

    Notes
    -----
    Rows are in the order of origins, then destinations; they have no geometry. The file appears whole or not at all.
    """
    starts, ends = read_places(origins), read_places(destinations)
    pairs = len(starts[0]) * len(ends[0])
    if DRIVERS.get(out.suffix.lower()) == "GeoJSON" and pairs > MOST_GEOJSON:
        raise DataError(f"{out}: {pairs} pairs; GeoJSON takes {MOST_GEOJSON} at most, write .csv or .parquet")
    at_once = max(1, PAIRS_AT_ONCE // len(ends[0]))
    counts: Counter[str] = Counter()
    with _writer(out) as write:
        for first in range(0, len(starts[0]), at_once):
            part = slice(first, first + at_once)
            found = matrix(graph, starts[1][part], ends[1], calibration=calibration, hour=hour)
            frame = pd.DataFrame(
                {
                    "origin": np.repeat(np.array(starts[0][part], dtype=object), len(ends[0])),
                    "destination": np.tile(np.array(ends[0], dtype=object), len(starts[0][part])),
                    "travel_time_s": found.time_s.ravel().round(1),
                    "distance_m": found.distance_m.ravel().round(1),
                    "estimate": found.estimate.ravel(),
                }
            )
            counts.update(frame["estimate"].value_counts().to_dict())
            write(frame)
    return dict(counts)


@contextlib.contextmanager
def _writer(out: Path) -> Iterator[Any]:
    """Give what adds a piece to the file; the file takes its name when all are written."""
    kind = out.suffix.lower()
    with tempfile.TemporaryDirectory(prefix=".matrix-", dir=out.parent) as folder:
        path = Path(folder) / f"matrix{kind}"
        try:
            if kind in PARQUET:
                with pa.parquet.ParquetWriter(path, _SCHEMA) as file:
                    yield lambda frame: file.write_table(
                        pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False)
                    )
            elif kind in DRIVERS:
                yield lambda frame: pyogrio.write_dataframe(
                    frame, path, layer=out.stem, driver=DRIVERS[kind], append=path.exists()
                )
            else:
                yield lambda frame: frame.to_csv(path, mode="a", header=not path.exists(), index=False)
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pa.ArrowException) as error:
            raise DataError(f"{out}: cannot be written ({error})") from error
        path.replace(out)


_SCHEMA = pa.schema(
    [
        ("origin", pa.string()),
        ("destination", pa.string()),
        ("travel_time_s", pa.float64()),
        ("distance_m", pa.float64()),
        ("estimate", pa.string()),
    ]
)
