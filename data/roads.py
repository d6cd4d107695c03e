"""A road network into the database: a new build beside the old one, current from one moment to the next."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, delete, func, insert, select, text, update

from data.bulk import copy_columns, ewkb
from gis.errors import DataError
from routing_engine.network.groups import EVERY
from routing_engine.network.speeds import access_of
from routing_engine.network.tables import road_build, road_edge, road_node, road_restriction, travel_field

# What every network says, and what only imported ones do: the value of the latter where a frame has no such column.
EDGE_COLUMNS = (
    "edge_id",
    "from_node",
    "to_node",
    "road_class",
    "name",
    "direction",
    "length_m",
    "speed_kph",
    "width_m",
    "is_bridge",
)
EDGE_DETAILS: dict[str, Any] = {
    "access_forward": None,  # by `direction`
    "access_backward": None,
    "limited": None,
    "speed_backward_kph": np.nan,
    "max_width_m": np.nan,
    "ref": None,
    "surface": None,
    "service_kind": None,
    "layer": 0,
    "n_signals_forward": 0,
    "n_signals_backward": 0,
    "n_level_crossings": 0,
    "is_tunnel": False,
    "is_roundabout": False,
    "is_toll": False,
    "osm_way_id": None,
}
NODE_DETAILS: dict[str, Any] = {"is_signal": False, "is_level_crossing": False}
TURN_COLUMNS = ("road_restriction_id", "from_edge", "via_node", "to_edge", "kind")
TURN_DETAILS: dict[str, Any] = {"via_edges": None, "applies": EVERY, "reason": "turn", "osm_id": None}
DIRECTIONS = {"both", "forward", "backward"}


def write_roads(
    tx: Connection,
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    restrictions: pd.DataFrame,
    *,
    source: str,
    is_synthetic: bool,
    now: datetime,
    report: dict[str, Any] | None = None,
) -> int:
    """Write a network and make it the current build; return its `road_build_id`.

    Nothing is written where the current build has the same content and source: its id is returned, and travel-time
    fields made from it stay good.

    Parameters
    ----------
    nodes
        `node_id`, and `geometry` (points, EPSG:4326) or `lon`, `lat`; perhaps columns of `NODE_DETAILS`.
    edges
        `EDGE_COLUMNS` and `geometry` (linestrings, EPSG:4326, from `from_node` to `to_node`); perhaps `EDGE_DETAILS`.
    restrictions
        `TURN_COLUMNS`, perhaps `TURN_DETAILS`; may be empty. `via_edges` holds sequences of edge ids, or nothing.
    source
        Where the network is from, as shown to people.
    now
        Database clock of the use case.
    report
        Kept with the build besides its counts.

    Raises
    ------
    DataError
        Ids twice, ends or turns that are not there, an unknown direction, lengths that are not positive. All at once.

    Notes
    -----
    The build rows are locked against other writers, so that of two at once the later one wins whole. Readers see the
    old build until the caller commits. The build before stays, since travel times of it serve until the new ones are
    made; older ones go when nothing serves from them.
    """
    check_roads(nodes, edges, restrictions)
    node_columns, edge_columns = columns_of(nodes, NODE_DETAILS), columns_of(edges, EDGE_DETAILS)
    turn_columns = columns_of(restrictions, TURN_DETAILS)
    digest = _digest(source, node_columns, edge_columns, turn_columns)
    tx.execute(text("LOCK TABLE siaga.road_build IN SHARE ROW EXCLUSIVE MODE"))
    current = tx.execute(
        select(road_build.c.road_build_id, road_build.c.digest, road_build.c.is_synthetic).where(
            road_build.c.is_current
        )
    ).one_or_none()
    if current is not None and (current.digest, current.is_synthetic) == (digest, is_synthetic):
        return int(current.road_build_id)
    tx.execute(update(road_build).where(road_build.c.is_current).values(is_current=False))
    counts = {"n_nodes": len(nodes), "n_edges": len(edges), "n_restrictions": len(restrictions)}
    length_km = round(float(edges["length_m"].sum()) / 1000.0, 1)
    values = {"built_at": now, "source": source, "is_synthetic": is_synthetic, "digest": digest, "is_current": True}
    values["report"] = {**counts, "length_km": length_km, **(report or {})}
    build = int(tx.execute(insert(road_build).values(**values).returning(road_build.c.road_build_id)).scalar_one())
    for table, columns in ((road_node, node_columns), (road_edge, edge_columns), (road_restriction, turn_columns)):
        shapes = {"geom": ewkb(columns.pop("geom"), 4326)} if "geom" in columns else {}
        copy_columns(tx, table, {"road_build_id": np.full(len(next(iter(columns.values()))), build)} | columns | shapes)
    _forget(tx, build)
    return build


def _forget(tx: Connection, build: int) -> None:
    """Remove builds that neither are current or the last before, nor have travel times in use."""
    previous = select(func.max(road_build.c.road_build_id)).where(road_build.c.road_build_id < build).scalar_subquery()
    serving = select(travel_field.c.road_build_id).where(travel_field.c.is_current)
    old = road_build.c.road_build_id < func.coalesce(previous, 0)
    tx.execute(delete(road_build).where(old, road_build.c.road_build_id.not_in(serving)))


def columns_of(frame: pd.DataFrame, details: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one road table as arrays, details filled in; `geom` holds Shapely geometries."""
    if "edge_id" in frame:
        columns = {name: frame[name].to_numpy() for name in EDGE_COLUMNS}
        bits = access_of(frame)
        details = details | {"access_forward": bits[:, 0], "access_backward": bits[:, 1]}
    elif "node_id" in frame:
        columns = {"node_id": frame["node_id"].to_numpy()}
    else:
        columns = {name: frame[name].to_numpy() for name in TURN_COLUMNS}
    for name, default in details.items():
        value = frame[name].to_numpy() if name in frame else default
        columns[name] = (
            value if isinstance(value, np.ndarray) else np.full(len(frame), default, dtype=np.array(default).dtype)
        )
    if "via_edges" in columns:
        columns["via_edges"] = np.array(
            [f"{{{','.join(map(str, edges))}}}" if edges else None for edges in columns["via_edges"]], dtype=object
        )
    if "geometry" in frame:
        columns["geom"] = np.asarray(frame["geometry"], dtype=object)
    elif "lon" in frame:
        columns["geom"] = shapely.points(frame[["lon", "lat"]].to_numpy(np.float64))
    return columns


