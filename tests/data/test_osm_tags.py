"""Who may drive a way, which way, how fast: one rule at a time."""

from __future__ import annotations

import pytest

from data.osm_nodes import read_point
from data.osm_tags import LeftOut, Way, is_relevant, read_way

CAR, MOTORCYCLE, EMERGENCY, ALL = 1, 2, 4, 7
STREET = {"highway": "residential"}


def way(**tags: str) -> Way:
    read = read_way({key.replace("__", ":"): value for key, value in (STREET | tags).items()})
    assert isinstance(read, Way), read
    return read


def access(**tags: str) -> tuple[int, int]:
    read = read_way({key.replace("__", ":"): value for key, value in (STREET | tags).items()})
    return (read.access_forward, read.access_backward) if isinstance(read, Way) else (0, 0)


@pytest.mark.parametrize(
    ("tags", "bits"),
    [
        ({}, (ALL, ALL)),
        ({"oneway": "yes"}, (ALL, 0)),
        ({"oneway": "1"}, (ALL, 0)),
        ({"oneway": "true"}, (ALL, 0)),
        ({"oneway": "-1"}, (0, ALL)),
        ({"oneway": "reverse"}, (0, ALL)),
        ({"oneway": "no"}, (ALL, ALL)),
        ({"oneway": "alternating"}, (ALL, ALL)),
        ({"oneway": "reversible"}, (0, 0)),
        ({"junction": "roundabout"}, (ALL, 0)),
        ({"junction": "circular"}, (ALL, 0)),
        ({"junction": "roundabout", "oneway": "no"}, (ALL, ALL)),
        ({"highway": "motorway"}, (ALL, 0)),
        ({"highway": "motorway", "oneway": "no"}, (ALL, ALL)),
        ({"highway": "motorway_link"}, (ALL, ALL)),
        ({"oneway": "yes", "oneway__motorcycle": "no"}, (ALL, MOTORCYCLE)),
        ({"oneway": "yes", "oneway__emergency": "no"}, (ALL, EMERGENCY)),
        ({"oneway": "yes", "oneway__psv": "no"}, (ALL, EMERGENCY)),
        ({"oneway": "yes", "oneway__bus": "no"}, (ALL, EMERGENCY)),
        ({"oneway": "yes", "oneway__bicycle": "no"}, (ALL, 0)),
        ({"oneway": "no", "oneway__motor_vehicle": "yes"}, (ALL, 0)),
        ({"oneway": "yes", "busway": "opposite_lane"}, (ALL, EMERGENCY)),
        ({"oneway": "yes", "busway__left": "opposite_lane"}, (ALL, EMERGENCY)),
        ({"oneway": "yes", "lanes__psv__backward": "1"}, (ALL, EMERGENCY)),
        ({"oneway": "yes", "lanes__bus__backward": "0"}, (ALL, 0)),
        ({"oneway": "yes", "bus__lanes__backward": "designated|no"}, (ALL, EMERGENCY)),
        ({"oneway": "yes", "motorcycle__backward": "yes"}, (ALL, MOTORCYCLE)),
        ({"oneway": "-1", "motorcycle__forward": "yes"}, (MOTORCYCLE, ALL)),
        ({"oneway": "yes", "bus__backward": "designated"}, (ALL, EMERGENCY)),
    ],
)
def test_directions(tags, bits):
    assert access(**tags) == bits


