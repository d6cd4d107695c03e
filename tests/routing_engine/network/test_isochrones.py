from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import shapely
from drawn_networks import SRID, built, drawn, lonlat, networks
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from positions import on_edges

from gis.errors import NetworkError
from routing_engine.network import lattice as lattices
from routing_engine.network.closures import arc_factors, with_factors
from routing_engine.network.fields import build_field
from routing_engine.network.isochrones import JUMP_S, arrival_surface, isochrones, street_times, street_times_of
from routing_engine.network.lattice import CELL_M, REACH_M, lattice_around, spread_m
from routing_engine.network.projection import to_lonlat, to_metric
from routing_engine.network.snapping import Snapped, snap

# A bay, 1,200 m wide and open to the south, with a road along its shore; 36 km/h.
BAY = {1: (0, 0), 2: (0, 2000), 3: (1200, 2000), 4: (1200, 0)}
SHORE = [(10, 1, 2, "both"), (11, 2, 3, "both"), (12, 3, 4, "both")]


def reached(graph, place, minutes):
    """The polygons from a place given in metres."""
    start = snap(graph, lonlat([place]))
    return [one.polygon for one in isochrones(street_times(graph, start, limit_s=60 * max(minutes) + JUMP_S), minutes)]


def holds(polygon, place):
    return polygon.covers(shapely.Point(lonlat([place])[0]))


def in_metres(polygon):
    return shapely.transform(polygon, lambda degrees: to_metric(degrees, SRID))


def test_a_straight_road_is_reached_as_far_as_one_drives():
    graph = drawn({1: (0, 0), 2: (3000, 0)}, [(10, 1, 2, "both")])
    (polygon,) = reached(graph, (0, 0), [2])
    # 10 m/s for 120 s; beside the road 10 km/h, so that the tip is thin, and the lattice sees points of it.
    assert holds(polygon, (1130, 0))
    assert not holds(polygon, (1230, 0))
    assert holds(polygon, (600, 75))
    assert not holds(polygon, (600, REACH_M))
    west, south, east, north = in_metres(polygon).bounds
    assert east - west == pytest.approx(1200 + spread_m(CELL_M), abs=3 * CELL_M)
    assert (north - south) / 2 < REACH_M


def test_nobody_drives_over_the_bay():
    graph = drawn(BAY, SHORE)
    near, far = reached(graph, (0, 0), [4, 20])
    for polygon in (near, far):
        assert polygon.is_valid
        assert holds(polygon, (0, 1000))
        for y in range(0, 1800, 100):
            assert not polygon.intersects(shapely.LineString(lonlat([(REACH_M, y), (1200 - REACH_M, y)])))
    # The other shore is 1.2 km away and 5.2 km of road.
    assert not holds(near, (1200, 200))
    assert holds(far, (1200, 200))
    assert holds(far.convex_hull, (600, 1000))
    assert not holds(far, (600, 1000))


def test_against_a_one_way_nothing_is_reached():
    ring = {1: (0, 0), 2: (2000, 0), 3: (2000, 2000), 4: (0, 2000)}
    graph = drawn(ring, [(1, 1, 2, "forward"), (2, 2, 3, "forward"), (3, 3, 4, "forward"), (4, 4, 1, "forward")])
    (polygon,) = reached(graph, (1000, 0), [2])
    assert holds(polygon, (2000, 100))
    assert not holds(polygon, (900, 0))
    assert holds(reached(graph, (1000, 0), [14])[0], (900, 0))


def test_behind_a_closure_the_ground_stays_bare():
    graph = drawn(BAY, SHORE)
    closed = with_factors(graph, arc_factors(graph, [1]))
    (polygon,) = reached(closed, (0, 0), [20])
    assert holds(polygon, (0, 1000))
    # Into the closed street one gets at a walking pace, as far as that goes; through it one does not.
    (sooner,) = reached(closed, (0, 0), [5])
    assert holds(sooner, (150, 2000))
    assert not holds(sooner, (500, 2000))
    assert not holds(polygon, (1200, 1000))
    assert holds(reached(graph, (0, 0), [20])[0], (1200, 1000))


@settings(max_examples=60, deadline=None)
@given(networks(), st.lists(st.integers(1, 20), min_size=2, max_size=4, unique=True), st.floats(0, 1), st.floats(0, 80))
def test_polygons_are_valid_nested_and_near_streets(tables, quarters, part, access):
    graph = built(*tables)
    assume(len(graph.main_edges) > 0)
    minutes = [quarter / 4 for quarter in quarters]
    times = street_times(graph, on_edges(graph, [(0, part, access)]), limit_s=60 * max(minutes) + JUMP_S)
    found = {one.minutes: one for one in isochrones(times, minutes)}
    assert list(found) == minutes
    streets = shapely.buffer(shapely.union_all(graph.main_lines), REACH_M + 0.2)
    for small, large in zip(sorted(minutes), sorted(minutes)[1:], strict=False):
        # Degrees are rounded to a decimetre.
        beyond = in_metres(found[small].polygon).difference(in_metres(found[large].polygon).buffer(0.2))
        assert beyond.is_empty
    for one in found.values():
        assert one.polygon.geom_type == "MultiPolygon"
        assert one.polygon.is_valid
        assert in_metres(one.polygon).difference(streets).is_empty
        assert in_metres(one.polygon).area / 1e6 == pytest.approx(one.area_km2, abs=0.002)
        (alone,) = isochrones(street_times(graph, times.start, limit_s=60 * one.minutes + JUMP_S), [one.minutes])
        assert alone.polygon.wkb == one.polygon.wkb


