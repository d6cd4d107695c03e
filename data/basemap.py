"""The basemap of a city, made from its own tables: land, water, built-up and green areas, roads, borders, names.

Works for any city: without roads there are land, borders and names; without named waters there is land only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, delete, text

from data.bulk import copy_rows, ewkb
from data.osm_basemap import GREEN, Drawn
from gis.tables import basemap_area, basemap_label, basemap_line

MERCATOR = 3857
SNAP_M = 0.02

RANK = {
    "motorway": 1, "trunk": 1, "primary": 2, "secondary": 3, "tertiary": 4, "unclassified": 5, "residential": 5,
    "living_street": 5, "service": 6, "track": 7, "path": 7, "footway": 7, "cycleway": 7, "steps": 7, "pedestrian": 6,
}  # fmt: skip
OTHER_RANK = 6

# Metres. Streets this near to each other enclose built-up land; land this far from every road is green.
BUILT_REACH_M, BUILT_SHRINK_M, BUILT_MIN_M2 = 75.0, 45.0, 40_000.0
GREEN_FAR_M, GREEN_ROUND_M, GREEN_MIN_M2 = 330.0, 150.0, 400_000.0

# From which zoom a name shows. Roads by rank; smaller streets only where they are long enough to carry a name.
ROAD_ZOOM = {1: 13, 2: 14, 3: 14, 4: 15, 5: 17, 6: 18}
ROAD_LABEL_M = {1: 400.0, 2: 300.0, 3: 250.0, 4: 200.0, 5: 180.0, 6: 150.0}
MAIN_RANK, AGAIN_M, AGAIN_ZOOM = 4, 900.0, 16
AREA_ZOOM = {"kecamatan": 11, "kelurahan": 13, "water": 11}
PLACE_ZOOM = {
    "airport": 12, "bridge": 14, "harbour": 14, "hospital": 14, "university": 14, "mall": 15, "market": 15,
    "office": 15, "roundabout": 15, "landmark": 15, "intersection": 16, "mosque": 16, "clinic": 16, "hotel": 16,
    "recreation": 17, "school": 17, "fuel": 17, "bank": 17,
}  # fmt: skip

AREAS = "SELECT level, code, name, geom FROM siaga.admin_area ORDER BY level, code"
NEIGHBOURS = "SELECT name, geom_area AS geom FROM siaga.neighbour WHERE geom_area IS NOT NULL ORDER BY name"
EDGES = """
SELECT e.road_class, e.name, e.geom
FROM siaga.road_edge e JOIN siaga.road_build b USING (road_build_id)
WHERE b.is_current ORDER BY e.edge_id
"""
PLACES = text(
    "SELECT name, kind, ST_X(geom) AS lon, ST_Y(geom) AS lat FROM siaga.place WHERE kind = ANY(:kinds)"
    ' ORDER BY kind, name COLLATE "C", 3, 4'
)


@dataclass(frozen=True)
class Sources:
    """What a basemap is drawn from, in EPSG:3857; `stretch` is how many map metres one metre on the ground is."""

    areas: gpd.GeoDataFrame
    neighbours: gpd.GeoDataFrame
    chains: gpd.GeoDataFrame
    stretch: float
    mapped: Drawn = field(default_factory=Drawn)


def build_basemap(tx: Connection, mapped: Drawn | None = None) -> dict[str, int]:
    """Draw the basemap anew from `admin_area`, `neighbour`, the current road build and `place`.

    Old rows are replaced in the caller's transaction, so that readers see the old map or the new one.

    Parameters
    ----------
    mapped
        What an extract has besides streets: its land is drawn instead of the polygons of the areas, its woods and
        fields instead of green guessed from where no road is, its names besides those of the city.

    Returns
    -------
    dict
        Number of rows per table.
    """
    sources = read_sources(tx)
    if mapped is not None:
        sources = replace(sources, mapped=mapped)
    areas, lines = list(area_rows(sources)), list(line_rows(sources))
    labels = list(label_rows(sources, tx))
    for table in (basemap_area, basemap_line, basemap_label):
        tx.execute(delete(table))
    kinds, shapes = zip(*areas, strict=True) if areas else ((), ())
    multi = np.array([shapely.MultiPolygon(shapely.get_parts(shape).tolist()) for shape in shapes], dtype=object)
    copy_rows(tx, basemap_area, ("kind", "geom"), zip(kinds, ewkb(multi, MERCATOR), strict=True))
    shapes = ewkb(np.array([row[3] for row in lines], dtype=object), MERCATOR)
    rows = ((*row[:3], shape) for row, shape in zip(lines, shapes, strict=True))
    copy_rows(tx, basemap_line, ("kind", "rank", "name", "geom"), rows)
    shapes = ewkb(np.array([shapely.Point(row[3], row[4]) for row in labels], dtype=object), 4326)
    rows = ((*row[:3], shape) for row, shape in zip(labels, shapes, strict=True))
    copy_rows(tx, basemap_label, ("kind", "name", "min_zoom", "geom"), rows)
    return {"basemap_area": len(areas), "basemap_line": len(lines), "basemap_label": len(labels)}


def read_sources(tx: Connection) -> Sources:
    """Read areas, neighbours and roads; streets become chains of the same name and class."""
    areas, neighbours, edges = (
        gpd.read_postgis(query, tx, crs=4326).to_crs(MERCATOR) for query in (AREAS, NEIGHBOURS, EDGES)
    )
    stretch = 1.0
    if len(areas):
        latitude = gpd.GeoSeries([shapely.box(*areas.total_bounds)], crs=MERCATOR).to_crs(4326).iloc[0].centroid.y
        stretch = 1.0 / float(np.cos(np.radians(latitude)))
    edges["rank"] = edges["road_class"].str.removesuffix("_link").map(RANK).fillna(OTHER_RANK).astype(int)
    return Sources(areas=areas, neighbours=neighbours, chains=chains_of(edges), stretch=stretch)


def chains_of(edges: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return one row per unbroken chain of edges of the same rank and name: `rank`, `name` (or None), `geometry`."""
    if edges.empty:
        return gpd.GeoDataFrame({"rank": [], "name": []}, geometry=[], crs=MERCATOR)
    names = edges["name"].fillna("")
    group = edges.groupby([edges["rank"], names], sort=True).ngroup().to_numpy()
    order = np.argsort(group, kind="stable")
    # All groups at once: one call per street name is thousands of them.
    merged = shapely.line_merge(shapely.multilinestrings(edges.geometry.to_numpy()[order], indices=group[order]))
    lines, owner = shapely.get_parts(merged, return_index=True)
    first = order[np.searchsorted(group[order], np.arange(len(merged)))][owner]
    named = names.to_numpy(dtype=object)[first]
    columns = {"rank": edges["rank"].to_numpy()[first], "name": np.where(named == "", None, named)}
    return gpd.GeoDataFrame(columns, geometry=lines, crs=MERCATOR)


