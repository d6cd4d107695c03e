"""Vector tiles of the basemap: one statement a tile, kept in memory until the basemap changes.

Layers: `area` (kind) and `line` (kind `road` or `boundary`, rank, name), in Mapbox Vector Tile 2.1 encoding; the bytes
of several `ST_AsMVT` calls one after the other are one valid tile.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import Connection, text

MAX_ZOOM = 19
MEMORY_BYTES = 48 * 1024 * 1024
VERSION_S = 5.0
GZIP_FROM = 1024

# What is drawn follows the zoom, so that a view of the whole city stays small: shapes are simplified to 0.6 pixels,
# areas under 24 square pixels left out; roads by class, kelurahan borders from zoom 13.
TILE = text(
    """
WITH b AS MATERIALIZED (
  SELECT ST_TileEnvelope(:z, :x, :y) AS env, 40075016.68 / (256 * 2 ^ :z) AS px
), a AS (
  SELECT f.kind, ST_AsMVTGeom(ST_Simplify(f.geom, b.px * 0.6), b.env, 4096, 64, true) AS g
  FROM b JOIN siaga.basemap_area f ON f.geom && b.env
  WHERE f.kind IN ('land', 'water')
     OR (:z >= CASE WHEN f.kind = 'building' THEN 15 ELSE 11 END AND ST_Area(f.geom) > 24 * b.px * b.px)
  ORDER BY f.kind <> 'land', f.basemap_area_id
), l AS (
  SELECT f.kind, f.rank, f.name, ST_AsMVTGeom(ST_Simplify(f.geom, b.px * 0.6), b.env, 4096, 64, true) AS g
  FROM b JOIN siaga.basemap_line f ON f.geom && b.env
  WHERE f.rank <= CASE
      WHEN f.kind = 'boundary' THEN CASE WHEN :z < 11 THEN 1 WHEN :z < 13 THEN 2 ELSE 3 END
      WHEN :z <= 10 THEN 2 WHEN :z <= 14 THEN :z - 8 ELSE 99 END
  ORDER BY f.kind, f.rank DESC, f.basemap_line_id
)
SELECT (SELECT coalesce(ST_AsMVT(a, 'area', 4096, 'g'), '') FROM a WHERE g IS NOT NULL)
    || (SELECT coalesce(ST_AsMVT(l, 'line', 4096, 'g'), '') FROM l WHERE g IS NOT NULL)
"""
)

# Every load of a basemap writes new rows, and with them new ids.
VERSION = text(
    """
SELECT (SELECT revision FROM siaga.city) || '-' || coalesce((SELECT max(basemap_area_id) FROM siaga.basemap_area), 0)
    || '-' || coalesce((SELECT max(basemap_line_id) FROM siaga.basemap_line), 0)
    || '-' || coalesce((SELECT max(basemap_label_id) FROM siaga.basemap_label), 0)
"""
)

LABELS = text(
    """
SELECT name, kind, round(ST_X(geom)::numeric, 5)::float8, round(ST_Y(geom)::numeric, 5)::float8, min_zoom
FROM siaga.basemap_label ORDER BY min_zoom, basemap_label_id
"""
)


@dataclass(frozen=True)
class Tile:
    """One tile's bytes, plain and (where it is worth it) compressed."""

    plain: bytes
    gzipped: bytes | None


def make_tile(tx: Connection, z: int, x: int, y: int) -> Tile:
    """Draw one tile; an empty one has no bytes."""
    plain = bytes(tx.execute(TILE, {"z": z, "x": x, "y": y}).scalar_one() or b"")
    return Tile(plain, gzip.compress(plain, 6, mtime=0) if len(plain) > GZIP_FROM else None)


def is_tile(z: int, x: int, y: int) -> bool:
    """Whether such a tile exists."""
    return 0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z


class TileMemory:
    """Tiles of the current basemap, the least used dropped when the memory is full."""

    def __init__(self, limit: int = MEMORY_BYTES) -> None:
        self.limit, self.n_bytes = limit, 0
        self._version, self._until = "", 0.0
        self._tiles: OrderedDict[tuple[int, int, int], Tile] = OrderedDict()
        self._lock = threading.Lock()

    def version(self, tx: Connection) -> str:
        """Return the basemap's version, read again every few seconds; a new one empties the memory."""
        if time.monotonic() > self._until:
            now = str(tx.execute(VERSION).scalar_one() or "0")
            with self._lock:
                if now != self._version:
                    self._tiles.clear()
                    self._version, self.n_bytes = now, 0
                self._until = time.monotonic() + VERSION_S
        return self._version

    def known(self, z: int, x: int, y: int) -> tuple[str, Tile] | None:
        """Return version and tile without a look at the database, while the version is fresh."""
        with self._lock:
            tile = self._tiles.get((z, x, y))
            if tile is None or time.monotonic() > self._until:
                return None
            self._tiles.move_to_end((z, x, y))
            return self._version, tile

    def get(self, tx: Connection, z: int, x: int, y: int) -> tuple[str, Tile]:
        """Return version and tile, drawn now unless it is kept."""
        version = self.version(tx)
        found = self.known(z, x, y)
        if found is not None:
            return found
        tile = make_tile(tx, z, x, y)
        with self._lock:
            if version == self._version and (z, x, y) not in self._tiles:
                self._tiles[(z, x, y)] = tile
                self.n_bytes += _size(tile)
            while self.n_bytes > self.limit and self._tiles:
                self.n_bytes -= _size(self._tiles.popitem(last=False)[1])
        return version, tile


def _size(tile: Tile) -> int:
    return len(tile.plain) + len(tile.gzipped or b"") + 200
