from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest
import shapely
from drawn_networks import drawn, lonlat

from gis.errors import ConflictError
from routing_engine.dispatch.stations import StationIndex
from routing_engine.dispatch.travel import Start, reached, route, station_start
from routing_engine.network.calibration import Calibration
from routing_engine.network.closures import arc_factors, with_factors
from routing_engine.network.fields import build_field
from routing_engine.network.matrices import matrix
from routing_engine.network.snapping import snap

# A street of four kilometres, 36 km/h, and a station at each end.
GRAPH = drawn(
    {1: (0, 0), 2: (1000, 0), 3: (2000, 0), 4: (4000, 0)}, [(1, 1, 2, "both"), (2, 2, 3, "both"), (3, 3, 4, "both")]
)
PLACES = lonlat([(0, 0), (4000, 0)])
# Half a minute to set out, and the real street takes a quarter longer.
REAL = Calibration(fixed_s=30.0, factor=1.25, factors={}, bands=(0,), noise=(1.5,) * 99, calibration_id=7)


@dataclass
class City:
    settings: dict[str, Any]


@dataclass
class Snapshot:
    stations: StationIndex
    city: City


def snapshot(graph=GRAPH, calibration=None):
    rows = [
        (f"id-{code}", code, f"Pos {code}", "DMK", "fire", None, "car", *place)
        for code, place in zip("AB", PLACES.tolist(), strict=True)
    ]
    names = ["station_id", "code", "name", "agency_code", "service_code", "jurisdiction_code", "profile", "lon", "lat"]
    field = build_field(graph, snap(graph, PLACES), codes=["A", "B"])
    index = StationIndex.of(
        pd.DataFrame(rows, columns=names), {"car": field}, calibrations={"car": calibration} if calibration else {}
    )
    return Snapshot(index, City({"drive_side": "left"}))


def from_a(city):
    return station_start(city.stations, "A", "id")


def test_recorded_runs_make_seconds_and_minutes_real():
    plain, real = snapshot(), snapshot(calibration=REAL)
    end = tuple(lonlat([(3000, 0)])[0].tolist())
    modelled, calibrated = (
        route(city, from_a(city), end, profile=None, hour=9, language="en")["properties"] for city in (plain, real)
    )
    assert (modelled["travel_time_s"], modelled["travel_time_p90_s"], modelled["calibration"]) == (300.0, None, "none")
    assert calibrated["travel_time_s"] == pytest.approx(30 + 1.25 * 300)
    assert calibrated["travel_time_p90_s"] == pytest.approx(1.5 * 405)
    assert calibrated["calibration"] == "7"
    assert sum(step["travel_time_s"] for step in calibrated["steps"]) == pytest.approx(375)
    ranked = real.stations.nearest(end, service="fire", limit=2, hour=9)
    assert {one.code: one.travel_time_s for one in ranked}["A"] == pytest.approx(calibrated["travel_time_s"])

    (outline,) = reached(plain, from_a(plain), [4], profile=None, hour=9, language="id")["features"]
    soon, real_outline = reached(real, from_a(real), [5.5, 0.4], profile=None, hour=9, language="id")["features"]
    assert (soon["properties"]["minutes"], soon["geometry"]["coordinates"]) == (0.4, [])
    assert real_outline["geometry"] == outline["geometry"]
    assert real_outline["properties"]["calibration"] == "7"

    found = matrix(GRAPH, PLACES[:1], [end], calibration=REAL, hour=9)
    assert found.time_s[0, 0] == pytest.approx(405)
    assert found.p90_s[0, 0] == pytest.approx(1.5 * 405)


def test_where_a_closure_cuts_the_street_no_route_is_made_up():
    cut = snapshot(with_factors(GRAPH, arc_factors(GRAPH, [1])))
    end = tuple(lonlat([(3500, 0)])[0].tolist())
    with pytest.raises(ConflictError, match="no road"):
        route(cut, from_a(cut), end, profile=None, hour=9, language="en")
    with pytest.raises(ConflictError, match="tidak ada jalan"):
        route(cut, Start(lonlat=tuple(PLACES[0].tolist())), end, profile="car", hour=9, language="id")
    (outline,) = reached(cut, from_a(cut), [30], profile=None, hour=9, language="id")["features"]
    ground = shapely.geometry.shape(outline["geometry"])
    assert ground.covers(shapely.Point(lonlat([(900, 0)])[0]))
    assert not ground.covers(shapely.Point(end))
