"""Between an import and the worker's new travel times, those of the network before go on serving."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Engine

from data.import_roads import import_roads
from routing_engine.dispatch.fields import load_fields, refresh_fields
from routing_engine.network.store import current_build
from tests.data.imports import NOW
from tests.data.osm import write_osm


def digests(engine: Engine, state: Path) -> dict[str, set[str]]:
    with engine.connect() as tx:
        return {
            profile: {field.digest for field in bands.values()} for profile, bands in load_fields(tx, state).items()
        }


def test_the_old_times_serve_until_the_new_ones_are_made(kendari: Engine, server, tmp_path: Path) -> None:
    # A copy: making new fields removes the files of the old ones, which other tests share.
    shutil.copytree(server.state / "fields", tmp_path / "fields")
    before = digests(kendari, tmp_path)
    assert before
    nodes = {1: (0, 0), 2: (20, 0), 3: (20, 20), 4: (0, 20)}
    ways = {10: ([1, 2, 3], {"highway": "primary", "name": "Jl. Baru"}), 11: ([3, 4, 1], {"highway": "secondary"})}
    with kendari.begin() as tx:
        old = current_build(tx)
        report = import_roads(tx, write_osm(tmp_path / "a.osm", nodes, ways), with_basemap=False, actor="test", now=NOW)
        assert report.counts["new_builds"] == 1
        assert current_build(tx) != old
    assert digests(kendari, tmp_path) == before
    refresh_fields(kendari, tmp_path)
    after = digests(kendari, tmp_path)
    assert after.keys() == before.keys()
    assert all(after[profile].isdisjoint(before[profile]) for profile in after)
    with kendari.connect() as tx:
        graph = next(iter(load_fields(tx, tmp_path)["ambulance"].values())).graph
    assert set(graph.street_names) == {"Jl. Baru"}
