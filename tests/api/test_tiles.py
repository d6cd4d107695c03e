"""Tiles are read back with a decoder of our own, as the browser's part has one."""

from __future__ import annotations

import gzip

import pytest
from sqlalchemy import text

from api.tiles import TileMemory, is_tile, make_tile

# The tiles that hold 122.5 E, 4 S.
TILES = {10: (860, 523), 12: (3441, 2093), 15: (27534, 16748)}


def fields(data):
    """Yield (field number, value) of one protobuf message; lengths as bytes, varints as numbers."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 2:
            size = varint()
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            assert tag & 7 == 0
            yield tag >> 3, varint()


def layers(data):
    """Return layer name -> its features' properties that are texts or small numbers."""
    found = {}
    for number, layer in fields(data):
        assert number == 3
        parts = list(fields(layer))
        name = next(value for n, value in parts if n == 1).decode()
        keys = [value.decode() for n, value in parts if n == 3]
        values = []
        for n, value in parts:
            if n == 4:
                kind, raw = next(fields(value))
                values.append(raw.decode() if kind == 1 else raw)
        for n, feature in parts:
            if n == 2:
                tags = next((value for m, value in fields(feature) if m == 2), b"")
                found.setdefault(name, []).append({keys[tags[i]]: values[tags[i + 1]] for i in range(0, len(tags), 2)})
    return found


@pytest.fixture
def tx(owner):
    with owner.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def drawn(tx, z):
    return layers(make_tile(tx, z, *TILES[z]).plain)


def test_zoom_decides_what_is_drawn(tx):
    city = drawn(tx, 10)
    assert [area["kind"] for area in city["area"]] == ["land"]
    assert [(line["kind"], line["rank"]) for line in city["line"] if line["kind"] == "road"] == [("road", 1)]
    assert not [line for line in city["line"] if line["kind"] == "boundary"]
    street = drawn(tx, 15)
    assert {area["kind"] for area in street["area"]} == {"land", "building"}
    assert {line.get("name") for line in street["line"]} == {"Jalan Raya", "Gang Kecil", None}


def test_tile_far_away_is_empty(tx):
    assert make_tile(tx, 12, 0, 0).plain == b""


def test_only_large_tiles_are_compressed(tx):
    tx.execute(
        text(
            "INSERT INTO siaga.basemap_line (kind, rank, name, geom) SELECT 'road', 1, 'Jalan nomor ' || n,"
            " ST_Transform(ST_SetSRID(ST_MakeLine(ST_MakePoint(122.49, -4 + n / 5e3),"
            " ST_MakePoint(122.51, -4 + n / 5e3)), 4326), 3857) FROM generate_series(1, 100) n"
        )
    )
    tile = make_tile(tx, 12, *TILES[12])
    assert len(tile.plain) > 1024
    assert gzip.decompress(tile.gzipped) == tile.plain
    assert make_tile(tx, 12, 0, 0).gzipped is None


def test_tiles_are_kept_until_the_basemap_changes(tx):
    memory = TileMemory()
    first, tile = memory.get(tx, 12, *TILES[12])
    assert memory.known(12, *TILES[12]) == (first, tile)
    tx.execute(text("UPDATE siaga.city SET revision = revision + 1"))
    assert memory.get(tx, 12, *TILES[12])[0] == first  # not asked again within seconds
    memory._until = 0.0
    assert memory.known(12, *TILES[12]) is None
    assert memory.get(tx, 12, *TILES[12])[0] != first


def test_memory_forgets_the_least_used(tx):
    memory = TileMemory(limit=1_000)
    for x in range(20):
        memory.get(tx, 10, x, 0)
    assert memory.n_bytes <= 1_000
    assert memory.known(10, 19, 0) is not None
    assert memory.known(10, 0, 0) is None


def test_only_real_tiles_exist():
    assert is_tile(0, 0, 0)
    for tile in [(-1, 0, 0), (20, 0, 0), (3, 8, 0), (3, 0, -1)]:
        assert not is_tile(*tile)
