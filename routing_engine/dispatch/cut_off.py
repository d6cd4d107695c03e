"""Who is cut off by closures: stations that cannot leave, kelurahan that no station of a service reaches."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from sqlalchemy import Connection, text

from routing_engine.dispatch.context import Snapshot
from routing_engine.dispatch.stations import Part
from routing_engine.network.closure_rows import Closure, closures_key, slowed_edges
from routing_engine.network.closures import closed_network
from routing_engine.network.graph import RoadGraph
from routing_engine.network.reachability import departing_states, main_part, reached_edges, reached_states
from routing_engine.network.store import current_build

# A kelurahan is listed from this part of its streets on, by length: less is a lane behind a bar, which the map shows.
LISTED_SHARE = 0.1

AREAS = text("SELECT code, name, ST_AsBinary(geom) FROM siaga.admin_area WHERE level = 'kelurahan' ORDER BY code")

_KEPT = 16
_lock = threading.Lock()
_answers: OrderedDict[tuple[Any, ...], dict[str, Any]] = OrderedDict()
_areas: OrderedDict[tuple[str, int], tuple[list[str], list[str], npt.NDArray[np.int64]]] = OrderedDict()


def cut_off(tx: Connection, snapshot: Snapshot, closures: Sequence[Closure]) -> dict[str, Any]:
    """Return what closures take away from the open network.

    Returns
    -------
    dict
        `stations`: `code`, `name`, `services`: from there the main part of the network cannot be reached.
        `services`: codes of those all of whose stations on the roads are among them.
        `kelurahan`: `code`, `name`, `share` (the largest part of its street length that a service reached and does not
        reach any more), `services` (codes of those that lose `LISTED_SHARE` or more), by share.
        A service that is cut off as a whole is not named again there.
        `closed_share`: the part of the drivable street length that is shut, by profile.

    Notes
    -----
    Only streets behind a closure are lost; the shut ones themselves are reached from their ends.
    """
    build_id = current_build(tx)
    index = snapshot.stations
    # What is open does not depend on the hour: any band of a profile will do.
    parts = list({part.field.graph.profile: part for part in reversed(index.parts)}.values())
    nothing: dict[str, Any] = {"stations": [], "services": [], "kelurahan": [], "closed_share": {}}
    if not closures or build_id is None or not index.parts:
        return nothing
    key = (
        build_id,
        snapshot.city.revision,
        closures_key(closures),
        tuple((part.field.graph.profile, (part.field.graph.base or part.field.graph).digest) for part in parts),
    )
    with _lock:
        if key in _answers:
            return _answers[key]
    found = _cut_off(tx, snapshot, closures, build_id, parts)
    with _lock:
        _answers[key] = found
        while len(_answers) > _KEPT:
            _answers.popitem(last=False)
    return found


def _cut_off(
    tx: Connection, snapshot: Snapshot, closures: Sequence[Closure], build_id: int, parts: Sequence[Part]
) -> dict[str, Any]:
    index = snapshot.stations
    pairs: list[tuple[RoadGraph, RoadGraph]] = []
    stuck: list[int] = []
    shares: dict[str, float] = {}
    for part in parts:
        base = part.field.graph.base or part.field.graph
        edges, factors = slowed_edges(tx, build_id, closures, base.profile, snapshot.city.metric_srid)
        graph = closed_network(base, edges, factors)
        pairs.append((base, graph))
        shut = np.isinf(graph.entry_time_s) if graph is not base else np.zeros(len(base.entry_time_s), bool)
        is_shut = np.zeros(len(base.edge_id), dtype=bool)
        is_shut[base.arc_edge[base.entry_arc[shut]]] = True
        drivable = np.where(base.edge_component >= 0, base.edge_length_m, 0.0)
        shares[base.profile] = float(drivable[is_shut].sum() / max(drivable.sum(), 1e-9))
        if not shut.any():
            continue
        main = main_part(graph)
        for station, row in zip(part.stations.tolist(), part.rows.tolist(), strict=True):
            if not main[departing_states(graph, part.field.stations, np.array([row]))].any():
                stuck.append(station)
    on_road = np.concatenate([part.stations for part in parts])
    groups = {service: np.intersect1d(of, on_road) for (service, agency), of in index.groups.items() if agency is None}
    ended = sorted(service for service, of in groups.items() if len(of) and np.isin(of, stuck).all())
    lost = _lost_edges({service: of for service, of in groups.items() if service not in ended}, parts, pairs)
    return {
        "stations": [
            {
                "code": index.codes[i],
                "name": index.names[i],
                "services": sorted(service for (service, agency), of in index.groups.items() if not agency and i in of),
            }
            for i in sorted(stuck)
        ],
        "services": ended,
        "kelurahan": _lost_areas(tx, snapshot, lost),
        "closed_share": {profile: round(share, 3) for profile, share in shares.items()},
    }


def _lost_edges(
    groups: dict[str, npt.NDArray[np.int64]], parts: Sequence[Part], pairs: list[tuple[RoadGraph, RoadGraph]]
) -> dict[str, tuple[RoadGraph, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    """Return, by service that loses something: a graph, the edges reached before, and those not reached any more."""
    found = {}
    for service, stations in groups.items():
        before: npt.NDArray[np.bool_] | None = None
        after: npt.NDArray[np.bool_] | None = None
        for part, (base, graph) in zip(parts, pairs, strict=True):
            rows = part.rows[np.isin(part.stations, stations)]
            if len(rows) == 0:
                continue
            states = departing_states(base, part.field.stations, rows)
            # Both are in the main part, so before all of it was reached.
            was = (base.edge_component == 0) & (len(states) > 0)
            now = was if graph is base else was & reached_edges(graph, reached_states(graph, states))
            if before is not None and len(before) != len(was):
                continue  # fields of two road builds; the next moment they are of one
            before = was if before is None else before | was
            after = now if after is None else after | now
        if before is not None and after is not None and (before & ~after).any():
            found[service] = (pairs[0][0], before, before & ~after)
    return found


def _lost_areas(
    tx: Connection,
    snapshot: Snapshot,
    lost: dict[str, tuple[RoadGraph, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]],
) -> list[dict[str, Any]]:
    worst: dict[int, float] = {}
    services: dict[int, list[str]] = {}
    codes: list[str] = []
    names: list[str] = []
    for service, (graph, before, gone) in sorted(lost.items()):
        codes, names, area = _area_of_edges(tx, graph, snapshot.city.revision)
        inside = area >= 0
        metres = np.bincount(area[inside & before], graph.edge_length_m[inside & before], len(codes))
        missing = np.bincount(area[inside & gone], graph.edge_length_m[inside & gone], len(codes))
        share = missing / np.maximum(metres, 1e-9)
        for i in np.flatnonzero(share >= LISTED_SHARE).tolist():
            worst[i] = max(worst.get(i, 0.0), float(share[i]))
            services.setdefault(i, []).append(service)
    order = sorted(worst, key=lambda i: (-worst[i], codes[i]))
    return [{"code": codes[i], "name": names[i], "share": round(worst[i], 3), "services": services[i]} for i in order]


def _area_of_edges(
    tx: Connection, graph: RoadGraph, revision: int
) -> tuple[list[str], list[str], npt.NDArray[np.int64]]:
    """Return codes and names of the kelurahan, and in which of them each edge's middle lies (-1: in none)."""
    key = (graph.digest, revision)
    with _lock:
        if key in _areas:
            return _areas[key]
    rows = tx.execute(AREAS).all()
    shapes = shapely.from_wkb([bytes(row[2]) for row in rows])
    middle = (graph.node_lonlat[graph.edge_from] + graph.node_lonlat[graph.edge_to]) / 2
    area = np.full(len(middle), -1, dtype=np.int64)
    if len(rows):
        edge, shape = shapely.STRtree(shapes).query(shapely.points(middle), predicate="intersects")
        order = np.lexsort((-shape, edge))
        area[edge[order]] = shape[order]  # on a common border the first by code is written last
    found = ([row[0] for row in rows], [row[1] for row in rows], area)
    with _lock:
        _areas[key] = found
        while len(_areas) > _KEPT:
            _areas.popitem(last=False)
    return found
