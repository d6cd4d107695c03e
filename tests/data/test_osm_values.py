"""Numbers in OpenStreetMap tags."""

from __future__ import annotations

import pytest

from data.osm_values import duration_s, speed_kph, width_m


@pytest.mark.parametrize(
    ("value", "kph"),
    [
        ("50", 50),
        (" 50 ", 50),
        ("50 km/h", 50),
        ("50kmh", 50),
        ("30 mph", 48.28),
        ("30mph", 48.28),
        ("20 knots", 37.04),
        ("walk", 7),
        ("none", None),
        ("signals", None),
        ("unknown", None),
        ("50;30", 30),
        ("30|50", 30),
        ("none;80", 80),
        ("DE:urban", 50),
        ("de:rural", 100),
        ("DE:motorway", None),
        ("ID:urban", 50),
        ("ID:motorway", 100),
        ("XX:rural", 90),
        ("DE:zone:30", 30),
        ("IT:zone30", 30),
        ("DE:30", 30),
        ("UK:nsl_single", 96.56),
        ("GB:nsl_dual", 112.65),
        ("DE:living_street", 7),
        ("RU:urban", 60),
    ],
)
def test_speed_limits(value, kph):
    assert speed_kph(value) == (kph, True)


@pytest.mark.parametrize("value", ["fast", "", "50 furlongs", "-30", "5000", "1", "30 mps", "zone", "DE:", "50 50"])
def test_what_is_no_speed_limit_is_not_taken_for_one(value):
    assert speed_kph(value) == (None, False)


def test_of_several_the_one_that_is_understood_is_kept_and_the_doubt_too():
    assert speed_kph("50;fast") == (50, False)


@pytest.mark.parametrize(
    ("value", "metres"),
    [
        ("3", 3),
        ("2.5 m", 2.5),
        ("2,5", 2.5),
        ("2,5 m", 2.5),
        ("250 cm", 2.5),
        ("10 ft", 3.05),
        ("8'6\"", 2.59),
        ("8'", 2.44),
        ('96"', 2.44),
        ("3;2.5", 2.5),
        ("narrow", None),
        ("0", None),
        ("200", None),
        ("-2", None),
        ("3;wide", None),
        ("", None),
    ],
)
def test_widths(value, metres):
    assert width_m(value) == metres


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("20", 1200), ("0:20", 1200), ("01:30", 5400), ("1:30:10", 5410), ("PT1H30M", 5400), ("soon", None), ("0", None)],
)
def test_durations(value, seconds):
    assert duration_s(value) == seconds
