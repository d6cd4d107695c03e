"""Read a file of polygons somebody sent, without trusting it.

The file is opened in a child process with limits on memory, time and what it may write, by the one driver its ending
stands for (`data.reading_child`); what comes back is plain WKB and text. A file that hangs or kills the reader costs
that child and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from gis.errors import DataError, Finding

# Ending → GDAL driver. Nothing is guessed from content: a file named .geojson may hold an OGR VRT that reads others.
DRIVERS = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GPKG",
    ".kml": "KML",
    ".zip": "ESRI Shapefile",
    ".shp": "ESRI Shapefile",
    ".parquet": "Parquet",
    ".geoparquet": "Parquet",
}
MAX_BYTES = 50 * 1024**2
MAX_FEATURES = 100_000
MAX_VERTICES = 200_000  # of one polygon
MAX_VERTICES_FILE = 5_000_000
MAX_ZIP_ENTRIES = 100
MAX_ZIP_BYTES = 400 * 1024**2
MAX_ANSWER_BYTES = 400 * 1024**2
CHILD_MEMORY_BYTES = 3 * 1024**3
CHILD_CPU_S = 60
CHILD_WALL_S = 90


@dataclass(frozen=True, kw_only=True)
class VectorFile:
    """Polygons of a file, EPSG:4326, with its attributes as text; row *n* of the file is row *n* - 1 here."""

    frame: gpd.GeoDataFrame
    findings: tuple[Finding, ...]


def read_polygons(path: Path, *, assume_crs: str | None = None) -> VectorFile:
    """Read polygons from GeoJSON, GeoPackage, KML, zipped Shapefile or GeoParquet.

    Parameters
    ----------
    assume_crs
        CRS of a file that names none (``EPSG:4326``); without it such a file is refused.

    Raises
    ------
    DataError
        The file is missing, too large, of another kind, damaged, or the reader had to be stopped.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise DataError(f"{path}: {path.suffix or 'no ending'}; expected one of {', '.join(sorted(DRIVERS))}")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"{path}: {size / 1e6:.0f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB")
    if size == 0:
        raise DataError(f"{path}: the file is empty")
    inside = f"/vsizip/{path.resolve()}/{shapefile_in(path)}" if path.suffix.lower() == ".zip" else str(path.resolve())
    with tempfile.TemporaryDirectory(prefix="siaga-read-") as folder:
        answer = Path(folder) / "answer.parquet"
        said = run_child(path, [inside, driver, assume_crs or "", str(answer)], folder)
        if said["error"]:
            raise DataError(f"{path}: {said['error']}")
        table = pd.read_parquet(answer)
    with np.errstate(invalid="ignore"):  # coordinates that are no numbers are among the findings
        geometry = shapely.from_wkb(table.pop("__wkb").to_numpy())
    frame = gpd.GeoDataFrame(table.astype("string"), geometry=geometry, crs=4326)
    return VectorFile(frame=frame, findings=tuple(Finding(**finding) for finding in said["findings"]))


def shapefile_in(path: Path) -> str:
    """Return the name of the one shapefile in an archive.

    Raises
    ------
    DataError
        The archive is none, is a bomb, or holds no shapefile, or several.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError(f"{path}: not a zip file ({error})") from None
    if len(entries) > MAX_ZIP_ENTRIES or sum(entry.file_size for entry in entries) > MAX_ZIP_BYTES:
        raise DataError(f"{path}: more than {MAX_ZIP_ENTRIES} entries or {MAX_ZIP_BYTES / 1e6:.0f} MB unpacked")
    names = [entry.filename for entry in entries if not entry.filename.startswith("__MACOSX/")]
    shapes = [name for name in names if name.lower().endswith(".shp")]
    if len(shapes) != 1:
        raise DataError(f"{path}: {len(shapes)} shapefiles inside; expected exactly one .shp with its .shx, .dbf, .prj")
    if ".." in Path(shapes[0]).parts or shapes[0].startswith("/"):
        raise DataError(f"{path}: {shapes[0]} points out of the archive")
    return shapes[0]


def run_child(path: Path, arguments: list[str], folder: str) -> dict[str, Any]:
    """Run `data.reading_child` and return what it found.

    Raises
    ------
    DataError
        It was stopped for taking too much, or died of the file.
    """
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        "TMPDIR": folder,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        # Content may claim another format than the ending (an OGR VRT that reads further files, a service's address):
        # only the ending's driver exists in the child.
        "OGR_SKIP": ",".join(name for name in pyogrio.list_drivers() if name != arguments[1]),
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "data.reading_child", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=CHILD_WALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{path}: reading took longer than {CHILD_WALL_S} s and was stopped") from None
    if done.returncode != 0:
        why = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        raise DataError(f"{path}: the reader stopped ({why}); the file is damaged or too complex")
    said: dict[str, Any] = json.loads((Path(folder) / "findings.json").read_text())
    return said


def place_of(geometry: shapely.Geometry) -> dict[str, Any]:
    """Return a point of a geometry as the `lon`, `lat` of a finding; of an invalid one, its first corner."""
    if geometry.is_empty:
        return {}
    if geometry.is_valid:
        x, y = geometry.representative_point().coords[0][:2]
    else:
        x, y = shapely.get_coordinates(geometry)[0]
    return {"lon": round(float(x), 6), "lat": round(float(y), 6)}
