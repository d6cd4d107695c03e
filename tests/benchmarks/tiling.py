"""A network of several copies of a city side by side: how cost grows, where no larger extract is at hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from data.osm_network import Roads
from routing_engine.network.graph import RoadGraph, build_graph
from routing_engine.network.profiles import PROFILES
from tests.benchmarks.bench_oracles import graph_of, speeds


def tiled(roads: Roads, copies: int, srid: int) -> RoadGraph:
    """Return copies of the network side by side, each joined to the next by one street at its easternmost node."""
    step = float(np.ptp(roads.nodes["lon"])) + 0.01
    n_nodes, n_edges = int(roads.nodes["node_id"].max()) + 1, int(roads.edges["edge_id"].max()) + 1
    main = graph_of(roads, srid, speeds())
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
        metric_srid=srid,
    )
