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
from routing_engine.network.arrays import read_arrays, write_arrays
from routing_engine.network.graph import FORMAT, RoadGraph
from routing_engine.network.projection import Floats
from routing_engine.network.search import search
from routing_engine.network.snapping import Snapped
from routing_engine.network.states import Ints

# The last metres between road and position (yard, alley, field). Assumed; slow enough that a nearer road wins.
ACCESS_KPH = 10.0
# Along one edge, positions this near are one place: nobody drives round the block for a metre against a one-way, and
# rounding must not decide it.
SAME_PLACE_M = 1.0
# Searches at once: bounds the memory of predecessors, 16 bytes per state and search.
SEARCHES_AT_ONCE = 64
# Numbers gathered at once in a batch.
GATHER_AT_ONCE = 2_000_000

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
    """

    graph: RoadGraph
    codes: tuple[str, ...]
    stations: Snapped
    access_kph: float
    digest: str
    time_s: Floats32
    path_m: Floats32

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
        if points.graph is not self.graph and points.graph.digest != self.graph.digest:
            raise NetworkError("positions and field belong to different road graphs; snap them to field.graph")
        wanted = np.arange(len(self.codes)) if stations is None else np.asarray(stations, dtype=np.int64)
        n_points, n_stations = len(points.edge), len(wanted)
        time = np.full((n_points, n_stations), np.inf)
        metres = np.full((n_points, n_stations), np.nan)
        candidate = np.full((n_points, n_stations), -1, dtype=np.int8)
        if time.size and points.is_on_road.any():
            entry = _entries(self.graph, points, self.access_kph)
            columns = None if stations is None else wanted
            step = max(1, GATHER_AT_ONCE // max(1, entry.state.shape[1] * n_stations))
            for start in range(0, n_points, step):
                self._gather(entry, slice(start, start + step), columns, time, metres, candidate)
            self._same_edge(points, wanted, time, metres, candidate)
        time[np.isinf(time)] = np.nan
        return Reach(time, metres, candidate)

    def _gather(
        self,
        entry: _Entries,
        part: slice,
        columns: Ints | None,
        time: Floats,
        metres: Floats,
        candidate: npt.NDArray[np.int8],
    ) -> None:
        """Fill rows `part` with the best way of entering the position's edges."""
        state = entry.state[part]
        if state.shape[1] == 0:
            return
        where = state if columns is None else (state[:, :, None], columns)
        seconds = self.time_s.T[where] + entry.time_s[part][:, :, None]
        np.fmin(seconds, np.inf, out=seconds)  # NaN is "no way"; the smallest must be a number
        best = seconds.argmin(axis=1)
        time[part] = seconds.min(axis=1)
        point = np.arange(len(state))[:, None]
        station = np.arange(time.shape[1]) if columns is None else columns
        # NaN where the time is infinite: either end of the sum is.
        metres[part] = self.path_m.T[state[point, best], station] + entry.distance_m[part][point, best]
        candidate[part] = np.where(np.isinf(time[part]), -1, entry.candidate[best])

    @cached_property
    def _by_edge(self) -> tuple[Ints, Ints, Ints]:
        """Edges with stations in order, and the station and its candidate on each."""
        station, rank = np.nonzero(self.stations.edge >= 0)
        edge = self.stations.edge[station, rank]
        order = np.argsort(edge, kind="stable")
        return edge[order], station[order], rank[order]

    def _same_edge(
        self, points: Snapped, wanted: Ints, time: Floats, metres: Floats, candidate: npt.NDArray[np.int8]
    ) -> None:
        """Take the drive along one edge where a station and a position share it and that is faster."""
        edge_s, station, rank_s = self._by_edge
        low = np.searchsorted(edge_s, points.edge)
        count = np.searchsorted(edge_s, points.edge, side="right") - low
        point, rank_p = np.nonzero(count)
        if len(point) == 0:
            return
        repeats = count[point, rank_p]
        first = np.repeat(low[point, rank_p] - (np.cumsum(repeats) - repeats), repeats)
        pair = first + np.arange(len(first))
        point, rank_p = np.repeat(point, repeats), np.repeat(rank_p, repeats)
        station, rank_s, edge = station[pair], rank_s[pair], edge_s[pair]
        column_of = np.full(len(self.codes), -1)
        column_of[wanted] = np.arange(len(wanted))

        forward = points.fraction[point, rank_p] - self.stations.fraction[station, rank_s]
        arc = self.graph.edge_arc[edge, (forward < 0).astype(np.int64)]
        either = self.graph.edge_arc[edge].max(axis=1)
        driven_m = np.abs(forward) * self.graph.edge_length_m[edge]
        arc = np.where((arc < 0) & (driven_m <= SAME_PLACE_M), either, arc)
        access_m = points.distance_m[point, rank_p] + self.stations.distance_m[station, rank_s]
        seconds = np.abs(forward) * self.graph.arc_time_s[arc] + access_m * 3.6 / self.access_kph
        along = driven_m + access_m
        column = column_of[station]
        for i in np.lexsort((rank_p, seconds)):
            at = (point[i], column[i])
            if arc[i] >= 0 and column[i] >= 0 and seconds[i] < time[at]:
                time[at], metres[at], candidate[at] = seconds[i], along[i], rank_p[i]


