"""A repair in small: what goes to whom, what stays, what no repair can know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from data.border_distance import farthest_m, segments_of
from data.coverage_repair import clean, first_over, owned, snap, thin
from data.local_plane import Plane
from data.polygon_repair import Repair, propose_repair
from data.polygon_review import Scope
from data.vector_files import read_polygons
from gis.errors import ValueRefused
from tests.data.imports import EAST, MIDDLE_X, MIDDLE_Y, NORTH, SOUTH, WEST, box, geojson, quarters

SCOPE = Scope(bbox=(WEST, SOUTH, EAST, NORTH), metric_srid=32751)
FIVE_M = 5 / 111_000


def array(*shapes: shapely.Geometry) -> np.ndarray[Any, Any]:
    return np.array(shapes, dtype=object)


def proposed(path: Path, rows: list[dict[str, Any]], **more: Any) -> Repair:
    return propose_repair(geojson(path, rows), SCOPE, **more)


def test_an_overlap_stays_with_the_lower_code(tmp_path: Path) -> None:
    """Whatever its row: by the rule of matching it has that ground already, so nobody's owner changes."""
    rows = quarters(T1={"geometry": box(MIDDLE_X - FIVE_M, SOUTH, EAST, MIDDLE_Y)})[::-1]
    made = proposed(tmp_path / "a.geojson", rows)
    assert made.layer is not None
    assert made.changes is not None
    west = made.layer.set_index("code").geometry
    assert west["B1"].equals(quarters()[0]["geometry"])
    assert west["T1"].equals(quarters()[2]["geometry"])
    assert made.layer["code"].to_list() == ["T2", "T1", "B2", "B1"]
    assert made.figures["owner_changed_m2"] == made.figures["owner_changes_within_m"] == 0
    changes = made.changes.set_index("code")
    assert changes.at["T1", "lost_m2"] == pytest.approx(5 * 5530, rel=0.02)
    assert changes.at["T1", "moved_m"] <= 5.2
    assert changes.at["B1", "lost_m2"] == changes.at["B1", "gained_m2"] == 0


@pytest.mark.parametrize(("width_m", "is_filled"), [(5, True), (15, True), (40, False)])
def test_a_gap_is_filled_when_no_point_lies_farther_than_the_tolerance(
    tmp_path: Path, width_m: float, is_filled: bool
) -> None:
    """Closed all round, ten metres to each side: a gap of 15 m is within reach of its borders, one of 40 m is not."""
    width = width_m / 111_000
    hole = box(MIDDLE_X - 0.02, MIDDLE_Y - width, MIDDLE_X - 0.01, MIDDLE_Y)
    rows = quarters(B1={"geometry": box(WEST, SOUTH, MIDDLE_X, MIDDLE_Y).difference(hole)})
    made = proposed(tmp_path / "a.geojson", rows)
    assert made.layer is not None
    ground = shapely.union_all(made.layer.geometry.to_numpy())
    assert ground.covers(hole.centroid) is is_filled
    if is_filled:
        assert width_m / 2 - 0.2 <= made.figures["owner_changes_within_m"] <= width_m / 2 + 0.6
        assert made.figures["border_points"]["n"] == 20_000


def test_rings_are_made_valid_axes_put_right_and_collections_opened(tmp_path: Path) -> None:
    bow_tie = shapely.Polygon(
        [(WEST, SOUTH), (MIDDLE_X, MIDDLE_Y), (MIDDLE_X, SOUTH), (WEST, MIDDLE_Y)]  # half of B1
    )
    rows = quarters(
        B1={"geometry": bow_tie},
        B2={"geometry": box(MIDDLE_Y, WEST, NORTH, MIDDLE_X)},
        T1={"geometry": shapely.GeometryCollection([quarters()[2]["geometry"], shapely.Point(MIDDLE_X, SOUTH)])},
    )
    made = proposed(tmp_path / "a.geojson", rows)
    assert made.findings == ()
    assert made.layer is not None
    assert made.changes is not None
    shapes = made.layer.set_index("code").geometry
    assert shapes["B2"].equals(quarters()[1]["geometry"])
    assert shapes["T1"].equals(quarters()[2]["geometry"])
    assert shapes["B1"].is_valid
    assert shapes["B1"].area == pytest.approx(quarters()[0]["geometry"].area / 2)
    assert made.changes.set_index("code")["mended"].to_dict()["B1"]


def test_what_no_repair_can_know_is_said_and_nothing_is_proposed(tmp_path: Path) -> None:
    inner = box(122.46, -4.03, 122.47, -4.02)
    rows = [*quarters(B2={"geometry": shapely.Point(122.46, -3.97)}, T2={"geometry": box(100, 0, 101, 1)})]
    made = proposed(tmp_path / "a.geojson", rows)
    assert made.layer is None
    assert {(finding.row, finding.kind) for finding in made.findings} == {(2, "empty"), (4, "outside")}
    made = proposed(tmp_path / "a.geojson", [*quarters(), {"code": "Z", "name": "Z", "geometry": inner}])
    (finding,) = made.findings
    assert (made.layer, finding.row) == (None, 5)
    assert "nothing would be left of it" in finding.reason


