"""Which streets a closure is about: what a drawing touches, and the piece of street a click is on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection

from gis.errors import ConflictError, Finding, ValueRefused
from gis.labels import label
from gis.messages import message
from routing_engine.dispatch.closure_form import ClosureInput
from routing_engine.dispatch.context import Snapshot
from routing_engine.network.closure_rows import Edges, Touched, edges_near, summary, touched_of
from routing_engine.network.closure_shapes import ALONG_M, BEYOND_M, EDGE, metric_lines, metric_shape
from routing_engine.network.graph import RoadGraph
from routing_engine.network.store import current_build

# A click names the street it hits; farther off it is no click on a street.
CLICK_M = 30.0
# "Touches nothing" is said within this of the network; farther off a drawing is outside it.
NEAR_M = 2000.0


@dataclass(frozen=True, kw_only=True)
class Road:
    """The network in use: its build, and each profile's open graph."""

    build_id: int
    metric_srid: int
    graphs: dict[str, RoadGraph]

    def driven(self, ids: Sequence[int], profile: str) -> float:
        """Return the metres of edges a profile may drive."""
        graph = self.graphs[profile]
        at = np.searchsorted(graph.edge_id, np.asarray(ids, dtype=np.int64))
        at = at[at < len(graph.edge_id)]
        at = at[np.isin(graph.edge_id[at], ids) & (graph.edge_component[at] >= 0)]
        return float(graph.edge_length_m[at].sum())


def roads_in_use(tx: Connection, snapshot: Snapshot, language: str) -> Road:
    """Return the roads in use.

    Raises
    ------
    ConflictError
        None are loaded.
    """
    build_id = current_build(tx)
    if build_id is None:
        raise ConflictError(message("closure_no_roads", language))
    graphs = [part.field.graph for part in snapshot.stations.parts]
    return Road(
        build_id=build_id,
        metric_srid=snapshot.city.metric_srid,
        graphs={graph.profile: graph.base or graph for graph in graphs},
    )


def find_edges(tx: Connection, road: Road, given: ClosureInput, language: str) -> tuple[BaseGeometry, Touched]:
    """Return the shape to keep and the edges it touches; a click becomes the course of the street it hits.

    Raises
    ------
    ValueRefused
        There is none.
    """
    srid, shape = road.metric_srid, given.shape
    if given.kind != EDGE:
        near = edges_near(tx, road.build_id, shape, ALONG_M)
        found = touched_of(near, shape, given.kind, srid)
        if len(found.ids):
            return shape, summary(found)
        is_outside = len(edges_near(tx, road.build_id, shape, NEAR_M).ids) == 0
        key = "closure_outside" if is_outside else "closure_nothing"
        hint = "" if is_outside else message("closure_nothing_hint", language, beyond=round(BEYOND_M))
        raise ValueRefused(key, [Finding(field="geometry", reason=message(key, language), hint=hint)])
    for metres_about in (2 * CLICK_M, NEAR_M):
        near = edges_near(tx, road.build_id, shape, metres_about)
        chosen = _clicked(near, shape, srid, _concerned(road, given))
        if chosen is not None:
            break
    if chosen is None:
        raise ValueRefused.of("lon", message("closure_outside", language))
    i, metres = chosen
    if metres > CLICK_M:
        hint = message("closure_click_hint", language, metres=round(metres))
        raise ValueRefused.of("lon", message("closure_nothing", language), hint)
    one = Edges(
        ids=near.ids[i : i + 1],
        names=near.names[i : i + 1],
        length_m=near.length_m[i : i + 1],
        lines=near.lines[i : i + 1],
    )
    return near.lines[i], summary(one)


def _concerned(road: Road, given: ClosureInput) -> list[RoadGraph]:
    return [graph for profile, graph in road.graphs.items() if given.profiles is None or profile in given.profiles]


def _clicked(near: Edges, point: BaseGeometry, srid: int, graphs: list[RoadGraph]) -> tuple[int, float] | None:
    """Return the nearest edge that one of the graphs has open, and its metres; the lowest id among equals."""
    usable = np.ones(len(near.ids), dtype=bool)
    if graphs:
        usable[:] = False
        for graph in graphs:
            usable |= np.isin(near.ids, graph.edge_id[graph.edge_component >= 0])
    if not usable.any():
        return None
    lines = metric_lines(near.lines, srid)
    metres = np.where(usable, shapely.distance(lines, metric_shape(point, srid)), np.inf)
    i = int(metres.argmin())
    return i, float(metres[i])


def refuse_nothing(road: Road, given: ClosureInput, found: Touched, language: str) -> None:
    """Refuse a closure of streets that none of its vehicles may drive anyway."""
    profiles = [one for one in road.graphs if given.profiles is None or one in given.profiles]
    if not profiles or any(road.driven(found.ids, profile) > 0 for profile in profiles):
        return
    names = ", ".join(label("profile", profile, language) for profile in profiles)
    field = "lon" if given.kind == EDGE else "geometry"
    raise ValueRefused.of(field, message("closure_nothing_for", language, profiles=names))


def street_at(
    tx: Connection, snapshot: Snapshot, lon: float, lat: float, *, profiles: tuple[str, ...] | None, language: str
) -> dict[str, Any]:
    """Return the piece of street a click would close, without closing it.

    Parameters
    ----------
    lon, lat
        EPSG:4326 degrees.
    profiles
        Vehicles it is to be closed for; `None` for all.

    Returns
    -------
    dict
        `streets` (its name, if it has one), `length_m`, and `geometry`, a GeoJSON LineString.

    Raises
    ------
    ConflictError
        No roads are loaded.
    ValueRefused
        No street is near, or none these vehicles may drive.
    """
    road = roads_in_use(tx, snapshot, language)
    given = ClosureInput(
        kind=EDGE, shape=shapely.Point(lon, lat), since=None, until=None, profiles=profiles, factor=None, reason=""
    )
    shape, found = find_edges(tx, road, given, language)
    refuse_nothing(road, given, found, language)
    return {
        "streets": list(found.streets),
        "length_m": round(found.length_m, 1),
        "geometry": json.loads(shapely.to_geojson(shape)),
    }
