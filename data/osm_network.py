"""An extract as a road network: the frames of the road tables, restrictions and barriers as rows over edges."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from data.osm_pieces import Runs, ends_besides_junctions, run_together, take_apart
from data.osm_reader import Extract, read_extract
from data.osm_restrictions import EdgeIndex, Row, barrier_rows, rows_of
from gis.errors import Finding
from routing_engine.network.groups import CAR

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Roads:
    """A road network in the frames of `routing_engine.network.frames`, and what was met on the way to it.

    Attributes
    ----------
    nodes, edges, restrictions
        As `load_network` gives them; besides `road_restriction_id` and `osm_id` of restrictions.
    counts
        What was read, dropped, cut and joined, by name.
    left_out, dropped
        Ways that are no street for any vehicle; restrictions that are not used; by reason.
    findings
        Warnings, with positions.
    covers
        West, south, east, north of the file: as it says, else of its streets.
    """

    nodes: pd.DataFrame
    edges: pd.DataFrame
    restrictions: pd.DataFrame
    counts: dict[str, int]
    left_out: Counter[str]
    dropped: Counter[str]
    findings: list[Finding]
    covers: tuple[float, float, float, float] | None

    @cached_property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north of the nodes; None when there are none."""
        return _bounds(self.nodes[["lon", "lat"]].to_numpy())


def read_roads(path: Path, *, clip: shapely.Geometry | None = None, with_ferries: bool = False) -> Roads:
    """Read the road network of an extract.

    Parameters
    ----------
    path
        `.osm.pbf` or another format of OpenStreetMap.
    clip
        Polygon in EPSG:4326: pieces of streets with neither end inside it are left out.
    with_ferries
        Take car ferries for streets.

    Raises
    ------
    DataError
        The file cannot be read or has no streets.
    """
    return network_of(read_extract(path, with_ferries=with_ferries), clip=clip)


def network_of(extract: Extract, *, clip: shapely.Geometry | None = None) -> Roads:
    """Make the road network of what was read; see `read_roads`."""
    counts: dict[str, int] = {"ways_read": extract.n_ways_read, "ways_used": len(extract.way_id)}
    findings = list(extract.findings)
    pieces = take_apart(extract, clip, counts, findings)
    edges = run_together(pieces, ends_besides_junctions(extract, pieces), counts)
    frame = _edge_frame(extract, edges)
    nodes = _node_frame(extract, edges)
    dropped = Counter(extract.dropped)
    rows = _rows(extract, edges, frame, dropped, findings)
    restrictions = _restriction_frame(rows, extract.node_id)
    counts |= {
        "nodes": len(nodes),
        "edges": len(frame),
        "turn_restrictions": sum(row.reason == "turn" for row in rows),
        "barriers": len({row.via_node for row in rows if row.reason == "barrier"}),
    }
    return Roads(
        nodes=nodes,
        edges=frame,
        restrictions=restrictions,
        counts=counts,
        left_out=extract.left_out,
        dropped=dropped,
        findings=findings,
        covers=extract.box or _bounds(extract.lonlat[np.isfinite(extract.lonlat[:, 0])]),
    )


def _bounds(lonlat: npt.NDArray[np.float64]) -> tuple[float, float, float, float] | None:
    if not len(lonlat):
        return None
    (west, south), (east, north) = lonlat.min(axis=0).tolist(), lonlat.max(axis=0).tolist()
    return west, south, east, north


def _edge_frame(extract: Extract, edges: Runs) -> pd.DataFrame:
    """Make the frame of edges; `edge_id` counts from 1 in the order of ways and along each."""
    kind = extract.way_kind[edges.way]

    def of_kind(name: str, dtype: Any) -> npt.NDArray[Any]:
        return np.array([getattr(way, name) for way in extract.kinds], dtype=dtype)[kind]

    forward, backward = of_kind("access_forward", np.int64), of_kind("access_backward", np.int64)
    car = ((forward | backward) & CAR) > 0
    along, against = (np.where(car, bits & CAR, bits) > 0 for bits in (forward, backward))
    speed_kph = of_kind("speed_kph", np.float64)
    duration_s = of_kind("duration_s", np.float64)
    if np.isfinite(duration_s).any():
        whole_m = np.bincount(edges.way, edges.length_m, minlength=len(extract.way_id))[edges.way]
        speed_kph = np.where(np.isfinite(duration_s), whole_m / duration_s * 3.6, speed_kph)
    columns: dict[str, Any] = {
        "edge_id": np.arange(1, len(edges.way) + 1),
        "from_node": extract.node_id[edges.from_node],
        "to_node": extract.node_id[edges.to_node],
        "road_class": of_kind("road_class", object),
        "name": extract.names[edges.way],
        "direction": np.select([along & ~against, against & ~along], ["forward", "backward"], "both").astype(object),
        # Two places a file can tell apart are a centimetre from each other at least.
        "length_m": np.maximum(np.round(edges.length_m, 3), 0.001),
        "speed_kph": speed_kph,
        "width_m": of_kind("width_m", np.float64),
        "is_bridge": of_kind("is_bridge", bool),
        "access_forward": forward,
        "access_backward": backward,
        "limited": of_kind("limited", object),
        "speed_backward_kph": of_kind("speed_backward_kph", np.float64),
        "max_width_m": of_kind("max_width_m", np.float64),
        "ref": extract.refs[edges.way],
        "surface": of_kind("surface", object),
        "service_kind": of_kind("service_kind", object),
        "layer": of_kind("layer", np.int64),
        **_signals_inside(extract, edges),
        **{name: of_kind(name, bool) for name in ("is_tunnel", "is_roundabout", "is_toll")},
        "osm_way_id": extract.way_id[edges.way].astype(np.float64),
        "geometry": _lines(extract, edges),
    }
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()})


