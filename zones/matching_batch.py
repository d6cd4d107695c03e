"""Whose is it, for many exact points at once: the rule of `zones.matching` on frames.

The two share no code but the order of ties, so that each is the other's oracle in the tests.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, text

from gis.city import CityFacts
from gis.errors import ColumnError, CRSError
from gis.words import Match

INVALID = "invalid"
COLUMNS = ("jurisdiction", "jurisdiction_name", "agency", "match", "border_m", "boundary_version")
NEEDED = ("code", "name", "agency", "priority", "version", "is_citywide")

JURISDICTIONS = text(
    """
SELECT j.code, j.name, j.agency_code AS agency, v.priority, v.version, j.is_citywide, ST_AsBinary(v.geom) AS wkb
FROM siaga.boundaries_in_force(:at, :boundary_set) v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = :service ORDER BY j.agency_code COLLATE "C", j.code COLLATE "C"
"""
)


def read_jurisdictions(tx: Connection, service: str, *, at: datetime, boundary_set: int) -> gpd.GeoDataFrame:
    """Return the boundaries of a service in force at `at` as a frame for `match_jurisdictions` (EPSG:4326)."""
    rows = tx.execute(JURISDICTIONS, {"service": service, "at": at, "boundary_set": boundary_set}).all()
    return gpd.GeoDataFrame(
        pd.DataFrame([row[:6] for row in rows], columns=list(NEEDED)),
        geometry=shapely.from_wkb([bytes(row.wkb) for row in rows]),
        crs=4326,
    )


def read_service_area(tx: Connection) -> shapely.Geometry | None:
    """Return the city's service area (EPSG:4326), `None` when it has none."""
    wkb = tx.execute(text("SELECT ST_AsBinary(service_area) FROM siaga.city")).scalar_one_or_none()
    return None if wkb is None else shapely.from_wkb(bytes(wkb))


def match_jurisdictions(
    points: gpd.GeoDataFrame,
    jurisdictions: gpd.GeoDataFrame,
    *,
    city: CityFacts,
    service_area: shapely.Geometry | None,
) -> pd.DataFrame:
    """Name the responsible jurisdiction of each exact point for one service.

    Parameters
    ----------
    points
        Points, EPSG:4326, with a unique index. Missing, empty, non-finite and out-of-range points are allowed.
    jurisdictions
        Valid polygons, EPSG:4326, columns `code`, `name`, `agency` (str), `priority` (int, 1 wins), `version` (int),
        `is_citywide` (bool).
    service_area
        Polygon, EPSG:4326; the fall-backs work inside it only.

    Returns
    -------
    DataFrame
        Index and order of `points`; `jurisdiction`, `jurisdiction_name`, `agency` (str, missing when nobody is
        responsible), `match` (a code of the contract, or `invalid`), `border_m` (metres to the winner's border; to its
        polygon for `nearest`), `boundary_version` (int, missing when nobody is).

    Raises
    ------
    CRSError
        A frame is not in EPSG:4326.
    ColumnError
        `jurisdictions` lacks a column.
    """
    for name, frame in (("points", points), ("jurisdictions", jurisdictions)):
        if frame.crs is None or frame.crs.to_epsg() != 4326:
            raise CRSError(f"{name}: {frame.crs or 'no CRS'}, expected EPSG:4326; call to_crs(4326)")
    missing = [column for column in NEEDED if column not in jurisdictions]
    if missing:
        raise ColumnError(f"jurisdictions: column {', '.join(missing)} missing")

    geometry = points.geometry.to_numpy()
    is_usable = _usable(geometry)
    winner = np.full(len(points), -1)
    match = np.full(len(points), INVALID, dtype=object)
    match[is_usable] = Match.UNASSIGNED

    # A stable order of ties: priority, then code, then agency.
    order = jurisdictions.assign(row=np.arange(len(jurisdictions))).sort_values(
        ["priority", "code", "agency"], kind="stable"
    )
    rank = np.empty(len(jurisdictions), dtype=np.int64)
    rank[order["row"].to_numpy()] = np.arange(len(jurisdictions))
    is_citywide = jurisdictions["is_citywide"].to_numpy(dtype=bool)
    polygons = jurisdictions.geometry.to_numpy()

    wanted = np.flatnonzero(is_usable)
    plain = np.flatnonzero(~is_citywide)
    if len(plain) and len(wanted):
        tree = shapely.STRtree(polygons[plain])
        at, hit = tree.query(geometry[wanted], predicate="covered_by")
        _first(winner, match, wanted[at], plain[hit], rank, np.zeros(len(at)), Match.COVERS)

    if service_area is not None:
        shapely.prepare(service_area)
        left = wanted[winner[wanted] < 0]
        left = left[shapely.covers(service_area, geometry[left])]
        if len(left) and len(plain):
            metric = _metric(polygons[plain], city.metric_srid)
            here = _metric(geometry[left], city.metric_srid)
            at, hit = shapely.STRtree(metric).query(here, predicate="dwithin", distance=city.fallback_m)
            distance = shapely.distance(here[at], metric[hit])
            _first(winner, match, left[at], plain[hit], rank, distance, Match.NEAREST)
        left = left[winner[left] < 0]
        whole = np.flatnonzero(is_citywide)
        if len(left) and len(whole):
            winner[left] = whole[np.argmin(rank[whole])]
            match[left] = Match.CITYWIDE

    return _result(points, jurisdictions, winner, match, city.metric_srid)


