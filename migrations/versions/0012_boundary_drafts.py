"""Drafts of boundaries: what they change, who signed, what happened to them; and a name with each boundary version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

# As in 0002, and the name does not change either.
KEEP_BOUNDARY = """
CREATE OR REPLACE FUNCTION siaga.keep_boundary() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'boundary_version is kept for ever: DELETE refused' USING ERRCODE = '42501';
  END IF;
  IF ROW(NEW.boundary_version_id, NEW.jurisdiction_id, NEW.version, NEW.priority, lower(NEW.valid), NEW.recorded_at,
         NEW.recorded_by, NEW.source, NEW.digest, NEW.boundary_set{name_new})
     IS DISTINCT FROM
     ROW(OLD.boundary_version_id, OLD.jurisdiction_id, OLD.version, OLD.priority, lower(OLD.valid), OLD.recorded_at,
         OLD.recorded_by, OLD.source, OLD.digest, OLD.boundary_set{name_old})
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

# People draft and sign at the pages; the last signature commits there, through `zones.jurisdictions`, so the pages may
# add a boundary commit and end a version. Programs only read boundaries. What was signed and what happened stays.
GRANTS = """
GRANT SELECT ON siaga.boundary_draft, siaga.boundary_draft_change, siaga.boundary_signature, siaga.boundary_draft_event
  TO siaga_pages;
GRANT INSERT ON siaga.boundary_draft, siaga.boundary_draft_change, siaga.boundary_signature, siaga.boundary_draft_event
  TO siaga_pages;
GRANT UPDATE (state, version, base_set, n_proposals, effective_from, reason, gap_reason, digest, checks, impact,
  committed_set) ON siaga.boundary_draft TO siaga_pages;
GRANT DELETE ON siaga.boundary_draft_change TO siaga_pages;
GRANT INSERT ON siaga.boundary_set, siaga.boundary_version, siaga.jurisdiction TO siaga_pages;
GRANT UPDATE (valid, ended_set) ON siaga.boundary_version TO siaga_pages;
GRANT UPDATE (name, is_citywide) ON siaga.jurisdiction TO siaga_pages;
"""
WITHDRAWN = """
REVOKE INSERT ON siaga.boundary_set, siaga.boundary_version, siaga.jurisdiction FROM siaga_pages;
REVOKE UPDATE (valid, ended_set) ON siaga.boundary_version FROM siaga_pages;
REVOKE UPDATE (name, is_citywide) ON siaga.jurisdiction FROM siaga_pages;
"""


def _key(name: str) -> sa.Column:
    return sa.Column(name, postgresql.UUID(as_uuid=False), server_default=sa.text("siaga.uuid7()"), nullable=False)


