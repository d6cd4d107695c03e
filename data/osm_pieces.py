"""Streets as mapped, cut where they meet: pieces between neighbouring nodes, run together to edges.

Nothing is moved and nothing is joined that a way does not join: streets that cross without a common node are a bridge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from data.osm_reader import Extract
from gis.errors import Finding

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

GEOD = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of ways, in the order of ways: `way` (index), `a`, `b` (nodes, joined ones by one name), `is_next`.

    `is_next` says that the piece continues the one before it; `node` maps each node of the extract to the one that
    stands for it.
    """

    way: Ints
    a: Ints
    b: Ints
    is_next: Bools
    length_m: Floats
    node: Ints


def take_apart(
    extract: Extract, clip: shapely.Geometry | None, counts: dict[str, int], findings: list[Finding]
) -> Pieces:
    """Take ways apart into pieces that exist: both ends have a position, one of them lies inside."""
    size = np.diff(extract.start)
    counts["ways_of_one_node"] = int((size < 2).sum())
    is_missing = np.isnan(extract.lonlat[:, 0])
    counts["nodes_without_position"] = int(is_missing.sum())
    way = np.repeat(np.arange(len(size)), size)
    position = np.arange(len(way))
    first = position[:-1][way[:-1] == way[1:]]
    a, b, way = extract.node[first], extract.node[first + 1], way[first]
    is_kept = ~(is_missing[a] | is_missing[b])
    _say_missing(extract, way, a, b, is_missing, findings)
    if clip is not None:
        shapely.prepare(clip)
        inside = np.zeros(len(extract.node_id), dtype=bool)
        inside[~is_missing] = shapely.intersects_xy(clip, *extract.lonlat[~is_missing].T)
        is_in = inside[a] | inside[b]
        counts["ways_outside"] = len(extract.way_id) - len(np.unique(way[is_in | ~is_kept]))
        is_kept &= is_in
    same = extract.lonlat[a] == extract.lonlat[b]
    is_point = is_kept & same.all(axis=1)
    counts["pieces_of_no_length"] = int(is_point.sum())
    node = _joined(a[is_point], b[is_point], len(extract.node_id))
    is_kept &= ~is_point
    way, first = way[is_kept], first[is_kept]
    # Pieces of no length between two others do not part them.
    rank = np.cumsum(~is_point)
    order = rank[is_kept]
    is_next = np.zeros(len(way), dtype=bool)
    is_next[1:] = (way[1:] == way[:-1]) & (order[1:] == order[:-1] + 1)
    a, b = node[a[is_kept]], node[b[is_kept]]
    is_next[1:] &= b[:-1] == a[1:]
    lon_a, lat_a = extract.lonlat[a].T
    lon_b, lat_b = extract.lonlat[b].T
    _, _, length_m = GEOD.inv(lon_a, lat_a, lon_b, lat_b)
    return Pieces(way, a, b, is_next, np.asarray(length_m, dtype=np.float64), node)


def _joined(a: Ints, b: Ints, n_nodes: int) -> Ints:
    """Return for each node the first of those it lies on, where a way connects the two."""
    node = np.arange(n_nodes)
    if len(a):
        graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(n_nodes, n_nodes))
        _, part = connected_components(graph, directed=False)
        _, first = np.unique(part, return_index=True)
        node = first[part]
    return node.astype(np.int64)


def _say_missing(extract: Extract, way: Ints, a: Ints, b: Ints, is_missing: Bools, findings: list[Finding]) -> None:
    """Report ways of which a node has no position, with the last place known."""
    is_cut = is_missing[a] | is_missing[b]
    is_affected = np.isin(way, way[is_cut])
    way, ends = way[is_affected], np.column_stack([a, b])[is_affected]
    bounds = np.flatnonzero(np.diff(way, prepend=-1, append=-1))
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        nodes = np.unique(ends[low:high])
        known = extract.lonlat[nodes[~is_missing[nodes]]]
        lon, lat = known[-1].tolist() if len(known) else (None, None)
        n_missing = int(is_missing[nodes].sum())
        reason = f"way {extract.way_id[way[low]]}: {n_missing} of its nodes have no position in the file; cut there"
        findings.append(Finding(field="node", reason=reason, lon=lon, lat=lat, level="warning"))


def ends_besides_junctions(extract: Extract, pieces: Pieces) -> Bools:
    """Return the nodes that must be ends of edges though no street branches there: barriers, places of turns."""
    apart = np.zeros(len(extract.node_id), dtype=bool)
    barriers = [node for node, point in extract.points.items() if point.stops]
    via = np.array([item.via_node for item in extract.restrictions if item.via_node is not None], dtype=np.int64)
    at = np.searchsorted(extract.node_id, via).clip(max=len(extract.node_id) - 1)
    apart[pieces.node[np.array(barriers, dtype=np.int64)]] = True
    apart[pieces.node[at[extract.node_id[at] == via]]] = True
    return apart


@dataclass(frozen=True, eq=False)
class Runs:
    """Edges as runs of pieces: edge *i* is ``start[i]:start[i+1]``; nodes are indices of the extract."""

    pieces: Pieces
    start: Ints
    is_bend: Bools
    way: Ints
    from_node: Ints
    to_node: Ints
    length_m: Floats


def run_together(pieces: Pieces, apart: Bools, counts: dict[str, int]) -> Runs:
    """Run pieces together to edges that end where streets meet; rings are cut in the middle."""
    ends_at = np.bincount(np.concatenate([pieces.a, pieces.b]), minlength=len(apart))
    apart = apart.copy()
    counts["rings_cut"] = 0
    while True:
        # A node two pieces end at, one after the other on a way, is a bend and no junction.
        is_bend = pieces.is_next & (ends_at[pieces.a] == 2) & ~apart[pieces.a]
        start = np.flatnonzero(~is_bend)
        stop = np.append(start[1:], len(pieces.a)) if len(start) else start
        from_node, to_node = pieces.a[start], pieces.b[stop - 1]
        rings = np.flatnonzero(from_node == to_node)
        if not len(rings):
            break
        counts["rings_cut"] += len(rings)
        apart[pieces.a[(start[rings] + stop[rings]) // 2]] = True
    return Runs(
        pieces=pieces,
        start=np.append(start, len(pieces.a)).astype(np.int64),
        is_bend=is_bend,
        way=pieces.way[start],
        from_node=from_node,
        to_node=to_node,
        length_m=np.add.reduceat(pieces.length_m, start) if len(start) else np.empty(0),
    )
