from __future__ import annotations

import pytest
from drawn_networks import built, drawn, lonlat, networks
from hypothesis import given, settings
from positions import PLACES, on_edges

from routing_engine.network.routes import routes
from routing_engine.network.snapping import snap
from routing_engine.network.step_texts import compass, step_text
from routing_engine.network.steps import steps_of, ways_of


def named(name, **more):
    return {"name": name, "ref": None, "is_roundabout": False, "osm_way_id": float("nan")} | more


# A crossing: north, east, south and west arms of 500 m; the western arm is nameless.
CROSS = {0: (0, 0), 1: (0, 500), 2: (500, 0), 3: (0, -500), 4: (-500, 0)}
ARMS = [
    (1, 1, 0, "both", named("Jl. Utara")),
    (2, 0, 2, "both", named("Jl. Timur", ref="N 2")),
    (3, 0, 3, "both", named("Jl. Selatan")),
    (4, 0, 4, "both", named(None)),
]


def drive(graph, start, end, drive_side="left"):
    """The route between places in metres, and its steps."""
    places = snap(graph, lonlat([start]), n_candidates=1), snap(graph, lonlat([end]), n_candidates=1)
    (route,) = routes(graph, *places)
    return route, steps_of(route, tuple(lonlat([end])[0]), drive_side=drive_side)


def said(steps, language="id"):
    return [step_text(step, language) for step in steps]


def test_a_turn_is_said_with_its_street_in_both_languages():
    _, steps = drive(drawn(CROSS, ARMS), (0, 400), (300, 8))
    assert said(steps) == [
        "Berangkat ke arah selatan di Jl. Utara",
        "Belok kiri ke Jl. Timur",
        "Tiba di tujuan, di sisi kiri",
    ]
    assert said(steps, "en") == [
        "Head south on Jl. Utara",
        "Turn left onto Jl. Timur",
        "Arrive at the destination, on the left",
    ]
    depart, turn, arrive = steps
    assert (turn.street, turn.ref, depart.ref) == ("Jl. Timur", "N 2", None)
    assert [step.distance_m for step in steps] == pytest.approx([400, 300, 0], abs=1)
    assert [step.time_s for step in steps] == pytest.approx([40, 30, 0], abs=0.2)
    assert (turn.lon, turn.lat) == pytest.approx(tuple(lonlat([(0, 0)])[0]), abs=1e-6)
    assert (depart.bearing, turn.bearing, arrive.bearing) == pytest.approx((180, 90, 90), abs=2)


@pytest.mark.parametrize(
    ("place", "indonesian", "english"),
    [
        ((-500, 0), "Belok kanan", "Turn right"),
        ((0, -500), "Lanjut ke Jl. Selatan", "Continue onto Jl. Selatan"),
        ((500, 0), "Belok kiri ke Jl. Timur", "Turn left onto Jl. Timur"),
    ],
)
def test_every_way_out_of_a_crossing(place, indonesian, english):
    _, steps = drive(drawn(CROSS, ARMS), (0, 400), place)
    assert (step_text(steps[1], "id"), step_text(steps[1], "en")) == (indonesian, english)


@pytest.mark.parametrize(
    ("angle_end", "indonesian", "english"),
    [
        ((200, -400), "Serong kiri ke Jl. B", "Bear left onto Jl. B"),
        ((-200, -400), "Serong kanan ke Jl. B", "Bear right onto Jl. B"),
        ((300, 200), "Belok tajam ke kiri ke Jl. B", "Turn sharp left onto Jl. B"),
        ((-300, 200), "Belok tajam ke kanan ke Jl. B", "Turn sharp right onto Jl. B"),
    ],
)
def test_slight_and_sharp(angle_end, indonesian, english):
    points = {0: (0, 0), 1: (0, 500), 2: angle_end, 3: (0, -500)}
    edges = [(1, 1, 0, "both", named("Jl. A")), (2, 0, 2, "both", named("Jl. B")), (3, 0, 3, "both", named("Jl. A"))]
    _, steps = drive(drawn(points, edges), (0, 400), angle_end)
    assert (step_text(steps[1], "id"), step_text(steps[1], "en")) == (indonesian, english)


