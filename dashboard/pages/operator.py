"""Operator: call form, queue, live map, detail of one incident."""

from __future__ import annotations

from dashboard.components.maps import city_map, show_desk
from dashboard.services import Services
from dashboard.text import texts
from gis.city import CityFacts


def center(city: CityFacts) -> tuple[float, float]:
    """Return where a map of the city starts: its own centre, else the middle of the service box, as (lon, lat)."""
    given = city.settings.get("center")
    if given:
        return float(given[0]), float(given[1])
    west, south, east, north = city.bbox
    return (west + east) / 2, (south + north) / 2


def render(services: Services) -> None:
    """Show the operator's desk."""
    m = city_map(center(services.city()), zoom=14, is_canvas=False)
    show_desk(m, "desk", mode="operator", language=services.me.language, text=texts(services.me.language))