def _to(table: str, column: str, target: str, other: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"siaga.{target}.{other or column}"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    """Make the tables and the column."""
    op.add_column("boundary_version", sa.Column("name", sa.Text(), nullable=True), schema="siaga")
    op.execute(KEEP_BOUNDARY.format(name_new=", NEW.name", name_old=", OLD.name"))
    op.create_table(
        "boundary_draft",
        _key("boundary_draft_id"),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("base_set", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("n_proposals", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("gap_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("checks", postgresql.JSONB(), nullable=True),
        sa.Column("impact", postgresql.JSONB(), nullable=True),
        sa.Column("committed_set", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'proposed', 'scheduled', 'withdrawn')", name=op.f("ck_boundary_draft_state")
        ),
        sa.CheckConstraint("version >= 1 AND n_proposals >= 0", name=op.f("ck_boundary_draft_version")),
        sa.CheckConstraint("btrim(title) <> ''", name=op.f("ck_boundary_draft_title")),
        sa.CheckConstraint(
            "state NOT IN ('proposed', 'scheduled') OR (effective_from IS NOT NULL AND digest IS NOT NULL"
            " AND checks IS NOT NULL AND n_proposals > 0 AND btrim(reason) <> '')",
            name=op.f("ck_boundary_draft_proposed"),
        ),
        sa.CheckConstraint(
            "(state = 'scheduled') = (committed_set IS NOT NULL)", name=op.f("ck_boundary_draft_scheduled")
        ),
        _to("boundary_draft", "service_code", "service"),
        _to("boundary_draft", "agency_code", "agency"),
        _to("boundary_draft", "base_set", "boundary_set", "boundary_set"),
        _to("boundary_draft", "committed_set", "boundary_set", "boundary_set"),
        sa.PrimaryKeyConstraint("boundary_draft_id", name=op.f("pk_boundary_draft")),
        schema="siaga",
    )
    op.create_index("ix_boundary_draft_state", "boundary_draft", ["state"], schema="siaga")
    op.create_geospatial_table(
        "boundary_draft_change",
        _key("boundary_draft_change_id"),
        sa.Column("boundary_draft_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("jurisdiction_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("base_version_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("geom", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=True),
        sa.CheckConstraint("kind IN ('change', 'new', 'end')", name=op.f("ck_boundary_draft_change_kind")),
        sa.CheckConstraint("(kind = 'end') = (geom IS NULL)", name=op.f("ck_boundary_draft_change_end_has_no_shape")),
        sa.CheckConstraint(
            "(kind = 'new') = (base_version_id IS NULL)", name=op.f("ck_boundary_draft_change_new_has_no_base")
        ),
        sa.CheckConstraint("kind = 'new' OR jurisdiction_id IS NOT NULL", name=op.f("ck_boundary_draft_change_known")),
        sa.CheckConstraint("priority BETWEEN 1 AND 10000", name=op.f("ck_boundary_draft_change_priority")),
        sa.CheckConstraint(
            "NOT ST_IsEmpty(geom) AND ST_IsValid(geom)", name=op.f("ck_boundary_draft_change_geom_valid")
        ),
        _to("boundary_draft_change", "boundary_draft_id", "boundary_draft"),
        _to("boundary_draft_change", "agency_code", "agency"),
        _to("boundary_draft_change", "jurisdiction_id", "jurisdiction"),
        _to("boundary_draft_change", "base_version_id", "boundary_version", "boundary_version_id"),
        sa.PrimaryKeyConstraint("boundary_draft_change_id", name=op.f("pk_boundary_draft_change")),
        sa.UniqueConstraint("boundary_draft_id", "agency_code", "code", name="uq_boundary_draft_change_one_each"),
        schema="siaga",
    )
    op.create_table(
        "boundary_signature",
        _key("boundary_signature_id"),
        sa.Column("boundary_draft_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("signed_role", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paper_ref", sa.Text(), nullable=True),
        sa.CheckConstraint("btrim(office) <> ''", name=op.f("ck_boundary_signature_office")),
        sa.CheckConstraint(
            "(signed_role = 'agency') = (paper_ref IS NULL) AND signed_role IN ('agency', 'admin')",
            name=op.f("ck_boundary_signature_paper"),
        ),
        _to("boundary_signature", "boundary_draft_id", "boundary_draft"),
        _to("boundary_signature", "agency_code", "agency"),
        sa.PrimaryKeyConstraint("boundary_signature_id", name=op.f("pk_boundary_signature")),
        sa.UniqueConstraint(
            "boundary_draft_id", "digest", "agency_code", "code", name="uq_boundary_signature_one_each"
        ),
        schema="siaga",
    )
    op.create_table(
        "boundary_draft_event",
        sa.Column("boundary_draft_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('created', 'edited', 'proposed', 'signed', 'scheduled', 'withdrawn', 'rebased')",
            name=op.f("ck_boundary_draft_event_kind"),
        ),
        _to("boundary_draft_event", "boundary_draft_id", "boundary_draft"),
        sa.PrimaryKeyConstraint("boundary_draft_id", "version", name=op.f("pk_boundary_draft_event")),
        schema="siaga",
    )
    for table in ("boundary_signature", "boundary_draft_event"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON siaga.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION siaga.refuse_change()"
        )
    op.execute(GRANTS)


def downgrade() -> None:
    """Take them back; boundaries that drafts put in force stay."""
    op.execute(WITHDRAWN)
    op.drop_table("boundary_draft_event", schema="siaga")
    op.drop_table("boundary_signature", schema="siaga")
    op.drop_geospatial_table("boundary_draft_change", schema="siaga")
    op.drop_table("boundary_draft", schema="siaga")
    op.execute(KEEP_BOUNDARY.format(name_new="", name_old=""))
    op.drop_column("boundary_version", "name", schema="siaga")
