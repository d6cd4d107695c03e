"""The road network of one vehicle profile as arrays: nodes, edges, directed arcs, states, components."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gis.errors import Finding, NetworkError
from routing_engine.network.components import MAIN, edge_components, strong_components
from routing_engine.network.profiles import Profile
from routing_engine.network.projection import Floats, to_metric
from routing_engine.network.states import Arcs, Ints, Turns, expand

# Part of every digest: raise it when the same tables give other numbers or the files change.
FORMAT = 1


@dataclass(frozen=True, eq=False)
class RoadGraph:
    """A directed road network; immutable, so threads share it.

    Attributes
    ----------
    profile, metric_srid, digest
        Vehicle profile; the SRID of every ``xy_m``; SHA-256 of what the graph was made from.
    street_names, road_classes
        Texts that `edge_name` (-1: no name) and `edge_class` point into.
    node_id, node_lonlat, node_xy_m
        ``(n_nodes,)``, ``(n_nodes, 2)`` EPSG:4326 degrees and metres.
    edge_id, edge_from, edge_to, edge_length_m, edge_class, edge_name, edge_is_bridge
        ``(n_edges,)``; `edge_from` and `edge_to` are node indices in the order of the drawing.
    edge_component
        0: in the main part; 1 and more: in another part; -1: closed to the profile (class without speed, too narrow).
    edge_arc
        ``(n_edges, 2)``: arc along and arc against the drawing, -1 where driving is not allowed.
    vertex_lonlat, vertex_xy_m, vertex_start
        Vertices of all edges one after the other; edge *i* owns ``vertex_start[i]:vertex_start[i+1]``.
    arc_edge, arc_tail, arc_head, arc_time_s, arc_target, arc_source
        ``(n_arcs,)``, and ``(n_arcs, k)`` for `arc_source`; see `states.States`.
    state_node, state_arc, state_component
        ``(n_states,)``; component 0 is the largest strongly connected one by number of nodes.
    indptr, indices, entry_time_s, entry_arc
        The search graph in compressed rows.
    findings
        What was odd in the tables and had no effect; empty after reading from a file.
    """

    profile: str
    metric_srid: int
    digest: str
    street_names: tuple[str, ...]
    road_classes: tuple[str, ...]
    node_id: Ints
    node_lonlat: Floats
    node_xy_m: Floats
    edge_id: Ints
    edge_from: Ints
    edge_to: Ints
    edge_length_m: Floats
    edge_class: npt.NDArray[np.int16]
    edge_name: npt.NDArray[np.int32]
    edge_is_bridge: npt.NDArray[np.bool_]
    edge_component: npt.NDArray[np.int32]
    edge_arc: Ints
    vertex_lonlat: Floats
    vertex_xy_m: Floats
    vertex_start: Ints
    arc_edge: Ints
    arc_tail: Ints
    arc_head: Ints
    arc_time_s: Floats
    arc_target: Ints
    arc_source: Ints
    state_node: Ints
    state_arc: Ints
    state_component: npt.NDArray[np.int32]
    indptr: Ints
    indices: Ints
    entry_time_s: Floats
    entry_arc: Ints
    findings: tuple[Finding, ...] = ()

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_id)

    @property
    def n_states(self) -> int:
        """Number of states: nodes, then restricted approaches."""
        return len(self.state_node)

    @cached_property
    def main_edges(self) -> Ints:
        """Indices of the edges a position may be put on: drivable, in the main part."""
        return np.flatnonzero(self.edge_component == MAIN)

    @cached_property
    def main_lines(self) -> npt.NDArray[np.object_]:
        """Shapely lines of `main_edges` in metres."""
        start = self.vertex_start[self.main_edges]
        count = self.vertex_start[self.main_edges + 1] - start
        owner = np.repeat(np.arange(len(start)), count)
        vertices = np.arange(len(owner)) + np.repeat(start - (np.cumsum(count) - count), count)
        # Not prepared: GEOS builds a prepared line's index at its first use, which threads may not share.
        return np.asarray(shapely.linestrings(self.vertex_xy_m[vertices], indices=owner), dtype=object)

    @cached_property
    def main_tree(self) -> shapely.STRtree:
        """Spatial index of `main_lines`."""
        return shapely.STRtree(self.main_lines)

    @cached_property
    def ways(self) -> tuple[Ints, Floats]:
        """Ways of driving onto an edge, for a search that ends on it.

        Returns
        -------
        tuple
            States ``(n_edges, 2 * k)`` from which to enter, and seconds of the whole arc, NaN where there is no such
            way: first the *k* ways along the drawing, then those against it.
        """
        n_edges, k = len(self.edge_id), self.arc_source.shape[1]
        # A last row of -1 stands for "no arc", which is what index -1 picks.
        source = np.vstack([self.arc_source, np.full((1, k), -1)])[self.edge_arc]
        seconds = np.append(self.arc_time_s, np.nan)[self.edge_arc][:, :, None]
        time_s = np.where(source >= 0, seconds, np.nan)
        return np.maximum(source, 0).reshape(n_edges, 2 * k), time_s.reshape(n_edges, 2 * k)

    def street(self, edge: int) -> str | None:
        """Return the name of the street the edge belongs to."""
        name = int(self.edge_name[edge])
        return self.street_names[name] if name >= 0 else None

    def components(self) -> pd.DataFrame:
        """List what lies outside the main part, longest first.

        Returns
        -------
        DataFrame
            `component` (-1: closed to the profile), `n_edges`, `length_m`, and `lon`, `lat` of its first node.
        """
        outside = np.flatnonzero(self.edge_component != MAIN)
        frame = pd.DataFrame(
            {
                "component": self.edge_component[outside],
                "length_m": self.edge_length_m[outside],
                "lon": self.node_lonlat[self.edge_from[outside], 0],
                "lat": self.node_lonlat[self.edge_from[outside], 1],
            }
        )
        grouped = frame.groupby("component").agg(
            n_edges=("length_m", "size"), length_m=("length_m", "sum"), lon=("lon", "first"), lat=("lat", "first")
        )
        return grouped.reset_index().sort_values(["length_m", "component"], ascending=[False, True], ignore_index=True)


def speeds_of(speeds: pd.DataFrame, profile: str, hour_from: int = 0) -> dict[str, float]:
    """Return km/h by road class for `profile` and hour band from the rows of `road_speed`."""
    rows = speeds[(speeds["profile"] == profile) & (speeds["hour_from"] == hour_from)]
    return {str(name): float(kph) for name, kph in zip(rows["road_class"], rows["speed_kph"], strict=True)}


def _refuse(findings: list[Finding]) -> None:
    if findings:
        shown = "; ".join(str(finding) for finding in findings[:5])
        more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
        raise NetworkError(f"road network refused: {shown}{more}")


def _check(nodes: pd.DataFrame, edges: pd.DataFrame, geometry: npt.NDArray[np.object_]) -> None:
    """Refuse tables that cannot be a network, with every kind of fault at once."""
    findings: list[Finding] = []

    def refuse(bad: Any, field: str, ids: pd.Series, reason: str) -> None:
        listed = ids[np.asarray(bad)].tolist()
        if listed:
            findings.append(Finding(field=field, reason=f"{reason}: {len(listed)}, first {listed[:3]}"))

    lonlat = nodes[["lon", "lat"]].to_numpy(np.float64)
    in_range = np.isfinite(lonlat).all(axis=1) & (np.abs(lonlat) <= [180, 90]).all(axis=1)
    refuse(~in_range, "node", nodes["node_id"], "position not on Earth")
    refuse(nodes["node_id"].duplicated(), "node", nodes["node_id"], "id given twice")
    refuse(edges["edge_id"].duplicated(), "edge", edges["edge_id"], "id given twice")
    known = edges["from_node"].isin(nodes["node_id"]) & edges["to_node"].isin(nodes["node_id"])
    refuse(~known, "edge", edges["edge_id"], "starts or ends at a node that is not in the table")
    refuse(
        ~edges["direction"].isin(["both", "forward", "backward"]),
        "direction",
        edges["edge_id"],
        "not one of both, forward, backward",
    )
    is_line = (shapely.get_type_id(geometry) == 1) & (shapely.get_num_points(geometry) >= 2)
    refuse(~is_line, "geom", edges["edge_id"], "not a line of two or more vertices")
    length = edges["length_m"].to_numpy(np.float64)
    refuse(~(np.isfinite(length) & (length >= 0)), "length_m", edges["edge_id"], "not a length in metres")
    for column in ("speed_kph", "width_m"):
        value = edges[column].to_numpy(np.float64)
        refuse(~(np.isnan(value) | ((value > 0) & np.isfinite(value))), column, edges["edge_id"], "not above zero")
    _refuse(findings)


def _arcs(edges: pd.DataFrame, ends: Ints, speeds: Mapping[str, float], profile: Profile) -> Arcs:
    """Make the arcs a vehicle of the profile may drive, and their seconds."""
    by_class = edges["road_class"].map(dict(speeds)).to_numpy(np.float64)
    tagged = edges["speed_kph"].to_numpy(np.float64)
    width = edges["width_m"].to_numpy(np.float64)
    is_open = ~np.isnan(by_class) & ~(width < profile.width_m)
    seconds = edges["length_m"].to_numpy(np.float64) * 3.6 / np.where(np.isnan(tagged), by_class, tagged)
    direction = edges["direction"].to_numpy()
    sides = np.column_stack([direction != "backward", direction != "forward"]) & is_open[:, None]
    edge, side = np.nonzero(sides)
    of_edge = np.full(sides.shape, -1, dtype=np.int64)
    of_edge[edge, side] = np.arange(len(edge))
    return Arcs(edge=edge, tail=ends[edge, side], head=ends[edge, 1 - side], of_edge=of_edge, time_s=seconds[edge])


def _turns(
    restrictions: pd.DataFrame, edge_ids: pd.Index[Any], node_ids: pd.Index[Any], ends: Ints
) -> tuple[Turns, tuple[Finding, ...]]:
    """Translate restrictions to indices; those that cannot apply are dropped and reported."""
    if len(edge_ids) == 0:
        restrictions = restrictions.iloc[:0]
    start = edge_ids.get_indexer(pd.Index(restrictions["from_edge"]))
    target = edge_ids.get_indexer(pd.Index(restrictions["to_edge"]))
    via = node_ids.get_indexer(pd.Index(restrictions["via_node"]))
    kind = restrictions["kind"].to_numpy()
    # Without the edge it comes from (closed, clipped away) a restriction means nothing; without the edge it leads
    # to, an `only` still forbids all others.
    present = (start >= 0) & (via >= 0)
    meets = present & (ends[start] == via[:, None]).any(axis=1)
    meets &= (target < 0) | (ends[target] == via[:, None]).any(axis=1)
    known = np.isin(kind, ["no", "only"])
    findings = tuple(
        Finding(field="restriction", reason=reason, value=int(row))
        for bad, reason in (
            (present & ~meets, "its edges do not meet at the via node"),
            (~known, "kind is neither no nor only"),
        )
        for row in np.flatnonzero(bad)
    )
    used = meets & known
    return Turns(start[used], via[used], target[used], kind[used] == "only"), findings


def _content_digest(*parts: Any) -> str:
    digest = hashlib.sha256(f"graph {FORMAT}".encode())
    for part in parts:
        array = np.asarray(part)
        text = repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).tobytes()
        digest.update(f"|{array.dtype.str}{array.shape}|".encode() + text)
    return digest.hexdigest()


def build_graph(
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    restrictions: pd.DataFrame,
    *,
    speeds: pd.DataFrame,
    profile: Profile,
    metric_srid: int,
    hour_from: int = 0,
    digest: str | None = None,
) -> RoadGraph:
    """Make the network of one vehicle profile from the rows of the road tables.

    Parameters
    ----------
    nodes
        Columns `node_id`, `lon`, `lat` (EPSG:4326 degrees).
    edges
        Columns of `road_edge`, geometry as Shapely lines (EPSG:4326) in `geometry`, drawn from `from_node` to
        `to_node`. Lengths are those of `length_m`, not of the drawing.
    restrictions
        Columns `from_edge`, `via_node`, `to_edge`, `kind` (``no`` or ``only``).
    speeds
        Columns `profile`, `road_class`, `hour_from`, `speed_kph`. A class without a row is closed to the profile.
        A tagged limit (`speed_kph` of the edge) replaces the speed of its class.
    profile
        The kind of vehicle; ways with a known `width_m` below its width are closed to it.
    metric_srid
        SRID of the city in which positions are put on edges.
    digest
        Name of the result; by default the SHA-256 of everything given.

    Raises
    ------
    NetworkError
        Ids given twice, unknown nodes, bad positions, lengths, speeds or lines: all kinds are named at once.

    Notes
    -----
    The U-turn rule is stated in `states`. Restrictions whose edges do not meet are dropped and listed in `findings`;
    a mistyped restriction must not take the whole city's travel times away.
    """
    geometry = np.asarray(edges["geometry"], dtype=object)
    _check(nodes, edges, geometry)
    by_class = speeds_of(speeds, profile.name, hour_from)
    node_ids, edge_ids = pd.Index(nodes["node_id"]), pd.Index(edges["edge_id"])
    ends = np.column_stack(
        [node_ids.get_indexer(pd.Index(edges["from_node"])), node_ids.get_indexer(pd.Index(edges["to_node"]))]
    )
    arcs = _arcs(edges, ends, by_class, profile)
    turns, findings = _turns(restrictions, edge_ids, node_ids, ends)
    states = expand(arcs, turns, len(nodes))
    label = strong_components(states.indptr, states.indices, states.node)

    lonlat = nodes[["lon", "lat"]].to_numpy(np.float64)
    vertex_lonlat, owner = shapely.get_coordinates(geometry, return_index=True)
    names, street_names = pd.factorize(edges["name"], sort=True)
    classes, road_classes = pd.factorize(edges["road_class"], sort=True)
    if digest is None:
        digest = _content_digest(
            *[np.asarray(nodes["node_id"]), lonlat, np.asarray(edges["edge_id"]), ends, arcs.edge, arcs.of_edge],
            *[arcs.time_s, np.asarray(edges["length_m"], np.float64), vertex_lonlat, owner, names, classes],
            *[np.asarray(list(street_names), object), np.asarray(list(road_classes), object)],
            *[turns.from_edge, turns.via_node, turns.to_edge, turns.is_only],
            np.asarray([profile.name, metric_srid, hour_from], object),
        )
    return RoadGraph(
        profile=profile.name,
        metric_srid=metric_srid,
        digest=digest,
        street_names=tuple(str(name) for name in street_names),
        road_classes=tuple(str(name) for name in road_classes),
        node_id=node_ids.to_numpy(np.int64),
        node_lonlat=lonlat,
        node_xy_m=to_metric(lonlat, metric_srid),
        edge_id=edge_ids.to_numpy(np.int64),
        edge_from=ends[:, 0],
        edge_to=ends[:, 1],
        edge_length_m=edges["length_m"].to_numpy(np.float64),
        edge_class=classes.astype(np.int16),
        edge_name=names.astype(np.int32),
        edge_is_bridge=edges["is_bridge"].to_numpy(bool),
        edge_component=edge_components(arcs, states.arc_source, states.arc_target, label),
        edge_arc=arcs.of_edge,
        vertex_lonlat=vertex_lonlat,
        vertex_xy_m=to_metric(vertex_lonlat, metric_srid),
        vertex_start=np.searchsorted(owner, np.arange(len(edges) + 1)),
        arc_edge=arcs.edge,
        arc_tail=arcs.tail,
        arc_head=arcs.head,
        arc_time_s=arcs.time_s,
        arc_target=states.arc_target,
        arc_source=states.arc_source,
        state_node=states.node,
        state_arc=states.arc,
        state_component=label,
        indptr=states.indptr,
        indices=states.indices,
        entry_time_s=states.time_s,
        entry_arc=states.entry_arc,
        findings=findings,
    )


def graph_arrays(graph: RoadGraph) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Take a graph apart into what a file holds: the head, and the arrays by name."""
    values = {field.name: getattr(graph, field.name) for field in fields(graph) if field.name != "findings"}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    head = {name: value for name, value in values.items() if name not in arrays}
    return {**head, "kind": "graph", "format": FORMAT}, arrays


def graph_from_arrays(head: Mapping[str, Any], arrays: Mapping[str, Any]) -> RoadGraph:
    """Put a graph together again.

    Raises
    ------
    NetworkError
        The parts are not those of a graph of this version.
    """
    if head.get("kind") != "graph" or head.get("format") != FORMAT:
        raise NetworkError("not a road graph of this version; remove the file, it is made again")
    return RoadGraph(
        profile=head["profile"],
        metric_srid=head["metric_srid"],
        digest=head["digest"],
        street_names=tuple(head["street_names"]),
        road_classes=tuple(head["road_classes"]),
        **arrays,
    )
