"""The road network of one vehicle profile as arrays: nodes, edges, directed arcs, states, components."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gis.errors import Finding, NetworkError
from routing_engine.network.arcs import check_tables, column, make_arcs, make_turns
from routing_engine.network.components import MAIN, edge_components, strong_components
from routing_engine.network.grid import StreetGrid, make_grid
from routing_engine.network.ordering import by_neighbourhood
from routing_engine.network.profiles import Profile
from routing_engine.network.projection import Floats, to_metric
from routing_engine.network.speeds import edge_speeds
from routing_engine.network.states import Ints, UTurns, expand, joined, no_turning_round, ranges
from routing_engine.network.units import Lengths, length_ticks

# Part of every digest: raise it when the same tables give other numbers or the files change.
FORMAT = 4

Ints32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class RoadGraph:
    """A directed road network; immutable, so threads share it.

    Attributes
    ----------
    profile, metric_srid, digest
        Vehicle profile; the SRID of every ``xy_m``; SHA-256 of what the graph was made from.
    street_names, street_refs, road_classes
        Texts that `edge_name` (-1: no name), `edge_ref` (-1: no number) and `edge_class` point into.
    node_id, node_lonlat, node_xy_m
        ``(n_nodes,)``, ``(n_nodes, 2)`` EPSG:4326 degrees and metres; neighbours stand near each other.
    edge_id, edge_from, edge_to, edge_length_m, edge_class, edge_name
        ``(n_edges,)``; `edge_from` and `edge_to` are node indices in the order of the drawing; a street without a name
        goes by its number (``ref``).
    edge_way, edge_is_roundabout
        ``(n_edges,)``: the OSM way an edge is part of (0: none); part of a roundabout.
    edge_is_bridge, edge_is_tunnel, edge_layer
        ``(n_edges,)``: on which level the street runs; layer 0 is the ground.
    edge_component
        0: in the main part; 1 and more: in another part; -1: closed to the profile (class without speed, too narrow).
    edge_arc
        ``(n_edges, 2)``: arc along and arc against the drawing, -1 where driving is not allowed.
    vertex_lonlat, vertex_xy_m, vertex_start
        Vertices of all edges one after the other; edge *i* owns ``vertex_start[i]:vertex_start[i+1]``.
    arc_edge, arc_tail, arc_head, arc_target
        ``(n_arcs,)``; see `states.States`.
    arc_time_s, arc_delay_s
        ``(n_arcs,)``: seconds of driving the arc, and of passing its head. Where the arc is closed for now, those
        of going to a place on it; nothing leads through (see `closures`).
    source_start, source
        States from which an arc may be entered; see `states.States`.
    state_node, state_arc, state_component
        ``(n_states,)``; component 0 is the largest strongly connected one by number of nodes.
    indptr, indices, entry_source, entry_arc, entry_time_s, entry_length
        The search graph in compressed rows: an entry leads from a state over an arc to the state `indices`; its
        seconds contain the delay (infinite where it is closed for now), its length is in 1/1024 m.
    in_start, in_entry
        The entries that lead to state *i*: ``in_entry[in_start[i]:in_start[i+1]]``, ascending.
    findings
        What was odd in the tables and had no effect; empty after reading from a file.
    base
        The same network without what is closed or slowed for now; `None` when nothing is.
    factors
        ``(n_arcs,)``: how many times longer each arc takes for now, infinity where it is closed; `None` when none is.
    """

    profile: str
    metric_srid: int
    digest: str
    street_names: tuple[str, ...]
    street_refs: tuple[str, ...]
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
    edge_ref: npt.NDArray[np.int32]
    edge_way: Ints
    edge_is_roundabout: npt.NDArray[np.bool_]
    edge_is_bridge: npt.NDArray[np.bool_]
    edge_is_tunnel: npt.NDArray[np.bool_]
    edge_layer: npt.NDArray[np.int16]
    edge_component: npt.NDArray[np.int32]
    edge_arc: Ints
    vertex_lonlat: Floats
    vertex_xy_m: Floats
    vertex_start: Ints
    arc_edge: Ints
    arc_tail: Ints
    arc_head: Ints
    arc_time_s: Floats
    arc_delay_s: Floats
    arc_target: Ints
    source_start: Ints
    source: Ints
    state_node: Ints
    state_arc: Ints
    state_component: npt.NDArray[np.int32]
    indptr: Ints32
    indices: Ints32
    entry_source: Ints32
    entry_arc: Ints32
    entry_time_s: Floats
    entry_length: Lengths
    in_start: Ints32
    in_entry: Ints32
    findings: tuple[Finding, ...] = ()
    base: RoadGraph | None = None
    factors: Floats | None = None

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

    def lines(self, edges: npt.ArrayLike) -> npt.NDArray[np.object_]:
        """Return edges as Shapely lines in metres."""
        edge = np.asarray(edges, dtype=np.int64)
        count = self.vertex_start[edge + 1] - self.vertex_start[edge]
        vertices = ranges(self.vertex_start[edge], count)
        # Not prepared: GEOS builds a prepared line's index at its first use, which threads may not share.
        lines = shapely.linestrings(self.vertex_xy_m[vertices], indices=np.repeat(np.arange(len(edge)), count))
        return np.asarray(lines, dtype=object)

    @cached_property
    def main_lines(self) -> npt.NDArray[np.object_]:
        """Shapely lines of `main_edges` in metres."""
        return self.lines(self.main_edges)

    @cached_property
    def grid(self) -> StreetGrid:
        """Cells for finding the nearest street."""
        if self.base is not None:
            return self.base.grid
        return make_grid(self.vertex_xy_m, self.vertex_start, self.main_edges)

    @cached_property
    def is_dead_end(self) -> npt.NDArray[np.bool_]:
        """States that one other state leads to, and that lead nowhere but back ``(n_states,)``."""
        if self.base is not None:
            return self.base.is_dead_end
        n = self.n_states
        ends = np.full((4, n), -1, dtype=np.int64)
        ends[:2] = n
        np.minimum.at(ends[0], self.entry_source, self.indices)
        np.minimum.at(ends[1], self.indices, self.entry_source)
        np.maximum.at(ends[2], self.entry_source, self.indices)
        np.maximum.at(ends[3], self.indices, self.entry_source)
        return np.asarray((ends == ends[0]).all(axis=0) & (ends[0] != np.arange(n)))

    @property
    def forward(self) -> tuple[Ints32, Ints32, Floats, Lengths, npt.NDArray[np.bool_]]:
        """The search graph as searches take it: `indptr`, `indices`, seconds, lengths, dead ends."""
        return self.indptr, self.indices, self.entry_time_s, self.entry_length, self.is_dead_end

    @cached_property
    def reversed(self) -> tuple[Ints32, Ints32, Floats, Lengths, npt.NDArray[np.bool_]]:
        """The search graph against its direction, as `forward`; its entry *i* is `in_entry[i]`."""
        entry = self.in_entry
        sides = self.in_start, self.entry_source[entry]
        return *sides, self.entry_time_s[entry], self.entry_length[entry], self.is_dead_end

    def street(self, edge: int) -> str | None:
        """Return the name of the street the edge belongs to."""
        name = int(self.edge_name[edge])
        return self.street_names[name] if name >= 0 else None

    def ref(self, edge: int) -> str | None:
        """Return the number of the road the edge belongs to."""
        ref = int(self.edge_ref[edge])
        return self.street_refs[ref] if ref >= 0 else None

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


def share_grid(graphs: Iterable[RoadGraph]) -> None:
    """Let graphs of the same streets (hour bands of a profile) have one grid between them, not one each."""
    first: RoadGraph | None = None
    for one in graphs:
        graph = one.base or one
        if first is None:
            first = graph
        elif graph.__dict__.get("grid") is not first.grid and all(
            np.array_equal(getattr(graph, name), getattr(first, name))
            for name in ("edge_component", "vertex_start", "vertex_xy_m")
        ):
            graph.__dict__["grid"] = first.grid  # where `cached_property` keeps it


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
    u_turns: UTurns = UTurns.ANYWHERE,
    digest: str | None = None,
) -> RoadGraph:
    """Make the network of one vehicle profile from the rows of the road tables.

    Parameters
    ----------
    nodes
        Columns `node_id`, `lon`, `lat` (EPSG:4326 degrees).
    edges
        Columns of `road_edge`, geometry as Shapely lines (EPSG:4326) in `geometry`, drawn from `from_node` to
        `to_node`. Lengths are those of `length_m`, not of the drawing. Columns the demo city has no use for may be
        missing.
    restrictions
        Columns `from_edge`, `via_node`, `to_edge`, `kind` (``no`` or ``only``), and, if there, `via_edges` and
        `applies` of `road_restriction`.
    speeds
        Columns `profile`, `road_class`, `hour_from`, `speed_kph`; see `speeds.edge_speeds`.
    profile
        The kind of vehicle; ways with a known `width_m` below its width are closed to it.
    metric_srid
        SRID of the city in which positions are put on edges.
    u_turns
        Where a vehicle may turn round; the rule in use is stated and reasoned in `states`.
    digest
        Name of the result; by default the SHA-256 of everything given.

    Raises
    ------
    NetworkError
        Ids given twice, unknown nodes, bad positions, lengths, speeds or lines: all kinds are named at once.

    Notes
    -----
    Restrictions whose edges do not meet are dropped and listed in `findings`;
    a mistyped restriction must not take the whole city's travel times away.
    """
    geometry = np.asarray(edges["geometry"], dtype=object)
    check_tables(nodes, edges, geometry)
    nodes = nodes.iloc[by_neighbourhood(nodes[["lon", "lat"]].to_numpy(np.float64))]
    node_ids, edge_ids = pd.Index(nodes["node_id"]), pd.Index(edges["edge_id"])
    ends = np.column_stack(
        [node_ids.get_indexer(pd.Index(edges["from_node"])), node_ids.get_indexer(pd.Index(edges["to_node"]))]
    )
    arcs = make_arcs(nodes, edges, ends, edge_speeds(edges, speeds, profile, hour_from), profile)
    turns, findings = make_turns(restrictions, edge_ids, node_ids, ends, profile)
    if u_turns == UTurns.DEAD_ENDS:
        turns = joined(turns, no_turning_round(arcs, turns, len(nodes)))
    states = expand(arcs, turns, len(nodes))
    label = strong_components(states)

    lonlat = nodes[["lon", "lat"]].to_numpy(np.float64)
    vertex_lonlat, owner = shapely.get_coordinates(geometry, return_index=True)
    street = edges["name"].where(edges["name"].notna(), edges["ref"]) if "ref" in edges else edges["name"]
    names, street_names = pd.factorize(street, sort=True)
    refs, street_refs = pd.factorize(column(edges, "ref", None, object), sort=True)
    way = np.nan_to_num(column(edges, "osm_way_id", 0.0, np.float64)).astype(np.int64)
    is_roundabout = column(edges, "is_roundabout", False, bool)
    classes, road_classes = pd.factorize(edges["road_class"], sort=True)
    length_m = edges["length_m"].to_numpy(np.float64)
    is_bridge = edges["is_bridge"].to_numpy(bool)
    is_tunnel, layer = column(edges, "is_tunnel", False, bool), column(edges, "layer", 0, np.int16)
    if digest is None:
        digest = _content_digest(
            *[np.asarray(nodes["node_id"]), lonlat, np.asarray(edges["edge_id"]), ends, arcs.edge, arcs.of_edge],
            *[arcs.time_s, arcs.delay_s, length_m, vertex_lonlat, owner, names, classes, is_bridge, is_tunnel, layer],
            *[refs, way, is_roundabout],
            *[np.asarray(list(texts), object) for texts in (street_names, street_refs, road_classes)],
            *[turns.from_edge, turns.via_node, turns.to_edge, turns.is_only],
            np.asarray([profile.name, metric_srid, hour_from, turns.via_edges], object),
        )
    entry_arc = states.entry_arc.astype(np.int32)
    in_entry = np.argsort(states.indices, kind="stable")
    return RoadGraph(
        profile=profile.name,
        metric_srid=metric_srid,
        digest=digest,
        street_names=tuple(str(name) for name in street_names),
        street_refs=tuple(str(ref) for ref in street_refs),
        road_classes=tuple(str(name) for name in road_classes),
        node_id=node_ids.to_numpy(np.int64),
        node_lonlat=lonlat,
        node_xy_m=to_metric(lonlat, metric_srid),
        edge_id=edge_ids.to_numpy(np.int64),
        edge_from=ends[:, 0].copy(),
        edge_to=ends[:, 1].copy(),
        edge_length_m=length_m,
        edge_class=classes.astype(np.int16),
        edge_name=names.astype(np.int32),
        edge_ref=refs.astype(np.int32),
        edge_way=way,
        edge_is_roundabout=is_roundabout,
        edge_is_bridge=is_bridge,
        edge_is_tunnel=is_tunnel,
        edge_layer=layer,
        edge_component=edge_components(arcs, states, label),
        edge_arc=arcs.of_edge,
        vertex_lonlat=vertex_lonlat,
        vertex_xy_m=to_metric(vertex_lonlat, metric_srid),
        vertex_start=np.searchsorted(owner, np.arange(len(edges) + 1)).astype(np.int64),
        arc_edge=arcs.edge,
        arc_tail=arcs.tail,
        arc_head=arcs.head,
        arc_time_s=arcs.time_s,
        arc_delay_s=arcs.delay_s,
        arc_target=states.arc_target,
        source_start=states.source_start,
        source=states.source,
        state_node=states.node,
        state_arc=states.arc,
        state_component=label,
        indptr=states.indptr.astype(np.int32),
        indices=states.indices.astype(np.int32),
        entry_source=np.repeat(np.arange(len(states.node), dtype=np.int32), np.diff(states.indptr)),
        entry_arc=entry_arc,
        entry_time_s=arcs.time_s[entry_arc] + arcs.delay_s[entry_arc],
        entry_length=length_ticks(length_m)[arcs.edge[entry_arc]],
        in_start=np.searchsorted(states.indices[in_entry], np.arange(len(states.node) + 1)).astype(np.int32),
        in_entry=in_entry.astype(np.int32),
        findings=findings,
    )


def graph_arrays(graph: RoadGraph) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Take a graph apart into what a file holds: the head, and the arrays by name."""
    left_out = ("findings", "base", "factors")
    values = {one.name: getattr(graph, one.name) for one in fields(graph) if one.name not in left_out}
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
    try:
        return RoadGraph(
            profile=head["profile"],
            metric_srid=head["metric_srid"],
            digest=head["digest"],
            street_names=tuple(head["street_names"]),
            street_refs=tuple(head["street_refs"]),
            road_classes=tuple(head["road_classes"]),
            **arrays,
        )
    except (KeyError, TypeError) as error:
        raise NetworkError(f"not a road graph of this version ({error}); remove the file, it is made again") from error
