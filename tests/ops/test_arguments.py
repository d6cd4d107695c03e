"""Ports, numbers, files and folders of the command line, as people get them wrong."""

from __future__ import annotations

import os

import pytest

from gis.errors import ValueRefused
from ops.__main__ import main
from ops.arguments import file_to_read, file_to_write
from ops.commands.nearest import describe
from ops.state import State, write_private
from ops.webhooks import NETWORKS, require_url


@pytest.mark.parametrize(
    "arguments",
    [
        *(["demo", "--port", port] for port in ("0", "-1", "65536", "99999", "1e3", "", "9" * 80)),
        ["up", "--api-port", "70000"],
        *(["nearest", "122.5", "-3.9", "--service", "fire", "--limit", limit] for limit in ("0", "-3", "1.5", "1001")),
        ["report", "--lon", "1", "--lat", "2", "--type", "KAM1", "--severity", "5"],
        ["import", "boundaries", "f.geojson", "--agency", "POL", "--service", "police", "--priority", "10001"],
    ],
    ids=" ".join,
)
def test_whole_numbers_have_limits(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "is not a whole number from 1 to" in capsys.readouterr().err


def test_files_to_write_are_looked_at_before_the_work(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("lon,lat\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "same.csv").symlink_to(source)
    (tmp_path / "hard.csv").hardlink_to(source)
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere" / "out.csv")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, reason in (
        ("nowhere/out.csv", "there is no folder"),
        ("folder", "is a folder"),
        ("in.csv", "is the file that is read"),
        ("same.csv", "is the file that is read"),
        ("hard.csv", "is the file that is read"),
        ("broken.csv", "there is no folder"),
        ("loop", "loop"),
    ):
        with pytest.raises(ValueRefused, match=reason):
            file_to_write(tmp_path / name, "--out", source=source)
    assert file_to_write(tmp_path / "out.csv", "--out", source=source) == tmp_path / "out.csv"
    assert not (tmp_path / "out.csv").exists()


def test_files_to_read(tmp_path):
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere.csv")
    for name, reason in (("", "is a folder"), ("none.csv", "is not there"), ("broken.csv", "link to a file")):
        with pytest.raises(ValueRefused, match=reason):
            file_to_read(tmp_path / name, "FILE")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_files_of_others_are_refused(tmp_path):
    closed = tmp_path / "closed"
    closed.touch()
    closed.chmod(0)
    with pytest.raises(ValueRefused, match="cannot be read by this user"):
        file_to_read(closed, "FILE")
    with pytest.raises(ValueRefused, match="cannot be written by this user"):
        file_to_write(closed, "--out")


def test_commands_refuse_before_they_need_a_database(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text("lon,lat\n1,2\n")
    state = ["--state", str(tmp_path / "st")]
    for arguments, reason in (
        (["match", "p.csv", "--service", "police", "--out", "none/o.csv"], "--out: there is no folder"),
        (["match", "p.csv", "--service", "police", "--out", "p.csv"], "--out: p.csv is the file that is read"),
        (["match", "p.csv", "--service", "police", "--out", "o.xls"], "cannot write .xls"),
        (["match", "none.csv", "--service", "police", "--out", "o.csv"], "FILE: none.csv is not there"),
        (["import", "stations", "p.csv", "--report", "none/r.json"], "--report: there is no folder"),
        (["import", "stations", "p.csv", "--report", "p.csv"], "--report: p.csv is the file that is read"),
        (["import", "stations", "."], "FILE: . is a folder"),
    ):
        assert main([*arguments, *state]) == 1
        assert reason in capsys.readouterr().err
    assert main(["bench", "live", "--json", "none/b.json"]) == 1
    assert "--json: there is no folder" in capsys.readouterr().err
    assert (tmp_path / "p.csv").read_text() == "lon,lat\n1,2\n"


@pytest.mark.parametrize(("state", "code"), [("", 2), ("~nobody-of-that-name/x", 1), ("loop", 1)])
def test_a_state_folder_that_is_none(state, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    for command in ("status", "down", "up"):
        assert main([command, "--state", state]) == code
        assert "--state" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]


BAD_ADDRESSES = [
    *("https://[::1", "https://x:99999/", "https://", "http://x/", "https://a:b@x/", ""),
    *(
        "https://127.0.0.1/x",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
        "https://10.1.2.3/",
        "https://localhost/",
    ),
]


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_addresses_of_webhooks(url, tmp_path):
    with pytest.raises(ValueRefused, match="URL"):
        require_url(url, state=State.at(tmp_path))


def test_a_private_address_of_a_webhook_needs_its_network_listed(tmp_path):
    state = State.at(tmp_path)
    require_url("https://siaga.example/hook", state=state)
    require_url("http://10.20.1.9/hook", state=state, network="10.20.0.0/16")
    write_private(state.webhooks_file, {NETWORKS: ["10.30.0.0/16"]})
    require_url("https://10.30.1.9/hook", state=state)
    for url in ("https://10.20.1.9/hook", "http://10.30.1.9/hook"):
        with pytest.raises(ValueRefused, match="URL"):
            require_url(url, state=state)
    with pytest.raises(ValueRefused, match="--network"):
        require_url("https://10.20.1.9/hook", state=state, network="10.20")


def test_a_time_that_is_none_is_refused_in_words(tmp_path, capsys):
    assert (
        main(["token", "add", "x", "--role", "intake", "--expires", "tomorrow", "--state", str(tmp_path / "st")]) == 1
    )
    said = capsys.readouterr().err
    assert "'tomorrow' is not a time" in said
    assert "isoformat" not in said


def test_nearest_says_hours_and_marks_an_estimate():
    one = {"name": "Pos", "travel_time_p90_s": None, "distance_m": 9e6, "straight_line_m": 9e6, "straight_line_rank": 1}
    nowhere = {"street": None, "access_m": None}
    far = describe([{**one, **nowhere, "travel_time_s": 309_180.0, "estimate": "straight_line", "calibration": "none"}])
    assert "~85.9 h" in far
    assert "by road" not in far
    there = {"street": "Jalan Sao-Sao", "access_m": 12.4}
    near = describe([{**one, **there, "travel_time_s": 90.0, "estimate": "road", "calibration": "none"}])
    assert "1.5 min" in near
    assert "Jalan Sao-Sao, 12 m away" in near
    assert "~" not in near
