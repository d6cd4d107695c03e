"""The child process of `data.vector_files`: open one file, judge its geometry, write plain WKB. Never repairs."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def read(path: str, driver: str, assume_crs: str) -> tuple[pd.DataFrame | None, list[dict[str, Any]], str]:
    """Return the table (attributes and `__wkb` in EPSG:4326), the findings, and why the whole file is refused."""
    from data import vector_files as limits

    try:
        if driver == "Parquet":
            frame = gpd.read_parquet(path)
        elif path.lower().endswith(".zip"):
            frame = gpd.read_file(f"zip://{path}", engine="pyogrio", driver=driver)
        else:
            frame = gpd.read_file(path, engine="pyogrio", driver=driver)
    except Exception as error:
        return None, [], f"cannot be read as {driver} ({str(error)[:300]})"
    if len(frame) == 0:
        return None, [], "no features"
    if len(frame) > limits.MAX_FEATURES:
        return None, [], f"{len(frame)} features; the limit is {limits.MAX_FEATURES}"
    if frame.crs is None and not assume_crs:
        return None, [], "no CRS; say which it is with --crs EPSG:4326"
    geometry = frame.geometry.to_numpy()
    counts = shapely.get_num_coordinates(geometry)
    if counts.max(initial=0) > limits.MAX_VERTICES or counts.sum() > limits.MAX_VERTICES_FILE:
        return None, [], f"{counts.max(initial=0)} vertices in one polygon, {counts.sum()} in all: too many"
    findings = judge(geometry)
    source = CRS.from_user_input(frame.crs or assume_crs)
    if source.to_epsg() != 4326:
        geometry = gpd.GeoSeries(geometry, crs=source).to_crs(4326).to_numpy()
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name)).astype("string")
    table["__wkb"] = shapely.to_wkb(shapely.force_2d(geometry))
    return table, findings, ""


def judge(geometry: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    """List what is wrong with each geometry: missing, not a polygon, not finite, invalid (with reason and place)."""
    findings: list[dict[str, Any]] = []
    for row, shape in enumerate(geometry, start=1):
        if shape is None or shape.is_empty:
            findings.append({"row": row, "field": "geometry", "reason": "missing or empty"})
        elif shapely.get_type_id(shape) not in POLYGONAL:
            findings.append({"row": row, "field": "geometry", "reason": f"{shape.geom_type}; a polygon is needed"})
        elif not np.isfinite(shapely.get_coordinates(shape)).all():
            findings.append({"row": row, "field": "geometry", "reason": "coordinates are not finite numbers"})
        elif not shape.is_valid:
            reason = shapely.is_valid_reason(shape)
            place = re.search(r"\[(\S+) (\S+?)\]", reason)
            findings.append(
                {
                    "row": row,
                    "field": "geometry",
                    "reason": f"invalid: {reason}",
                    "hint": "mend the ring in a GIS and export it again; nothing is repaired silently",
                    **({"lon": float(place[1]), "lat": float(place[2])} if place else {}),
                }
            )
    return findings


def main() -> int:
    """Run with: file, driver, CRS to assume or empty, file to write."""
    path, driver, assume_crs, answer = sys.argv[1:5]
    table, findings, error = read(path, driver, assume_crs)
    if table is not None:
        table.to_parquet(answer)
    Path(answer).with_name("findings.json").write_text(json.dumps({"error": error, "findings": findings}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
