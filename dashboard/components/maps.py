"""Maps in the browser: Folium with local assets only, shown by an own Streamlit component.

Folium writes the script of a map; the component runs it from a ``blob:`` URL, so that the page needs neither
``unsafe-eval`` nor ``unsafe-inline`` nor another host. This is the only module that imports Folium.

For a page that only shows a map (layers, image overlays, no call form)::

    m = city_map((lon, lat), zoom=12)
    image_overlay(m, png_url, (west, south, east, north))
    show_map(m, key="density", height=560)

`folium.Popup`, `folium.Tooltip` and `folium.Icon` are not for use: what they write runs as part of the script, or
asks for files this product does not ship. Names reach the screen through `GeoJsonTooltip` with escaped values, or
through the desk's own code, which writes text only.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

import folium
from branca.element import Element, MacroElement
from folium.elements import JSCSSMixin
from folium.template import Template
from shapely.geometry import box, mapping, shape

from dashboard.components.browser import asset, show
from dashboard.text import t

LEAFLET_JS = [("leaflet", "/assets/leaflet/leaflet.js")]
LEAFLET_CSS = [("leaflet_css", "/assets/leaflet/leaflet.css")]


class OfflineMap(folium.Map):
    """`folium.Map` that asks for Leaflet only, from this server.

    Parameters
    ----------
    center
        (lon, lat), EPSG:4326 degrees.
    zoom
        Web-map zoom level, 0 to 19.
    """

    def __init__(self, center: tuple[float, float], zoom: int = 13, **options: Any) -> None:
        lon, lat = center
        options.setdefault("tiles", None)
        options.setdefault("prefer_canvas", True)
        super().__init__(location=[lat, lon], zoom_start=zoom, minZoom=8, maxZoom=19, **options)
        # On the instance: Folium's class-wide lists stay as they are for whoever else uses Folium.
        self.default_js, self.default_css = list(LEAFLET_JS), list(LEAFLET_CSS)


class VectorBasemap(JSCSSMixin, MacroElement):
    """Land, water, roads, boundaries and names from ``/api/tiles`` and ``/api/labels``, drawn by ``basemap.js``.

    Day or night is not written into the script: the drawing follows the page's theme, without a new map.

    Parameters
    ----------
    names
        Draw names above everything else.
    """

    _template = Template("""{% macro script(this, kwargs) %}
        siagaBasemap({{ this._parent.get_name() }}, {{ this.options|tojavascript }});
    {% endmacro %}""")

    def __init__(self, *, names: bool = True) -> None:
        super().__init__()
        self._name = "VectorBasemap"
        self.options = {"names": names}
        self.default_js = [("siaga_basemap", asset("js/basemap.js"))]
        self.default_css = [("siaga_css", asset("desk.css"))]


def city_map(center: tuple[float, float], *, zoom: int = 13, names: bool = True, is_canvas: bool = True) -> OfflineMap:
    """Return a map of the city with its basemap, ready for more layers.

    Parameters
    ----------
    center
        (lon, lat), EPSG:4326 degrees.
    is_canvas
        Draw shapes on one canvas (fast); without it as SVG, which a style sheet may colour.
    """
    m = OfflineMap(center, zoom, prefer_canvas=is_canvas)
    VectorBasemap(names=names).add_to(m)
    return m


def image_overlay(
    m: folium.Map, image: str, bounds: tuple[float, float, float, float], *, opacity: float = 0.75
) -> None:
    """Lay a rendered image over the map.

    Parameters
    ----------
    image
        Address of a PNG of this server, or a ``data:image/png;base64,`` URL.
    bounds
        (west, south, east, north), EPSG:4326 degrees; the image itself must be in Web Mercator.
    """
    west, south, east, north = bounds
    folium.raster_layers.ImageOverlay(
        image, bounds=[[south, west], [north, east]], opacity=opacity, origin="upper"
    ).add_to(m)


def polygons(m: folium.Map, geojson: Mapping[str, Any], style: Mapping[str, Any]) -> None:
    """Draw GeoJSON (EPSG:4326) in one Leaflet path style, without mouse events."""
    folium.GeoJson(
        {"type": "Feature", "properties": {}, "geometry": dict(geojson)} if "coordinates" in geojson else dict(geojson),
        style_function=lambda _feature: dict(style),
        interactive=False,
    ).add_to(m)


def dot(m: folium.Map, lonlat: tuple[float, float], *, fill: str) -> None:
    """Mark a place (EPSG:4326 degrees) with a round dot of a colour, without mouse events."""
    lon, lat = lonlat
    folium.CircleMarker(
        [lat, lon], radius=7, color="#0b1219", weight=2, fill_color=fill, fill_opacity=1.0, interactive=False
    ).add_to(m)


def fade_outside(m: folium.Map, area: Mapping[str, Any]) -> None:
    """Leave one area bright and fade the rest; needs a map drawn as SVG.

    Parameters
    ----------
    area
        GeoJSON polygon or multipolygon, EPSG:4326.
    """
    outside = box(-179.9, -85.0, 179.9, 85.0).difference(shape(area))
    polygons(m, mapping(outside), {"className": "sg-fade", "stroke": False, "fillOpacity": 1})
    polygons(m, area, {"className": "sg-outline", "fill": False, "weight": 2})


def show_map(m: folium.Map, key: str, height: int | str = 560, *, language: str = "id") -> None:
    """Show a Folium map inside the page.

    Parameters
    ----------
    key
        Unique on the page and stable over reruns: an equal map under the same key is not drawn again, a changed one
        keeps the user's centre and zoom.
    height
        Pixels, or a CSS length such as ``"calc(100vh - 180px)"``.
    language
        Of the map's own buttons.
    """
    size = f"{height}px" if isinstance(height, int) else height
    parts = _parts(m, key)
    show({**parts, "mode": "plain", "height": size, "language": language, "zoom": _zoom_names(language)}, key)


def show_desk(m: folium.Map, key: str, *, mode: str, language: str, text: Mapping[str, str]) -> None:
    """Show the live desk: call form, queue, map, detail. It fills the window below the navigation.

    Everything that changes reaches it through the browser API, not through reruns, so what an operator types or
    looks at is never drawn anew.

    Parameters
    ----------
    mode
        ``operator``, ``intake`` (the form alone) or ``agency``.
    language
        Code of the interface language; sent as Accept-Language.
    text
        Labels of `dashboard.text`.
    """
    parts = {**_parts(m, key), "zoom": _zoom_names(language)}
    show({**parts, "mode": mode, "language": language, "text": dict(text), "desk": asset("js/desk.js")}, key)


def show_view(
    m: folium.Map, key: str, *, mode: str, script: str, language: str, text: Mapping[str, str], data: Mapping[str, Any]
) -> None:
    """Show a map with a view of our own around it: the module `script`, which exports `openDesk`.

    Parameters
    ----------
    mode
        Name of the view; another one under the same key is built anew.
    data
        What the view needs besides the browser API; when it changes, the view is built anew.
    """
    parts = _parts(m, key)
    digest = hashlib.sha256(json.dumps(dict(data), sort_keys=True, default=str).encode()).hexdigest()[:16]
    show(
        {
            **parts,
            **data,
            "assets": [*parts["assets"], asset("boundary.css")],
            "hash": parts["hash"] + digest,
            "zoom": _zoom_names(language),
            "mode": mode,
            "language": language,
            "text": dict(text),
            "desk": asset(script),
        },
        key,
    )


def _zoom_names(language: str) -> dict[str, str]:
    return {"in": t("zoom_in", language), "out": t("zoom_out", language)}


def _walk(element: Element) -> Iterator[Element]:
    yield element
    for child in element._children.values():
        yield from _walk(child)


def _parts(m: folium.Map, key: str) -> dict[str, Any]:
    """Return script, element id, asset addresses and hash of a map.

    Folium's random ids become running numbers: equal maps give equal text, and two maps on one page do not clash.
    """
    figure = m.get_root()
    figure.render()
    script: str = figure.script.render()
    links = [link for e in _walk(m) if isinstance(e, JSCSSMixin) for _name, link in (*e.default_css, *e.default_js)]
    for number, element in enumerate(_walk(m)):
        script = script.replace(element._id, f"{key}{number}")
    links.append(asset("desk.css"))
    return {
        "script": script,
        "map_id": m.get_name().replace(m._id, f"{key}0"),
        "assets": list(dict.fromkeys(links)),
        "hash": hashlib.sha256(script.encode()).hexdigest()[:16],
    }


# -- areas coloured by a value (planner)


def choropleth(m: folium.Map, collection: Mapping[str, Any], *, fields: Mapping[str, str], line: str) -> None:
    """Draw areas in colours of their own; the pointer shows their values.

    Parameters
    ----------
    collection
        GeoJSON FeatureCollection, EPSG:4326. Properties of each feature: `fill` (``#rrggbb``), `opacity` (0 to 1),
        `dash` (Leaflet's dashArray or ``""``), and the texts named in `fields`.
    fields
        Property → label, in order.
    line
        Colour of the borders.
    """
    shown = [
        {**feature, "properties": {name: _escaped(value) for name, value in feature["properties"].items()}}
        for feature in collection["features"]
    ]
    folium.GeoJson(
        {**collection, "features": shown},
        style_function=lambda feature: {
            "fillColor": feature["properties"]["fill"],
            "fillOpacity": feature["properties"]["opacity"],
            "color": line,
            "weight": 1,
            "dashArray": feature["properties"]["dash"],
        },
        highlight_function=lambda _feature: {"weight": 3},
        # Its table is written as HTML, hence the escaped values.
        tooltip=folium.GeoJsonTooltip(list(fields), [html.escape(label) for label in fields.values()], sticky=True),
    ).add_to(m)


def _escaped(value: Any) -> Any:
    return html.escape(value) if isinstance(value, str) else value
