"""Facts of the city this installation serves, as read from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from gis.errors import ConfigurationError
from gis.tables import city as city_table


@dataclass(frozen=True, kw_only=True)
class CityFacts:
    """One city.

    Attributes
    ----------
    metric_srid
        EPSG code of the projected CRS for metres and areas.
    bbox
        Service box: west, south, east, north in EPSG:4326 degrees.
    fallback_m
        How far beyond a boundary the nearest jurisdiction still takes a point, metres.
    revision
        Grows with every change of configuration data.
    """

    code: str
    name: str
    time_zone: ZoneInfo
    number_prefix: str
    metric_srid: int
    fallback_m: float
    bbox: tuple[float, float, float, float]
    settings: dict[str, Any]
    is_demo: bool
    revision: int

    def holds(self, lon: float, lat: float, *, margin_deg: float = 0.0) -> bool:
        """Whether the point lies in the service box, widened by `margin_deg` degrees on each side."""
        west, south, east, north = self.bbox
        return west - margin_deg <= lon <= east + margin_deg and south - margin_deg <= lat <= north + margin_deg

    def hour_of(self, at: datetime) -> int:
        """Return the hour, 0 to 23, that `at` (aware) falls into by the city's clocks."""
        return at.astimezone(self.time_zone).hour

    def is_metric_near(self, lon: float, lat: float) -> bool:
        """Whether the city's metric CRS is usable at the point (UTM is, some degrees beyond the city)."""
        return self.holds(lon, lat, margin_deg=2.0)


def read_city(tx: Connection) -> CityFacts:
    """Read the one row of `siaga.city`.

    Raises
    ------
    ConfigurationError
        No city has been loaded yet.
    """
    columns = [column for column in city_table.c if column.name != "service_area"]
    row = tx.execute(select(*columns)).mappings().one_or_none()
    if row is None:
        raise ConfigurationError("no city is loaded; run ./siaga city init data/cities/NAME")
    settings = dict(row["settings"])
    return CityFacts(
        code=row["code"],
        name=row["name"],
        time_zone=ZoneInfo(row["time_zone"]),
        number_prefix=row["number_prefix"],
        metric_srid=row["metric_srid"],
        fallback_m=row["fallback_m"],
        bbox=tuple(settings["bbox"]),
        settings=settings,
        is_demo=row["is_demo"],
        revision=row["revision"],
    )
