"""What an OpenStreetMap extract gives the basemap: land and sea, water, woods, fields, built-up land, names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from data.osm_reader import check_file, refused

# Tag → kind of area, as the map's script knows them; the first that fits counts.
AREAS = {
    ("natural", "water"): "water", ("waterway", "riverbank"): "water", ("landuse", "reservoir"): "water",
    ("landuse", "basin"): "water", ("landuse", "salt_pond"): "water", ("landuse", "aquaculture"): "water",
    ("natural", "wood"): "wood", ("landuse", "forest"): "forest", ("natural", "scrub"): "scrub",
    ("natural", "heath"): "scrub", ("wetland", "mangrove"): "mangrove", ("natural", "grassland"): "meadow",
    ("natural", "beach"): "beach", ("natural", "sand"): "sand", ("landuse", "farmland"): "farmland",
    ("landuse", "farm"): "farm", ("landuse", "orchard"): "farm", ("landuse", "plantation"): "farm",
    ("landuse", "meadow"): "meadow", ("landuse", "grass"): "grass", ("landuse", "cemetery"): "cemetery",
    ("leisure", "park"): "park", ("leisure", "golf_course"): "park", ("leisure", "nature_reserve"): "park",
    ("landuse", "recreation_ground"): "park", ("landuse", "residential"): "residential",
    ("landuse", "commercial"): "commercial", ("landuse", "retail"): "commercial",
    ("landuse", "industrial"): "industrial", ("landuse", "port"): "port", ("aeroway", "aerodrome"): "airport",
}  # fmt: skip
GREEN = {"wood", "forest", "scrub", "mangrove", "farmland", "farm", "meadow", "park", "grass"}

# Tag → kind of label and the zoom it shows from; kinds are those of `data.basemap`.
LABELS = {
    ("place", "city"): ("kecamatan", 9), ("place", "town"): ("kecamatan", 11), ("place", "suburb"): ("kelurahan", 13),
    ("place", "village"): ("kelurahan", 13), ("place", "quarter"): ("kelurahan", 14),
    ("place", "neighbourhood"): ("kelurahan", 15), ("place", "hamlet"): ("kelurahan", 14),
    ("place", "island"): ("kecamatan", 12), ("place", "islet"): ("kelurahan", 15),
    ("natural", "bay"): ("water", 12), ("natural", "water"): ("water", 14), ("aeroway", "aerodrome"): ("airport", 12),
    ("amenity", "hospital"): ("hospital", 14), ("amenity", "university"): ("university", 14),
    ("amenity", "college"): ("university", 15), ("amenity", "ferry_terminal"): ("harbour", 14),
    ("shop", "mall"): ("mall", 15), ("amenity", "marketplace"): ("market", 15), ("amenity", "townhall"): ("office", 15),
    ("amenity", "police"): ("office", 15), ("amenity", "fire_station"): ("office", 15),
    ("amenity", "clinic"): ("clinic", 16), ("amenity", "place_of_worship"): ("mosque", 16),
    ("tourism", "hotel"): ("hotel", 16), ("leisure", "stadium"): ("recreation", 16),
    ("amenity", "school"): ("school", 17), ("amenity", "fuel"): ("fuel", 17), ("amenity", "bank"): ("bank", 17),
}  # fmt: skip
KEYS = tuple(sorted({key for key, _ in (*AREAS, *LABELS)}))

# A coast is broken when more of its steps than this have no land and sea beside them, or the wrong way round.
BROKEN_SHARE = 0.02


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawn:
    """Things to draw, EPSG:4326.

    Attributes
    ----------
    areas
        `(kind, polygon or multipolygon)`.
    land
        Land by the coastline; empty where there is none in the area, or a broken one (then `is_coast_broken`).
    labels
        `(kind, name, min_zoom, lon, lat)`, once per kind and name at a place.
    """

    areas: list[tuple[str, BaseGeometry]] = field(default_factory=list)
    land: list[shapely.Polygon] = field(default_factory=list)
    labels: list[tuple[str, str, int, float, float]] = field(default_factory=list)
    is_coast_broken: bool = False


def kind_of(tags: Mapping[str, str], kinds: Mapping[tuple[str, str], Any]) -> Any:
    """Return what the first tag that fits stands for; None when none does."""
    return next((kinds[key, tags[key]] for key in KEYS if (key, tags.get(key, "")) in kinds), None)


def read_drawn(path: Path, *, clip: shapely.Geometry | None = None) -> Drawn:
    """Read what an extract gives the basemap.

    Parameters
    ----------
    clip
        Polygon in EPSG:4326; its bounding box is what is drawn. Without it, everything, and no land by the coastline.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    check_file(path)
    box = None if clip is None else shapely.box(*clip.bounds)
    with refused(path):
        areas, labels, coast = _collect(path)
    shapes = np.array([shape for _, shape in areas], dtype=object)
    if box is not None and len(shapes):
        near = np.flatnonzero(shapely.intersects(box, shapes))
        shapes = shapely.make_valid(shapely.clip_by_rect(shapely.make_valid(shapes[near]), *box.bounds))
        areas = [(areas[i][0], shape) for i, shape in zip(near.tolist(), shapes, strict=True)]
    kept = [(kind, polygons) for kind, shape in areas if not (polygons := polygons_of(shape)).is_empty]
    inside = [row for row in labels if box is None or box.intersects(shapely.Point(row[3], row[4]))]
    land, is_broken = ([], False) if box is None else land_of_coast(coast, box)
    return Drawn(areas=kept, land=land, labels=_once(inside), is_coast_broken=is_broken)


