"""Directions: a route as a few steps a driver understands, merged by street."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats, to_metric
from routing_engine.network.routes import Route
from routing_engine.network.states import Ints

# The direction before and after a junction is taken over so many metres: the curb's curve is not the turn.
BEARING_M = 15.0
# Limits of turns in degrees.
STRAIGHT, SLIGHT, SHARP, ROUND = 20.0, 60.0, 120.0, 165.0
# A street that bends less than this at a junction goes on; nothing is said.
GOES_ON = 45.0
# Nameless pieces up to this length between two turns (through a central reserve) are part of one turn.
LINK_M = 25.0
# Shorter pieces at the ends of a drive are none.
STUB_M = 0.5
# Nearer to the street than this, a destination is on no side of it.
AT_STREET_M = 3.0


class Kind(StrEnum):
    """What a driver does at the beginning of a step."""

    DEPART = "depart"
    CONTINUE = "continue"
    TURN = "turn"
    U_TURN = "u_turn"
    ROUNDABOUT = "roundabout"
    ARRIVE = "arrive"


class Modifier(StrEnum):
    """Which way."""

    STRAIGHT = "straight"
    SLIGHT_LEFT = "slight_left"
    LEFT = "left"
    SHARP_LEFT = "sharp_left"
    SLIGHT_RIGHT = "slight_right"
    RIGHT = "right"
    SHARP_RIGHT = "sharp_right"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A manoeuvre and the drive until the next.

    Attributes
    ----------
    kind, modifier
        What to do; `modifier` is `None` where there is no side. On arrival it is the side the destination lies on.
    exit
        Of a roundabout, which exit to take; `None` when the drive ends on it.
    street, ref
        Name and number of the street driven on from here; `None` when it has none.
    keeps_street
        The street before is the same.
    bearing
        Degrees from north, clockwise, in which the step begins.
    lon, lat
        Where, EPSG:4326 degrees.
    distance_m, time_s
        Until the next step; access to the road is in none.
    """

    kind: Kind
    modifier: Modifier | None
    exit: int | None
    street: str | None
    ref: str | None
    keeps_street: bool
    bearing: float
    lon: float
    lat: float
    distance_m: float
    time_s: float


@dataclass(frozen=True)
class _Turn:
    """What is done before arc `at` of the route: the angle in degrees, positive to the right."""

    at: int
    kind: Kind
    angle: float
    exit: int | None = None


def steps_of(route: Route, destination: tuple[float, float], *, drive_side: str = "left") -> list[Step]:
    """Return the steps of a route, from departure to arrival.

    Parameters
    ----------
    destination
        Where the route leads, EPSG:4326 degrees: it may lie beside the road.
    drive_side
        On which side of the road one drives: it decides to which side one turns round.
    """
    driven = _without_stubs(route)
    turns = _joined(driven, _turns(driven))
    bounds = [turn.at for turn in turns] + [len(driven.edge)]
    steps = [
        _step(driven, turn, first, last, drive_side)
        for turn, first, last in zip(turns, bounds[:-1], bounds[1:], strict=True)
    ]
    left_s = float(route.edge_s.sum() - driven.edge_s.sum())
    steps[-1] = replace(steps[-1], time_s=steps[-1].time_s + left_s)
    return [*steps, _arrival(driven, destination)]


def _without_stubs(route: Route) -> Route:
    """Leave out edges at both ends of which next to nothing is driven: a place at a junction lies on several."""
    moved = np.flatnonzero(route.edge_m > STUB_M)
    if len(moved) == 0:
        return route
    kept = slice(int(moved[0]), int(moved[-1]) + 1)
    is_forward = route.is_forward[kept]
    return replace(
        route,
        edge=route.edge[kept],
        is_forward=is_forward,
        state=route.state[kept.start : kept.stop - 1],
        begin=route.begin if kept.start == 0 else float(not is_forward[0]),
        end=route.end if kept.stop == len(route.edge) else float(is_forward[-1]),
    )


def ways_of(route: Route) -> list[tuple[int, int, int]]:
    """List (OSM way, from node, to node) of every edge driven, in order; way 0 where the roads are not from OSM."""
    graph, arcs = route.graph, _arcs(route)
    tail, head = graph.node_id[graph.arc_tail[arcs]], graph.node_id[graph.arc_head[arcs]]
    return list(zip(graph.edge_way[route.edge].tolist(), tail.tolist(), head.tolist(), strict=True))


def _arcs(route: Route) -> Ints:
    """Return the arcs driven; a metre against a one-way counts as its arc (`search.SAME_PLACE_M`)."""
    arcs = route.graph.edge_arc[route.edge, (~route.is_forward).astype(np.int64)]
    return np.where(arcs < 0, route.graph.edge_arc[route.edge].max(axis=1), arcs)


