"""The basemap: made from the city's own tables, for a city with or without roads and waters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import Connection, Engine, Table, func, select, text

from data.basemap import build_basemap
from data.roads import write_roads
from data.synthetic_roads import synthesise
from gis.db import database_now
from gis.tables import basemap_area, basemap_label, basemap_line
from routing_engine.network.tables import road_edge

KENDARI = Path(__file__).resolve().parents[2] / "data/cities/kendari"
METRIC = 32751

AREA = text(
    """
INSERT INTO siaga.admin_area (level, code, name, parent_code, geom, geom_m, source)
SELECT :level, :code, :name, :parent, g, ST_Transform(g, 32751), 'test'
FROM ST_Multi(ST_GeomFromText(:shape, 4326)) AS g
"""
)


def insert_area(tx: Connection, level: str, code: str, name: str, shape, parent: str | None = None) -> None:
    row = {"level": level, "code": code, "name": name, "parent": parent, "shape": shape.wkt}
    tx.execute(AREA, row)


def square(x: float, y: float, width: float = 0.01):
    return shapely.box(122.5 + x * 0.01, -4.0 + y * 0.01, 122.5 + x * 0.01 + width, -4.0 + y * 0.01 + 0.01)


def insert_squares(tx: Connection) -> None:
    for code, x, y, parent in [("a1", 0, 0, "a"), ("a2", 1, 0, "a"), ("b1", 0, 1, "b"), ("b2", 1, 1, "b")]:
        insert_area(tx, "kelurahan", code, code.upper(), square(x, y), parent)
    insert_area(tx, "kecamatan", "a", "Selatan", square(0, 0, 0.02))
    insert_area(tx, "kecamatan", "b", "Utara", square(0, 1, 0.02))


def count(tx: Connection, table: Table, *where: object) -> int:
    return tx.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def kinds(tx: Connection, table: Table) -> set[str]:
    return set(tx.execute(select(table.c.kind).distinct()).scalars())


def content(tx: Connection, table: Table) -> list[tuple]:
    columns = [column for column in table.columns if column.name not in (f"{table.name}_id", "geom")]
    rows = tx.execute(select(*columns, func.ST_AsText(table.c.geom)).order_by(table.c[f"{table.name}_id"]))
    return [tuple(row) for row in rows]


@pytest.fixture(scope="module")
def kendari_map(engine: Engine) -> Iterator[Connection]:
    network = synthesise(SimpleNamespace(folder=KENDARI, metric_srid=METRIC))
    with engine.connect() as tx:
        for row in gpd.read_file(KENDARI / "admin_areas.geojson").itertuples():
            insert_area(tx, row.level, row.code, row.name, row.geometry, row.parent_code)
        write_roads(tx, *network, source="test", is_synthetic=True, now=database_now(tx))
        build_basemap(tx)
        yield tx
        tx.rollback()


def test_empty_database_gives_an_empty_map(tx):
    assert build_basemap(tx) == {"basemap_area": 0, "basemap_line": 0, "basemap_label": 0}


def test_city_without_roads_and_waters_has_land_borders_and_names(tx):
    insert_squares(tx)
    build_basemap(tx)
    assert kinds(tx, basemap_area) == {"land"}
    assert kinds(tx, basemap_line) == {"boundary"}
    assert kinds(tx, basemap_label) == {"kecamatan", "kelurahan"}


def test_each_border_is_drawn_once_at_its_highest_rank(tx):
    insert_squares(tx)
    build_basemap(tx)
    length = dict(
        tx.execute(
            text("SELECT rank, sum(ST_Length(ST_Transform(geom, 4326))) FROM siaga.basemap_line GROUP BY 1")
        ).all()
    )
    assert length == pytest.approx({1: 0.08, 2: 0.02, 3: 0.02}, rel=1e-4)


def test_shore_of_a_named_water_is_no_border(tx):
    insert_squares(tx)
    insert_area(tx, "water", "W1", "Teluk", square(2, 0, 0.01))
    build_basemap(tx)
    outer = tx.execute(
        text("SELECT sum(ST_Length(ST_Transform(geom, 4326))) FROM siaga.basemap_line WHERE rank = 1")
    ).scalar_one()
    assert outer == pytest.approx(0.07, rel=1e-4)
    assert kinds(tx, basemap_area) == {"land", "water"}
    assert kinds(tx, basemap_label) == {"kecamatan", "kelurahan", "water"}


def test_land_of_a_neighbour_is_drawn_below_the_city(tx):
    insert_squares(tx)
    tx.execute(
        text(
            "INSERT INTO siaga.neighbour (name, number, geom, geom_area) VALUES ('Konawe', '112',"
            " ST_GeomFromText('POINT(122.6 -4)', 4326), ST_GeomFromText(:shape, 4326))"
        ),
        {"shape": shapely.MultiPolygon([square(9, 0)]).wkt},
    )
    assert build_basemap(tx)["basemap_area"] == 2


def test_built_twice_is_the_same_map(kendari_map):
    tables = (basemap_area, basemap_line, basemap_label)
    before = {table.name: content(kendari_map, table) for table in tables}
    assert build_basemap(kendari_map) == {name: len(rows) for name, rows in before.items()}
    assert {table.name: content(kendari_map, table) for table in tables} == before


def test_demo_city_has_every_kind(kendari_map):
    assert kinds(kendari_map, basemap_area) == {"land", "water", "wood", "built"}
    found = kendari_map.execute(text("SELECT DISTINCT kind, rank FROM siaga.basemap_line")).all()
    assert set(found) == {("boundary", rank) for rank in (1, 2, 3)} | {("road", rank) for rank in range(1, 7)}
    assert {"kecamatan", "kelurahan", "water", "road"} <= kinds(kendari_map, basemap_label)
    assert count(kendari_map, basemap_label, basemap_label.c.kind == "kelurahan") == 65


def test_shapes_are_valid_and_few_enough_for_tiles(kendari_map):
    assert count(kendari_map, basemap_area, ~func.ST_IsValid(basemap_area.c.geom)) == 0
    assert count(kendari_map, basemap_line, func.ST_NumPoints(basemap_line.c.geom) < 2) == 0
    points = kendari_map.execute(text("SELECT sum(ST_NPoints(geom)) FROM siaga.basemap_area")).scalar_one()
    assert points < 10_000


def test_green_and_built_up_land_keep_apart_and_dry(kendari_map):
    overlap = text(
        """
