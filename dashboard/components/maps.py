"""Maps in the browser: Folium with local assets only, shown by an own Streamlit component.

Folium writes the script of a map; the component runs it from a ``blob:`` URL, so that the page needs neither
``unsafe-eval`` nor ``unsafe-inline`` nor another host. This is the only module that imports Folium.

For a page that only shows a map (layers, image overlays, no call form)::

    m = city_map((lon, lat), zoom=12)
    image_overlay(m, png_url, (west, south, east, north))   # or any Folium layer but Popup, Tooltip, Icon
    show_map(m, key="density", height=560)

`folium.Popup`, `folium.Tooltip` and `folium.Icon` are not for use: what they write runs as part of the script, or
asks for files this product does not ship. Names reach the screen through `GeoJsonTooltip` with escaped values, or
through the desk's own code, which writes text only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import folium
import streamlit as st
from branca.element import Element, MacroElement
from folium.elements import JSCSSMixin
from folium.template import Template

ASSETS = Path(__file__).resolve().parent.parent / "assets"
LEAFLET_JS = [("leaflet", "/assets/leaflet/leaflet.js")]
LEAFLET_CSS = [("leaflet_css", "/assets/leaflet/leaflet.css")]


@lru_cache(maxsize=1)
def assets_version() -> str:
    """Return a short hash of the own scripts and styles; part of their addresses, so a new version is fetched."""
    digest = hashlib.sha256()
    for file in sorted(path for path in ASSETS.rglob("*") if path.suffix in {".js", ".css"}):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def asset(path: str) -> str:
    """Return the address of an own asset, such as ``js/desk.js``."""
    return f"/assets/siaga/{path}?v={assets_version()}"


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


def city_map(center: tuple[float, float], *, zoom: int = 13, names: bool = True) -> OfflineMap:
    """Return a map of the city with its basemap, ready for more layers.

    Parameters
    ----------
    center
        (lon, lat), EPSG:4326 degrees.
    """
    m = OfflineMap(center, zoom)
    VectorBasemap(names=names).add_to(m)
    return m


def image_overlay(m: folium.Map, image: str, bounds: tuple[float, float, float, float], *, opacity: float = 0.75) -> None:
    """Lay a rendered image over the map.

    Parameters
    ----------
    image
        Address of a PNG of this server, or a ``data:image/png;base64,`` URL.
    bounds
        (west, south, east, north), EPSG:4326 degrees; the image itself must be in Web Mercator.
    """
    west, south, east, north = bounds
    folium.raster_layers.ImageOverlay(image, bounds=[[south, west], [north, east]], opacity=opacity, origin="upper").add_to(m)


def polygons(m: folium.Map, collection: Mapping[str, Any], style: Mapping[str, Any]) -> None:
    """Draw a GeoJSON collection (EPSG:4326) in one style, without mouse events."""
    folium.GeoJson(dict(collection), style_function=lambda _feature: dict(style), interactive=False).add_to(m)


def show_map(m: folium.Map, key: str, height: int | str = 560) -> None:
    """Show a Folium map inside the page.

    Parameters
    ----------
    key
        Unique on the page and stable over reruns: an equal map under the same key is not drawn again, a changed one
        keeps the user's centre and zoom.
    height
        Pixels, or a CSS length such as ``"calc(100vh - 180px)"``.
    """
    size = f"{height}px" if isinstance(height, int) else height
    _component()(key=key, data={**_parts(m, key), "mode": "plain", "height": size, "theme": theme()}, height="content")


def show_desk(m: folium.Map, key: str, *, mode: str, language: str, text: Mapping[str, str]) -> None:
    """Show the live desk: call form, queue, map, detail. It fills the window below the navigation.

    Everything that changes reaches it through the browser API, not through reruns, so what an operator types or
    looks at is never drawn anew.

    Parameters
    ----------
    mode
        ``operator`` or ``agency``.
    language
        Code of the interface language; sent as Accept-Language.
    text
        Labels of `dashboard.text`.
    """
    data = {**_parts(m, key), "mode": mode, "language": language, "text": dict(text), "theme": theme(), "desk": asset("js/desk.js")}
    _component()(key=key, data=data, height="content")


def theme() -> str:
    """Return ``night`` or ``light``, whichever Streamlit shows to this user."""
    return "night" if st.context.theme.type == "dark" else "light"


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "siaga_desk",
        html='<div class="sg-host"></div>',
        js=(ASSETS / "js" / "mount.js").read_text(encoding="utf-8"),
        isolate_styles=False,  # Folium looks its element up by id in the document
    )


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
