"""Counts add up to the incidents given, in the city's own hours."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from gis.analysis import count_by_area, count_by_period, count_by_type, hour_by_weekday
from gis.analysis.counts import period_of_days
from gis.errors import ColumnError, DataError

ZONE = "Asia/Makassar"
AREAS = pd.DataFrame({"code": ["a", "b", "c"], "name": ["Alolama", "Bende", "Korumba"], "area_km2": [2.0, 4.0, 1.0]})


def incidents(*rows: tuple[str, str, str, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["received_at", "type_code", "lane", "area_code"])
    frame["received_at"] = pd.to_datetime(frame["received_at"], utc=True)
    return frame


THREE = incidents(
    ("2025-12-31T16:30Z", "KBK1", "D", "a"),  # 00:30 on New Year's Day in Kendari
    ("2025-12-31T15:59Z", "UTL4", "L", "a"),
    ("2026-02-10T00:00Z", "UTL4", "L", None),  # in no area: the bay
)
YEAR_END = datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


def test_every_area_has_a_row_and_the_rows_add_up():
    table = count_by_area(THREE, AREAS, years=0.5)
    assert table["name"].tolist()[:3] == ["Alolama", "Bende", "Korumba"]
    assert table["n"].tolist() == [2, 0, 0, 1]
    assert table["n"].sum() == len(THREE)
    assert table["share"].sum() == pytest.approx(1)
    assert table["per_km2"].tolist()[:3] == [2.0, 0.0, 0.0]
    assert pd.isna(table["code"].iloc[3])
    assert pd.isna(table["per_km2"].iloc[3])


def test_no_row_for_outside_when_nothing_lies_there():
    assert len(count_by_area(THREE.iloc[:2], AREAS)) == 3


def test_no_incidents_are_zeros():
    table = count_by_area(THREE.iloc[:0], AREAS)
    assert table["n"].tolist() == [0, 0, 0]
    assert table["share"].tolist() == [0, 0, 0]


def test_types_most_frequent_first():
    table = count_by_type(THREE)
    assert table["type_code"].tolist() == ["UTL4", "KBK1"]
    assert table["n"].tolist() == [2, 1]


def test_months_are_local_and_empty_ones_are_there():
    since, until = period_of_days(date(2025, 12, 1), date(2026, 2, 28), time_zone=ZONE)
    table = count_by_period(THREE, since=since, until=until, time_zone=ZONE)
    assert [f"{day:%Y-%m}" for day in table.index] == ["2025-12", "2026-01", "2026-02"]
    assert table["n"].tolist() == [1, 1, 1]
    assert table["D"].tolist() == [0, 1, 0]
    empty = count_by_period(THREE.iloc[:0], since=since, until=until, time_zone=ZONE)
    assert empty["n"].tolist() == [0, 0, 0]
    assert {"D", "L"} <= set(empty.columns)


def test_a_period_that_starts_within_a_month_keeps_its_first_days():
    since, until = period_of_days(date(2025, 12, 20), date(2026, 1, 2), time_zone=ZONE)
    table = count_by_period(THREE.iloc[:2], since=since, until=until, time_zone=ZONE)
    assert table["n"].tolist() == [1, 1]


def test_hours_are_the_citys_and_monday_is_first():
    counts, _ = hour_by_weekday(THREE, since=YEAR_END[0], until=YEAR_END[1], time_zone=ZONE)
    assert counts.loc[3, 0] == 1  # Thursday 1 January 2026, 00:30
    assert counts.loc[2, 23] == 1  # Wednesday 31 December, 23:59
    assert counts.loc[1, 8] == 1  # Tuesday 10 February, 08:00
    assert counts.to_numpy().sum() == 3


def test_rate_divides_by_how_often_the_hour_came():
    every_hour = pd.DataFrame(
        {"received_at": pd.date_range("2026-01-01", "2026-01-15", freq="h", tz=ZONE, inclusive="left")}
    )
    since, until = period_of_days(date(2026, 1, 1), date(2026, 1, 14), time_zone=ZONE)
    _, per_hour = hour_by_weekday(every_hour, since=since, until=until, time_zone=ZONE)
    np.testing.assert_allclose(per_hour, 1.0)
    # ten days hold two Thursdays, Fridays and Saturdays, one of each other day
    since, until = period_of_days(date(2026, 1, 1), date(2026, 1, 10), time_zone=ZONE)
    counts, per_hour = hour_by_weekday(every_hour.iloc[: 24 * 10], since=since, until=until, time_zone=ZONE)
    assert counts.loc[3, 5] == 2
    np.testing.assert_allclose(per_hour, 1.0)


def test_hours_that_never_came_have_no_rate():
    since, until = datetime(2026, 1, 1, 0, 30, tzinfo=UTC), datetime(2026, 1, 1, 2, tzinfo=UTC)
    one = incidents(("2026-01-01T00:45Z", "KBK1", "D", "a"))
    counts, per_hour = hour_by_weekday(one, since=since, until=until, time_zone="UTC")
    assert counts.to_numpy().sum() == 1
    assert per_hour.loc[3, 0] == 2.0  # half an hour of it was in the period
    assert per_hour.loc[3, 1] == 0.0
    assert per_hour.notna().to_numpy().sum() == 2


def test_missing_columns_are_named():
    with pytest.raises(ColumnError, match="area_code"):
        count_by_area(pd.DataFrame({"x": [1]}), AREAS)


def test_naive_period_is_refused():
    with pytest.raises(DataError, match="time zone"):
        hour_by_weekday(THREE, since=datetime(2026, 1, 1), until=datetime(2026, 2, 1), time_zone=ZONE)
