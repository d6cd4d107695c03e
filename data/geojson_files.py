"""GeoJSON from outside, read strictly: no numbers that are none, no key twice, geometry from plain coordinates.

GDAL is not asked: it takes `NaN`, keeps the last of two equal keys, and guesses the format from the content.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data.polygon_findings import Kind, PolygonFinding

OTHER_TYPES = ("Point", "MultiPoint", "LineString", "MultiLineString", "GeometryCollection")
CURVES = ("CircularString", "CompoundCurve", "CurvePolygon", "MultiCurve", "MultiSurface")


class NoGeoJSON(Exception):
    """The file as a whole is refused; the message says why."""


class Malformed(Exception):
    """One geometry cannot be made; the message says why, `kind` what it is."""

    def __init__(self, reason: str, kind: Kind = Kind.NOT_POLYGON) -> None:
        super().__init__(reason)
        self.kind = kind


class Repeated(dict[str, Any]):
    """An object of JSON that has a key twice; `twice` names them."""

    twice: list[str]


@dataclass(frozen=True, kw_only=True)
class GeoJSON:
    """Features as they stand in the file: attributes of any type, geometry possibly invalid or missing.

    `crs` is what a `crs` member names, else OGC:CRS84 as RFC 7946 says; `findings` are those of single features, by
    rows which then have no geometry; `rows_with_heights` have a third coordinate other than 0.
    """

    frame: gpd.GeoDataFrame
    crs: str
    findings: list[PolygonFinding]
    rows_with_heights: list[int]


def read_geojson(path: Path) -> GeoJSON:
    """Read a FeatureCollection or one Feature.

    Raises
    ------
    NoGeoJSON
        It is not JSON in UTF-8, or no GeoJSON.
    """
    document, n_constants = load(path)
    features, crs = features_of(document)
    shapes: list[shapely.Geometry | None] = []
    properties: list[dict[str, Any]] = []
    findings: list[PolygonFinding] = []
    heights: list[int] = []
    n_seen = 0
    for row, feature in enumerate(features, start=1):
        said, shape, has_heights = read_feature(row, feature)
        findings += said
        n_seen += any(finding.kind in (Kind.JSON, Kind.NOT_FINITE) for finding in said)
        shapes.append(shape)
        properties.append(attributes_of(feature))
        if has_heights:
            heights.append(row)
    if n_constants and not n_seen:
        raise NoGeoJSON("NaN or Infinity beside the features: JSON has no such numbers")
    table = pd.DataFrame(properties, dtype=object, index=pd.RangeIndex(len(features)))
    name = "geometry"
    while name in table:  # a property of that name is the file's own
        name += "_"
    frame = gpd.GeoDataFrame(table.assign(**{name: np.array([*shapes, None], dtype=object)[:-1]}), geometry=name)
    return GeoJSON(frame=frame, crs=crs, findings=findings, rows_with_heights=heights)


def load(path: Path) -> tuple[Any, int]:
    """Parse the file; return the document and how many NaN and Infinity were in it."""
    n_constants = 0

    def constant(_: str) -> float:
        nonlocal n_constants
        n_constants += 1
        return math.nan

    try:
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(text, parse_constant=constant, object_pairs_hook=_members), n_constants
    except UnicodeDecodeError as error:
        what = f"byte 0x{error.object[error.start]:02x} at {error.start:,}"
        raise NoGeoJSON(f"is not UTF-8 ({what}); export it as UTF-8") from None
    except json.JSONDecodeError as error:
        if error.pos == 0:
            raise NoGeoJSON("is not GeoJSON inside, whatever its ending says, or damaged") from None
        raise NoGeoJSON(f"cannot be read as GeoJSON: {error}") from None
    except (RecursionError, ValueError) as error:  # nested without end; a number of ten thousand digits
        raise NoGeoJSON(f"cannot be read as GeoJSON: {str(error)[:200]}") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    names = [name for name, _ in pairs]
    repeated = Repeated(made)
    repeated.twice = sorted({name for name in names if names.count(name) > 1})
    return repeated


def features_of(document: Any) -> tuple[list[Any], str]:
    """Return the features and the CRS of a document."""
    if not isinstance(document, dict):
        raise NoGeoJSON("is not GeoJSON inside: expected a FeatureCollection")
    if isinstance(document, Repeated):
        raise NoGeoJSON(f"key {', '.join(map(repr, document.twice))} twice in the FeatureCollection")
    kind = document.get("type")
    features = [document] if kind == "Feature" else document.get("features")
    if kind not in ("Feature", "FeatureCollection") or not isinstance(features, list):
        raise NoGeoJSON(f"is {_short(kind)}; expected a GeoJSON FeatureCollection")
    return features, crs_of(document.get("crs"))


def crs_of(member: Any) -> str:
    """Return what a `crs` member (GeoJSON of 2008) names."""
    if member is None:
        return "OGC:CRS84"
    try:
        if member["type"] != "name":
            raise NoGeoJSON(f"CRS given as {_short(member['type'])}; only a name such as EPSG:4326 is read")
        return str(member["properties"]["name"])
    except (KeyError, TypeError):
        raise NoGeoJSON("the member crs names no CRS") from None


def read_feature(row: int, feature: Any) -> tuple[list[PolygonFinding], shapely.Geometry | None, bool]:
    """Return what is wrong with the JSON of a feature, its geometry if there is one, and whether it has heights."""
    findings: list[PolygonFinding] = []

    def say(kind: Kind, field: str, reason: str, hint: str = "") -> None:
        findings.append(PolygonFinding(kind=kind, row=row, field=field, reason=reason, hint=hint))

    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        say(Kind.JSON, "type", "is no Feature")
        return findings, None, False
    for field, member in (
        ("feature", feature),
        ("properties", feature.get("properties")),
        ("geometry", feature.get("geometry")),
    ):
        if isinstance(member, Repeated):
            say(Kind.JSON, field, f"key {', '.join(map(repr, member.twice))} twice", "which of the two is meant?")
    for name, value in (feature.get("properties") or {}).items() if isinstance(feature.get("properties"), dict) else ():
        if isinstance(value, float) and not math.isfinite(value):
            say(Kind.JSON, str(name), "is NaN or Infinity: JSON has no such numbers", "write null")
        elif isinstance(value, str) and _is_broken(value):
            say(
                Kind.TEXT,
                ascii(name).strip("'"),
                "has half a character (a lone surrogate)",
                "write the file anew as UTF-8",
            )
    try:
        shape, has_heights = shape_of(feature.get("geometry"))
    except Malformed as error:
        say(error.kind, "geometry", str(error), _hint(error.kind))
        return findings, None, False
    if shape is not None and not np.isfinite(shapely.get_coordinates(shape)).all():
        say(Kind.NOT_FINITE, "geometry", "coordinates are not finite numbers", "JSON has no NaN and no Infinity")
        return findings, None, False
    return findings, shape, has_heights


def _is_broken(value: str) -> bool:
    """Whether a text cannot be written as UTF-8; JSON can name halves of characters."""
    return any("\ud800" <= character <= "\udfff" for character in value)


def _hint(kind: Kind) -> str:
    hints = {
        Kind.CURVE: "convert arcs to straight segments before the export",
        Kind.NOT_FINITE: "JSON has no NaN and no Infinity",
    }
    return hints.get(kind, "")


def attributes_of(feature: Any) -> dict[str, Any]:
    """Return the properties; an `id` beside them counts where they have none."""
    if not isinstance(feature, dict):
        return {}
    properties = feature.get("properties")
    found = {str(name): value for name, value in properties.items()} if isinstance(properties, dict) else {}
    if feature.get("id") is not None:
        found.setdefault("id", feature["id"])
    return found


def shape_of(geometry: Any) -> tuple[shapely.Geometry | None, bool]:
    """Make a geometry of its JSON, flat; return whether it had heights other than 0.

    Raises
    ------
    Malformed
        It is none that GeoJSON knows, or its coordinates are not what its type asks for.
    """
    if geometry is None:
        return None, False
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind in CURVES:
        raise Malformed(f"{kind} is a curve, which GeoJSON does not know", Kind.CURVE)
    make: dict[str, Callable[[Any], tuple[Any, bool]]] = {"Polygon": polygon_of, "MultiPolygon": multipolygon_of}
    try:
        if kind in make:
            return make[kind](geometry["coordinates"])
        if kind in OTHER_TYPES:
            return shapely.force_2d(shapely.geometry.shape(geometry)), False
    except Malformed:
        raise
    except Exception as error:  # shapely raises many kinds for coordinates that are none
        raise Malformed(f"cannot be read: {str(error)[:200] or type(error).__name__}") from None
    raise Malformed(f"{_short(kind)} is no geometry; a polygon is needed")


def multipolygon_of(coordinates: Any) -> tuple[shapely.MultiPolygon, bool]:
    """Make a multipolygon; see `shape_of`."""
    if not isinstance(coordinates, list):
        raise Malformed("coordinates are no list")
    parts = [polygon_of(part) for part in coordinates]
    empty = [number for number, (part, _) in enumerate(parts, start=1) if part.is_empty]
    if empty and len(parts) > 1:
        raise Malformed(f"part {empty[0]} of the multipolygon is empty", Kind.INVALID)
    return shapely.MultiPolygon([part for part, _ in parts if not part.is_empty]), any(high for _, high in parts)


def polygon_of(coordinates: Any) -> tuple[shapely.Polygon, bool]:
    """Make a polygon; see `shape_of`."""
    if not isinstance(coordinates, list):
        raise Malformed("coordinates are no list")
    rings = [ring_of(ring) for ring in coordinates]
    if not rings or not len(rings[0][0]):
        return shapely.Polygon(), False
    with np.errstate(invalid="ignore"):  # numbers that are none are told by whoever asked
        shell, *holes = [shapely.linearrings(ring) for ring, _ in rings]
        return shapely.Polygon(shell, holes), any(high for _, high in rings)


def ring_of(positions: Any) -> tuple[np.ndarray[Any, Any], bool]:
    """Return a ring's coordinates ``(n, 2)`` and whether it has heights."""
    if not isinstance(positions, list):
        raise Malformed("a ring is no list of positions")
    if not positions:
        return np.empty((0, 2)), False
    try:
        array = np.array(positions)
    except ValueError:  # some positions have heights, others none
        array = np.array([position[:2] for position in positions])
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "iuf":
        raise Malformed("positions are not pairs of numbers")
    flat = array[:, :2].astype(float)
    if not np.isfinite(flat).all():
        at = int(np.flatnonzero(~np.isfinite(flat).all(axis=1))[0])
        raise Malformed(f"position {at + 1} of a ring: not finite numbers", Kind.NOT_FINITE)
    if len(array) < 4 or (flat[0] != flat[-1]).any():
        what = f"a ring of {len(array)} positions, from {flat[0].tolist()} to {flat[-1].tolist()}"
        raise Malformed(f"{what}; four are needed, the last equal to the first", Kind.INVALID)
    has_heights = any(len(position) > 2 and position[2] for position in positions)
    return flat, has_heights


def _short(value: Any) -> str:
    return repr(value)[:60]
