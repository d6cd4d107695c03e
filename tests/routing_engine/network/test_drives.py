from __future__ import annotations

import numpy as np
import pytest
from drawn_networks import built, drawn, lonlat, networks
from hypothesis import given, settings
from hypothesis import strategies as st
from positions import PLACES, on_edges

from gis.errors import NetworkError
from routing_engine.network.drives import matrix, times_to, travel_times, within
from routing_engine.network.fields import build_field
from routing_engine.network.routes import route_from_station, routes
from routing_engine.network.search import ACCESS_KPH
from routing_engine.network.snapping import snap

LINE = {1: (0, 0), 2: (1000, 0), 3: (1000, 400), 4: (0, 400)}


def walk(graph, route):
    """Follow a route through the search graph; returns its seconds without access, or fails where it may not turn."""
    arcs = graph.edge_arc[route.edge, (~route.is_forward).astype(int)]
    parts = np.abs(np.diff(route.parts, axis=1))[:, 0]
    seconds = float((parts * graph.arc_time_s[arcs]).sum() + graph.arc_delay_s[arcs[:-1]].sum())
    if len(arcs) > 1:
        assert (arcs >= 0).all()
        assert graph.arc_target[arcs[0]] == route.state[0]
    for i, state in enumerate(route.state[:-1].tolist()):
        entry = slice(graph.indptr[state], graph.indptr[state + 1])
        taken = (graph.indices[entry] == route.state[i + 1]) & (graph.entry_arc[entry] == arcs[i + 1])
        assert taken.any()
    if len(route.state):
        last = slice(graph.source_start[arcs[-1]], graph.source_start[arcs[-1] + 1])
        assert route.state[-1] in graph.source[last]
    return seconds


@settings(max_examples=50, deadline=None)
@given(networks(), PLACES, PLACES)
def test_matrix_pairs_and_units_equal_the_field(tables, stations, points):
    graph = built(*tables)
    if len(graph.main_edges) == 0:
        return
    starts, ends = on_edges(graph, stations), on_edges(graph, points)
    reach = build_field(graph, starts).reach(ends)
    found = matrix(graph, starts, ends)
    assert np.allclose(found.time_s.T, reach.time_s, rtol=1e-6, atol=1e-6, equal_nan=True)
    assert np.allclose(found.distance_m.T, reach.distance_m, rtol=1e-5, atol=1e-2, equal_nan=True)
    n = min(len(stations), len(points))
    one = travel_times(graph, on_edges(graph, stations[:n]), on_edges(graph, points[:n]))
    assert np.allclose(one.time_s, np.diag(found.time_s[:n, :n]), rtol=0, atol=1e-9, equal_nan=True)
    place = on_edges(graph, points[:1])
    to_it = times_to(graph, place, starts, limit_s=np.inf)
    assert np.allclose(to_it.time_s, found.time_s[:, 0], rtol=0, atol=1e-9, equal_nan=True)
    # Of drives that are equally fast but for rounding, one may be a few 1/1024 m shorter.
    assert np.allclose(to_it.distance_m, found.distance_m[:, 0], rtol=1e-5, atol=1e-2, equal_nan=True)
    near = times_to(graph, place, starts, limit_s=30.0)
    expected = np.where(found.time_s[:, 0] <= 30.0, found.time_s[:, 0], np.nan)
    assert np.allclose(near.time_s, expected, rtol=0, atol=1e-9, equal_nan=True)


