"""Does a path obey the map? Read from the extract itself, by rules written a second time, so as to agree with nobody.

Only what a driver sees at the roadside is checked: the way exists and may be driven in this direction, and no turn
restriction for cars is broken. A path is a list of steps ``(osm_way_id, from_node, to_node)`` between OSM nodes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import osmium

Step = tuple[int, int, int]

ALONG = {"yes", "true", "1"}
AGAINST = {"-1", "reverse"}
ROUND = {"roundabout", "circular"}
CAR = ("motorcar", "motor_vehicle", "vehicle")


@dataclass(frozen=True)
class Rule:
    """A turn restriction: ways and, between them, a node or ways."""

    relation: int
    kind: str
    start: int
    via_node: int | None
    via_ways: tuple[int, ...]
    target: int


@dataclass
class Roadside:
    """What the extract says of its ways.

    `nodes`: way → its nodes in order. `is_oneway`: way → 1 along only, -1 against only, 0 both. `rules` by the way they
    start on.
    """

    nodes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    is_oneway: dict[int, int] = field(default_factory=dict)
    rules: dict[int, list[Rule]] = field(default_factory=lambda: defaultdict(list))
    n_rules: int = 0


def read(path: Path) -> Roadside:
    """Read every way with a `highway` and every restriction that binds a car at all hours."""
    found = Roadside()
    for thing in osmium.FileProcessor(str(path)):
        if thing.is_way() and "highway" in thing.tags:
            found.nodes[thing.id] = tuple(node.ref for node in thing.nodes)
            found.is_oneway[thing.id] = _oneway(dict(thing.tags))
        elif thing.is_relation():
            _rule(thing, found)
    return found


def _oneway(tags: dict[str, str]) -> int:
    for key in ("oneway:motorcar", "oneway:motor_vehicle", "oneway:vehicle", "oneway"):
        if key in tags:
            said = tags[key].lower()
            return 1 if said in ALONG else -1 if said in AGAINST else 0
    return 1 if tags.get("junction") in ROUND or tags["highway"] in ("motorway",) else 0


def _rule(relation: osmium.osm.Relation, found: Roadside) -> None:
    tags = dict(relation.tags)
    if tags.get("type") != "restriction":
        return
    kind = next((tags[key] for key in ("restriction:motorcar", "restriction") if key in tags), "")
    excepted = {word.strip() for word in tags.get("except", "").split(";")}
    if not kind.startswith(("no_", "only_")) or excepted & set(CAR):
        return
    by_role: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for member in relation.members:
        by_role[member.role].append((member.type, member.ref))
    via = by_role["via"]
    nodes = [ref for kind_, ref in via if kind_ == "n"]
    ways = tuple(ref for kind_, ref in via if kind_ == "w")
    if len(nodes) + (len(ways) > 0) != 1:
        return
    # `no_entry` has several from, `no_exit` several to.
    for _, start in by_role["from"]:
        for _, target in by_role["to"]:
            rule = Rule(relation.id, kind, start, nodes[0] if nodes else None, ways, target)
            found.rules[start].append(rule)
            found.n_rules += 1


def violations(path: Sequence[Step], roadside: Roadside) -> list[str]:
    """Return what is wrong with a path; empty when it may be driven."""
    wrong = []
    for i, (way, start, end) in enumerate(path):
        if i and path[i - 1][2] != start:
            wrong.append(f"step {i} begins at node {start}, the one before ended at {path[i - 1][2]}")
        if not _is_along(roadside, way, start, end):
            wrong.append(f"step {i}: way {way} may not be driven from node {start} to {end}")
    for i, (way, _, node) in enumerate(path[:-1]):
        for rule in roadside.rules.get(way, ()):
            if rule.via_node == node and _breaks(rule, path, i + 1):
                wrong.append(f"relation {rule.relation} ({rule.kind}) is broken at node {node}")
            elif rule.via_ways:
                after = _after_ways(rule, path, i + 1)
                if after is not None and _breaks(rule, path, after):
                    wrong.append(f"relation {rule.relation} ({rule.kind}) is broken over ways {rule.via_ways}")
    return wrong


def _is_along(roadside: Roadside, way: int, start: int, end: int) -> bool:
    nodes = roadside.nodes.get(way, ())
    here = [i for i, node in enumerate(nodes) if node == start]
    there = [i for i, node in enumerate(nodes) if node == end]
    allowed = roadside.is_oneway.get(way, 0)
    return any((i < j and allowed >= 0) or (i > j and allowed <= 0) for i in here for j in there)


def _breaks(rule: Rule, path: Sequence[Step], at: int) -> bool:
    """Whether the step `at`, the first after the rule's via, is the forbidden one or not the only one."""
    if at >= len(path):
        return False
    way, start, end = path[at]
    if rule.kind == "no_u_turn" and rule.start == rule.target:
        # Going on along the same way is no U-turn.
        return way == rule.target and end == path[at - 1][1] and start == path[at - 1][2]
    if rule.kind.startswith("no_"):
        return way == rule.target
    return way != rule.target


def _after_ways(rule: Rule, path: Sequence[Step], at: int) -> int | None:
    """Return the step after the rule's via ways when the path drives all of them in order, else None."""
    for way in rule.via_ways:
        if at >= len(path) or path[at][0] != way:
            return None
        while at < len(path) and path[at][0] == way:
            at += 1
    return at
