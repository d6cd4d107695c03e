"""Streets as mapped become edges: cut at junctions, every vertex kept, faults of the data survived and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from data.osm_reader import read_extract
from gis.errors import DataError
from tests.data.osm import place, roads_of, write_osm

STREET = {"highway": "residential"}


def edges_of(roads):
    """Return the edges as `(way, from, to)`."""
    rows = roads.edges[["osm_way_id", "from_node", "to_node"]].to_numpy(np.int64)
    return [tuple(row) for row in rows.tolist()]


def test_a_street_is_cut_where_another_meets_it_and_nowhere_else(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (1, 0.2), 3: (2, 0), 4: (3, 0), 5: (2, 1)}
    roads = roads_of(tmp_path, nodes, {10: ([1, 2, 3, 4], STREET | {"name": "Jl. Satu"}), 11: ([3, 5], STREET)})
    assert edges_of(roads) == [(10, 1, 3), (10, 3, 4), (11, 3, 5)]
    assert roads.edges["edge_id"].tolist() == [1, 2, 3]
    assert roads.edges["name"].tolist() == ["Jl. Satu", "Jl. Satu", None]
    assert roads.nodes["node_id"].tolist() == [1, 3, 4, 5]
    first = roads.edges["geometry"].iloc[0]
    assert shapely.get_coordinates(first).tolist() == [list(place(0, 0)), list(place(1, 0.2)), list(place(2, 0))]
    assert roads.edges["length_m"].iloc[0] == pytest.approx(pyproj.Geod(ellps="WGS84").geometry_length(first), abs=1e-3)
    at = roads.nodes.set_index("node_id").loc[3]
    assert (at["lon"], at["lat"]) == place(2, 0)


def test_streets_that_cross_without_a_common_node_do_not_meet(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (2, 0), 3: (1, -1), 4: (1, 1)}
    ways = {10: ([1, 2], STREET), 11: ([3, 4], STREET | {"bridge": "yes", "layer": "1"})}
    roads = roads_of(tmp_path, nodes, ways)
    assert edges_of(roads) == [(10, 1, 2), (11, 3, 4)]
    assert roads.edges["is_bridge"].tolist() == [False, True]
    assert roads.edges["layer"].tolist() == [0, 1]


def test_rings_are_cut_in_the_middle(tmp_path: Path) -> None:
    """No edge begins where it ends: a roundabout, a loop at the end of a street, a street there and back."""
    nodes = {1: (0, 0), 2: (1, 0), 3: (2, 1), 4: (3, 0), 5: (2, -1), 6: (5, 0), 7: (6, 0)}
    ways = {
        10: ([1, 2], STREET),
        11: ([2, 3, 4, 5, 2], STREET | {"junction": "roundabout"}),
        12: ([6, 7, 6], STREET),
    }
    roads = roads_of(tmp_path, nodes, ways)
    assert edges_of(roads) == [(10, 1, 2), (11, 2, 4), (11, 4, 2), (12, 6, 7), (12, 7, 6)]
    assert roads.counts["rings_cut"] == 2
    assert roads.edges["is_roundabout"].tolist() == [False, True, True, False, False]
    assert roads.edges["access_backward"].tolist() == [7, 0, 0, 7, 7]


def test_pieces_of_no_length_join_their_ends(tmp_path: Path) -> None:
    """Two nodes at one place, and a node twice in a row: nothing gets lost and no edge has no length."""
    nodes = {1: (0, 0), 2: (1, 0), 3: (1, 0), 4: (2, 0), 5: (1, 1), 6: (1, 0), 7: (9, 9), 8: (9, 9)}
    ways = {10: ([1, 2, 3, 4], STREET), 11: ([5, 3], STREET), 12: ([6, 5, 5, 1], STREET), 13: ([7, 8], STREET)}
    roads = roads_of(tmp_path, nodes, ways)
    # 6 lies on 2 and 3, but no way says that they meet.
    assert edges_of(roads) == [(10, 1, 2), (10, 2, 4), (11, 5, 2), (12, 6, 5), (12, 5, 1)]
    assert roads.counts["pieces_of_no_length"] == 3
    assert (roads.edges["length_m"] > 0).all()


def test_a_bend_between_pieces_of_no_length_stays_one_edge(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (1, 0), 3: (1, 0), 4: (2, 1)}
    assert edges_of(roads_of(tmp_path, nodes, {10: ([1, 2, 3, 4], STREET)})) == [(10, 1, 4)]


def test_ways_of_one_node_and_nodes_without_position(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (1, 0), 4: (3, 0), 5: (4, 0)}
    ways = {10: ([1], STREET), 11: ([1, 2, 3, 4, 5], STREET), 12: ([8, 9], STREET), 13: ([], STREET)}
    roads = roads_of(tmp_path, nodes, ways)
    assert edges_of(roads) == [(11, 1, 2), (11, 4, 5)]
    assert (roads.counts["ways_of_one_node"], roads.counts["nodes_without_position"]) == (2, 3)
    said = {finding.reason.split(":")[0]: (finding.lon, finding.lat) for finding in roads.findings}
    assert said == {"way 11": place(4, 0), "way 12": (None, None)}


def test_of_a_way_given_twice_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "twice.osm"
    write_osm(path, {1: (0, 0), 2: (1, 0), 3: (2, 0)}, {10: ([1, 2], STREET)})
    again = '<way id="10" version="2"><nd ref="1"/><nd ref="3"/><tag k="highway" v="primary"/></way></osm>'
    path.write_text(path.read_text().replace("</osm>", again))
    assert read_extract(path).node_id.tolist() == [1, 3]


def test_clipping_keeps_the_pieces_that_reach_in(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (1, 0), 3: (2, 0), 4: (3, 0), 5: (8, 0), 6: (9, 0)}
    ways = {10: ([1, 2, 3, 4], STREET), 11: ([5, 6], STREET)}
    area = shapely.box(*place(0.5, -1), *place(1.5, 1))
    roads = roads_of(tmp_path, nodes, ways, clip=area)
    assert edges_of(roads) == [(10, 1, 3)]
    assert roads.counts["ways_outside"] == 1
    nothing = roads_of(tmp_path, nodes, ways, clip=shapely.box(0, 0, 1, 1))
    assert (len(nothing.edges), len(nothing.nodes), nothing.bounds) == (0, 0, None)


def test_signals_at_ends_and_between(tmp_path: Path) -> None:
    signal = {"highway": "traffic_signals"}
    nodes = {
        1: (0, 0, signal),
        2: (1, 0, signal | {"traffic_signals:direction": "forward"}),
        3: (2, 0, {"railway": "level_crossing"}),
        4: (3, 0, signal),
        5: (4, 0, {"railway": "level_crossing"}),
    }
    roads = roads_of(tmp_path, nodes, {10: ([1, 2, 3, 4, 5], STREET)})
    edge = roads.edges.iloc[0]
    assert (edge["n_signals_forward"], edge["n_signals_backward"], edge["n_level_crossings"]) == (2, 1, 1)
    assert roads.nodes["is_signal"].tolist() == [True, False]
    assert roads.nodes["is_level_crossing"].tolist() == [False, True]


def test_direction_is_the_word_for_cars(tmp_path: Path) -> None:
    """Access bits say more: an ambulance may use the bus lane against the one-way."""
    nodes = {number: (number, 0) for number in range(1, 6)}
    ways = {
        10: ([1, 2], STREET | {"oneway": "yes", "busway": "opposite_lane"}),
        11: ([2, 3], STREET | {"oneway": "-1"}),
        12: ([3, 4], {"highway": "service", "access": "no", "psv": "yes", "oneway": "yes"}),
        13: ([4, 5], STREET),
    }
    edges = roads_of(tmp_path, nodes, ways).edges
    assert edges["direction"].tolist() == ["forward", "backward", "forward", "both"]
    bits = list(zip(edges["access_forward"], edges["access_backward"], strict=True))
    assert bits == [(7, 4), (0, 7), (4, 0), (7, 7)]


def test_a_ferry_takes_as_long_as_it_says(tmp_path: Path) -> None:
    nodes, ways = {1: (0, 0), 2: (10, 0), 3: (20, 0)}, {10: ([1, 2, 3], {"route": "ferry", "duration": "0:10"})}
    with pytest.raises(DataError, match="none of them a street"):
        roads_of(tmp_path, nodes, ways)
    edge = roads_of(tmp_path, nodes, ways, with_ferries=True).edges.iloc[0]
    assert edge["length_m"] * 3.6 / edge["speed_kph"] == pytest.approx(600)


def test_what_was_not_understood_has_a_place(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (1, 0), 3: (2, 0)}
    ways = {10: ([1, 2], STREET | {"maxspeed": "fast"}), 11: ([2, 3], {"highway": "motroway"})}
    found = roads_of(tmp_path, nodes, ways).findings
    assert [(one.field, one.value, one.level) for one in found] == [
        ("maxspeed", "fast", "warning"),
        ("highway", "motroway", "warning"),
    ]
    assert (found[0].lon, found[0].lat) == place(0, 0)
    assert "way 10" in found[0].reason


def test_the_hundredth_doubt_of_a_kind_is_only_counted(tmp_path: Path) -> None:
    nodes = {number: (number, 0) for number in range(1, 102)}
    ways = {1000 + n: ([n, n + 1], STREET | {"maxspeed": "fast"}) for n in range(1, 101)}
    found = roads_of(tmp_path, nodes, ways).findings
    assert len(found) == 50
    assert found[-1].reason.endswith("and 50 more ways")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.osm.pbf", None, "no such file"),
        ("empty.osm.pbf", b"", "empty"),
        ("text.osm.pbf", b"this is no protocol buffer, whatever its name says", "cannot be read"),
        ("map.pdf", b"%PDF-1.7", "unknown kind"),
        ("uji.osh.pbf", b"anything", "a history file"),
        ("cut.osm", b'<?xml version="1.0"?><osm version="0.6"><node id="1" lon="1"', "cannot be read"),
        ("none.osm", b'<?xml version="1.0"?><osm version="0.6"></osm>', "no ways"),
    ],
)
def test_what_is_no_extract_is_refused(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_extract(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_extract(tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path: Path, geodata: Path, share: float) -> None:
    whole = (geodata / "osm/monaco.osm.pbf").read_bytes()
    path = tmp_path / "cut.osm.pbf"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="cannot be read"):
        read_extract(path)
