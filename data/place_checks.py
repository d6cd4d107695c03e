"""Polygons that lie far from the city, with the mistake behind it where it can be told."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from data.polygon_findings import Kind, PolygonFinding, place_of

# Neighbours' land may be in a file of the city; beyond this, degrees around the service box, it is a mistake.
MARGIN_DEG = 1.0

Bounds = npt.NDArray[np.float64]


def check_places(
    rows: gpd.GeoDataFrame, raw_bounds: Bounds, *, crs: str, bbox: tuple[float, float, float, float], metric_srid: int
) -> list[PolygonFinding]:
    """Report polygons far off the service box.

    Parameters
    ----------
    rows
        As of `data.polygon_table`.
    raw_bounds
        ``(len(rows), 4)`` bounds in the numbers of the file, before its CRS was applied.
    bbox
        The city's service box, EPSG:4326.
    """
    west, south, east, north = bbox
    box = shapely.box(west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG)
    bounds = shapely.bounds(rows.geometry.to_numpy())
    is_there = np.isfinite(bounds).all(axis=1)
    # Their corners are enough, and do not mind rings that are invalid.
    is_far = ~_meets(box, bounds)
    # A CRS of metres that is none of the file's may give no coordinates at all.
    is_lost = ~is_there & np.isfinite(raw_bounds).all(axis=1)
    findings = [
        _reaching(rows, at, box)
        for at in np.flatnonzero(is_there & ~is_far & ~np.asarray(shapely.covers(box, shapely.box(*bounds.T))))
    ]
    for at in np.flatnonzero((is_far & is_there) | is_lost):
        kind, hint, proposal = explain(box, bounds[at], raw_bounds[at], crs, metric_srid)
        if kind == Kind.OUTSIDE and not hint:
            hint = f"expected about lon {west:g} to {east:g}, lat {south:g} to {north:g}; is the CRS right?"
        shape = rows.geometry.iloc[at]
        place = place_of(shape) if is_there[at] else {}
        findings.append(
            PolygonFinding(
                kind=kind,
                row=int(rows["row"].iloc[at]),
                field="geometry",
                value=_numbers(raw_bounds[at]),
                reason="lies outside the city's service box",
                hint=hint,
                proposal=proposal,
                piece=shape if is_there[at] and shape.is_valid else None,
                **place,
            )
        )
    return findings


def _reaching(rows: gpd.GeoDataFrame, at: int, box: shapely.Geometry) -> PolygonFinding:
    """Report a polygon that begins at the city and ends far from it: mostly one mistyped vertex; at its farthest."""
    shape = rows.geometry.iloc[at]
    corners = shapely.get_coordinates(shape)
    far = corners[np.argmax(shapely.distance(box, shapely.points(corners)))]
    return PolygonFinding(
        kind=Kind.OUTSIDE,
        row=int(rows["row"].iloc[at]),
        field="geometry",
        value=_numbers(far),
        reason=f"reaches out of the city's surroundings, to {_numbers(far)} (lon, lat)",
        hint=f"mend that vertex, or cut the polygon {MARGIN_DEG:g}° around the city",
        piece=shape if shape.is_valid else None,
        **_on_earth(far),
    )


def _on_earth(lonlat: Bounds) -> dict[str, float]:
    """Return a place to draw; of numbers that are no degrees, none."""
    is_place = abs(lonlat[0]) <= 180 and abs(lonlat[1]) <= 90
    return {"lon": round(float(lonlat[0]), 6), "lat": round(float(lonlat[1]), 6)} if is_place else {}


def explain(box: shapely.Geometry, bounds: Bounds, raw: Bounds, crs: str, metric_srid: int) -> tuple[Kind, str, str]:
    """Return what is the matter with a polygon outside `box`: kind, hint, what a repair would do."""
    left, bottom, right, top = bounds
    if _meets_one(box, (bottom, left, top, right)):
        return Kind.SWAPPED, "longitude and latitude are swapped: write lon, lat", "swap the two"
    is_degrees = crs in ("EPSG:4326", "OGC:CRS84")
    if not is_degrees and _meets_one(box, raw):
        hint = f"its numbers are degrees, its CRS says {crs}: assign EPSG:4326 to the layer, without reprojecting"
        return Kind.WRONG_CRS, hint, ""
    metric = _to_lonlat(raw, metric_srid)
    if metric is not None and _meets_one(box, metric):
        hint = (
            f"these are no degrees but metres of EPSG:{metric_srid}; write the file with that CRS"
            if is_degrees
            else f"its numbers fit EPSG:{metric_srid}, its CRS says {crs}: assign the right one, without reprojecting"
        )
        return Kind.WRONG_CRS, hint, ""
    if is_degrees and (max(-raw[0], raw[2]) > 180 or max(-raw[1], raw[3]) > 90):
        return Kind.WRONG_CRS, "these are no degrees; write the file with its CRS, or in EPSG:4326", ""
    if _meets_one(box, (left, -top, right, -bottom)):
        return Kind.OUTSIDE, "the sign of the latitude is lost: south is negative", ""
    return Kind.OUTSIDE, "", ""


def _meets(box: shapely.Geometry, bounds: Bounds) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray(shapely.intersects(box, shapely.box(*bounds.T)))


def _meets_one(box: shapely.Geometry, bounds: Any) -> bool:
    return bool(np.isfinite(bounds).all()) and bool(box.intersects(shapely.box(*bounds)))


def _to_lonlat(bounds: Bounds, srid: int) -> Bounds | None:
    """Return metric bounds in degrees; `None` where the CRS has no place for them."""
    if not np.isfinite(bounds).all():
        return None
    corners = gpd.GeoSeries(shapely.points([bounds[:2], bounds[2:]]), crs=srid).to_crs(4326)
    found = shapely.get_coordinates(corners.to_numpy()).ravel()
    return found if len(found) == 4 and np.isfinite(found).all() else None


def _numbers(bounds: Bounds) -> str:
    return ", ".join(f"{number:.6g}" for number in bounds)