@settings(max_examples=40, deadline=None)
@given(networks(), st.floats(0, 1), st.floats(0, 80))
def test_the_surface_is_the_travel_time_of_every_point(tables, part, access):
    graph = built(*tables)
    assume(len(graph.main_edges) > 0)
    start = on_edges(graph, [(0, part, access)])
    times = street_times(graph, start, limit_s=np.inf)
    lattice = lattice_around(graph, graph.main_edges)
    surface, left, bottom = arrival_surface(times, lattice, graph.main_edges)
    row, column = np.indices(surface.shape)
    xy_m = np.column_stack([left + CELL_M * column.ravel(), bottom + CELL_M * row.ravel()])
    reach_m = spread_m(CELL_M)
    places = snap(graph, to_lonlat(xy_m, SRID), limit_m=reach_m, n_candidates=1)
    inside = (places.distance_m[:, 0] < reach_m - 0.01) | ~places.is_on_road
    seconds = surface.ravel()
    assert np.isfinite(seconds[inside & places.is_on_road]).mean() > 0.99
    assert not np.isfinite(seconds[~places.is_on_road & ~_nearly(graph, xy_m, reach_m)]).any()
    expected = build_field(graph, start).travel_times(places)[:, 0]
    first_column, first_row = lattice.window(graph.main_edges, REACH_M)[:2]
    segment = lattice.segment[(first_row + row.ravel()) * lattice.n_columns + first_column + column.ravel()]
    # Two streets, or two bends of one, may be equally near; at home a field forgives a metre against a one-way.
    same = (segment >= 0) & places.is_on_road & (lattice.vertex_edge[segment] == places.edge[:, 0])
    same &= places.edge[:, 0] != start.edge[0, 0]
    vertex = np.maximum(segment, 0)
    lines = shapely.linestrings(np.stack([graph.vertex_xy_m[vertex], graph.vertex_xy_m[vertex + 1]], axis=1))
    along = lattice.vertex_along[vertex] + shapely.line_locate_point(lines, shapely.points(xy_m))
    drawn_m = lattice.edge_drawn[lattice.vertex_edge[vertex]]
    same &= np.abs(along - places.fraction[:, 0] * drawn_m) < 0.01
    assert np.allclose(seconds[same], expected[same], rtol=1e-6, atol=1e-3)


def _nearly(graph, xy_m, reach_m):
    away = shapely.distance(shapely.points(xy_m), shapely.union_all(graph.main_lines))
    return np.abs(away - reach_m) < 0.01


def test_a_stations_outline_is_the_same_from_its_field():
    graph = drawn(BAY, SHORE)
    start = snap(graph, lonlat([(5000, 5000), (20, 700)]))
    field = build_field(graph, start)
    assert not start.is_on_road[0]
    of_field = isochrones(street_times_of(field, 1), [3, 6])
    searched = isochrones(street_times(graph, snap(graph, lonlat([(20, 700)])), limit_s=600.0), [3, 6])
    for one, two in zip(of_field, searched, strict=True):
        difference = in_metres(one.polygon).symmetric_difference(in_metres(two.polygon))
        # Fields are kept in single precision.
        assert difference.area < 1e-3 * in_metres(two.polygon).area
    assert all(one.polygon.is_empty for one in isochrones(street_times_of(field, 0), [3]))


def test_a_network_too_large_for_one_lattice_is_looked_at_through_a_window(monkeypatch):
    graph = drawn(BAY | {5: (30_000, 0)}, [*SHORE, (13, 4, 5, "both")])
    (whole,) = reached(graph, (0, 0), [4])
    monkeypatch.setattr(lattices, "MAX_POINTS", 15_000)
    monkeypatch.setattr(lattices, "_whole", OrderedDict())
    again = drawn(BAY | {5: (30_000, 0)}, [*SHORE, (13, 4, 5, "both")])
    assert lattice_around(again, again.main_edges[:1]).n_columns < lattice_around(graph, graph.main_edges).n_columns
    assert reached(again, (0, 0), [4])[0].wkb == whole.wkb
    # Even a window may be too large: then the cells are.
    assert lattice_around(again, again.main_edges).cell_m > CELL_M


@pytest.mark.parametrize("minutes", [[0], [-1], [float("inf")], [5, float("nan")]])
def test_times_that_cannot_be_drawn_are_refused(minutes):
    graph = drawn(BAY, SHORE)
    times = street_times(graph, snap(graph, lonlat([(0, 0)])), limit_s=600.0)
    with pytest.raises(NetworkError, match="minutes"):
        isochrones(times, minutes)


def test_from_nowhere_nothing_is_reached():
    graph = drawn(BAY, SHORE)
    nowhere = snap(graph, [(0.0, 80.0)])
    assert isinstance(nowhere, Snapped)
    (one,) = isochrones(street_times(graph, nowhere, limit_s=600.0), [5])
    assert one.polygon.is_empty
    assert one.area_km2 == 0.0


def test_only_so_many_lattices_are_kept(monkeypatch):
    monkeypatch.setattr(lattices, "_whole", OrderedDict())
    monkeypatch.setattr(lattices, "MAX_KEPT", 1_000)
    one, two = drawn(BAY, SHORE), drawn(BAY | {3: (1300, 2000)}, SHORE)
    first = lattice_around(one, one.main_edges)
    assert lattice_around(one, one.main_edges) is first
    assert lattice_around(two, two.main_edges) is not first
    assert list(lattices._whole) == [two.digest]
