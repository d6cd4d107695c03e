"""Rounds of an assignment: called again, appointed by hand, moved to another place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

# What follows the place of an incident, and what begins a new round; the use cases are those of both doors.
MOVED = (
    "boundary_version_id, match, share, border_m, station_id, travel_time_s, distance_m, estimate, rule_code, plan,"
    " why_id, why_en, receipt_id, round, called_at, appointed"
)


def upgrade() -> None:
    """Add the columns and let the doors change them."""
    op.add_column(
        "assignment", sa.Column("round", sa.SmallInteger(), server_default=sa.text("1"), nullable=False), schema="siaga"
    )
    op.add_column("assignment", sa.Column("called_at", sa.DateTime(timezone=True), nullable=True), schema="siaga")
    op.add_column("assignment", sa.Column("appointed", postgresql.JSONB(), nullable=True), schema="siaga")
    op.create_check_constraint(op.f("ck_assignment_round"), "assignment", "round >= 1", schema="siaga")
    op.execute(f"GRANT UPDATE ({MOVED}) ON siaga.assignment TO siaga_api, siaga_pages")
    op.execute("GRANT UPDATE (fired_at) ON siaga.clock TO siaga_api, siaga_pages")


def downgrade() -> None:
    """Take both back."""
    op.execute("REVOKE UPDATE (fired_at) ON siaga.clock FROM siaga_api, siaga_pages")
    op.execute(f"REVOKE UPDATE ({MOVED}) ON siaga.assignment FROM siaga_api, siaga_pages")
    op.drop_constraint(op.f("ck_assignment_round"), "assignment", schema="siaga")
    op.drop_column("assignment", "appointed", schema="siaga")
    op.drop_column("assignment", "called_at", schema="siaga")
    op.drop_column("assignment", "round", schema="siaga")
