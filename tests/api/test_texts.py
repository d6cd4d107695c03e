from __future__ import annotations

import ast
import string

import pytest

from api import texts
from api.texts import preferred
from gis.words import Language
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "id"),
        ("id", "id"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("id-ID,id;q=0.9,en;q=0.8", "id"),
        ("de,en;q=0.5", "en"),
        ("de", "id"),
        ("en;q=0.3,id;q=0.7", "id"),
        ("en;q=0", "id"),
        ("en;q=x", "id"),
        ("*", "id"),
        ("," * 2000, "id"),
    ],
)
def test_language_follows_the_header(header, language):
    assert preferred(header) == language


def test_both_languages_have_the_same_parameters():
    for key, pair in texts._TEXTS.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(said) if name} for said in pair]
        assert names[0] == names[1], key
        assert all(pair), key


def test_every_text_asked_for_exists_and_every_text_is_asked_for():
    asked = set()
    for file in (ROOT / "api").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                asked.add(node.value)
    assert set(texts._TEXTS) <= asked
    for language in Language:
        assert all(texts.title(kind, language) for kind in texts.TITLES)
