"""The road network and its travel-time fields."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "road_build",
        sa.Column("road_build_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("is_current", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("road_build_id", name=op.f("pk_road_build")),
        schema="siaga",
    )
    op.create_index(
        "uq_road_build_current",
        "road_build",
        ["is_current"],
        unique=True,
        schema="siaga",
        postgresql_where=sa.text("is_current"),
    )
    op.create_table(
        "road_speed",
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("road_class", sa.Text(), nullable=False),
        sa.Column("hour_from", sa.Integer(), nullable=False),
        sa.Column("speed_kph", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("profile", "road_class", "hour_from", name=op.f("pk_road_speed")),
        schema="siaga",
    )
    op.create_geospatial_table(
        "road_edge",
        sa.Column("road_build_id", sa.BigInteger(), nullable=False),
        sa.Column("edge_id", sa.BigInteger(), nullable=False),
        sa.Column("from_node", sa.BigInteger(), nullable=False),
        sa.Column("to_node", sa.BigInteger(), nullable=False),
        sa.Column("road_class", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("length_m", sa.Double(), nullable=False),
        sa.Column("speed_kph", sa.Double(), nullable=True),
        sa.Column("width_m", sa.Double(), nullable=True),
        sa.Column("is_bridge", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["road_build_id"],
            ["siaga.road_build.road_build_id"],
            name=op.f("fk_road_edge_road_build_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("road_build_id", "edge_id", name=op.f("pk_road_edge")),
        schema="siaga",
    )
    op.create_geospatial_index(
        "ix_road_edge_geom",
        "road_edge",
        ["geom"],
        unique=False,
        schema="siaga",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "road_node",
        sa.Column("road_build_id", sa.BigInteger(), nullable=False),
        sa.Column("node_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["road_build_id"],
            ["siaga.road_build.road_build_id"],
            name=op.f("fk_road_node_road_build_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("road_build_id", "node_id", name=op.f("pk_road_node")),
        schema="siaga",
    )
    op.create_table(
        "road_restriction",
        sa.Column("road_build_id", sa.BigInteger(), nullable=False),
        sa.Column("road_restriction_id", sa.BigInteger(), nullable=False),
        sa.Column("from_edge", sa.BigInteger(), nullable=False),
        sa.Column("via_node", sa.BigInteger(), nullable=False),
        sa.Column("to_edge", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["road_build_id"],
            ["siaga.road_build.road_build_id"],
            name=op.f("fk_road_restriction_road_build_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("road_build_id", "road_restriction_id", name=op.f("pk_road_restriction")),
        schema="siaga",
    )
    op.create_table(
        "travel_field",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("hour_from", sa.Integer(), nullable=False),
        sa.Column("road_build_id", sa.BigInteger(), nullable=False),
        sa.Column("n_stations", sa.Integer(), nullable=False),
        sa.Column("n_states", sa.Integer(), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["road_build_id"],
            ["siaga.road_build.road_build_id"],
            name=op.f("fk_travel_field_road_build_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_travel_field")),
        schema="siaga",
    )


def downgrade() -> None:
    """Drop them, newest first."""
    op.drop_table("travel_field", schema="siaga")
    op.drop_table("road_restriction", schema="siaga")
    op.drop_geospatial_table("road_node", schema="siaga")
    op.drop_geospatial_table("road_edge", schema="siaga")
    op.drop_table("road_speed", schema="siaga")
    op.drop_table("road_build", schema="siaga")