SELECT coalesce(sum(ST_Area(ST_Intersection(a.geom, b.geom))), 0) / 1e6
FROM siaga.basemap_area a JOIN siaga.basemap_area b ON ST_Intersects(a.geom, b.geom)
WHERE a.kind = :a AND b.kind = :b
"""
    )
    for pair in ({"a": "wood", "b": "built"}, {"a": "wood", "b": "water"}, {"a": "built", "b": "water"}):
        assert kendari_map.execute(overlap, pair).scalar_one() < 0.05


def test_streets_of_one_name_are_one_chain(kendari_map):
    # Dozens of segments between junctions, few lines to draw.
    assert count(kendari_map, basemap_line, basemap_line.c.name == "Jl. MT Haryono") == 1
    assert count(kendari_map, basemap_line, basemap_line.c.kind == "road") < 0.5 * count(kendari_map, road_edge)


def test_main_roads_are_named_from_afar_and_again_close_up(kendari_map):
    zooms = kendari_map.execute(
        text("SELECT min_zoom FROM siaga.basemap_label WHERE name = 'Jl. Jend. Ahmad Yani' ORDER BY min_zoom")
    ).scalars()
    first, *more = list(zooms)
    assert first == 13
    assert len(more) >= 4
    assert set(more) == {16}


def test_label_of_an_area_lies_in_it(kendari_map):
    outside = text(
        """
SELECT count(*) FROM siaga.basemap_label l
WHERE l.kind IN ('kecamatan', 'kelurahan', 'water') AND NOT EXISTS (
  SELECT FROM siaga.admin_area a WHERE a.level = l.kind AND a.name = l.name AND ST_Covers(a.geom, l.geom))
"""
    )
    assert kendari_map.execute(outside).scalar_one() == 0


def test_places_people_know_are_named(tx):
    insert_squares(tx)
    tx.execute(
        text(
            "INSERT INTO siaga.place (name, kind, search, geom, accuracy_m, source) VALUES"
            " ('RSUD', 'hospital', 'rsud', ST_GeomFromText('POINT(122.505 -3.995)', 4326), 50, 'test'),"
            " ('Warung', 'stall', 'warung', ST_GeomFromText('POINT(122.506 -3.995)', 4326), 50, 'test')"
        )
    )
    build_basemap(tx)
    names = set(tx.execute(text("SELECT name FROM siaga.basemap_label WHERE kind = 'hospital'")).scalars())
    assert names == {"RSUD"}
    assert count(tx, basemap_label, basemap_label.c.name == "Warung") == 0


def test_tiles_of_the_demo_city_can_be_drawn(kendari_map):
    from api.tiles import make_tile

    # z13 over the middle of the city, z16 at simpang Wua-Wua.
    assert len(make_tile(kendari_map, 13, 6883, 4186).plain) > 5_000
    assert len(make_tile(kendari_map, 16, 55068, 33496).plain) > 1_000
