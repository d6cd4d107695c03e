"""The right end of the navigation bar: city, clock, connection, language, user, log-out."""

from __future__ import annotations

import streamlit as st

from dashboard.components.browser import asset, show
from dashboard.text import texts

# The navigation gets the height of one line, and pages the room Streamlit leaves empty above them.
STYLE = """<style>
[data-testid="stHeader"] { height: 2.75rem; min-height: 2.75rem; border-bottom: 1px solid rgba(128, 140, 155, .28); }
[data-testid="stToolbar"] { height: 2.75rem; min-height: 2.75rem; }
[data-testid="stMainBlockContainer"] { padding: 3.5rem 1.25rem 1rem; }
/* Four choices fit the narrow column in one line. */
[data-testid="stButtonGroup"] button { padding-inline: .4rem; min-width: 0; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: .8; }
/* Streamlit's own: what it runs, deploys and is. Its menu keeps day and night. */
[data-testid="stStatusWidget"], [data-testid="stDecoration"], [data-testid="stAppDeployButton"],
[data-testid="stMainMenuDivider"], [data-testid="stMainMenuItem-about"],
[data-testid="stMainMenuPopover"] div:has(> div > .stMenuVersionCopyButton) { display: none; }
[data-testid="stElementContainer"]:has(> [data-testid="stHtml"] style:only-child) { display: none; }
</style>"""


def show_bar(*, city: str, is_demo: bool, time_zone: str, user: str, heading: str, language: str) -> str | None:
    """Draw the bar.

    Parameters
    ----------
    user
        Name and agency, as shown.
    heading
        Name of the page where the navigation shows none, because there is only one.

    Returns
    -------
    str or None
        The language the user has just asked for.
    """
    st.html(STYLE)
    result = show(
        {
            "mode": "bar",
            "assets": [asset("desk.css")],
            "bar": asset("js/bar.js"),
            "hash": city,
            "city": city,
            "is_demo": is_demo,
            "time_zone": time_zone,
            "user": user,
            "heading": heading,
            "language": language,
            "text": texts(language),
        },
        key="bar",
    )
    event = result.event
    return event["language"] if event and event.get("event") == "language" else None