@dataclass(frozen=True, eq=False)
class _Entries:
    """Ways of entering the edges of positions: ``(n_points, n_ways)``; seconds are NaN where there is none."""

    state: Ints
    time_s: Floats
    distance_m: Floats
    candidate: npt.NDArray[np.int8]  # (n_ways,)


def _entries(graph: RoadGraph, points: Snapped, access_kph: float) -> _Entries:
    """List states to come from, with the seconds and metres from there, for every candidate and direction."""
    n_points, n_candidates = points.edge.shape
    states, whole_s = graph.ways
    n_ways = states.shape[1]
    part = np.repeat(np.stack([points.fraction, 1.0 - points.fraction], axis=2), n_ways // 2, axis=2)
    access_m = points.distance_m[:, :, None]
    shape = (n_points, n_candidates * n_ways)
    # Where there is no candidate its fraction is NaN, and so is everything made from it.
    seconds = (part * whole_s[points.edge] + access_m * (3.6 / access_kph)).reshape(shape)
    metres = (part * graph.edge_length_m[points.edge][:, :, None] + access_m).reshape(shape)
    used = np.flatnonzero(np.isfinite(seconds).any(axis=0))
    state = states[points.edge].reshape(shape)
    return _Entries(state[:, used], seconds[:, used], metres[:, used], (used // n_ways).astype(np.int8))


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
    Each station becomes a temporary state that leads into the edges of its candidates, both ways where allowed, so
    a start in the middle of an edge obeys the same turns as any other drive. Dijkstra's algorithm by SciPy.
    """
    names = tuple(codes) if codes is not None else tuple(str(i) for i in range(len(stations.edge)))
    if len(names) != len(stations.edge):
        raise NetworkError(f"{len(names)} codes for {len(stations.edge)} stations")
    n_states, n_stations = graph.n_states, len(names)
    # State-major in memory, see `Field`.
    time_s = np.full((n_states, n_stations), np.nan, dtype=np.float32)
    path_m = np.full((n_states, n_stations), np.nan, dtype=np.float32)
    on_road = np.flatnonzero(stations.is_on_road)
    for start in range(0, len(on_road), SEARCHES_AT_ONCE):
        rows = on_road[start : start + SEARCHES_AT_ONCE]
        seconds, metres = search(graph, *_departures(graph, stations, rows, access_kph), len(rows))
        time_s[:, rows] = seconds.T
        path_m[:, rows] = metres.T
    name = digest or field_digest(graph.digest, names, stations.lonlat, snap_limit_m=np.inf, access_kph=access_kph)
    return Field(graph, names, stations, access_kph, name, time_s.T, path_m.T)


def _departures(
    graph: RoadGraph, stations: Snapped, rows: Ints, access_kph: float
) -> tuple[Ints, Ints, Floats, Floats]:
    """List start (0 … len(rows)-1), state reached, seconds and metres for leaving each station's edges."""
    edge, part = stations.edge[rows], stations.fraction[rows]
    arc = np.where(edge[:, :, None] >= 0, graph.edge_arc[edge], -1)
    left = np.stack([1.0 - part, part], axis=2)
    access_m = np.broadcast_to(stations.distance_m[rows][:, :, None], arc.shape)
    length = np.broadcast_to(graph.edge_length_m[edge][:, :, None], arc.shape)
    start = np.broadcast_to(np.arange(len(rows))[:, None, None], arc.shape)
    used = arc >= 0
    seconds = left[used] * graph.arc_time_s[arc[used]] + access_m[used] * 3.6 / access_kph
    metres = left[used] * length[used] + access_m[used]
    return start[used], graph.arc_target[arc[used]], seconds, metres


def write_field(path: Path, field: Field) -> None:
    """Write the field to `path` (see `arrays`); the graph has a file of its own."""
    stations = field.stations
    head: dict[str, Any] = {
        "kind": "field",
        "format": FORMAT,
        "digest": field.digest,
        "graph": field.graph.digest,
        "codes": list(field.codes),
        "access_kph": field.access_kph,
    }
    arrays = {
        "lonlat": stations.lonlat,
        "edge": stations.edge,
        "fraction": stations.fraction,
        "distance_m": stations.distance_m,
        "reason": stations.reason,
        "time_s": field.time_s.T,
        "path_m": field.path_m.T,
    }
    write_arrays(path, head, arrays)


def read_field(path: Path, graph: RoadGraph) -> Field:
    """Map the field in `path` into memory.

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
    time_s, path_m = arrays.pop("time_s"), arrays.pop("path_m")
    codes = tuple(head["codes"])
    if time_s.shape != (graph.n_states, len(codes)):
        raise NetworkError(f"{path.name}: {time_s.shape} numbers, expected {(graph.n_states, len(codes))}")
    stations = Snapped(graph, **arrays)
    return Field(graph, codes, stations, head["access_kph"], head["digest"], time_s.T, path_m.T)


def graph_digest_of(path: Path) -> str:
    """Return the digest of the graph that the field in `path` was made on."""
    head, _ = read_arrays(path)
    return str(head.get("graph", ""))
