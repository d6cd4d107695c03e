"""Which pages a role has, and the frame around every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from dashboard.components.bar import show_bar
from dashboard.pages import agency, boundaries, boundary_file, operator, planner
from dashboard.services import Person, Services
from dashboard.text import t
from gis.errors import UnavailableError
from gis.settings import Settings
from gis.words import Role

COOKIE = "siaga_session"

# Name of the page, its script and its sign in the navigation.
PAGES: dict[str, tuple[Callable[[Services], None], str]] = {
    "operator": (operator.render, ":material/headset_mic:"),
    "intake": (operator.render, ":material/headset_mic:"),
    "agency": (agency.render, ":material/shield:"),
    "planner": (planner.render, ":material/insights:"),
    "boundaries": (boundaries.render, ":material/map:"),
    "boundary_file": (boundary_file.render, ":material/fact_check:"),
}
PAGES_OF: dict[Role, tuple[str, ...]] = {
    Role.INTAKE: ("intake",),
    Role.OPERATOR: ("operator",),
    Role.SUPERVISOR: ("operator", "planner", "boundaries", "boundary_file"),
    Role.AGENCY: ("agency", "boundaries", "boundary_file"),
    Role.PLANNER: ("planner", "boundaries"),
    Role.ADMIN: ("operator", "planner", "boundaries", "boundary_file"),
}
# Reached by a link from "Why?": an operator's screen is the desk, not a row of pages.
LINKED_OF: dict[Role, tuple[str, ...]] = {Role.OPERATOR: ("boundaries",)}


@st.cache_resource(show_spinner=False)
def door() -> Services:
    """Return the services of this process."""
    return Services(Settings.from_env())


def cookie() -> str:
    """Return the session cookie this page was opened with, or an empty text."""
    return st.context.cookies.get(COOKIE, "")


def run() -> None:
    """Draw the page asked for, or say why there is none."""
    try:
        services = door()
        person = services.person(cookie())
        if person is None:
            st.warning(t("not_logged_in", "id"))
            st.link_button(t("enter", "id"), "/login")
            st.stop()
        _pages(services.of(person), person)
    except UnavailableError:
        _wait()


def _pages(services: Services, person: Person) -> None:
    language, city, names = person.language, services.city(), PAGES_OF[person.account.role]
    wanted = show_bar(
        city=city.name,
        is_demo=city.is_demo,
        time_zone=str(city.time_zone),
        user=" · ".join(filter(None, (person.account.name, person.account.agency))),
        heading="Siaga 112 · " + t(f"page_{names[0]}", language) if len(names) == 1 else "",
        language=language,
    )
    if wanted and wanted != language:
        services.set_language(wanted)
        st.rerun()
    if not names:
        st.info(t("no_page", language))
        st.stop()
    pages: list[Any] = [
        st.Page(
            partial(PAGES[name][0], services),
            title=t(f"page_{name}", language),
            icon=PAGES[name][1],
            url_path=name,
            default=position == 0,
        )
        for position, name in enumerate(names)
    ]
    pages += [
        st.Page(
            partial(PAGES[name][0], services), title=t(f"page_{name}", language), url_path=name, visibility="hidden"
        )
        for name in LINKED_OF.get(person.account.role, ())
    ]
    st.navigation(pages, position="top").run()


@st.fragment(run_every="2s")
def _wait() -> None:
    """Try again by itself while the database is away."""
    st.warning(t("database_away", "id"))
    if st.session_state.get("siaga_waited"):
        st.session_state.pop("siaga_waited")
        st.rerun()
    st.session_state["siaga_waited"] = True
