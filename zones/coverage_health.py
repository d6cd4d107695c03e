"""How sound the boundaries of one service are: ground nobody holds, ground two hold, and where a border is in dispute.

Ground is what the jurisdictions that are not city-wide hold. Shapes are compared in degrees, where a vertex on a
straight border of the neighbour lies on it; metres are the metric CRS's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.ops import linemerge, substring
from sqlalchemy import Connection, text

from zones.exact_shapes import LEAST_M2
from zones.layers import Area, Layer, area_m2, metric, polygons

# Two drawings of one border differ by less than this; a wider piece may be meant (a lake, an enclave).
SLIVER_M = 25.0
# A border is looked at in pieces at most this long, so that a corner that is quarrelled about stands out.
PIECE_M = 250.0
# Shorter pieces are corners where three meet.
LEAST_PIECE_M = 5.0
# Incidents this near to a border are in doubt even when the caller's place is exact: a street's two sides.
NEAR_M = 50.0
# Borders of two neighbours that are drawn twice still count as one when no farther apart.
APART_M = 1.0

GROUND = text(
    "SELECT level, name, ST_AsBinary(geom) AS wkb FROM siaga.admin_area WHERE level IN ('kelurahan', 'water')"
)
SERVICE_AREA = text("SELECT ST_AsBinary(service_area) FROM siaga.city")

GAPS = ("area_m2", "width_m", "is_sliver", "areas", "geometry")
OVERLAPS = ("one", "two", "priority", "area_m2", "width_m", "is_sliver", "geometry")
CONTESTED = ("one", "two", "length_m", "n_incidents", "n_per_km", "geometry")


@dataclass(frozen=True, eq=False, kw_only=True)
class Health:
    """What was found; shapes are EPSG:4326.

    Attributes
    ----------
    area_m2, covered_m2
        Ground to be held, and what of it somebody holds.
    gaps
        `area_m2`, `width_m` (diameter of the largest circle in it), `is_sliver`, `areas` (names it lies in, the largest
        part first), `geometry`; the largest first.
    overlaps
        `one`, `two` (``AGENCY/CODE``), `priority`, `area_m2`, `width_m`, `is_sliver`, `geometry`; the largest first.
    contested
        Pieces of border between `one` and `two` with `length_m`, `n_incidents`, `n_per_km`; only those with incidents,
        the most first.
    n_near_border
        Incidents counted there.
    approximate
        Keys of jurisdictions whose polygons are marked as approximate.
    """

    area_m2: float
    covered_m2: float
    gaps: gpd.GeoDataFrame
    overlaps: gpd.GeoDataFrame
    contested: gpd.GeoDataFrame
    n_near_border: int
    approximate: list[str]

    @property
    def covered_share(self) -> float:
        """Return the part of the ground that somebody holds, 0 to 1."""
        return self.covered_m2 / self.area_m2 if self.area_m2 else 0.0


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Ground a service must hold: its shape (EPSG:4326), and named areas to say where something lies."""

    shape: BaseGeometry
    names: tuple[str, ...] = ()
    areas: tuple[BaseGeometry, ...] = ()


def read_ground(tx: Connection) -> Ground:
    """Return kelurahan and named waters; without any, the service area, which is wider by the fall-back."""
    rows = tx.execute(GROUND).all()
    shapes = [shapely.from_wkb(bytes(row.wkb)) for row in rows]
    if any(row.level == "kelurahan" for row in rows):
        return Ground(shape=shapely.union_all(shapes), names=tuple(row.name for row in rows), areas=tuple(shapes))
    wkb = tx.execute(SERVICE_AREA).scalar_one_or_none()
    return Ground(shape=shapely.MultiPolygon() if wkb is None else shapely.from_wkb(bytes(wkb)))


