"""Folium's part: local assets only, stable scripts, data that stays data."""

from __future__ import annotations

import re

from dashboard.components.browser import asset, assets_version
from dashboard.components.maps import _parts, city_map, fade_outside, image_overlay, polygons

CENTER = (122.515, -3.985)
HOSTILE = "</script><img src=x onerror=alert(1)>`${alert(2)}"
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[122.5, -4.0], [122.6, -4.0], [122.6, -3.9], [122.5, -3.9], [122.5, -4.0]]],
}


def test_assets_are_local_and_versioned():
    parts = _parts(city_map(CENTER), "desk")
    assert parts["assets"][:2] == ["/assets/leaflet/leaflet.css", "/assets/leaflet/leaflet.js"]
    assert all(url.startswith("/assets/") for url in parts["assets"])
    assert asset("js/desk.js") == f"/assets/siaga/js/desk.js?v={assets_version()}"
    assert not re.search(r"https?://", parts["script"])


def test_equal_maps_give_equal_scripts_and_two_do_not_clash():
    first, again, other = _parts(city_map(CENTER), "a"), _parts(city_map(CENTER), "a"), _parts(city_map(CENTER), "b")
    assert first == again
    assert first["map_id"] != other["map_id"]
    assert first["map_id"] in first["script"]
    assert _parts(city_map(CENTER, zoom=11), "a")["hash"] != first["hash"]


def test_center_is_lon_lat():
    assert re.search(r"center: \[-3\.985, 122\.515\]", _parts(city_map(CENTER), "a")["script"])


def test_overlay_and_polygons_add_no_other_asset():
    m = city_map(CENTER)
    image_overlay(m, "data:image/png;base64,iVBORw0KGgo=", (122.4, -4.1, 122.7, -3.9))
    polygons(m, SQUARE, {"weight": 2})
    parts = _parts(m, "a")
    assert "[[-4.1, 122.4], [-3.9, 122.7]]" in parts["script"]
    assert all(url.startswith("/assets/") for url in parts["assets"])


def test_properties_travel_as_json():
    m = city_map(CENTER)
    feature = {"type": "Feature", "properties": {"name": HOSTILE}, "geometry": SQUARE}
    polygons(m, {"type": "FeatureCollection", "features": [feature]}, {"weight": 1})
    script = _parts(m, "a")["script"]
    # The script runs from a blob: no HTML parser reads it, and inside a JSON string nothing is evaluated.
    line = next(line for line in script.splitlines() if "onerror" in line)
    assert re.search(r'"name": "[^"]*onerror[^"]*"', line)


def test_fading_leaves_the_area_bright():
    m = city_map(CENTER, is_canvas=False)
    fade_outside(m, SQUARE)
    script = _parts(m, "a")["script"]
    assert "sg-fade" in script
    assert "sg-outline" in script
    # One ring around the world, one hole where we are responsible.
    assert "-179.9" in script
    assert '"preferCanvas": false' in script
