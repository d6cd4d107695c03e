"""The point index against exact rational arithmetic and Shapely, on cases made to be degenerate."""

from __future__ import annotations

import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis.errors import ColumnError, CRSError, TopologyError
from zones import point_index
from zones.compiled import kernels
from zones.point_index import build_index

# Where the lattice lies, and how wide its meshes are: as it is, at the edge of what float64 tells apart, and slanted by
# rounding.
LATTICES = [(0.0, 0.0, 1.0), (122.5, -4.0, 2.0**-40), (122.5, -4.0, 2.0**-46), (122.5, -4.0, 0.1), (-0.3, 0.1, 1e-7)]


def frame_of(polygons, *, code=None, priority=None, agency=None):
    n = len(polygons)
    return gpd.GeoDataFrame(
        {
            "code": code or [f"{i:03d}" for i in range(n)],
            "agency": agency or ["POL"] * n,
            "priority": priority or [1] * n,
        },
        geometry=list(polygons),
        crs=4326,
    )


def exact_side(a, b, c):
    (ax, ay), (bx, by), (cx, cy) = ((Fraction(x), Fraction(y)) for x, y in (a, b, c))
    det = (ax - cx) * (by - cy) - (ay - cy) * (bx - cx)
    return (det > 0) - (det < 0)


def covers_exactly(polygon, point):
    """Even-odd over all rings, borders included, in rational numbers."""
    x, y = point
    is_inside = False
    for ring in shapely.get_rings(shapely.get_parts(polygon)):
        corners = shapely.get_coordinates(ring).tolist()
        for a, b in itertools.pairwise(corners):
            turn = exact_side(a, b, point)
            is_in_box = min(a[0], b[0]) <= x <= max(a[0], b[0]) and min(a[1], b[1]) <= y <= max(a[1], b[1])
            if turn == 0 and is_in_box:
                return True
            if (a[1] <= y) != (b[1] <= y) and (turn > 0) == (b[1] > a[1]):
                is_inside = not is_inside
    return is_inside


def expected_of(frame, xy):
    order = sorted(range(len(frame)), key=lambda row: tuple(frame[["priority", "code", "agency"]].iloc[row]))
    shapes = frame.geometry.to_numpy()
    return [next((row for row in order if covers_exactly(shapes[row], point)), -1) for point in xy.tolist()]


def codes_of(frame, found):
    return [None if row < 0 else frame["code"].iloc[row] for row in found]


corner = st.tuples(st.integers(0, 6), st.integers(0, 6))
box = st.builds(lambda a, b: shapely.box(*np.minimum(a, b), *np.maximum(a, b)), corner, corner)
triangle = st.builds(lambda a, b, c: shapely.Polygon([a, b, c]), corner, corner, corner)
# Unions of boxes have holes, several parts and corners that touch; triangles have slanted sides through lattice points.
shape = st.one_of(triangle, st.lists(box, min_size=1, max_size=7).map(shapely.union_all))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    shapes=st.lists(shape, min_size=1, max_size=6),
    lattice=st.sampled_from(LATTICES),
    priority=st.lists(st.integers(1, 2), min_size=6, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_lattice_polygons_are_matched_as_in_rational_numbers(shapes, lattice, priority, seed):
    left, bottom, mesh = lattice

    def put(xy):
        return xy * mesh + (left, bottom)

    polygons = [shapely.transform(polygon, put) for polygon in shapes]
    kept = [i for i, polygon in enumerate(polygons) if polygon.is_valid and polygon.area > 0]
    frame = frame_of([polygons[i] for i in kept], priority=[priority[i] for i in kept])
    rng = np.random.default_rng(seed)
    middles = put(rng.integers(-2, 15, (60, 2)) / 2)
    xy = np.vstack(
        [middles, rng.permutation(shapely.get_coordinates(frame.geometry))[:30], put(rng.random((10, 2)) * 7)]
    )
    found = build_index(frame).match(*xy.T)
    assert found.tolist() == expected_of(frame, xy)
    order = rng.permutation(len(frame))
    shuffled = frame.iloc[order]
    again = build_index(shuffled).match(*xy.T)
    assert codes_of(shuffled, again) == codes_of(frame, found)


numbers = st.one_of(
    st.integers(-4, 4).map(float),
    st.floats(-180, 180).filter(lambda x: x == 0.0 or abs(x) > 1e-100),
    st.integers(-8, 8).map(lambda i: 122.5 + i * 2.0**-46),
)


@settings(max_examples=400, deadline=None)
@given(*[numbers] * 6)
def test_the_side_of_a_line_is_exact(ax, ay, bx, by, cx, cy):
    sides = kernels().sides
    expected = exact_side((ax, ay), (bx, by), (cx, cy))
    assert sides.side_of(ax, ay, bx, by, cx, cy) == expected
    assert sides.exact_side_of(ax, ay, bx, by, cx, cy) == expected


def test_the_side_of_points_a_rounding_beside_a_line_is_exact():
    rng = np.random.default_rng(8)
    a, b = rng.uniform(122, 123, (2000, 2)), rng.uniform(122, 123, (2000, 2))
    c = a + rng.uniform(size=(2000, 1)) * (b - a)
    expected = [exact_side(*three) for three in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)]
    found = [kernels().sides.side_of(*x, *y, *z) for x, y, z in zip(a, b, c, strict=True)]
    assert found == expected


