"""What imported roads say beyond the drawing: access by vehicle group, limits each way, widths, signals, via ways."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

ZERO, NO, EVERY = sa.text("0"), sa.text("false"), sa.text("7")


def columns() -> list[tuple[str, sa.Column[object]]]:
    """Return the new columns by table, in order; new objects each time, since a column belongs to one table."""
    small = ("layer", "n_signals_forward", "n_signals_backward", "n_level_crossings")
    return [
        *[
            ("road_edge", sa.Column(name, sa.SmallInteger(), server_default=EVERY, nullable=False))
            for name in ("access_forward", "access_backward")
        ],
        ("road_edge", sa.Column("limited", sa.Text(), nullable=True)),
        ("road_edge", sa.Column("speed_backward_kph", sa.Double(), nullable=True)),
        ("road_edge", sa.Column("max_width_m", sa.Double(), nullable=True)),
        *[("road_edge", sa.Column(name, sa.Text(), nullable=True)) for name in ("ref", "surface", "service_kind")],
        *[("road_edge", sa.Column(name, sa.SmallInteger(), server_default=ZERO, nullable=False)) for name in small],
        *[
            ("road_edge", sa.Column(name, sa.Boolean(), server_default=NO, nullable=False))
            for name in ("is_tunnel", "is_roundabout", "is_toll")
        ],
        ("road_edge", sa.Column("osm_way_id", sa.BigInteger(), nullable=True)),
        *[
            ("road_node", sa.Column(name, sa.Boolean(), server_default=NO, nullable=False))
            for name in ("is_signal", "is_level_crossing")
        ],
        ("road_restriction", sa.Column("via_edges", postgresql.ARRAY(sa.BigInteger()), nullable=True)),
        ("road_restriction", sa.Column("applies", sa.SmallInteger(), server_default=EVERY, nullable=False)),
        ("road_restriction", sa.Column("reason", sa.Text(), server_default=sa.text("'turn'"), nullable=False)),
        ("road_restriction", sa.Column("osm_id", sa.BigInteger(), nullable=True)),
    ]


def upgrade() -> None:
    """Add them; roads that are there are open to everybody in their direction."""
    for table, column in columns():
        op.add_column(table, column, schema="siaga")
    op.execute(
        "UPDATE siaga.road_edge SET access_forward = CASE WHEN direction = 'backward' THEN 0 ELSE 7 END,"
        " access_backward = CASE WHEN direction = 'forward' THEN 0 ELSE 7 END WHERE direction <> 'both'"
    )


def downgrade() -> None:
    """Drop them."""
    for table, column in reversed(columns()):
        op.drop_column(table, column.name, schema="siaga")
