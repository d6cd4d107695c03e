"""Killed in the middle of an import of 65 boundaries, the set in force is the old one, whole."""

from __future__ import annotations

from pathlib import Path

import shapely
from sqlalchemy import Engine, text

from data.import_boundaries import import_boundaries
from tests.api.city import seed
from tests.data.imports import EAST, NORTH, NOW, SOUTH, WEST, geojson, kill_while_waiting

CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from data.import_boundaries import import_boundaries
from gis.db import make_engine, transaction
from gis.settings import Settings
settings = Settings(database_url=sys.argv[1], state=Path(sys.argv[2]).parent, demo=False)
engine = make_engine(settings, application="child")
with transaction(engine) as tx:
    import_boundaries(tx, Path(sys.argv[2]), agency="POL", service="police", actor="test",
                      now=datetime(2026, 5, 1, 4, tzinfo=UTC))
"""
STATE = text(
    "SELECT (SELECT array_agg(v.digest || lower(v.valid) || coalesce(upper(v.valid)::text, '-') ORDER BY v.digest,"
    " lower(v.valid)) FROM siaga.boundary_version v), (SELECT max(boundary_set) FROM siaga.boundary_set),"
    " (SELECT count(*) FROM siaga.jurisdiction), (SELECT revision FROM siaga.city)"
)
HELD = "P30"


def strips(path: Path) -> Path:
    """Write 65 strips that fill the city."""
    edges = [WEST + (EAST - WEST) * at / 65 for at in range(66)]
    rows = [
        {"code": f"P{at:02}", "name": f"Pos {at}", "geometry": shapely.box(edges[at], SOUTH, edges[at + 1], NORTH)}
        for at in range(65)
    ]
    return geojson(path, rows)


def test_killed_in_the_middle_the_old_set_is_whole(server, database: str, engine: Engine, tmp_path: Path) -> None:
    """Held up at one of its new jurisdictions, with those before it written, then killed without a word."""
    with engine.begin() as tx:
        seed(tx)
    with engine.connect() as before:
        state = before.execute(STATE).one()
        before.rollback()
    path = strips(tmp_path / "p.geojson")
    with engine.connect() as holder:
        # Somebody else is about to make the same jurisdiction: the import has to wait for the outcome.
        holder.execute(
            text(
                "INSERT INTO siaga.jurisdiction (service_code, agency_code, code, name) VALUES"
                " ('police', 'POL', :code, 'lain')"
            ),
            {"code": HELD},
        )
        kill_while_waiting(
            engine, CHILD, server.url("owner", database), str(path), statement="INSERT INTO siaga.jurisdiction"
        )
        holder.rollback()
    with engine.connect() as after:
        assert after.execute(STATE).one() == state
    # And nothing of it stands in the way of the next try.
    with engine.begin() as tx:
        report = import_boundaries(tx, path, agency="POL", service="police", actor="test", now=NOW)
    assert report.counts == {"created": 65, "changed": 0, "ended": 2}
