"""The child process of `data.vector_files`: open one file, judge its geometry, write plain WKB. Never repairs."""

from __future__ import annotations

import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from data import throwaway
from data import vector_files as limits
from data.curves import rows_with_curves
from data.geojson_files import NoGeoJSON, read_geojson
from data.polygon_findings import Kind, PolygonFinding, at_most
from data.zip_files import ZipRefused, unpack_shapefile

POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
LATIN_1 = "ISO-8859-1"
# What GDAL adds to every placemark of a KML file.
KML_OWN = "timestamp begin end altitudeMode tessellate extrude visibility drawOrder icon".split()


class Refused(Exception):
    """The whole file is refused; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """A file's features.

    Attributes
    ----------
    frame
        Attributes as text; geometry flat, EPSG:4326, of any type and possibly invalid, `None` where it cannot be made.
        Index from 0, in order of the file.
    raw_bounds
        ``(n, 4)`` bounds in the numbers of the file, whatever its CRS says.
    crs
        The CRS the file states, or the one assumed.
    findings
        What is wrong with single features.
    """

    frame: gpd.GeoDataFrame
    raw_bounds: npt.NDArray[np.float64]
    crs: str
    findings: list[PolygonFinding]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Features as they stand in the file: `frame` with any types and no CRS, the CRS stated, findings of rows."""

    frame: gpd.GeoDataFrame
    crs: Any
    findings: list[PolygonFinding]
    rows_with_heights: list[int]


def read(path: Path, driver: str, assume_crs: str) -> Read:
    """Open a file and judge each geometry as it will be stored.

    Raises
    ------
    Refused
        Nothing in the file can be used.
    """
    opened = open_file(path, driver)
    frame = opened.frame
    if len(frame) == 0:
        raise Refused("no features")
    if len(frame) > limits.MAX_FEATURES:
        raise Refused(f"{len(frame)} features; the limit is {limits.MAX_FEATURES}")
    geometry = shapely.force_2d(frame.geometry.to_numpy())
    n_vertices = shapely.get_num_coordinates(geometry)
    if n_vertices.sum() > limits.MAX_VERTICES_FILE:
        raise Refused(f"{n_vertices.sum()} vertices; too many, the limit is {limits.MAX_VERTICES_FILE}")
    raw_bounds = shapely.bounds(geometry)
    geometry, crs = to_lonlat(geometry, opened.crs, assume_crs)
    # Judged as it will be stored: a ring may be simple in metres and cross itself in degrees, or the other way round.
    told = {finding.row for finding in opened.findings if finding.field == "geometry"}
    findings = opened.findings + judge(geometry, skip=told) + judge_heights(opened.rows_with_heights)
    table = pd.DataFrame(
        {str(name): as_text(frame[name]) for name in frame.columns if name != frame.geometry.name},
        index=pd.RangeIndex(len(frame)),
    )
    return Read(
        frame=gpd.GeoDataFrame(table, geometry=geometry, crs=4326),
        raw_bounds=raw_bounds,
        crs=crs,
        findings=at_most(sorted(findings, key=lambda finding: finding.row or 0)),
    )


def open_file(path: Path, driver: str) -> Opened:
    """Read every feature of the file's one layer, by the reader of its ending.

    Raises
    ------
    Refused
        It is not of the format its ending says, damaged, or has several layers or none.
    """
    name = {"LIBKML": "KML"}.get(driver, driver)
    try:
        if driver == "GeoJSON":
            return open_geojson(path)
        if driver == "Parquet":
            frame = gpd.read_parquet(path)
            return Opened(
                frame=frame, crs=frame.crs, findings=[], rows_with_heights=heights_of(frame.geometry.to_numpy())
            )
        if path.suffix.lower() == ".zip":
            path = unpack_shapefile(path, Path.cwd())
        return open_by_gdal(path, driver)
    except Refused:
        raise
    except (ZipRefused, NoGeoJSON) as refused:
        raise Refused(str(refused)) from None
    except Exception as error:  # every driver and library underneath has errors of its own
        if "not recognized as being in a supported file format" in str(error):
            raise Refused(f"is not {name} inside, whatever its ending says, or damaged") from None
        if "Nonlinear geometry" in str(error):
            raise Refused("holds curves; convert arcs to straight segments before the export") from None
        raise Refused(f"cannot be read as {name}: {str(error)[:300]}") from None


