"""Operator: call form, queue, live map, detail of one incident."""

from __future__ import annotations

from dashboard.components.maps import city_map, show_desk
from dashboard.services import Services
from dashboard.text import texts
from gis.city import CityFacts
from gis.words import Role


def center(city: CityFacts) -> tuple[float, float]:
    """Return where a map of the city starts: its own centre, else the middle of the service box, as (lon, lat)."""
    given = city.settings.get("center")
    if given:
        return float(given[0]), float(given[1])
    west, south, east, north = city.bbox
    return (west + east) / 2, (south + north) / 2


def render(services: Services) -> None:
    """Show the operator's desk; for the role that may only report, the form and the map."""
    mode = "intake" if services.me.account.role == Role.INTAKE else "operator"
    m = city_map(center(services.city()), zoom=14, is_canvas=False)
    show_desk(m, "desk", mode=mode, language=services.me.language, text=texts(services.me.language))
