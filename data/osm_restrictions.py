"""Turn restrictions: from the tags and members of a relation to rows over edges, via a node or via ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from routing_engine.network.groups import CAR, EMERGENCY, EVERY, MOTORCYCLE

Ints = npt.NDArray[np.int64]

# Whom a restriction binds, or spares, by kind of vehicle. An ambulance is a motor car; it may do what a bus may.
BINDS = {"motorcar": CAR | EMERGENCY, "motor_vehicle": EVERY, "vehicle": EVERY, "motorcycle": MOTORCYCLE}
SPARES = BINDS | {"emergency": EMERGENCY, "psv": EMERGENCY, "bus": EMERGENCY}

AT_TIMES = "holds at times only"
# A via way longer than this many edges is a mistake in the data, and its paths are not worth walking.
MOST_VIA_EDGES = 60


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """A restriction as tagged: OSM ids of its members. Either `via_node` or `via_ways` is set."""

    osm_id: int
    kind: str
    applies: int
    from_ways: tuple[int, ...]
    via_node: int | None
    via_ways: tuple[int, ...]
    to_ways: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A restriction over edges, numbered as in the network; see the table `road_restriction`."""

    from_edge: int
    via_node: int
    via_edges: tuple[int, ...]
    to_edge: int
    kind: str
    applies: int
    reason: str
    osm_id: int


def read_restriction(
    osm_id: int, tags: Mapping[str, str], members: Sequence[tuple[str, int, str]]
) -> Restriction | str:
    """Read a relation of type `restriction`; a text says why it is not used.

    Parameters
    ----------
    members
        Type (``n``, ``w``, ``r``), OSM id and role of each.
    """
    value, applies = _value(tags)
    if value is None:
        return AT_TIMES if any(key.endswith(":conditional") for key in tags) else "for other vehicles"
    if any(key in tags for key in ("day_on", "day_off", "hour_on", "hour_off")):
        return AT_TIMES
    kind, _, _ = value.partition("_")
    if kind not in ("no", "only"):
        return "unknown kind"
    for spared in tags.get("except", "").replace(",", ";").split(";"):
        applies &= ~SPARES.get(spared.strip(), 0)
    if not applies:
        return "for other vehicles"
    ways = {role: tuple(ref for of, ref, r in members if of == "w" and r == role) for role in ("from", "via", "to")}
    via_nodes = [ref for of, ref, role in members if of == "n" and role == "via"]
    if not ways["from"] or not ways["to"] or not (via_nodes or ways["via"]):
        return "a member is missing"
    is_plain = (len(ways["from"]) == 1 or value == "no_entry") and (len(ways["to"]) == 1 or value == "no_exit")
    if not is_plain or (not ways["via"] and len(via_nodes) > 1):
        return "too many members"
    return Restriction(
        osm_id=osm_id,
        kind=kind,
        applies=applies,
        from_ways=ways["from"],
        via_node=None if ways["via"] else via_nodes[0],
        via_ways=ways["via"],
        to_ways=ways["to"],
    )


def _value(tags: Mapping[str, str]) -> tuple[str | None, int]:
    """Return the kind of restriction for our vehicles, and the groups it is for."""
    if "restriction" in tags:
        return tags["restriction"].strip().lower(), EVERY
    found: dict[str, int] = {}
    for vehicle, bits in BINDS.items():
        value = tags.get(f"restriction:{vehicle}")
        if value is not None:
            found[value.strip().lower()] = found.get(value.strip().lower(), 0) | bits
    # Different rules for different vehicles in one relation do not happen; the first is taken.
    return next(iter(found.items()), (None, 0))


class EdgeIndex:
    """Which edges a way was cut into, and how they may be driven.

    Parameters
    ----------
    way_id
        OSM id of each edge's way, ascending; `from_node`, `to_node`, `forward` and `backward` go with it.
    node_id
        OSM id of each node, ascending; after joining nodes that lie on each other, `node` says which counts.
    """

    def __init__(
        self, way_id: Ints, from_node: Ints, to_node: Ints, forward: Ints, backward: Ints, node_id: Ints, node: Ints
    ) -> None:
        self.way_id, self.node_id, self.node = way_id, node_id, node
        self.ends = list(zip(from_node.tolist(), to_node.tolist(), strict=True))
        self.open = list(zip(forward.tolist(), backward.tolist(), strict=True))

    def node_of(self, osm_id: int) -> int | None:
        """Return the node with an OSM id."""
        at = int(np.searchsorted(self.node_id, osm_id))
        return int(self.node[at]) if at < len(self.node_id) and self.node_id[at] == osm_id else None

    def edges_of(self, way: int) -> range:
        """Return the edges of a way, in its order."""
        return range(*(int(np.searchsorted(self.way_id, way, side)) for side in ("left", "right")))

    def heads(self, edge: int) -> list[int]:
        """Return the nodes an edge may be driven to."""
        return [node for node, bits in zip(self.ends[edge][::-1], self.open[edge], strict=True) if bits]

    def tails(self, edge: int) -> list[int]:
        """Return the nodes an edge may be driven from."""
        return [node for node, bits in zip(self.ends[edge], self.open[edge], strict=True) if bits]


