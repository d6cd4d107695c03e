"""Agency desk: our assignments, their next step, and the part of the city that is ours."""

from __future__ import annotations

from dashboard.components.maps import city_map, fade_outside, show_desk
from dashboard.pages.operator import center
from dashboard.services import Services
from dashboard.text import texts


def render(services: Services) -> None:
    """Show the desk of this person's agency."""
    m = city_map(center(services.city()), zoom=13, is_canvas=False)
    area = services.own_area()
    if area is not None:
        fade_outside(m, area)
    show_desk(m, "desk", mode="agency", language=services.me.language, text=texts(services.me.language))
