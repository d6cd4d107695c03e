"""Travel-time fields: seconds from every station to every state, made once, then read by gathering."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.errors import NetworkError
from gis.threads import in_parts
from routing_engine.network.arrays import read_arrays, write_arrays
from routing_engine.network.compiled import kernels
from routing_engine.network.graph import FORMAT, Ints32, RoadGraph
from routing_engine.network.projection import Floats, utm_terms
from routing_engine.network.search import ACCESS_KPH, SAME_PLACE_M, departures
from routing_engine.network.snapping import N_CANDIDATES, NO_BEARING, SNAP_LIMIT_M, TOLERANCE_M, Snapped, explain, snap
from routing_engine.network.states import Ints

__all__ = ["ACCESS_KPH", "SAME_PLACE_M", "Arrivals", "Field", "Reach", "base_digest_of", "build_field", "field_digest"]
__all__ += ["read_field", "write_field"]

# Fewer are not worth a second thread.
POINTS_AT_ONCE = 500
SEARCHES_AT_ONCE = 4
# More are put on streets in the order of their places.
AT_ONCE = 100

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Reach:
    """Drives from stations to positions.

    Attributes
    ----------
    time_s, distance_m
        ``(n_points, n_stations)``: seconds of the fastest drive and the metres along that same drive; NaN where
        no road leads there or either end is not on a road.
    candidate
        ``(n_points, n_stations)``: which of the position's snapping candidates the drive ends on; -1 without one.
    """

    time_s: Floats
    distance_m: Floats
    candidate: npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Field:
    """Seconds and metres from each station to every state of a graph; immutable.

    Attributes
    ----------
    graph
        The network.
    codes
        Names of the stations, in the order of the rows.
    stations
        Where they are on the network; a station off the road has NaN in its whole row.
    access_kph
        Speed between a road and a position beside it, at both ends.
    digest
        SHA-256 of graph, stations and parameters.
    time_s, path_m
        float32 ``(n_stations, n_states)``: seconds of the fastest drive, access included, and metres along that
        drive; NaN where unreachable. In memory one state's stations lie side by side, because an incident reads
        few states and all stations.
    parent
        int32 ``(n_stations, n_states)``: the entry by which that drive comes, ``-2 - k`` for departure *k* of the
        station, -1 where unreachable. Read to repair the field and to draw routes; otherwise never loaded.
    """

    graph: RoadGraph
    codes: tuple[str, ...]
    stations: Snapped
    access_kph: float
    digest: str
    time_s: Floats32
    path_m: Floats32
    parent: Ints32

    def travel_times(self, points: Snapped, *, stations: npt.ArrayLike | None = None) -> Floats:
        """Return seconds ``(n_points, n_stations)`` from stations (all, or row numbers `stations`) to positions.

        NaN where no road leads there or either end is not on a road. See `reach`.
        """
        return self.reach(points, stations=stations).time_s

    def distances_m(self, points: Snapped, *, stations: npt.ArrayLike | None = None) -> Floats:
        """Return metres ``(n_points, n_stations)`` along the fastest (not the shortest) drive. See `reach`."""
        return self.reach(points, stations=stations).distance_m

    def reach(self, points: Snapped, *, stations: npt.ArrayLike | None = None) -> Reach:
        """Find the fastest drive from stations to positions.

        Parameters
        ----------
        points
            Positions on this field's graph.
        stations
            Row numbers of the stations wanted, in the order wanted; all by default.

        Notes
        -----
        A drive ends by entering the position's edge at either end, where its direction and the turns allow, or
        starts and ends on the same edge without leaving it. Of all candidates of both ends the fastest counts.
        Ties: the nearest candidate, then along before against the drawing.

        Raises
        ------
        NetworkError
            The positions were put on another graph.
        """
        self._require_same_graph(points)
        columns, column_of = self._all if stations is None else self._columns(stations)
        shape = (len(points.edge), len(columns))
        time, metres, candidate = np.empty(shape), np.empty(shape), np.empty(shape, dtype=np.int8)
        on_edge = self._on_edges
        reach, pace = kernels().gathering.reach, 3.6 / self.access_kph
        field = (self.time_s.T, self.path_m.T, columns, stations is None)
        places = (points.edge, points.fraction, points.distance_m, *self._arcs)

        def gather(first: int, last: int) -> None:
            reach(
                *(*field, *places, *on_edge, column_of, pace, SAME_PLACE_M, first, last),
                *(time, metres, candidate),
            )

        in_parts(gather, shape[0], least=POINTS_AT_ONCE)
        return Reach(time, metres, candidate)

    def reach_at(self, lonlat: npt.ArrayLike, *, limit_m: float = SNAP_LIMIT_M) -> tuple[Snapped, Reach]:
        """Put a few positions on streets and find the drives of all stations to them: `snap` and `reach` in one call.

        Parameters
        ----------
        lonlat
            ``(n, 2)``, EPSG:4326 degrees.
        limit_m
            As for `snap`.

        Notes
        -----
        The same numbers as one after the other, in half the time for a single incident, of which most goes into handing
        arrays over. Many positions are worth sorting and sharing out among threads.
        """
        asked = np.ascontiguousarray(np.asarray(lonlat, dtype=np.float64).reshape(-1, 2))
        graph = self.graph
        utm = utm_terms(graph.metric_srid)
        n, n_stations = len(asked), len(self.codes)
        if n > AT_ONCE or not len(utm):
            snapped = snap(graph, asked, limit_m=limit_m)
            return snapped, self.reach(snapped)
        # One by one: taking a block apart would cost as much as putting the position on its street.
        edge = np.empty((n, N_CANDIDATES), np.int64)
        fraction, distance = np.empty((n, N_CANDIDATES)), np.empty((n, N_CANDIDATES))
        time, metres = np.empty((n, n_stations)), np.empty((n, n_stations))
        candidate, reason = np.empty((n, n_stations), np.int8), np.empty(n, np.int8)
        places = (edge, fraction, distance, reason)
        n_refused = kernels().arriving.arrive(
            asked, utm, limit_m, TOLERANCE_M, *self._reading, *places, time, metres, candidate
        )
        if n_refused:
            explain(graph, asked, NO_BEARING, *places)
        return Snapped(graph, asked, *places), Reach(time, metres, candidate)

    def nearest(self, points: Snapped, *, stations: npt.ArrayLike | None = None) -> Arrivals:
        """Find the station that reaches each position first, without the times of the others.

        Parameters
        ----------
        points, stations
            As for `reach`; ties go to the station named first.

        Notes
        -----
        Who is first at a state does not depend on where the drive goes on to. That is found once for all states, so
        a batch reads one number per way into an edge, however many stations there are.
        """
        self._require_same_graph(points)
        columns, column_of = self._all if stations is None else self._columns(stations)
        n = len(points.edge)
        time, station, candidate = np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64)
        first_s, first_station = self._first if stations is None else self._first_of(columns)
        on_edge = self._on_edges
        nearest, pace = kernels().gathering.nearest, 3.6 / self.access_kph
        places = (points.edge, points.fraction, points.distance_m, *self._arcs)

        def gather(first: int, last: int) -> None:
            nearest(
                *(first_s, first_station, *places, *on_edge, column_of, pace, SAME_PLACE_M, first, last),
                *(time, station, candidate),
            )

        in_parts(gather, n, least=4 * POINTS_AT_ONCE)
        found = station >= 0
        station[found] = columns[station[found]]
        return Arrivals(station, time, candidate)

    def _require_same_graph(self, points: Snapped) -> None:
        if points.graph is not self.graph and points.graph.digest != self.graph.digest:
            raise NetworkError("positions and field belong to different road graphs; snap them to field.graph")

    @cached_property
    def _reading(self) -> tuple[Any, ...]:
        """What `reach_at` reads, in the order the kernel takes it."""
        columns, column_of = self._all
        field = (self.time_s.T, self.path_m.T, columns, *self._arcs, *self._on_edges, column_of)
        return *self.graph.grid.arrays, *field, 3.6 / self.access_kph, SAME_PLACE_M

    @cached_property
    def _arcs(self) -> tuple[npt.NDArray[Any], ...]:
        graph = self.graph
        return graph.edge_arc, graph.arc_time_s, graph.edge_length_m, graph.source_start, graph.source

    def _columns(self, stations: npt.ArrayLike) -> tuple[Ints, Ints]:
        """Return the rows wanted, and the column of each station: -1 if not wanted, the first if named twice."""
        columns = np.ascontiguousarray(stations, dtype=np.int64)
        column_of = np.full(len(self.codes), -1)
        column_of[columns[::-1]] = np.arange(len(columns))[::-1]
        return columns, column_of

    @cached_property
    def _all(self) -> tuple[Ints, Ints]:
        return self._columns(np.arange(len(self.codes)))

    def _first_of(self, columns: Ints) -> tuple[Floats32, Ints32]:
        """Return the seconds and the column of the station that is first at each state."""
        n = self.graph.n_states
        time, station = np.empty(n, np.float32), np.empty(n, np.int32)
        first_to_arrive = kernels().gathering.first_to_arrive
        in_parts(
            lambda first, last: first_to_arrive(self.time_s.T, columns, first, last, time, station), n, least=20_000
        )
        return time, station

    @cached_property
    def _first(self) -> tuple[Floats32, Ints32]:
        return self._first_of(np.arange(len(self.codes)))

    @cached_property
    def _on_edges(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Candidates of the stations by edge: edge, station, fraction, access metres."""
        station, rank = np.nonzero(self.stations.edge >= 0)
        edge = self.stations.edge[station, rank]
        order = np.argsort(edge, kind="stable")
        station, rank = station[order], rank[order]
        return edge[order], station, self.stations.fraction[station, rank], self.stations.distance_m[station, rank]


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Who reaches each position first ``(n_points,)``.

    Attributes
    ----------
    station
        Row of the station in the field, -1 where none gets there.
    time_s
        Seconds; NaN where none gets there.
    candidate
        Which of the position's snapping candidates the drive ends on; -1 without one.
    """

    station: Ints
    time_s: Floats
    candidate: Ints


def field_digest(
    graph_digest: str,
    codes: Sequence[str],
    lonlat: npt.ArrayLike,
    *,
    snap_limit_m: float,
    access_kph: float = ACCESS_KPH,
) -> str:
    """Return the name of the field that these stations on this graph give, without making it.

    Parameters
    ----------
    graph_digest
        `RoadGraph.digest`.
    codes, lonlat
        Station codes and their EPSG:4326 degrees ``(n_stations, 2)``, in order.
    snap_limit_m, access_kph
        Parameters the field is made with.
    """
    digest = hashlib.sha256(f"field {FORMAT}|{graph_digest}|{snap_limit_m!r}|{access_kph!r}".encode())
    for code, (lon, lat) in zip(codes, np.asarray(lonlat, dtype=np.float64).reshape(-1, 2).tolist(), strict=True):
        digest.update(f"|{code}|{lon!r}|{lat!r}".encode())
    return digest.hexdigest()


def build_field(
    graph: RoadGraph,
    stations: Snapped,
    *,
    codes: Sequence[str] | None = None,
    access_kph: float = ACCESS_KPH,
    digest: str | None = None,
) -> Field:
    """Search from every station to every state.

    Parameters
    ----------
    graph
        The network.
    stations
        Stations on it; those that are not on a road get a row of NaN.
    codes
        Their names, by default their numbers.
    access_kph
        Speed between a road and a position beside it.
    digest
        Name of the result; by default `field_digest` with an unknown snapping limit.

    Notes
    -----
    Dijkstra's algorithm for each station, shared out among threads. Equally fast drives: the shortest, then the one
    by the lowest entry, so that the result does not depend on the way it was found; see `kernels.searching`.
    """
    names = tuple(codes) if codes is not None else tuple(str(i) for i in range(len(stations.edge)))
    if len(names) != len(stations.edge):
        raise NetworkError(f"{len(names)} codes for {len(stations.edge)} stations")
    name = digest or field_digest(graph.digest, names, stations.lonlat, snap_limit_m=np.inf, access_kph=access_kph)
    n_states, n_stations = graph.n_states, len(names)
    # State-major in memory, see `Field`.
    time_s = np.empty((n_states, n_stations), dtype=np.float32)
    path_m = np.empty((n_states, n_stations), dtype=np.float32)
    parent = np.empty((n_stations, n_states), dtype=np.int32)
    search_rows(graph, stations, np.arange(n_stations), access_kph, time_s, path_m, parent)
    return Field(graph, names, stations, access_kph, name, time_s.T, path_m.T, parent)


def search_rows(
    graph: RoadGraph,
    stations: Snapped,
    rows: Ints,
    access_kph: float,
    time_s: Floats32,
    path_m: Floats32,
    parent: Ints32,
) -> None:
    """Search from the stations `rows` and write their part of a field, state-major."""
    ways = departures(graph, stations, access_kph)
    fields = kernels().searching.fields
    starts = (ways.start, ways.state, ways.time_s, ways.length, rows)
    in_parts(
        lambda first, last: fields(*graph.forward, *starts, first, last, time_s, path_m, parent),
        len(rows),
        least=SEARCHES_AT_ONCE,
    )


def write_field(path: Path, field: Field) -> None:
    """Write the field to `path` (see `arrays`) with what is closed; the open graph has a file of its own."""
    stations, factors = field.stations, field.graph.factors
    closed = np.flatnonzero(factors != 1.0) if factors is not None else np.empty(0, dtype=np.int64)
    head: dict[str, Any] = {
        "kind": "field",
        "format": FORMAT,
        "digest": field.digest,
        "graph": field.graph.digest,
        "base": (field.graph.base or field.graph).digest,
        "codes": list(field.codes),
        "access_kph": field.access_kph,
    }
    arrays = {
        "lonlat": stations.lonlat,
        "edge": stations.edge,
        "fraction": stations.fraction,
        "distance_m": stations.distance_m,
        "reason": stations.reason,
        "closed_arc": closed,
        "closed_factor": np.empty(0) if factors is None else factors[closed],
        "time_s": field.time_s.T,
        "path_m": field.path_m.T,
        "parent": field.parent,
    }
    write_arrays(path, head, arrays)


def read_field(path: Path, graph: RoadGraph) -> Field:
    """Map the field in `path` into memory; `graph` has the same closures, see `closures.network_of`.

    Raises
    ------
    NetworkError
        The file is missing, damaged, of another version, or belongs to another graph.
    """
    head, arrays = read_arrays(path)
    if head.get("kind") != "field" or head.get("format") != FORMAT:
        raise NetworkError(f"{path.name}: not a travel-time field of this version; remove it, it is made again")
    if head["graph"] != graph.digest:
        raise NetworkError(f"{path.name}: made on graph {head['graph'][:12]}, not on {graph.digest[:12]}")
    time_s, path_m, parent = (arrays.pop(name) for name in ("time_s", "path_m", "parent"))
    codes = tuple(head["codes"])
    if time_s.shape != (graph.n_states, len(codes)):
        raise NetworkError(f"{path.name}: {time_s.shape} numbers, expected {(graph.n_states, len(codes))}")
    for name in ("closed_arc", "closed_factor"):
        arrays.pop(name)
    stations = Snapped(graph, **arrays)
    return Field(graph, codes, stations, head["access_kph"], head["digest"], time_s.T, path_m.T, parent)


def base_digest_of(path: Path) -> str:
    """Return the digest of the open graph under the field in `path`."""
    head, _ = read_arrays(path)
    return str(head.get("base", ""))
