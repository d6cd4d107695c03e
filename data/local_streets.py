"""Local streets of the synthetic network: through streets, bent grids, lanes and dead ends.

All coordinates are metres of the city's metric CRS. What comes out are drawn lines; `data.road_noding` joins them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.ops import split

SAMPLE_M = 120.0  # density of a block is looked at on points this far apart
CLEAR_M = 14.0  # a dead end keeps this far from every other street


@dataclass(frozen=True, kw_only=True)
class LocalPlan:
    """Where people live, and how their streets look; see `[local]` of `roads.toml`.

    Pairs are the values where it is densest and where it is thinnest. A row of `centres` is x, y, radius (m), weight.
    """

    centres: np.ndarray
    spacing_m: tuple[float, float]
    block_m: tuple[float, float]
    superblock_m2: tuple[float, float]
    bend_m: float
    density_min: float
    ribbon_m: float
    lorong_share: float
    one_way_share: float
    waves: np.ndarray

    @classmethod
    def from_toml(cls, raw: dict[str, Any], centres: pd.DataFrame, *, seed: int) -> LocalPlan:
        """Return the plan of a `[local]` table; `centres` has `x`, `y`, `radius_m`, `weight`.

        `waves` are the seeded waves that bend streets together.
        """
        rng = np.random.default_rng(seed + 1)
        angle = rng.uniform(0, 2 * math.pi, 6)
        length_m = rng.uniform(420, 1500, 6)
        waves = np.column_stack(
            [np.cos(angle) * 2 * math.pi / length_m, np.sin(angle) * 2 * math.pi / length_m, rng.uniform(0, 6.28, 6)]
        )
        near, far = raw["superblock_km2"]
        return cls(
            centres=centres[["x", "y", "radius_m", "weight"]].to_numpy(dtype=float),
            spacing_m=tuple(raw["spacing_m"]),
            block_m=tuple(raw["block_m"]),
            superblock_m2=(near * 1e6, far * 1e6),
            bend_m=raw["bend_m"],
            density_min=raw["density_min"],
            ribbon_m=raw["ribbon_m"],
            lorong_share=raw["lorong_share"],
            one_way_share=raw["one_way_share"],
            waves=waves,
        )

    def density(self, xy: np.ndarray) -> np.ndarray:
        """Return how built-up places `(n, 2)` are, from 0 to 1: high round a centre, a third of it at its radius."""
        offset = xy[:, None, :] - self.centres[:, :2]
        reach = np.hypot(offset[..., 0], offset[..., 1]) / self.centres[:, 2]
        share = self.centres[:, 3] * np.exp(-(reach**2))
        return 1.0 - np.prod(1.0 - np.minimum(share, 0.98), axis=1)

    def noise(self, xy: np.ndarray) -> np.ndarray:
        """Return a smooth field between -1 and 1 at places `(n, 2)`."""
        return np.sin(xy @ self.waves[:, :2].T + self.waves[:, 2]).mean(axis=1)

    def bend(self, xy: np.ndarray) -> np.ndarray:
        """Return the places `(n, 2)` moved by the smooth field, at most `bend_m` times two."""
        phase = xy @ self.waves[:, :2].T + self.waves[:, 2]
        shift = np.column_stack([np.sin(phase[:, ::2]).sum(axis=1), np.cos(phase[:, 1::2]).sum(axis=1)])
        return xy + self.bend_m * shift

    def between(self, pair: tuple[float, float], density: float) -> float:
        """Return the value between the pair for a density."""
        share = (density - self.density_min) / (1.0 - self.density_min)
        return pair[0] + (pair[1] - pair[0]) * (1.0 - min(max(share, 0.0), 1.0))


def block_density(block: BaseGeometry, plan: LocalPlan) -> tuple[float, float]:
    """Return the density reached in the denser third of a block, and the most there is in it."""
    west, south, east, north = block.bounds
    x, y = np.meshgrid(
        np.linspace(west, east, 2 + int((east - west) / SAMPLE_M)),
        np.linspace(south, north, 2 + int((north - south) / SAMPLE_M)),
    )
    xy = np.column_stack([x.ravel(), y.ravel()])
    xy = xy[shapely.contains_xy(block, xy)]
    if not len(xy):
        xy = shapely.get_coordinates(block.representative_point())
    density = plan.density(xy)
    return float(np.quantile(density, 0.67)), float(density.max())


def through_streets(
    arterials: gpd.GeoSeries, land: BaseGeometry, plan: LocalPlan, rng: np.random.Generator
) -> tuple[list[tuple[BaseGeometry, float]], gpd.GeoDataFrame]:
    """Divide the land between arterials until every lived-in block has the size its density asks for.

    Returns
    -------
    blocks
        `(polygon, density)` of the blocks that are dense enough for local streets.
    streets
        The dividing lines with `road_class` and `is_grid` (true): a metre longer than the block at both ends.
    """
    noded = shapely.union_all([*arterials.to_numpy(), land.boundary], grid_size=0.1)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded).tolist()))
    faces = faces[shapely.covers(land.buffer(1.0), shapely.point_on_surface(faces))]
    waiting = sorted(faces.tolist(), key=lambda face: (-face.area, face.bounds))
    blocks, streets = [], []
    while waiting:
        block = waiting.pop(0)
        density, most = block_density(block, plan)
        if most < plan.density_min:
            continue
        if block.area <= 1.35 * plan.between(plan.superblock_m2, density):
            blocks.append((block, density))
            continue
        line = dividing_line(block, plan, rng)
        parts = shapely.get_parts(split(block, line)) if line is not None else []
        parts = [part for part in parts if part.area > 1500.0]
        if len(parts) < 2:
            blocks.append((block, density))
            continue
        streets.append({"road_class": "tertiary" if block.area > 1.0e6 else "residential", "geometry": line})
        waiting.extend(parts)
    return blocks, gpd.GeoDataFrame(streets, geometry="geometry", crs=arterials.crs).assign(is_grid=True)


def dividing_line(block: BaseGeometry, plan: LocalPlan, rng: np.random.Generator) -> shapely.LineString | None:
    """Return a bent line across the block, square to its longer side and near its middle."""
    centre, along, length, width = frame_of(block)
    turn = rng.normal(0.0, math.radians(7))
    across = rotate(along, math.pi / 2 + turn)
    start = centre + along * length * rng.uniform(-0.12, 0.12)
    reach = np.arange(-0.75 * math.hypot(length, width), 0.75 * math.hypot(length, width), 40.0)
    line = shapely.LineString(plan.bend(start + reach[:, None] * across))
    inside = shapely.get_parts(line.intersection(block.buffer(1.0)))
    inside = [piece for piece in inside if piece.length > 60.0 and piece.geom_type == "LineString"]
    return min(inside, key=lambda piece: piece.distance(shapely.Point(start)), default=None)


def frame_of(block: BaseGeometry) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return centre, direction of the longer side, length and width of the smallest rectangle round a block."""
    corner = shapely.get_coordinates(shapely.oriented_envelope(block))
    first, second = corner[1] - corner[0], corner[2] - corner[1]
    length, width = float(np.hypot(*first)), float(np.hypot(*second))
    if length < width:
        first, length, width = second, width, length
    return (corner[0] + corner[2]) / 2, first / length, length, width


