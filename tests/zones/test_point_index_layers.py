"""SQL = batch = Shapely on real layers: 200,000 points each, borders and vertices among them, not one different."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import text

from tests.zones.layers import LAYERS, border_points, by_shapely, draw_points, first_of, read_layer
from zones.point_index import build_index

N_POINTS = 200_000
N_ON_BORDERS = 40_000
# Rows of as many points the rule of `zones.matching` picks in SQL: `ST_Covers`, then priority, code, agency.
WINNERS = text(
    """
SELECT DISTINCT ON (p.id) p.id, b.row FROM trial_point p JOIN trial_boundary b ON ST_Covers(b.geom, p.geom)
ORDER BY p.id, b.priority, b.code COLLATE "C", b.agency COLLATE "C"
"""
)

pytestmark = pytest.mark.slow


@pytest.fixture(params=LAYERS)
def layer(request, geodata):
    frame = read_layer(geodata, request.param)
    # Priorities that differ, so that overlaps are decided by more than codes, and rows in no order.
    rng = np.random.default_rng(12)
    frame["priority"] = rng.integers(1, 4, len(frame))
    return frame.sample(frac=1, random_state=12).reset_index(drop=True)


@pytest.fixture
def points(layer):
    return np.vstack([draw_points(layer, N_POINTS - N_ON_BORDERS, 1), border_points(layer, N_ON_BORDERS, 2)])


def by_sql(tx, layer, xy):
    """Say who covers each point, by PostGIS: row of the layer, -1 for nobody."""
    tx.execute(text("CREATE TEMPORARY TABLE trial_point (id integer, geom geometry) ON COMMIT DROP"))
    tx.execute(
        text(
            "CREATE TEMPORARY TABLE trial_boundary (row integer, code text, agency text, priority integer,"
            " geom geometry) ON COMMIT DROP"
        )
    )
    boundaries = layer[["code", "agency", "priority"]].assign(wkb=shapely.to_wkb(layer.geometry.to_numpy(), hex=True))
    ids = pd.DataFrame({"id": np.arange(len(xy)), "wkb": shapely.to_wkb(shapely.points(xy), hex=True)})
    with tx.connection.cursor() as cursor:
        for table, rows in (("trial_boundary", boundaries.reset_index()), ("trial_point", ids)):
            cursor.copy_expert(
                f"COPY {table} FROM STDIN (FORMAT csv)",
                io.StringIO(rows.to_csv(index=False, header=False)),
            )
    # Polygon by polygon: each is prepared once for all the points in its box. Nobody waits for the answer.
    tx.execute(text("CREATE INDEX ON trial_point USING gist (geom)"))
    tx.execute(text("ANALYZE trial_point, trial_boundary"))
    tx.execute(text("SET LOCAL statement_timeout = 0"))
    found = np.full(len(xy), -1)
    rows = np.array(tx.execute(WINNERS).all())
    found[rows[:, 0]] = rows[:, 1]
    return found


def test_batch_equals_shapely(layer, points):
    found = build_index(layer).match(*points.T)
    assert (found != by_shapely(layer, points)).sum() == 0
    assert 0.2 < (found >= 0).mean() < 1.0


def test_batch_equals_sql(layer, points, tx):
    found = build_index(layer).match(*points.T)
    assert (found != by_sql(tx, layer, points)).sum() == 0


def test_pairs_are_decided_by_the_rule_whatever_their_order():
    pairs = np.array([(0, 2), (1, 0), (0, 1), (3, 2)])
    assert first_of(*pairs.T, np.array([7, 5, 6]), 4).tolist() == [5, 7, -1, 6]
