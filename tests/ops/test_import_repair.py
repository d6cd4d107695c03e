"""`./siaga import … --propose-repair`: a file to look at, nothing in the database, and its import as the acceptance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import Engine, text

from ops.__main__ import main
from tests.data.imports import MIDDLE_X, MIDDLE_Y, SOUTH, WEST, box, geojson, quarters

STATE = text(
    "SELECT (SELECT count(*) FROM siaga.boundary_version), (SELECT max(boundary_set) FROM siaga.boundary_set),"
    " (SELECT md5(string_agg(code || ST_AsText(geom), '' ORDER BY code)) FROM siaga.admin_area),"
    " (SELECT revision FROM siaga.city), (SELECT count(*) FROM siaga.audit)"
)
DEG_5_M = 5 / 111_000


def dirty(path: Path) -> Path:
    """Four kelurahan of which two overlap by 5 m, with a sliver of 5 m inside the first."""
    sliver = box(122.46, -4.02, 122.47, -4.02 + DEG_5_M)
    ground = box(WEST, SOUTH, MIDDLE_X + DEG_5_M, MIDDLE_Y).difference(sliver)
    return geojson(path, quarters(B1={"geometry": ground}))


@pytest.fixture
def run(
    server: Any, database: str, engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run the command on the module's own database; return exit code and output."""
    from contextlib import contextmanager

    from tests.api.city import seed

    with engine.begin() as tx:
        if not tx.execute(text("SELECT count(*) FROM siaga.city")).scalar_one():
            seed(tx)

    @contextmanager
    def opened(_: Any) -> Any:
        yield engine

    monkeypatch.setattr("ops.session.open_engine", opened)

    def call(*arguments: object) -> tuple[int, str]:
        code = main(["import", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def test_a_proposal_writes_its_file_and_importing_it_accepts(
    run: Callable[..., tuple[int, str]], engine: Engine, tmp_path: Path
) -> None:
    path, out, report, drawn = (tmp_path / name for name in ("a.geojson", "out.geojson", "r.json", "map.geojson"))
    dirty(path)
    with engine.connect() as tx:
        before = tx.execute(STATE).one()
    code, said = run(
        "admin-areas", path, "--level", "kelurahan", "--propose-repair", out, "--report", report, "--report-map", drawn
    )
    assert code == 0, said
    assert "overlap 1 → 0" in said
    assert "sliver 1 → 0" in said
    assert "Nothing was written to the database" in said
    with engine.connect() as tx:
        assert tx.execute(STATE).one() == before
    shapes = gpd.read_file(out).geometry.to_numpy()
    assert shapely.coverage_is_valid(shapes)
    assert shapely.union_all(shapes).equals(box(122.45, -4.05, 122.55, -3.95))
    document = json.loads(report.read_text())
    assert document["counts"]["overlap"] == 1
    assert document["repair"]["owner_changes_within_m"] <= 3
    assert {row["code"] for row in document["repair"]["changes"]} == {"B1", "T1"}
    assert document["after"]["coverage"]["is_valid"] is True
    kinds = gpd.read_file(drawn)["kind"]
    assert {"overlap", "sliver"} <= set(kinds)
    code, said = run("admin-areas", out, "--level", "kelurahan")
    assert code == 0, said
    assert "4 changed" in said
    with engine.connect() as tx:
        assert tx.execute(STATE).one() != before


def test_borders_move_onto_the_citys_own_areas(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    halves = [
        {"code": "X", "name": "X", "geometry": box(122.45, -4.05, MIDDLE_X + DEG_5_M, -3.95)},
        {"code": "Y", "name": "Y", "geometry": box(MIDDLE_X + DEG_5_M, -4.05, 122.55, -3.95)},
    ]
    path, out = geojson(tmp_path / "p.geojson", halves), tmp_path / "out.gpkg"
    code, said = run(
        "boundaries", path, "--agency", "POL", "--service", "police", "--propose-repair", out, "--snap-to", "kecamatan"
    )
    assert code == 0, said
    west = gpd.read_file(out).set_index("code").geometry["X"]
    assert west.bounds[2] == MIDDLE_X


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--propose-repair", "out.shp"), "cannot write .shp"),
        (("--propose-repair", "out.geojson", "--tolerance-m", "999"), "0 to 200 metres"),
        (("--propose-repair", "out.geojson", "--tolerance-m", "x"), "is not a number"),
        (("--propose-repair", "out.geojson", "--snap-to", "none.geojson"), "is not there"),
        (("--propose-repair", "a.geojson"), "is the file that is read"),
    ],
)
def test_options_that_make_no_sense(
    run: Callable[..., tuple[int, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    dirty(tmp_path / "a.geojson")
    code, said = run("admin-areas", "a.geojson", "--level", "kelurahan", *options)
    assert (code, reason in said) == (1, True), said


def test_without_a_polygon_nothing_is_proposed(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    rows = quarters(B1={"geometry": shapely.Point(WEST, SOUTH)})
    path, out = geojson(tmp_path / "a.geojson", rows), tmp_path / "out.geojson"
    code, said = run("admin-areas", path, "--level", "kelurahan", "--propose-repair", out)
    assert code == 1
    assert "none can be invented" in said
    assert not out.exists()
