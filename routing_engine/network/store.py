"""The road tables as frames, and graphs as files of the state folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, select

from gis.errors import NetworkError
from routing_engine.network.arrays import read_arrays, write_arrays
from routing_engine.network.frames import read_edges, read_nodes, read_restrictions
from routing_engine.network.graph import FORMAT, RoadGraph, build_graph, graph_arrays, graph_from_arrays
from routing_engine.network.profiles import Profile
from routing_engine.network.speeds import class_speeds
from routing_engine.network.tables import road_build, road_speed


@dataclass(frozen=True, eq=False, kw_only=True)
class RoadTables:
    """One road build as frames with the columns of `frames`, of which `build_graph` takes some; EPSG:4326.

    `digest` is that of the build's content; `speeds` are those of all profiles and hour bands.
    """

    road_build_id: int
    digest: str
    is_synthetic: bool
    nodes: pd.DataFrame
    edges: pd.DataFrame
    restrictions: pd.DataFrame
    speeds: pd.DataFrame


def current_build(tx: Connection) -> int | None:
    """Return the id of the road build in use; `None` when there is none."""
    found = tx.execute(select(road_build.c.road_build_id).where(road_build.c.is_current)).scalar_one_or_none()
    return None if found is None else int(found)


def load_speeds(tx: Connection) -> pd.DataFrame:
    """Read `road_speed`: `profile`, `road_class`, `hour_from`, `speed_kph`."""
    columns = ["profile", "road_class", "hour_from", "speed_kph"]
    rows = tx.execute(select(*[road_speed.c[name] for name in columns])).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=columns)


def load_network(tx: Connection, road_build_id: int | None = None) -> RoadTables:
    """Read one road build, ordered by id so that equal tables give equal graphs.

    Parameters
    ----------
    road_build_id
        Which; the one in use by default.

    Raises
    ------
    NetworkError
        There is no such build, or none is in use.
    """
    wanted = current_build(tx) if road_build_id is None else road_build_id
    build = tx.execute(select(road_build).where(road_build.c.road_build_id == wanted)).one_or_none()
    if build is None:
        asked = "no road build is in use" if road_build_id is None else f"no road build {road_build_id}"
        raise NetworkError(f"{asked}; import roads or seed the demo city first")
    return RoadTables(
        road_build_id=build.road_build_id,
        digest=build.digest,
        is_synthetic=build.is_synthetic,
        nodes=read_nodes(tx, build.road_build_id),
        edges=read_edges(tx, build.road_build_id),
        restrictions=read_restrictions(tx, build.road_build_id),
        speeds=load_speeds(tx),
    )


def graph_digest(
    build_digest: str, speeds: pd.DataFrame, *, profile: Profile, metric_srid: int, hour_from: int = 0
) -> str:
    """Return the name of the graph that these inputs give, without making it (SHA-256 of canonical JSON).

    Bands with the same speeds have the same name: they are one graph.
    """
    inputs = {
        "format": FORMAT,
        "build": build_digest,
        "profile": asdict(profile),
        "speeds": class_speeds(speeds, profile.name, hour_from),
        "metric_srid": metric_srid,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def current_digest(tx: Connection, *, profile: Profile, metric_srid: int, hour_from: int = 0) -> str | None:
    """Return the name of the graph that the tables give now; `None` without a road build."""
    build = tx.execute(select(road_build.c.digest).where(road_build.c.is_current)).scalar_one_or_none()
    if build is None:
        return None
    return graph_digest(build, load_speeds(tx), profile=profile, metric_srid=metric_srid, hour_from=hour_from)


def graph_of(tables: RoadTables, *, profile: Profile, metric_srid: int, hour_from: int = 0) -> RoadGraph:
    """Build the graph of one profile from the tables, named by `graph_digest`."""
    return build_graph(
        tables.nodes,
        tables.edges,
        tables.restrictions,
        speeds=tables.speeds,
        profile=profile,
        metric_srid=metric_srid,
        hour_from=hour_from,
        digest=graph_digest(
            tables.digest, tables.speeds, profile=profile, metric_srid=metric_srid, hour_from=hour_from
        ),
    )


def graph_path(folder: Path, digest: str) -> Path:
    """Return where the graph called `digest` lies."""
    return folder / f"graph-{digest}.arrays"


def write_graph(folder: Path, graph: RoadGraph) -> Path:
    """Write the graph into `folder` under its digest; readers never see half of it."""
    path = graph_path(folder, graph.digest)
    write_arrays(path, *graph_arrays(graph))
    return path


def read_graph(folder: Path, digest: str) -> RoadGraph:
    """Map the graph called `digest` into memory.

    Raises
    ------
    NetworkError
        The file is missing, damaged or of another version.
    """
    return graph_from_arrays(*read_arrays(graph_path(folder, digest)))
