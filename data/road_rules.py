"""Rules of the synthetic network: which streets are one-way, which turns are forbidden."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

RIGHT_TURN_DEG = (50.0, 130.0)  # clockwise change of course; Indonesia drives on the left, so this one crosses traffic


def direct(edges: pd.DataFrame, wish: np.ndarray) -> np.ndarray:
    """Return the direction of every edge: the wish, undone where it would cut the network.

    Parameters
    ----------
    edges
        `from_node`, `to_node` (positions from 0).
    wish
        `both`, `forward` or `backward` per edge.

    Notes
    -----
    One-ways between two strongly connected components are opened until none is left. Edges of both directions hold
    their ends in one component, so a network that is connected as drawn ends up strongly connected.
    """
    direction = wish.copy()
    start, end = edges["from_node"].to_numpy(), edges["to_node"].to_numpy()
    n_nodes = int(max(start.max(), end.max())) + 1
    while True:
        ahead, back = direction != "backward", direction != "forward"
        source = np.concatenate([start[ahead], end[back]])
        target = np.concatenate([end[ahead], start[back]])
        graph = coo_matrix((np.ones(len(source)), (source, target)), shape=(n_nodes, n_nodes))
        _, part = connected_components(graph, directed=True, connection="strong")
        cut = (direction != "both") & (part[start] != part[end])
        if not cut.any():
            return direction
        direction[cut] = "both"


def courses(edges: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the course (degrees, clockwise from the y axis) on leaving the start and on reaching the end of each edge.

    Looks at 15 m next to the junction, since the last vertex may be very near.
    """
    lines = edges.geometry.to_numpy()
    near = np.minimum(15.0, shapely.length(lines) / 2)
    points = [shapely.line_interpolate_point(lines, d) for d in (0 * near, near, -near, shapely.length(lines))]
    a, b, c, d = (shapely.get_coordinates(point) for point in points)
    return course(b - a), course(d - c)


def course(way: np.ndarray) -> np.ndarray:
    """Return the course of vectors `(n, 2)` in degrees, clockwise from the y axis."""
    return np.degrees(np.arctan2(way[:, 0], way[:, 1]))


def possible_turns(edges: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return every turn an open direction allows: `from_edge`, `via_node`, `to_edge`, `turn_deg` (clockwise, ±180).

    `edges` are in a metric CRS with `edge_id`, `from_node`, `to_node`, `direction`. Turning back is left out.
    """
    leave, reach = courses(edges)
    parts_in, parts_out = [], []
    for way, tail, head in (("forward", "from_node", "to_node"), ("backward", "to_node", "from_node")):
        open_ = edges["direction"].isin(["both", way]).to_numpy()
        into = reach if way == "forward" else leave + 180.0
        out = leave if way == "forward" else reach + 180.0
        parts_in.append(pd.DataFrame({"from_edge": edges["edge_id"], "via_node": edges[head], "into": into})[open_])
        parts_out.append(pd.DataFrame({"to_edge": edges["edge_id"], "via_node": edges[tail], "out": out})[open_])
    turns = pd.concat(parts_in).merge(pd.concat(parts_out), on="via_node")
    turns = turns[turns["from_edge"] != turns["to_edge"]].reset_index(drop=True)
    turns["turn_deg"] = (turns.pop("out") - turns.pop("into") + 180.0) % 360.0 - 180.0
    return turns


def pick_restrictions(edges: gpd.GeoDataFrame, *, n_no: int, n_only: int, rng: np.random.Generator) -> pd.DataFrame:
    """Forbid some right turns between main roads, and order straight on at a few more places.

    Parameters
    ----------
    edges
        Metric CRS; `edge_id`, `from_node`, `to_node`, `direction`, `rank`.

    Returns
    -------
    DataFrame
        `road_restriction_id`, `from_edge`, `via_node`, `to_edge`, `kind` (`no`, `only`); one per junction at most, so
        that no junction loses two of its ways.
    """
    rank = edges.set_index("edge_id")["rank"]
    turns = possible_turns(edges)
    ways = turns.groupby(["from_edge", "via_node"])["to_edge"].transform("size")
    main = (turns["from_edge"].map(rank) <= 3) & (turns["to_edge"].map(rank) <= 4) & (ways >= 2)
    right = turns[main & turns["turn_deg"].between(*RIGHT_TURN_DEG)]
    straight = turns[main & (turns["turn_deg"].abs() < 25.0) & (turns["to_edge"].map(rank) <= 3)]
    chosen, used = [], set()
    for kind, found, wanted in (("no", right, n_no), ("only", straight, n_only)):
        left = wanted
        for row in found.iloc[rng.permutation(len(found))].itertuples():
            if left and row.via_node not in used:
                used.add(row.via_node)
                chosen.append((row.from_edge, row.via_node, row.to_edge, kind))
                left -= 1
    table = pd.DataFrame(chosen, columns=["from_edge", "via_node", "to_edge", "kind"])
    table = table.sort_values(["via_node", "from_edge"], ignore_index=True)
    table.insert(0, "road_restriction_id", np.arange(1, len(table) + 1))
    return table
