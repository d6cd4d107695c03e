"""What an extract gives the basemap: the coast above all, which must never flood a city."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import shapely
from sqlalchemy import Connection, text

from data.basemap import build_basemap
from data.import_roads import import_roads
from data.osm_basemap import Drawn, land_of_coast, read_drawn
from tests.api.city import seed
from tests.data.imports import NOW
from tests.data.osm import place, write_osm

BOX = shapely.box(0, 0, 10, 10)


def coast(*lines: list[tuple[float, float]]) -> tuple[list[shapely.Polygon], bool]:
    return land_of_coast([shapely.LineString(line) for line in lines], BOX)


def test_land_is_on_the_left_of_the_coast() -> None:
    north, is_broken = coast([(-1, 4), (5, 5), (11, 4)])
    assert not is_broken
    assert shapely.union_all(north).contains(shapely.Point(5, 9))
    south, _ = coast([(11, 4), (5, 5), (-1, 4)])
    assert shapely.union_all(south).contains(shapely.Point(5, 1))
    assert sum(part.area for part in north + south) == pytest.approx(100)


def test_islands_and_lagoons() -> None:
    """An island runs anticlockwise; the lake of a ring the other way round is sea."""
    island, is_broken = coast([(2, 2), (8, 2), (8, 8), (2, 8), (2, 2)], [(4, 4), (4, 6), (6, 6), (6, 4), (4, 4)])
    assert not is_broken
    assert sum(part.area for part in island) == pytest.approx(36 - 4)


def test_a_coast_in_several_ways() -> None:
    land, is_broken = coast([(3, 3), (5, 5)], [(-1, 4), (3, 3)], [(5, 5), (11, 4)])
    assert not is_broken
    assert shapely.union_all(land).contains(shapely.Point(5, 9))


@pytest.mark.parametrize(
    "lines",
    [
        [[(-1, 4), (3, 4), (5, 4.5)]],  # ends in the middle
        [[(-1, 4), (5, 5)], [(11, 4), (8, 4), (5, 5)]],  # turns round half way
        [[(2, 2), (8, 2), (8, 8), (2, 8), (2, 2)], [(4, 4), (5, 5), (6, 6)]],
    ],
)
def test_a_broken_coast_floods_nothing(lines) -> None:
    assert coast(*lines) == ([], True)


def test_no_coast_in_sight() -> None:
    assert coast() == ([], False)
    assert coast([(20, 20), (30, 30)]) == ([], False)


def test_areas_and_names(tmp_path: Path) -> None:
    nodes = {
        1: (0, 0), 2: (4, 0), 3: (4, 4), 4: (0, 4), 5: (1, 1), 6: (2, 1), 7: (2, 2), 8: (1, 2),
        9: (2, 3, {"place": "village", "name": "Wua  Wua"}), 10: (2.1, 3.1, {"amenity": "hospital", "name": "wua wua"}),
        11: (3, 3, {"amenity": "hospital", "name": "RS Uji"}), 12: (3, 1, {"amenity": "hospital"}),
    }  # fmt: skip
    ways = {
        20: ([1, 2, 3, 4, 1], {"landuse": "forest"}),
        21: ([5, 6, 7, 8, 5], {"natural": "water", "name": "Danau"}),
        22: ([1, 2, 3, 99, 1], {"landuse": "residential"}),
        23: ([1, 2], {"natural": "wood"}),
    }
    drawn = read_drawn(write_osm(tmp_path / "a.osm", nodes, ways))
    assert sorted(kind for kind, _ in drawn.areas) == ["forest", "water"]
    assert sorted(row[:2] for row in drawn.labels) == [
        ("hospital", "RS Uji"),
        ("kelurahan", "Wua Wua"),
        ("water", "Danau"),
    ]
    assert drawn.land == []


def test_what_is_drawn_ends_at_the_box(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (4, 0), 3: (4, 4), 4: (0, 4), 5: (9, 9), 6: (10, 9), 7: (10, 10)}
    ways = {20: ([1, 2, 3, 4, 1], {"landuse": "forest"}), 21: ([5, 6, 7, 5], {"landuse": "forest"})}
    clip = shapely.box(*place(1, 1), *place(3, 3))
    ((kind, shape),) = read_drawn(write_osm(tmp_path / "a.osm", nodes, ways), clip=clip).areas
    assert kind == "forest"
    assert shape.bounds == pytest.approx(clip.bounds)


def test_malta_is_an_island(geodata: Path) -> None:
    """316 square kilometres, by its statistics office."""
    clip = shapely.box(14.1, 35.75, 14.65, 36.15)
    drawn = read_drawn(geodata / "osm/malta.osm.pbf", clip=clip)
    assert not drawn.is_coast_broken
    degrees = sum(part.area for part in drawn.land)
    assert degrees * 111.0 * 90.3 == pytest.approx(316, rel=0.02)
    assert Counter(kind for kind, _ in drawn.areas)["farmland"] > 500


@pytest.mark.parametrize("name", ["monaco", "baltimore"])
def test_a_coast_cut_off_by_the_extract_is_not_used(geodata: Path, name: str) -> None:
    boxes = {"monaco": shapely.box(7.38, 43.7, 7.46, 43.77), "baltimore": shapely.box(-76.65, 39.22, -76.5, 39.35)}
    drawn = read_drawn(geodata / f"osm/{name}.osm.pbf", clip=boxes[name])
    assert drawn.is_coast_broken
    assert drawn.land == []


def test_the_basemap_is_drawn_with_what_is_mapped(tx: Connection, tmp_path: Path) -> None:
    seed(tx)
    nodes = {1: (-10, -10), 2: (10, -10), 3: (10, 10), 4: (-10, 10), 5: (0, 0, {"place": "village", "name": "Uji"})}
    ways = {20: ([1, 2, 3, 4, 1], {"landuse": "farmland"}), 21: ([1, 2, 3], {"highway": "primary", "name": "Jl. A"})}
    path = write_osm(tmp_path / "a.osm", nodes, ways)
    report = import_roads(tx, path, actor="test", now=NOW)
    assert report.counts["basemap_area"] >= 2
    kinds = Counter(tx.execute(text("SELECT kind FROM siaga.basemap_area")).scalars())
    assert kinds["farmland"] == 1
    assert kinds["wood"] == 0
    labels = tx.execute(text("SELECT kind, name FROM siaga.basemap_label")).all()
    assert ("kelurahan", "Uji") in [tuple(row) for row in labels]
    assert tx.execute(text("SELECT count(*) FROM siaga.basemap_line WHERE kind = 'road'")).scalar_one() == 1


def test_mapped_land_takes_the_place_of_areas(tx: Connection) -> None:
    seed(tx)
    island = shapely.box(122.48, -4.02, 122.52, -3.98)
    build_basemap(tx, Drawn(land=[island], labels=[("kelurahan", "barat daya", 13, 122.47, -4.02)]))
    kinds = Counter(tx.execute(text("SELECT kind FROM siaga.basemap_area")).scalars())
    assert kinds["land"] == 1


def test_without_the_basemap_the_old_one_stays(tx: Connection, tmp_path: Path) -> None:
    seed(tx)
    build_basemap(tx)
    before = tx.execute(text("SELECT array_agg(basemap_area_id) FROM siaga.basemap_area")).scalar_one()
    path = write_osm(tmp_path / "a.osm", {1: (0, 0), 2: (1, 0)}, {10: ([1, 2], {"highway": "primary"})})
    import_roads(tx, path, with_basemap=False, actor="test", now=NOW)
    assert tx.execute(text("SELECT array_agg(basemap_area_id) FROM siaga.basemap_area")).scalar_one() == before
