"""What `nearest` and `explain` print of a drive."""

from __future__ import annotations

from ops.commands import explain, nearest

BY_ROAD = {
    "name": "Pos Barat",
    "travel_time_s": 252.0,
    "travel_time_p90_s": None,
    "distance_m": 2100.0,
    "estimate": "road",
    "calibration": "none",
    "straight_line_m": 900.0,
    "straight_line_rank": 2,
    "street": "Jl. Ahmad Yani",
    "access_m": 12.4,
}
NAMELESS = BY_ROAD | {"street": None, "access_m": 3.0}
OFF_ROAD = BY_ROAD | {"estimate": "straight_line", "street": None, "access_m": None}


def test_nearest_names_the_street_the_drive_ends_on():
    _, first, second, third, *_ = nearest.describe([BY_ROAD, NAMELESS, OFF_ROAD]).splitlines()
    assert "4.2 min" in first
    assert "900 m (2.)" in first
    assert first.endswith("Jl. Ahmad Yani, 12 m away")
    assert second.endswith("a street without a name, 3 m away")
    assert third.endswith(" -")


def test_explain_names_it_too_and_only_for_drives_by_road():
    assert explain.reach(BY_ROAD) == "4.2 min (road, not calibrated), arrives on Jl. Ahmad Yani, 12 m away"
    assert explain.reach(BY_ROAD | {"travel_time_p90_s": 400.0}).endswith(
        "(road), arrives on Jl. Ahmad Yani, 12 m away"
    )
    assert explain.reach(OFF_ROAD) == "4.2 min (straight_line, not calibrated)"
    assert explain.reach({"travel_time_s": None}) == ""
