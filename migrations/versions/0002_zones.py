"""Agencies, administrative areas, jurisdictions with versioned boundaries, receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

# What a boundary was does not change; only its end is set, once (`zones.jurisdictions.supersede`).
KEEP_BOUNDARY = """
CREATE FUNCTION siaga.keep_boundary() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'boundary_version is kept for ever: DELETE refused' USING ERRCODE = '42501';
  END IF;
  IF ROW(NEW.boundary_version_id, NEW.jurisdiction_id, NEW.version, NEW.priority, lower(NEW.valid), NEW.recorded_at,
         NEW.recorded_by, NEW.source, NEW.digest, NEW.boundary_set)
     IS DISTINCT FROM
     ROW(OLD.boundary_version_id, OLD.jurisdiction_id, OLD.version, OLD.priority, lower(OLD.valid), OLD.recorded_at,
         OLD.recorded_by, OLD.source, OLD.digest, OLD.boundary_set)
     OR NOT NEW.geom ~= OLD.geom OR ST_AsBinary(NEW.geom) <> ST_AsBinary(OLD.geom)
     OR ST_AsBinary(NEW.geom_m) <> ST_AsBinary(OLD.geom_m) THEN
    RAISE EXCEPTION 'boundary_version: only the end of validity may be set' USING ERRCODE = '42501';
  END IF;
  IF NOT upper_inf(OLD.valid) AND (upper(NEW.valid) IS DISTINCT FROM upper(OLD.valid)
     OR NEW.ended_set IS DISTINCT FROM OLD.ended_set) THEN
    RAISE EXCEPTION 'boundary_version: the end of validity is set already' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$
"""

# A replay takes the versions a past commit saw: recorded up to it, and not yet ended by it. One plain SELECT, so that
# the planner inlines it and uses the spatial index.
IN_FORCE = """
CREATE FUNCTION siaga.boundaries_in_force(at timestamptz, upto bigint) RETURNS SETOF siaga.boundary_version
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT v.* FROM siaga.boundary_version v
  WHERE v.boundary_set <= upto AND lower(v.valid) <= at
    AND (upper_inf(v.valid) OR upper(v.valid) > at OR v.ended_set > upto)
$$
"""

# A point, the same in the metric CRS, its uncertainty disc there (32 segments a quarter, as shapely's in the batch
# matcher), and what the disc reaches in EPSG:4326. Without `metric` (far from the city) only the point.
POINT_DISC = """
CREATE FUNCTION siaga.point_disc(lon float8, lat float8, srid integer, metric boolean, radius float8,
  OUT pt geometry, OUT pt_m geometry, OUT disc_m geometry, OUT reach geometry)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$ BEGIN
  pt := ST_SetSRID(ST_MakePoint(lon, lat), 4326);
  reach := pt;
  IF metric THEN
    pt_m := ST_Transform(pt, srid);
    IF radius > 0 THEN
      disc_m := ST_Buffer(pt_m, radius, 'quad_segs=32');
      reach := ST_Transform(disc_m, 4326);
    END IF;
  END IF;
