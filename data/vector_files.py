"""Read a file of polygons somebody sent, without trusting it.

The file is opened in a child process with limits on memory, time and what it may write, by the one reader its ending
stands for (`data.reading_child`); what comes back is plain WKB and text. A file that hangs or kills the reader costs
that child and nothing else.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from data import throwaway
from data.polygon_findings import PolygonFinding
from gis.errors import DataError

# Ending → GDAL driver. Nothing is guessed from content: a file named .geojson may hold an OGR VRT that reads others.
DRIVERS = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GPKG",
    ".kml": "LIBKML",
    ".zip": "ESRI Shapefile",
    ".shp": "ESRI Shapefile",
    ".parquet": "Parquet",
    ".geoparquet": "Parquet",
}
MAX_BYTES = 50 * 1024**2
MAX_FEATURES = 100_000
MAX_VERTICES = 20_000  # of one feature: what the database is given must not be able to hang it
MAX_VERTICES_FILE = 5_000_000


@dataclass(frozen=True, kw_only=True)
class VectorFile:
    """Polygons of a file, EPSG:4326, with its attributes as text; row *n* of the file is row *n* - 1 here."""

    frame: gpd.GeoDataFrame
    crs: str
    findings: tuple[PolygonFinding, ...]


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
    request = reading_request(path, assume_crs)
    with tempfile.TemporaryDirectory(prefix="siaga-read-") as name:
        folder = Path(name)
        outcome = throwaway.run("data.reading_child", request, folder=folder, driver=request["driver"])
        if outcome.answer is None:
            raise DataError(f"{path}: {outcome.stopped}")
        if outcome.answer["error"]:
            raise DataError(f"{path}: {outcome.answer['error']}")
        frame = throwaway.take_frame(folder / "frame.parquet")
    if frame is None:
        raise DataError(f"{path}: {outcome.stopped}")
    findings = tuple(PolygonFinding.from_wire(said) for said in outcome.answer["findings"])
    return VectorFile(frame=frame, crs=outcome.answer["crs"], findings=findings)


def reading_request(path: Path, assume_crs: str | None) -> dict[str, Any]:
    """Return what a child is told of a file: `path`, `driver`, `assume_crs`.

    Raises
    ------
    DataError
        The file is missing, empty, too large or of another kind.
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
    return {"path": str(path.resolve()), "driver": driver, "assume_crs": assume_crs or ""}
