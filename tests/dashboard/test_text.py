"""Both languages say everything, and everything the browser asks for exists."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from dashboard.components.browser import ASSETS
from dashboard.pages import boundary_file
from dashboard.pages.boundaries import boundary_texts
from dashboard.text import TEXT, t, texts
from dashboard.text_boundaries import BOUNDARIES
from dashboard.text_boundary_file import FILE
from data.polygon_findings import Kind
from gis import words
from routing_engine.dispatch.changes import EVENT_KINDS

SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in (ASSETS / "js").glob("*.js")}
PLACEHOLDER = re.compile(r"\{\w+\}")


@pytest.mark.parametrize("key", TEXT | BOUNDARIES | FILE)
def test_both_languages_say_the_same_with_the_same_gaps(key):
    indonesian, english = (TEXT | BOUNDARIES | FILE)[key]
    assert indonesian.strip()
    assert english.strip()
    assert sorted(PLACEHOLDER.findall(indonesian)) == sorted(PLACEHOLDER.findall(english))


def test_languages_have_equal_keys():
    assert texts("id").keys() == texts("en").keys()
    assert texts("id") != texts("en")


def asked_for(scripts: Iterable[str] = tuple(SCRIPTS.values())) -> set[str]:
    literal = re.compile(r"\bt\('([a-z0-9_A-Z]+)'\s*[,)]|\bt\(\s*[\w.!]+(?:\([^()]*\))?\s*\?\s*'(\w+)'\s*:\s*'(\w+)'")
    return {key for text in scripts for found in literal.findall(text) for key in found if key}


def test_scripts_ask_for_texts_that_exist():
    keys = asked_for()
    assert len(keys) > 80
    assert keys <= TEXT.keys() | BOUNDARIES.keys() | FILE.keys()


def test_the_boundary_page_is_given_every_text_its_scripts_ask_for():
    asked = asked_for(
        text for name, text in SCRIPTS.items() if name.startswith("boundary") and name != "boundaryreport.js"
    )
    assert len(asked) > 80
    assert asked <= boundary_texts("id").keys() == boundary_texts("en").keys()


def test_every_kind_of_finding_has_words():
    assert {f"f_kind_{kind}" for kind in Kind} <= FILE.keys()
    assert asked_for([SCRIPTS["boundaryreport.js"]]) <= FILE.keys() | set(boundary_file.SHARED)


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("hazard_", [str(hazard) for hazard in words.Hazard]),
        ("letter_", words.SERVICES),
        ("severity_", "1234"),
        ("lane_", [str(lane) for lane in words.Lane]),
        ("origin_", [str(origin) for origin in words.Origin if origin != words.Origin.LIVE]),
        (
            "do_",
            ["accepted", "declined", "seen", "en_route", "on_scene", "done", "verify", "close", "cancel", "reopen"],
        ),
        ("done_", [kind for kind in EVENT_KINDS if kind != "relocate"]),
        ("family_", ["KBK", "LKA", "MED", "SAR", "KAM", "BNC", "SOS", "UTL", "LNG", "ADM"]),
    ],
)
def test_every_code_has_its_words(prefix, codes):
    assert {prefix + code for code in codes} <= TEXT.keys()


def test_results_of_the_form_have_words():
    listed = re.search(r"const RESULTS = \[([^\]]*)\]", SCRIPTS["detail.js"])
    assert listed is not None
    assert {f"result_{code}" for code in re.findall(r"'(\w+)'", listed[1])} <= TEXT.keys()


def test_gaps_are_filled():
    assert t("stale", "id", n=7).startswith("Tidak tersambung 7 dtk")
    with pytest.raises(KeyError):
        t("no such text", "id")
