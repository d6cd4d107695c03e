"""What a refused command says: each reason once, and a problem document for programs."""

from __future__ import annotations

import json

import pytest

from gis.errors import ConflictError, DataError, Finding, NotFoundError, UnavailableError, ValueRefused
from ops import refusals
from ops.__main__ import main
from ops.client import problem_text
from ops.exits import NOT_RUNNING, REFUSED, CommandFailed


def test_each_reason_is_said_once():
    assert refusals.lines(ValueRefused.of("--at", "no offset", "add one")) == ["--at: no offset; add one"]
    two = [Finding(field="name", reason="not a name"), Finding(field="role", reason="unknown role")]
    assert refusals.lines(ValueRefused("token: name: not a name; role: unknown role", two)) == [
        "name: not a name",
        "role: unknown role",
    ]
    assert refusals.lines(DataError("position refused", two)) == [
        "position refused",
        "  name: not a name",
        "  role: unknown role",
    ]


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (ValueRefused.of("--at", "no offset"), 1, "values"),
        (NotFoundError("no account"), 1, "not-found"),
        (ConflictError("taken"), 1, "conflict"),
        (UnavailableError("away"), 3, "unavailable"),
        (CommandFailed(NOT_RUNNING, "nothing runs"), 3, "unavailable"),
        (CommandFailed(REFUSED, "a city"), 1, "refused"),
    ],
)
def test_every_refusal_has_a_code_and_a_document(error, code, kind):
    assert refusals.exit_code(error) == code
    document = refusals.document(error)
    assert document["type"] == f"urn:siaga:problem:{kind}"
    assert document["detail"] == str(error)
    assert ("errors" in document) == (kind == "values")


def test_the_apis_own_document_is_passed_on():
    document = {"type": "urn:siaga:problem:values", "status": 422, "title": "Values", "detail": "Mend …", "errors": []}
    assert refusals.document(CommandFailed(REFUSED, "refused", document)) == document


def test_people_read_the_reasons_and_not_where_a_program_finds_them():
    errors = [{"field": "lon", "reason": "is required", "hint": ""}]
    text = problem_text({"title": "Values cannot be accepted", "detail": "Mend errors", "errors": errors}, 422)
    assert text == "Values cannot be accepted\n  lon: is required"
    assert problem_text({"title": "Conflict", "detail": "this key was used"}, 409) == "this key was used"


def test_a_program_gets_the_document_and_a_person_the_lines(tmp_path, capsys):
    arguments = ["explain", "200", "-3,9", "--state", str(tmp_path / "st")]
    assert main([*arguments, "--json"]) == 1
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["type"] == "urn:siaga:problem:values"
    assert [one["field"] for one in document["errors"]] == ["LON", "LAT"]
    assert "decimal point" in said.err
    assert main(arguments) == 1
    assert capsys.readouterr().out == ""
    report = ["report", "--lon", "1", "--lat", "2", "--type", "KAM1", "--json", "--state", str(tmp_path / "st")]
    assert main(report) == 3
    assert json.loads(capsys.readouterr().out)["type"] == "urn:siaga:problem:unavailable"


def test_an_empty_key_is_refused_and_not_replaced(tmp_path, capsys):
    report = ["report", "--lon", "1", "--lat", "2", "--type", "KAM1", "--state", str(tmp_path / "st"), "--key"]
    for key in ("", "é", "a\nb", "x" * 256):
        assert main([*report, key]) == 1
        assert "--key: not a key" in capsys.readouterr().err


def test_a_file_that_fails_later_is_named(tmp_path, capsys, monkeypatch):
    def run(args):
        raise OSError(28, "No space left on device", "/data/out.csv")

    monkeypatch.setattr("ops.commands.status.run", run)
    assert main(["status", "--state", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "siaga: /data/out.csv: No space left on device\n"


def test_arguments_that_are_no_text_are_wrong_usage(capsys):
    assert main(["match", "caf\udce9.csv", "--service", "police", "--out", "o.csv"]) == 2
    assert "is not UTF-8 text" in capsys.readouterr().err