def land_of(areas: gpd.GeoDataFrame) -> BaseGeometry:
    """Return the city's land: the union of all areas that are not waters."""
    return shapely.union_all(areas.geometry.to_numpy()[areas["level"] != "water"])


def area_rows(sources: Sources) -> Iterator[tuple[str, BaseGeometry]]:
    """Yield `(kind, polygon)` in drawing order: land, green, built-up, what is mapped, water."""
    land = land_of(sources.areas)
    if sources.mapped.land:
        # The coast as mapped is nearer to the truth than borders of areas, which often run through the water.
        shapes = to_mercator(sources.mapped.land)
        yield from (("land", shape) for shape in shapes)
        land = shapely.union_all(shapes)
    else:
        yield from (("land", shape) for shape in sources.neighbours.geometry)
        if not land.is_empty:
            yield "land", land
    kinds = [kind for kind, _ in sources.mapped.areas]
    if len(sources.chains):
        if GREEN.isdisjoint(kinds):
            yield from (("wood", part) for part in shapely.get_parts(green(sources, land)))
        # One row each, so that a tile reads only what it shows.
        yield from (("built", part) for part in shapely.get_parts(built_up(sources, land)))
    yield from zip(kinds, to_mercator([shape for _, shape in sources.mapped.areas]), strict=True)
    if not sources.mapped.land:
        for shape in sources.areas.geometry[sources.areas["level"] == "water"]:
            yield "water", shape


def to_mercator(shapes: Sequence[BaseGeometry]) -> np.ndarray:
    """Return shapes of EPSG:4326 in EPSG:3857."""
    return gpd.GeoSeries(list(shapes), crs=4326).to_crs(MERCATOR).to_numpy()


def built_up(sources: Sources, land: BaseGeometry) -> BaseGeometry:
    """Return land enclosed by local streets: their surroundings, closed and shrunk back."""
    k = sources.stretch
    lines = shapely.simplify(sources.chains.geometry.to_numpy()[sources.chains["rank"].isin([5, 6])], 5.0 * k)
    near = shapely.union_all(shapely.buffer(lines, BUILT_REACH_M * k, quad_segs=3), grid_size=1.0)
    shrunk = near.buffer(-BUILT_SHRINK_M * k, quad_segs=3).intersection(land)
    return large_parts(shrunk.simplify(8.0 * k), BUILT_MIN_M2 * k * k)


def green(sources: Sources, land: BaseGeometry) -> BaseGeometry:
    """Return land far from every road, with round edges: hills, woods and fields where nobody lives."""
    k = sources.stretch
    lines = shapely.simplify(sources.chains.geometry.to_numpy(), 15.0 * k)
    near = shapely.union_all(shapely.buffer(lines, GREEN_FAR_M * k, quad_segs=3), grid_size=1.0)
    core = land.difference(near).buffer(-GREEN_ROUND_M * k, quad_segs=4)
    return large_parts(core.buffer(GREEN_ROUND_M * k, quad_segs=4).intersection(land).simplify(10.0 * k), GREEN_MIN_M2)


