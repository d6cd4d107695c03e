"""A regular grid of square cells in a metric CRS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.errors import DataError

MAX_CELLS = 6_000_000


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Square cells, row 0 in the south, column 0 in the west.

    Attributes
    ----------
    x_min, y_min
        South-west corner of cell (0, 0), metres in `srid`; multiples of `cell_m`, so that grids of one cell size
        lie on each other.
    cell_m
        Side of a cell, metres.
    n_rows, n_columns
        Size of the grid.
    srid
        EPSG code of the metric CRS.
    """

    x_min: float
    y_min: float
    cell_m: float
    n_rows: int
    n_columns: int
    srid: int

    @classmethod
    def around(cls, area: BaseGeometry, *, cell_m: float, margin_m: float, srid: int) -> Grid:
        """Return the grid that holds `area` and a margin on every side.

        Raises
        ------
        DataError
            The grid would have more than `MAX_CELLS` cells.
        """
        west, south, east, north = area.bounds
        # A millionth of a cell either way is rounding of coordinates, not a reason for another row.
        column_0, row_0 = np.floor((np.array([west, south]) - margin_m) / cell_m + 1e-6).astype(int)
        column_1, row_1 = np.ceil((np.array([east, north]) + margin_m) / cell_m - 1e-6).astype(int)
        n_columns, n_rows = int(column_1 - column_0), int(row_1 - row_0)
        if n_columns * n_rows > MAX_CELLS:
            raise DataError(
                f"a grid of {n_rows} × {n_columns} cells of {cell_m:g} m is too large (at most {MAX_CELLS:,} cells); "
                "choose a larger bandwidth or cell, or a smaller study area"
            )
        return cls(
            x_min=float(column_0 * cell_m),
            y_min=float(row_0 * cell_m),
            cell_m=cell_m,
            n_rows=n_rows,
            n_columns=n_columns,
            srid=srid,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as NumPy has it."""
        return self.n_rows, self.n_columns

    @property
    def cell_area_km2(self) -> float:
        """Area of one cell, km²."""
        return self.cell_m**2 / 1e6

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """West, south, east, north, metres."""
        return (
            self.x_min,
            self.y_min,
            self.x_min + self.n_columns * self.cell_m,
            self.y_min + self.n_rows * self.cell_m,
        )

    def centres_m(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x of the columns' and y of the rows' centres, metres."""
        x = self.x_min + (np.arange(self.n_columns, dtype=np.float64) + 0.5) * self.cell_m
        y = self.y_min + (np.arange(self.n_rows, dtype=np.float64) + 0.5) * self.cell_m
        return x, y

    def position(self, xy_m: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return fractional (row, column) of points, where whole numbers are cell centres.

        Parameters
        ----------
        xy_m
            Shape ``(n, 2)``, metres in `srid`.
        """
        column = (xy_m[:, 0] - self.x_min) / self.cell_m - 0.5
        row = (xy_m[:, 1] - self.y_min) / self.cell_m - 0.5
        return row, column

    def mask(self, area: BaseGeometry) -> NDArray[np.bool_]:
        """Return which cells have their centre in `area`; shape ``(n_rows, n_columns)``.

        Cut row by row: a horizontal line through the centres meets the area in a few pieces, and every centre
        between the ends of a piece is inside. A hundred times fewer geometry calls than one test per cell.
        """
        x, y = self.centres_m()
        inside = np.zeros(self.shape, dtype=bool)
        west, _, east, _ = self.bounds_m
        ends = np.stack([np.full_like(y, west), y, np.full_like(y, east), y], axis=1).reshape(-1, 2, 2)
        pieces, row = shapely.get_parts(shapely.intersection(shapely.linestrings(ends), area), return_index=True)
        for piece, r in zip(pieces, row, strict=True):
            first, _, last, _ = piece.bounds
            inside[r, np.searchsorted(x, first, "left") : np.searchsorted(x, last, "right")] = True
        return inside
