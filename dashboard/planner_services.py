"""What the planner's pages ask of the domain; no page reaches further than this.

Answers are plain values that a cache can keep: frames, bytes and small dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import Connection, Engine

from gis.analysis import (
    Legend,
    count_by_area,
    count_by_period,
    count_by_type,
    hour_by_weekday,
    image_bounds,
    kernel_density,
    make_legend,
    render_png,
)
from gis.analysis.counts import period_of_days
from gis.analysis.density import DAYS_PER_YEAR
from gis.city import CityFacts, read_city
from gis.db import transaction
from routing_engine.planning.incidents import (
    Selection,
    read_areas,
    read_extent,
    read_incidents,
    read_types,
)

# A fifth of a pixel at the zoom where the whole city fills the screen; neighbours keep their common edge.
SIMPLIFY_DEG = 0.0001


@dataclass(frozen=True, kw_only=True)
class Options:
    """What can be chosen on the page.

    Attributes
    ----------
    types
        `type_code, family, name_id, name_en, lane`, in the city's order.
    districts
        Code → name of the kecamatan.
    first, last
        Local days of the oldest and newest incident; `None` when there is none.
    is_demo, is_approximate
        The city is a demo; its boundaries are approximate.
    """

    city_name: str
    time_zone: str
    types: pd.DataFrame
    districts: dict[str, str]
    first: date | None
    last: date | None
    is_demo: bool
    is_approximate: bool
    center: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Incidents:
    """The incidents of a selection, and how many are none of the city's events."""

    frame: pd.DataFrame
    n_left_out: int

    @property
    def n(self) -> int:
        """Incidents counted."""
        return len(self.frame)

    @property
    def is_synthetic(self) -> bool:
        """Whether any of them is made up."""
        return bool(self.frame["is_history"].any())


@dataclass(frozen=True, kw_only=True)
class DensityPicture:
    """A density map as a picture, and all that its legend has to say.

    Attributes
    ----------
    bounds
        West, south, east, north (EPSG:4326).
    """

    png: bytes
    bounds: tuple[float, float, float, float]
    legend: Legend
    kernel: str
    bandwidth_m: float
    bandwidth_rule: str
    unit: str
    cell_m: float
    n: int
    n_outside: int
    n_places: int
    metric_srid: int


@dataclass(frozen=True, kw_only=True)
class AreaCounts:
    """Counts per kelurahan: the table, and the areas as GeoJSON with the same numbers in their properties."""

    table: pd.DataFrame
    geojson: dict[str, Any]


