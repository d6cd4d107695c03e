"""Metres about a place, in which what is straight in degrees stays straight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

Shapes = npt.NDArray[Any]
Coordinates = npt.NDArray[np.float64]

# A vertex that comes back this near to one it left as is that one.
SAME_M = 1e-5


@dataclass(frozen=True)
class Plane:
    """Longitude and latitude, scaled about (`lon`, `lat`).

    A projection would bend the borders between their vertices, and neighbours with different vertices would part by
    centimetres. Scaling does not; the price is a scale that is true only at the middle: over a province (4°) it is
    off by 0.3 %.
    """

    lon: float
    lat: float

    @classmethod
    def about(cls, shapes: Shapes) -> Plane:
        """Make the plane about the middle of shapes; EPSG:4326."""
        west, south, east, north = shapely.total_bounds(shapes)
        return cls(float(west + east) / 2, float(south + north) / 2)

    @property
    def scale(self) -> Coordinates:
        """Metres of a degree of longitude and of latitude, WGS 84 (series to the third term: to 0.01 m)."""
        at = np.radians(self.lat)
        return np.array(
            [
                111_412.84 * np.cos(at) - 93.5 * np.cos(3 * at) + 0.118 * np.cos(5 * at),
                111_132.92 - 559.82 * np.cos(2 * at) + 1.175 * np.cos(4 * at) - 0.0023 * np.cos(6 * at),
            ]
        )

    def to_metres(self, shapes: Shapes) -> Shapes:
        """Return shapes of EPSG:4326 in metres."""
        scale, middle = self.scale, np.array([self.lon, self.lat])
        return np.asarray(shapely.transform(shapes, lambda lonlat: (lonlat - middle) * scale))

    def to_degrees(self, shapes: Shapes, known: Coordinates) -> Shapes:
        """Return shapes in EPSG:4326.

        Parameters
        ----------
        known
            ``(n, 2)`` vertices that came from degrees: where one is meant it comes back as it was, to the last bit, so
            that a border nobody moved is the same border.
        """
        scale, middle = self.scale, np.array([self.lon, self.lat])
        tree = cKDTree((known - middle) * scale)

        def back(xy: Coordinates) -> Coordinates:
            lonlat = xy / scale + middle
            if len(xy):
                distance, at = tree.query(xy, distance_upper_bound=SAME_M)
                lonlat[np.isfinite(distance)] = known[at[np.isfinite(distance)]]
            return lonlat

        return np.asarray(shapely.transform(shapes, back))
