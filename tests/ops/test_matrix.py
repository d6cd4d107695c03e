"""`./siaga matrix` end to end on the demo city."""

from __future__ import annotations

import csv

import pytest

from ops.__main__ import main


@pytest.fixture
def files(tmp_path):
    """Two files: incidents on either side of the bay, and stations."""
    origins, destinations = tmp_path / "from.csv", tmp_path / "to.csv"
    origins.write_text("id,lon,lat\nA,122.5475,-3.964\nB,122.549,-4.003\n")
    destinations.write_text("lon,lat\n122.5075,-3.9835\n122.549,-4.003\n")
    return origins, destinations


def run(kendari_state, files, out, *more):
    origins, destinations = files
    arguments = ["matrix", "--origins", origins, "--destinations", destinations, "--out", out, "--state", kendari_state]
    return main([str(argument) for argument in (*arguments, *more)])


def test_refusals_come_before_the_work(tmp_path, files, capsys):
    missing = tmp_path / "none.csv"
    assert run(tmp_path / "st", (missing, files[1]), tmp_path / "out.csv") == 1
    assert "--origins" in capsys.readouterr().err
    assert run(tmp_path / "st", files, tmp_path / "out.xlsx") == 1
    assert "cannot write .xlsx" in capsys.readouterr().err
    assert run(tmp_path / "st", files, files[1]) == 1
    assert "is the file that is read" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        run(tmp_path / "st", files, tmp_path / "out.csv", "--hour", "24")
    assert caught.value.code == 2
    assert run(tmp_path / "st", files, tmp_path / "out.csv") == 1
    assert "holds no installation" in capsys.readouterr().err


def test_a_matrix_of_the_demo_city(server, kendari_database, tmp_path, files, capsys, monkeypatch):
    from contextlib import contextmanager

    from gis.db import make_engine
    from ops import session

    @contextmanager
    def opened(state, role="owner", *, for_reading=False):
        engine = make_engine(server.settings("owner", kendari_database), application="test")
        try:
            yield engine
        finally:
            engine.dispose()

    # The run's own cluster serves; what a state folder has to be is tested elsewhere.
    monkeypatch.setattr(session, "open_engine", opened)
    out = tmp_path / "out.csv"
    assert run(server.state, files, out, "--profile", "ambulance", "--hour", "10") == 0
    said = capsys.readouterr().out
    assert "4 pairs by ambulance" in said
    assert "not calibrated" in said
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["origin"], row["destination"]) for row in rows] == [("A", "1"), ("A", "2"), ("B", "1"), ("B", "2")]
    assert {row["estimate"] for row in rows} == {"road"}
    assert float(rows[3]["travel_time_s"]) == 0.0 or float(rows[3]["distance_m"]) < 500