def _collect(path: Path) -> tuple[list[Any], list[Any], list[shapely.LineString]]:
    """Return areas, labels and coastlines of the file."""
    import osmium

    wanted = osmium.filter.TagFilter(*AREAS, *LABELS)
    factory = osmium.geom.WKBFactory()
    areas: list[tuple[str, BaseGeometry]] = []
    labels: list[tuple[str, str, int, float, float]] = []
    coast: list[shapely.LineString] = []
    processor = osmium.FileProcessor(str(path)).with_locations("sparse_mem_array").with_areas(wanted)
    for item in processor.with_filter(osmium.filter.KeyFilter(*KEYS)):
        tags = dict(item.tags)
        if item.is_way():
            if tags.get("natural") == "coastline":
                places = [(node.lon, node.lat) for node in item.nodes if node.location.valid()]
                if len(places) == len(item.nodes) >= 2:
                    coast.append(shapely.LineString(places))
            continue
        label = kind_of(tags, LABELS) if tags.get("name") else None
        if item.is_node():
            if label and item.location.valid():
                labels.append((label[0], _name(tags), label[1], item.location.lon, item.location.lat))
        elif item.is_area():
            try:
                shape = shapely.from_wkb(factory.create_multipolygon(item))
            except (RuntimeError, osmium.InvalidLocationError):
                continue  # a node without a position, or rings that do not close
            kind = kind_of(tags, AREAS)
            if kind:
                areas.append((kind, shape))
            if label:
                point = shapely.point_on_surface(shape)
                labels.append((label[0], _name(tags), label[1], point.x, point.y))
    return areas, labels, coast


def _name(tags: Mapping[str, str]) -> str:
    return " ".join(tags["name"].split())[:80]


def _once(labels: list[tuple[str, str, int, float, float]]) -> list[tuple[str, str, int, float, float]]:
    """Return labels without those that say the same name within about a kilometre: a node and the area around it."""
    seen: set[tuple[str, int, int]] = set()
    kept = []
    for row in labels:
        name, x, y = row[1].casefold(), int(np.floor(row[3] * 100)), int(np.floor(row[4] * 100))
        if not any((name, x + dx, y + dy) in seen for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
            seen.add((name, x, y))
            kept.append(row)
    return kept


def polygons_of(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a shape as one multipolygon; lines and points that clipping leaves are dropped."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.MultiPolygon([one for part in parts for one in shapely.get_parts(part) if not one.is_empty])


def land_of_coast(coast: list[shapely.LineString], box: shapely.Polygon) -> tuple[list[shapely.Polygon], bool]:
    """Return the land inside a box, and whether the coastline is broken.

    Parameters
    ----------
    coast
        Coastlines as mapped: land on the left, sea on the right (OSM wiki, Tag:natural=coastline).

    Notes
    -----
    The box is divided along the coast; a part is land if it lies to the left of the coast on its edge. Where pieces of
    coast are missing, a part touches both sides: then nothing is returned rather than a flooded city.
    """
    # Clipping a line by a rectangle keeps its direction, and its cuts lie on the border to the last digit.
    clipped = shapely.get_parts(shapely.clip_by_rect(np.array(coast, dtype=object), *box.bounds))
    lines = [part for line in clipped for part in shapely.get_parts(line) if part.geom_type == "LineString"]
    lines = [line for line in lines if line.length > 0 and not box.boundary.contains(line)]
    if not lines:
        return [], False
    inner = shapely.union_all([*lines, box.boundary])
    parts = [part for part in shapely.get_parts(shapely.polygonize([inner])) for part in shapely.get_parts(part)]
    steps = {tuple(step) for line in lines for step in _steps(shapely.get_coordinates(line))}
    land, n_wrong, n_all = [], 0, 0
    for part in parts:
        if not part.representative_point().intersects(box):
            continue
        whole = shapely.orient_polygons(part)  # the inside on the left of every ring
        edges = [tuple(step) for ring in (whole.exterior, *whole.interiors) for step in _steps(np.array(ring.coords))]
        n_land = sum(edge in steps for edge in edges)
        n_sea = sum((*edge[2:], *edge[:2]) in steps for edge in edges)
        n_wrong += min(n_land, n_sea)
        n_all += n_land + n_sea
        if n_land > n_sea:
            land.append(part)
    # Each step of the coast has land on one side and sea on the other; what dangles has neither.
    is_broken = n_wrong > BROKEN_SHARE * n_all or n_all < 2 * (1 - BROKEN_SHARE) * len(steps)
    return ([], True) if is_broken else (land, False)


def _steps(xy: np.ndarray) -> list[list[float]]:
    return np.hstack([xy[:-1, :2], xy[1:, :2]]).tolist()  # type: ignore[no-any-return]
