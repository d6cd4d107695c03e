"""Bringing tables in step with a city folder: only what differs is written, so a second run writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from sqlalchemy import Connection, Double, Table, and_, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from gis.errors import ConflictError

Row = dict[str, Any]


def geometry_digest(shape: shapely.Geometry) -> str:
    """Return the SHA-256 of a geometry's WKB; equal to ``sha256(ST_AsBinary(geom, 'NDR'))`` of the stored one."""
    return hashlib.sha256(to_wkb(shape)).hexdigest()


def to_wkb(shape: shapely.Geometry) -> bytes:
    """Return little-endian WKB without SRID, two coordinates."""
    return bytes(shapely.to_wkb(shape, byte_order=1, output_dimension=2, include_srid=False))


@dataclass(kw_only=True)
class TableSync:
    """Makes a table hold exactly `rows`.

    Attributes
    ----------
    key
        Columns that name a row.
    is_point
        The rows have `lon`, `lat` (EPSG:4326) for the column `geom`.
    retire
        What to do with rows that are in the table only; `None` deletes them.
    """

    tx: Connection
    table: Table
    key: Sequence[str]
    is_point: bool = False
    retire: Callable[[list[Row]], int] | None = None

    def run(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert, update and remove what differs; return how many rows that were.

        Raises
        ------
        ConflictError
            A row that the folder no longer has is still in use.
        """
        wanted = {self.key_of(row): dict(row) for row in rows}
        present = {self.key_of(row): row for row in self.read(wanted)}
        new = [row for at, row in wanted.items() if at not in present]
        changed = [row for at, row in wanted.items() if at in present and self.differs(row, present[at])]
        gone = [row for at, row in present.items() if at not in wanted]
        n_gone = len(gone)
        if gone:
            n_gone = self.retire(gone) if self.retire is not None else self.remove(gone)
        self.insert(new)
        for row in changed:
            self.tx.execute(update(self.table).where(self.at(row)).values(self.expressions(row)), self.values(row))
        return len(new) + len(changed) + n_gone

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values that name a row."""
        return tuple(row[name] for name in self.key)

    def at(self, row: Row) -> Any:
        """Return the condition for one row."""
        return and_(*(self.table.c[name] == row[name] for name in self.key))

    def read(self, wanted: Mapping[Any, Row]) -> list[Row]:
        """Return the rows of the table, with the columns the wanted rows have."""
        names = list(dict.fromkeys((*self.key, *(name for row in wanted.values() for name in row))))
        columns = [self.table.c[name] for name in names if name not in ("lon", "lat")]
        if self.is_point:
            columns += [func.ST_X(self.table.c.geom).label("lon"), func.ST_Y(self.table.c.geom).label("lat")]
        return [dict(row) for row in self.tx.execute(select(*columns)).mappings()]

    def differs(self, row: Row, present: Row) -> bool:
        """Whether any value is another."""
        return any(as_stored(value) != as_stored(present[name]) for name, value in row.items())

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows, all with the same columns."""
        if rows:
            statement = insert(self.table).values(self.expressions(rows[0]))
            self.tx.execute(statement, [self.values(row) for row in rows])

    def expressions(self, row: Row) -> Row:
        """Return what each column is set to, as parameters named after the row's values."""
        names = [name for name in row if not (self.is_point and name in ("lon", "lat"))]
        columns: Row = {name: bindparam(f"new_{name}", type_=self.table.c[name].type) for name in names}
        if self.is_point:
            point = func.ST_MakePoint(bindparam("new_lon", type_=Double), bindparam("new_lat", type_=Double))
            columns["geom"] = func.ST_SetSRID(point, 4326)
        return columns

    def values(self, row: Row) -> Row:
        """Return the parameters of `expressions` for a row."""
        return {f"new_{name}": as_stored(value) for name, value in row.items()}

    def remove(self, gone: list[Row]) -> int:
        """Delete rows."""
        keys = tuple_(*(self.table.c[name] for name in self.key))
        try:
            with self.tx.begin_nested():
                self.tx.execute(delete(self.table).where(keys.in_([self.key_of(row) for row in gone])))
        except IntegrityError as error:
            listed = ", ".join("/".join(map(str, self.key_of(row))) for row in gone)
            reason = f"{self.table.name}: {listed} left the city folder, but other rows refer to it; put it back"
            raise ConflictError(reason) from error
        return len(gone)


def as_stored(value: Any) -> Any:
    """Return a value as the database gives it back: tuples are lists there."""
    return list(value) if isinstance(value, tuple) else value
