"""`./siaga match`: the jurisdiction of every point of a file, as a file."""

from __future__ import annotations

import csv
import warnings
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from sqlalchemy import Connection

from gis.city import read_city
from gis.errors import ColumnError, CRSError, DataError
from gis.spreadsheet import safe_cell
from zones import agency_check
from zones.layers import Layer, read_layer
from zones.matching import current_set
from zones.matching_batch import COLUMNS, match_jurisdictions, read_jurisdictions, read_service_area
from zones.name_guesses import MOST_NAMES

PARQUET = (".parquet", ".geoparquet")
DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON"}  # as GDAL calls them
READABLE = (".csv", *PARQUET, *DRIVERS)


def read_points(path: Path) -> gpd.GeoDataFrame:
    """Read points: CSV with `lon`, `lat`, GeoParquet, GeoPackage or GeoJSON; result in EPSG:4326, rows in file order.

    A row whose coordinates are not numbers keeps its place with a missing geometry.

    Raises
    ------
    DataError
        The file is missing, of another kind, or cannot be read.
    ColumnError
        A CSV has no `lon`, `lat`, a name twice, or rows with more cells than names.
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
        frame = gpd.read_parquet(path) if kind in PARQUET else _read_layer(path, DRIVERS[kind])
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path}: cannot be read as {kind} ({error})") from error
    if frame.crs is None:
        raise CRSError(f"{path}: no CRS; write the file with one, EPSG:4326 for lon/lat")
    return frame.to_crs(4326)


def _read_layer(path: Path, driver: str) -> gpd.GeoDataFrame:
    # A file may not call itself what it is not: other formats can name further files to be read.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # GDAL's doubts about the ending are refused below
        found = pyogrio.read_info(path)["driver"]
    if found != driver:
        raise DataError(f"{path}: holds {found}, its ending says {driver}; give it the right ending")
    return gpd.read_file(path, engine="pyogrio")


def _read_csv(path: Path) -> gpd.GeoDataFrame:
    try:
        names = _header(path)
        if len(names) == 1 and ";" in names[0]:
            raise ColumnError(f"{path}: cells are separated by semicolons; save it with commas, and decimal points")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ColumnError(f"{path}: column {', '.join(map(repr, twice))} stands there twice; rename one")
        # As text, so that what is not looked at (codes with leading zeros, phone numbers) stays as it is.
        table = pd.read_csv(path, dtype="string", keep_default_na=False, encoding="utf-8-sig", header=0, names=names)
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: empty; the first line must name the columns, lon and lat among them") from None
    except (UnicodeDecodeError, csv.Error, pd.errors.ParserError) as error:
        raise DataError(f"{path}: not a UTF-8 CSV file ({error}); save it as CSV UTF-8 with commas") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise ColumnError(f"{path}: rows have more cells than the {len(names)} names of the first line; name them all")
    missing = [name for name in ("lon", "lat") if name not in table]
    if missing:
        raise ColumnError(f"{path}: column {', '.join(missing)} missing; the file has {', '.join(table.columns)}")
    lon, lat = (pd.to_numeric(table[name], errors="coerce").to_numpy(float, na_value=np.nan) for name in ("lon", "lat"))
    is_number = np.isfinite(lon) & np.isfinite(lat)
    geometry = np.full(len(table), None, dtype=object)
    geometry[is_number] = shapely.points(lon[is_number], lat[is_number])
    name = "geometry"
    while name in table:  # a column of that name is the file's own
        name += "_"
    return gpd.GeoDataFrame(table.assign(**{name: geometry}), geometry=name, crs=4326)


def _header(path: Path) -> list[str]:
    """Return the names of a CSV's first line as they stand there, without pandas' renaming."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        return next((row for row in csv.reader(file) if row), [])


