"""Turn restrictions and barriers as rows over edges.

The crossing: 1 west, 2 south, 3 east, 4 north around 5; streets 10 (1-5), 20 (2-5), 30 (5-3), 40 (5-4).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from data.osm_restrictions import read_restriction
from tests.data.osm import Member, Tags, roads_of

STREET = {"highway": "residential"}
NODES = {1: (-1, 0), 2: (0, -1), 3: (1, 0), 4: (0, 1), 5: (0, 0)}
WAYS = {10: ([1, 5], STREET), 20: ([2, 5], STREET), 30: ([5, 3], STREET), 40: ([5, 4], STREET)}


def relation(
    *members: tuple[str, int, str], kind: str = "no_left_turn", **tags: str
) -> dict[int, tuple[list[Member], Tags]]:
    named = {key.replace("__", ":"): value for key, value in tags.items()}
    return {7: (list(members), {"type": "restriction", "restriction": kind} | named)}


def via_node(start: int = 10, via: int = 5, end: int = 40) -> tuple[tuple[str, int, str], ...]:
    return ("way", start, "from"), ("node", via, "via"), ("way", end, "to")


def rows(roads) -> list[tuple[object, ...]]:
    """Return restrictions as (from way, via node, via ways, to way, kind, applies, reason)."""
    way = dict(zip(roads.edges["edge_id"], roads.edges["osm_way_id"].astype(int), strict=True))
    return [
        (
            way[row.from_edge],
            row.via_node,
            tuple(way[edge] for edge in row.via_edges),
            way[row.to_edge],
            row.kind,
            row.applies,
            row.reason,
        )
        for row in roads.restrictions.itertuples()
    ]


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("no_left_turn", "no"), ("no_straight_on", "no"), ("no_u_turn", "no"), ("only_straight_on", "only")],
)
def test_via_a_node(tmp_path: Path, kind: str, kept: str) -> None:
    roads = roads_of(tmp_path, NODES, WAYS, relation(*via_node(), kind=kind))
    assert rows(roads) == [(10, 5, (), 40, kept, 7, "turn")]
    assert roads.restrictions["osm_id"].tolist() == [7]
    assert roads.restrictions["road_restriction_id"].tolist() == [1]


@pytest.mark.parametrize(
    ("tags", "applies"),
    [
        ({"except": "psv"}, 3),
        ({"except": "emergency;bicycle"}, 3),
        ({"except": "motorcycle"}, 5),
        ({"except": "motorcar"}, 2),
        ({"except": "bicycle"}, 7),
    ],
)
def test_whom_it_spares(tmp_path: Path, tags: dict[str, str], applies: int) -> None:
    assert rows(roads_of(tmp_path, NODES, WAYS, relation(*via_node(), **tags)))[0][5] == applies


def plain(tags: Tags, members: list[tuple[str, int, str]] | None = None):
    return read_restriction(7, tags, members or [("w", 10, "from"), ("n", 5, "via"), ("w", 40, "to")])


@pytest.mark.parametrize(
    ("tags", "applies"),
    [
        ({"restriction:motorcar": "no_left_turn"}, 5),
        ({"restriction:motorcycle": "only_straight_on"}, 2),
        ({"restriction:motor_vehicle": "no_u_turn"}, 7),
        ({"restriction:motorcycle": "no_u_turn", "restriction:motorcar": "no_u_turn"}, 7),
    ],
)
def test_whom_it_binds(tags: dict[str, str], applies: int) -> None:
    assert plain(tags).applies == applies


@pytest.mark.parametrize(
    ("tags", "members", "said"),
    [
        ({"restriction:conditional": "no_left_turn @ (07:00-09:00)"}, None, "holds at times only"),
        ({"restriction": "no_left_turn", "hour_on": "7", "hour_off": "9"}, None, "holds at times only"),
        ({"restriction:hgv": "no_left_turn"}, None, "for other vehicles"),
        ({"restriction": "no_left_turn", "except": "motor_vehicle"}, None, "for other vehicles"),
        ({"restriction": "give_way"}, None, "unknown kind"),
        ({"restriction": "no_left_turn"}, [("w", 10, "from"), ("w", 40, "to")], "a member is missing"),
        ({"restriction": "no_left_turn"}, [("w", 10, "from"), ("n", 5, "via")], "a member is missing"),
        ({"restriction": "no_left_turn"}, [("w", 10, "from"), ("n", 5, "via"), ("n", 4, "to")], "a member is missing"),
        (
            {"restriction": "only_left_turn"},
            [("w", 10, "from"), ("w", 20, "from"), ("n", 5, "via"), ("w", 40, "to")],
            "too many members",
        ),
        (
            {"restriction": "no_left_turn"},
            [("w", 10, "from"), ("n", 5, "via"), ("n", 6, "via"), ("w", 40, "to")],
            "too many members",
        ),
    ],
)
def test_what_is_not_read_is_said(tags: Tags, members: list[tuple[str, int, str]] | None, said: str) -> None:
    assert plain(tags, members) == said


def test_no_entry_and_no_exit_name_several_ways(tmp_path: Path) -> None:
    entry = (("way", 10, "from"), ("way", 20, "from"), ("node", 5, "via"), ("way", 40, "to"))
    assert rows(roads_of(tmp_path, NODES, WAYS, relation(*entry, kind="no_entry"))) == [
        (10, 5, (), 40, "no", 7, "turn"),
        (20, 5, (), 40, "no", 7, "turn"),
    ]
    leave = (("way", 10, "from"), ("node", 5, "via"), ("way", 30, "to"), ("way", 40, "to"))
    assert len(rows(roads_of(tmp_path, NODES, WAYS, relation(*leave, kind="no_exit")))) == 2


def test_turning_round(tmp_path: Path) -> None:
    members = via_node(10, 5, 10)
    assert rows(roads_of(tmp_path, NODES, WAYS, relation(*members, kind="no_u_turn"))) == [
        (10, 5, (), 10, "no", 7, "turn")
    ]


def test_turning_round_in_the_middle_of_a_way(tmp_path: Path) -> None:
    """Forbidden from both sides, and the way is cut there though nothing branches."""
    roads = roads_of(
        tmp_path, {1: (0, 0), 2: (1, 0), 3: (2, 0)}, {10: ([1, 2, 3], STREET)}, relation(*via_node(10, 2, 10))
    )
    assert [(row.from_edge, row.to_edge) for row in roads.restrictions.itertuples()] == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("ways", "members", "said"),
    [
        ({}, via_node(10, 5, 99), "a member is no street of the network"),
        ({}, via_node(10, 3, 40), "its ways do not meet at the via node"),
        ({}, via_node(10, 99, 40), "the via node is not on a street of the network"),
        ({10: ([5, 1], STREET | {"oneway": "yes"})}, via_node(), "forbids what cannot be driven"),
        ({40: ([4, 5], STREET | {"oneway": "yes"})}, via_node(), "forbids what cannot be driven"),
        ({10: ([1, 5, 3], STREET), 30: ([3, 4], STREET)}, via_node(), "a way passes through the via node"),
    ],
)
def test_what_cannot_be_placed_is_said_with_its_place(tmp_path: Path, ways, members, said: str) -> None:
    roads = roads_of(tmp_path, NODES, WAYS | ways, relation(*members))
    assert rows(roads) == []
    assert [reason[: len(said)] for reason in roads.dropped] == [said]
    assert all(finding.lon is not None for finding in roads.findings)
    assert [finding.field for finding in roads.findings] == ["restriction"]


def test_a_way_through_the_via_node_is_clear_when_it_is_one_way(tmp_path: Path) -> None:
    ways = WAYS | {10: ([1, 5, 3], STREET | {"oneway": "yes"}), 30: ([3, 4], STREET)}
    roads = roads_of(tmp_path, NODES, ways, relation(*via_node()))
    assert [(row.from_edge, row.via_node) for row in roads.restrictions.itertuples()] == [(1, 5)]


# A dual carriageway: 10 (1-2-3) east, 20 (6-5-4) west, joined by links 30 (2-5) and, for longer ways, 31, 32 (2-7-5).
DUAL = {1: (0, 0), 2: (2, 0), 3: (4, 0), 4: (0, 1), 5: (2, 1), 6: (4, 1), 7: (2.5, 0.5)}
CARRIAGEWAYS = {
    10: ([1, 2], STREET | {"oneway": "yes"}),
    11: ([2, 3], STREET | {"oneway": "yes"}),
    20: ([6, 5], STREET | {"oneway": "yes"}),
    21: ([5, 4], STREET | {"oneway": "yes"}),
}


@pytest.mark.parametrize(("kind", "kept"), [("no_u_turn", "no"), ("only_u_turn", "only")])
def test_via_a_way(tmp_path: Path, kind: str, kept: str) -> None:
    members = (("way", 10, "from"), ("way", 30, "via"), ("way", 21, "to"))
    roads = roads_of(tmp_path, DUAL, CARRIAGEWAYS | {30: ([5, 2], STREET)}, relation(*members, kind=kind))
    assert rows(roads) == [(10, 2, (30,), 21, kept, 7, "turn")]


def test_via_several_ways_in_driving_order(tmp_path: Path) -> None:
    """The order of members says nothing: it follows from where they meet; a side street cuts the link in two."""
    ways = CARRIAGEWAYS | {32: ([7, 5], STREET), 31: ([2, 8, 7], STREET), 50: ([8, 9], STREET)}
    nodes = DUAL | {8: (2.2, 0.2), 9: (3, 0.3)}
    members = (("way", 21, "to"), ("way", 32, "via"), ("way", 31, "via"), ("way", 10, "from"))
    assert rows(roads_of(tmp_path, nodes, ways, relation(*members))) == [(10, 2, (31, 31, 32), 21, "no", 7, "turn")]


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ({30: ([5, 2], STREET | {"oneway": "yes"})}, "its ways do not meet, or cannot be driven in that order"),
        ({30: ([3, 6], STREET)}, "its ways do not meet, or cannot be driven in that order"),
        ({30: ([2, 5], {"highway": "footway"})}, "a member is no street of the network"),
    ],
)
def test_a_via_way_that_cannot_be_driven(tmp_path: Path, link, said: str) -> None:
    members = (("way", 10, "from"), ("way", 30, "via"), ("way", 21, "to"))
    roads = roads_of(tmp_path, DUAL, CARRIAGEWAYS | link, relation(*members))
    assert rows(roads) == []
    assert list(roads.dropped) == [said]


def test_a_barrier_lets_nobody_through_whom_it_stops(tmp_path: Path) -> None:
    """Turning round in front of it stays possible, and the street is cut there."""
    nodes = {1: (0, 0), 2: (1, 0, {"barrier": "bollard"}), 3: (2, 0)}
    roads = roads_of(tmp_path, nodes, {10: ([1, 2, 3], STREET)})
    assert len(roads.edges) == 2
    assert rows(roads) == [(10, 2, (), 10, "no", 5, "barrier"), (10, 2, (), 10, "no", 5, "barrier")]
    assert [(row.from_edge, row.to_edge) for row in roads.restrictions.itertuples()] == [(1, 2), (2, 1)]
    assert roads.restrictions["osm_id"].tolist() == [2, 2]


def test_a_barrier_at_a_junction_or_an_end(tmp_path: Path) -> None:
    nodes = NODES | {5: (0, 0, {"barrier": "block"}), 4: (0, 1, {"barrier": "gate", "locked": "yes"})}
    roads = roads_of(tmp_path, nodes, WAYS)
    assert len(roads.restrictions) == 4 * 3
    assert set(roads.restrictions["applies"]) == {5}


def test_the_same_restriction_twice_is_one_row(tmp_path: Path) -> None:
    one = relation(*via_node())
    assert len(roads_of(tmp_path, NODES, WAYS, one | {8: one[7]}).restrictions) == 1
