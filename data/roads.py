"""A road network into the database: a new build beside the old one, current from one moment to the next."""

from __future__ import annotations

import hashlib
from datetime import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, insert, select, text, update

from data.bulk import copy_rows, ewkb
from gis.errors import DataError
from routing_engine.network.tables import road_build, road_edge, road_node, road_restriction

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
)
TURN_COLUMNS = ("road_restriction_id", "from_edge", "via_node", "to_edge", "kind")
DIRECTIONS = {"both", "forward", "backward"}


def write_roads(
    tx: Connection,
    nodes: gpd.GeoDataFrame,
    edges: gpd.GeoDataFrame,
    restrictions: pd.DataFrame,
    *,
    source: str,
    is_synthetic: bool,
    now: datetime,
) -> int:
    """Write a network and make it the current build; return its `road_build_id`.

    Nothing is written where the current build has the same content and source: its id is returned, and travel-time
    fields made from it stay good.

    Parameters
    ----------
    nodes
        `node_id`, `geometry` (points, EPSG:4326).
    edges
        The columns of `road_edge` and `geometry` (linestrings, EPSG:4326, from `from_node` to `to_node`).
    restrictions
        The columns of `road_restriction`; may be empty.
    source
        Where the network is from, as shown to people.
    now
        Database clock of the use case.

    Raises
    ------
    DataError
        Ids twice, ends or turns that are not there, an unknown direction, lengths that are not positive. All at once.

    Notes
    -----
    The build rows are locked against other writers, so that of two at once the later one wins whole. Readers see the
    old build until the caller commits.
    """
    check_roads(nodes, edges, restrictions)
    digest = digest_of(nodes, edges, restrictions, source)
    tx.execute(text("LOCK TABLE siaga.road_build IN SHARE ROW EXCLUSIVE MODE"))
    current = tx.execute(
        select(road_build.c.road_build_id, road_build.c.digest, road_build.c.is_synthetic).where(
            road_build.c.is_current
        )
    ).one_or_none()
    if current is not None and (current.digest, current.is_synthetic) == (digest, is_synthetic):
        return int(current.road_build_id)
    tx.execute(update(road_build).where(road_build.c.is_current).values(is_current=False))
    report = {"n_nodes": len(nodes), "n_edges": len(edges), "n_restrictions": len(restrictions)}
    report["length_km"] = round(float(edges["length_m"].sum()) / 1000.0, 1)
    values = {"built_at": now, "source": source, "is_synthetic": is_synthetic, "digest": digest}
    build = tx.execute(
        insert(road_build).values(**values, is_current=True, report=report).returning(road_build.c.road_build_id)
    ).scalar_one()

    shapes = ewkb(nodes.geometry.to_numpy(), 4326)
    rows = ((build, *row) for row in zip(nodes["node_id"], shapes, strict=True))
    copy_rows(tx, road_node, ("road_build_id", "node_id", "geom"), rows)
    shapes = ewkb(edges.geometry.to_numpy(), 4326)
    is_bridge = edges["is_bridge"].astype(bool)
    columns = [edges[name] for name in EDGE_COLUMNS]
    rows = ((build, *row) for row in zip(*columns, is_bridge, shapes, strict=True))
    copy_rows(tx, road_edge, ("road_build_id", *EDGE_COLUMNS, "is_bridge", "geom"), rows)
    rows = ((build, *row) for row in restrictions[list(TURN_COLUMNS)].itertuples(index=False, name=None))
    copy_rows(tx, road_restriction, ("road_build_id", *TURN_COLUMNS), rows)
    return int(build)


def check_roads(nodes: gpd.GeoDataFrame, edges: gpd.GeoDataFrame, restrictions: pd.DataFrame) -> None:
    """Refuse a network that does not hang together; names every fault with how many rows have it."""
    known_nodes, known_edges = set(nodes["node_id"]), set(edges["edge_id"])
    faults = {
        "node ids twice": int(nodes["node_id"].duplicated().sum()),
        "edge ids twice": int(edges["edge_id"].duplicated().sum()),
        "edges with an unknown node": int((~edges[["from_node", "to_node"]].isin(known_nodes)).any(axis=1).sum()),
        "edges with an unknown direction": int((~edges["direction"].isin(DIRECTIONS)).sum()),
        "edges without a positive length": int((~(edges["length_m"] > 0)).sum()),
        "turns over an unknown node": int((~restrictions["via_node"].isin(known_nodes)).sum()),
        "turns with an unknown edge": int(
            (~restrictions[["from_edge", "to_edge"]].isin(known_edges)).any(axis=1).sum()
        ),
    }
    found = [f"{count} {fault}" for fault, count in faults.items() if count]
    if found:
        raise DataError(f"road network: {', '.join(found)}; nothing was written")


def digest_of(nodes: gpd.GeoDataFrame, edges: gpd.GeoDataFrame, restrictions: pd.DataFrame, source: str) -> str:
    """Return the SHA-256 of the network's content (ids, attributes, coordinates) and source, whatever the row order."""
    hashed = hashlib.sha256(source.encode())
    for frame, key in ((nodes, "node_id"), (edges, "edge_id")):
        ordered = frame.sort_values(key)
        columns = [name for name in ("node_id", *EDGE_COLUMNS, "is_bridge") if name in frame]
        hashed.update(pd.DataFrame(ordered[columns]).to_csv(index=False, lineterminator="\n").encode())
        hashed.update(np.ascontiguousarray(shapely.get_coordinates(ordered.geometry.to_numpy())).tobytes())
    turns = restrictions.sort_values("road_restriction_id")[list(TURN_COLUMNS)]
    hashed.update(turns.to_csv(index=False, lineterminator="\n").encode())
    return hashed.hexdigest()
