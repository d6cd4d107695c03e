from __future__ import annotations

import numpy as np
import pytest
from drawn_networks import built, drawn, networks
from hypothesis import given, settings

from routing_engine.network.ordering import by_neighbourhood


@pytest.mark.parametrize("n", [0, 1, 2, 500])
def test_every_place_comes_once(n):
    places = np.random.default_rng(n).uniform((122, -4.2), (122.8, -3.8), (n, 2))
    assert sorted(by_neighbourhood(places).tolist()) == list(range(n))


def test_neighbours_come_one_after_the_other():
    x, y = np.meshgrid(np.arange(32), np.arange(32))
    places = np.column_stack([x.ravel(), y.ravel()]).astype(float)
    rng = np.random.default_rng(3)
    shuffled = places[rng.permutation(len(places))]
    steps = np.hypot(*np.diff(shuffled[by_neighbourhood(shuffled)], axis=0).T)
    assert np.median(steps) <= 1.5


def test_equal_places_keep_their_order():
    assert by_neighbourhood(np.full((5, 2), 3.0)).tolist() == [0, 1, 2, 3, 4]


def test_dead_ends_are_the_ends_of_streets():
    points = {1: (0, 0), 2: (100, 0), 3: (200, 0), 4: (100, 100), 5: (300, 0)}
    edges = [(12, 1, 2, "both"), (23, 2, 3, "both"), (24, 2, 4, "both"), (99, 2, 4, "both"), (35, 3, 5, "forward")]
    graph = drawn(points, edges)
    assert sorted(graph.node_id[graph.is_dead_end[: graph.n_nodes]].tolist()) == [1, 4]


@settings(max_examples=50, deadline=None)
@given(networks())
def test_dead_ends_have_one_neighbour_and_lead_back_to_it(tables):
    graph = built(*tables)
    for state in range(graph.n_states):
        to = set(graph.indices[graph.indptr[state] : graph.indptr[state + 1]].tolist())
        come = set(graph.entry_source[graph.in_entry[graph.in_start[state] : graph.in_start[state + 1]]].tolist())
        assert bool(graph.is_dead_end[state]) == (len(to | come) == 1 and to == come and state not in to)
