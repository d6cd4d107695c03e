"""What every file of polygons must have: columns that exist, codes that are unique, names, a place in the city."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd
import shapely

from data.import_report import ImportReport
from data.vector_files import place_of
from gis.city import CityFacts
from gis.errors import Finding

MAX_CODE = 60
MAX_NAME = 200
# Neighbours' land may be in a file of the city; beyond this, degrees around the service box, it is a mistake.
MARGIN_DEG = 1.0


def find_column(
    report: ImportReport, frame: gpd.GeoDataFrame, given: str | None, guesses: Sequence[str], option: str
) -> str | None:
    """Return the column that an option names, or the first of the guesses that is there (in any case of letters).

    A missing one is a finding that lists those there are.
    """
    there = [str(name) for name in frame.columns if name != frame.geometry.name]
    if given is not None and given in there:
        return given
    lower = {name.lower(): name for name in reversed(there)}
    if given is None:
        for guess in guesses:
            if guess.lower() in lower:
                return lower[guess.lower()]
    listed = ", ".join(there) or "no attributes"
    reason = f"no column {given}" if given else f"no column {' or '.join(guesses)}"
    hint = f"choose with {option}; the file has: {listed}"
    report.findings.append(Finding(field=option, value=given, reason=reason, hint=hint))
    return None


def read_text(report: ImportReport, frame: gpd.GeoDataFrame, column: str, *, most: int) -> list[str]:
    """Return a column's texts, trimmed; a missing one, one that is too long or has control characters is a finding."""
    values = ["" if pd.isna(value) else str(value).strip() for value in frame[column]]
    for row, value in enumerate(values, start=1):
        if not value or len(value) > most:
            reason = "is empty" if not value else f"{len(value)} characters; at most {most}"
            report.findings.append(Finding(row=row, field=column, value=value[:80], reason=reason))
        elif not value.isprintable():
            report.findings.append(Finding(row=row, field=column, value=repr(value), reason="has control characters"))
    return values


def read_codes(report: ImportReport, frame: gpd.GeoDataFrame, column: str) -> list[str]:
    """Return the codes; missing ones and those used twice are findings."""
    codes = read_text(report, frame, column, most=MAX_CODE)
    seen: dict[str, int] = {}
    for row, code in enumerate(codes, start=1):
        if code and code in seen:
            reason = f"code used twice, in row {seen[code]} too"
            hint = "one feature per code: join its parts to one multipolygon, or choose another column"
            report.findings.append(Finding(row=row, field=column, value=code, reason=reason, hint=hint))
        seen.setdefault(code, row)
    return codes


def check_places(report: ImportReport, frame: gpd.GeoDataFrame, city: CityFacts) -> None:
    """Report polygons far off the service box, with the mistake behind it where it can be told."""
    west, south, east, north = city.bbox
    box = shapely.box(west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG)
    # Their corners are enough, and do not mind rings that are invalid.
    for row, (shape, bounds) in enumerate(zip(frame.geometry, shapely.bounds(frame.geometry), strict=True), start=1):
        if shape is None or shape.is_empty or not (bounds == bounds).all():
            continue
        if box.intersects(shapely.box(*bounds)):
            continue
        left, bottom, right, top = bounds
        if box.intersects(shapely.box(bottom, left, top, right)):
            hint = "longitude and latitude are swapped: write lon, lat"
        elif max(-left, right) > 180 or max(-bottom, top) > 90:
            hint = "these are no degrees; write the file with its CRS, or in EPSG:4326"
        else:
            hint = f"expected about lon {west:g} to {east:g}, lat {south:g} to {north:g}; is the CRS right?"
        reason = "lies outside the city's service box"
        report.findings.append(Finding(row=row, field="geometry", reason=reason, hint=hint, **place_of(shape)))
