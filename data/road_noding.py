"""From drawn street lines to a road graph: nodes where streets meet, edges between them.

Works in a metric CRS; knows nothing of a city. Streets that cross are joined, which is right for drawn streets and
wrong for bridges: lines marked `is_bridge` meet the others at their ends only.
"""

from __future__ import annotations

from collections import defaultdict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

GRID_M = 0.1  # streets are noded on this grid; ends within it of a street join it
STUB_M = 6.0  # what sticks out over a junction by less is a drawing fault
SHORT_M = 10.0  # two junctions nearer than this become one

ATTRIBUTES = ["road_class", "rank", "name", "width_m", "is_bridge", "is_one_way", "is_grid"]


def node_lines(streets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Cut streets where they meet.

    Parameters
    ----------
    streets
        Linestrings in a metric CRS with the columns of `ATTRIBUTES`; `rank` 1 is the most important class.

    Returns
    -------
    GeoDataFrame
        Pieces with the attributes of the street they lie on (the lowest `rank`, then the first row, where several
        lie on each other) and `street`, its row position; `geometry` runs in the direction of that street.
    """
    bridge = streets["is_bridge"].to_numpy(dtype=bool)
    pieces = shapely.get_parts(shapely.union_all(streets.geometry.to_numpy()[~bridge], grid_size=GRID_M))
    spans = shapely.set_precision(streets.geometry.to_numpy()[bridge], GRID_M)
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    lines = streets.geometry.to_numpy()
    on_land = np.flatnonzero(~bridge)
    piece, street = shapely.STRtree(lines[on_land]).query(middle, predicate="dwithin", distance=5 * GRID_M)
    found = pd.DataFrame({"piece": piece, "street": on_land[street]})
    found["rank"] = streets["rank"].to_numpy()[found["street"]]
    found = found.sort_values(["piece", "rank", "street"]).drop_duplicates("piece").set_index("piece")["street"]
    pieces, found = pieces[found.index], found.to_numpy()
    start = shapely.line_locate_point(lines[found], shapely.get_point(pieces, 0))
    end = shapely.line_locate_point(lines[found], shapely.get_point(pieces, -1))
    pieces = np.where(start > end, shapely.reverse(pieces), pieces)
    geometry = np.concatenate([pieces, spans])
    street = np.concatenate([found, np.flatnonzero(bridge)])
    rows = streets[ATTRIBUTES].iloc[street].reset_index(drop=True)
    return gpd.GeoDataFrame(rows.assign(street=street), geometry=geometry, crs=streets.crs)


def ends(edges: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the node of every edge's start and end, and the nodes' coordinates `(n_nodes, 2)`, ordered by x, y."""
    lines = edges.geometry.to_numpy()
    xy = np.vstack([shapely.get_coordinates(shapely.get_point(lines, at)) for at in (0, -1)])
    key, inverse = np.unique(np.round(xy / GRID_M).astype(np.int64), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    return inverse[: len(lines)], inverse[len(lines) :], key * GRID_M


def drop_stubs(edges: gpd.GeoDataFrame, *, length_m: float = STUB_M) -> gpd.GeoDataFrame:
    """Drop dead ends shorter than `length_m`, left where a line was drawn a little too far."""
    start, end, xy = ends(edges)
    degree = np.bincount(np.concatenate([start, end]), minlength=len(xy))
    dangling = (degree[start] == 1) | (degree[end] == 1)
    return edges[~(dangling & (edges.length.to_numpy() < length_m))].reset_index(drop=True)


def merge_junctions(edges: gpd.GeoDataFrame, *, length_m: float = SHORT_M) -> gpd.GeoDataFrame:
    """Make one junction of junctions nearer than `length_m` along a street.

    The junction stays where its most important street passes. Loops and second copies of the same short link go.
    """
    start, end, xy = ends(edges)
    short = (edges.length.to_numpy() < length_m) & ~edges["is_bridge"].to_numpy(dtype=bool)
    graph = coo_matrix((np.ones(short.sum()), (start[short], end[short])), shape=(len(xy), len(xy)))
    _, group = connected_components(graph, directed=False)
    best = pd.DataFrame({"node": np.concatenate([start, end]), "rank": np.tile(edges["rank"].to_numpy(), 2)})
    best = best.groupby("node")["rank"].min().reindex(range(len(xy)), fill_value=99)
    chief = best.sort_values(kind="stable").index.to_numpy()
    first = pd.Series(chief, index=group[chief])
    first = first[~first.index.duplicated()]
    kept = first.reindex(group).to_numpy()
    edges = edges.assign(a=kept[start], b=kept[end])
    edges = edges[~short & ~((edges["a"] == edges["b"]) & (edges.length < 6 * length_m))]
    geometry = [moved(line, xy[a], xy[b]) for line, a, b in zip(edges.geometry, edges["a"], edges["b"], strict=True)]
    edges = edges.set_geometry(gpd.GeoSeries(geometry, index=edges.index, crs=edges.crs))
    pair = np.sort(edges[["a", "b"]].to_numpy(), axis=1)
    twin = pd.DataFrame({"a": pair[:, 0], "b": pair[:, 1], "l": (edges.length / 20).round().to_numpy()})
    order = edges["rank"].to_numpy().argsort(kind="stable")
    twice = twin.iloc[order].duplicated().to_numpy()
    keep = np.ones(len(edges), dtype=bool)
    keep[order[twice]] = False
    return edges[keep].drop(columns=["a", "b"]).reset_index(drop=True)


def moved(line: shapely.LineString, start: np.ndarray, end: np.ndarray) -> shapely.LineString:
    """Return the line with its ends at the two coordinates."""
    xy = shapely.get_coordinates(line)
    xy[0], xy[-1] = start, end
    return shapely.LineString(xy)


def main_component(edges: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep the edges of the largest connected part (both directions allowed)."""
    start, end, xy = ends(edges)
    graph = coo_matrix((np.ones(len(start)), (start, end)), shape=(len(xy), len(xy)))
    _, part = connected_components(graph, directed=False)
    largest = np.bincount(part[start]).argmax()
    return edges[part[start] == largest].reset_index(drop=True)


def join_chains(edges: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Make one edge of edges of the same street that meet where nothing else does."""
    start, end, _ = ends(edges)
    at: dict[int, list[int]] = defaultdict(list)
    for index, (a, b) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        at[a].append(index)
        at[b].append(index)
    street = edges["street"].to_numpy()
    passing = {n for n, e in at.items() if len(e) == 2 and e[0] != e[1] and street[e[0]] == street[e[1]]}
    vertices, line = shapely.get_coordinates(edges.geometry.to_numpy(), return_index=True)
    lines = np.split(vertices, np.flatnonzero(np.diff(line)) + 1)
    done = np.zeros(len(edges), dtype=bool)
    rows, geometry = [], []
    tips = [(n, index) for n, found in sorted(at.items()) if n not in passing for index in found]
    for tip, first in tips:
        if done[first]:
            continue
        chain, index, node = [], first, tip
        is_forward = start[first] == tip
        while True:
            done[index] = True
            forward = start[index] == node
            chain.append(lines[index] if forward else lines[index][::-1])
            node = int(end[index] if forward else start[index])
            if node not in passing:
                break
            index = next(other for other in at[node] if other != index)
            if done[index]:
                break
        whole = np.vstack([chain[0], *(part[1:] for part in chain[1:])])
        rows.append(first)
        geometry.append(shapely.LineString(whole if is_forward else whole[::-1]))
    joined = edges.drop(columns="geometry").iloc[rows].reset_index(drop=True)
    return gpd.GeoDataFrame(joined, geometry=geometry, crs=edges.crs)
