from __future__ import annotations

import numpy as np
import pytest
import shapely
from drawn_networks import built, drawn, lonlat, networks
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import NetworkError
from routing_engine.network.closures import arc_factors, edges_meeting, repaired, with_factors
from routing_engine.network.fields import build_field
from routing_engine.network.search import search_from_states
from routing_engine.network.snapping import Refusal, Snapped, snap

SQUARE = {1: (0, 0), 2: (1000, 0), 3: (1000, 400), 4: (0, 400)}
RING = [(12, 1, 2, "both"), (23, 2, 3, "both"), (34, 3, 4, "both"), (41, 4, 1, "both")]
FACTORS = st.sampled_from([1.0, 1.0, 1.5, 3.0, np.inf])


def edges_of(graph, ids):
    return np.flatnonzero(np.isin(graph.edge_id, ids))


def same(one, two):
    """Whether two fields are equal in every byte."""
    names = ("time_s", "path_m", "parent")
    return all(np.ascontiguousarray(getattr(one, n)).tobytes() == getattr(two, n).tobytes("C") for n in names)


def placed(graph, places):
    """Positions as (edge number, fraction, access metres), one or two candidates each, on whatever edges."""
    edge = np.array([[number % len(graph.edge_id), -1] for number, _, _ in places])
    fraction = np.array([[part, np.nan] for _, part, _ in places])
    access = np.array([[metres, np.nan] for _, _, metres in places])
    position = np.column_stack([np.arange(len(places)), np.zeros(len(places))]).astype(float)
    return Snapped(graph, position, edge, fraction, access, np.zeros(len(places), np.int8))


PLACES = st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1), st.floats(0, 50)), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(networks(max_nodes=9), PLACES, st.data())
def test_a_mended_field_equals_a_full_one_and_reopening_brings_back_every_byte(tables, places, data):
    graph = built(*tables)
    stations = placed(graph, places)
    before = build_field(graph, stations)
    field, network = before, graph
    for _ in range(3):
        factors = data.draw(st.lists(FACTORS, min_size=len(graph.arc_edge), max_size=len(graph.arc_edge)))
        network = with_factors(network, factors)
        field, _ = repaired(field, network, stations, digest="now")
        assert same(field, build_field(network, stations))
    back, _ = repaired(field, with_factors(network, 1.0), stations, digest=before.digest)
    assert back.graph is graph
    assert same(back, before)


@settings(max_examples=60, deadline=None)
@given(networks(), st.data())
def test_closing_and_slowing_never_shortens(tables, data):
    graph = built(*tables)
    factors = data.draw(st.lists(FACTORS, min_size=len(graph.arc_edge), max_size=len(graph.arc_edge)))
    before, _ = search_from_states(graph, np.arange(graph.n_states))
    after, _ = search_from_states(with_factors(graph, factors), np.arange(graph.n_states))
    assert (np.nan_to_num(after, nan=np.inf) >= np.nan_to_num(before, nan=np.inf)).all()


def test_a_closed_street_sends_round_the_block():
    graph = drawn(SQUARE, RING)
    stations = snap(graph, lonlat([(0, 200)]), n_candidates=1)
    place = lonlat([(1000, 10)])
    field = build_field(graph, stations)
    assert np.allclose(field.travel_times(snap(graph, place, n_candidates=1)), 20 + 100 + 1, atol=1e-3)
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12])))
    mended, n_again = repaired(field, closed, stations, digest="closed")
    assert np.allclose(mended.travel_times(snap(closed, place, n_candidates=1)), 20 + 100 + 39, atol=1e-3)
    assert 0 < n_again[0] < graph.n_states
    slowed = with_factors(graph, arc_factors(graph, edges_of(graph, [12]), 1.2))
    assert np.allclose(
        repaired(mended, slowed, stations, digest="slow")[0].travel_times(snap(slowed, place, n_candidates=1)),
        20 + 120 + 1,
        atol=1e-3,
    )