def open_geojson(path: Path) -> Opened:
    """Read GeoJSON by our own strict reader."""
    read = read_geojson(path)
    return Opened(frame=read.frame, crs=read.crs, findings=read.findings, rows_with_heights=read.rows_with_heights)


def open_by_gdal(path: Path, driver: str) -> Opened:
    """Read the one layer of a GeoPackage, KML or Shapefile."""
    layers = pyogrio.list_layers(path)
    drawn = [str(name) for name, kind in layers if kind is not None]
    if len(drawn) > 1:
        raise Refused(f"{len(drawn)} layers ({', '.join(drawn[:10])}); export the one that is meant to its own file")
    if not drawn:
        raise Refused("no layer with geometry")
    encoding = encoding_of(path, driver)
    frame = gpd.read_file(path, layer=drawn[0], engine="pyogrio", encoding=encoding)
    if driver == "LIBKML":
        frame = frame.drop(columns=[column for column in KML_OWN if column in frame])
    if encoding == LATIN_1:
        frame = as_utf8_if_it_is(frame)
    findings = [
        PolygonFinding(
            kind=Kind.CURVE,
            row=row,
            field="geometry",
            reason=f"{name} is a curve; borders are kept as straight segments",
            hint="convert arcs to segments before the export, at a distance you choose",
        )
        for row, name in rows_with_curves(path, drawn[0], driver)
    ]
    return Opened(
        frame=frame, crs=frame.crs, findings=findings, rows_with_heights=heights_of(frame.geometry.to_numpy())
    )


def encoding_of(path: Path, driver: str) -> str | None:
    """Return the encoding of a Shapefile that does not say which it has, else `None`."""
    if driver != "ESRI Shapefile" or any(path.with_suffix(ending).exists() for ending in (".cpg", ".CPG")):
        return None
    return LATIN_1