@pytest.mark.parametrize(
    ("tags", "bits"),
    [
        ({"access": "no"}, 0),
        ({"access": "yes", "motor_vehicle": "no"}, 0),
        ({"access": "no", "motor_vehicle": "yes"}, ALL),
        ({"access": "no", "motorcar": "yes"}, CAR | EMERGENCY),
        ({"motorcar": "no"}, MOTORCYCLE),
        ({"motorcycle": "no"}, CAR | EMERGENCY),
        ({"vehicle": "no", "motorcycle": "yes"}, MOTORCYCLE),
        ({"access": "private"}, ALL),
        ({"access": "military"}, 0),
        ({"access": "emergency"}, EMERGENCY),
        ({"access": "psv"}, EMERGENCY),
        ({"access": "no", "psv": "yes"}, EMERGENCY),
        ({"motor_vehicle": "no", "bus": "designated"}, EMERGENCY),
        ({"access": "no", "emergency": "yes"}, EMERGENCY),
        ({"emergency": "no"}, CAR | MOTORCYCLE),
        ({"motor_vehicle": "agricultural"}, EMERGENCY),
        ({"motor_vehicle": "agricultural;forestry"}, EMERGENCY),
        ({"motor_vehicle": "agricultural;destination"}, ALL),
        ({"access": "unknown"}, ALL),
        ({"access": "fish"}, ALL),
        ({"motor_vehicle": "unknown", "access": "no"}, 0),
        ({"highway": "service", "service": "emergency_access"}, EMERGENCY),
        ({"highway": "service", "service": "emergency_access", "motor_vehicle": "yes"}, ALL),
        ({"highway": "busway"}, EMERGENCY),
        ({"highway": "busway", "emergency": "no"}, 0),
        ({"highway": "bus_guideway"}, EMERGENCY),
        ({"highway": "pedestrian"}, 0),
        ({"highway": "pedestrian", "access": "yes"}, 0),
        ({"highway": "pedestrian", "motor_vehicle": "delivery"}, ALL),
        ({"highway": "footway", "emergency": "designated"}, EMERGENCY),
        ({"highway": "path", "motorcycle": "yes"}, MOTORCYCLE),
        ({"highway": "path", "motor_vehicle": "yes"}, ALL),
        ({"highway": "path"}, 0),
        ({"highway": "cycleway", "bicycle": "designated"}, 0),
    ],
)
def test_access(tags, bits):
    assert access(**tags) == (bits, bits)


def test_access_each_way():
    assert access(motor_vehicle__backward="no") == (ALL, 0)
    assert access(access="no", motor_vehicle__forward="yes") == (ALL, 0)


@pytest.mark.parametrize(
    ("tags", "limited"),
    [
        ({}, None),
        ({"access": "destination"}, "destination"),
        ({"access": "private"}, "private"),
        ({"motor_vehicle": "customers"}, "customers"),
        ({"access": "private", "motor_vehicle": "yes"}, None),
        ({"access": "yes;destination"}, None),
    ],
)
def test_what_may_be_entered_and_not_passed_through(tags, limited):
    assert way(**tags).limited == limited


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"highway": "construction"}, "construction"),
        ({"highway": "steps"}, "steps"),
        ({"highway": "motroway"}, "unknown"),
        ({"highway": "pedestrian", "area": "yes"}, "area"),
        ({"route": "ferry"}, "ferry"),
        ({"route": "bus"}, "no street"),
        ({"highway": "residential", "access": "no"}, "residential closed to vehicles"),
        ({"highway": "primary", "oneway": "reversible"}, "reversible"),
    ],
)
def test_what_is_no_street(tags, reason):
    read = read_way(tags)
    assert isinstance(read, LeftOut)
    assert read.reason == reason
    assert bool(read.doubts) == (tags.get("highway") == "motroway")


def test_ferries_only_when_asked_for():
    read = read_way({"route": "ferry", "duration": "00:30", "motor_vehicle": "yes"}, with_ferries=True)
    assert isinstance(read, Way)
    assert (read.road_class, read.duration_s) == ("ferry", 1800)
    assert isinstance(read_way({"route": "ferry", "motor_vehicle": "no"}, with_ferries=True), LeftOut)


def test_limits_each_way():
    assert (way().speed_kph, way().speed_backward_kph) == (None, None)
    assert (way(maxspeed="50").speed_kph, way(maxspeed="50").speed_backward_kph) == (50, None)
    both = way(maxspeed="50", maxspeed__backward="30")
    assert (both.speed_kph, both.speed_backward_kph) == (50, 30)
    assert way(source__maxspeed="ID:urban").speed_kph == 50
    assert way(maxspeed="60", source__maxspeed="ID:urban").speed_kph == 60
    assert way(source__maxspeed="sign").doubts == ()


def test_widths():
    assert way(width="3").width_m == 3
    assert way(est_width="2.5").width_m == 2.5
    assert way(width="3", est_width="2").width_m == 3
    assert way(width="3", maxwidth__physical="2.2").width_m == 2.2
    assert (way(maxwidth="2.3").width_m, way(maxwidth="2.3").max_width_m) == (None, 2.3)


