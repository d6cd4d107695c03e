"""`./siaga match`: the jurisdiction of every point of a file, as a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection

from gis.city import read_city
from gis.errors import ColumnError, CRSError, DataError
from zones.matching import current_set
from zones.matching_batch import COLUMNS, match_jurisdictions, read_jurisdictions, read_service_area

READABLE = (".csv", ".parquet", ".geoparquet", ".gpkg", ".geojson", ".json")
MAX_BYTES = 2 * 1024**3


def read_points(path: Path) -> gpd.GeoDataFrame:
    """Read points: CSV with `lon`, `lat`, GeoParquet, GeoPackage or GeoJSON; result in EPSG:4326, rows in file order.

    A row whose coordinates are not numbers keeps its place with a missing geometry.

    Raises
    ------
    DataError
        The file is missing, of another kind, or cannot be read.
    ColumnError
        A CSV has no `lon`, `lat`.
    CRSError
        The file names no CRS.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    kind = path.suffix.lower()
    if kind not in READABLE:
        raise DataError(f"{path}: {kind or 'no ending'}; expected one of {', '.join(READABLE)}")
    if kind == ".csv":
        return _read_csv(path)
    try:
        if kind in (".parquet", ".geoparquet"):
            frame = gpd.read_parquet(path)
        else:
            # The driver is named, not guessed: a file may not call itself what it is not.
            driver = "GPKG" if kind == ".gpkg" else "GeoJSON"
            frame = gpd.read_file(path, engine="pyogrio", driver=driver)
    except Exception as error:
        raise DataError(f"{path}: cannot be read as {kind} ({error})") from error
    if frame.crs is None:
        raise CRSError(f"{path}: no CRS; write the file with one, EPSG:4326 for lon/lat")
    return frame.to_crs(4326)


def _read_csv(path: Path) -> gpd.GeoDataFrame:
    try:
        # As text, so that what is not looked at (codes with leading zeros, phone numbers) stays as it is.
        table = pd.read_csv(path, dtype="string", keep_default_na=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: not a UTF-8 CSV file ({error}); save it as CSV UTF-8 with commas") from error
    missing = [name for name in ("lon", "lat") if name not in table]
    if missing:
        raise ColumnError(f"{path}: column {', '.join(missing)} missing; the file has {', '.join(table.columns)}")
    lon, lat = (pd.to_numeric(table[name], errors="coerce").to_numpy(float, na_value=np.nan) for name in ("lon", "lat"))
    is_number = np.isfinite(lon) & np.isfinite(lat)
    geometry = np.full(len(table), None, dtype=object)
    geometry[is_number] = shapely.points(lon[is_number], lat[is_number])
    return gpd.GeoDataFrame(table, geometry=geometry, crs=4326)


def match_file(
    tx: Connection, path: Path, *, service: str, out: Path, at: datetime | None, now: datetime
) -> dict[str, Any]:
    """Match every point of `path` for one service and write `out`; its ending chooses the format.

    Returns
    -------
    dict
        Rows per `match` code, `n`, `boundary_set`.

    Raises
    ------
    DataError
        Input or output cannot be read or written, or the service has no boundary.
    """
    if out.suffix.lower() not in READABLE:
        raise DataError(f"{out}: cannot write {out.suffix or 'a file without ending'}; use {', '.join(READABLE)}")
    points = read_points(path)
    number = current_set(tx)
    boundaries = read_jurisdictions(tx, service, at=at or now, boundary_set=number)
    if boundaries.empty:
        raise DataError(f"service {service}: no boundary in force; see ./siaga import boundaries --help")
    found = match_jurisdictions(
        points.reset_index(drop=True), boundaries, city=read_city(tx), service_area=read_service_area(tx)
    )
    clash = [name for name in COLUMNS if name in points.columns]
    if clash:
        raise ColumnError(f"{path}: column {', '.join(clash)} would be overwritten; rename it")
    result = points.reset_index(drop=True).join(found)
    write_points(result, out)
    return {"n": len(result), "boundary_set": number, **found["match"].value_counts().to_dict()}


def write_points(frame: gpd.GeoDataFrame, out: Path) -> None:
    """Write a frame of points; a CSV gets `lon`, `lat` where it has none."""
    kind = out.suffix.lower()
    if kind == ".csv":
        table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
        if "lon" not in table:
            table.insert(0, "lon", shapely.get_x(frame.geometry.to_numpy()))
            table.insert(1, "lat", shapely.get_y(frame.geometry.to_numpy()))
        for name in table.select_dtypes(include=["object", "string"]):
            table[name] = table[name].map(safe_cell, na_action="ignore")
        table.to_csv(out, index=False)
    elif kind in (".parquet", ".geoparquet"):
        frame.to_parquet(out, index=False)
    else:
        frame.to_file(out, driver="GPKG" if kind == ".gpkg" else "GeoJSON", engine="pyogrio")


def safe_cell(value: str) -> str:
    """Return a text cell that no spreadsheet runs as a formula; numbers written as text stay as they are."""
    if value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        try:
            float(value)
        except ValueError:
            return "'" + value
    return value
