"""What is said about an input: whole in one language, and nothing twice."""

from __future__ import annotations

import pytest

from gis.messages import MESSAGES, message


def test_every_message_has_the_same_placeholders_in_both_languages():
    import string

    for key, texts in MESSAGES.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts]
        assert names[0] == names[1], key


@pytest.mark.parametrize(
    ("expected", "indonesian", "english"),
    [
        ("number", "harus berupa angka", "must be a number"),
        ("object", "harus berupa objek JSON", "must be a JSON object"),
        ("0, 1, 2 …", "harus berupa 0, 1, 2 …", "must be 0, 1, 2 …"),
    ],
)
def test_what_was_expected_is_said_in_the_language_of_the_sentence(expected, indonesian, english):
    assert message("wrong_type", "id", expected=expected) == indonesian
    assert message("wrong_type", "en", expected=expected) == english


def test_the_hint_after_an_unknown_type_does_not_say_unknown_again():
    for language in ("id", "en"):
        reason = message("unknown_type", language)
        hint = message("choose", language, allowed="KAM1")
        assert f"{reason}; {hint}".count("tidak dikenal" if language == "id" else "unknown") == 1