def test_one_direction_may_stay_open():
    graph = drawn(SQUARE, RING)
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12]), direction="forward"))
    assert not closed.edge_is_closed.any()
    field = build_field(closed, snap(closed, lonlat([(0, 100), (1000, 100)]), n_candidates=1))
    place = snap(closed, lonlat([(500, -3)]), n_candidates=1)
    assert np.allclose(field.travel_times(place)[0], [30 + 100 + 40 + 50 + 1.08, 10 + 50 + 1.08], atol=1e-3)


def test_positions_leave_a_closed_street():
    graph = drawn(SQUARE, RING)
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12])))
    asked = lonlat([(100, 10), (500, 10)])
    assert graph.edge_id[snap(graph, asked).edge[:, 0]].tolist() == [12, 12]
    found = snap(closed, asked, limit_m=250.0)
    assert graph.edge_id[found.edge[0, 0]] == 41
    assert np.allclose(found.distance_m[0, 0], 100, atol=1e-3)
    assert found.reason.tolist() == [Refusal.NONE, Refusal.TOO_FAR]
    everything = with_factors(graph, np.inf)
    assert snap(everything, asked).reason.tolist() == [Refusal.NO_ROADS] * 2
    assert np.isnan(build_field(everything, snap(everything, asked)).time_s).all()


def test_a_station_on_the_closed_street_is_searched_whole():
    graph = drawn(SQUARE, RING)
    places = lonlat([(100, 10), (0, 200)])
    field = build_field(graph, snap(graph, places))
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12])))
    stations = snap(closed, places)
    mended, n_again = repaired(field, closed, stations, digest="closed")
    assert n_again[0] == graph.n_states
    assert same(mended, build_field(closed, stations))


def test_the_faster_of_two_parallel_streets_may_close():
    graph = drawn(SQUARE, [*RING, (99, 1, 2, "both", {"length_m": 1100.0})])
    start = int(np.flatnonzero(graph.node_id == 1)[0])
    end = int(np.flatnonzero(graph.node_id == 2)[0])
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12])))
    assert search_from_states(graph, [start])[0][0, end] == 100
    assert search_from_states(closed, [start])[0][0, end] == 110


def test_cut_off_parts_are_unreachable():
    graph = drawn({**SQUARE, 5: (1500, 0)}, [*RING, (25, 2, 5, "both")])
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12, 23])))
    field = build_field(closed, snap(closed, lonlat([(0, 200)]), n_candidates=1))
    assert np.isnan(field.travel_times(snap(closed, lonlat([(1400, 0)]), n_candidates=1))).all()


def test_edges_in_an_area_or_along_a_line():
    graph = drawn(SQUARE, RING)

    def met(shape):
        return graph.edge_id[edges_meeting(graph, shape)].tolist()

    assert met(shapely.Polygon(lonlat([(-50, -50), (100, -50), (100, 50), (-50, 50)]))) == [12, 41]
    assert met(shapely.LineString(lonlat([(500, -10), (500, 390)]))) == [12]
    assert met(shapely.Point(lonlat([(5000, 5000)])[0])) == []


def test_the_name_follows_what_is_closed():
    graph = drawn(SQUARE, RING)
    one = with_factors(graph, arc_factors(graph, [0]))
    assert with_factors(graph, arc_factors(graph, [0])).digest == one.digest
    assert with_factors(one, arc_factors(graph, [0])).digest == one.digest
    assert len({graph.digest, one.digest, with_factors(graph, arc_factors(graph, [0], 2.0)).digest}) == 3
    assert with_factors(one, 1.0) is graph


def test_what_cannot_be_mended_is_refused():
    graph = drawn(SQUARE, RING)
    other = drawn(SQUARE, RING[:-1])
    stations = snap(graph, lonlat([(0, 200)]))
    field = build_field(graph, stations)
    with pytest.raises(NetworkError, match="same network"):
        repaired(field, other, snap(other, stations.lonlat), digest="x")
    with pytest.raises(NetworkError, match="stations"):
        repaired(field, graph, snap(graph, lonlat([(0, 201)])), digest="x")
    for bad in (0.5, np.nan, -1.0):
        with pytest.raises(NetworkError, match="factors of 1 or more"):
            with_factors(graph, bad)
