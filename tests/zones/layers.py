"""Real layers of polygons as boundaries of one service, and points to try on them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

# Name → file, column of the code; without one, the row number is the code.
LAYERS = {
    "kendari_kelurahan": ("kendari_kelurahan.geojson", "kode_bps"),
    "sultra_desa": ("sultra_desa_simplified.geojson", None),
    "indonesia_kabkota": ("indonesia_kabkota.geojson", None),
    "sf_police_districts": ("incidents/sf_police_districts.geojson", None),
    "toronto_neighbourhoods": ("incidents/toronto_neighbourhoods.geojson", None),
}


def read_layer(geodata: Path, name: str) -> gpd.GeoDataFrame:
    """Return a layer in the form `zones.matching_batch` expects; what is invalid is left out, as an import would."""
    file, code = LAYERS[name]
    frame = gpd.read_file(geodata / file, engine="pyogrio")
    frame = frame.set_crs(4326) if frame.crs is None else frame.to_crs(4326)
    frame = frame[frame.geometry.is_valid].reset_index(drop=True)
    codes = frame[code].astype(str) if code else [f"{row:05d}" for row in range(len(frame))]
    return gpd.GeoDataFrame(
        {"code": codes, "name": codes, "agency": "POL", "priority": 100, "version": 1, "is_citywide": False},
        geometry=frame.geometry.to_numpy(),
        crs=4326,
    )


def draw_points(layer: gpd.GeoDataFrame, n: int, seed: int, *, n_clusters: int = 50) -> npt.NDArray[np.float64]:
    """Draw points, ``(n, 2)``: half over the box of the layer, half in clusters as incidents of towns are."""
    rng = np.random.default_rng(seed)
    west, south, east, north = layer.total_bounds
    even = rng.uniform((west, south), (east, north), (n // 2, 2))
    centres = rng.uniform((west, south), (east, north), (n_clusters, 2))
    spread = min(east - west, north - south) / 40
    near = centres[rng.integers(0, n_clusters, n - n // 2)] + rng.normal(0, spread, (n - n // 2, 2))
    return np.vstack([even, near])


def border_points(layer: gpd.GeoDataFrame, n: int, seed: int) -> npt.NDArray[np.float64]:
    """Draw points on borders, ``(n, 2)``: a third vertices, a third middles of edges, a third anywhere on an edge."""
    rng = np.random.default_rng(seed)
    rings = shapely.get_rings(shapely.get_parts(layer.geometry.to_numpy()))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    start = np.flatnonzero(ring[1:] == ring[:-1])
    ends = [rng.choice(start, part) for part in (n // 3, n // 3, n - 2 * (n // 3))]
    along = rng.uniform(size=(len(ends[2]), 1))
    return np.vstack(
        [
            xy[ends[0]],
            (xy[ends[1]] + xy[ends[1] + 1]) / 2,
            xy[ends[2]] + along * (xy[ends[2] + 1] - xy[ends[2]]),
        ]
    )


def by_shapely(layer: gpd.GeoDataFrame, xy: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Say who covers each point, by Shapely alone: row of the layer, -1 for nobody, ties by the rule."""
    rows = sorted(range(len(layer)), key=lambda row: tuple(layer[["priority", "code", "agency"]].iloc[row]))
    rank = np.empty(len(layer), np.int64)
    rank[rows] = np.arange(len(layer))
    point, row = shapely.STRtree(layer.geometry.to_numpy()).query(shapely.points(xy), predicate="covered_by")
    return first_of(point, rank[row], np.array(rows), len(xy))


def first_of(
    point: npt.NDArray[np.int64], rank: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], n: int
) -> npt.NDArray[np.int64]:
    """Return the row of each point's lowest rank among the pairs; -1 for points in none."""
    best = np.full(n, len(rows))
    np.minimum.at(best, point, rank)
    return np.append(rows, -1)[best]
