"""The synthetic network: one piece, on land, the same every time, and different from the straight line at the bay."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from data.road_noding import ATTRIBUTES, drop_stubs, ends, join_chains, main_component, merge_junctions, node_lines
from data.road_rules import direct, possible_turns
from data.synthetic_roads import read_plan, smooth, synthesise
from gis.errors import DataError

KENDARI = Path(__file__).resolve().parents[2] / "data/cities/kendari"
METRIC = 32751
SPEED_KPH = {"trunk": 50, "primary": 45, "secondary": 38, "tertiary": 30, "residential": 16, "service": 8}


@pytest.fixture(scope="module")
def network():
    return synthesise(SimpleNamespace(folder=KENDARI, metric_srid=METRIC))


@pytest.fixture(scope="module")
def graph(network) -> nx.DiGraph:
    nodes, edges, _ = network
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes["node_id"])
    for row in edges.itertuples():
        seconds = row.length_m / (SPEED_KPH[row.road_class] / 3.6)
        ways = [(row.from_node, row.to_node)] if row.direction != "backward" else []
        ways += [(row.to_node, row.from_node)] if row.direction != "forward" else []
        for start, end in ways:
            if seconds < graph.get_edge_data(start, end, {"s": np.inf})["s"]:
                graph.add_edge(start, end, s=seconds)
    return graph


@pytest.fixture(scope="module")
def areas() -> gpd.GeoDataFrame:
    return gpd.read_file(KENDARI / "admin_areas.geojson").to_crs(METRIC)


def test_size_is_that_of_a_city(network):
    nodes, edges, restrictions = network
    assert 9_000 < len(nodes) < 12_500
    assert edges["length_m"].sum() > 1_000_000
    assert {"trunk", "primary", "secondary", "tertiary", "residential", "service"} == set(edges["road_class"])
    assert set(restrictions["kind"]) == {"no", "only"}


def test_columns_are_those_of_the_road_tables(network):
    from routing_engine.network.tables import road_edge, road_node, road_restriction

    for frame, table in zip(network, (road_node, road_edge, road_restriction), strict=True):
        columns = [column for column in table.columns if column.name not in ("road_build_id", "geom")]
        needed = {column.name for column in columns if not column.nullable and column.server_default is None}
        given = set(frame.columns) - {"geometry"}
        # What only imported roads have (signals, access by vehicle, layers) is defaulted where it is written.
        assert given <= {column.name for column in columns}
        assert needed - {"access_forward", "access_backward"} <= given


def test_same_seed_same_bytes(network):
    again = synthesise(SimpleNamespace(folder=KENDARI, metric_srid=METRIC))
    for first, second in zip(network, again, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second))


def test_edges_hang_on_their_nodes(network):
    nodes, edges, _ = network
    at = nodes.set_index("node_id").geometry
    for place, column in ((0, "from_node"), (-1, "to_node")):
        tips = shapely.get_point(edges.geometry.to_numpy(), place)
        assert (shapely.distance(tips, at[edges[column]].to_numpy()) == 0).all()


def test_length_is_geodesic(network):
    _, edges, _ = network
    geod = pyproj.Geod(ellps="WGS84")
    for row in edges.sample(200, random_state=1).itertuples():
        assert row.length_m == pytest.approx(geod.geometry_length(row.geometry), abs=0.01)


def test_everything_can_be_reached_from_everywhere(graph):
    largest = max(nx.strongly_connected_components(graph), key=len)
    assert len(largest) > 0.99 * graph.number_of_nodes()


def test_only_bridges_leave_the_land(network, areas):
    _, edges, _ = network
    land = areas[areas["level"] == "kelurahan"].union_all().buffer(0.5)
    edges = edges.to_crs(METRIC)
    wet = edges[~shapely.covers(land, edges.geometry.to_numpy())]
    assert wet["is_bridge"].all()
    assert set(wet["name"]) == {"Jembatan Teluk Kendari", "Jembatan Bungkutoko"}
    assert set(edges.loc[edges["is_bridge"], "name"]) == set(wet["name"])


def test_streets_meet_at_shared_nodes(network):
    # Two edges that cross without a common node would be a crossing nobody can turn at.
    _, edges, _ = network
    lines = edges.to_crs(METRIC).geometry.to_numpy()
    first, second = shapely.STRtree(lines).query(lines, predicate="crosses")
    ends_of = edges[["from_node", "to_node"]].to_numpy()
    apart = [(a, b) for a, b in zip(first, second, strict=True) if a < b and not set(ends_of[a]) & set(ends_of[b])]
    assert len(apart) <= 0.001 * len(edges)


def test_streets_turn_with_the_place(network):
    # Not one lattice: the courses of local streets differ from kelurahan to kelurahan.
    _, edges, _ = network
    local = edges[edges["road_class"] == "residential"].to_crs(METRIC)
    tips = shapely.get_coordinates(shapely.boundary(local.geometry.to_numpy())).reshape(-1, 2, 2)
    way = tips[:, 1] - tips[:, 0]
    course = np.degrees(np.arctan2(way[:, 0], way[:, 1])) % 90
    counts, _ = np.histogram(course, bins=9, range=(0, 90))
    assert counts.min() > 0.05 * counts.sum()


def test_lorong_are_narrow_dead_ends(network):
    nodes, edges, _ = network
    degree = np.bincount(np.concatenate([edges["from_node"], edges["to_node"]]), minlength=len(nodes) + 1)
    lorong = edges[edges["road_class"] == "service"]
    assert len(lorong) > 500
    assert (lorong["width_m"] <= 3.0).all()
    assert (degree[lorong["to_node"]] == 1).mean() + (degree[lorong["from_node"]] == 1).mean() > 0.98


def test_restrictions_are_turns_the_directions_allow(network):
    _, edges, restrictions = network
    rank = {"trunk": 1, "primary": 2, "secondary": 3, "tertiary": 4, "residential": 5, "service": 6}
    allowed = possible_turns(edges.to_crs(METRIC).assign(rank=edges["road_class"].map(rank)))
    keys = set(zip(allowed["from_edge"], allowed["via_node"], allowed["to_edge"], strict=True))
    assert len(restrictions) == 30
    assert restrictions["via_node"].is_unique
    for row in restrictions.itertuples():
        assert (row.from_edge, row.via_node, row.to_edge) in keys


@pytest.mark.parametrize(
    ("spot", "across", "reached"),
    [
        # Fire in Lapulu, south shore: Kendari Barat's post is nearer as the crow flies, Poasia's by road.
        ((122.5819, -3.9812), (122.54750, -3.96400), (122.54900, -4.00300)),
        # Ambulance for Petoaha: Puskesmas Mata lies across the harbour mouth, Puskesmas Nambo on this side.
        ((122.6052, -3.9890), (122.60057, -3.97473), (122.61612, -4.00339)),
    ],
)
def test_nearest_across_the_bay_is_not_nearest_by_road(network, graph, areas, spot, across, reached):
    nodes = network[0]
    tree = shapely.STRtree(nodes.geometry.to_numpy())
    spot_node, across_node, reached_node = (
        int(nodes["node_id"].iloc[tree.nearest(shapely.Point(place))]) for place in (spot, across, reached)
    )
    geod = pyproj.Geod(ellps="WGS84")
    assert geod.inv(*spot, *across)[2] < geod.inv(*spot, *reached)[2]
    line = gpd.GeoSeries([shapely.LineString([across, spot])], crs=4326).to_crs(METRIC).iloc[0]
    assert line.intersection(areas.set_index("code").geometry["W01"]).length > 600
    by_road = [nx.shortest_path_length(graph, node, spot_node, weight="s") for node in (across_node, reached_node)]
    assert by_road[1] < 0.85 * by_road[0]


def test_arterial_into_the_water_is_refused(tmp_path):
    from data.synthetic_roads import grow_roads

    (tmp_path / "admin_areas.geojson").write_text((KENDARI / "admin_areas.geojson").read_text())
    plan = (KENDARI / "roads.toml").read_text()
    wet = '[[arterial]]\nname = "Jl. Basah"\nclass = "primary"\npath = ["rsud", "lapulu"]\n\n[[centre]]'
    (tmp_path / "roads.toml").write_text(plan.replace("[[centre]]", wet, 1))
    with pytest.raises(DataError, match=r"Jl\. Basah \(\d+ m\)"):
        grow_roads(tmp_path, metric_srid=METRIC)


def test_unknown_junction_is_refused(tmp_path):
    path = tmp_path / "roads.toml"
    path.write_text(
        (KENDARI / "roads.toml").read_text().replace('path = ["wua_wua", [122.5012', 'path = ["x", [122.5012')
    )
    with pytest.raises(DataError, match=r"D\.I\. Panjaitan.*'x'"):
        read_plan(path, metric_srid=METRIC)


def test_curve_goes_through_its_points():
    xy = np.array([[0.0, 0.0], [300.0, 100.0], [500.0, -50.0], [900.0, 0.0]])
    curve = shapely.LineString(smooth(xy))
    assert max(curve.distance(shapely.Point(point)) for point in xy) < 1e-9
    assert curve.length < 1.2 * shapely.LineString(xy).length


def streets(*lines: list[tuple[float, float]], bridges: tuple[int, ...] = ()) -> gpd.GeoDataFrame:
    rows = pd.DataFrame(
        [
            ("residential", 5 + index / 10, f"Jl. {index}", 5.0, index in bridges, False, True)
            for index in range(len(lines))
        ],
        columns=ATTRIBUTES,
    )
    return gpd.GeoDataFrame(rows, geometry=[shapely.LineString(line) for line in lines], crs=METRIC)


def test_crossing_streets_share_a_node_and_bridges_do_not():
    cross = streets([(0, 0), (100, 0)], [(50, -50), (50, 50)], [(25, -50), (25, 50)], bridges=(2,))
    edges = node_lines(cross)
    start, end, xy = ends(edges)
    assert sorted(np.bincount(np.concatenate([start, end]), minlength=len(xy)).tolist()) == [1, 1, 1, 1, 1, 1, 4]
    assert edges["name"].value_counts().to_dict() == {"Jl. 0": 2, "Jl. 1": 2, "Jl. 2": 1}


def test_stubs_go_and_chains_become_one_edge():
    drawn = streets([(0, 0), (100, 0)], [(50, -3), (50, 40)], [(70, -2), (70, 2)])
    edges = join_chains(drop_stubs(node_lines(drawn)))
    assert sorted(zip(edges["name"], edges.length.round(), strict=True)) == [
        ("Jl. 0", 50.0),
        ("Jl. 0", 50.0),
        ("Jl. 1", 40.0),
    ]


def test_junctions_side_by_side_become_one():
    drawn = streets([(0, 0), (100, 0)], [(50, 0), (50, 60)], [(55, 0), (55, -60)])
    edges = merge_junctions(node_lines(drawn))
    start, end, xy = ends(edges)
    assert np.bincount(np.concatenate([start, end]), minlength=len(xy)).max() == 4
    assert len(edges) == 4


def test_islands_are_left_out():
    drawn = streets([(0, 0), (100, 0)], [(50, 0), (50, 60)], [(500, 0), (600, 0)])
    assert set(main_component(node_lines(drawn))["name"]) == {"Jl. 0", "Jl. 1"}


def test_one_way_that_would_cut_the_network_is_opened():
    # A ring of three one-ways holds together; the tail to node 3 must stay open both ways.
    edges = pd.DataFrame({"from_node": [0, 1, 2, 2], "to_node": [1, 2, 0, 3]})
    wish = np.array(["forward"] * 4, dtype=object)
    assert direct(edges, wish).tolist() == ["forward", "forward", "forward", "both"]