class PlannerServices:
    """The planner's door to the domain."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _read(self) -> Iterator[tuple[Connection, CityFacts]]:
        with transaction(self._engine) as tx:
            yield tx, read_city(tx)

    def options(self) -> Options:
        """Return what can be chosen."""
        with self._read() as (tx, city):
            areas = read_areas(tx)
            extent = read_extent(tx)
            types = read_types(tx)
        districts = areas[areas["level"] == "kecamatan"]
        west, south, east, north = areas.total_bounds if len(areas) else city.bbox
        return Options(
            city_name=city.name,
            time_zone=str(city.time_zone),
            types=types,
            districts=dict(zip(districts["code"], districts["name"], strict=True)),
            first=extent[0].astimezone(city.time_zone).date() if extent else None,
            last=extent[1].astimezone(city.time_zone).date() if extent else None,
            is_demo=city.is_demo,
            is_approximate=bool(areas["is_approximate"].any()),
            center=(float(west + east) / 2, float(south + north) / 2),
        )

    def period(self, first: date, last: date, time_zone: str) -> tuple[datetime, datetime]:
        """Return the half-open period of whole local days."""
        return period_of_days(first, last, time_zone=time_zone)

    def incidents(self, selection: Selection) -> Incidents:
        """Return the incidents of a selection."""
        with self._read() as (tx, city):
            frame, n_left_out = read_incidents(tx, selection, city=city)
        return Incidents(frame=frame, n_left_out=n_left_out)

    def density(
        self, selection: Selection, *, bandwidth_m: float | None, theme: str, incidents: Incidents
    ) -> DensityPicture:
        """Return the density of incidents as a picture.

        Parameters
        ----------
        bandwidth_m
            Metres; `None` for the default rule.
        theme
            ``day`` or ``night``.
        incidents
            Those of `selection`; the study area is the land of the districts chosen.
        """
        with self._read() as (tx, city):
            land = self._land(read_areas(tx), selection)
        frame = incidents.frame
        result = kernel_density(
            gpd.GeoSeries.from_xy(frame["lon"], frame["lat"], crs=4326),
            land.geometry,
            metric_srid=city.metric_srid,
            bandwidth_m=bandwidth_m,
            since=selection.since,
            until=selection.until,
        )
        legend = make_legend(result, theme=theme)
        return DensityPicture(
            png=render_png(result, legend=legend, longest_side_px=1400),
            bounds=image_bounds(result),
            legend=legend,
            kernel=result.kernel,
            bandwidth_m=result.bandwidth_m,
            bandwidth_rule=result.bandwidth_rule,
            unit=result.unit,
            cell_m=result.cell_m,
            n=result.n,
            n_outside=result.n_outside,
            n_places=result.n_places,
            metric_srid=result.grid.srid,
        )

    def by_area(self, selection: Selection, *, incidents: Incidents) -> AreaCounts:
        """Return counts and rates per kelurahan, most first."""
        with self._read() as (tx, _):
            areas = read_areas(tx)
        land = self._land(areas, selection)
        years = (selection.until - selection.since).total_seconds() / 86_400 / DAYS_PER_YEAR
        counts = count_by_area(incidents.frame, pd.DataFrame(land.drop(columns="geometry")), years=years)
        parents = areas[areas["level"] == "kecamatan"].set_index("code")["name"]
        district = land.set_index("code")["parent_code"].map(parents)
        counts.insert(2, "district", counts["code"].map(district))
        shapes = shapely.coverage_simplify(land.geometry.to_numpy(), SIMPLIFY_DEG)
        numbers = counts[counts["code"].notna()]
        features = [
            {
                "type": "Feature",
                "geometry": shapely.geometry.mapping(shape),
                "properties": {
                    "code": row.code,
                    "name": row.name,
                    "district": row.district if isinstance(row.district, str) else "",
                    "n": int(row.n),
                    "per_km2": float(row.per_km2),
                },
            }
            for row, shape in zip(numbers.itertuples(index=False), shapely.set_precision(shapes, 1e-5), strict=True)
        ]
        table = counts.sort_values(["n", "name"], ascending=[False, True], ignore_index=True, na_position="last")
        return AreaCounts(table=table, geojson={"type": "FeatureCollection", "features": features})

    def by_hour(
        self, selection: Selection, *, incidents: Incidents, time_zone: str
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return counts and counts per hour of the period, both weekday × hour of local time."""
        return hour_by_weekday(incidents.frame, since=selection.since, until=selection.until, time_zone=time_zone)

    def by_month(self, selection: Selection, *, incidents: Incidents, time_zone: str) -> pd.DataFrame:
        """Return counts per local month and lane."""
        return count_by_period(incidents.frame, since=selection.since, until=selection.until, time_zone=time_zone)

    def by_type(self, *, incidents: Incidents) -> pd.DataFrame:
        """Return counts per type, most first."""
        return count_by_type(incidents.frame)

    @staticmethod
    def _land(areas: gpd.GeoDataFrame, selection: Selection) -> gpd.GeoDataFrame:
        """Return the kelurahan looked at: all, or those of the districts chosen."""
        land = areas[areas["level"] == "kelurahan"]
        if selection.districts:
            land = land[land["parent_code"].isin(selection.districts)]
        return land.reset_index(drop=True)