def _turns(route: Route) -> list[_Turn]:
    """List what is done where; the first is the departure."""
    graph, arcs, edges = route.graph, _arcs(route), route.edge
    turns = [_Turn(0, Kind.DEPART, 0.0)]
    on_roundabout = bool(graph.edge_is_roundabout[edges[0]])
    entry: int | None = None  # `None` also where the drive begins on the roundabout it is on
    n_exits = 0
    street = graph.street(int(edges[0]))
    for i in range(1, len(arcs)):
        is_roundabout = bool(graph.edge_is_roundabout[edges[i]])
        if is_roundabout and on_roundabout:
            n_exits += _has_exit(graph, int(arcs[i]))
        elif is_roundabout:
            entry, n_exits = i, 0
        elif on_roundabout:
            at = i if entry is None else entry
            turns.append(_Turn(at, Kind.ROUNDABOUT, _angle(route, at, i), n_exits + 1))
            entry, n_exits = None, 0
        elif (turn := _turn(route, arcs, i, street)) is not None:
            turns.append(turn)
        on_roundabout = is_roundabout
        street = graph.street(int(edges[i])) or street
    return turns if entry is None else [*turns, _Turn(entry, Kind.ROUNDABOUT, _angle(route, entry, entry))]


def _turn(route: Route, arcs: Ints, i: int, street: str | None) -> _Turn | None:
    """Return what is done between arcs *i* - 1 and *i*, neither on a roundabout; `None` when one simply drives on.

    `street` is the last name there was: a nameless piece straight on does not end a street.
    """
    graph, before, after = route.graph, int(route.edge[i - 1]), int(route.edge[i])
    angle = _angle(route, i, i)
    if before == after:
        return _Turn(i, Kind.U_TURN, angle)
    name_before, name_after = graph.street(before), graph.street(after)
    has_choice = _n_others(graph, int(arcs[i - 1]), int(arcs[i])) > 0
    if name_before == name_after or (name_before is None and name_after == street and abs(angle) < GOES_ON):
        if name_after is not None and abs(angle) > ROUND:
            return _Turn(i, Kind.U_TURN, angle)
        return _Turn(i, Kind.TURN, angle) if has_choice and abs(angle) >= GOES_ON else None
    if abs(angle) < STRAIGHT or (not has_choice and abs(angle) < GOES_ON):
        # Into a nameless piece straight ahead there is nothing to say.
        return _Turn(i, Kind.CONTINUE, angle) if name_after is not None else None
    return _Turn(i, Kind.TURN, angle)


def _joined(route: Route, turns: list[_Turn]) -> list[_Turn]:
    """Make one turn of two that a short nameless piece joins."""
    kept: list[_Turn] = []
    for turn in turns:
        last = kept[-1] if kept else None
        if (
            last is not None
            and last.kind == Kind.TURN
            and turn.kind == Kind.TURN
            and route.graph.street(int(route.edge[last.at])) is None
            and route.edge_m[last.at : turn.at].sum() <= LINK_M
        ):
            angle = last.angle + turn.angle
            same = route.graph.street(int(route.edge[last.at - 1])) == route.graph.street(int(route.edge[turn.at]))
            kind = Kind.U_TURN if same and abs(angle) > ROUND else Kind.TURN
            kept[-1] = _Turn(last.at, kind, angle)
        else:
            kept.append(turn)
    return kept


def _step(route: Route, turn: _Turn, first: int, last: int, drive_side: str) -> Step:
    graph = route.graph
    named = _street_of(route, turn, first, last)
    street, ref = (None, None) if named is None else (graph.street(named), graph.ref(named))
    before = graph.street(int(route.edge[first - 1])) if first > 0 else None
    lon, lat = _beginning(route, first)
    return Step(
        kind=turn.kind,
        modifier=_modifier(turn, drive_side),
        exit=turn.exit,
        street=street if street != ref else None,
        ref=ref,
        keeps_street=first > 0 and street is not None and street == before,
        bearing=_bearing(_direction(_drawn(route, first))),
        lon=lon,
        lat=lat,
        distance_m=float(route.edge_m[first:last].sum()),
        time_s=float(route.edge_s[first:last].sum()),
    )


def _street_of(route: Route, turn: _Turn, first: int, last: int) -> int | None:
    """Return the edge that names a step: the first with a name that is not the roundabout's own or a short link."""
    driven = 0.0
    for i in range(first, last):
        edge = int(route.edge[i])
        is_roundabout = bool(route.graph.edge_is_roundabout[edge])
        if route.graph.street(edge) is not None and not (is_roundabout and turn.exit is not None):
            return edge
        driven += 0.0 if is_roundabout else float(route.edge_m[i])
        if driven > LINK_M:
            return None
    return None


