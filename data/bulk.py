"""Many rows into a table at once: COPY in the caller's transaction."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import shapely
from sqlalchemy import Connection, Table

MISSING = "\\N"  # an empty text is not missing, so that missing values are marked


def copy_rows(tx: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Send rows to a table and return how many.

    Parameters
    ----------
    columns
        Names of columns of `table`.
    rows
        Values in that order; None and NaN become NULL. Geometry travels as hexadecimal EWKB (`ewkb`).
    """
    names = ", ".join(f'"{table.c[name].name}"' for name in columns)
    buffer = io.StringIO()
    n_rows = 0
    writer = csv.writer(buffer, lineterminator="\n")
    for row in rows:
        writer.writerow([MISSING if value is None or value != value else value for value in row])
        n_rows += 1
    buffer.seek(0)
    with tx.connection.cursor() as cursor:
        cursor.copy_expert(
            f"COPY {table.schema}.{table.name} ({names}) FROM STDIN (FORMAT csv, NULL '{MISSING}')", buffer
        )
    return n_rows


def copy_columns(tx: Connection, table: Table, columns: Mapping[str, Any]) -> int:
    """Send whole columns to a table and return how many rows; much faster than `copy_rows` for many rows.

    Parameters
    ----------
    columns
        Equally long arrays by name of the column; None and NaN become NULL.
    """
    arrow = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    buffer = io.BytesIO()
    # Arrow quotes every text and leaves NULL empty without quotes, which is how PostgreSQL's CSV tells them apart.
    pyarrow.csv.write_csv(arrow, buffer, pyarrow.csv.WriteOptions(include_header=False))
    buffer.seek(0)
    names = ", ".join(f'"{table.c[name].name}"' for name in columns)
    with tx.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table.schema}.{table.name} ({names}) FROM STDIN (FORMAT csv)", buffer)
    return int(arrow.num_rows)


def ewkb(shapes: np.ndarray, srid: int) -> list[str]:
    """Return geometries as hexadecimal EWKB with their SRID."""
    return shapely.to_wkb(shapely.set_srid(shapes, srid), hex=True, include_srid=True).tolist()  # type: ignore[no-any-return]
