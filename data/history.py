"""A synthetic history: years of incidents and the calls around them, made from a seed.

Made for demonstrations and trials of planning, never mixed up with real incidents: every row has the origin
``history`` and the pages say that it is synthetic. The same city, settings, seed and last day give the same bytes.
No caller is invented: history has no callers at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from data.history_settings import HistorySettings
from gis.errors import DataError
from gis.words import Classification, IncidentStatus

SEED = 112
DAY_S = 86_400
# Incidents gather round some places of an area: so many of them, so wide, and this part lies anywhere.
CENTRES = 5
SPREAD_M = (90.0, 320.0)
ANYWHERE = 0.25
STREET_STEP_M = 30.0
BESIDE_STREET_M = 15.0
UNFOUNDED_SHARE = 0.04
# On one day in twelve of the rainy months it pours, and types of the rain come six times as often.
STORM_SHARE = 1 / 12
STORM_FACTOR = 6.0


@dataclass(frozen=True, kw_only=True)
class History:
    """A synthetic history.

    Attributes
    ----------
    incidents
        One row per ticket in order of time: the columns of `siaga.incident` with `lon`, `lat` (EPSG:4326, six
        decimals), times as aware UTC, and `is_done`.
    calls
        One row per local day: `date, calls_in, answered, unanswered`, the classes of the answered (`emergency, service,
        information, prank, ghost, wrong_number, out_of_area, test`, which add up to `answered`) and `tickets`.
    """

    incidents: pd.DataFrame
    calls: pd.DataFrame

    def digest(self) -> str:
        """Return the SHA-256 of both tables as CSV."""
        sha = hashlib.sha256()
        for table in (self.incidents, self.calls):
            sha.update(table.to_csv(index=False, lineterminator="\n").encode())
        return sha.hexdigest()


def generate(
    areas: gpd.GeoDataFrame,
    types: pd.DataFrame,
    settings: HistorySettings,
    *,
    until: date,
    time_zone: str,
    metric_srid: int,
    number_prefix: str = "",
    streets: gpd.GeoSeries | None = None,
    seed: int = SEED,
    scale: float = 1.0,
) -> History:
    """Make a history that ends with the day before `until`.

    Parameters
    ----------
    areas
        Administrative areas (EPSG:4326): `level, code, name, parent_code, geometry`. Incidents lie in those of the
        finest level of land: those that are nobody's parent, waters apart.
    types
        `type_code, name_id, lane, severity, lead_agency`; types the settings give no weight are left out, unless the
        settings give none to any: then all count alike.
    streets
        Lines (any CRS, but set). With them, incidents happen along the streets of their area, where it has any.
    scale
        Factor on the number of calls and tickets, such as 10 to try planning at size.

    Raises
    ------
    DataError
        There is no area of land, or no type has a weight.
    """
    rng = np.random.default_rng(seed)
    cells = _finest(areas)
    types = _weighted(types, settings)
    first = until - timedelta(days=settings.days)
    days = pd.date_range(first, periods=settings.days, freq="D")
    calls = _calls(rng, days, settings, scale)
    day, kind = _tickets(rng, days, calls["tickets"].to_numpy(), types, settings)
    incidents = pd.DataFrame({"type_code": types["type_code"].to_numpy()[kind], "lane": types["lane"].to_numpy()[kind]})
    lanes = pd.crosstab(day, incidents["lane"].to_numpy())
    lanes = lanes.reindex(index=range(settings.days), columns=["D", "L"], fill_value=0)
    received = day * DAY_S + _seconds(rng, kind, types, settings)
    order = np.lexsort((np.arange(len(received)), received))
    incidents, kind, received = incidents.iloc[order].reset_index(drop=True), kind[order], received[order]
    local = pd.Timestamp(first) + pd.to_timedelta(received, unit="s")
    incidents["received_at"] = local.tz_localize(
        time_zone, nonexistent="shift_forward", ambiguous=np.ones(len(local), dtype=bool)
    ).tz_convert("UTC")
    _finish(rng, incidents, kind, types, settings, until, time_zone)
    _place(rng, incidents, cells, settings, metric_srid, streets)
    incidents["incident_id"] = _uuids(rng, incidents["received_at"])
    incidents["number"] = [f"{number_prefix}-H{number:05d}" for number in range(1, len(incidents) + 1)]
    return History(incidents=incidents, calls=_classes(rng, calls, lanes, settings))


def _finest(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the areas of land that are nobody's parent, by code."""
    land = areas[areas["level"] != "water"]
    cells = land[~land["code"].isin(set(land["parent_code"].dropna()))]
    if cells.empty:
        raise DataError("no administrative area of land; load admin_areas first")
    return cells.sort_values("code", ignore_index=True)