def match_file(
    tx: Connection,
    path: Path,
    *,
    service: str,
    out: Path,
    at: datetime | None,
    now: datetime,
    compare: str | None = None,
) -> dict[str, Any]:
    """Match every point of `path` for one service and write `out`; its ending chooses the format.

    Parameters
    ----------
    compare
        The file's own column of agencies or jurisdictions; the output gets `agrees`.

    Returns
    -------
    dict
        Rows per `match` code, `n`, `boundary_set`; with `compare` also `comparison`, as `said_and_found` gives it.

    Raises
    ------
    DataError
        Input or output cannot be read or written, or the service has no boundary.
    """
    require_writable_kind(out)
    points = read_points(path)
    if compare is not None and compare not in points.columns.drop(points.geometry.name):
        names = ", ".join(map(str, points.columns.drop(points.geometry.name)))
        raise ColumnError(f"{path}: column {compare} missing; the file has {names}")
    number = current_set(tx)
    boundaries = read_jurisdictions(tx, service, at=at or now, boundary_set=number)
    if boundaries.empty:
        raise DataError(f"service {service}: no boundary in force; see ./siaga import boundaries --help")
    found = match_jurisdictions(
        points.reset_index(drop=True), boundaries, city=read_city(tx), service_area=read_service_area(tx)
    )
    added = [*COLUMNS, *(["agrees"] if compare else [])]
    clash = [name for name in added if name in points.columns]
    if clash:
        raise ColumnError(f"{path}: column {', '.join(clash)} would be overwritten; rename it")
    result = points.reset_index(drop=True).join(found)
    told: dict[str, Any] = {}
    if compare is not None:
        layer = read_layer(tx, service, boundary_set=number, at=at or now)
        result["agrees"], told["comparison"] = said_and_found(tx, result, compare, layer)
    try:
        write_points(result, out)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise DataError(f"{out}: cannot be written ({error})") from error
    return {"n": len(result), "boundary_set": number, **found["match"].value_counts().to_dict(), **told}


def said_and_found(
    tx: Connection, result: gpd.GeoDataFrame, column: str, layer: Layer
) -> tuple[pd.Series, dict[str, Any]]:
    """Set a file's own column beside what was matched.

    Returns
    -------
    agrees
        `yes`, `no`, `unknown` or empty, by row.
    comparison
        `kind` (`agency` or `jurisdiction`), `n_equal`, `n_different`, `n_unknown`, `n_empty`; `names`: what was taken
        for which code; `differences`: (said, found, rows), the most frequent first.

    Raises
    ------
    ColumnError
        More different names than a column of agencies can have.
    """
    said = result[column].astype("string").fillna("").str.strip()
    if said.nunique() > MOST_NAMES:
        raise ColumnError(
            f"column {column}: {said.nunique()} different names; one of agencies has at most {MOST_NAMES}"
        )
    comparison = agency_check.compare(said, result, layer, agency_check.read_agencies(tx))
    is_other = comparison.agrees.isin((agency_check.NO, agency_check.UNKNOWN))
    pairs = Counter(zip(said[is_other], comparison.found[is_other].fillna("nobody"), strict=True))
    return comparison.agrees, {
        "kind": comparison.kind,
        **comparison.counts(),
        "names": {name: guess.code for name, guess in comparison.guesses.items()},
        "differences": [(*pair, n) for pair, n in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))],
    }


def require_writable_kind(out: Path) -> None:
    """Check that the ending of `out` names a format that can be written.

    Raises
    ------
    DataError
        It names none.
    """
    if out.suffix.lower() not in READABLE:
        raise DataError(f"{out}: cannot write {out.suffix or 'a file without ending'}; use {', '.join(READABLE)}")


def write_points(frame: gpd.GeoDataFrame, out: Path) -> None:
    """Write a frame of points; a CSV gets `lon`, `lat` where it has none.

    What the input brought is written as it is; only the texts that matching added are made safe for spreadsheets.
    """
    kind = out.suffix.lower()
    if kind == ".csv":
        table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
        for position, (name, coordinate) in enumerate((("lon", shapely.get_x), ("lat", shapely.get_y))):
            if name not in table:
                table.insert(position, name, coordinate(frame.geometry.to_numpy()))
        for name in ("jurisdiction", "jurisdiction_name", "agency"):
            # A million points have a few hundred names.
            number, texts = pd.factorize(table[name])
            table[name] = pd.array([safe_cell(item) for item in texts], dtype="string").take(number, allow_fill=True)
        table.to_csv(out, index=False)
    elif kind in PARQUET:
        frame.to_parquet(out, index=False)
    else:
        frame.to_file(out, driver=DRIVERS[kind], engine="pyogrio")
