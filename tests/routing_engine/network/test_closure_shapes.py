"""What a drawing touches: along, across, inside; and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_engine.network.closure_shapes import (
    ALONG_M,
    EDGE,
    LINE,
    POLYGON,
    closed_digest,
    in_force,
    touched,
)

# A street of three pieces from west to east, a side street at each junction, and a parallel one 30 m north.
STREETS = {
    "west": [(0, 0), (100, 0)],
    "middle": [(100, 0), (150, 4), (200, 0)],
    "east": [(200, 0), (300, 0)],
    "south1": [(100, 0), (100, -80)],
    "north2": [(200, 0), (200, 30)],
    "fork": [(200, 0), (290, -60)],
    "parallel": [(0, 30), (300, 30)],
    "alley": [(120, -60), (120, -20)],
}
NAMES = list(STREETS)
LINES = np.array([shapely.LineString(line) for line in STREETS.values()], dtype=object)


def names(shape, kind):
    return {name for name, is_touched in zip(NAMES, touched(LINES, shape, kind), strict=True) if is_touched}


def line(*points):
    return shapely.LineString(points)


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        # along, by a shaky hand, from junction to junction
        (line((98, 3), (150, -2), (203, -4)), {"middle"}),
        (line((2, -3), (120, 4), (297, 2)), {"west", "middle", "east"}),
        # a part of a street is enough; so is a short bit in the middle of a long one
        (line((100, 0), (145, 0)), {"middle"}),
        (line((40, 2), (60, -2)), {"west"}),
        # past the junction by a slip of the hand
        (line((100, 0), (150, 4), (215, 0)), {"middle"}),
        # past it on purpose
        (line((100, 0), (150, 4), (240, 0)), {"middle", "east"}),
        # across one street, across two
        (line((50, -20), (50, 20)), {"west"}),
        (line((50, -20), (52, 60)), {"west", "parallel"}),
        # across, but ending on it: the line is drawn up to a street, not over it
        (line((150, -60), (150, 5)), set()),
        # a side street, drawn from the main street's far side
        (line((100, 6), (100, -80)), {"south1"}),
        # beside everything
        (line((20, -40), (80, -40)), set()),
        # a short bar over one street
        (line((50, -6), (50, 6)), {"west"}),
    ],
)
def test_line_closes_what_it_is_drawn_along_or_across(drawn, expected):
    assert names(drawn, LINE) == expected
    assert names(drawn.reverse(), LINE) == expected


def test_bar_through_a_junction_closes_the_streets_that_meet_there():
    assert names(line((100, -20), (100, 20)), LINE) >= {"south1"}
    assert names(line((85, -20), (115, 20)), LINE) == {"west", "middle", "south1"}


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (shapely.box(-10, -5, 310, 5), {"west", "middle", "east", "south1", "north2", "fork"}),
        (shapely.box(110, -70, 130, -10), {"alley"}),
        # only a part of it lies inside
        (shapely.box(110, -70, 130, -50), {"alley"}),
        # the border runs through a junction: streets that only end there stay open
        (shapely.box(200, -100, 400, 10), {"east", "fork", "north2"}),
        (shapely.box(90, 0, 110, 20), {"west", "middle"}),
        (shapely.box(10, -50, 90, -10), set()),
        # a hole is open
        (shapely.box(-10, -100, 310, 100).difference(shapely.box(-5, 20, 305, 40)), set(NAMES) - {"parallel"}),
    ],
)
def test_polygon_closes_what_runs_inside(drawn, expected):
    assert names(drawn, POLYGON) == expected


def test_clicked_piece_is_known_again_by_its_course():
    assert names(line(*STREETS["middle"]), EDGE) == {"middle"}
    assert names(line((100.3, 0.2), (150, 4.2), (200, -0.4)), EDGE) == {"middle"}
    # After an import the piece was cut in two: then both are what was clicked.
    cut = np.array([line((100, 0), (150, 4)), line((150, 4), (200, 0)), LINES[0]], dtype=object)
    assert touched(cut, line(*STREETS["middle"]), EDGE).tolist() == [True, True, False]


def test_no_streets_and_far_streets():
    none = np.empty(0, dtype=object)
    for kind, shape in ((LINE, line((0, 0), (9, 9))), (EDGE, line((0, 0), (9, 9))), (POLYGON, shapely.box(0, 0, 9, 9))):
        assert touched(none, shape, kind).shape == (0,)
        assert not touched(LINES, shapely.transform(shape, lambda xy: xy + 10_000), kind).any()


XY = st.tuples(st.floats(-50, 350), st.floats(-100, 100))


@settings(max_examples=200, deadline=None)
@given(st.lists(XY, min_size=2, max_size=8, unique=True))
def test_any_line_is_answered_and_only_by_streets_near_it(points):
    drawn = line(*points)
    found = touched(LINES, drawn, LINE)
    assert (shapely.distance(LINES[found], drawn) <= ALONG_M + 0.01).all()
    assert touched(LINES[::-1], drawn, LINE).tolist() == found[::-1].tolist()


@settings(max_examples=100, deadline=None)
@given(st.lists(XY, min_size=3, max_size=8, unique=True), st.floats(5, 60))
def test_larger_polygon_touches_no_less(points, metres):
    small = shapely.convex_hull(shapely.MultiPoint(points))
    if small.geom_type != "Polygon" or small.area < 1:
        return
    inside, around = (touched(LINES, shape, POLYGON) for shape in (small, small.buffer(metres)))
    assert not (inside & ~around).any()


def test_closures_add_up_to_the_slowest():
    edges, factors = in_force([[5, 2], [2, 9], [9]], [2.0, 3.5, None])
    assert (edges, factors) == ([2, 5, 9], [3.5, 2.0, np.inf])
    assert in_force([], []) == ([], [])
    assert closed_digest("base", [], []) == "base"
    named = closed_digest("base", edges, factors)
    assert named != closed_digest("base", edges, [3.5, 2.0, 4.0]) != closed_digest("other", edges, factors)
    assert named == closed_digest("base", *in_force([[9], [5, 2], [9, 2]], [None, 2.0, 3.5]))
