"""Incidents as planners look at them: chosen by kind, place and time, as frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
from sqlalchemy import Connection, text

from gis.city import CityFacts
from gis.errors import DataError
from routing_engine.dispatch.context import Snapshot

# What is no event of the city is left out, and counted: exercises, reports joined to another incident, places where a
# crew found nothing, and calls that turned out to be none.
IS_COUNTED = (
    "i.origin <> 'drill' AND i.status NOT IN ('draft', 'merged', 'unfounded', 'handed_off')"
    " AND i.classification IN ('emergency', 'service')"
)

CHOSEN = """
FROM siaga.incident i
LEFT JOIN siaga.incident_area kel
  ON kel.incident_id = i.incident_id AND kel.level = 'kelurahan' AND kel.position = 0
LEFT JOIN siaga.incident_area kec
  ON kec.incident_id = i.incident_id AND kec.level = 'kecamatan' AND kec.position = 0
WHERE i.received_at >= :since AND i.received_at < :until
  AND (CAST(:types AS text[]) IS NULL OR i.type_code = ANY (:types))
  AND (CAST(:lane AS text) IS NULL OR i.lane = :lane)
  AND (CAST(:districts AS text[]) IS NULL OR kec.code = ANY (:districts))
  AND (CAST(:hours AS int[]) IS NULL
       OR extract(hour FROM i.received_at AT TIME ZONE :time_zone)::int = ANY (:hours))
"""

INCIDENTS = text(
    f"""
SELECT ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.type_code, i.lane, i.received_at, i.origin = 'history' AS is_history,
       i.accuracy_m, kel.code AS area_code, kec.code AS district_code
{CHOSEN} AND {IS_COUNTED}
ORDER BY i.received_at, i.incident_id
"""
)
N_LEFT_OUT = text(f"SELECT count(*) {CHOSEN} AND NOT ({IS_COUNTED})")

# `geom_m` carries the metric area, so that no row is transformed.
AREAS = text(
    "SELECT level, code, name, parent_code, is_approximate, ST_Area(geom_m) / 1e6 AS area_km2, geom "
    "FROM siaga.admin_area ORDER BY level, name, code"
)
TYPES = text(
    "SELECT type_code, family, name_id, name_en, lane FROM siaga.incident_type WHERE is_incident "
    "ORDER BY position, type_code"
)
EXTENT = text("SELECT min(received_at) AS since, max(received_at) AS until FROM siaga.incident")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which incidents are looked at. An empty tuple or `None` means all.

    Attributes
    ----------
    since, until
        Aware times of report, half-open.
    hours
        Local hour of the day, from and to (not included); 22 to 4 goes over midnight.
    districts
        Codes of kecamatan.
    """

    since: datetime
    until: datetime
    types: tuple[str, ...] = ()
    lane: str | None = None
    hours: tuple[int, int] = (0, 24)
    districts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise DataError("since and until need a time zone")
        if self.until <= self.since:
            raise DataError(f"the period from {self.since} to {self.until} is empty; the end must be after the start")

    def hours_of_day(self) -> list[int] | None:
        """Return the hours chosen; `None` for all of them."""
        first, last = self.hours
        if (last - first) % 24 == 0:
            return None
        return [(first + step) % 24 for step in range((last - first) % 24)]


def read_incidents(tx: Connection, selection: Selection, *, city: CityFacts) -> tuple[pd.DataFrame, int]:
    """Read the incidents of a selection.

    Returns
    -------
    incidents
        `lon, lat` (EPSG:4326), `type_code, lane, received_at` (UTC), `is_history` (synthetic), `accuracy_m`,
        `area_code` (kelurahan) and `district_code` (kecamatan), missing outside all of them; in order of time.
    n_left_out
        How many of the selection are no events of the city: exercises, joined reports, unfounded ones, pranks.
    """
    values = {
        "since": selection.since,
        "until": selection.until,
        "types": list(selection.types) or None,
        "lane": selection.lane,
        "districts": list(selection.districts) or None,
        "hours": selection.hours_of_day(),
        "time_zone": str(city.time_zone),
    }
    result = tx.execute(INCIDENTS, values)
    frame = pd.DataFrame(result.all(), columns=list(result.keys()))
    frame["received_at"] = pd.to_datetime(frame["received_at"], utc=True)
    for name in ("lon", "lat", "accuracy_m"):
        frame[name] = frame[name].astype(np.float64)
    return frame, int(tx.execute(N_LEFT_OUT, values).scalar_one())


def called_incidents(
    tx: Connection, snapshot: Snapshot, service: str, *, since: datetime, until: datetime
) -> tuple[pd.DataFrame, int]:
    """Read the incidents of a period whose type the SOP calls a service for, at some severity; as `read_incidents`."""
    types = sorted({rule.type_code for rule in snapshot.rules if rule.service == service})
    # An empty choice means all: a type that does not exist means none.
    selection = Selection(since=since, until=until, types=tuple(types) or ("",))
    return read_incidents(tx, selection, city=snapshot.city)


def read_areas(tx: Connection) -> gpd.GeoDataFrame:
    """Read the areas: `level, code, name, parent_code, is_approximate, area_km2, geometry` (EPSG:4326)."""
    return gpd.read_postgis(AREAS, tx, geom_col="geom", crs=4326).rename_geometry("geometry")


def read_extent(tx: Connection) -> tuple[datetime, datetime] | None:
    """Return the times of the oldest and the newest incident; `None` when there is none."""
    row = tx.execute(EXTENT).one()
    return None if row.since is None else (row.since, row.until)


def read_types(tx: Connection) -> pd.DataFrame:
    """Read the types of incident, in the city's order: `type_code, family, name_id, name_en, lane`."""
    result = tx.execute(TYPES)
    return pd.DataFrame(result.all(), columns=list(result.keys()))
