from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_networks import built, drawn, lonlat, networks
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import NetworkError
from routing_engine.network.closures import arc_factors, closed_network, network_of, repaired, with_factors
from routing_engine.network.fields import base_digest_of, build_field, read_field, write_field
from routing_engine.network.search import search_from_states
from routing_engine.network.snapping import Snapped, snap

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
        field, _ = repaired(field, network, digest="now")
        assert same(field, build_field(network, replace(stations, graph=network)))
    back, _ = repaired(field, with_factors(network, 1.0), digest=before.digest)
    assert back.graph is graph
    assert same(back, before)


@settings(max_examples=80, deadline=None)
@given(networks(), PLACES, PLACES, st.data())
def test_closing_and_slowing_never_shortens_any_drive(tables, starts, ends, data):
    graph = built(*tables)
    factors = data.draw(st.lists(FACTORS, min_size=len(graph.arc_edge), max_size=len(graph.arc_edge)))
    closed = with_factors(graph, factors)
    before, _ = search_from_states(graph, np.arange(graph.n_states))
    after, _ = search_from_states(closed, np.arange(graph.n_states))
    assert (np.nan_to_num(after, nan=np.inf) >= np.nan_to_num(before, nan=np.inf)).all()
    stations, points = placed(graph, starts), placed(graph, ends)
    long = build_field(closed, replace(stations, graph=closed)).travel_times(replace(points, graph=closed))
    short = build_field(graph, stations).travel_times(points)
    assert (np.nan_to_num(long, nan=np.inf) >= np.nan_to_num(short, nan=np.inf) * (1 - 1e-6)).all()


@settings(max_examples=40, deadline=None)
@given(networks(), st.data())
def test_places_stay_where_they_are_put(tables, data):
    graph = built(*tables)
    factors = data.draw(st.lists(FACTORS, min_size=len(graph.arc_edge), max_size=len(graph.arc_edge)))
    asked = lonlat(data.draw(st.lists(st.tuples(st.floats(-100, 1100), st.floats(-100, 1100)), min_size=1, max_size=5)))
    one, two = snap(graph, asked), snap(with_factors(graph, factors), asked)
    for name in ("edge", "fraction", "distance_m", "reason"):
        assert np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True), name


def test_a_closed_street_sends_round_the_block():
    graph = drawn(SQUARE, RING)
    stations = snap(graph, lonlat([(0, 200)]), n_candidates=1)
    place = lonlat([(1000, 10)])
    field = build_field(graph, stations)
    assert np.allclose(field.travel_times(snap(graph, place, n_candidates=1)), 20 + 100 + 1, atol=1e-3)
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12])))
    mended, n_again = repaired(field, closed, digest="closed")
    assert np.allclose(mended.travel_times(snap(closed, place, n_candidates=1)), 20 + 100 + 39, atol=1e-3)
    assert 0 < n_again[0] < graph.n_states
    slowed = with_factors(graph, arc_factors(graph, edges_of(graph, [12]), 1.2))
    assert np.allclose(
        repaired(mended, slowed, digest="slow")[0].travel_times(snap(slowed, place, n_candidates=1)),
        20 + 120 + 1,
        atol=1e-3,
    )


def test_one_direction_may_stay_open():
    graph = drawn(SQUARE, RING)
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12]), direction="forward"))
    field = build_field(closed, snap(closed, lonlat([(0, 100), (1000, 100)]), n_candidates=1))
    west, east = field.travel_times(snap(closed, lonlat([(1000, 300), (0, 300)]), n_candidates=1)).T
    # Eastward only round the north; westward through the closed street's open side (it is as far, so as fast).
    assert np.allclose(west[0], 30 + 100 + 10, atol=1e-3)
    assert np.allclose(east[1], 10 + 100 + 30, atol=1e-3)
    through = field.travel_times(snap(closed, lonlat([(0, 10)]), n_candidates=1))
    assert np.allclose(through[0, 1], 10 + 100 + 1, atol=1e-3)


def test_a_place_on_a_closed_street_is_reached_from_its_end_at_a_walk():
    graph = drawn(SQUARE, RING)
    closed = with_factors(graph, arc_factors(graph, edges_of(graph, [12])))
    field = build_field(closed, snap(closed, lonlat([(0, 200)]), n_candidates=1))
    # 20 s to the corner, then 100 m at 10 km/h; the far end is reached round the block.
    near, far = field.travel_times(snap(closed, lonlat([(100, 0), (900, 0)]), n_candidates=1))[:, 0]
    assert near == pytest.approx(20 + 36, abs=1e-3)
    assert far == pytest.approx(20 + 100 + 40 + 36, abs=1e-3)
    # A station on it leaves at a walk, too: it is late, not lost.
    station = build_field(closed, snap(closed, lonlat([(100, 0)]), n_candidates=1))
    assert station.travel_times(snap(closed, lonlat([(0, 200)]), n_candidates=1))[0, 0] == pytest.approx(56, abs=1e-3)


def test_everything_closed_leaves_only_the_own_street_and_its_neighbours():
    graph = drawn({**SQUARE, 5: (500, 900), 6: (900, 900)}, [*RING, (45, 4, 5, "both"), (56, 5, 6, "both")])
    closed = with_factors(graph, np.inf)
    field = build_field(closed, snap(closed, lonlat([(0, 100)]), n_candidates=1))
    found = field.travel_times(snap(closed, lonlat([(0, 300), (500, 400), (800, 900), (1000, 200)]), n_candidates=1))
    assert np.isfinite(found[:2, 0]).all()
    assert np.isnan(found[2:, 0]).all()


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


def test_a_field_comes_back_from_its_file_with_what_is_closed(tmp_path):
    graph = drawn(SQUARE, RING)
    field = build_field(graph, snap(graph, lonlat([(0, 200), (900, 0)])))
    for edges, factors in (([], []), ([12, 34], [np.inf, 2.5]), ([12, 999], [3.0, np.inf])):
        network = closed_network(graph, edges, factors)
        mended, _ = repaired(field, network, digest="mended")
        path = tmp_path / "field.arrays"
        write_field(path, mended)
        assert base_digest_of(path) == graph.digest
        back = read_field(path, network_of(path, graph))
        assert same(back, mended)
        assert back.graph.digest == network.digest
        assert np.array_equal(back.graph.entry_time_s, network.entry_time_s)
    with pytest.raises(NetworkError, match="made on graph"):
        read_field(path, graph)
    smaller = drawn({1: (0, 0), 2: (1000, 0)}, [(12, 1, 2, "forward")])
    path = tmp_path / "other.arrays"
    write_field(path, repaired(field, closed_network(graph, [41], [np.inf]), digest="x")[0])
    with pytest.raises(NetworkError, match="its closures"):
        network_of(path, smaller)


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
    field = build_field(graph, snap(graph, lonlat([(0, 200)])))
    with pytest.raises(NetworkError, match="same network"):
        repaired(field, other, digest="x")
    for bad in (0.5, np.nan, -1.0):
        with pytest.raises(NetworkError, match="factors of 1 or more"):
            with_factors(graph, bad)
