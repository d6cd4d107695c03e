"""The city, people, reports, incidents and their events, places and the basemap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from gis.tables import Xid8

revision = "0001"
down_revision = None

# Time-ordered uuid (RFC 9562 version 7); PostgreSQL has its own from version 18 on.
UUID7 = """
CREATE FUNCTION siaga.uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
    52, 1), 53, 1), 'hex')::uuid
$$
"""

CHANGED = """
CREATE FUNCTION siaga.mark_changed() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN NEW.changed_xid := pg_current_xact_id(); RETURN NEW; END $$
"""

APPEND_ONLY = """
CREATE FUNCTION siaga.refuse_change() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = '42501';
END $$
"""


def append_only(table: str) -> str:
    """Return the trigger that refuses every change of rows of a fixed, known table."""
    return (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON siaga.{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION siaga.refuse_change()"
    )


def upgrade() -> None:
    """Make the tables."""
    op.execute(UUID7)
    op.create_table(
        "account",
        sa.Column(
            "account_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=True),
        sa.Column("jurisdiction_code", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), server_default="id", nullable=False),
        sa.Column("is_disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(role = 'agency') = (agency_code IS NOT NULL)", name=op.f("ck_account_agency_has_code")),
        sa.CheckConstraint("language IN ('id', 'en')", name=op.f("ck_account_language")),
        sa.CheckConstraint(
            "role IN ('intake', 'operator', 'supervisor', 'agency', 'planner', 'admin')", name=op.f("ck_account_role")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
        schema="siaga",
    )
    op.create_table(
        "api_token",
        sa.Column(
            "api_token_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), server_default="app", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(role = 'agency') = (agency_code IS NOT NULL)", name=op.f("ck_api_token_agency_has_code")),
        sa.CheckConstraint(
            "channel IN ('112', 'app', 'agency', 'sensor', 'import')", name=op.f("ck_api_token_channel")
        ),
        sa.CheckConstraint(
            "role IN ('intake', 'operator', 'supervisor', 'agency', 'planner', 'admin')", name=op.f("ck_api_token_role")
        ),
        sa.PrimaryKeyConstraint("api_token_id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("name", name=op.f("uq_api_token_name")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
        schema="siaga",
    )
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
        schema="siaga",
    )
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False, schema="siaga")
    op.create_geospatial_table(
        "basemap_area",
        sa.Column("basemap_area_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("basemap_area_id", name=op.f("pk_basemap_area")),
        schema="siaga",
    )
    op.create_geospatial_index(
        "ix_basemap_area_geom",
        "basemap_area",
        ["geom"],
        unique=False,
        schema="siaga",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "basemap_label",
        sa.Column("basemap_label_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("min_zoom", sa.SmallInteger(), nullable=False),
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
        sa.PrimaryKeyConstraint("basemap_label_id", name=op.f("pk_basemap_label")),
        schema="siaga",
    )
    op.create_geospatial_table(
        "basemap_line",
        sa.Column("basemap_line_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("basemap_line_id", name=op.f("pk_basemap_line")),
        schema="siaga",
    )
    op.create_geospatial_index(
        "ix_basemap_line_geom",
        "basemap_line",
        ["geom"],
        unique=False,
        schema="siaga",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "city",
        sa.Column("is_only", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("number_prefix", sa.Text(), nullable=False),
        sa.Column("metric_srid", sa.Integer(), nullable=False),
        sa.Column("fallback_m", sa.Double(), nullable=False),
        sa.Column(
            "service_area",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("is_only", name=op.f("ck_city_one_row")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("pk_city")),
        schema="siaga",
    )
    op.create_table(
        "incident_type",
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("name_id", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("severity", sa.SmallInteger(), nullable=True),
        sa.Column("is_incident", sa.Boolean(), nullable=False),
        sa.Column("classification", sa.Text(), nullable=True),
        sa.Column("duplicate_radius_m", sa.Double(), server_default=sa.text("150"), nullable=False),
        sa.Column("duplicate_minutes", sa.Double(), server_default=sa.text("60"), nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("questions_id", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("questions_en", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "classification IN ('emergency', 'service', 'information', 'prank', 'ghost', 'wrong_number', 'out_of_area', 'test')",
            name=op.f("ck_incident_type_classification"),
        ),
        sa.CheckConstraint("lane IN ('D', 'L')", name=op.f("ck_incident_type_lane")),
        sa.CheckConstraint(
            "NOT is_incident OR (lane IS NOT NULL AND severity IS NOT NULL)",
            name=op.f("ck_incident_type_incident_has_lane"),
        ),
        sa.CheckConstraint("severity BETWEEN 1 AND 4", name=op.f("ck_incident_type_severity")),
        sa.PrimaryKeyConstraint("type_code", name=op.f("pk_incident_type")),
        schema="siaga",
    )
    op.create_table(
        "login_attempt",
        sa.Column("login_attempt_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("login_attempt_id", name=op.f("pk_login_attempt")),
        schema="siaga",
    )
    op.create_index("ix_login_attempt_name_at", "login_attempt", ["name", "at"], unique=False, schema="siaga")
    op.create_geospatial_table(
        "place",
        sa.Column("place_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("aliases", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
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
        sa.CheckConstraint(
            "ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90 AND NOT ST_IsEmpty(geom)",
            name=op.f("ck_place_geom_lonlat"),
        ),
        sa.PrimaryKeyConstraint("place_id", name=op.f("pk_place")),
        schema="siaga",
    )
    op.create_index(
        "ix_place_search",
        "place",
        ["search"],
        unique=False,
        schema="siaga",
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    )
    op.create_geospatial_table(
        "incident",
        sa.Column(
            "incident_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("classification", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
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
        sa.Column("location_method", sa.Text(), nullable=False),
        sa.Column("location_text", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("handoff", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("parent_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("n_reports", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("changed_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.CheckConstraint(
            "classification IN ('emergency', 'service', 'information', 'prank', 'ghost', 'wrong_number', 'out_of_area', 'test')",
            name=op.f("ck_incident_classification"),
        ),
        sa.CheckConstraint("lane IN ('D', 'L')", name=op.f("ck_incident_lane")),
        sa.CheckConstraint(
            "location_method IN ('map', 'gps', 'link', 'cell', 'landmark', 'address')",
            name=op.f("ck_incident_location_method"),
        ),
        sa.CheckConstraint("origin IN ('live', 'drill', 'demo', 'history')", name=op.f("ck_incident_origin")),
        sa.CheckConstraint(
            "status IN ('draft', 'verified', 'dispatched', 'acknowledged', 'in_progress', 'under_control', 'resolved', 'closed', 'cancelled', 'unfounded', 'merged', 'handed_off')",
            name=op.f("ck_incident_status"),
        ),
        sa.CheckConstraint(
            "ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90 AND NOT ST_IsEmpty(geom)",
            name=op.f("ck_incident_geom_lonlat"),
        ),
        sa.CheckConstraint("accuracy_m BETWEEN 0 AND 5000", name=op.f("ck_incident_accuracy_m")),
        sa.CheckConstraint("severity BETWEEN 1 AND 4", name=op.f("ck_incident_severity")),
        sa.ForeignKeyConstraint(["parent_id"], ["siaga.incident.incident_id"], name=op.f("fk_incident_parent_id")),
        sa.ForeignKeyConstraint(["type_code"], ["siaga.incident_type.type_code"], name=op.f("fk_incident_type_code")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incident")),
        sa.UniqueConstraint("number", name=op.f("uq_incident_number")),
        schema="siaga",
    )
    op.create_index("ix_incident_changed_xid", "incident", ["changed_xid"], unique=False, schema="siaga")
    op.create_geospatial_index(
        "ix_incident_geom",
        "incident",
        ["geom"],
        unique=False,
        schema="siaga",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        "ix_incident_open",
        "incident",
        ["status"],
        unique=False,
        schema="siaga",
        postgresql_where=sa.text("status NOT IN ('closed', 'cancelled', 'unfounded', 'merged', 'handed_off')"),
    )
    op.create_index("ix_incident_received_at", "incident", ["received_at"], unique=False, schema="siaga")
    op.create_table(
        "session",
        sa.Column("session_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["siaga.account.account_id"], name=op.f("fk_session_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("pk_session")),
        schema="siaga",
    )
    op.create_index("ix_session_account_id", "session", ["account_id"], unique=False, schema="siaga")
    op.create_table(
        "incident_event",
        sa.Column("incident_event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("incident_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("assignment_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["siaga.incident.incident_id"], name=op.f("fk_incident_event_incident_id")
        ),
        sa.PrimaryKeyConstraint("incident_event_id", name=op.f("pk_incident_event")),
        schema="siaga",
    )
    op.create_index("ix_incident_event_incident_id", "incident_event", ["incident_id"], unique=False, schema="siaga")
    op.create_geospatial_table(
        "report",
        sa.Column("report_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("incident_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("classification", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("location_method", sa.Text(), nullable=True),
        sa.Column("location_text", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_drill", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("channel IN ('112', 'app', 'agency', 'sensor', 'import')", name=op.f("ck_report_channel")),
        sa.CheckConstraint(
            "classification IN ('emergency', 'service', 'information', 'prank', 'ghost', 'wrong_number', 'out_of_area', 'test')",
            name=op.f("ck_report_classification"),
        ),
        sa.CheckConstraint(
            "location_method IN ('map', 'gps', 'link', 'cell', 'landmark', 'address')",
            name=op.f("ck_report_location_method"),
        ),
        sa.CheckConstraint(
            "geom IS NULL OR (ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90 AND NOT ST_IsEmpty(geom))",
            name=op.f("ck_report_geom_lonlat"),
        ),
        sa.CheckConstraint("length(idempotency_key) BETWEEN 1 AND 255", name=op.f("ck_report_idempotency_key")),
        sa.ForeignKeyConstraint(["incident_id"], ["siaga.incident.incident_id"], name=op.f("fk_report_incident_id")),
        sa.ForeignKeyConstraint(["type_code"], ["siaga.incident_type.type_code"], name=op.f("fk_report_type_code")),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_report")),
        sa.UniqueConstraint("owner", "idempotency_key", name="uq_report_owner_idempotency_key"),
        schema="siaga",
    )
    op.create_index("ix_report_incident_id", "report", ["incident_id"], unique=False, schema="siaga")
    op.create_table(
        "caller",
        sa.Column("report_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["siaga.report.report_id"], name=op.f("fk_caller_report_id")),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_caller")),
        schema="private",
    )
    op.create_index("ix_caller_phone", "caller", ["phone"], unique=False, schema="private")

    op.execute("CREATE SEQUENCE siaga.incident_number START 1")
    op.execute(CHANGED)
    op.execute(APPEND_ONLY)
    for table in ("incident_event", "audit"):
        op.execute(append_only(table))
    op.execute(
        "CREATE TRIGGER changed BEFORE UPDATE ON siaga.incident FOR EACH ROW EXECUTE FUNCTION siaga.mark_changed()"
    )


def downgrade() -> None:
    """Drop them, newest first."""
    op.drop_table("caller", schema="private")
    op.drop_geospatial_table("report", schema="siaga")
    op.drop_table("incident_event", schema="siaga")
    op.drop_table("session", schema="siaga")
    op.drop_geospatial_table("incident", schema="siaga")
    op.drop_geospatial_table("place", schema="siaga")
    op.drop_table("login_attempt", schema="siaga")
    op.drop_table("incident_type", schema="siaga")
    op.drop_geospatial_table("city", schema="siaga")
    op.drop_geospatial_table("basemap_line", schema="siaga")
    op.drop_geospatial_table("basemap_label", schema="siaga")
    op.drop_geospatial_table("basemap_area", schema="siaga")
    op.drop_table("audit", schema="siaga")
    op.drop_table("api_token", schema="siaga")
    op.drop_table("account", schema="siaga")
    op.execute("DROP SEQUENCE siaga.incident_number")
    op.execute("DROP FUNCTION siaga.mark_changed(), siaga.refuse_change(), siaga.uuid7()")