def large_parts(shape: BaseGeometry, area_m2: float) -> BaseGeometry:
    """Return the polygons of at least an area, without smaller holes."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area >= area_m2]
    return shapely.MultiPolygon(
        [
            shapely.Polygon(part.exterior, [hole for hole in part.interiors if shapely.Polygon(hole).area >= area_m2])
            for part in parts
        ]
    ).buffer(0)


def line_rows(sources: Sources) -> Iterator[tuple[str, int, str | None, shapely.LineString]]:
    """Yield `(kind, rank, name, line)`: borders of city (1), kecamatan (2), kelurahan (3), then roads (1 to 7).

    A border is drawn once, with its highest rank, and not along the shore of a named water.
    """
    areas = sources.areas
    water = shapely.union_all(areas.geometry.to_numpy()[areas["level"] == "water"])
    drawn: BaseGeometry = water.boundary if not water.is_empty else shapely.MultiLineString()
    levels = [np.array([land_of(areas)], dtype=object)]
    levels += [areas.geometry.to_numpy()[areas["level"] == level] for level in ("kecamatan", "kelurahan")]
    for rank, shapes in enumerate(levels, start=1):
        # Noded on a grid of centimetres: the same border in two levels may differ in its last digits.
        noded = shapely.union_all(shapely.boundary(shapes), grid_size=SNAP_M)
        border = shapely.difference(noded, drawn, grid_size=SNAP_M)
        drawn = shapely.union(drawn, border, grid_size=SNAP_M)
        for line in shapely.get_parts(shapely.line_merge(border)):
            if line.geom_type == "LineString" and not line.is_empty:
                yield "boundary", rank, None, line
    for chain in sources.chains.itertuples():
        yield "road", chain.rank, chain.name, chain.geometry


def label_rows(sources: Sources, tx: Connection) -> Iterator[tuple[str, str, int, float, float]]:
    """Yield `(kind, name, min_zoom, lon, lat)` of areas, roads and the places people know."""
    areas = sources.areas[sources.areas["level"].isin(AREA_ZOOM)]
    for row, point in zip(areas.itertuples(), label_points(areas.geometry), strict=True):
        yield row.level, row.name, AREA_ZOOM[row.level], *point
    yield from road_labels(sources)
    named = {name.casefold() for name in areas["name"]}
    for row in tx.execute(PLACES, {"kinds": list(PLACE_ZOOM)}):
        named.add(row.name.casefold())
        yield row.kind, row.name, PLACE_ZOOM[row.kind], row.lon, row.lat
    # The city's own names come first; what it has is not written twice.
    yield from (row for row in sources.mapped.labels if row[1].casefold() not in named)


def road_labels(sources: Sources) -> Iterator[tuple[str, str, int, float, float]]:
    """Yield the names of roads: once in the middle of the longest chain; close up, along main roads again and again."""
    chains = sources.chains.dropna(subset="name")
    length = chains.length / sources.stretch
    chains = chains[length >= chains["rank"].map(ROAD_LABEL_M).fillna(np.inf)].assign(length=length)
    chains = chains.sort_values(["rank", "name", "length"], ascending=[True, True, False], kind="stable")
    rows = []
    for chain in chains.drop_duplicates(["rank", "name"]).itertuples():
        rows.append((chain.name, ROAD_ZOOM[chain.rank], chain.geometry.interpolate(0.5, normalized=True)))
    for chain in chains[chains["rank"] <= MAIN_RANK].itertuples():
        # An even number of names, at odd shares: none falls on the middle, which has its name already.
        n_names = 2 * int(chain.length / AGAIN_M)
        shares = (np.arange(n_names) + 0.5) / max(n_names, 1)
        rows += [(chain.name, AGAIN_ZOOM, chain.geometry.interpolate(share, normalized=True)) for share in shares]
    points = gpd.GeoSeries([row[2] for row in rows], crs=MERCATOR).to_crs(4326)
    for (name, zoom, _), point in zip(rows, points, strict=True):
        yield "road", name, zoom, point.x, point.y


def label_points(shapes: gpd.GeoSeries) -> list[tuple[float, float]]:
    """Return where the name of each polygon has most room (lon, lat): the middle of its largest inscribed circle."""
    room = [
        shapely.get_point(shapely.maximum_inscribed_circle(shape, tolerance=20.0), 0)
        for shape in (max(shapely.get_parts(shape), key=shapely.area) for shape in shapes)
    ]
    points = gpd.GeoSeries(room, crs=MERCATOR).to_crs(4326)
    return list(zip(points.x, points.y, strict=True))