END $$
"""


def upgrade() -> None:
    """Make the tables."""
    op.create_geospatial_table(
        "admin_area",
        sa.Column(
            "admin_area_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "geom_m",
            Geometry(
                geometry_type="MULTIPOLYGON",
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("is_approximate", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("NOT ST_IsEmpty(geom) AND ST_IsValid(geom)", name=op.f("ck_admin_area_geom_valid")),
        sa.PrimaryKeyConstraint("admin_area_id", name=op.f("pk_admin_area")),
        sa.UniqueConstraint("level", "code", name="uq_admin_area_level_code"),
        schema="siaga",
    )
    op.create_geospatial_index(
        "ix_admin_area_geom",
        "admin_area",
        ["geom"],
        unique=False,
        schema="siaga",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "agency",
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("name_id", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("is_vertical", sa.Boolean(), nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("agency_code", name=op.f("pk_agency")),
        schema="siaga",
    )
    op.create_table(
        "boundary_set",
        sa.Column("boundary_set", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("boundary_set", name=op.f("pk_boundary_set")),
        schema="siaga",
    )
    op.create_geospatial_table(
        "neighbour",
        sa.Column(
            "neighbour_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
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
        sa.Column(
            "geom_area",
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
        sa.CheckConstraint(
            "ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90 AND NOT ST_IsEmpty(geom)",
            name=op.f("ck_neighbour_geom_lonlat"),
        ),
        sa.PrimaryKeyConstraint("neighbour_id", name=op.f("pk_neighbour")),
        sa.UniqueConstraint("name", name=op.f("uq_neighbour_name")),
        schema="siaga",
    )
    op.create_table(
        "service",
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("name_id", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("service_code", name=op.f("pk_service")),
        schema="siaga",
    )
    op.create_table(
        "contact",
        sa.Column(
            "contact_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("agency_code", sa.Text(), nullable=True),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("deputy_office", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agency_code"], ["siaga.agency.agency_code"], name=op.f("fk_contact_agency_code")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact")),
        schema="siaga",
    )
    op.create_index("ix_contact_agency_code", "contact", ["agency_code"], unique=False, schema="siaga")
    op.create_table(
        "jurisdiction",
        sa.Column(
            "jurisdiction_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("is_citywide", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_code"], ["siaga.agency.agency_code"], name=op.f("fk_jurisdiction_agency_code")
        ),
        sa.ForeignKeyConstraint(
            ["service_code"], ["siaga.service.service_code"], name=op.f("fk_jurisdiction_service_code")
        ),
        sa.PrimaryKeyConstraint("jurisdiction_id", name=op.f("pk_jurisdiction")),
        sa.UniqueConstraint(
            "service_code", "agency_code", "code", name="uq_jurisdiction_service_code_agency_code_code"
        ),
        schema="siaga",
    )
    op.create_geospatial_table(
        "boundary_version",
        sa.Column(
            "boundary_version_id",
            postgresql.UUID(as_uuid=False),
            server_default=sa.text("siaga.uuid7()"),
            nullable=False,
        ),
        sa.Column("jurisdiction_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "geom_m",
            Geometry(
                geometry_type="MULTIPOLYGON",
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("valid", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("is_approximate", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("boundary_set", sa.BigInteger(), nullable=False),
        sa.Column("ended_set", sa.BigInteger(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.text("jurisdiction_id"), "="),
            (sa.text("valid"), "&&"),
            using="gist",
            name="ex_boundary_version_one_in_force",
        ),
        sa.CheckConstraint("NOT ST_IsEmpty(geom) AND ST_IsValid(geom)", name=op.f("ck_boundary_version_geom_valid")),
        sa.CheckConstraint(
            "NOT isempty(valid) AND lower_inc(valid) AND NOT lower_inf(valid)",
            name=op.f("ck_boundary_version_valid_from"),
        ),
        sa.CheckConstraint("priority BETWEEN 1 AND 10000", name=op.f("ck_boundary_version_priority")),
        sa.ForeignKeyConstraint(
            ["ended_set"], ["siaga.boundary_set.boundary_set"], name=op.f("fk_boundary_version_ended_set")
        ),
        sa.ForeignKeyConstraint(
            ["boundary_set"], ["siaga.boundary_set.boundary_set"], name=op.f("fk_boundary_version_boundary_set")
        ),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"],
            ["siaga.jurisdiction.jurisdiction_id"],
            name=op.f("fk_boundary_version_jurisdiction_id"),
        ),
        sa.PrimaryKeyConstraint("boundary_version_id", name=op.f("pk_boundary_version")),
        sa.UniqueConstraint("jurisdiction_id", "version", name="uq_boundary_version_jurisdiction_id_version"),
        schema="siaga",
    )
    op.create_geospatial_index(
        "ix_boundary_version_geom",
        "boundary_version",
        ["geom"],
        unique=False,
        schema="siaga",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "incident_area",
        sa.Column("incident_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["siaga.incident.incident_id"], name=op.f("fk_incident_area_incident_id")
        ),
        sa.PrimaryKeyConstraint("incident_id", "level", "code", name=op.f("pk_incident_area")),
        schema="siaga",
    )
    op.create_index("ix_incident_area_level_code", "incident_area", ["level", "code"], unique=False, schema="siaga")
    op.create_table(
        "receipt",
        sa.Column(
            "receipt_id", postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False
        ),
        sa.Column("incident_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("boundary_set", sa.BigInteger(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["siaga.incident.incident_id"], name=op.f("fk_receipt_incident_id")),
        sa.ForeignKeyConstraint(["service_code"], ["siaga.service.service_code"], name=op.f("fk_receipt_service_code")),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipt")),
        schema="siaga",
    )
    op.create_index("ix_receipt_incident_id", "receipt", ["incident_id"], unique=False, schema="siaga")

    op.execute(KEEP_BOUNDARY)
    op.execute(IN_FORCE)
    op.execute(POINT_DISC)
    op.execute(
        "CREATE TRIGGER keep_boundary BEFORE UPDATE OR DELETE ON siaga.boundary_version"
        " FOR EACH ROW EXECUTE FUNCTION siaga.keep_boundary()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON siaga.receipt"
        " FOR EACH STATEMENT EXECUTE FUNCTION siaga.refuse_change()"
    )


def downgrade() -> None:
    """Drop them, newest first."""
    op.execute("DROP FUNCTION siaga.boundaries_in_force(timestamptz, bigint)")
    op.execute("DROP FUNCTION siaga.point_disc(float8, float8, integer, boolean, float8)")
    op.drop_table("receipt", schema="siaga")
    op.drop_table("incident_area", schema="siaga")
    op.drop_geospatial_table("boundary_version", schema="siaga")
    op.drop_table("jurisdiction", schema="siaga")
    op.drop_table("contact", schema="siaga")
    op.drop_table("service", schema="siaga")
    op.drop_geospatial_table("neighbour", schema="siaga")
    op.drop_table("boundary_set", schema="siaga")
    op.drop_table("agency", schema="siaga")
    op.drop_geospatial_table("admin_area", schema="siaga")
    op.execute("DROP FUNCTION siaga.keep_boundary()")
