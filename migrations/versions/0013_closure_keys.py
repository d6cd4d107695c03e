"""A closure sent twice is one: the key it was sent with, by whom, and what it said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the columns; closures without a key have none of them."""
    op.add_column("closure", sa.Column("owner", sa.Text(), nullable=True), schema="siaga")
    op.add_column("closure", sa.Column("idempotency_key", sa.Text(), nullable=True), schema="siaga")
    op.add_column("closure", sa.Column("body_hash", sa.LargeBinary(), nullable=True), schema="siaga")
    op.create_unique_constraint(
        "uq_closure_owner_idempotency_key", "closure", ["owner", "idempotency_key"], schema="siaga"
    )
    op.create_check_constraint(
        op.f("ck_closure_idempotency_key"),
        "closure",
        "num_nulls(owner, idempotency_key, body_hash) IN (0, 3)",
        schema="siaga",
    )


def downgrade() -> None:
    """Take them back."""
    op.drop_constraint(op.f("ck_closure_idempotency_key"), "closure", schema="siaga", type_="check")
    op.drop_constraint("uq_closure_owner_idempotency_key", "closure", schema="siaga", type_="unique")
    for name in ("body_hash", "idempotency_key", "owner"):
        op.drop_column("closure", name, schema="siaga")