def _usable(geometry: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return which geometries are finite points on Earth."""
    is_usable: np.ndarray[Any, Any] = (shapely.get_type_id(geometry) == shapely.GeometryType.POINT) & ~shapely.is_empty(
        geometry
    )
    x, y = shapely.get_x(geometry[is_usable]), shapely.get_y(geometry[is_usable])
    is_usable[is_usable] = (np.abs(x) <= 180) & (np.abs(y) <= 90)
    return is_usable


def _metric(geometry: np.ndarray[Any, Any], srid: int) -> np.ndarray[Any, Any]:
    metric: np.ndarray[Any, Any] = gpd.GeoSeries(geometry, crs=4326).to_crs(srid).to_numpy()
    return metric


def _first(
    winner: np.ndarray[Any, Any],
    match: np.ndarray[Any, Any],
    point: np.ndarray[Any, Any],
    polygon: np.ndarray[Any, Any],
    rank: np.ndarray[Any, Any],
    distance: np.ndarray[Any, Any],
    how: Match,
) -> None:
    """Write the first polygon of each point: by distance, then rank."""
    order = np.lexsort((rank[polygon], distance, point))
    point, polygon = point[order], polygon[order]
    is_first = np.ones(len(point), dtype=bool)
    is_first[1:] = point[1:] != point[:-1]
    winner[point[is_first]] = polygon[is_first]
    match[point[is_first]] = how


def _result(
    points: gpd.GeoDataFrame,
    jurisdictions: gpd.GeoDataFrame,
    winner: np.ndarray[Any, Any],
    match: np.ndarray[Any, Any],
    srid: int,
) -> pd.DataFrame:
    border = np.full(len(points), np.nan)
    for number in np.unique(winner[winner >= 0]):
        rows = np.flatnonzero((winner == number) & (match != Match.CITYWIDE))
        if len(rows):
            polygon = _metric(jurisdictions.geometry.to_numpy()[[number]], srid)[0]
            here = _metric(points.geometry.to_numpy()[rows], srid)
            is_nearest = match[rows] == Match.NEAREST
            border[rows] = np.where(
                is_nearest, shapely.distance(polygon, here), shapely.distance(polygon.boundary, here)
            )
    owned = winner >= 0
    picked = jurisdictions.iloc[np.where(owned, winner, 0)].reset_index(drop=True) if len(jurisdictions) else None

    def column(name: str, dtype: Any) -> pd.Series[Any]:
        if picked is None:
            return pd.Series(pd.array([pd.NA] * len(points), dtype=dtype), index=points.index)
        return pd.Series(pd.array(picked[name].where(owned), dtype=dtype), index=points.index)

    return pd.DataFrame(
        {
            "jurisdiction": column("code", "string"),
            "jurisdiction_name": column("name", "string"),
            "agency": column("agency", "string"),
            "match": pd.Series([str(item) for item in match], index=points.index, dtype="string"),
            "border_m": pd.Series(np.round(border, 1), index=points.index),
            "boundary_version": column("version", "Int64"),
        }
    )
