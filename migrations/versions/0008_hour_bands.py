"""A travel-time field may serve several hour bands of the day: one row for each."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Name rows by field and band."""
    op.drop_constraint(op.f("pk_travel_field"), "travel_field", schema="siaga", type_="primary")
    op.create_primary_key(op.f("pk_travel_field"), "travel_field", ["digest", "hour_from"], schema="siaga")


def downgrade() -> None:
    """Keep each field's earliest band."""
    op.execute(
        "DELETE FROM siaga.travel_field a USING siaga.travel_field b"
        " WHERE a.digest = b.digest AND a.hour_from > b.hour_from"
    )
    op.drop_constraint(op.f("pk_travel_field"), "travel_field", schema="siaga", type_="primary")
    op.create_primary_key(op.f("pk_travel_field"), "travel_field", ["digest"], schema="siaga")
