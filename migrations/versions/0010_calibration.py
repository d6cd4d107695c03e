"""Travel times calibrated on recorded runs: the calibrations, and which one an assignment's seconds are from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

ADDED = "travel_time_p90_s, calibration_id"
READERS = "siaga_api, siaga_pages, siaga_worker, siaga_planner"


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "travel_calibration",
        sa.Column("calibration_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("n_runs", sa.Integer(), nullable=False),
        sa.Column("n_held_out", sa.Integer(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_travel_calibration_valid")),
        sa.PrimaryKeyConstraint("calibration_id", name=op.f("pk_travel_calibration")),
        schema="siaga",
    )
    op.create_index(
        "uq_travel_calibration_in_force",
        "travel_calibration",
        ["profile"],
        unique=True,
        schema="siaga",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.add_column("assignment", sa.Column("travel_time_p90_s", sa.Double(), nullable=True), schema="siaga")
    op.add_column("assignment", sa.Column("calibration_id", sa.BigInteger(), nullable=True), schema="siaga")
    op.create_foreign_key(
        op.f("fk_assignment_calibration_id"),
        "assignment",
        "travel_calibration",
        ["calibration_id"],
        ["calibration_id"],
        source_schema="siaga",
        referent_schema="siaga",
    )
    op.execute(f"GRANT SELECT ON siaga.travel_calibration TO {READERS}")
    op.execute(f"GRANT UPDATE ({ADDED}) ON siaga.assignment TO siaga_api, siaga_pages")


def downgrade() -> None:
    """Take them back; assignments keep their seconds."""
    op.execute(f"REVOKE UPDATE ({ADDED}) ON siaga.assignment FROM siaga_api, siaga_pages")
    op.drop_constraint(op.f("fk_assignment_calibration_id"), "assignment", schema="siaga", type_="foreignkey")
    op.drop_column("assignment", "calibration_id", schema="siaga")
    op.drop_column("assignment", "travel_time_p90_s", schema="siaga")
    op.drop_index("uq_travel_calibration_in_force", "travel_calibration", schema="siaga")
    op.drop_table("travel_calibration", schema="siaga")
