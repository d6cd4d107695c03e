"""What of a road network can be reached from everywhere and back, and what lies outside that main part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True, eq=False, kw_only=True)
class Components:
    """Parts of a network, for one group of vehicles.

    Attributes
    ----------
    main_length_m, main_edges
        The largest strongly connected part by length.
    outside
        One row per stretch of streets outside it, longest first: `n_edges`, `length_m`, `lon`, `lat` (a node of it),
        `name` (of its longest named street, or None).
    closed_length_m
        Streets the group may not drive at all.
    """

    main_length_m: float
    main_edges: int
    outside: pd.DataFrame
    closed_length_m: float

    @property
    def outside_length_m(self) -> float:
        """Length of all that lies outside."""
        return float(self.outside["length_m"].sum())


def components_of(nodes: pd.DataFrame, edges: pd.DataFrame, group: int) -> Components:
    """Divide a network into its main part and the rest.

    Parameters
    ----------
    nodes, edges
        Frames of `routing_engine.network.frames`.
    group
        Bits of `routing_engine.network.groups`.

    Notes
    -----
    Turn restrictions are left aside: they may cut off a little more. A street that leads out of the main part and not
    back is outside; streets outside that hang together count as one stretch.
    """
    index = pd.Index(nodes["node_id"])
    start, end = (index.get_indexer(pd.Index(edges[name])) for name in ("from_node", "to_node"))
    ahead, back = ((edges[name].to_numpy() & group) > 0 for name in ("access_forward", "access_backward"))
    length = edges["length_m"].to_numpy(np.float64)
    tail, head = np.concatenate([start[ahead], end[back]]), np.concatenate([end[ahead], start[back]])
    part = _parts(tail, head, len(nodes), "strong")
    is_open = ahead | back
    inside = is_open & (part[start] == part[end])
    weight = np.bincount(part[start][inside], length[inside], minlength=1)
    is_main = inside & (part[start] == weight.argmax())
    rest = np.flatnonzero(is_open & ~is_main)
    stretch = _parts(start[rest], end[rest], len(nodes), "weak")[start[rest]]
    frame = pd.DataFrame(
        {
            "stretch": stretch,
            "length_m": length[rest],
            "lon": nodes["lon"].to_numpy()[start[rest]],
            "lat": nodes["lat"].to_numpy()[start[rest]],
            "name": edges["name"].to_numpy()[rest],
        }
    )
    # First of each stretch is its longest street.
    frame = frame.sort_values(["stretch", "length_m"], ascending=[True, False], kind="stable")
    grouped = frame.groupby("stretch").agg(
        n_edges=("length_m", "size"),
        length_m=("length_m", "sum"),
        lon=("lon", "first"),
        lat=("lat", "first"),
        name=("name", "first"),
    )
    outside = grouped.sort_values("length_m", ascending=False, kind="stable").reset_index(drop=True)
    return Components(
        main_length_m=float(length[is_main].sum()),
        main_edges=int(is_main.sum()),
        outside=outside,
        closed_length_m=float(length[~is_open].sum()),
    )


def _parts(tail: np.ndarray, head: np.ndarray, n_nodes: int, connection: str) -> np.ndarray:
    # SciPy's search for strong parts does not end on arcs given twice (1.17).
    pairs = np.unique(np.column_stack([tail, head]), axis=0) if len(tail) else np.empty((0, 2), dtype=np.int64)
    graph = coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n_nodes, n_nodes))
    _, part = connected_components(graph.tocsr(), directed=True, connection=connection)
    return np.asarray(part)
