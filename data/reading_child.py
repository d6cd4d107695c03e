"""The child process of `data.vector_files`: open one file, judge its geometry, write plain WKB. Never repairs."""

from __future__ import annotations

import json
import re
import resource
import sys
import warnings
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

from data import vector_files as limits

POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


class Refused(Exception):
    """The whole file is refused; the message says why."""


def limit_self() -> None:
    """Give this process as much memory, time and disk as a file of the allowed size needs, and no core file."""
    for what, most in (
        (resource.RLIMIT_AS, limits.CHILD_MEMORY_BYTES),
        (resource.RLIMIT_CPU, limits.CHILD_CPU_S),
        (resource.RLIMIT_FSIZE, limits.MAX_ANSWER_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def read(path: str, driver: str, assume_crs: str) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Return the table (attributes as text, and `__wkb` in EPSG:4326) and the findings.

    Raises
    ------
    Refused
        Nothing in the file can be used.
    """
    frame = open_file(path, driver)
    if len(frame) == 0:
        raise Refused("no features")
    if len(frame) > limits.MAX_FEATURES:
        raise Refused(f"{len(frame)} features; the limit is {limits.MAX_FEATURES}")
    geometry = frame.geometry.to_numpy()
    counts = shapely.get_num_coordinates(geometry)
    if counts.max(initial=0) > limits.MAX_VERTICES or counts.sum() > limits.MAX_VERTICES_FILE:
        raise Refused(f"{counts.max(initial=0)} vertices in one polygon, {counts.sum()} in all: too many")
    geometry = to_lonlat(shapely.force_2d(geometry), frame.crs, assume_crs)
    # Judged as it will be stored: a ring may be simple in metres and cross itself in degrees, or the other way round.
    findings = judge(geometry)
    table = pd.DataFrame(
        {str(name): as_text(frame[name]) for name in frame.columns if name != frame.geometry.name}, index=frame.index
    )
    table["__wkb"] = shapely.to_wkb(geometry)
    return table, findings


def open_file(path: str, driver: str) -> gpd.GeoDataFrame:
    """Read every feature of the file's one layer.

    Raises
    ------
    Refused
        It is not of the format its ending says, damaged, or has several layers or none.
    """
    try:
        if driver == "Parquet":
            return gpd.read_parquet(path)
        layers = pyogrio.list_layers(path)
        drawn = [str(name) for name, kind in layers if kind is not None]
        if len(drawn) > 1:
            raise Refused(
                f"{len(drawn)} layers ({', '.join(drawn[:10])}); export the one that is meant to its own file"
            )
        if not drawn:
            raise Refused("no layer with geometry")
        return gpd.read_file(path, layer=drawn[0], engine="pyogrio")
    except Refused:
        raise
    except Exception as error:  # every driver and library underneath has errors of its own
        if "not recognized as being in a supported file format" in str(error):
            raise Refused(f"is not {driver} inside, whatever its ending says, or damaged") from None
        raise Refused(f"cannot be read as {driver}: {str(error)[:300]}") from None


def to_lonlat(geometry: npt.NDArray[Any], stated: Any, assume_crs: str) -> npt.NDArray[Any]:
    """Return geometries in EPSG:4326; the CRS a file states counts before the one to assume.

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
        raise Refused(f"unknown CRS {stated or assume_crs!r} ({str(error)[:120]})") from None
    if source.to_epsg() == 4326:
        return geometry
    return np.asarray(gpd.GeoSeries(geometry, crs=source).to_crs(4326).to_numpy())


def judge(geometry: npt.NDArray[Any]) -> list[dict[str, Any]]:
    """List what is wrong with each geometry: missing, not a polygon, not finite, invalid (with reason and place)."""
    findings: list[dict[str, Any]] = []

    def say(row: int, reason: str, hint: str = "", **place: float) -> None:
        findings.append({"row": row, "field": "geometry", "reason": reason, "hint": hint, **place})

    for row, shape in enumerate(geometry, start=1):
        if shape is None or shape.is_empty:
            say(row, "missing or empty")
        elif shapely.get_type_id(shape) not in POLYGONAL:
            say(row, f"{shape.geom_type}; a polygon is needed")
        elif not np.isfinite(shapely.get_coordinates(shape)).all():
            say(row, "coordinates are not finite numbers", "look for NaN, or for points outside the CRS")
        elif not shape.is_valid:
            reason = shapely.is_valid_reason(shape)
            place = re.search(r"\[(\S+) (\S+?)\]", reason)
            hint = "mend the ring in a GIS and export it again; nothing is repaired silently"
            say(row, f"invalid: {reason}", hint, **({"lon": float(place[1]), "lat": float(place[2])} if place else {}))
    return findings


def as_text(values: pd.Series) -> pd.Series:
    """Return attributes as text. A code that went through a spreadsheet as 7471010.0 is 7471010."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.map(str, na_action="ignore").astype("string")


def main() -> int:
    """Run with: file, driver, CRS to assume or empty, file to write."""
    path, driver, assume_crs, answer = sys.argv[1:5]
    limit_self()
    warnings.simplefilter("ignore")
    said: dict[str, Any] = {"error": "", "findings": []}
    try:
        table, said["findings"] = read(path, driver, assume_crs)
        table.to_parquet(answer)
    except Refused as refused:
        said["error"] = str(refused)
    Path(answer).with_name("findings.json").write_text(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
