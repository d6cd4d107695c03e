"""Alembic's environment: the schema `siaga` of one database, run as its owner.

The connection comes from the caller (`ops.database`, tests) through ``config.attributes["connection"]``; on the command
line ``SIAGA_DATABASE_URL`` names it.
"""

from __future__ import annotations

import os

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql.base import ischema_names

import routing_engine.dispatch.tables
import routing_engine.network.tables  # noqa: F401
from gis.db import SCHEMA, metadata
from gis.settings import sqlalchemy_url
from gis.tables import SCHEMAS, Xid8

ischema_names["xid8"] = Xid8  # SQLAlchemy does not know the type when it reads the database back


def include_name(name, type_, parent_names):  # type: ignore[no-untyped-def]
    """Look at our two schemas only; PostGIS' own tables live in `public`."""
    return name in SCHEMAS if type_ == "schema" else True


def run(connection) -> None:  # type: ignore[no-untyped-def]
    """Run the migrations in one transaction on `connection`."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=include_name,
        include_object=alembic_helpers.include_object,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(sqlalchemy_url(os.environ["SIAGA_DATABASE_URL"]))
    with engine.begin() as opened:
        run(opened)
