"""Isochrones: the ground a vehicle reaches within so many minutes, as polygons that follow the streets.

One surface is drawn first: at every point of a lattice the seconds of arrival on its nearest street (as positions are
put on streets everywhere else) and the way from there. Isochrones are its contour lines, so they are nested whatever
the network is. Points with no street within reach belong to none: an outline never crosses a bay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gis.errors import NetworkError
from routing_engine.network.compiled import kernels
from routing_engine.network.fields import Field
from routing_engine.network.graph import RoadGraph
from routing_engine.network.lattice import REACH_M, StreetLattice, lattice_around
from routing_engine.network.projection import Floats, to_lonlat
from routing_engine.network.search import ACCESS_KPH, Ways, departures, search_tree
from routing_engine.network.snapping import Snapped
from routing_engine.network.states import Ints

# Where seconds jump between two points (a river, a motorway), the higher counts as this much beyond the limit, so that
# the outline stays near the lower one.
JUMP_S = 120.0
# Nothing lies on the limit itself: an outline through a point of the lattice could touch itself there.
CLEAR_S = 0.5
# Patches and holes smaller than a hectare are no help to anybody who reads a map.
MIN_AREA_M2 = 10_000.0
# Degrees are written to a decimetre.
DECIMALS = 6


@dataclass(frozen=True, eq=False)
class StreetTimes:
    """When a vehicle from one start comes to each street.

    Attributes
    ----------
    graph
        The network.
    enter_s
        ``(n_edges, 2)``: seconds at which it enters the edge along and against its drawing, infinite where it does not.
    ways
        How it leaves the start, see `search.departures`.
    start
        Where it starts, one position.
    access_kph
        Speed between a road and a position beside it.
    """

    graph: RoadGraph
    enter_s: Floats
    ways: Ways
    start: Snapped
    access_kph: float


@dataclass(frozen=True, eq=False)
class Isochrone:
    """What is reached within `minutes`: a valid polygon with holes in EPSG:4326 degrees, possibly empty; and km²."""

    minutes: float
    polygon: shapely.MultiPolygon
    area_km2: float


def street_times(graph: RoadGraph, start: Snapped, *, limit_s: float, access_kph: float = ACCESS_KPH) -> StreetTimes:
    """Search from one position, up to `limit_s` seconds."""
    ways = departures(graph, start, access_kph)
    tree = search_tree(graph, ways.state, ways.time_s, ways.length, limit_s=limit_s)
    return StreetTimes(graph, _entered(graph, tree.time_s), ways, start, access_kph)


def street_times_of(field: Field, station: int) -> StreetTimes:
    """Read the times of one station, by its row, from a field."""
    graph = field.graph
    start = one_of(field.stations, station)
    seconds = np.nan_to_num(field.time_s[station].astype(np.float64), nan=np.inf)
    ways = departures(graph, start, field.access_kph)
    return StreetTimes(graph, _entered(graph, seconds), ways, start, field.access_kph)


def one_of(places: Snapped, row: int) -> Snapped:
    """Return one of several positions by its row."""
    only = slice(row, row + 1)
    return Snapped(
        places.graph,
        places.lonlat[only],
        places.edge[only],
        places.fraction[only],
        places.distance_m[only],
        places.reason[only],
    )


def _entered(graph: RoadGraph, time_s: Floats) -> Floats:
    """Return when each edge is entered along and against, from the seconds at all states."""
    of_arc = np.full(len(graph.arc_edge) + 1, np.inf)
    some = np.flatnonzero(np.diff(graph.source_start))
    if len(some):
        of_arc[some] = np.minimum.reduceat(time_s[graph.source], graph.source_start[:-1][some])
    return np.asarray(of_arc[graph.edge_arc])  # -1, no arc, picks the last


def isochrones(times: StreetTimes, minutes: Sequence[float]) -> list[Isochrone]:
    """Draw what is reached within each of `minutes`.

    Parameters
    ----------
    times
        Seconds to the streets; from a search, to `JUMP_S` beyond the longest time at least.
    minutes
        Above 0 each, in any order.

    Returns
    -------
    list
        In the order of `minutes`. Shorter times lie inside longer ones (to a decimetre), of one call or of several.

    Raises
    ------
    NetworkError
        A time is none.

    Notes
    -----
    Outlines are linear between the points of the lattice (`lattice.CELL_M`) and stay within `lattice.REACH_M` of a
    street. Patches and holes under `MIN_AREA_M2` are left out. Equal inputs give equal polygons.
    """
    for value in minutes:
        if not 0.0 < value < np.inf:
            raise NetworkError(f"{value} minutes; a time above 0 can be drawn")
    if len(minutes) == 0:
        return []
    is_reached = np.asarray((times.enter_s < 60.0 * max(minutes)).any(axis=1))
    is_reached[times.start.edge[times.start.edge >= 0]] = True
    reached = np.flatnonzero(is_reached)
    if len(reached) == 0:
        return [Isochrone(value, shapely.MultiPolygon(), 0.0) for value in minutes]
    lattice = lattice_around(times.graph, reached)
    surface, left, bottom = arrival_surface(times, lattice, reached)
    x = np.asarray(left + lattice.cell_m * np.arange(surface.shape[1]), dtype=np.float64)
    y = np.asarray(bottom + lattice.cell_m * np.arange(surface.shape[0]), dtype=np.float64)
    return [_isochrone(value, surface, x, y, times.graph.metric_srid) for value in minutes]


def arrival_surface(times: StreetTimes, lattice: StreetLattice, edges: Ints) -> tuple[Floats, float, float]:
    """Return the seconds of arrival around `edges`, rows from the lower left, and where the first point lies."""
    graph, ways, start = times.graph, times.ways, times.start
    # No arc, -1, picks the last; it is never entered.
    drive_s = np.append(graph.arc_time_s, 0.0)[graph.edge_arc]
    edge, part, side = start.edge[0][ways.candidate], start.fraction[0][ways.candidate], np.ascontiguousarray(ways.side)
    begin_s = start.distance_m[0][ways.candidate] * (3.6 / times.access_kph)
    column, row, n_columns, n_rows = lattice.window(edges, REACH_M)
    surface = np.empty((n_rows, n_columns))
    kernels().spreading.arrivals(
        *(graph.vertex_xy_m, lattice.vertex_edge, lattice.vertex_along, lattice.edge_drawn),
        *(times.enter_s, drive_s),
        *(edge, side, part, begin_s, 3.6 / times.access_kph),
        *(lattice.segment, lattice.left, lattice.bottom, lattice.cell_m, lattice.n_columns),
        *(column, row, n_columns, n_rows, surface),
    )
    return surface, lattice.left + column * lattice.cell_m, lattice.bottom + row * lattice.cell_m


def _isochrone(minutes: float, surface: Floats, x: Floats, y: Floats, metric_srid: int) -> Isochrone:
    # Imported here: only those who draw need it.
    import contourpy

    limit_s = 60.0 * minutes
    near = np.minimum(surface, limit_s + JUMP_S)
    near[(near > limit_s - CLEAR_S) & (near <= limit_s)] = limit_s - CLEAR_S
    near[(near > limit_s) & (near < limit_s + CLEAR_S)] = limit_s + CLEAR_S
    generator = contourpy.contour_generator(
        x, y, near, name="serial", fill_type=contourpy.FillType.ChunkCombinedOffsetOffset
    )
    filled = generator.filled(-1.0, limit_s)
    points, offsets, outer = (np.asarray(part[0]) for part in filled)
    if points.dtype == object:  # None: nothing is filled
        return Isochrone(minutes, shapely.MultiPolygon(), 0.0)
    return _polygon(minutes, points, offsets.astype(np.int64), outer.astype(np.int64), metric_srid)


def _polygon(minutes: float, points: Floats, offsets: Ints, outer: Ints, metric_srid: int) -> Isochrone:
    """Make the polygon from the rings of a contour: `offsets` of rings in points, `outer` of polygons in `offsets`."""
    area = _ring_areas(points, offsets)
    is_outer = np.zeros(len(area), dtype=bool)
    is_outer[outer[:-1]] = True
    of_polygon = np.cumsum(is_outer) - 1
    kept = (area >= MIN_AREA_M2) & (area[outer[:-1]] >= MIN_AREA_M2)[of_polygon]
    if not kept.any():
        return Isochrone(minutes, shapely.MultiPolygon(), 0.0)
    area_km2 = float((area[kept] * np.where(is_outer[kept], 1.0, -1.0)).sum()) / 1e6
    ring = np.repeat(np.arange(len(area)), np.diff(offsets))
    lonlat = np.round(to_lonlat(points[kept[ring]], metric_srid), DECIMALS)
    ring_start = np.concatenate([[0], np.cumsum(np.diff(offsets)[kept])])
    polygon_start = np.append(np.flatnonzero(is_outer[kept]), kept.sum())
    whole = (ring_start, polygon_start, np.array([0, len(polygon_start) - 1]))
    polygon = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, lonlat, whole)[0]
    if not polygon.is_valid:
        # Rounding can make two corners one.
        mended = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
        parts = [part for part in shapely.get_parts(mended) if part.geom_type == "Polygon"]
        polygon = shapely.MultiPolygon(parts)
    return Isochrone(minutes, polygon, area_km2)


def _ring_areas(points: Floats, offsets: Ints) -> Floats:
    """Return the area of each closed ring in square metres, whatever its direction."""
    # Relative to the middle: the products of large coordinates would lose the small areas.
    p = points - points.mean(axis=0)
    cross = np.append(p[:-1, 0] * p[1:, 1] - p[1:, 0] * p[:-1, 1], 0.0)
    cross[offsets[1:] - 1] = 0.0  # from one ring to the next
    areas: npt.NDArray[np.float64] = np.abs(np.add.reduceat(cross, offsets[:-1])) / 2.0
    return areas
