"""Streets closed or slowed for now: the same network with other times, and fields mended instead of made again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gis.errors import NetworkError
from routing_engine.network.compiled import in_parts, kernels
from routing_engine.network.fields import SEARCHES_AT_ONCE, Field, search_rows
from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats, to_metric
from routing_engine.network.search import departures
from routing_engine.network.snapping import Snapped
from routing_engine.network.states import Ints
from routing_engine.network.units import exact_s


def edges_meeting(graph: RoadGraph, area: shapely.Geometry) -> Ints:
    """Return the edges that a line or polygon (EPSG:4326 degrees) touches, in order.

    Straight lines between the corners of `area` are meant in the metric SRID, as they are drawn on a city's map.
    """
    shape: Any = shapely.transform(area, lambda lonlat: to_metric(lonlat, graph.metric_srid))
    left, bottom, right, top = shape.bounds
    first = graph.vertex_start[:-1]
    low = np.minimum.reduceat(graph.vertex_xy_m, first) if len(first) else np.empty((0, 2))
    high = np.maximum.reduceat(graph.vertex_xy_m, first) if len(first) else np.empty((0, 2))
    is_near = (low <= (right, top)).all(axis=1) & (high >= (left, bottom)).all(axis=1)
    near = np.flatnonzero(is_near)
    shapely.prepare(shape)
    return near[shapely.intersects(shape, graph.lines(near))]


def arc_factors(graph: RoadGraph, edges: npt.ArrayLike, factor: float = np.inf, *, direction: str = "both") -> Floats:
    """Return how many times longer each arc takes ``(n_arcs,)``: `factor` on `edges`, infinity where closed, else 1.

    Parameters
    ----------
    direction
        ``both``, ``forward`` (along the drawing) or ``backward``.
    """
    sides = {"both": [0, 1], "forward": [0], "backward": [1]}[direction]
    arcs = graph.edge_arc[np.asarray(edges, dtype=np.int64)][:, sides].ravel()
    factors = np.ones(len(graph.arc_edge))
    factors[arcs[arcs >= 0]] = factor
    return factors


def with_factors(graph: RoadGraph, factors: npt.ArrayLike) -> RoadGraph:
    """Return the network as it is while some arcs are closed or slowed.

    Parameters
    ----------
    graph
        The network, with or without other closures: these replace them.
    factors
        ``(n_arcs,)``, at least 1: how many times longer an arc takes; infinity closes it. Several closures multiply.

    Returns
    -------
    RoadGraph
        Of the same nodes, edges and states. Positions are not put on edges that are closed in every direction, so a
        place inside a closed area is reached from the nearest open street, or is too far from any. With nothing
        closed it is the network itself, and so are its fields.

    Raises
    ------
    NetworkError
        A factor is below 1 or not a number.
    """
    base = graph.base or graph
    factor = np.ascontiguousarray(np.broadcast_to(np.asarray(factors, np.float64), base.arc_time_s.shape))
    if not (factor >= 1.0).all():
        raise NetworkError("a closure cannot make a street faster; factors of 1 or more expected")
    if (factor == 1.0).all():
        return base
    time_s = exact_s(base.arc_time_s * factor)
    is_closed = np.isinf(time_s)
    # Without arcs an edge is not closed for now but never open.
    open_sides = np.where(base.edge_arc >= 0, np.append(~is_closed, False)[base.edge_arc], False)
    changed = np.flatnonzero(factor != 1.0)
    digest = hashlib.sha256(f"closures|{base.digest}".encode())
    digest.update(changed.astype(np.int64).tobytes() + factor[changed].tobytes())
    return replace(
        base,
        digest=digest.hexdigest(),
        edge_is_closed=np.asarray(~open_sides.any(axis=1) & (base.edge_arc >= 0).any(axis=1)),
        arc_time_s=time_s,
        entry_time_s=time_s[base.entry_arc] + base.arc_delay_s[base.entry_arc],
        findings=(),
        base=base,
    )


def repaired(field: Field, graph: RoadGraph, stations: Snapped, *, digest: str) -> tuple[Field, Ints]:
    """Return the field as `build_field` would make it on `graph`, searching only what changed.

    Parameters
    ----------
    field
        A field of the same network with other closures, or none.
    graph, stations
        The network as it is now, and the same stations put on it.
    digest
        Name of the result; see `fields.field_digest`.

    Returns
    -------
    tuple
        The field, equal to a full one in every bit, and how many states of each station were searched again
        ``(n_stations,)``. A station that stands on another edge now is searched whole.

    Raises
    ------
    NetworkError
        The networks are not the same but for what is closed, or the stations are others.
    """
    old = field.graph
    if (old.base or old).digest != (graph.base or graph).digest:
        raise NetworkError("a field can only be mended for the same network; build it instead")
    if len(stations.edge) != len(field.codes) or not np.array_equal(stations.lonlat, field.stations.lonlat):
        raise NetworkError("the stations are not those of the field; build it instead")
    time_s, path_m, parent = field.time_s.T.copy(), field.path_m.T.copy(), field.parent.copy()
    stays = np.array_equal
    same = np.array(
        [
            stays(stations.edge[i], field.stations.edge[i])
            and stays(stations.fraction[i], field.stations.fraction[i], equal_nan=True)
            and stays(stations.distance_m[i], field.stations.distance_m[i], equal_nan=True)
            for i in range(len(stations.edge))
        ],
        dtype=bool,
    )
    n_again = np.where(same, 0, graph.n_states)
    search_rows(graph, stations, np.flatnonzero(~same), field.access_kph, time_s, path_m, parent)
    # Where the stations are the same their departures are too, but for the seconds; those that moved depart as now.
    kept = replace(stations, graph=old)
    before, after = departures(old, kept, field.access_kph), departures(graph, stations, field.access_kph)
    slower_s = np.maximum(old.entry_time_s, graph.entry_time_s)
    network = (graph.indptr, graph.indices, graph.in_start, graph.in_entry, graph.entry_source, graph.entry_length)
    slower = np.flatnonzero(graph.entry_time_s > old.entry_time_s).astype(np.int32)
    faster = np.flatnonzero(graph.entry_time_s < old.entry_time_s).astype(np.int32)
    starts = (after.start, after.state, before.time_s, np.maximum(before.time_s, after.time_s), after.time_s)
    rows = np.flatnonzero(same)
    repair = kernels().repairing.repair

    def mend(first: int, last: int) -> None:
        repair(
            *(*network, slower_s, graph.entry_time_s, slower, faster, *starts, after.length, rows, first, last),
            *(time_s, path_m, parent, n_again),
        )

    in_parts(mend, len(rows), least=SEARCHES_AT_ONCE)
    return Field(graph, field.codes, stations, field.access_kph, digest, time_s.T, path_m.T, parent), n_again