def test_a_street_that_bends_without_a_choice_is_one_step_and_with_one_a_turn():
    points = {0: (0, 0), 1: (0, 500), 2: (500, 0), 3: (0, -500)}
    bend = [(1, 1, 0, "both", named("Jl. A")), (2, 0, 2, "both", named("Jl. A"))]
    _, steps = drive(drawn(points, bend), (0, 400), (400, 0))
    assert [step.kind for step in steps] == ["depart", "arrive"]
    assert steps[0].distance_m == pytest.approx(800, abs=1)
    _, steps = drive(drawn(points, [*bend, (3, 0, 3, "both", named("Jl. B"))]), (0, 400), (400, 0))
    assert said(steps)[1] == "Belok kiri, tetap di Jl. A"
    assert said(steps, "en")[1] == "Turn left to stay on Jl. A"


def test_a_nameless_piece_straight_on_does_not_end_a_street():
    points = {0: (0, 0), 1: (0, 500), 2: (0, -20), 3: (0, -500), 4: (300, 0)}
    edges = [
        (1, 1, 0, "both", named("Jl. A")),
        (2, 0, 2, "both", named(None)),
        (3, 2, 3, "both", named("Jl. A")),
        (4, 0, 4, "both", named("Jl. B")),
    ]
    _, steps = drive(drawn(points, edges), (0, 400), (0, -400))
    assert [step.kind for step in steps] == ["depart", "arrive"]


def test_through_a_central_reserve_it_is_one_turn_round():
    # Two carriageways, 16 m apart, joined by a nameless link; traffic keeps left.
    points = {1: (0, 0), 2: (500, 0), 3: (1000, 0), 4: (1000, -16), 5: (500, -16), 6: (0, -16)}
    edges = [
        (1, 1, 2, "forward", named("Jl. Raya")),
        (2, 2, 3, "forward", named("Jl. Raya")),
        (3, 4, 5, "forward", named("Jl. Raya")),
        (4, 5, 6, "forward", named("Jl. Raya")),
        (5, 2, 5, "both", named(None)),
        (6, 3, 4, "forward", named(None)),
        (7, 6, 1, "forward", named(None)),
    ]
    _, steps = drive(drawn(points, edges), (100, 0), (100, -16))
    assert [(step.kind, step.modifier) for step in steps] == [
        ("depart", None),
        ("u_turn", "right"),
        ("arrive", None),
    ]
    assert said(steps)[1] == "Putar balik ke kanan, tetap di Jl. Raya"
    assert said(steps, "en")[1] == "Make a U-turn to the right to stay on Jl. Raya"


def test_one_turns_round_to_the_side_of_the_oncoming_lanes():
    # A slip road joins the street beyond the place: down to its end, and back.
    points = {1: (0, 0), 2: (500, 0), 3: (500, 300), 4: (900, 0)}
    edges = [
        (1, 1, 2, "forward", named("Jl. A")),
        (2, 2, 4, "both", named("Jl. B")),
        (3, 2, 3, "both", named("Jl. C")),
        (4, 3, 1, "forward", named("Jl. D")),
    ]
    graph = drawn(points, edges, [(1, 2, 2, "only"), (2, 2, 3, "only")])
    for side, modifier in (("left", "right"), ("right", "left")):
        _, steps = drive(graph, (100, 0), (500, 200), side)
        assert [(step.kind, step.modifier) for step in steps][2] == ("u_turn", modifier)


# A roundabout, clockwise as traffic keeps left: exits in the west (0), north (1), east (2), south (3).
RING = {0: (-20, 0), 1: (0, 20), 2: (20, 0), 3: (0, -20), 10: (-400, 0), 11: (0, 400), 12: (400, 0), 13: (0, -400)}
ROUNDABOUT = [
    (1, 0, 1, "forward", named("Bundaran", is_roundabout=True)),
    (2, 1, 2, "forward", named("Bundaran", is_roundabout=True)),
    (3, 2, 3, "forward", named("Bundaran", is_roundabout=True)),
    (4, 3, 0, "forward", named("Bundaran", is_roundabout=True)),
    (10, 0, 10, "both", named("Jl. Barat")),
    (11, 1, 11, "both", named("Jl. Utara")),
    (12, 2, 12, "both", named("Jl. Timur")),
    (13, 3, 13, "both", named("Jl. Selatan")),
]


