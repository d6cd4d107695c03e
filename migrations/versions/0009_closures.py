"""Closures: streets that are shut or slowed for a while, and which of them a travel-time field knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

RANGE = (
    "ST_XMin(geom) BETWEEN -180 AND 180 AND ST_XMax(geom) BETWEEN -180 AND 180"
    " AND ST_YMin(geom) BETWEEN -90 AND 90 AND ST_YMax(geom) BETWEEN -90 AND 90"
)

# Opened and ended by people at both doors; what a closure was does not change, only its end is set.
GRANTS = """
GRANT SELECT ON siaga.closure TO siaga_api, siaga_pages, siaga_worker, siaga_planner;
GRANT INSERT ON siaga.closure TO siaga_api, siaga_pages;
GRANT UPDATE (ended_at, ended_by) ON siaga.closure TO siaga_api, siaga_pages;
"""


def upgrade() -> None:
    """Make the table and the column."""
    op.create_geospatial_table(
        "closure",
        sa.Column(
            "closure_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("geom", Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=False),
        sa.Column("valid", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("profiles", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("factor", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('edge', 'line', 'polygon')", name=op.f("ck_closure_kind")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom) AND ST_IsValid(geom)", name=op.f("ck_closure_geom_valid")),
        sa.CheckConstraint(
            "GeometryType(geom) = CASE kind WHEN 'polygon' THEN 'POLYGON' ELSE 'LINESTRING' END",
            name=op.f("ck_closure_geom_type"),
        ),
        sa.CheckConstraint(RANGE, name=op.f("ck_closure_geom_lonlat")),
        sa.CheckConstraint("NOT isempty(valid) AND NOT lower_inf(valid)", name=op.f("ck_closure_valid")),
        sa.CheckConstraint("cardinality(profiles) > 0", name=op.f("ck_closure_profiles")),
        sa.CheckConstraint("factor > 1 AND factor < 'Infinity'", name=op.f("ck_closure_factor")),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("ck_closure_reason")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_closure_ended")),
        sa.PrimaryKeyConstraint("closure_id", name=op.f("pk_closure")),
        schema="siaga",
    )
    op.create_index(
        "ix_closure_open",
        "closure",
        ["valid"],
        schema="siaga",
        postgresql_using="gist",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.add_column(
        "travel_field", sa.Column("closures", sa.Text(), server_default=sa.text("''"), nullable=False), schema="siaga"
    )
    op.execute(GRANTS)


def downgrade() -> None:
    """Take both back."""
    op.drop_column("travel_field", "closures", schema="siaga")
    op.drop_geospatial_table("closure", schema="siaga")
