"""What the scripts may never do: write HTML, evaluate text, or speak to another host."""

from __future__ import annotations

import ast
import re

import pytest

from dashboard.components.browser import ASSETS
from tests.conftest import ROOT

SCRIPTS = sorted((ASSETS / "js").glob("*.js"))
PAGES = sorted((ROOT / "dashboard").rglob("*.py"))
BANNED = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|createContextualFragment|parseFromString)\b"
    r"|\beval\s*\(|\bnew Function\b|\bset(Timeout|Interval)\(\s*['\"`]|javascript:"
)
HOST = re.compile(r"(?:https?|wss?):?//[^\s'\"`)/|]+")
NAMESPACES = {"http://www.w3.org"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_write_text_only(script):
    text = script.read_text(encoding="utf-8")
    assert not BANNED.search(text), BANNED.search(text)
    # A popup or a tooltip of Leaflet takes HTML as text; ours take elements.
    for call in re.findall(r"\.bind(?:Popup|Tooltip)\((.{0,5})", text):
        assert call == "() =>", call
    for html in re.findall(r"\bhtml:\s*([^,}]+)", text):
        assert html.strip().startswith(("face", "label", "el(")), html


@pytest.mark.parametrize("file", [*SCRIPTS, *ASSETS.glob("*.css")], ids=lambda path: path.name)
def test_no_other_host(file):
    found = {host for host in HOST.findall(file.read_text(encoding="utf-8")) if host.rstrip("/") not in NAMESPACES}
    assert not found
    assert "@import" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_maps_knows_folium(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    if file.name != "maps.py":
        assert not imported & {"folium", "branca", "streamlit_folium"}
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not (used | named) & {"Popup", "Tooltip", "Icon", "GeoJsonPopup"}
    keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    assert "unsafe_allow_html" not in keywords
    assert not imported & {"sqlalchemy"} or file.name.endswith("services.py")


def test_everything_drawn_has_a_colour_day_and_night():
    style = (ASSETS / "desk.css").read_text(encoding="utf-8")
    day, night = style.split(':root[data-siaga="night"]', 1)
    names = set(re.findall(r"(--[a-z0-9-]+):", day))
    assert names == set(re.findall(r"(--[a-z0-9-]+):", night.split("}", 1)[0]))
    used = set(re.findall(r"var\((--[a-z0-9-]+)", style)) - {"--st-font", "--st-code-font", "--c", "--ring"}
    assert used <= names


def test_colour_contrast_is_readable():
    """WCAG 2 AA: 4.5 for text on its ground, day and night."""
    style = (ASSETS / "desk.css").read_text(encoding="utf-8")
    blocks = style.split(":root", 3)[1:3]
    pairs = [
        *(("ink", ground) for ground in ("panel", "page", "alarm-wash", "due-wash", "accent-wash")),
        *(("soft", ground) for ground in ("panel", "raised", "sunk", "alarm-wash", "due-wash", "accent-wash")),
        *(("alarm", ground) for ground in ("panel", "alarm-wash")),
        *(("due", ground) for ground in ("panel", "due-wash")),
        ("accent", "panel"),
        ("good", "panel"),
        ("fill-ink", "fill"),
        ("alarm-ink", "alarm"),
    ]
    for block in blocks:
        colour = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block))
        pairs_here = [*pairs, *(("mark-ink", name) for name in colour if name.startswith("sv-"))]
        for text, ground in pairs_here:
            assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
