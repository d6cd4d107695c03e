"""Pages of Siaga: navigation by role. The process behind it is started by `./siaga`, see api/app.py."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import navigation

ICON = Path(__file__).resolve().parent / "dashboard" / "assets" / "icon.png"

st.set_page_config(
    page_title="Siaga 112",
    page_icon=str(ICON),
    layout="wide",
    initial_sidebar_state="collapsed",
    menu_items={"Get help": None, "Report a bug": None, "About": "Siaga 112"},
)
st.logo(str(ICON), size="medium")
navigation.run()
