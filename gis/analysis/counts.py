"""Counts of incidents by area, kind and time, with rates per km² and year."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.errors import ColumnError, DataError

DAYS_PER_YEAR = 365.25
WEEKDAYS = pd.RangeIndex(7, name="weekday")  # Monday is 0
HOURS = pd.RangeIndex(24, name="hour")


def count_by_area(incidents: pd.DataFrame, areas: pd.DataFrame, *, years: float | None = None) -> pd.DataFrame:
    """Count incidents per administrative area.

    Parameters
    ----------
    incidents
        Column `area_code`; missing where no area holds the incident.
    areas
        Columns `code` (unique), `name` and `area_km2`.
    years
        Length of the period; with it, rates are per year.

    Returns
    -------
    DataFrame
        `code, name, n, share, area_km2, per_km2`, one row per area in the order of `areas`, areas without incidents
        included; then one row with missing code and area for what lies in none of them, if there is any. `n` adds up
        to the number of incidents; `share` is of that number, `per_km2` is per year if `years` is given.
    """
    _require(incidents, "incidents", {"area_code"})
    _require(areas, "areas", {"code", "name", "area_km2"})
    n = incidents["area_code"].value_counts()
    table = areas[["code", "name", "area_km2"]].reset_index(drop=True)
    table["n"] = table["code"].map(n).fillna(0).astype("int64")
    n_outside = len(incidents) - int(table["n"].sum())
    if n_outside:
        table.loc[len(table)] = {"code": None, "name": None, "area_km2": np.nan, "n": n_outside}
        table["n"] = table["n"].astype("int64")
    table["share"] = table["n"] / max(len(incidents), 1)
    table["per_km2"] = table["n"] / table["area_km2"] / (1.0 if years is None else years)
    return table[["code", "name", "n", "share", "area_km2", "per_km2"]]


def count_by_type(incidents: pd.DataFrame) -> pd.DataFrame:
    """Count incidents per type and lane; columns `type_code, lane, n, share`, most frequent first, then by code."""
    _require(incidents, "incidents", {"type_code", "lane"})
    table = incidents.groupby(["type_code", "lane"], observed=True).size().rename("n").reset_index()
    table["share"] = table["n"] / max(len(incidents), 1)
    return table.sort_values(["n", "type_code"], ascending=[False, True], ignore_index=True)


def count_by_period(
    incidents: pd.DataFrame, *, since: datetime, until: datetime, time_zone: str, freq: str = "MS"
) -> pd.DataFrame:
    """Count incidents per month (or another pandas frequency) of the city's local time, by lane.

    Parameters
    ----------
    incidents
        Columns `received_at` (aware) and `lane`.
    since, until
        Period, half-open; periods without incidents are counted as 0.
    freq
        ``MS`` months, ``W-MON`` weeks, ``D`` days.

    Returns
    -------
    DataFrame
        One row per period (index `period`, local dates), one column per lane and `n`.
    """
    _require(incidents, "incidents", {"received_at", "lane"})
    _require_period(since, until)
    first = pd.Timestamp(since).tz_convert(time_zone).tz_localize(None).normalize()
    last = (pd.Timestamp(until) - pd.Timedelta(1, "ns")).tz_convert(time_zone).tz_localize(None)
    periods = pd.date_range(first, last, freq=freq)
    if periods.empty or periods[0] > first:  # the period starts in the middle of a month
        start = pd.date_range(end=first, periods=1, freq=freq)
        periods = pd.DatetimeIndex([*start, *periods])
    periods.name = "period"
    local = incidents["received_at"].dt.tz_convert(time_zone).dt.tz_localize(None)
    at = np.searchsorted(periods.to_numpy(), local.to_numpy(), side="right") - 1
    table = (
        pd.crosstab(pd.Index(at, name="at"), incidents["lane"].to_numpy())
        if len(incidents)
        else pd.DataFrame(index=pd.Index([], dtype="int64"))
    )
    table = table.reindex(index=range(len(periods)), fill_value=0).set_axis(periods)
    table = table.reindex(columns=sorted(set(table.columns) | {"D", "L"}), fill_value=0).astype("int64")
    table.columns.name = None
    table["n"] = table.sum(axis=1)
    return table


def hour_by_weekday(
    incidents: pd.DataFrame, *, since: datetime, until: datetime, time_zone: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count incidents per weekday and hour of the city's local time.

    Parameters
    ----------
    incidents
        Column `received_at` (aware).
    since, until
        Period, half-open.

    Returns
    -------
    counts, per_hour
        Both 7 × 24, rows Monday (0) to Sunday, columns hours 0 to 23. `per_hour` is the count divided by how often that
        hour of that weekday came in the period, so that a period of ten Mondays and nine Tuesdays compares fairly;
        missing where the hour never came.
    """
    _require(incidents, "incidents", {"received_at"})
    _require_period(since, until)
    local = incidents["received_at"].dt.tz_convert(time_zone).dt
    counts = _table(local.day_of_week.to_numpy(), local.hour.to_numpy())
    ticks = pd.date_range(pd.Timestamp(since).floor("h"), pd.Timestamp(until), freq="h", inclusive="left")
    ticks = ticks.tz_convert(time_zone)
    # Hours at both ends of the period may be in it only partly.
    hours = np.ones(len(ticks))
    if len(hours):
        hours[0] -= (pd.Timestamp(since) - ticks[0]) / pd.Timedelta(1, "h")
        hours[-1] -= (ticks[-1] + pd.Timedelta(1, "h") - pd.Timestamp(until)) / pd.Timedelta(1, "h")
    offered = _table(ticks.day_of_week.to_numpy(), ticks.hour.to_numpy(), hours)
    return counts.astype("int64"), counts / offered.where(offered > 0)


def period_of_days(first: date, last: date, *, time_zone: str) -> tuple[datetime, datetime]:
    """Return local midnight of `first` and of the day after `last`: the half-open period of whole days."""
    since = pd.Timestamp(first).tz_localize(time_zone, nonexistent="shift_forward", ambiguous=True)
    until = pd.Timestamp(last + timedelta(days=1)).tz_localize(time_zone, nonexistent="shift_forward", ambiguous=True)
    return since.to_pydatetime(), until.to_pydatetime()


def _table(weekday: NDArray[Any], hour: NDArray[Any], weights: NDArray[Any] | None = None) -> pd.DataFrame:
    cells = np.bincount(weekday * 24 + hour, weights=weights, minlength=7 * 24).reshape(7, 24)
    return pd.DataFrame(cells, index=WEEKDAYS, columns=HOURS)


def _require(frame: pd.DataFrame, name: str, columns: set[str]) -> None:
    missing = columns - set(frame.columns)
    if missing:
        raise ColumnError(f"{name}: columns {', '.join(sorted(missing))} are missing")


def _require_period(since: datetime, until: datetime) -> None:
    if since.tzinfo is None or until.tzinfo is None:
        raise DataError("since and until need a time zone")
    if until <= since:
        raise DataError(f"the period from {since} to {until} is empty; the end must be after the start")