def rows_of(restriction: Restriction, index: EdgeIndex) -> list[Row] | str:
    """Return the rows of a restriction; a text says why there are none."""
    edges = {way: index.edges_of(way) for way in (*restriction.from_ways, *restriction.via_ways, *restriction.to_ways)}
    if not any(edges.values()):
        return "outside"
    if not all(edges.values()):
        return "a member is no street of the network"
    rows: list[Row] = []
    for start in restriction.from_ways:
        for end in restriction.to_ways:
            found = (
                _via_ways(restriction, edges[start], edges[end], index)
                if restriction.via_ways
                else _via_node(restriction, edges[start], edges[end], index)
            )
            if isinstance(found, str):
                return found
            rows += [
                Row(
                    from_edge=sequence[0],
                    via_node=node,
                    via_edges=tuple(sequence[1:-1]),
                    to_edge=sequence[-1],
                    kind=restriction.kind,
                    applies=restriction.applies,
                    reason="turn",
                    osm_id=restriction.osm_id,
                )
                for node, sequence in found
            ]
    return rows


def _via_node(
    restriction: Restriction, start: range, end: range, index: EdgeIndex
) -> list[tuple[int, list[int]]] | str:
    via = None if restriction.via_node is None else index.node_of(restriction.via_node)
    if via is None:
        return "the via node is not on a street of the network"
    arriving = [edge for edge in start if via in index.heads(edge)]
    leaving = [edge for edge in end if via in index.tails(edge)]
    if not arriving or not leaving:
        touches = all(any(via in index.ends[edge] for edge in edges) for edges in (start, end))
        return "forbids what cannot be driven" if touches else "its ways do not meet at the via node"
    if start == end:
        turning = [(via, [edge, edge]) for edge in arriving if edge in leaving]
        return turning if restriction.kind == "no" and turning else "leads from a way into itself"
    if len(arriving) > 1 or len(leaving) > 1:
        return "a way passes through the via node: which side is meant?"
    return [(via, [arriving[0], leaving[0]])]


def _via_ways(
    restriction: Restriction, start: range, end: range, index: EdgeIndex
) -> list[tuple[int, list[int]]] | str:
    via = [index.edges_of(way) for way in restriction.via_ways]
    links = [edge for edges in via for edge in edges]
    if len(links) > MOST_VIA_EDGES:
        return "its via ways are too long"
    nodes = {node for edge in links for node in index.ends[edge]}
    goals = {(tail, edge) for edge in end for tail in index.tails(edge) if tail in nodes}
    found = [
        (node, [edge, *path, last])
        for edge in start
        for node in index.heads(edge)
        if node in nodes
        for path, last in _paths(node, edge, links, goals, index)
        if all(any(link in path for link in edges) for edges in via)
    ]
    if not found:
        return "its ways do not meet, or cannot be driven in that order"
    # A U-turn through a link may be drawn so that the to way begins at both ends of it; the shortest is meant.
    shortest = min(len(path) for _, path in found)
    found = [item for item in found if len(item[1]) == shortest]
    return found if len(found) == 1 else "its via ways can be driven in several ways"


def _paths(
    node: int, start: int, links: list[int], goals: set[tuple[int, int]], index: EdgeIndex
) -> Iterator[tuple[list[int], int]]:
    """Yield ways over `links` from a node, each edge once at most, with the edge they lead to."""
    stack: list[tuple[int, list[int]]] = [(node, [])]
    n_steps = 0
    while stack and n_steps < 10_000:
        at, path = stack.pop()
        n_steps += 1
        for tail, last in sorted(goals):
            if path and tail == at and last not in path and last != start:
                yield path, last
        for link in links:
            if link not in path and at in index.tails(link):
                ends = index.ends[link]
                stack.append((ends[1] if ends[0] == at else ends[0], [*path, link]))


def barrier_rows(stops: Mapping[int, tuple[int, int]], edges_at: Mapping[int, Sequence[int]]) -> Iterator[Row]:
    """Yield the rows of barriers: no way through, turning round allowed.

    Parameters
    ----------
    stops
        Node → groups it stops, its OSM id.
    edges_at
        Node → edges that end there.
    """
    for node, (groups, osm_id) in sorted(stops.items()):
        for one in edges_at.get(node, ()):
            for other in edges_at[node]:
                if one != other:
                    yield Row(
                        from_edge=one,
                        via_node=node,
                        via_edges=(),
                        to_edge=other,
                        kind="no",
                        applies=groups,
                        reason="barrier",
                        osm_id=osm_id,
                    )