def coverage_health(layer: Layer, ground: Ground, incidents: pd.DataFrame, *, srid: int) -> Health:
    """Check the boundaries of a service at one moment.

    Parameters
    ----------
    layer
        Its jurisdictions in force.
    ground
        What they should hold between them.
    incidents
        `lon, lat` (EPSG:4326), `accuracy_m`: what happened; for the contested borders.
    srid
        EPSG code of the metric CRS.
    """
    held = [area for area in layer.values() if not area.is_citywide]
    union = shapely.union_all([area.shape for area in held])
    whole, covered = area_m2([polygons(ground.shape), polygons(shapely.intersection(union, ground.shape))], srid)
    contested = contested_borders(layer, incidents, srid=srid)
    return Health(
        area_m2=float(whole),
        covered_m2=float(covered),
        gaps=_gaps(union, ground, srid),
        overlaps=_overlaps(held, srid),
        contested=contested,
        n_near_border=int(contested["n_incidents"].sum()),
        approximate=sorted(area.key for area in layer.values() if area.is_approximate),
    )


def contested_borders(layer: Layer, incidents: pd.DataFrame, *, srid: int) -> gpd.GeoDataFrame:
    """Rank pieces of the borders between jurisdictions by the incidents that might lie on either side.

    An incident counts once, at the nearest piece that is within its accuracy, and within `NEAR_M` at least.

    Returns
    -------
    GeoDataFrame
        `one`, `two` (``AGENCY/CODE``, in order), `length_m`, `n_incidents`, `n_per_km`, `geometry` (lines, EPSG:4326).
    """
    pieces, pairs = _border_pieces(layer, srid)
    counts = np.zeros(len(pieces), dtype=np.int64)
    if pieces and len(incidents):
        places = gpd.GeoSeries(gpd.points_from_xy(incidents["lon"], incidents["lat"]), crs=4326).to_crs(srid).to_numpy()
        reach = np.maximum(incidents["accuracy_m"].to_numpy(np.float64), NEAR_M)
        lines = np.array(pieces, dtype=object)
        point, piece = shapely.STRtree(lines).query(places, predicate="dwithin", distance=reach)
        order = np.lexsort((piece, shapely.distance(places[point], lines[piece]), point))
        point, piece = point[order], piece[order]
        is_first = np.ones(len(point), dtype=bool)
        is_first[1:] = point[1:] != point[:-1]
        np.add.at(counts, piece[is_first], 1)
    lengths = shapely.length(np.array(pieces, dtype=object)) if pieces else np.empty(0)
    found = gpd.GeoDataFrame(
        {
            "one": [one for one, _ in pairs],
            "two": [two for _, two in pairs],
            "length_m": np.round(lengths, 1),
            "n_incidents": counts,
            "n_per_km": np.round(np.divide(counts * 1000.0, lengths, out=np.zeros(len(pieces)), where=lengths > 0), 1),
        },
        geometry=gpd.GeoSeries(pieces, crs=srid).to_crs(4326) if pieces else gpd.GeoSeries([], crs=4326),
    )
    found = found[found["n_incidents"] > 0]
    return found.sort_values(["n_incidents", "n_per_km"], ascending=False, kind="stable", ignore_index=True)


def _border_pieces(layer: Layer, srid: int) -> tuple[list[BaseGeometry], list[tuple[str, str]]]:
    """Return the borders between ground that counts of two jurisdictions, in metres, cut to length."""
    areas = sorted((area for area in layer.values() if not area.is_citywide), key=lambda area: area.rank)
    # What is higher in order keeps what two hold: the border is where the answer changes.
    outlines = [area.shape for area in areas]
    shapes: list[BaseGeometry] = []
    tree = shapely.STRtree(outlines)
    for i, shape in enumerate(outlines):
        near: npt.NDArray[np.intp] = tree.query(shape, predicate="intersects")
        above = [outlines[at] for at in np.sort(near) if at < i and not shapely.touches(outlines[at], shape)]
        shapes.append(metric(shapely.difference(shape, shapely.union_all(above)) if above else shape, srid))
    pieces: list[BaseGeometry] = []
    pairs: list[tuple[str, str]] = []
    if len(shapes) < 2:
        return pieces, pairs
    first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=APART_M)
    for i, j in sorted(zip(first.tolist(), second.tolist(), strict=True)):
        if i >= j:
            continue
        common = shapely.intersection(shapes[i].boundary, shapely.buffer(shapes[j], APART_M))
        lines = [part for part in shapely.get_parts(common) if part.geom_type == "LineString" and part.length > 0]
        merged = linemerge(lines) if lines else shapely.MultiLineString()
        for line in shapely.get_parts(merged):
            if line.length >= LEAST_PIECE_M:
                cut = _cut(line)
                pieces += cut
                pairs += [_pair(areas[i], areas[j])] * len(cut)
    return pieces, pairs