@settings(max_examples=50, deadline=None)
@given(networks(), PLACES, PLACES)
def test_routes_take_the_time_they_say_and_only_allowed_turns(tables, stations, points):
    graph = built(*tables)
    if len(graph.main_edges) == 0:
        return
    n = min(len(stations), len(points))
    starts, ends = on_edges(graph, stations[:n]), on_edges(graph, points[:n])
    field = build_field(graph, starts)
    expected = travel_times(graph, starts, ends)
    for i, route in enumerate(routes(graph, starts, ends)):
        from_field = route_from_station(field, i, ends, i)
        if route is None:
            assert np.isnan(expected.time_s[i])
            assert from_field is None
            continue
        assert np.isclose(route.time_s, expected.time_s[i], rtol=0, atol=1e-6)
        assert np.isclose(route.distance_m, expected.distance_m[i], rtol=0, atol=1e-2)
        assert from_field is not None
        assert np.isclose(from_field.time_s, route.time_s, rtol=1e-6, atol=1e-6)
        for one in (route, from_field):
            access_m = sum(one.access_m)
            against_a_one_way = len(one.edge) == 1 and graph.edge_arc[one.edge[0], 0 if one.is_forward[0] else 1] < 0
            if not against_a_one_way:
                assert np.isclose(walk(graph, one) + access_m * 3.6 / ACCESS_KPH, one.time_s, rtol=1e-6, atol=1e-6)
            assert np.isclose(one.edge_s.sum() + access_m * 3.6 / ACCESS_KPH, one.time_s, rtol=1e-6, atol=1e-6)
            assert np.isclose(one.edge_m.sum() + access_m, one.distance_m, atol=1e-1)
            assert sum(street.distance_m for street in one.streets()) == pytest.approx(one.edge_m.sum())


def test_a_route_has_its_streets_and_its_line():
    graph = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "both"), (41, 4, 1, "forward")])
    places = snap(graph, lonlat([(300, 0), (700, 400)]), n_candidates=1)
    (route,) = routes(graph, snap(graph, lonlat([(300, 0)]), n_candidates=1), snap(graph, lonlat([(700, 400)])))
    assert [street.name for street in route.streets()] == ["Jl. 12", "Jl. 23", "Jl. 34"]
    assert [round(street.distance_m) for street in route.streets()] == [700, 400, 300]
    assert [round(street.time_s) for street in route.streets()] == [70, 40, 30]
    assert np.allclose(route.lonlat, lonlat([(300, 0), (1000, 0), (1000, 400), (700, 400)]), rtol=0, atol=1e-8)
    assert route.time_s == pytest.approx(140, abs=1e-3)
    assert len(places.edge) == 2


def test_what_lies_within_reach():
    graph = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "both"), (41, 4, 1, "forward")])
    place = snap(graph, lonlat([(1000, 200)]), n_candidates=1)
    everything, near = within(graph, place), within(graph, place, limit_s=120.0)
    by_node = dict(zip(graph.node_id.tolist(), everything.node_s.round(3).tolist(), strict=True))
    assert by_node == {1: 120.0, 2: 20.0, 3: 20.0, 4: 120.0}
    assert np.array_equal(near.node_s <= 120.0, everything.node_s <= 120.0)
    assert np.isinf(within(graph, place, limit_s=100.0).node_s).sum() == 2
    assert everything.edge_end_s[graph.edge_id == 23].round(3).tolist() == [[20.0, 20.0]]


@settings(max_examples=40, deadline=None)
@given(networks(), PLACES, st.floats(0, 200), st.floats(0, 200))
def test_a_larger_limit_reaches_more(tables, places, one, two):
    graph = built(*tables)
    if len(graph.main_edges) == 0:
        return
    place = on_edges(graph, places[:1])
    small, large = (within(graph, place, limit_s=limit).node_s for limit in sorted((one, two)))
    assert (large <= small).all()
    assert (small[np.isfinite(small)] <= min(one, two)).all()
    assert np.array_equal(small[np.isfinite(small)], large[np.isfinite(small)])


def test_lists_and_networks_must_fit():
    graph = drawn(LINE, [(12, 1, 2, "both")])
    other = drawn(LINE, [(12, 1, 2, "both"), (23, 2, 3, "both")])
    one, two = snap(graph, lonlat([(1, 0)])), snap(graph, lonlat([(1, 0), (2, 0)]))
    for call in (travel_times, routes):
        with pytest.raises(NetworkError, match="one for each"):
            call(graph, one, two)
        with pytest.raises(NetworkError, match="another road graph"):
            call(other, one, one)
    with pytest.raises(NetworkError, match="one expected"):
        times_to(graph, two, one)
    with pytest.raises(NetworkError, match="one expected"):
        within(graph, two)
    assert matrix(graph, snap(graph, np.empty((0, 2))), one).time_s.shape == (0, 1)
    assert matrix(graph, one, snap(graph, np.empty((0, 2)))).time_s.shape == (1, 0)
