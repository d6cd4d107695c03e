"""Boundaries: what is in force since when and why, drafts, their impact, objections, points, the layer's health."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.boundary_services import services_with_boundaries
from dashboard.components.maps import city_map, show_view
from dashboard.pages.operator import center
from dashboard.services import Services
from dashboard.text import texts
from dashboard.text_boundaries import BOUNDARIES
from gis.actors import Actor
from gis.words import Role

READERS = (Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY, Role.PLANNER, Role.ADMIN)

# What this page says in the desk's words.
SHARED = (
    *("demo_data", "roads_synthetic", "boundaries_approximate", "unit_s", "unit_min", "unit_h", "unit_d", "loading"),
    *("waiting_for_server", "back", "show", "more_rows", "map", "whole_city", "type", "receipt", "not_calibrated"),
    *("kind_kelurahan", "kind_kecamatan"),
)


@st.cache_data(ttl=60, max_entries=64, show_spinner=False, hash_funcs={Actor: lambda actor: actor.agency})
def _served(_engine: Any, actor: Actor) -> list[str]:
    return services_with_boundaries(_engine, actor)


def render(services: Services) -> None:
    """Show the page; its views live in the browser and ask the API."""
    services.me.actor.require(*READERS)
    language = services.me.language
    served = _served(services.engine, services.me.actor)
    if not served:
        st.info(BOUNDARIES["b_no_services"][language == "en"])
        return
    m = city_map(center(services.city()), zoom=12, is_canvas=False)
    show_view(
        m,
        "boundaries",
        mode="boundaries",
        script="js/boundarydesk.js",
        language=language,
        text=boundary_texts(language),
        data={"services": served},
    )


def boundary_texts(language: str) -> dict[str, str]:
    """Return every text of the page in one language, for the browser."""
    desk = texts(language)
    own = {key: pair[language == "en"] for key, pair in BOUNDARIES.items()}
    return own | {key: desk[key] for key in SHARED}
