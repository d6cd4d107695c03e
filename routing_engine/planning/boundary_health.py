"""The boundaries of a service at a moment, checked on the incidents of the year before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import geopandas as gpd
import shapely
from sqlalchemy import Connection

from routing_engine.dispatch import codes
from routing_engine.dispatch.context import Context
from routing_engine.planning.boundary_impact import YEAR
from routing_engine.planning.incidents import called_incidents
from zones.coverage_health import coverage_health, read_ground
from zones.draft_views import drawn
from zones.layers import read_layer

# What is listed and drawn of each kind at most; the sums are of all.
LISTED = 200


def health_of(tx: Connection, context: Context, service: str, *, at: datetime | None, language: str) -> dict[str, Any]:
    """Return `GET /api/boundaries/health` of the contract.

    Parameters
    ----------
    at
        Moment the boundaries must be in force; `None`: now.

    Raises
    ------
    ValueRefused
        The city has no such service.
    """
    moment = context.current(tx)
    snapshot = moment.snapshot
    codes.service(snapshot, service, language)
    asked = at or moment.now
    layer = read_layer(tx, service, boundary_set=moment.boundary_set, at=asked)
    until = min(asked, moment.now)
    incidents, _ = called_incidents(tx, snapshot, service, since=until - YEAR, until=until)
    found = coverage_health(layer, read_ground(tx), incidents, srid=snapshot.city.metric_srid)
    slivers = [frame[frame["is_sliver"].astype(bool)] for frame in (found.gaps, found.overlaps)]

    def names(row: Any) -> dict[str, Any]:
        return {"jurisdictions": [row.one, row.two], "names": [layer[row.one].name, layer[row.two].name]}

    return {
        "service": service,
        "at": asked.isoformat(),
        "boundary_set": moment.boundary_set,
        "n_jurisdictions": len(layer),
        "area_m2": round(found.area_m2, 1),
        "covered_m2": round(found.covered_m2, 1),
        "covered_share": round(found.covered_share, 6),
        "gaps": [{"areas": row.areas, **_piece(row)} for row in _rows(found.gaps)],
        "overlaps": [{**names(row), "priority": int(row.priority), **_piece(row)} for row in _rows(found.overlaps)],
        "slivers": {
            "n": sum(map(len, slivers)),
            "area_m2": round(float(sum(frame["area_m2"].sum() for frame in slivers)), 1),
        },
        "approximate": [
            {
                "jurisdiction": key,
                "name": layer[key].name,
                "area_m2": _area_m2(layer[key].shape, snapshot.city.metric_srid),
            }
            for key in found.approximate
        ],
        "contested": [
            {
                **names(row),
                "length_m": float(row.length_m),
                "n_incidents": int(row.n_incidents),
                "n_per_km": float(row.n_per_km),
                "geometry": drawn(row.geometry),
            }
            for row in _rows(found.contested)
        ],
        "n_incidents": len(incidents),
        "n_near_border": found.n_near_border,
        "since": (until - YEAR).isoformat(),
        "until": until.isoformat(),
    }


def _rows(frame: gpd.GeoDataFrame) -> list[Any]:
    return list(frame.head(LISTED).itertuples(index=False))


def _piece(row: Any) -> dict[str, Any]:
    point = shapely.point_on_surface(row.geometry)
    return {
        "area_m2": float(row.area_m2),
        "width_m": float(row.width_m),
        "is_sliver": bool(row.is_sliver),
        "lon": round(point.x, 6),
        "lat": round(point.y, 6),
        "geometry": drawn(row.geometry),
    }


def _area_m2(shape: Any, srid: int) -> float:
    return round(float(gpd.GeoSeries([shape], crs=4326).to_crs(srid).area.iloc[0]), 1)
