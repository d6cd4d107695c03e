"""Curves in files of GDAL's formats: the reader would make short straight pieces of them without a word."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

# ISO 13249-3 codes of WKB geometry that has arcs or spline pieces, or may have.
CURVED = {8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon", 11: "MultiCurve", 12: "MultiSurface"}
ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}


def rows_with_curves(path: Path, layer: str, driver: str) -> list[tuple[int, str]]:
    """Return the rows (from 1) whose geometry is a curve, with its name. Only a GeoPackage can hold any."""
    if driver != "GPKG":
        return []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        found = database.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
        ).fetchone()
        if found is None:
            return []
        column, table = (name.replace('"', '""') for name in (found[0], layer))
        # The order GDAL reads a table in: that of its rows.
        heads = database.execute(f'SELECT substr("{column}", 1, 80) FROM "{table}" ORDER BY rowid')  # noqa: S608 - quoted
        kinds = [(row, wkb_kind(head)) for row, (head,) in enumerate(heads, start=1) if head]
    return [(row, CURVED[kind]) for row, kind in kinds if kind in CURVED]


def wkb_kind(head: bytes) -> int:
    """Return the geometry type of a GeoPackage's value, without its dimensions; 0 if it is none."""
    if len(head) < 8 or head[:2] != b"GP":
        return 0
    at = 8 + ENVELOPE_BYTES.get((head[3] >> 1) & 0b111, 0)
    if len(head) < at + 5:
        return 0
    order = "<" if head[at] == 1 else ">"
    (kind,) = struct.unpack_from(order + "I", head, at + 1)
    return int(kind & 0x0FFFFFFF) % 1000
