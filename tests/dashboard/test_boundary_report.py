"""What a page shows of a checked file: everything drawable as JSON, its own faults first, texts as they stand."""

from __future__ import annotations

import json

import pytest

from dashboard.boundary_report import findings_of, outlines_of, repair_of
from data.polygon_repair import propose_repair
from data.polygon_review import Scope, review

EVIL = "<img src=x onerror=alert(1)>"
SCOPE = Scope(bbox=(122.3, -4.2, 122.8, -3.8), metric_srid=32751)


def square(west, south, side=0.01):
    east, north = west + side, south + side
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    rings = {
        "A": square(122.47, -4.02),
        "B": square(122.479985, -4.02),  # 1.6 m over A
        "C": [[[122.49, -4.03], [122.50, -4.02], [122.50, -4.03], [122.49, -4.02], [122.49, -4.03]]],
        "D": square(12.49, -4.03),  # another part of the world
    }
    features = [
        {"type": "Feature", "properties": {"code": code, "name": f"{code} {EVIL}"},
         "geometry": {"type": "Polygon", "coordinates": shape}}
        for code, shape in rings.items()
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("file") / "layer.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_findings_are_json_with_place_and_piece_and_errors_first(file):
    found = review(file, SCOPE)
    said = findings_of(found)
    json.dumps(said, allow_nan=False)
    assert len(said) == len(found.findings)
    assert {"invalid", "overlap", "outside"} <= {one["kind"] for one in said}
    levels = [one["level"] for one in said]
    assert levels == sorted(levels)
    overlap = next(one for one in said if one["kind"] == "overlap")
    assert overlap["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert overlap["area_m2"] > 0
    assert any(one["name"].endswith(EVIL) for one in said)
    outlines = outlines_of(found.rows)
    json.dumps(outlines, allow_nan=False)
    assert [one["properties"]["is_valid"] for one in outlines["features"]] == [True, True, False, True]


def test_a_repair_says_what_each_polygon_gains_and_loses(file):
    assert repair_of(None) is None
    made = repair_of(propose_repair(file, SCOPE))
    json.dumps(made, allow_nan=False, default=str)
    if made["is_possible"]:
        assert {change["code"] for change in made["changes"]} >= {"C"}
        assert all(change["geometry"] is None or change["geometry"]["type"] for change in made["changes"])
    else:
        assert made["findings"]
