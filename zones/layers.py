"""The boundaries of one service at one moment, as one thing: who holds which ground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, text

Shapes = npt.NDArray[Any]

# `infinity`: the versions a commit left without an end, which is what the next change starts from.
LAYER = text(
    """
SELECT j.jurisdiction_id, j.agency_code, j.code, coalesce(v.name, j.name) AS name, j.is_citywide, v.boundary_version_id,
       v.version, v.priority, v.is_approximate, lower(v.valid) AS valid_from, ST_AsBinary(v.geom) AS wkb
FROM siaga.boundaries_in_force(CAST(coalesce(CAST(:at AS text), 'infinity') AS timestamptz), :boundary_set) v
JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = :service
ORDER BY j.agency_code COLLATE "C", j.code COLLATE "C"
"""
)


@dataclass(frozen=True, kw_only=True)
class Area:
    """What one jurisdiction holds.

    Attributes
    ----------
    shape
        Valid multipolygon, EPSG:4326.
    priority
        1 wins over 2.
    jurisdiction_id, version_id, version, valid_from
        Of the version it is; `None` where it is only drafted.
    """

    agency: str
    code: str
    name: str
    priority: int
    shape: BaseGeometry
    is_citywide: bool = False
    is_approximate: bool = False
    jurisdiction_id: str | None = None
    version_id: str | None = None
    version: int | None = None
    valid_from: datetime | None = None

    @property
    def key(self) -> str:
        """Return the jurisdiction's name among those of the service: ``AGENCY/CODE``."""
        return f"{self.agency}/{self.code}"

    @property
    def rank(self) -> tuple[int, str, str]:
        """Return its place in the order in which ground that two cover is given: the lowest has it."""
        return self.priority, self.code, self.agency


Layer = Mapping[str, Area]


def read_layer(tx: Connection, service: str, *, boundary_set: int, at: datetime | None = None) -> dict[str, Area]:
    """Return the boundaries of a service by ``AGENCY/CODE``, as a commit saw them.

    Parameters
    ----------
    at
        Moment they must be in force; `None`: those without an end, planned ones included.
    """
    rows = tx.execute(
        LAYER, {"service": service, "boundary_set": boundary_set, "at": None if at is None else at.isoformat()}
    )
    areas = [
        Area(
            agency=row.agency_code,
            code=row.code,
            name=row.name,
            priority=row.priority,
            shape=shapely.from_wkb(bytes(row.wkb)),
            is_citywide=row.is_citywide,
            is_approximate=row.is_approximate,
            jurisdiction_id=row.jurisdiction_id,
            version_id=row.boundary_version_id,
            version=row.version,
            valid_from=row.valid_from,
        )
        for row in rows
    ]
    return {area.key: area for area in areas}


def as_frame(layer: Layer) -> gpd.GeoDataFrame:
    """Return a layer as the frame `zones.matching_batch.match_jurisdictions` takes; `version` of a drafted one is 0."""
    areas = list(layer.values())
    table = pd.DataFrame(
        {
            "jurisdiction": [area.key for area in areas],
            "code": [area.code for area in areas],
            "name": [area.name for area in areas],
            "agency": [area.agency for area in areas],
            "priority": np.array([area.priority for area in areas], dtype=np.int64),
            "version": np.array([area.version or 0 for area in areas], dtype=np.int64),
            "is_citywide": np.array([area.is_citywide for area in areas], dtype=bool),
        }
    )
    return gpd.GeoDataFrame(table, geometry=_array([area.shape for area in areas]), crs=4326)


def area_m2(shapes: list[BaseGeometry] | Shapes, srid: int) -> npt.NDArray[np.float64]:
    """Return the areas of shapes given in EPSG:4326, in square metres of the metric CRS `srid`."""
    if not len(shapes):
        return np.empty(0)
    return np.asarray(gpd.GeoSeries(_array(shapes), crs=4326).to_crs(srid).area.to_numpy(), dtype=np.float64)


def metric(shape: BaseGeometry, srid: int) -> BaseGeometry:
    """Return a shape given in EPSG:4326 in the metric CRS `srid`."""
    found: BaseGeometry = gpd.GeoSeries([shape], crs=4326).to_crs(srid).iloc[0]
    return found


def polygons(shape: BaseGeometry) -> shapely.MultiPolygon:
    """Return the polygons of a shape (lines and points fall away) as a multipolygon in canonical order."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in ("Polygon", "MultiPolygon")]
    parts = [one for part in parts for one in shapely.get_parts(part) if one.area > 0]
    return shapely.normalize(shapely.MultiPolygon(parts))


def is_same(one: Area | None, two: Area | None) -> bool:
    """Whether two areas of a jurisdiction say the same: name, priority and shape, to the vertex."""
    if one is two:
        return True
    if one is None or two is None:
        return False
    return (one.name, one.priority) == (two.name, two.priority) and one.shape.normalize().equals_exact(
        two.shape.normalize(), 0
    )


def with_shape(area: Area, shape: BaseGeometry) -> Area:
    """Return the area with another polygon."""
    return replace(area, shape=polygons(shape))


def _array(shapes: list[BaseGeometry] | Shapes) -> Shapes:
    found = np.empty(len(shapes), dtype=object)
    found[:] = shapes
    return found