def rotate(vector: np.ndarray, angle: float) -> np.ndarray:
    """Return the vector turned counter-clockwise by `angle` (radians)."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])


def local_grids(
    blocks: list[tuple[BaseGeometry, float]], plan: LocalPlan, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Return the grid lines of all blocks: `road_class` (residential), `is_grid` (true), `geometry`."""
    lines = [line for block, density in blocks for line in block_grid(block, density, plan, rng)]
    return gpd.GeoDataFrame({"road_class": "residential", "is_grid": True}, index=range(len(lines)), geometry=lines)


def block_grid(
    block: BaseGeometry, density: float, plan: LocalPlan, rng: np.random.Generator
) -> list[shapely.LineString]:
    """Return the local streets of one block: rows along its longer side, staggered cross streets between them."""
    centre, along, length, width = frame_of(block)
    along = rotate(along, rng.normal(0.0, math.radians(5)))
    across = rotate(along, math.pi / 2)
    spacing = plan.between(plan.spacing_m, density) * rng.uniform(0.88, 1.15)
    step = plan.between(plan.block_m, density) * rng.uniform(0.85, 1.35)
    half = 0.5 * math.hypot(length, width)
    offsets = np.arange(-half, half + spacing, spacing) + rng.uniform(-0.5, 0.5) * spacing
    offsets = offsets + rng.normal(0.0, 0.09 * spacing, len(offsets))
    reach = np.arange(-half, half, 25.0)
    rows = [shapely.LineString(plan.bend(centre + reach[:, None] * along + v * across)) for v in offsets]
    margin = block.buffer(-0.30 * spacing)
    kept = []
    for piece in shapely.get_parts(shapely.intersection(rows, block.buffer(1.0))):
        # A row that runs beside the block's own edge would double that street.
        if piece.geom_type == "LineString" and piece.intersection(margin).length > max(0.55 * piece.length, 25.0):
            kept.append(piece)
    crosses, phase = [], rng.uniform(0, step)
    for low, high in pairwise(offsets.tolist()):
        if rng.random() > 0.30:  # else the cross streets go on from the strip before
            phase = rng.uniform(0, step)
        where = np.arange(-half + phase, half, step)
        for u in where + rng.normal(0.0, 0.10 * step, len(where)):
            v = np.array([low - 2.0, (low + high) / 2, high + 2.0])
            crosses.append(shapely.LineString(plan.bend(centre + u * along + v[:, None] * across)))
    for piece in shapely.get_parts(shapely.intersection(crosses, block.buffer(1.0))):
        if piece.geom_type == "LineString" and piece.length > 0.35 * spacing:
            kept.append(piece)
    return kept