def check_roads(nodes: pd.DataFrame, edges: pd.DataFrame, restrictions: pd.DataFrame) -> None:
    """Refuse a network that does not hang together; names every fault with how many rows have it."""
    known_nodes, known_edges = nodes["node_id"].unique(), edges["edge_id"].unique()
    via = [edge for row in restrictions.get("via_edges", []) for edge in row or ()]
    ends = edges["from_node"].isin(known_nodes) & edges["to_node"].isin(known_nodes)
    turned = restrictions["from_edge"].isin(known_edges) & restrictions["to_edge"].isin(known_edges)
    faults = {
        "node ids twice": int(nodes["node_id"].duplicated().sum()),
        "edge ids twice": int(edges["edge_id"].duplicated().sum()),
        "edges with an unknown node": int((~ends).sum()),
        "edges with an unknown direction": int((~edges["direction"].isin(DIRECTIONS)).sum()),
        "edges without a positive length": int((~(edges["length_m"] > 0)).sum()),
        "turns over an unknown node": int((~restrictions["via_node"].isin(known_nodes)).sum()),
        "turns with an unknown edge": int((~turned).sum()),
        "turns over an unknown edge": int((~np.isin(via, known_edges)).sum()),
    }
    found = [f"{count} {fault}" for fault, count in faults.items() if count]
    if found:
        raise DataError(f"road network: {', '.join(found)}; nothing was written")


def digest_of(nodes: pd.DataFrame, edges: pd.DataFrame, restrictions: pd.DataFrame, source: str) -> str:
    """Return the SHA-256 of the network's content (ids, attributes, coordinates) and source, whatever the row order."""
    tables = ((nodes, NODE_DETAILS), (edges, EDGE_DETAILS), (restrictions, TURN_DETAILS))
    return _digest(source, *(columns_of(frame, details) for frame, details in tables))


def _digest(source: str, *tables: dict[str, Any]) -> str:
    hashed = hashlib.sha256(source.encode())
    for columns in tables:
        key = next(iter(columns.values()))  # each table's first column is its id
        order = np.argsort(key, kind="stable")
        for name, values in columns.items():
            hashed.update(name.encode())
            if name == "geom":
                xy, owner = shapely.get_coordinates(values[order], return_index=True)
                hashed.update(np.ascontiguousarray(xy).tobytes() + owner.tobytes())
            elif values.dtype == object or values.dtype.kind in "UT":
                codes, texts = pd.factorize(pd.Series(values[order], dtype=object), sort=False)
                hashed.update(codes.tobytes() + "\0".join(map(str, texts)).encode())
            else:
                hashed.update(np.ascontiguousarray(values[order].astype(np.float64)).tobytes())
    return hashed.hexdigest()
