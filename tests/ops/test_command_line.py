"""Arguments, messages and exit codes of ./siaga."""

from __future__ import annotations

import json
import os
import socket
import stat

import pytest

from gis.errors import ValueRefused
from ops import ports
from ops.__main__ import main, make_parser, shield_negatives
from ops.arguments import moment, place
from ops.exits import CommandFailed
from ops.state import State, read_json, write_private


@pytest.mark.parametrize("lat", ["-3.9962", "-4", "-.5", "-3.99e0", "-3,9962", "-inf", "-nan"])
def test_negative_coordinates_are_values(lat):
    report = make_parser().parse_args(
        shield_negatives(["report", "--lon", "122.49985", "--lat", lat, "--type", "KAM1"])
    )
    assert report.lat.strip() == lat
    explain = make_parser().parse_args(shield_negatives(["explain", "-122.4", lat, "--json"]))
    assert (explain.lon.strip(), explain.lat.strip(), explain.json) == ("-122.4", lat, True)


def test_options_are_not_taken_for_numbers():
    assert shield_negatives(["-x", "--lat", "-h", "-"]) == ["-x", "--lat", "-h", "-"]


def test_commands_that_do_not_exist_yet_are_not_named(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    words = capsys.readouterr().out.split()
    assert {"demo", "up", "down", "status", "doctor", "report", "user", "token", "city", "bench"} <= set(words)
    assert not {"backup", "restore"} & set(words)


@pytest.mark.parametrize("arguments", [["nonsense"], ["report"], ["user", "add", "x", "--role", "king"], []])
def test_wrong_usage_is_exit_code_2(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_nothing_running_is_exit_code_3_and_makes_nothing(tmp_path, capsys):
    state = tmp_path / "st"
    assert main(["status", "--json", "--state", str(state)]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["is_running"] is False
    assert set(answer["parts"]) == {"supervisor", "postgres", "api", "pages", "worker"}
    place = ["--lon", "122.5", "--lat", "-3.9"]
    assert main(["report", *place, "--type", "KAM1", "--state", str(state)]) == 3
    assert main(["down", "--state", str(state)]) == 0
    assert main(["user", "list", "--state", str(state)]) == 1
    assert not state.exists()


def test_positions_are_refused_with_every_reason_at_once():
    with pytest.raises(ValueRefused) as caught:
        place("122,5", "-91")
    assert [finding.field for finding in caught.value.findings] == ["LON", "LAT"]
    assert "decimal point" in caught.value.findings[0].hint
    with pytest.raises(ValueRefused, match="refused"):
        place("nan", "0")


def test_a_time_without_offset_is_refused():
    assert moment(None, "--at") is None
    assert moment("2026-01-01T00:00:00+08:00", "--at") is not None
    with pytest.raises(ValueRefused, match="no offset"):
        moment("2026-01-01T00:00:00", "--at")


def test_a_start_that_finds_its_port_taken_leaves_nothing_behind(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        assert main(["demo", "--port", str(port), "--state", str(tmp_path / "st")]) == 1
    assert str(port) in capsys.readouterr().err
    assert not (tmp_path / "st").exists()


def test_a_busy_port_names_its_holder():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(
            CommandFailed, match=rf"port {port} is held by process {os.getpid()} \(.*--port N"
        ) as caught:
            ports.require_free({"--port": port})
        assert caught.value.code == 1
    ports.require_free({"--port": port})


def test_two_parts_need_two_ports():
    with pytest.raises(CommandFailed, match="two different ports"):
        ports.require_free({"--port": 18501, "--api-port": 18501})


def test_secrets_are_private_and_stay(tmp_path):
    state = State.at(tmp_path / "st")
    state.make()
    first = state.secrets()
    assert set(first) == {"admin", "owner", "api", "pages", "worker", "planner", "cookie"}
    assert stat.S_IMODE(state.secrets_file.stat().st_mode) == 0o600
    assert state.secrets() == first
    assert len(set(first.values())) == 7


def test_a_damaged_file_reads_as_absent(tmp_path):
    file = tmp_path / "run.json"
    file.write_text("{")
    assert read_json(file) is None
    write_private(file, {"a": 1})
    assert read_json(file) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_real_citys_state_is_never_dropped(tmp_path, capsys):
    state = State.at(tmp_path / "st")
    state.make()
    write_private(state.kind_file, {"kind": "city"})
    state.data.mkdir()
    assert main(["demo", "--fresh", "--yes", "--state", str(state.path)]) == 1
    assert "belongs to a real city" in capsys.readouterr().err
    state.kind_file.unlink()
    assert main(["demo", "--fresh", "--yes", "--state", str(state.path)]) == 1
    assert "is not a demo's" in capsys.readouterr().err
    assert state.data.exists()


def every_command(parser, words=()):
    for action in parser._actions:
        for name, child in (action.choices or {}).items() if hasattr(action, "_choices_actions") else ():
            yield (*words, name), child
            yield from every_command(child, (*words, name))


def test_every_command_has_a_description_and_an_example_that_parses():
    for words, command in every_command(make_parser()):
        assert command.description, words
        example = (command.epilog or "").removeprefix("Example: ./siaga ").split()
        assert example[: len(words)] == list(words), words
        if words[0] != "test":
            assert make_parser().parse_args(shield_negatives(example)).command == words[0]
