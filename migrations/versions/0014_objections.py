"""Objections of agencies to assignments, until they are answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"

# An agency objects at either door; they are worked on and answered at the pages. What was objected to, by whom and why
# does not change.
GRANTS = """
GRANT SELECT, INSERT ON siaga.objection TO siaga_api, siaga_pages;
GRANT SELECT (boundary_draft_id, title, state) ON siaga.boundary_draft TO siaga_api;
GRANT UPDATE (state, version, boundary_draft_id, outcome, answer, taken_at, taken_by, answered_at, answered_by)
  ON siaga.objection TO siaga_pages;
GRANT SELECT (objection_id, assignment_id, incident_id, service_code, agency_code, jurisdiction_id, state, outcome,
  created_at, answered_at) ON siaga.objection TO siaga_planner;
"""


def _uuid(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, postgresql.UUID(as_uuid=False), nullable=nullable)


def _to(column: str, target: str, other: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"siaga.{target}.{other or column}"], name=op.f(f"fk_objection_{column}"))


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "objection",
        sa.Column(
            "objection_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        _uuid("assignment_id"),
        _uuid("incident_id"),
        _uuid("receipt_id"),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        _uuid("jurisdiction_id", nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("suggested_agency", sa.Text(), nullable=True),
        sa.Column("suggested_code", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        _uuid("boundary_draft_id", nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'in_work', 'answered')", name=op.f("ck_objection_state")),
        sa.CheckConstraint("outcome IN ('upheld', 'rejected', 'moot')", name=op.f("ck_objection_outcome")),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("ck_objection_reason")),
        sa.CheckConstraint(
            "CASE WHEN state = 'answered' THEN num_nulls(outcome, answered_at, answered_by) = 0 AND btrim(answer) <> ''"
            " ELSE num_nonnulls(outcome, answered_at, answered_by) = 0 END",
            name=op.f("ck_objection_answered"),
        ),
        sa.CheckConstraint("(taken_at IS NULL) = (taken_by IS NULL)", name=op.f("ck_objection_taken")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_objection_version")),
        _to("assignment_id", "assignment"),
        _to("incident_id", "incident"),
        _to("receipt_id", "receipt"),
        _to("service_code", "service"),
        _to("agency_code", "agency"),
        _to("jurisdiction_id", "jurisdiction"),
        _to("suggested_agency", "agency", "agency_code"),
        _to("boundary_draft_id", "boundary_draft"),
        sa.PrimaryKeyConstraint("objection_id", name=op.f("pk_objection")),
        schema="siaga",
    )
    op.create_index("ix_objection_state", "objection", ["state"], schema="siaga")
    op.create_index("ix_objection_incident_id", "objection", ["incident_id"], schema="siaga")
    op.create_index(
        "uq_objection_one_waiting",
        "objection",
        ["assignment_id"],
        unique=True,
        schema="siaga",
        postgresql_where=sa.text("state <> 'answered'"),
    )
    op.execute(GRANTS)


def downgrade() -> None:
    """Take it back."""
    op.execute("REVOKE SELECT (boundary_draft_id, title, state) ON siaga.boundary_draft FROM siaga_api")
    op.drop_table("objection", schema="siaga")