@pytest.mark.parametrize(
    ("end", "number", "street"), [((0, 300), 1, "Utara"), ((300, 0), 2, "Timur"), ((0, -300), 3, "Selatan")]
)
def test_exits_of_a_roundabout_are_counted(end, number, street):
    _, steps = drive(drawn(RING, ROUNDABOUT), (-300, 0), end)
    assert [step.kind for step in steps] == ["depart", "roundabout", "arrive"]
    assert said(steps)[1] == f"Di bundaran, ambil jalan keluar ke-{number} ke Jl. {street}"
    assert said(steps, "en")[1] == f"At the roundabout, take exit {number} onto Jl. {street}"


def test_a_drive_that_begins_or_ends_on_a_roundabout():
    graph = drawn(RING, ROUNDABOUT)
    _, steps = drive(graph, (-300, 0), (10, 10))
    assert [(step.kind, step.exit) for step in steps] == [("depart", None), ("roundabout", None), ("arrive", None)]
    assert said(steps)[1] == "Masuk bundaran"
    assert said(steps, "en")[1] == "Enter the roundabout"
    _, steps = drive(graph, (-10, 10), (300, 0))
    assert [(step.kind, step.exit) for step in steps] == [("depart", None), ("roundabout", 2), ("arrive", None)]


def test_a_road_with_a_number_only_goes_by_it():
    points = {0: (0, 0), 1: (0, 500), 2: (500, 0), 3: (0, -500)}
    edges = [
        (1, 1, 0, "both", named("Jl. A")),
        (2, 0, 2, "both", named(None, ref="7")),
        (3, 0, 3, "both", named("Jl. A")),
    ]
    _, steps = drive(drawn(points, edges), (0, 400), (400, 0))
    assert (steps[1].street, steps[1].ref) == (None, "7")
    assert said(steps)[1] == "Belok kiri ke jalan 7"
    assert said(steps, "en")[1] == "Turn left onto road 7"


def test_edges_of_which_nothing_is_driven_are_no_steps():
    # The end is the crossing itself, which lies on four streets.
    _, steps = drive(drawn(CROSS, ARMS), (0, 400), (0, 0))
    assert [step.kind for step in steps] == ["depart", "arrive"]
    _, steps = drive(drawn(CROSS, ARMS), (0, 400), (0, 400))
    assert [step.kind for step in steps] == ["depart", "arrive"]
    assert steps[0].distance_m == 0


def test_ways_name_osm_way_and_nodes_in_driving_order():
    edges = [(edge, start, end, how, more | {"osm_way_id": 100.0 + edge}) for edge, start, end, how, more in ARMS]
    route, _ = drive(drawn(CROSS, edges), (400, 0), (0, 400))
    assert ways_of(route) == [(102, 2, 0), (101, 0, 1)]
    route, _ = drive(drawn(CROSS, ARMS), (400, 0), (0, 400))
    assert ways_of(route) == [(0, 2, 0), (0, 0, 1)]


@settings(max_examples=60, deadline=None)
@given(networks(), PLACES)
def test_steps_cover_the_whole_drive(tables, places):
    graph = built(*tables)
    if len(graph.main_edges) == 0:
        return
    starts, ends = on_edges(graph, places), on_edges(graph, places[::-1])
    for route in routes(graph, starts, ends):
        if route is None:
            continue
        steps = steps_of(route, tuple(lonlat([(0, 0)])[0]))
        assert (steps[0].kind, steps[-1].kind) == ("depart", "arrive")
        assert sum(step.time_s for step in steps) == pytest.approx(route.edge_s.sum(), abs=1e-6)
        # Stubs are left out, half a metre at each edge of an end.
        assert sum(step.distance_m for step in steps) == pytest.approx(
            route.edge_m.sum(), abs=1.0 + 0.5 * len(route.edge)
        )
        for step in steps:
            assert 0 <= step.bearing < 360
            assert step_text(step, "id")
            assert step_text(step, "en")


@pytest.mark.parametrize(
    ("bearing", "indonesian"), [(0, "utara"), (359, "utara"), (45, "timur laut"), (200, "selatan")]
)
def test_points_of_the_compass(bearing, indonesian):
    assert compass(bearing, "id") == indonesian