def _lines(extract: Extract, edges: Runs) -> npt.NDArray[np.object_]:
    """Return the drawn lines, every vertex as mapped."""
    n_edges, pieces = len(edges.way), edges.pieces
    owner = np.repeat(np.arange(n_edges), np.diff(edges.start))
    node = np.empty(len(pieces.a) + n_edges, dtype=np.int64)
    node[np.arange(len(pieces.a)) + owner] = pieces.a
    node[edges.start[1:] + np.arange(n_edges)] = edges.to_node
    line = np.repeat(np.arange(n_edges), np.diff(edges.start) + 1)
    lines = np.empty(n_edges, dtype=object)
    lines[:] = shapely.linestrings(extract.lonlat[node], indices=line)
    return lines


def _flags(extract: Extract, node: Ints, name: str) -> tuple[Bools, Bools]:
    """Return where signals (or level crossings) are met driving along and against the way they are mapped on."""
    along, against = (np.zeros(len(extract.node_id), dtype=bool) for _ in range(2))
    for index, point in extract.points.items():
        if name == "signal" and point.signal is not None:
            along[node[index]] |= point.signal != "backward"
            against[node[index]] |= point.signal != "forward"
        elif name == "is_level_crossing" and point.is_level_crossing:
            along[node[index]] = against[node[index]] = True
    return along, against


def _signals_inside(extract: Extract, edges: Runs) -> dict[str, Ints]:
    """Count signals and level crossings on the vertices between the ends of edges."""
    pieces = edges.pieces
    owner = np.repeat(np.arange(len(edges.way)), np.diff(edges.start))[edges.is_bend]
    bends = pieces.a[edges.is_bend]

    def count(flags: Bools) -> Ints:
        return np.bincount(owner[flags[bends]], minlength=len(edges.way)).astype(np.int64)

    along, against = _flags(extract, pieces.node, "signal")
    crossings, _ = _flags(extract, pieces.node, "is_level_crossing")
    return {
        "n_signals_forward": count(along),
        "n_signals_backward": count(against),
        "n_level_crossings": count(crossings),
    }


def _node_frame(extract: Extract, edges: Runs) -> pd.DataFrame:
    """Make the frame of nodes, by id."""
    used = np.unique(np.concatenate([edges.from_node, edges.to_node]))
    along, against = _flags(extract, edges.pieces.node, "signal")
    crossings, _ = _flags(extract, edges.pieces.node, "is_level_crossing")
    return pd.DataFrame(
        {
            "node_id": extract.node_id[used],
            "lon": extract.lonlat[used, 0],
            "lat": extract.lonlat[used, 1],
            "is_signal": (along | against)[used],
            "is_level_crossing": crossings[used],
        }
    )


def _rows(
    extract: Extract, edges: Runs, frame: pd.DataFrame, dropped: Counter[str], findings: list[Finding]
) -> list[Row]:
    """Return the rows of restrictions and barriers over edges and nodes by index."""
    node = edges.pieces.node
    index = EdgeIndex(
        extract.way_id[edges.way],
        edges.from_node,
        edges.to_node,
        frame["access_forward"].to_numpy(),
        frame["access_backward"].to_numpy(),
        extract.node_id,
        node,
    )
    rows: dict[tuple[Any, ...], Row] = {}
    for restriction in extract.restrictions:
        found = rows_of(restriction, index)
        if isinstance(found, str):
            dropped[found] += 1
            members = (*restriction.via_ways, *restriction.from_ways, *restriction.to_ways)
            place = next((edge for way in members for edge in index.edges_of(way)), None)
            if place is not None:
                lon, lat = extract.lonlat[edges.from_node[place]].tolist()
                reason = f"relation {restriction.osm_id}: {found}; not used"
                findings.append(Finding(field="restriction", reason=reason, lon=lon, lat=lat, level="warning"))
            continue
        for row in found:
            rows.setdefault((row.from_edge, row.via_node, row.via_edges, row.to_edge, row.kind, row.applies), row)
    stops: dict[int, tuple[int, int]] = {}
    for at, point in extract.points.items():
        if point.stops:
            groups, osm_id = stops.get(int(node[at]), (0, int(extract.node_id[at])))
            stops[int(node[at])] = groups | point.stops, osm_id
    edges_at: dict[int, list[int]] = {}
    ends = np.column_stack([edges.from_node, edges.to_node])
    for edge in np.flatnonzero(np.isin(ends, list(stops)).any(axis=1)).tolist():
        for end in ends[edge].tolist():
            edges_at.setdefault(end, []).append(edge)
    return [*rows.values(), *barrier_rows(stops, edges_at)]


def _restriction_frame(rows: list[Row], node_id: Ints) -> pd.DataFrame:
    """Make the frame of restrictions, with ids of edges and nodes."""
    columns: dict[str, Any] = {
        "road_restriction_id": np.arange(1, len(rows) + 1),
        "from_edge": np.array([row.from_edge + 1 for row in rows], dtype=np.int64),
        "via_node": node_id[np.array([row.via_node for row in rows], dtype=np.int64)],
        "to_edge": np.array([row.to_edge + 1 for row in rows], dtype=np.int64),
        "kind": np.array([row.kind for row in rows], dtype=object),
        "via_edges": pd.Series([tuple(edge + 1 for edge in row.via_edges) for row in rows], dtype=object),
        "applies": np.array([row.applies for row in rows], dtype=np.int64),
        "reason": np.array([row.reason for row in rows], dtype=object),
        "osm_id": np.array([row.osm_id for row in rows], dtype=np.int64),
    }
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()})