def _weighted(types: pd.DataFrame, settings: HistorySettings) -> pd.DataFrame:
    """Return the types that occur, by code, with their `weight`."""
    types = types.sort_values("type_code", ignore_index=True)
    known = types["type_code"].map(dict(settings.types)) if settings.types else pd.Series(1.0, index=types.index)
    types = types.assign(weight=known.fillna(0.0).astype(float))
    types = types[types["weight"] > 0].reset_index(drop=True)
    if types.empty:
        raise DataError("history.toml gives no type of this city a weight; name its own type codes under [types]")
    return types


def _calls(rng: Generator, days: pd.DatetimeIndex, settings: HistorySettings, scale: float) -> pd.DataFrame:
    """Return calls, unanswered calls and tickets per day."""
    n = len(days)
    trend = np.linspace(*settings.trend, n) if n > 1 else np.ones(n)
    week = np.array([1.02, 1.0, 1.0, 1.0, 1.04, 1.02, 0.92])[days.day_of_week]
    # Days differ more than chance alone would make them: gamma with a spread of 12 %.
    wobble = rng.gamma(1 / 0.12**2, 0.12**2, n)
    calls_in = rng.poisson(settings.calls_per_day * scale * trend * week * wobble)
    unanswered = rng.binomial(calls_in, rng.uniform(*settings.unanswered_share, n))
    answered = calls_in - unanswered
    share = np.divide(settings.ticket_share * calls_in, answered, out=np.zeros(n), where=answered > 0)
    tickets = rng.binomial(answered, np.minimum(share, 1.0))
    return pd.DataFrame(
        {
            "date": days.strftime("%Y-%m-%d"),
            "calls_in": calls_in,
            "answered": answered,
            "unanswered": unanswered,
            "tickets": tickets,
        }
    )


