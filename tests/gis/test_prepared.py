"""Statements prepared once per connection answer as plain ones do."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis.prepared import numbered

SUM = text("SELECT CAST(:a AS int) + CAST(:b AS int) + CAST(:a AS int) AS s, '100 %' AS p").execution_options(
    prepared=True
)
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'siaga_%'")


def test_parameters_are_numbered_once_per_name():
    assert numbered("SELECT %(a)s, %(b)s, %(a)s, '%%'") == ("SELECT $1, $2, $1, '%'", ("a", "b"))


def test_a_prepared_statement_is_planned_once_and_answers_the_same(engine):
    with engine.connect() as connection:
        for a in range(4):
            row = connection.execute(SUM, {"a": a, "b": 10}).one()
            assert (row.s, row.p) == (2 * a + 10, "100 %")
        assert connection.execute(PREPARED).scalar_one() == 1


def test_it_survives_a_rollback_and_a_return_to_the_pool(engine):
    for _ in range(3):
        with engine.connect() as connection:
            assert connection.execute(SUM, {"a": 1, "b": 1}).one().s == 3
            with pytest.raises(DBAPIError):
                connection.execute(text("SELECT 1 / 0"))
            connection.rollback()
        with engine.begin() as tx:
            assert tx.execute(SUM, {"a": 2, "b": 1}).one().s == 5
