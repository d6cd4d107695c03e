"""Positions on a network for tests, without looking for the nearest street."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from routing_engine.network.snapping import Snapped

PLACES = st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1), st.floats(0, 200)), min_size=1, max_size=6)


def on_edges(graph, places):
    """Positions given as (edge number among the main ones, fraction, access metres), one candidate each."""
    edge = np.array([[graph.main_edges[number % len(graph.main_edges)]] for number, _, _ in places])
    fraction = np.array([[part] for _, part, _ in places])
    access = np.array([[metres] for _, _, metres in places])
    return Snapped(graph, np.zeros((len(places), 2)), edge, fraction, access, np.zeros(len(places), np.int8))
