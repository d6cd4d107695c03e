"""Small networks for tests: drawn in metres near Kendari (UTM 51S), given as the frames `build_graph` takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from hypothesis import strategies as st

from routing_engine.network.graph import RoadGraph, build_graph
from routing_engine.network.profiles import PROFILES
from routing_engine.network.projection import to_lonlat

SRID = 32751
ORIGIN = np.array([445_000.0, 9_559_000.0])
SPEEDS = pd.DataFrame(
    [
        (profile, name, 0, kph)
        for profile in ("car", "fire_engine")
        for name, kph in (("primary", 36.0), ("residential", 18.0))
    ],
    columns=["profile", "road_class", "hour_from", "speed_kph"],
)


def lonlat(xy):
    """Degrees of metres east and north of the origin."""
    return to_lonlat(np.asarray(xy, float).reshape(-1, 2) + ORIGIN, SRID)


def frames(points, edges, restrictions=()):
    """Make the three frames.

    `points`: {node id: (x, y)}. `edges`: rows (edge id, from, to, direction) with an optional dict of other columns and
    `via` (vertices between the ends). `restrictions`: rows (from edge, via node, to edge, kind).
    """
    place = lonlat(list(points.values()))
    nodes = pd.DataFrame({"node_id": list(points), "lon": place[:, 0], "lat": place[:, 1]})
    rows = []
    for edge_id, start, end, direction, *rest in edges:
        extra = dict(rest[0]) if rest else {}
        line = np.array([points[start], *extra.pop("via", []), points[end]], float)
        rows.append(
            {
                "edge_id": edge_id,
                "from_node": start,
                "to_node": end,
                "direction": direction,
                "road_class": "primary",
                "name": f"Jl. {edge_id}",
                "length_m": float(np.hypot(*np.diff(line, axis=0).T).sum()),
                "speed_kph": np.nan,
                "width_m": np.nan,
                "is_bridge": False,
                "geometry": shapely.LineString(lonlat(line)),
            }
            | extra
        )
    turns = pd.DataFrame(list(restrictions), columns=["from_edge", "via_node", "to_edge", "kind"])
    return nodes, pd.DataFrame(rows), turns


def drawn(points, edges, restrictions=(), *, profile="car") -> RoadGraph:
    """Build the graph of a drawing."""
    return built(*frames(points, edges, restrictions), profile=profile)


def built(nodes, edges, restrictions, *, profile="car") -> RoadGraph:
    """Build the graph of frames."""
    return build_graph(nodes, edges, restrictions, speeds=SPEEDS, profile=PROFILES[profile], metric_srid=SRID)


@st.composite
def networks(draw, *, max_nodes=6):
    """Frames of a random network: one-ways, parallel streets, loops, restrictions, two classes, several parts."""
    places = st.tuples(st.integers(0, 40), st.integers(0, 40))
    found = draw(st.lists(places, min_size=2, max_size=max_nodes, unique=True))
    points = {10 * (i + 1): (25.0 * x, 25.0 * y) for i, (x, y) in enumerate(found)}
    ids = st.sampled_from(sorted(points))
    edges = []
    for i in range(draw(st.integers(1, 3 * len(points)))):
        start, end = draw(ids), draw(ids)
        extra = {"road_class": draw(st.sampled_from(["primary", "residential"]))}
        if start == end:
            x, y = points[start]
            extra["via"] = [(x + 30.0, y + 10.0 * i), (x - 10.0, y + 40.0)]
        edges.append((100 + i, start, end, draw(st.sampled_from(["both", "both", "forward", "backward"])), extra))
    turns = []
    for _ in range(draw(st.integers(0, 5))):
        first = draw(st.sampled_from(edges))
        via = draw(st.sampled_from(first[1:3]))
        second = draw(st.sampled_from([edge for edge in edges if via in edge[1:3]]))
        turns.append((first[0], via, second[0], draw(st.sampled_from(["no", "no", "only"]))))
    return frames(points, edges, turns)