def _beginning(route: Route, i: int) -> tuple[float, float]:
    """Return where edge *i* of the route begins to be driven, EPSG:4326 degrees."""
    if i == 0:
        return float(route.lonlat[0, 0]), float(route.lonlat[0, 1])
    node = route.graph.arc_tail[_arcs(route)[i]]
    return float(route.graph.node_lonlat[node, 0]), float(route.graph.node_lonlat[node, 1])


def _arrival(route: Route, destination: tuple[float, float]) -> Step:
    graph, last = route.graph, len(route.edge) - 1
    place, end = to_metric(np.array([destination, route.lonlat[-1]]), graph.metric_srid)
    heading = _heading(_drawn(route, last), end)
    away = place - end
    modifier = None
    if math.hypot(*away) > AT_STREET_M:
        modifier = Modifier.LEFT if heading[0] * away[1] - heading[1] * away[0] > 0 else Modifier.RIGHT
    edge = int(route.edge[last])
    street, ref = graph.street(edge), graph.ref(edge)
    return Step(
        kind=Kind.ARRIVE,
        modifier=modifier,
        exit=None,
        street=street if street != ref else None,
        ref=ref,
        keeps_street=True,
        bearing=_bearing(heading),
        lon=float(route.lonlat[-1, 0]),
        lat=float(route.lonlat[-1, 1]),
        distance_m=0.0,
        time_s=0.0,
    )


def _modifier(turn: _Turn, drive_side: str) -> Modifier | None:
    if turn.kind in (Kind.DEPART, Kind.ROUNDABOUT):
        return None
    if turn.kind == Kind.U_TURN:
        # Across the oncoming lanes.
        return Modifier.RIGHT if drive_side == "left" else Modifier.LEFT
    size = abs(turn.angle)
    if size < STRAIGHT:
        return Modifier.STRAIGHT
    is_right = turn.angle > 0
    if size < SLIGHT:
        return Modifier.SLIGHT_RIGHT if is_right else Modifier.SLIGHT_LEFT
    if size <= SHARP:
        return Modifier.RIGHT if is_right else Modifier.LEFT
    return Modifier.SHARP_RIGHT if is_right else Modifier.SHARP_LEFT


def _angle(route: Route, into: int, out: int) -> float:
    """Return the degrees turned from the end of arc *into* - 1 to the beginning of arc *out*, positive to the right."""
    before = _direction(_drawn(route, into - 1)[::-1]) * -1.0
    after = _direction(_drawn(route, out))
    across = before[0] * after[1] - before[1] * after[0]
    return -math.degrees(math.atan2(across, float(before @ after)))


def _drawn(route: Route, i: int) -> Floats:
    """Return the metres of edge *i*'s vertices as driven, all of it: a stub at an end of a drive has no direction."""
    graph, edge = route.graph, int(route.edge[i])
    xy_m = graph.vertex_xy_m[graph.vertex_start[edge] : graph.vertex_start[edge + 1]]
    return np.asarray(xy_m if route.is_forward[i] else xy_m[::-1])


def _heading(xy_m: Floats, place: Floats) -> Floats:
    """Return the direction of a line's segment that is nearest to a place."""
    ends = np.diff(xy_m, axis=0)
    square = np.maximum((ends**2).sum(axis=1), 1e-12)
    part = np.clip(((place - xy_m[:-1]) * ends).sum(axis=1) / square, 0.0, 1.0)
    distance = np.hypot(*(xy_m[:-1] + part[:, None] * ends - place).T)
    return np.asarray(ends[int(np.argmin(np.where(square > 1e-12, distance, np.inf)))])


def _direction(xy_m: Floats) -> Floats:
    """Return the direction in which a line begins: from its first vertex to the point `BEARING_M` along it."""
    steps = np.diff(xy_m, axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    ahead = [np.interp(BEARING_M, along, axis) for axis in xy_m.T]
    return np.asarray(ahead - xy_m[0])


def _bearing(direction: Floats) -> float:
    return round(math.degrees(math.atan2(direction[0], direction[1])) % 360.0, 1) % 360.0


def _leaving(graph: RoadGraph, node: int) -> set[int]:
    """Return the edges on which one may leave a node."""
    return {int(graph.arc_edge[arc]) for arc in graph.entry_arc[graph.indptr[node] : graph.indptr[node + 1]]}


def _n_others(graph: RoadGraph, before: int, after: int) -> int:
    """Count the streets one could have taken instead of arc `after`, having come by arc `before`."""
    taken = {int(graph.arc_edge[before]), int(graph.arc_edge[after])}
    return len(_leaving(graph, int(graph.arc_tail[after])) - taken)


def _has_exit(graph: RoadGraph, arc: int) -> bool:
    """Whether one could have left the roundabout where `arc`, which is part of it, begins."""
    edges = _leaving(graph, int(graph.arc_tail[arc]))
    return any(not graph.edge_is_roundabout[edge] for edge in edges)
