"""Road builds: written whole or not at all, one current, unchanged content keeps its build."""

from __future__ import annotations

from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import Connection, text

from data.roads import digest_of, write_roads
from gis.errors import DataError

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def small_network(name: str | None = "Jl. Satu"):
    """Three nodes in a row, two edges, the way back forbidden."""
    nodes = gpd.GeoDataFrame(
        {"node_id": [1, 2, 3]}, geometry=shapely.points([[122.50, -4.0], [122.51, -4.0], [122.52, -4.0]]), crs=4326
    )
    edges = gpd.GeoDataFrame(
        {
            "edge_id": [1, 2],
            "from_node": [1, 2],
            "to_node": [2, 3],
            "road_class": ["primary", "service"],
            "name": [name, None],
            "direction": ["both", "forward"],
            "length_m": [1110.0, 1110.0],
            "speed_kph": [np.nan, 30.0],
            "width_m": [12.0, np.nan],
            "is_bridge": [False, True],
        },
        geometry=shapely.linestrings([[[122.50, -4.0], [122.51, -4.0]], [[122.51, -4.0], [122.52, -4.0]]]),
        crs=4326,
    )
    turns = pd.DataFrame(
        {"road_restriction_id": [1], "from_edge": [1], "via_node": [2], "to_edge": [2], "kind": ["no"]}
    )
    return nodes, edges, turns


def write(tx: Connection, network, *, source: str = "test") -> int:
    return write_roads(tx, *network, source=source, is_synthetic=True, now=NOW)


def test_what_is_written_can_be_read(tx):
    build = write(tx, small_network())
    edges = tx.execute(
        text(
            "SELECT edge_id, name, speed_kph, width_m, is_bridge, ST_SRID(geom) AS srid, ST_AsText(geom) AS wkt"
            " FROM siaga.road_edge WHERE road_build_id = :build ORDER BY edge_id"
        ),
        {"build": build},
    ).all()
    assert edges == [
        (1, "Jl. Satu", None, 12.0, False, 4326, "LINESTRING(122.5 -4,122.51 -4)"),
        (2, None, 30.0, None, True, 4326, "LINESTRING(122.51 -4,122.52 -4)"),
    ]
    row = tx.execute(text("SELECT source, is_synthetic, is_current, built_at, report FROM siaga.road_build")).one()
    assert row[:4] == ("test", True, True, NOW)
    assert row.report == {"n_nodes": 3, "n_edges": 2, "n_restrictions": 1, "length_km": 2.2}
    assert tx.execute(text("SELECT count(*) FROM siaga.road_restriction")).scalar_one() == 1


def test_same_content_keeps_its_build(tx):
    assert write(tx, small_network()) == write(tx, small_network())
    assert tx.execute(text("SELECT count(*) FROM siaga.road_build")).scalar_one() == 1


@pytest.mark.parametrize("other", [(small_network("Jl. Dua"), "test"), (small_network(), "another source")])
def test_other_content_or_source_becomes_current(tx, other):
    network, source = other
    first = write(tx, small_network())
    second = write(tx, network, source=source)
    current = tx.execute(text("SELECT road_build_id FROM siaga.road_build WHERE is_current")).scalars().all()
    assert second != first
    assert current == [second]
    assert tx.execute(text("SELECT count(*) FROM siaga.road_edge")).scalar_one() == 4


def test_row_order_does_not_change_the_digest():
    nodes, edges, turns = small_network()
    assert digest_of(nodes[::-1], edges[::-1], turns, "x") == digest_of(nodes, edges, turns, "x")
    moved = nodes.set_geometry(nodes.translate(0.00001).to_numpy())
    assert digest_of(moved, edges, turns, "x") != digest_of(nodes, edges, turns, "x")


def test_every_fault_is_named_and_nothing_written(tx):
    nodes, edges, turns = small_network()
    edges.loc[0, "from_node"] = 9
    edges.loc[1, "direction"] = "sideways"
    edges.loc[1, "length_m"] = np.nan
    turns.loc[0, "to_edge"] = 7
    with pytest.raises(
        DataError,
        match="1 edges with an unknown node, 1 edges with an unknown direction, 1 edges without a positive length,"
        " 1 turns with an unknown edge",
    ):
        write(tx, (nodes, edges, turns))
    assert tx.execute(text("SELECT count(*) FROM siaga.road_build")).scalar_one() == 0
