"""The road tables of a build as frames: many rows at once, with the columns every reader relies on."""

from __future__ import annotations

import io
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import shapely
from sqlalchemy import Connection, Select, func, select

from routing_engine.network.tables import road_edge, road_node, road_restriction

# Columns by kind of value, in the order of the frames; `geom` becomes `geometry`.
NODE_TYPES = {"node_id": "int", "lon": "float", "lat": "float", "is_signal": "bool", "is_level_crossing": "bool"}
EDGE_TYPES = {
    "edge_id": "int", "from_node": "int", "to_node": "int", "road_class": "text", "name": "text",
    "direction": "text", "length_m": "float", "speed_kph": "float", "width_m": "float", "is_bridge": "bool",
    "access_forward": "int", "access_backward": "int", "limited": "text", "speed_backward_kph": "float",
    "max_width_m": "float", "ref": "text", "surface": "text", "service_kind": "text", "layer": "int",
    "n_signals_forward": "int", "n_signals_backward": "int", "n_level_crossings": "int", "is_tunnel": "bool",
    "is_roundabout": "bool", "is_toll": "bool", "osm_way_id": "float", "geom": "text",
}  # fmt: skip
TURN_TYPES = {
    "from_edge": "int", "via_node": "int", "to_edge": "int", "kind": "text", "via_edges": "text",
    "applies": "int", "reason": "text",
}  # fmt: skip
ARROW = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string()}
EMPTY: dict[str, npt.DTypeLike] = {"int": np.int64, "float": np.float64, "bool": np.bool_, "text": object}


def read_nodes(tx: Connection, road_build_id: int) -> pd.DataFrame:
    """Read the nodes of a build by id: `NODE_TYPES`, EPSG:4326 degrees."""
    node = road_node.c
    columns = [node.node_id, func.ST_X(node.geom), func.ST_Y(node.geom), node.is_signal, node.is_level_crossing]
    query = select(*columns).where(node.road_build_id == road_build_id).order_by(node.node_id)
    return _read(tx, query, NODE_TYPES)


def read_edges(tx: Connection, road_build_id: int) -> pd.DataFrame:
    """Read the edges of a build by id: `EDGE_TYPES`, with Shapely lines (EPSG:4326) in `geometry` for `geom`."""
    columns = [road_edge.c[name] if name != "geom" else func.ST_AsBinary(road_edge.c.geom) for name in EDGE_TYPES]
    query = select(*columns).where(road_edge.c.road_build_id == road_build_id).order_by(road_edge.c.edge_id)
    edges = _read(tx, query, EDGE_TYPES)
    lines = np.empty(len(edges), dtype=object)
    lines[:] = shapely.from_wkb([text[2:] for text in edges.pop("geom")])  # without the \\x of a bytea
    edges["geometry"] = lines
    return edges


def read_restrictions(tx: Connection, road_build_id: int) -> pd.DataFrame:
    """Read the restrictions of a build by id: `TURN_TYPES`, with a tuple of edge ids, often (), in `via_edges`."""
    turn = road_restriction.c
    query = select(*[turn[name] for name in TURN_TYPES]).where(turn.road_build_id == road_build_id)
    turns = _read(tx, query.order_by(turn.road_restriction_id), TURN_TYPES)
    listed = [tuple(map(int, text[1:-1].split(","))) if text else () for text in turns["via_edges"]]
    return turns.assign(via_edges=pd.Series(listed, dtype=object))


def _read(tx: Connection, query: Select[Any], types: dict[str, str]) -> pd.DataFrame:
    """Return the rows of a query; texts are objects with None where there is none, missing numbers are NaN."""
    compiled = str(query.compile(tx, compile_kwargs={"literal_binds": True}))
    buffer = io.BytesIO()
    connection: Any = tx.connection
    with closing(connection.cursor()) as cursor:
        # As CSV through Arrow: as Python rows twenty thousand take a second.
        cursor.copy_expert(f"COPY ({compiled}) TO STDOUT (FORMAT csv)", buffer)
    if buffer.tell() == 0:
        return pd.DataFrame({name: np.empty(0, dtype=EMPTY[kind]) for name, kind in types.items()})
    buffer.seek(0)
    table = pyarrow.csv.read_csv(
        buffer,
        pyarrow.csv.ReadOptions(column_names=list(types)),
        pyarrow.csv.ParseOptions(newlines_in_values=True),
        pyarrow.csv.ConvertOptions(
            column_types={name: ARROW[kind] for name, kind in types.items()},
            # PostgreSQL writes NULL as nothing and an empty text as "".
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    values = {name: table[name].to_numpy(zero_copy_only=False) for name in types}
    return pd.DataFrame({name: pd.Series(value, dtype=value.dtype) for name, value in values.items()})
