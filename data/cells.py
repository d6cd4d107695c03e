"""Approximate administrative areas, grown from points: cells on hand-drawn land, dissolved by code.

For a city whose boundary files may not be passed on. Facts go in (codes, names, one point per kelurahan, an outline
drawn by hand); exact coverages come out: no gap, no overlap, kelurahan nest in kecamatan, waters fill the shore.

Run ``python -m data.cells data/cities/kendari`` after a change of `outline.geojson`, `seeds.csv` or `admin_areas.csv`.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from gis.errors import DataError, TopologyError

DECIMALS = 5
GRID = 10.0**-DECIMALS  # one step is about 1.1 m; all lines are noded on it, so that writing loses nothing

COLUMNS = ["level", "code", "name", "parent_code", "geometry"]


def grow_cells(points: pd.DataFrame, land: BaseGeometry, waters: gpd.GeoSeries | None = None) -> gpd.GeoDataFrame:
    """Divide land among coded points: every place belongs to the code of its nearest point.

    Parameters
    ----------
    points
        Columns `code`, `lon`, `lat` (degrees, EPSG:4326); a code may have several points. All on `land`.
    land
        Polygon or multipolygon, EPSG:4326.
    waters
        Polygons indexed by code, EPSG:4326; what of them lies on land is cut off.

    Returns
    -------
    GeoDataFrame
        `code`, `geometry` (EPSG:4326, vertices on a grid of 0.00001 degrees), one row per code of `points` and then of
        `waters`, each group in order of code. An exact coverage: shared borders have the same vertices.

    Raises
    ------
    DataError
        Points off the land, or two points in one place.

    Notes
    -----
    Nearest is measured with longitudes shrunk by the cosine of the middle latitude: true to a few parts in ten
    thousand over a city. A piece cut off from its own points (by a bay) joins the neighbour with the longest common
    border, so that no area jumps over water.
    """
    check_points(points, land)
    waters = gpd.GeoSeries([], crs=4326) if waters is None else waters.sort_index()
    shrink = math.cos(math.radians((land.bounds[1] + land.bounds[3]) / 2))
    sites = shapely.MultiPoint(np.column_stack([points["lon"] * shrink, points["lat"]]))
    frame = shapely.affinity.scale(shapely.box(*land.bounds), shrink, 1.0, origin=(0, 0)).buffer(0.1)
    cells = shapely.voronoi_polygons(sites, extend_to=frame, ordered=True)
    cells = shapely.transform(cells, lambda xy: xy / [shrink, 1.0])
    water_shapes = [shape.difference(land) for shape in waters]

    lines = [*shapely.get_parts(cells).tolist(), land, *water_shapes]
    noded = shapely.union_all([shape.boundary for shape in lines], grid_size=GRID)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded).tolist()))
    inside = shapely.point_on_surface(faces)

    tree = shapely.STRtree(shapely.transform(shapely.points(points[["lon", "lat"]]), lambda xy: xy * [shrink, 1.0]))
    nearest = tree.nearest(shapely.transform(inside, lambda xy: xy * [shrink, 1.0]))
    owner = np.where(shapely.covers(land, inside), points["code"].to_numpy(dtype=object)[nearest], None)
    for code, shape in zip(waters.index, water_shapes, strict=True):
        owner[(owner == None) & shapely.covers(shape, inside)] = code  # noqa: E711 (element by element)
    kept = owner != None  # noqa: E711
    areas = gpd.GeoDataFrame({"code": owner[kept]}, geometry=faces[kept], crs=4326).dissolve("code")
    homes = pd.concat([points[["code", "lon", "lat"]], water_points(waters.index, water_shapes)])
    areas = join_cut_off_pieces(areas["geometry"], homes)
    order = [*sorted(points["code"].unique()), *waters.index]
    return gpd.GeoDataFrame({"code": order}, geometry=areas.reindex(order).to_numpy(), crs=4326)


def check_points(points: pd.DataFrame, land: BaseGeometry) -> None:
    """Refuse points off the land and points in one place; names every one of them."""
    off = points[~shapely.covers(land, shapely.points(points[["lon", "lat"]]))]
    twice = points[points.duplicated(["lon", "lat"], keep=False)]
    if len(off) or len(twice):
        rows = [f"{row.code} ({row.lon}, {row.lat})" for row in pd.concat([off, twice]).itertuples()]
        raise DataError(f"points off the land or in one place: {', '.join(rows)}; move them or the outline")


def water_points(codes: pd.Index, shapes: list[BaseGeometry]) -> pd.DataFrame:
    """Return one point in every piece of every water, as `code`, `lon`, `lat`."""
    rows = [
        (code, point.x, point.y)
        for code, shape in zip(codes, shapes, strict=True)
        for point in shapely.point_on_surface(shapely.get_parts(shape))
    ]
    return pd.DataFrame(rows, columns=["code", "lon", "lat"])


def join_cut_off_pieces(areas: gpd.GeoSeries, homes: pd.DataFrame) -> gpd.GeoSeries:
    """Give pieces without a point of their own code to the neighbour with the longest common border.

    Ties go to the lowest code. `areas` is indexed by code; `homes` has `code`, `lon`, `lat`.
    """
    points = {code: shapely.MultiPoint(group[["lon", "lat"]].to_numpy()) for code, group in homes.groupby("code")}
    pieces = areas.explode().reset_index()
    pieces["home"] = [points[row.code].intersects(row.geometry) for row in pieces.itertuples()]
    settled = pieces[pieces["home"]].dissolve("code")["geometry"]
    stray = pieces.loc[~pieces["home"], "geometry"].tolist()
    while stray:
        borders = [common_border(settled, piece) for piece in stray]
        first = max(range(len(stray)), key=lambda index: borders[index].max())
        if borders[first].max() == 0:
            raise TopologyError("a piece of land touches no area with a point; add a seed on each island")
        code = borders[first].idxmax()
        settled[code] = shapely.union_all([settled[code], stray.pop(first)])
    return settled


def common_border(areas: gpd.GeoSeries, piece: BaseGeometry) -> pd.Series:
    """Return the length in degrees of the border of `piece` with every area, by code."""
    shared = shapely.intersection(areas.boundary.to_numpy(), piece.boundary)
    return pd.Series(shapely.length(shared), index=areas.index).sort_index()


def make_admin_areas(folder: Path) -> gpd.GeoDataFrame:
    """Return the administrative areas of a city folder: kecamatan, kelurahan, waters.

    Reads `admin_areas.csv` (level, code, name, parent_code, lon, lat; the point of a kelurahan is its first seed),
    `seeds.csv` (code, lon, lat, note: further seeds) and `outline.geojson` (features of `kind` land or water; a water
    has a `code` of the list).

    Returns
    -------
    GeoDataFrame
        `level`, `code`, `name`, `parent_code` (missing at the top), `geometry` (multipolygons, EPSG:4326), in the order
        of `admin_areas.csv`.

    Raises
    ------
    DataError
        Codes that are not in the list, points off the land.
    TopologyError
        The result is no exact coverage.
    """
    text = {"code": str, "parent_code": str}
    listed = pd.read_csv(folder / "admin_areas.csv", dtype=text)
    seeds = pd.read_csv(folder / "seeds.csv", dtype=text)
    outline = gpd.read_file(folder / "outline.geojson")
    lowest = listed[listed["level"] == "kelurahan"]
    unknown = sorted(set(seeds["code"]) - set(lowest["code"]))
    if unknown:
        raise DataError(f"seeds.csv: codes {', '.join(unknown)} are no kelurahan of admin_areas.csv")
    points = pd.concat([lowest[["code", "lon", "lat"]], seeds[["code", "lon", "lat"]]], ignore_index=True)
    land = outline.loc[outline["kind"] == "land", "geometry"].union_all()
    waters = outline[outline["kind"] == "water"]
    cells = grow_cells(points, land, gpd.GeoSeries(waters["geometry"].to_numpy(), index=waters["code"], crs=4326))
    shapes = cells.set_index("code")["geometry"]
    parents = lowest.set_index("code")["parent_code"]
    upper = shapes[parents.index].groupby(parents).apply(lambda group: shapely.union_all(group.to_numpy()))
    shapes = {**upper.to_dict(), **shapes.to_dict()}
    missing = sorted(set(listed["code"]) - set(shapes))
    if missing:
        raise DataError(
            f"admin_areas.csv: {', '.join(missing)} got no area; a water needs a feature in outline.geojson"
        )
    geometry = [shapely.MultiPolygon(shapely.get_parts(shapes[code]).tolist()) for code in listed["code"]]
    areas = gpd.GeoDataFrame(listed[["level", "code", "name", "parent_code"]], geometry=geometry, crs=4326)
    for levels in (["kecamatan", "water"], ["kelurahan", "water"]):
        part = areas.loc[areas["level"].isin(levels), "geometry"]
        if not shapely.coverage_is_valid(part.to_numpy()):
            raise TopologyError(f"{' and '.join(levels)}: not an exact coverage; look at narrow places of the outline")
    return areas


def to_geojson(areas: gpd.GeoDataFrame) -> str:
    """Return the areas as GeoJSON text, one feature a line, the same bytes for the same areas."""
    lines = []
    for row in areas[COLUMNS].itertuples(index=False):
        shape = shapely.normalize(row.geometry)
        polygons = [[ring_text(ring) for ring in (p.exterior, *p.interiors)] for p in shape.geoms]
        body = ",".join(f"[{','.join(rings)}]" for rings in polygons)
        parent = None if pd.isna(row.parent_code) else row.parent_code
        named = {"level": row.level, "code": row.code, "name": row.name, "parent_code": parent}
        properties = json.dumps(named, ensure_ascii=False)
        geometry = f'{{"type":"MultiPolygon","coordinates":[{body}]}}'
        lines.append(f'{{"type":"Feature","properties":{properties},"geometry":{geometry}}}')
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"


def ring_text(ring: shapely.LinearRing) -> str:
    """Return the coordinates of a ring as JSON with the grid's decimals."""
    return "[" + ",".join(f"[{x:.{DECIMALS}f},{y:.{DECIMALS}f}]" for x, y in ring.coords) + "]"


def main() -> None:
    """Write `admin_areas.geojson` of the city folder named on the command line."""
    folder = Path(sys.argv[1])
    areas = make_admin_areas(folder)
    (folder / "admin_areas.geojson").write_text(to_geojson(areas), encoding="utf-8")
    print(areas.groupby("level").size().to_string())


if __name__ == "__main__":
    main()
