"""Real extracts, whole: what is imported hangs together, keeps every vertex and honours what the file says.

The reader used here knows nothing of ours: it walks the file again, object by object.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import osmium
import pyproj
import pytest
import shapely

from data.osm_network import Roads, read_roads
from data.road_components import components_of
from data.roads import check_roads
from routing_engine.network.groups import CAR, EMERGENCY, EVERY
from tests.conftest import GEODATA

EXTRACTS = "malta baltimore liechtenstein harrisburg monaco helsinki_centre north_bayreuth andorra bayfront_singapore"
# Turn restrictions in the file, by a count of our own when these tests were written; at least so many become rows.
TURNS = {"malta": 239, "north_bayreuth": 40, "helsinki_centre": 45, "bayfront_singapore": 40, "harrisburg": 11}


@dataclass
class File:
    """An extract by pyosmium alone: streets any car may drive by class alone, node positions."""

    ways: dict[int, tuple[list[int], dict[str, str]]]
    positions: dict[int, tuple[float, float]]
    n_restrictions: int


def path_of(name: str) -> Path:
    path = GEODATA / "osm" / f"{name}.osm.pbf"
    if not path.exists():
        pytest.skip(f"real data not found at {path}")
    return path


@cache
def roads_of(name: str) -> Roads:
    return read_roads(path_of(name))


@cache
def file_of(name: str) -> File:
    ways, positions, restrictions = {}, {}, 0
    for item in osmium.FileProcessor(str(path_of(name))):
        if item.is_way() and "highway" in item.tags:
            ways[item.id] = ([node.ref for node in item.nodes], dict(item.tags))
        elif item.is_node():
            positions[item.id] = (item.location.lon, item.location.lat)
        elif item.is_relation():
            restrictions += item.tags.get("type") == "restriction"
    return File(ways, positions, restrictions)


@pytest.fixture(params=EXTRACTS.split())
def name(request: pytest.FixtureRequest) -> str:
    path_of(request.param)
    return str(request.param)


def test_the_network_hangs_together(name: str) -> None:
    roads = roads_of(name)
    check_roads(roads.nodes, roads.edges, roads.restrictions)
    edges = roads.edges
    assert (edges["from_node"] != edges["to_node"]).all()
    assert ((edges["access_forward"] | edges["access_backward"]) > 0).all()
    assert edges["osm_way_id"].is_monotonic_increasing
    ends = shapely.get_coordinates(shapely.get_point(edges["geometry"].to_numpy(), 0))
    at = roads.nodes.set_index("node_id").loc[edges["from_node"], ["lon", "lat"]].to_numpy()
    np.testing.assert_array_equal(ends, at)
    ends = shapely.get_coordinates(shapely.get_point(edges["geometry"].to_numpy(), -1))
    at = roads.nodes.set_index("node_id").loc[edges["to_node"], ["lon", "lat"]].to_numpy()
    np.testing.assert_array_equal(ends, at)


def test_every_street_keeps_every_vertex(name: str) -> None:
    """The edges of a way, end to end, are the way; but for nodes the file has no position of."""
    roads, file = roads_of(name), file_of(name)
    drawn: dict[int, list[tuple[float, float]]] = {}
    for way, line in zip(roads.edges["osm_way_id"].astype(int), roads.edges["geometry"], strict=True):
        vertices = [tuple(xy) for xy in shapely.get_coordinates(line).tolist()]
        whole = drawn.setdefault(way, [])
        whole += vertices[1:] if whole and whole[-1] == vertices[0] else vertices
    for way, whole in drawn.items():
        known = [file.positions[ref] for ref in file.ways[way][0] if ref in file.positions]
        different = [xy for i, xy in enumerate(known) if i == 0 or xy != known[i - 1]]
        n_missing = sum(ref not in file.positions for ref in file.ways[way][0])
        if not n_missing:
            assert whole == different
        else:
            assert set(whole) <= set(known)


def test_every_street_for_cars_is_there(name: str) -> None:
    """By the plainest reading of the tags: of a class for cars, and nothing said about access."""
    classes = {"motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential", "service"}
    roads, file = roads_of(name), file_of(name)
    there = set(roads.edges["osm_way_id"].astype(int))
    words = {"access", "vehicle", "motor_vehicle", "motorcar", "area", "service"}
    for way, (refs, tags) in file.ways.items():
        located = [file.positions.get(ref) for ref in refs]
        is_drawn = any(a and b and a != b for a, b in itertools.pairwise(located))
        if tags["highway"].removesuffix("_link") in classes and not words & tags.keys() and is_drawn:
            assert way in there or tags.get("oneway") == "reversible", way


def test_one_ways(name: str) -> None:
    roads, file = roads_of(name), file_of(name)
    bits = roads.edges.groupby("osm_way_id")[["access_forward", "access_backward"]].agg(
        lambda x: np.bitwise_or.reduce(x)
    )
    seen = Counter()
    for way, (forward, backward) in zip(bits.index.astype(int), bits.to_numpy().tolist(), strict=True):
        tags = file.ways[way][1]
        if tags.get("oneway") == "yes" or tags["highway"] == "motorway" or tags.get("junction") == "roundabout":
            expected = tags.get("oneway") in ("no", "-1", "reversible")
            assert bool(backward & CAR) == expected, way
            seen["forward"] += 1
        elif tags.get("oneway") == "-1":
            assert not forward & CAR
            seen["backward"] += 1
        elif "oneway" not in tags and "junction" not in tags:
            assert forward & CAR == backward & CAR or any(":" in key for key in tags)
            seen["both"] += 1
    assert seen["both"] > 10


def test_lengths_are_geodesic(name: str) -> None:
    edges = roads_of(name).edges.sample(200, random_state=1, replace=True)
    geod = pyproj.Geod(ellps="WGS84")
    expected = [geod.geometry_length(line) for line in edges["geometry"]]
    np.testing.assert_allclose(edges["length_m"], expected, atol=6e-4, rtol=1e-9)


def test_restrictions_are_used_or_said(name: str) -> None:
    """Each relation of the file is behind a row, or counted among those dropped."""
    roads, file = roads_of(name), file_of(name)
    turns = roads.restrictions[roads.restrictions["reason"] == "turn"]
    assert turns["osm_id"].nunique() + roads.dropped.total() == file.n_restrictions
    assert file.n_restrictions >= TURNS.get(name, 0)
    assert turns["osm_id"].nunique() >= 0.8 * file.n_restrictions - 1
    ends = roads.edges.set_index("edge_id")[["from_node", "to_node"]]
    for row in roads.restrictions.itertuples():
        chain = [row.from_edge, *row.via_edges, row.to_edge]
        at = row.via_node
        assert at in ends.loc[chain[0]].tolist()
        for edge in chain[1:]:
            pair = ends.loc[edge].tolist()
            assert at in pair
            at = pair[1] if pair[0] == at else pair[0]
        assert 0 < row.applies <= EVERY


def test_the_main_part_is_most_of_it(name: str) -> None:
    roads = roads_of(name)
    parts = components_of(roads.nodes, roads.edges, EMERGENCY)
    total = roads.edges["length_m"].sum()
    assert parts.main_length_m + parts.outside_length_m + parts.closed_length_m == pytest.approx(total)
    # A few streets cut out of Singapore, one-way most of them, do not hang together.
    assert parts.main_length_m > (0.3 if name == "bayfront_singapore" else 0.75) * total


def test_helsinki_has_nodes_without_position() -> None:
    """Cut at the edge of the extract: said, and the rest of those streets is there."""
    roads = roads_of("helsinki_centre")
    assert roads.counts["nodes_without_position"] > 100
    said = [finding for finding in roads.findings if finding.field == "node"]
    assert len(said) > 50
    west, south, east, north = roads.bounds
    placed = [finding for finding in said if finding.lon is not None]
    assert len(placed) > 0.9 * len(said)
    assert all(west - 0.01 <= one.lon <= east + 0.01 and south - 0.01 <= one.lat <= north + 0.01 for one in placed)


def test_reading_twice_gives_the_same(name: str) -> None:
    again, roads = read_roads(path_of(name)), roads_of(name)
    assert again.edges.drop(columns="geometry").equals(roads.edges.drop(columns="geometry"))
    assert again.restrictions.equals(roads.restrictions)
