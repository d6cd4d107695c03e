"""The one component of the pages: its script, its assets and the theme it follows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

ASSETS = Path(__file__).resolve().parent.parent / "assets"


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


def theme() -> str:
    """Return ``night`` or ``light``, whichever Streamlit shows to this user."""
    return "night" if st.context.theme.type == "dark" else "light"


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "siaga",
        html='<div class="sg-host"></div>',
        js=(ASSETS / "js" / "mount.js").read_text(encoding="utf-8"),
        isolate_styles=False,  # Folium looks its element up by id in the document
    )


def show(data: Mapping[str, Any], key: str) -> Any:
    """Mount the component; `event` of the result holds, for one rerun, what the browser sent.

    Parameters
    ----------
    data
        `mode` is ``bar``, ``plain``, ``operator`` or ``agency``; `assets` are addresses to load, in order.
    key
        Always given: without one Streamlit takes every change of `data` for a new component.
    """
    return _component()(key=key, data={"theme": theme(), **data}, on_event_change=lambda: None, height="content")