def _tickets(
    rng: Generator,
    days: pd.DatetimeIndex,
    tickets: NDArray[np.int64],
    types: pd.DataFrame,
    settings: HistorySettings,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return day and type (both as positions) of every ticket, by day."""
    seasons = [settings.season(code) for code in types["type_code"]]
    months = np.array([season.months for season in seasons])[:, days.month - 1].T
    rainy = np.array([season.storms for season in seasons])
    storm = rng.random(len(days)) < STORM_SHARE
    # With the factor on stormy days and this one on the others, the month's mean stays as set.
    calm = (1 - STORM_SHARE * STORM_FACTOR) / (1 - STORM_SHARE)
    weather = np.where(rainy, np.where(storm, STORM_FACTOR, calm)[:, None], 1.0)
    rate = types["weight"].to_numpy() * months * weather
    total = rate.sum(axis=1, keepdims=True)
    if (total == 0).any():
        months_without = sorted(set(days.month[total[:, 0] == 0].tolist()))
        raise DataError(f"history.toml: no type occurs in month {', '.join(map(str, months_without))}; see [[seasons]]")
    each = rng.multinomial(tickets, rate / total)
    day, kind = np.nonzero(each)
    return np.repeat(day, each[day, kind]), np.repeat(kind, each[day, kind])


def _seconds(
    rng: Generator, kind: NDArray[np.int64], types: pd.DataFrame, settings: HistorySettings
) -> NDArray[np.int64]:
    """Return the second of the day of every ticket."""
    weights = np.array([settings.hour_weights(row.type_code, row.lane) for row in types.itertuples()], dtype=float)
    steps = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    hour = (rng.random(len(kind))[:, None] >= steps[kind][:, :-1]).sum(axis=1)
    return hour * 3600 + rng.integers(0, 3600, len(kind))


def _finish(
    rng: Generator,
    incidents: pd.DataFrame,
    kind: NDArray[np.int64],
    types: pd.DataFrame,
    settings: HistorySettings,
    until: date,
    time_zone: str,
) -> None:
    """Add severity, status, closing and the texts."""
    n = len(incidents)
    lane = incidents["lane"].to_numpy()
    severity = types["severity"].to_numpy()[kind] + np.where(
        lane == "D", rng.choice([-1, 0, 1], n, p=[0.05, 0.8, 0.15]), 0
    )
    incidents["severity"] = np.clip(severity, 1, 4)
    done_share = types["lead_agency"].map(dict(settings.done)).fillna(settings.done["default"]).to_numpy()[kind]
    is_unfounded = rng.random(n) < UNFOUNDED_SHARE
    is_done = (rng.random(n) < done_share) & ~is_unfounded
    median_s = np.array([settings.closing[one].median_s for one in ("D", "L")])[(lane == "L").astype(int)]
    sigma = np.array([settings.closing[one].sigma for one in ("D", "L")])[(lane == "L").astype(int)]
    took = np.round(median_s * np.exp(sigma * rng.standard_normal(n)))
    # What nobody did is closed by the monthly review, what was nothing within the hour.
    took = np.where(is_unfounded, rng.integers(900, 3600, n), np.where(is_done, took, 30 * DAY_S))
    end = pd.Timestamp(until).tz_localize(time_zone).tz_convert("UTC")
    left = ((end - incidents["received_at"]).dt.total_seconds()).to_numpy()
    # The history is over at its end: what would close later closes in the time that is left.
    took = np.where(took < left, took, np.floor(left * rng.random(n)))
    incidents["closed_at"] = incidents["received_at"] + pd.to_timedelta(took, unit="s")
    incidents["is_done"] = is_done
    incidents["status"] = np.where(is_unfounded, IncidentStatus.UNFOUNDED.value, IncidentStatus.CLOSED.value)
    incidents["result"] = np.select([is_unfounded, is_done], ["unfounded", "handled"], "not_handled")
    incidents["classification"] = np.where(lane == "D", Classification.EMERGENCY.value, Classification.SERVICE.value)
    before = np.where(lane == "D", rng.integers(30, 900, n), rng.integers(600, 2 * DAY_S, n))
    incidents["occurred_at"] = incidents["received_at"] - pd.to_timedelta(before, unit="s")
    incidents["n_reports"] = 1 + rng.poisson(np.where(incidents["severity"] == 1, 0.9, 0.08))
    incidents["description"] = types["name_id"].to_numpy()[kind]


def _place(
    rng: Generator,
    incidents: pd.DataFrame,
    cells: gpd.GeoDataFrame,
    settings: HistorySettings,
    metric_srid: int,
    streets: gpd.GeoSeries | None,
) -> None:
    """Add position, accuracy and the name of the area."""
    metric = cells.geometry.to_crs(metric_srid)
    shapes = metric.to_numpy()
    shapely.prepare(shapes)
    everything = shapely.union_all(shapes)
    shapely.prepare(everything)
    cell = _choose_cells(rng, incidents["type_code"].to_numpy(), cells, metric.area.to_numpy(), settings)
    along = np.empty((0, 2)) if streets is None else _street_points(streets.to_crs(metric_srid))
    xy = np.empty((len(incidents), 2))
    for number, shape in enumerate(shapes):
        mine = np.flatnonzero(cell == number)
        xy[mine] = _in_cell(rng, shape, along[_in(shape, along)], len(mine))
    method = rng.choice(
        len(settings.positions),
        len(incidents),
        p=np.array([one.share for one in settings.positions]) / sum(one.share for one in settings.positions),
    )
    low, high = np.array([one.accuracy_m for one in settings.positions]).T
    accuracy = np.round(np.exp(rng.uniform(np.log(low)[method], np.log(high)[method])))
    noted = _blur(rng, xy, accuracy, everything)
    lonlat = gpd.GeoSeries.from_xy(*noted.T, crs=metric_srid).to_crs(4326).get_coordinates().round(6)
    # Rounding moves a point by up to 6 cm: the few it puts across the line of the city take their cell's inner point.
    land = shapely.union_all(cells.geometry.to_numpy())
    shapely.prepare(land)
    lon, lat = lonlat["x"].to_numpy().copy(), lonlat["y"].to_numpy().copy()
    lost = np.flatnonzero(~shapely.intersects_xy(land, lon, lat))
    inner = shapely.get_coordinates(shapely.point_on_surface(cells.geometry.to_numpy()[cell[lost]])).round(6)
    lon[lost], lat[lost] = inner[:, 0], inner[:, 1]
    incidents["lon"], incidents["lat"] = lon, lat
    incidents["accuracy_m"] = accuracy
    incidents["location_method"] = np.array([one.method.value for one in settings.positions])[method]
    incidents["location_text"] = cells["name"].to_numpy()[cell]


def _choose_cells(
    rng: Generator,
    type_codes: NDArray[np.str_],
    cells: gpd.GeoDataFrame,
    area_m2: NDArray[np.float64],
    settings: HistorySettings,
) -> NDArray[np.int64]:
    """Return the area of every incident, as position in `cells`."""
    size = pd.Series(np.sqrt(area_m2), index=cells.index)
    chosen = np.empty(len(type_codes), dtype=np.int64)
    for code in np.unique(type_codes):
        weights = settings.area_weights(code)
        # An area's own weight, else its part of its parent's; without any weight, by size.
        own = cells["code"].map(dict(weights))
        parent = cells["parent_code"].map(dict(weights)) * size / size.groupby(cells["parent_code"]).transform("sum")
        weight = own.fillna(parent).fillna(0.0).to_numpy(dtype=float)
        if weight.sum() <= 0:
            weight = size.to_numpy()
        mine = np.flatnonzero(type_codes == code)
        chosen[mine] = rng.choice(len(cells), len(mine), p=weight / weight.sum())
    return chosen


def _street_points(streets: gpd.GeoSeries) -> NDArray[np.float64]:
    """Return points every `STREET_STEP_M` along lines (metres); shape ``(n, 2)``."""
    dense = shapely.segmentize(streets.to_numpy(), STREET_STEP_M)
    return shapely.get_coordinates(dense)


def _in_cell(rng: Generator, shape: shapely.Geometry, along: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return `n` points of an area (metres): most gather round a few centres, the others lie anywhere.

    With street points (`along`), all of them are beside a street.
    """

    def anywhere(wanted: int) -> NDArray[np.float64]:
        if len(along):
            return along[rng.integers(len(along), size=wanted)]
        return _keep(
            wanted,
            lambda missing: rng.uniform(shape.bounds[:2], shape.bounds[2:], (3 * missing + 8, 2)),
            lambda xy: _in(shape, xy),
        )

    centres = anywhere(CENTRES)
    popular = 1.0 / np.arange(1, CENTRES + 1)
    popular /= popular.sum()
    spread = rng.uniform(*SPREAD_M, CENTRES)

    def near(wanted: int) -> NDArray[np.float64]:
        which = rng.choice(CENTRES, 2 * wanted + 8, p=popular)
        return centres[which] + rng.standard_normal((len(which), 2)) * spread[which, None]

    n_anywhere = int(rng.binomial(n, ANYWHERE))
    xy = np.concatenate([anywhere(n_anywhere), _keep(n - n_anywhere, near, lambda xy: _in(shape, xy))])
    if len(along) and n:
        street = along[cKDTree(along).query(xy)[1]]
        beside = street + rng.standard_normal((n, 2)) * BESIDE_STREET_M
        xy = np.where(_in(shape, beside)[:, None], beside, street)
    return rng.permutation(xy)


def _blur(
    rng: Generator, xy: NDArray[np.float64], accuracy: NDArray[np.float64], everything: shapely.Geometry
) -> NDArray[np.float64]:
    """Move points as far as their accuracy says (the radius that holds 95 %), but not out of the city."""
    noted = xy.copy()
    waiting = np.arange(len(xy))
    for _ in range(20):
        moved = xy[waiting] + rng.standard_normal((len(waiting), 2)) * (accuracy[waiting] / 2.45)[:, None]
        inside = _in(everything, moved)
        noted[waiting[inside]] = moved[inside]
        waiting = waiting[~inside]
        if not len(waiting):
            break
    return noted


def _in(shape: shapely.Geometry, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    return shapely.contains_xy(shape, xy[:, 0], xy[:, 1])


def _keep(n: int, draw, is_good) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    """Draw until `n` points are good."""
    kept: list[NDArray[np.float64]] = []
    while (missing := n - sum(map(len, kept))) > 0:
        xy = draw(missing)
        kept.append(xy[is_good(xy)][:missing])
    return np.concatenate(kept) if kept else np.empty((0, 2))


def _uuids(rng: Generator, times: pd.Series) -> list[str]:
    """Return version-7 uuids: the millisecond of the report, then bits of the generator."""
    stamps = times.astype("datetime64[ms, UTC]").astype("int64").tolist()
    noise = rng.bytes(10 * len(stamps))

    def each() -> Iterator[str]:
        for number, stamp in enumerate(stamps):
            value = (stamp << 80) | int.from_bytes(noise[10 * number : 10 * number + 10], "big")
            value = (value & ~(0xF << 76)) | (0x7 << 76)
            value = (value & ~(0x3 << 62)) | (0x2 << 62)
            text = f"{value:032x}"
            yield f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    return list(each())


def _classes(rng: Generator, calls: pd.DataFrame, lanes: pd.DataFrame, settings: HistorySettings) -> pd.DataFrame:
    """Split the answered calls that became no ticket into classes."""
    names = list(settings.class_shares)
    free = calls["answered"].to_numpy() - calls["tickets"].to_numpy()
    # The shares are of all calls; the calls here are only those answered and not ticketed.
    share = np.array(list(settings.class_shares.values())) / (
        1 - np.mean(settings.unanswered_share) - settings.ticket_share
    )
    split = rng.multinomial(free, np.append(share, 1 - share.sum()))
    table = calls[["date", "calls_in", "answered", "unanswered"]].copy()
    table["emergency"], table["service"] = lanes["D"].to_numpy(), lanes["L"].to_numpy()
    table["information"] = split[:, -1]
    for position, name in enumerate(names):
        table[name] = split[:, position]
    table["tickets"] = calls["tickets"].to_numpy()
    return table