def as_utf8_if_it_is(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a frame read as Latin-1, as UTF-8 if all its letters make sense so: programs forget the .cpg often."""

    def mended(text: str) -> str:
        return text.encode(LATIN_1).decode("utf-8")

    columns = [name for name in frame.columns if name != frame.geometry.name]
    try:
        named = {name: mended(str(name)) for name in columns}
        texts = {
            name: frame[name].map(lambda value: mended(value) if isinstance(value, str) else value)
            for name in columns
            if not pd.api.types.is_numeric_dtype(frame[name])
        }
    except (UnicodeDecodeError, UnicodeEncodeError):
        return frame
    return frame.assign(**texts).rename(columns=named)


def heights_of(geometry: npt.NDArray[Any]) -> list[int]:
    """Return the rows (from 1) that have a third coordinate other than 0."""
    coordinates, index = shapely.get_coordinates(geometry, include_z=True, return_index=True)
    high = index[np.isfinite(coordinates[:, 2]) & (coordinates[:, 2] != 0)]
    return [int(row) + 1 for row in np.unique(high)]


def judge_heights(rows: list[int]) -> list[PolygonFinding]:
    """Warn once of heights that are dropped."""
    if not rows:
        return []
    return [
        PolygonFinding(
            kind=Kind.HEIGHTS,
            row=rows[0],
            field="geometry",
            value=len(rows),
            level="warning",
            reason=f"{len(rows)} polygons have heights (3-D); only longitude and latitude are kept",
        )
    ]


def to_lonlat(geometry: npt.NDArray[Any], stated: Any, assume_crs: str) -> tuple[npt.NDArray[Any], str]:
    """Return geometries in EPSG:4326 and the name of their CRS; what a file states counts before what to assume.

    Raises
    ------
    Refused
        The file states none and none is to be assumed, or it is unknown.
    """
    if stated is None and not assume_crs:
        raise Refused("no CRS; say which it is with --crs EPSG:4326 (or the number of its grid)")
    try:
        source = CRS.from_user_input(stated or assume_crs)
    except CRSError as error:
        raise Refused(f"unknown CRS {str(stated or assume_crs)[:80]!r} ({str(error)[:120]})") from None
    name = ":".join(source.to_authority() or ()) or source.name
    # Frames of pandas hold longitude first, whatever the order of axes in the CRS.
    if name in ("EPSG:4326", "OGC:CRS84"):
        return geometry, name
    try:
        return np.asarray(gpd.GeoSeries(geometry, crs=source).to_crs(4326).to_numpy()), name
    except Exception as error:  # PROJ refuses CRS that are no plane or sphere (local, compound, vertical)
        raise Refused(f"CRS {name} cannot be brought to EPSG:4326 ({str(error)[:120]})") from None


def judge(geometry: npt.NDArray[Any], *, skip: set[int | None] = frozenset()) -> list[PolygonFinding]:  # type: ignore[assignment]
    """List what is wrong with each geometry: missing, not a polygon, not finite, invalid (with reason and place).

    Rows in `skip` are left out.
    """
    findings: list[PolygonFinding] = []

    def say(kind: Kind, row: int, reason: str, hint: str = "", **more: Any) -> None:
        findings.append(PolygonFinding(kind=kind, row=row, field="geometry", reason=reason, hint=hint, **more))

    n_vertices = shapely.get_num_coordinates(geometry)
    for row, shape in enumerate(geometry, start=1):
        if row in skip:
            continue
        if shape is None or shape.is_empty:
            say(Kind.EMPTY, row, "missing or empty")
        elif shapely.get_type_id(shape) not in POLYGONAL:
            is_collection = shape.geom_type == "GeometryCollection"
            hint = "export its polygons as one multipolygon" if is_collection else ""
            say(Kind.NOT_POLYGON, row, f"{shape.geom_type}; a polygon is needed", hint)
        elif not np.isfinite(shapely.get_coordinates(shape)).all():
            hint = "look for NaN, or for points outside the CRS"
            say(Kind.NOT_FINITE, row, "coordinates are not finite numbers", hint)
        else:
            if n_vertices[row - 1] > limits.MAX_VERTICES:
                reason = f"{n_vertices[row - 1]:,} vertices; too many, at most {limits.MAX_VERTICES:,} are stored"
                say(Kind.TOO_COMPLEX, row, reason, "simplify the layer as a whole, so that neighbours still meet")
            if not shape.is_valid:
                reasons = reasons_of(shape)
                places = [place for place in map(place_in, reasons) if place is not None]
                others = f" and in {len(reasons) - 1} more of its parts" if len(reasons) > 1 else ""
                hint = "mend the ring in a GIS, or look at --propose-repair; nothing is repaired silently"
                more: dict[str, Any] = {}
                if places:
                    lon, lat = places[0]
                    more = {"lon": lon, "lat": lat, "piece": shapely.multipoints(places)}
                say(Kind.INVALID, row, f"invalid: {reasons[0]}{others}", hint, **more)
    return findings


def reasons_of(shape: shapely.Geometry) -> list[str]:
    """Return why a shape is invalid: the first fault of each of its parts, else that of the parts together."""
    parts = shapely.get_parts(shape)
    bad = parts[~shapely.is_valid(parts)]
    return [str(reason) for reason in shapely.is_valid_reason(bad if len(bad) else np.array([shape], dtype=object))]


def place_in(reason: str) -> tuple[float, float] | None:
    """Return the place that GEOS names in a reason."""
    found = re.search(r"\[(\S+) (\S+?)\]", reason)
    return (float(found[1]), float(found[2])) if found else None


def as_text(values: pd.Series) -> pd.Series:
    """Return attributes as text. A code that went through a spreadsheet as 7471010.0 is 7471010."""

    def text(value: Any) -> str:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        # Half a character pair, which JSON can write and no file can hold.
        return str(value).encode("utf-8", "replace").decode()

    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.map(text, na_action="ignore").astype("string").reset_index(drop=True)


def main() -> int:
    """Read the file of the request; the frame goes to `frame.parquet`."""
    asked = throwaway.begin()
    warnings.simplefilter("ignore")
    try:
        found = read(Path(asked["path"]), asked["driver"], asked["assume_crs"])
    except Refused as refused:
        throwaway.save_answer({"error": str(refused), "findings": []})
        return 0
    throwaway.put_frame(Path("frame.parquet"), found.frame)
    throwaway.save_answer(
        {"error": "", "crs": found.crs, "findings": [finding.to_wire() for finding in found.findings]}
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
