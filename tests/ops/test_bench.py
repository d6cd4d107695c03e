"""The table that benchmarks fill."""

from __future__ import annotations

import json

from ops import bench
from ops.bench import BenchRow, line

MODULE = """
from ops.bench import BenchRow
def run():
    return [BenchRow(name="match", size="100 points", ours=2.0, unit="ms", peer="loop", peer_value=6.0, ratio=3.0)]
"""


def test_a_row_names_size_ours_peer_and_ratio():
    row = BenchRow(
        name="intake", size="1,000 reports", ours=140.0, unit="reports/s", peer="plain", peer_value=70, ratio=2
    )
    assert line(row).split() == ["intake", "1,000", "reports", "140", "reports/s", "70", "2.00×", "plain"]


def test_an_absent_peer_is_named_absent():
    row = BenchRow(name="matrix", size="10×10", ours=1.0, unit="ms", peer="osrm")
    assert line(row).split()[-2:] == ["absent", "osrm"]


def test_modules_are_found_run_and_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "bench_one.py").write_text(MODULE)
    (tmp_path / "bench_bad.py").write_text("def run():\n    raise ValueError('wrong answer')\n")
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    assert bench.available() == ["bad", "one"]
    assert bench.run(["one"], tmp_path / "rows.json") == 0
    assert json.loads((tmp_path / "rows.json").read_text())["rows"][0]["ratio"] == 3.0
    assert bench.run(["bad", "one"]) == 1, "one that fails does not keep the others from running"
    assert "3.00×" in capsys.readouterr().out
