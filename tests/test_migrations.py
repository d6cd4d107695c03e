"""The schema: up, down, up again; and the tables in code are the tables in the database."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from geoalchemy2 import alembic_helpers
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

import routing_engine.dispatch.tables
import routing_engine.network.tables  # noqa: F401
from gis.db import metadata
from gis.tables import SCHEMAS
from tests.conftest import ROOT


def alembic(connection, action, revision):
    config = Config(str(ROOT / "alembic.ini"))
    config.attributes["connection"] = connection
    getattr(command, action)(config, revision)


def test_up_down_up(engine):
    with engine.begin() as tx:
        before = set(inspect(tx).get_table_names("siaga"))
        alembic(tx, "downgrade", "base")
        assert set(inspect(tx).get_table_names("siaga")) == {"alembic_version"}
        functions = tx.execute(
            text("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'siaga'")
        ).scalar_one()
        assert functions == 0
        alembic(tx, "upgrade", "head")
        assert set(inspect(tx).get_table_names("siaga")) == before


def test_tables_in_code_are_the_tables_in_the_database(server, database):
    # Not the role's search path: it makes `siaga` the default schema, which Alembic then calls None.
    engine = create_engine(
        server.url("owner", database), poolclass=NullPool, connect_args={"options": "-c search_path=public"}
    )
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: name in SCHEMAS if kind == "schema" else True,
                "include_object": alembic_helpers.include_object,
                "compare_type": True,
                "version_table_schema": "siaga",
            },
        )
        assert compare_metadata(context, metadata) == []
        checks = {
            row.conname
            for row in connection.execute(
                text(
                    "SELECT conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace"
                    " WHERE nspname IN ('siaga', 'private') AND contype IN ('c', 'x', 'u')"
                )
            )
        }
    wanted = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if type(constraint).__name__ in ("CheckConstraint", "ExcludeConstraint", "UniqueConstraint")
    }
    assert wanted == checks
