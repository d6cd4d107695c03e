"""Killed in the middle of an import, the network in use is as it was."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text

from data.import_roads import import_roads
from data.roads import write_roads
from tests.api.city import seed
from tests.data.imports import NOW, kill_while_waiting
from tests.data.osm import write_osm
from tests.data.test_roads import small_network

CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from data.import_roads import import_roads
from gis.db import make_engine, transaction
from gis.settings import Settings
settings = Settings(database_url=sys.argv[1], state=Path(sys.argv[2]).parent, demo=False)
engine = make_engine(settings, application="child")
with transaction(engine) as tx:
    import_roads(tx, Path(sys.argv[2]), with_basemap=False, actor="test", now=datetime(2026, 5, 1, tzinfo=UTC))
"""
STATE = text(
    "SELECT (SELECT array_agg(road_build_id || is_current::text) FROM siaga.road_build),"
    " (SELECT count(*) FROM siaga.road_node), (SELECT count(*) FROM siaga.road_edge),"
    " (SELECT count(*) FROM siaga.road_restriction)"
)


def test_killed_in_the_middle_the_old_network_is_whole(server, database: str, engine: Engine, tmp_path: Path) -> None:
    """Held up after its nodes are written and before its edges are, then killed without a word."""
    with engine.begin() as tx:
        seed(tx)
        write_roads(tx, *small_network(), source="uji", is_synthetic=True, now=NOW)
    with engine.connect() as before:
        state = before.execute(STATE).one()
        before.rollback()
    street = {"highway": "residential"}
    path = write_osm(tmp_path / "uji.osm", {1: (0, 0), 2: (1, 0), 3: (2, 0)}, {10: ([1, 2, 3], street)})
    with engine.connect() as holder:
        holder.execute(text("LOCK TABLE siaga.road_edge IN SHARE MODE"))
        kill_while_waiting(engine, CHILD, server.url("owner", database), str(path), statement="COPY siaga.road_edge")
        holder.rollback()
    with engine.connect() as after:
        assert after.execute(STATE).one() == state
    # And nothing of it stands in the way of the next try.
    with engine.begin() as tx:
        report = import_roads(tx, path, with_basemap=False, actor="test", now=NOW)
    assert report.counts["new_builds"] == 1