def lanes_along(arterials: gpd.GeoSeries, plan: LocalPlan, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return lanes that leave arterials outside the dense parts: `road_class`, `is_grid` (false), `geometry`."""
    lanes = []
    for line in arterials:
        at = 60.0
        while at < line.length - 60.0:
            here, ahead = (np.array(line.interpolate(at + d).coords[0]) for d in (0.0, 10.0))
            density = float(plan.density(here[None, :])[0])
            if density < 0.45:
                side = rotate((ahead - here) / np.hypot(*(ahead - here)), rng.choice([-1, 1]) * math.pi / 2)
                reach = plan.ribbon_m * rng.lognormal(0.0, 0.45)
                steps = np.linspace(-1.0, reach, 5)
                sway = rng.normal(0.0, 0.06 * reach) * np.sin(steps / reach * math.pi)
                path = here + steps[:, None] * side + sway[:, None] * rotate(side, math.pi / 2)
                lanes.append(shapely.LineString(path))
            at += rng.uniform(90, 260) * (1.0 if density > 0.12 else 2.0)
    kinds = {"road_class": "residential", "is_grid": False}
    return gpd.GeoDataFrame(kinds, index=range(len(lanes)), geometry=lanes)


def dead_end_lanes(
    edges: gpd.GeoDataFrame, inland: BaseGeometry, plan: LocalPlan, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Return dead-end lorong off the longer local streets: `edge` (row position), `at` (share of it), `geometry`.

    A lorong starts on its street and comes near no other street or lorong.
    """
    lines = edges.geometry.to_numpy()
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    fit = (edges["rank"] >= 4) & (edges.length > 62.0) & ~edges["is_bridge"]
    chosen = np.flatnonzero(fit & (plan.density(middle) > 0.30) & (rng.random(len(edges)) < plan.lorong_share))
    at = rng.uniform(0.36, 0.64, len(chosen))
    here = shapely.get_coordinates(shapely.line_interpolate_point(lines[chosen], at, normalized=True))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(lines[chosen], at + 0.02, normalized=True))
    way = ahead - here
    way = way / np.hypot(way[:, 0], way[:, 1])[:, None] * rng.choice([-1.0, 1.0], len(chosen))[:, None]
    side = np.column_stack([-way[:, 1], way[:, 0]]) + rng.normal(0.0, 0.12, (len(chosen), 2))
    tip = here + side * rng.uniform(26, 62, len(chosen))[:, None]
    lanes = shapely.linestrings(np.stack([here, tip], axis=1))
    body = shapely.linestrings(np.stack([here + (tip - here) * 0.35, tip], axis=1))
    inside = shapely.covers(inland, lanes)
    lane, other = shapely.STRtree(lines).query(body, "dwithin", CLEAR_M)
    lane2, _ = shapely.STRtree(lines).query(body, "dwithin", 5.0)
    near_other = lane[other != chosen[lane]]
    free = inside.copy()
    free[near_other] = False
    free[lane2] = False
    a, b = shapely.STRtree(body).query(body, "dwithin", CLEAR_M)
    for first, second in zip(a.tolist(), b.tolist(), strict=True):
        if first < second and free[first]:
            free[second] = False
    return gpd.GeoDataFrame({"edge": chosen[free], "at": at[free]}, geometry=lanes[free], crs=edges.crs)