def test_both_formats_hold_every_bit(tmp_path: Path) -> None:
    third = box(WEST + 1 / 3000, SOUTH, MIDDLE_X, MIDDLE_Y)
    rows = quarters(B1={"geometry": third, "note": None}, T1={"note": "ü"})
    made = proposed(tmp_path / "a.geojson", rows)
    for name in ("out.geojson", "out.gpkg"):
        made.save(tmp_path / name)
        back = read_polygons(tmp_path / name).frame
        assert made.layer is not None
        assert shapely.equals(back.geometry.to_numpy(), made.layer.geometry.to_numpy()).all()
        assert shapely.coverage_is_valid(back.geometry.to_numpy())
        assert back["note"].isna().to_list() == [True, True, False, True]
    first = json.loads((tmp_path / "out.geojson").read_text())["features"][0]
    assert {122.45 + 1 / 3000} & {lon for lon, _ in first["geometry"]["coordinates"][0]}


def test_a_tolerance_has_bounds(tmp_path: Path) -> None:
    with pytest.raises(ValueRefused, match="500 m is out of range"):
        proposed(tmp_path / "a.geojson", quarters(), tolerance_m=500)


def test_snapping_takes_what_is_drawn_twice_and_leaves_real_differences() -> None:
    """The line between two squares, drawn 3 m beside the better one below and 60 m beside it above."""
    old = array(
        shapely.Polygon([(0, 0), (103, 0), (103, 100), (160, 100), (160, 200), (0, 200)]),
        shapely.Polygon([(103, 0), (200, 0), (200, 200), (160, 200), (160, 100), (103, 100)]),
    )
    better = array(shapely.box(0, 0, 100, 200), shapely.box(100, 0, 200, 200))
    new = clean(snap(old, better, 5), 5)
    assert shapely.coverage_is_valid(new)
    # The two differences touch nowhere but in a line: they are one piece, too wide as a whole.
    assert shapely.equals(new, old).all()
    apart = array(
        shapely.Polygon([(0, 0), (103, 0), (103, 90), (100, 90), (100, 110), (160, 110), (160, 200), (0, 200)]),
        shapely.Polygon([(103, 0), (200, 0), (200, 200), (160, 200), (160, 110), (100, 110), (100, 90), (103, 90)]),
    )
    new = clean(snap(apart, better, 5), 5)
    assert first_over(new, shapely.points([(101, 50), (101, 150), (159, 150), (161, 150)])).tolist() == [1, 0, 0, 1]
    assert new[0].area == pytest.approx(100 * 200 + 60 * 90)


def test_an_island_beyond_the_reference_stays() -> None:
    old = array(shapely.box(0, 0, 100, 100), shapely.box(110, 0, 112, 50))
    new = snap(old, array(shapely.box(0, 0, 100, 101)), 5)
    assert new[0].equals(shapely.box(0, 0, 100, 101))
    assert new[1].equals(old[1])


def test_simplified_neighbours_still_meet() -> None:
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    inner = shapely.Polygon(np.column_stack([np.cos(angles), np.sin(angles)]) * 1000)
    shapes = array(inner, shapely.box(-2000, -2000, 2000, 2000).difference(inner))
    thinned = thin(shapes, 10, most_vertices=500)
    assert shapely.get_num_coordinates(thinned).max() <= 500
    assert shapely.coverage_is_valid(thinned)


def test_who_owns_what_when_the_first_wins() -> None:
    shapes = array(shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1), shapely.box(1.5, 0, 4, 1))
    assert shapely.area(owned(shapes)).tolist() == [2, 1, 1]


@pytest.mark.parametrize("width", [0.001, 1, 7, 300])
def test_the_farthest_point_of_a_strip_is_half_its_width_away(width: float) -> None:
    strip = shapely.box(0, 0, 1000, width)
    found = farthest_m(array(strip), shapely.STRtree(segments_of(array(strip))))
    assert width / 2 <= found <= max(width / 2 + 0.06, width / 2 * 1.06)


def test_what_rounding_makes_of_a_long_line_is_no_way_off() -> None:
    """Fifty kilometres, a tenth of a millimetre wide: not searched square by square, and not called far."""
    line = shapely.Polygon([(0, 0), (50_000, 1e-4), (50_000, 0)])
    borders = shapely.STRtree(segments_of(array(shapely.box(0, 0, 50_000, 1000))))
    assert farthest_m(array(line), borders) < 0.01
    assert farthest_m(array(shapely.transform(line, lambda xy: xy + np.array([0, 300]))), borders) == pytest.approx(
        300, abs=0.01
    )


def test_the_farthest_point_agrees_with_a_dense_sample() -> None:
    rng = np.random.default_rng(3)
    pieces = shapely.buffer(shapely.points(rng.uniform(0, 1000, (20, 2))), 30)
    borders = segments_of(array(shapely.box(200, 200, 800, 800), shapely.box(0, 0, 500, 500)))
    points = shapely.points(rng.uniform(-50, 1050, (200_000, 2)))
    inside = points[shapely.intersects(shapely.union_all(pieces), points)]
    sampled = shapely.distance(inside, shapely.union_all(borders)).max()
    found = farthest_m(pieces, shapely.STRtree(borders))
    assert sampled <= found <= sampled * 1.06 + 1


def test_metres_of_the_plane_are_metres() -> None:
    shapes = array(box(WEST, SOUTH, EAST, NORTH))
    plane = Plane.about(shapes)
    by_projection = gpd.GeoSeries(shapes, crs=4326).to_crs(32751).area.iloc[0]
    assert plane.to_metres(shapes)[0].area == pytest.approx(by_projection, rel=2e-3)
    known = shapely.get_coordinates(shapes)
    assert shapely.equals_identical(plane.to_degrees(plane.to_metres(shapes), known), shapes).all()
