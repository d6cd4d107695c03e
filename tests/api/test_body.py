from __future__ import annotations

import math

import pytest

from api.body import check_values, read_object
from api.errors import Problem, answer
from gis.errors import ValueRefused
from gis.words import Language


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b"", "body-empty"),
        (b"  \n", "body-empty"),
        (b"\xff\xfe", "body-utf8"),
        (b"{", "body-json"),
        (b"{'a': 1}", "body-json"),
        (b'{"a": 1,}', "body-json"),
        (b'{"lon": 122,49985, "lat": -3,9962}', "body-comma"),
        (b"[1]", "body-object"),
        (b'"text"', "body-object"),
        (b"null", "body-object"),
        (b'{"a": 1, "a": 2}', "body-twice"),
        (b'{"b": {"a": 1, "a": 2}}', "body-twice"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "body-deep"),
        (b"[" * 60_000, "body-deep"),
    ],
)
def test_unreadable_bodies_are_syntax_errors_that_say_where(raw, key):
    with pytest.raises(Problem) as refused:
        read_object(raw, Language.EN)
    assert (refused.value.status, refused.value.key) == (400, key)
    for language in Language:
        assert answer(refused.value, language).status_code == 400


def test_numbers_that_are_none_come_through_to_be_named():
    body = read_object(b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": ' + b"9" * 5000 + b', "e": 12}', Language.ID)
    assert math.isnan(body["a"])
    assert [body[name] for name in "bcd"] == [-math.inf, math.inf, math.inf]
    assert body["e"] == 12


def test_values_are_judged_all_at_once_with_their_paths():
    body = {"vershion": 1, "note": "a\x00b", "list": [{"x": math.inf}], "kind": None}
    with pytest.raises(ValueRefused) as refused:
        check_values(body, ("kind", "version", "note", "list"), Language.EN, required=("kind", "version"))
    found = {finding.field: finding for finding in refused.value.findings}
    assert set(found) == {"vershion", "note", "list[0].x", "kind", "version"}
    assert "version" in found["vershion"].hint
    assert all(finding.reason for finding in found.values())
