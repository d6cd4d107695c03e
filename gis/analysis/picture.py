"""The picture of a density for a web map: a PNG, where it goes, and the classes of its legend."""

from __future__ import annotations

import io
import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer
from scipy.ndimage import map_coordinates

from gis.analysis.colours import as_hex, ramp
from gis.analysis.density import DensityResult
from gis.analysis.grid import Grid
from gis.errors import DataError

WEB_MERCATOR = 3857
WGS84 = 4326
# Positions are projected on a lattice of so many pixels and interpolated between: at 16 pixels of a city's picture the
# projections differ from a plane by well under a thousandth of a pixel.
LATTICE_PX = 16


@dataclass(frozen=True, kw_only=True)
class LegendClass:
    """One class: values from `low` up to, not including, `high` (the last class includes it)."""

    low: float
    high: float
    colour: str
    opacity: float


@dataclass(frozen=True, kw_only=True)
class Legend:
    """Classes of a picture, least first. Below the first class the picture is clear."""

    classes: tuple[LegendClass, ...]

    @property
    def breaks(self) -> tuple[float, ...]:
        """Lower bounds of the classes, and the highest value."""
        return (*(one.low for one in self.classes), *(one.high for one in self.classes[-1:]))


def nice_breaks(peak: float, *, n: int = 5) -> tuple[float, ...]:
    """Return up to `n` class bounds of the series 1, 2, 5, 10 … under `peak`, and `peak` itself.

    Densities are skewed: most of a city is near zero and a few spots are a hundred times as high. Equal steps would
    put all but those spots in one class; steps of the series keep round numbers and tell the low values apart.
    """
    if not peak > 0:
        return ()
    exponent = math.floor(math.log10(peak))
    series = [m * 10.0**e for e in range(exponent - n, exponent + 1) for m in (1.0, 2.0, 5.0)]
    # A top class that hardly anything falls in is no class: its lower bound stays clear of the peak.
    below = [round(bound, 12) for bound in series if bound <= 0.9 * peak]
    return (*below[-n:], peak)


def make_legend(result: DensityResult, *, breaks: tuple[float, ...] | None = None, theme: str = "day") -> Legend:
    """Return the legend for a density.

    Parameters
    ----------
    breaks
        Bounds of the classes, ascending, in the unit of the result; `nice_breaks` of the peak if not given. Give them
        to compare two maps.
    theme
        ``day`` or ``night``.

    Raises
    ------
    DataError
        The breaks do not ascend.
    """
    bounds = nice_breaks(result.peak) if breaks is None else breaks
    if any(low >= high for low, high in itertools.pairwise(bounds)):
        raise DataError(f"breaks {bounds}: ascending numbers are expected")
    n = max(len(bounds) - 1, 0)
    colours = ramp(n, theme=theme)
    # The low classes are thinner, so that streets and names show where there is little else to see.
    opacities = np.linspace(0.45, 0.85, n)
    return Legend(
        classes=tuple(
            LegendClass(low=float(low), high=float(high), colour=as_hex(rgb), opacity=round(float(opacity), 3))
            for low, high, rgb, opacity in zip(bounds[:-1], bounds[1:], colours, opacities, strict=True)
        )
    )


def image_bounds(result: DensityResult) -> tuple[float, float, float, float]:
    """Return west, south, east, north of the picture (degrees, EPSG:4326): where a web map must put it."""
    west, south, east, north = _mercator_bounds(result.grid)
    to_lonlat = _transformer(WEB_MERCATOR, WGS84)
    (lon_0, lon_1), (lat_0, lat_1) = to_lonlat.transform([west, east], [south, north])
    return lon_0, lat_0, lon_1, lat_1


def render_png(
    result: DensityResult, *, legend: Legend | None = None, theme: str = "day", longest_side_px: int = 1000
) -> bytes:
    """Draw the density as a PNG whose pixels are even in web mercator.

    A web map stretches an image evenly between two corners of web mercator. The grid is even in a metric CRS, which is
    turned and scaled against that, so every pixel looks its own value up in the grid.

    Parameters
    ----------
    legend
        Classes and colours; `make_legend(result, theme=theme)` if not given.
    longest_side_px
        Width or height, whichever is longer; the other follows.

    Returns
    -------
    bytes
        PNG with a palette; clear below the first class and outside the study area. It belongs at `image_bounds`.
    """
    legend = make_legend(result, theme=theme) if legend is None else legend
    values = _values_on_pixels(result, longest_side_px)
    classes = np.searchsorted([one.low for one in legend.classes], values, side="right")
    classes[np.isnan(values)] = 0
    image = Image.fromarray(classes.astype(np.uint8))
    palette = [0, 0, 0] + [part for one in legend.classes for part in bytes.fromhex(one.colour[1:])]
    image.putpalette(palette)
    opacities = bytes([0] + [round(one.opacity * 255) for one in legend.classes])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=opacities, optimize=True)
    return out.getvalue()


@lru_cache(maxsize=8)
def _transformer(source: int, target: int) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def _mercator_bounds(grid: Grid) -> tuple[float, float, float, float]:
    """Return the box in web mercator that holds the grid (its edges are bent there)."""
    bounds = _transformer(grid.srid, WEB_MERCATOR).transform_bounds(*grid.bounds_m, densify_pts=21)
    return tuple(float(bound) for bound in bounds)  # type: ignore[return-value]


def _values_on_pixels(result: DensityResult, longest_side_px: int) -> NDArray[np.float64]:
    """Return the density at the pixels' centres, north first; NaN outside the study area."""
    grid = result.grid
    west, south, east, north = _mercator_bounds(grid)
    scale = longest_side_px / max(east - west, north - south)
    width, height = max(1, round((east - west) * scale)), max(1, round((north - south) * scale))
    column, row = np.arange(width), np.arange(height)
    lattice_column = np.arange(0, width + LATTICE_PX, LATTICE_PX)
    lattice_row = np.arange(0, height + LATTICE_PX, LATTICE_PX)
    x = west + (lattice_column + 0.5) * (east - west) / width
    y = north - (lattice_row + 0.5) * (north - south) / height
    xy_m = np.stack(_transformer(WEB_MERCATOR, grid.srid).transform(*np.meshgrid(x, y)), axis=-1).reshape(-1, 2)
    at = np.meshgrid(row / LATTICE_PX, column / LATTICE_PX, indexing="ij")
    position = [
        map_coordinates(part.reshape(len(lattice_row), len(lattice_column)), at, order=1)
        for part in grid.position(xy_m)
    ]
    smooth = map_coordinates(result.values, position, order=1, mode="constant", cval=np.nan)
    # Beside the edge of the study area no value lies on the other side to interpolate with: take the own cell's.
    own = map_coordinates(result.values, position, order=0, mode="constant", cval=np.nan)
    values: NDArray[np.float64] = np.where(np.isnan(smooth) | np.isnan(own), own, smooth)
    return values
