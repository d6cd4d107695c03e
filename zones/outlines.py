"""Outlines of duties for maps: where an agency is responsible, as GeoJSON."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text

# Whole-city jurisdictions count only for an agency that has nothing finer.
OUTLINE = text(
    """
WITH mine AS (
  SELECT j.is_citywide, v.geom FROM siaga.jurisdiction j JOIN siaga.boundary_version v USING (jurisdiction_id)
  WHERE j.agency_code = :agency AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)
    AND v.valid @> clock_timestamp()
)
SELECT ST_AsGeoJSON(ST_SimplifyPreserveTopology(ST_Union(geom), 0.0001), 5) FROM mine
WHERE NOT is_citywide OR NOT EXISTS (SELECT 1 FROM mine WHERE NOT is_citywide)
"""
)


def agency_outline(tx: Connection, agency: str, jurisdiction: str | None = None) -> dict[str, Any] | None:
    """Return the area an agency is responsible for now.

    Parameters
    ----------
    jurisdiction
        Code of one of its jurisdictions; all of them without.

    Returns
    -------
    dict or None
        GeoJSON polygon geometry, EPSG:4326, simplified to about 10 m; `None` without a boundary in force.
    """
    found = tx.execute(OUTLINE, {"agency": agency, "jurisdiction": jurisdiction}).scalar_one_or_none()
    return None if found is None else dict(json.loads(found))
