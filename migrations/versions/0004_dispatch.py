"""SOP, ladder, stations, assignments, clocks, outbox and inbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from gis.tables import Xid8

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "ladder_step",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("after_s", sa.Integer(), nullable=False),
        sa.Column("whom_id", sa.Text(), nullable=False),
        sa.Column("whom_en", sa.Text(), nullable=False),
        sa.CheckConstraint("lane IN ('D', 'L')", name=op.f("ck_ladder_step_lane")),
        sa.PrimaryKeyConstraint("lane", "severity", "level", name=op.f("pk_ladder_step")),
        schema="siaga",
    )
    op.create_table(
        "agency_channel",
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("channel IN ('webhook')", name=op.f("ck_agency_channel_channel")),
        sa.ForeignKeyConstraint(
            ["agency_code"], ["siaga.agency.agency_code"], name=op.f("fk_agency_channel_agency_code")
        ),
        sa.PrimaryKeyConstraint("agency_code", "channel", name=op.f("pk_agency_channel")),
        schema="siaga",
    )
    op.create_table(
        "agency_inbox",
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_code"], ["siaga.agency.agency_code"], name=op.f("fk_agency_inbox_agency_code")
        ),
        sa.PrimaryKeyConstraint("agency_code", name=op.f("pk_agency_inbox")),
        schema="siaga",
    )
    op.create_table(
        "sop_rule",
        sa.Column(
            "sop_rule_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("severity_min", sa.SmallInteger(), nullable=False),
        sa.Column("severity_max", sa.SmallInteger(), nullable=False),
        sa.Column("condition", sa.Text(), server_default="", nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), server_default="", nullable=False),
        sa.Column("ack_s", sa.Integer(), nullable=True),
        sa.Column("valid", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("role IN ('lead', 'support', 'inform')", name=op.f("ck_sop_rule_role")),
        sa.CheckConstraint(
            "severity_min BETWEEN 1 AND 4 AND severity_max BETWEEN severity_min AND 4",
            name=op.f("ck_sop_rule_severity"),
        ),
        sa.ForeignKeyConstraint(
            ["service_code"], ["siaga.service.service_code"], name=op.f("fk_sop_rule_service_code")
        ),
        sa.ForeignKeyConstraint(["type_code"], ["siaga.incident_type.type_code"], name=op.f("fk_sop_rule_type_code")),
        sa.PrimaryKeyConstraint("sop_rule_id", name=op.f("pk_sop_rule")),
        sa.UniqueConstraint("rule_code", name=op.f("uq_sop_rule_rule_code")),
        schema="siaga",
    )
    op.create_geospatial_table(
        "station",
        sa.Column(
            "station_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("jurisdiction_code", sa.Text(), nullable=True),
        sa.Column("profile", sa.Text(), nullable=False),
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
        sa.Column("accuracy_m", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90 AND NOT ST_IsEmpty(geom)",
            name=op.f("ck_station_geom_lonlat"),
        ),
        sa.ForeignKeyConstraint(["agency_code"], ["siaga.agency.agency_code"], name=op.f("fk_station_agency_code")),
        sa.ForeignKeyConstraint(["service_code"], ["siaga.service.service_code"], name=op.f("fk_station_service_code")),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_station")),
        sa.UniqueConstraint("code", name=op.f("uq_station_code")),
        schema="siaga",
    )
    op.create_geospatial_index(
        "ix_station_geom", "station", ["geom"], unique=False, schema="siaga", postgresql_using="gist", postgresql_ops={}
    )
    op.create_table(
        "assignment",
        sa.Column(
            "assignment_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("incident_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=True),
        sa.Column("jurisdiction_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("boundary_version_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("match", sa.Text(), nullable=False),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("border_m", sa.Double(), nullable=True),
        sa.Column("station_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("travel_time_s", sa.Double(), nullable=True),
        sa.Column("distance_m", sa.Double(), nullable=True),
        sa.Column("estimate", sa.Text(), nullable=False),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), server_default="", nullable=False),
        sa.Column("why_id", sa.Text(), nullable=False),
        sa.Column("why_en", sa.Text(), nullable=False),
        sa.Column("receipt_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("changed_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.CheckConstraint(
            "(agency_code IS NULL) = (match = 'unassigned')", name=op.f("ck_assignment_unassigned_has_no_agency")
        ),
        sa.CheckConstraint("estimate IN ('road', 'straight_line', 'none')", name=op.f("ck_assignment_estimate")),
        sa.CheckConstraint(
            "match IN ('covers', 'share', 'nearest', 'citywide', 'unassigned')", name=op.f("ck_assignment_match")
        ),
        sa.CheckConstraint("role IN ('lead', 'support', 'inform')", name=op.f("ck_assignment_role")),
        sa.CheckConstraint(
            "state IN ('queued', 'delivered', 'seen', 'accepted', 'declined', 'en_route', 'on_scene', 'done')",
            name=op.f("ck_assignment_state"),
        ),
        sa.ForeignKeyConstraint(["agency_code"], ["siaga.agency.agency_code"], name=op.f("fk_assignment_agency_code")),
        sa.ForeignKeyConstraint(
            ["boundary_version_id"],
            ["siaga.boundary_version.boundary_version_id"],
            name=op.f("fk_assignment_boundary_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["siaga.incident.incident_id"], name=op.f("fk_assignment_incident_id")
        ),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["siaga.jurisdiction.jurisdiction_id"], name=op.f("fk_assignment_jurisdiction_id")
        ),
        sa.ForeignKeyConstraint(["receipt_id"], ["siaga.receipt.receipt_id"], name=op.f("fk_assignment_receipt_id")),
        sa.ForeignKeyConstraint(
            ["service_code"], ["siaga.service.service_code"], name=op.f("fk_assignment_service_code")
        ),
        sa.ForeignKeyConstraint(["station_id"], ["siaga.station.station_id"], name=op.f("fk_assignment_station_id")),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_assignment")),
        sa.UniqueConstraint(
            "incident_id",
            "service_code",
            "jurisdiction_id",
            name="uq_assignment_incident_id_service_code_jurisdiction_id",
            postgresql_nulls_not_distinct=True,
        ),
        schema="siaga",
    )
    op.create_index("ix_assignment_agency_code", "assignment", ["agency_code", "state"], unique=False, schema="siaga")
    op.create_index("ix_assignment_changed_xid", "assignment", ["changed_xid"], unique=False, schema="siaga")
    op.create_index(
        "uq_assignment_one_lead",
        "assignment",
        ["incident_id"],
        unique=True,
        schema="siaga",
        postgresql_where=sa.text("role = 'lead'"),
    )
    op.create_table(
        "clock",
        sa.Column("clock_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False),
        sa.Column("assignment_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["siaga.assignment.assignment_id"], name=op.f("fk_clock_assignment_id")
        ),
        sa.PrimaryKeyConstraint("clock_id", name=op.f("pk_clock")),
        sa.UniqueConstraint("assignment_id", "step", name="uq_clock_assignment_id_step"),
        schema="siaga",
    )
    op.create_index(
        "ix_clock_due",
        "clock",
        ["due_at"],
        unique=False,
        schema="siaga",
        postgresql_where=sa.text("fired_at IS NULL AND stopped_at IS NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("incident_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("assignment_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('inbox', 'webhook', 'log')", name=op.f("ck_outbox_channel")),
        sa.CheckConstraint("kind IN ('assignment', 'update', 'ladder')", name=op.f("ck_outbox_kind")),
        sa.ForeignKeyConstraint(["agency_code"], ["siaga.agency.agency_code"], name=op.f("fk_outbox_agency_code")),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["siaga.assignment.assignment_id"], name=op.f("fk_outbox_assignment_id")
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["siaga.incident.incident_id"], name=op.f("fk_outbox_incident_id")),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        schema="siaga",
    )
    op.create_index("ix_outbox_incident_id", "outbox", ["incident_id"], unique=False, schema="siaga")
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["agency_code", "channel", "outbox_id"],
        unique=False,
        schema="siaga",
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "inbox_item",
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.Column("assignment_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agency_code"], ["siaga.agency.agency_code"], name=op.f("fk_inbox_item_agency_code")),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["siaga.assignment.assignment_id"], name=op.f("fk_inbox_item_assignment_id")
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["siaga.outbox.outbox_id"], name=op.f("fk_inbox_item_outbox_id")),
        sa.PrimaryKeyConstraint("agency_code", "seq", name=op.f("pk_inbox_item")),
        sa.UniqueConstraint("outbox_id", name=op.f("uq_inbox_item_outbox_id")),
        schema="siaga",
    )

    op.execute(
        "CREATE TRIGGER changed BEFORE UPDATE ON siaga.assignment FOR EACH ROW EXECUTE FUNCTION siaga.mark_changed()"
    )


def downgrade() -> None:
    """Drop them, newest first."""
    op.drop_table("inbox_item", schema="siaga")
    op.drop_table("outbox", schema="siaga")
    op.drop_table("clock", schema="siaga")
    op.drop_table("assignment", schema="siaga")
    op.drop_geospatial_table("station", schema="siaga")
    op.drop_table("sop_rule", schema="siaga")
    op.drop_table("agency_inbox", schema="siaga")
    op.drop_table("agency_channel", schema="siaga")
    op.drop_table("ladder_step", schema="siaga")