def test_the_rest():
    read = way(bridge="yes", layer="1", surface="asphalt;gravel", toll="yes")
    assert (read.is_bridge, read.is_tunnel, read.layer, read.surface, read.is_toll) == (True, False, 1, "asphalt", True)
    assert way(tunnel="yes", layer="-1").is_tunnel
    assert not way(tunnel="culvert").is_tunnel
    assert not way(bridge="no").is_bridge
    assert way(highway="service", service="alley").service_kind == "alley"
    assert way(highway="primary_link").road_class == "primary_link"
    assert way(highway="road").road_class == "unclassified"
    assert way(junction="roundabout").is_roundabout


@pytest.mark.parametrize(
    ("tags", "key"),
    [
        ({"maxspeed": "fast"}, "maxspeed"),
        ({"width": "narrow"}, "width"),
        ({"oneway": "maybe"}, "oneway"),
        ({"access": "fish"}, "access"),
        ({"layer": "up"}, "layer"),
        ({"layer": "nan"}, "layer"),
        ({"junction": "roundabout", "oneway": "-1"}, "oneway"),
        ({"highway": "motorway_link"}, "oneway"),
        ({"access__conditional": "no @ (22:00-06:00)"}, "access:conditional"),
    ],
)
def test_what_is_not_understood_is_said(tags, key):
    assert [doubt.key for doubt in way(**tags).doubts] == [key]


def test_only_tags_that_matter_tell_ways_apart():
    assert not any(map(is_relevant, ("name", "ref", "lit", "note", "lanes", "sidewalk", "building")))
    assert all(map(is_relevant, ("highway", "oneway:psv", "maxspeed:forward", "motor_vehicle:conditional")))


@pytest.mark.parametrize(
    ("tags", "stops"),
    [
        ({"barrier": "bollard"}, CAR | EMERGENCY),
        ({"barrier": "bollard", "motorcycle": "no"}, ALL),
        ({"barrier": "bollard", "bollard": "rising"}, 0),
        ({"barrier": "bollard", "bollard": "removable"}, CAR),
        ({"barrier": "bollard", "emergency": "yes"}, CAR),
        ({"barrier": "bollard", "bus": "yes"}, CAR),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, 0),
        ({"barrier": "block"}, CAR | EMERGENCY),
        ({"barrier": "cycle_barrier"}, ALL),
        ({"barrier": "jersey_barrier"}, ALL),
        ({"barrier": "what is this"}, ALL),
        ({"barrier": "gate"}, 0),
        ({"barrier": "lift_gate"}, 0),
        ({"barrier": "toll_booth"}, 0),
        ({"barrier": "gate", "access": "no"}, ALL),
        ({"barrier": "gate", "access": "private"}, 0),
        ({"barrier": "gate", "locked": "yes"}, ALL),
        ({"barrier": "gate", "locked": "yes", "access": "private"}, ALL),
        ({"barrier": "gate", "locked": "yes", "emergency": "yes"}, CAR | MOTORCYCLE),
        ({"barrier": "gate", "access": "no", "emergency": "yes"}, CAR | MOTORCYCLE),
        ({"barrier": "gate", "motor_vehicle": "agricultural"}, CAR | MOTORCYCLE),
        ({"barrier": "gate", "motorcar": "no"}, CAR | EMERGENCY),
        ({"barrier": "kerb"}, ALL),
        ({"barrier": "kerb", "kerb": "lowered"}, 0),
        ({"motor_vehicle": "no"}, ALL),
        ({"highway": "crossing", "motor_vehicle": "no"}, 0),
        ({}, 0),
    ],
)
def test_barriers(tags, stops):
    assert read_point(tags).stops == stops


def test_signals_and_level_crossings():
    assert read_point({"highway": "traffic_signals"}).signal == "both"
    assert read_point({"highway": "traffic_signals", "traffic_signals:direction": "forward"}).signal == "forward"
    assert read_point({"highway": "traffic_signals", "direction": "backward"}).signal == "backward"
    assert read_point({"highway": "crossing", "crossing": "traffic_signals"}).signal is None
    assert read_point({"railway": "level_crossing"}).is_level_crossing
    assert read_point({"highway": "crossing"}).is_plain