def _pair(one: Area, two: Area) -> tuple[str, str]:
    first, second = sorted((one.key, two.key))
    return first, second


def _cut(line: shapely.LineString) -> list[BaseGeometry]:
    n = max(1, int(np.ceil(line.length / PIECE_M)))
    ends = np.linspace(0.0, line.length, n + 1)
    return [substring(line, start, end) for start, end in pairwise(ends)]


def _gaps(union: BaseGeometry, ground: Ground, srid: int) -> gpd.GeoDataFrame:
    parts = list(shapely.get_parts(polygons(shapely.difference(ground.shape, union))))
    rows = [{"areas": names} for names in _named(parts, ground)]
    return _measured(rows, parts, srid, GAPS)


def _named(parts: list[BaseGeometry], ground: Ground) -> list[list[str]]:
    """Return for each piece the names of the areas it lies in, the largest part first, three at most."""
    if not ground.areas or not parts:
        return [[] for _ in parts]
    tree = shapely.STRtree(ground.areas)
    found = []
    for part in parts:
        near = tree.query(part, predicate="intersects")
        sizes = [(shapely.intersection(part, ground.areas[at]).area, ground.names[at]) for at in near]
        found.append([name for size, name in sorted(sizes, reverse=True) if size > 0][:3])
    return found


def _overlaps(held: list[Area], srid: int) -> gpd.GeoDataFrame:
    rows, shapes = [], []
    if len(held) > 1:
        outlines = [area.shape for area in held]
        first, second = shapely.STRtree(outlines).query(outlines, predicate="intersects")
        for i, j in sorted(zip(first.tolist(), second.tolist(), strict=True)):
            if i < j and held[i].priority == held[j].priority:
                one, two = _pair(held[i], held[j])
                rows.append({"one": one, "two": two, "priority": held[i].priority})
                shapes.append(polygons(shapely.intersection(outlines[i], outlines[j])))
    return _measured(rows, shapes, srid, OVERLAPS)


def _measured(rows: list[dict[str, Any]], shapes: list[Any], srid: int, columns: tuple[str, ...]) -> gpd.GeoDataFrame:
    """Make the frame of pieces larger than rounding, the largest first."""
    sizes = area_m2(shapes, srid)
    kept = [at for at in np.argsort(-sizes, kind="stable") if sizes[at] > LEAST_M2]
    widths = _widths([shapes[at] for at in kept], srid)
    table = pd.DataFrame([rows[at] for at in kept], columns=[name for name in columns if name != "geometry"])
    table["area_m2"], table["width_m"] = np.round(sizes[kept], 1), np.round(widths, 2)
    table["is_sliver"] = widths < SLIVER_M
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries([shapes[at] for at in kept], crs=4326), crs=4326)


def _widths(shapes: list[Any], srid: int) -> npt.NDArray[np.float64]:
    """Return the diameter of the largest circle in each piece, metres."""
    found = np.zeros(len(shapes))
    for at, shape in enumerate(shapes):
        for part in shapely.get_parts(metric(shape, srid)):
            # Half the width of a long rectangle is area / perimeter: a hundredth of it is exact enough.
            tolerance = max(part.area / part.length / 100, 1e-4)
            circle = shapely.maximum_inscribed_circle(part, tolerance=tolerance)
            found[at] = max(found[at], 2 * shapely.length(circle))
    return found
