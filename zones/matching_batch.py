"""Whose is it, for many exact points at once: the rule of `zones.matching` on frames.

The two share no code but the order of ties, so that each is the other's oracle in the tests. Who covers a point is the
matter of `zones.point_index`; here are the fall-backs and the frame.
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
from zones.borders import Borders, build_borders, to_metric
from zones.point_index import PointIndex, build_index

INVALID = "invalid"
# By these numbers the answers are kept until they become a column.
ANSWERS = (INVALID, *(str(match) for match in (Match.UNASSIGNED, Match.COVERS, Match.NEAREST, Match.CITYWIDE)))
NO_POINT, UNASSIGNED, COVERS, NEAREST, CITYWIDE = range(len(ANSWERS))
COLUMNS = ("jurisdiction", "jurisdiction_name", "agency", "match", "border_m", "boundary_version")
NEEDED = ("code", "name", "agency", "priority", "version", "is_citywide")

JURISDICTIONS = text(
    """
SELECT j.code, coalesce(v.name, j.name) AS name, j.agency_code AS agency, v.priority, v.version, j.is_citywide,
       ST_AsBinary(v.geom) AS wkb
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
    index: PointIndex | None = None,
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
    index
        What `index_of` made of these jurisdictions, for callers that match more than once; made here without.

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
    TopologyError
        A boundary is invalid or no polygon.
    ValueError
        `index` is of other jurisdictions.
    """
    for name, frame in (("points", points), ("jurisdictions", jurisdictions)):
        if frame.crs is None or frame.crs.to_epsg() != 4326:
            raise CRSError(f"{name}: {frame.crs or 'no CRS'}, expected EPSG:4326; call to_crs(4326)")
    missing = [column for column in NEEDED if column not in jurisdictions]
    if missing:
        raise ColumnError(f"jurisdictions: column {', '.join(missing)} missing")
    is_citywide = jurisdictions["is_citywide"].to_numpy(dtype=bool)
    plain = np.flatnonzero(~is_citywide)
    if index is None:
        index = index_of(jurisdictions)
    elif list(index.codes) != jurisdictions["code"].iloc[plain].to_list():
        raise ValueError("the index is of other jurisdictions; build it from these with index_of")

    geometry = points.geometry.to_numpy()
    lonlat = _coordinates(geometry)
    winner = np.full(len(points), -1)
    border_m = np.full(len(points), np.nan)
    match = np.where(np.isnan(lonlat[:, 0]), NO_POINT, UNASSIGNED)

    covering = index.match(lonlat[:, 0], lonlat[:, 1])
    covered = np.flatnonzero(covering >= 0)
    winner[covered], match[covered] = plain[covering[covered]], COVERS

    left = np.flatnonzero(match == UNASSIGNED)
    if service_area is None:
        left = left[:0]
    elif len(left):
        shapely.prepare(service_area)
        left = left[shapely.covers(service_area, geometry[left])]
    if len(plain) and len(covered) + len(left):
        polygons = jurisdictions.geometry.to_numpy()[plain]
        borders = build_borders(polygons, city.metric_srid)
        border_m[covered] = borders.distance(to_metric(lonlat[covered], city.metric_srid), covering[covered])
        at, nearest, distance = _nearest(
            to_metric(lonlat[left], city.metric_srid), polygons, borders, city, index.rows[:-1]
        )
        winner[left[at]], match[left[at]], border_m[left[at]] = plain[nearest], NEAREST, distance
        left = left[winner[left] < 0]
    whole = np.flatnonzero(is_citywide)
    if len(left) and len(whole):
        winner[left] = min(whole, key=lambda row: tuple(jurisdictions[["priority", "code", "agency"]].iloc[row]))
        match[left] = CITYWIDE
    return _result(points, jurisdictions, winner, match, border_m)


def index_of(jurisdictions: gpd.GeoDataFrame) -> PointIndex:
    """Build the index that `match_jurisdictions` uses: of all jurisdictions but the city-wide ones."""
    return build_index(jurisdictions[~jurisdictions["is_citywide"].to_numpy(dtype=bool)])


def _coordinates(geometry: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return degrees ``(n, 2)``; NaN for what is no finite point on Earth."""
    is_point = (shapely.get_type_id(geometry) == shapely.GeometryType.POINT) & ~shapely.is_empty(geometry)
    lonlat = np.full((len(geometry), 2), np.nan)
    lonlat[is_point, 0], lonlat[is_point, 1] = shapely.get_x(geometry[is_point]), shapely.get_y(geometry[is_point])
    lonlat[~(np.abs(lonlat) <= (180.0, 90.0)).all(axis=1)] = np.nan
    return lonlat


def _nearest(
    xy_m: np.ndarray[Any, Any],
    polygons: np.ndarray[Any, Any],
    borders: Borders,
    city: CityFacts,
    by_rank: np.ndarray[Any, Any],
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Find the nearest polygon within the city's `fallback_m` of positions outside all of them.

    Returns
    -------
    at, polygon, distance
        Places in `xy_m` that have one; its number; metres to it.
    """
    near = np.flatnonzero(np.isfinite(xy_m).all(axis=1))
    bounds = np.where(borders.root[:, np.newaxis] >= 0, borders.box[borders.root], np.nan)
    reach = bounds + city.fallback_m * np.array([-1.0, -1.0, 1.0, 1.0])
    here = np.asarray(shapely.points(xy_m[near]))
    at, polygon = shapely.STRtree(np.asarray(shapely.box(*reach.T))).query(here)
    distance = borders.distance(xy_m[near[at]], polygon)
    is_near = distance <= city.fallback_m
    at, polygon, distance = at[is_near], polygon[is_near], distance[is_near]
    # A straight edge in degrees is none in metres: a point outside the one may be inside the other.
    used, number = np.unique(polygon, return_inverse=True)
    metric = gpd.GeoSeries(polygons[used], crs=4326).to_crs(city.metric_srid).to_numpy()
    shapely.prepare(metric)
    distance[shapely.intersects(metric[number], here[at])] = 0.0
    rank = np.empty(len(polygons), dtype=np.int64)
    rank[by_rank] = np.arange(len(polygons))
    order = np.lexsort((rank[polygon], distance, at))
    at, polygon, distance = at[order], polygon[order], distance[order]
    is_first = np.ones(len(at), dtype=bool)
    is_first[1:] = at[1:] != at[:-1]
    return near[at[is_first]], polygon[is_first], distance[is_first]


def _result(
    points: gpd.GeoDataFrame,
    jurisdictions: gpd.GeoDataFrame,
    winner: np.ndarray[Any, Any],
    match: np.ndarray[Any, Any],
    border_m: np.ndarray[Any, Any],
) -> pd.DataFrame:
    def column(name: str, dtype: Any) -> Any:
        return pd.array(jurisdictions[name], dtype=dtype).take(winner, allow_fill=True)

    return pd.DataFrame(
        {
            "jurisdiction": column("code", "string"),
            "jurisdiction_name": column("name", "string"),
            "agency": column("agency", "string"),
            "match": pd.array(ANSWERS, dtype="string").take(match),
            "border_m": np.round(border_m, 1),
            "boundary_version": column("version", "Int64"),
        },
        index=points.index,
    )