def test_ties_go_by_priority_then_code_then_agency():
    square = shapely.box(122, -4, 123, -3)
    west, east = shapely.box(121, -4, 122.5, -3), shapely.box(122.5, -4, 124, -3)
    frame = frame_of(
        [east, square, west, square],
        code=["B", "A", "B", "A"],
        agency=["POL", "POL", "DMK", "DMK"],
        priority=[1, 2, 1, 2],
    )
    found = build_index(frame).match([122.5, 122.4, 122.6, 123.0, 124.1], [-3.5, -3.5, -3.5, -3.0, -3.5])
    assert found.tolist() == [2, 2, 0, 0, -1]
    frame["priority"] = [2, 1, 2, 1]
    assert build_index(frame).match([122.5], [-3.5]).tolist() == [3]


def test_codes_are_ordered_as_bytes_not_by_a_language():
    square = shapely.box(122, -4, 123, -3)
    frame = frame_of([square] * 4, code=["é", "a", "Z", "B"])
    assert build_index(frame).match([122.5], [-3.5]).tolist() == [3]


def test_more_polygons_than_a_group_holds_meet_at_one_point():
    n = 80
    turn = np.linspace(0, 2 * np.pi, n + 1)
    rim = np.column_stack([122.5 + np.cos(turn), -4 + np.sin(turn)])
    rim[-1] = rim[0]
    wedges = [shapely.Polygon([(122.5, -4.0), a, b]) for a, b in itertools.pairwise(rim)]
    frame = frame_of([shapely.box(121, -6, 124, -2), *wedges[::-1]], priority=[2] + [1] * n)
    xy = np.vstack([[(122.5, -4.0)], rim, rim * 0.5 + np.array([122.5, -4.0]) * 0.5, [(121.1, -5.9), (120.0, -4.0)]])
    xy = np.vstack([xy, np.random.default_rng(1).normal((122.5, -4), 1e-9, (300, 2))])
    index = build_index(frame)
    assert index.match(*xy.T).tolist() == expected_of(frame, xy)


def test_holes_islands_in_holes_and_rings_of_points_a_rounding_beside_the_border():
    lake = shapely.difference(shapely.Point(122.5, -4).buffer(1, 8), shapely.Point(122.5, -4).buffer(0.5, 8))
    island = shapely.Point(122.5, -4).buffer(0.2, 8)
    frame = frame_of([shapely.union(lake, island), shapely.Point(122.5, -4).buffer(0.5, 8)])
    border = shapely.get_coordinates(frame.geometry)
    near = np.vstack([border, np.nextafter(border, 0.0), np.nextafter(border, 999.0), (border[1:] + border[:-1]) / 2])
    found = build_index(frame).match(*near.T)
    assert found.tolist() == expected_of(frame, near)
    assert {0, 1, -1} == set(found.tolist())


def test_a_dense_corner_of_a_wide_layer_is_divided_finely():
    rng = np.random.default_rng(3)
    turn = np.sort(rng.uniform(0, 2 * np.pi, 20_000))
    radius = 0.001 * rng.uniform(0.8, 1.0, len(turn))
    star = shapely.Polygon(np.column_stack([122.5 + radius * np.cos(turn), -4 + radius * np.sin(turn)]))
    frame = frame_of([shapely.box(95, -11, 141, 6), star], priority=[2, 1])
    xy = np.vstack([rng.normal((122.5, -4), 0.0007, (3000, 2)), shapely.get_coordinates(star)[::20]])
    assert build_index(frame).match(*xy.T).tolist() == [
        1 if is_in else 0 for is_in in shapely.covers(star, shapely.points(xy))
    ]


def test_reference_points_on_edges_make_it_look_for_others(monkeypatch):
    tried = []

    class Stubborn:
        def __init__(self, seed):
            tried.append(seed)
            self.rng = np.random.default_rng(seed)

        def uniform(self, low, high, n):
            return np.full(n, 0.5) if len(tried) < 3 else self.rng.uniform(low, high, n)

    plain = point_index._frame
    monkeypatch.setattr(point_index, "_frame", lambda edges, places: plain(edges, Stubborn(len(tried))))
    # With its middle on the middle of the grid, a square cut along its diagonals has edges through reference points.
    a, b, c, d, m = (0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.5, 0.5)
    frame = frame_of([shapely.Polygon(three) for three in ([a, b, m], [b, c, m], [c, d, m], [d, a, m])])
    xy = np.array([m, a, b, c, d, (0.25, 0.25), (0.5, 0.1), (0.9, 0.5), (0.5, 0.9), (0.1, 0.5)])
    assert build_index(frame).match(*xy.T).tolist() == expected_of(frame, xy)
    assert len(tried) == 3


def test_missing_empty_and_no_polygons_cover_nothing():
    frame = frame_of([None, shapely.Polygon(), shapely.box(122, -4, 123, -3)])
    assert build_index(frame).match([122.5, 0.0], [-3.5, 0.0]).tolist() == [2, -1]
    for nobody in (frame.iloc[:2], frame.iloc[:0]):
        assert build_index(nobody).match([122.5, np.nan], [-3.5, 1.0]).tolist() == [-1, -1]


def test_what_is_no_place_lies_nowhere():
    index = build_index(frame_of([shapely.box(-180, -90, 180, 90)]))
    lon = [np.nan, np.inf, -np.inf, 1e308, 0.0, 5e-324, -0.0, 180.0, -180.0]
    lat = [0.0, 0.0, 0.0, -1e308, np.nan, -5e-324, 0.0, 90.0, -90.0]
    assert index.match(lon, lat).tolist() == [-1, -1, -1, -1, -1, 0, 0, 0, 0]
    assert index.match([], []).tolist() == []
    with pytest.raises(ValueError, match="one length"):
        index.match([1.0, 2.0], [1.0])


def test_coordinates_that_are_almost_zero_count_as_zero():
    index = build_index(frame_of([shapely.box(0, 0, 1, 1), shapely.box(-1, 0, 5e-324, 1)]))
    assert index.match([-1e-300, 1e-200, 0.0], [0.5, 0.5, 1e-310]).tolist() == [0, 0, 0]


def test_what_cannot_be_matched_is_refused_by_name():
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    with pytest.raises(TopologyError, match="1 of 2 boundaries cannot be matched; 001: Self-intersection"):
        build_index(frame_of([shapely.box(0, 0, 1, 1), bow_tie]))
    with pytest.raises(TopologyError, match="000: not a polygon"):
        build_index(frame_of([shapely.Point(1, 1)]))
    with pytest.raises(ColumnError, match="priority"):
        build_index(frame_of([shapely.box(0, 0, 1, 1)]).drop(columns="priority"))
    with pytest.raises(CRSError, match="EPSG:32751"):
        build_index(frame_of([shapely.box(0, 0, 1, 1)]).set_crs(32751, allow_override=True))


def test_a_pickled_index_answers_the_same_on_any_part_in_any_thread():
    rng = np.random.default_rng(4)
    frame = frame_of([shapely.Point(*centre).buffer(0.2) for centre in rng.uniform((122, -5), (123, -4), (40, 2))])
    index = build_index(frame)
    x, y = rng.uniform((122, -5), (123, -4), (120_000, 2)).T
    whole = index.match(x, y)
    copy = pickle.loads(pickle.dumps(index))
    parts = [slice(i, i + 7_001) for i in range(0, len(x), 7_001)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: copy.match(x[part], y[part]), parts))
    assert np.array_equal(np.concatenate(found), whole)
    assert np.array_equal(index.match(x[::-1], y[::-1]), whole[::-1])
    assert (copy.codes, copy.priorities, copy.n_bytes) == (index.codes, index.priorities, index.n_bytes)
