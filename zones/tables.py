"""Tables of duties and areas: services, agencies, areas, jurisdictions, boundary versions and drafts, receipts."""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, UUID, ExcludeConstraint

from gis.db import metadata
from gis.tables import incident, key, lonlat, one_of, point, time

DRAFT_STATES = ("open", "proposed", "scheduled", "withdrawn")
DRAFT_EVENTS = ("created", "edited", "proposed", "signed", "scheduled", "withdrawn", "rebased")
CHANGE_KINDS = ("change", "new", "end")

service = Table(
    "service",
    metadata,
    Column("service_code", Text, primary_key=True),
    Column("name_id", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)

# `is_vertical`: reports to a ministry or the state, not to the mayor; it is informed, never ordered.
agency = Table(
    "agency",
    metadata,
    Column("agency_code", Text, primary_key=True),
    Column("name_id", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("is_vertical", Boolean, nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
)

contact = Table(
    "contact",
    metadata,
    key("contact_id"),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=True),  # null: the city's own (Sekda …)
    Column("office", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("deputy_office", Text, nullable=True),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Index("ix_contact_agency_code", "agency_code"),
)

# The city's own governments-next-door: who gets a report from beyond the line.
neighbour = Table(
    "neighbour",
    metadata,
    key("neighbour_id"),
    Column("name", Text, nullable=False, unique=True),
    Column("number", Text, nullable=False),
    point(),
    Column("geom_area", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=True),
    lonlat(),
)

# Levels: `kecamatan`, `kelurahan`, and `water` for named waters (bay, river mouth) that belong to the service area.
# `geom_m` is the same polygon in the city's metric CRS, written beside it, so that metres need no transform per query.
admin_area = Table(
    "admin_area",
    metadata,
    key("admin_area_id"),
    Column("level", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent_code", Text, nullable=True),
    Column("geom", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=False),
    Column("geom_m", Geometry("MULTIPOLYGON", spatial_index=False), nullable=False),
    Column("is_approximate", Boolean, nullable=False, server_default=text("false")),
    Column("source", Text, nullable=False),
    UniqueConstraint("level", "code", name="uq_admin_area_level_code"),
    CheckConstraint("NOT ST_IsEmpty(geom) AND ST_IsValid(geom)", name="geom_valid"),
    Index("ix_admin_area_geom", "geom", postgresql_using="gist"),
)

incident_area = Table(
    "incident_area",
    metadata,
    Column("incident_id", UUID(as_uuid=False), ForeignKey(incident.c.incident_id), primary_key=True),
    Column("level", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("share", Double, nullable=False),
    Column("position", Integer, nullable=False),  # 0: the area that covers the point, or has the largest share
    Index("ix_incident_area_level_code", "level", "code"),
)

jurisdiction = Table(
    "jurisdiction",
    metadata,
    key("jurisdiction_id"),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=False),
    Column("service_code", Text, ForeignKey(service.c.service_code), nullable=False),
    # A city-wide jurisdiction is no candidate by its polygon; it takes what no polygon of the service covers.
    Column("is_citywide", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("service_code", "agency_code", "code", name="uq_jurisdiction_service_code_agency_code_code"),
)

# Every commit of boundaries makes one number; intake reads the newest under a share lock and receipts keep it.
boundary_set = Table(
    "boundary_set",
    metadata,
    Column("boundary_set", BigInteger, Identity(always=True), primary_key=True),
    time("committed_at"),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

boundary_version = Table(
    "boundary_version",
    metadata,
    key("boundary_version_id"),
    Column("jurisdiction_id", UUID(as_uuid=False), ForeignKey(jurisdiction.c.jurisdiction_id), nullable=False),
    Column("version", Integer, nullable=False),
    Column("geom", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=False),
    Column("geom_m", Geometry("MULTIPOLYGON", spatial_index=False), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("valid", TSTZRANGE, nullable=False),
    time("recorded_at"),
    Column("recorded_by", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("is_approximate", Boolean, nullable=False, server_default=text("false")),
    Column("digest", Text, nullable=False),
    Column("boundary_set", BigInteger, ForeignKey(boundary_set.c.boundary_set), nullable=False),
    # The commit that set the end of validity: a replay of an older commit takes the version as still open.
    Column("ended_set", BigInteger, ForeignKey(boundary_set.c.boundary_set), nullable=True),
    # What it is called while this version is in force; null: the jurisdiction's own name.
    Column("name", Text, nullable=True),
    UniqueConstraint("jurisdiction_id", "version", name="uq_boundary_version_jurisdiction_id_version"),
    CheckConstraint("priority BETWEEN 1 AND 10000", name="priority"),
    CheckConstraint("NOT isempty(valid) AND lower_inc(valid) AND NOT lower_inf(valid)", name="valid_from"),
    CheckConstraint("NOT ST_IsEmpty(geom) AND ST_IsValid(geom)", name="geom_valid"),
    ExcludeConstraint(
        (text("jurisdiction_id"), "="), (text("valid"), "&&"), name="ex_boundary_version_one_in_force", using="gist"
    ),
    Index("ix_boundary_version_geom", "geom", postgresql_using="gist"),
)

# What was decided for one service at one point, and all it was decided from. Append-only.
receipt = Table(
    "receipt",
    metadata,
    key("receipt_id"),
    Column("incident_id", UUID(as_uuid=False), ForeignKey(incident.c.incident_id), nullable=True),
    Column("service_code", Text, ForeignKey(service.c.service_code), nullable=False),
    time("at"),
    Column("boundary_set", BigInteger, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Index("ix_receipt_incident_id", "incident_id"),
)

# A change of boundaries in the making, for one service. `base_set` is the commit it was drawn from, `version` the
# optimistic lock, `n_proposals` counts proposals (each has a digest of its own, so older signatures fall), `checks` and
# `impact` are what those who sign were shown.
boundary_draft = Table(
    "boundary_draft",
    metadata,
    key("boundary_draft_id"),
    Column("service_code", Text, ForeignKey(service.c.service_code), nullable=False),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=True),  # null: drafted for the city
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("base_set", BigInteger, ForeignKey(boundary_set.c.boundary_set), nullable=False),
    time("created_at"),
    Column("created_by", Text, nullable=False),
    Column("n_proposals", Integer, nullable=False, server_default=text("0")),
    time("effective_from", nullable=True),
    Column("reason", Text, nullable=False, server_default=""),
    Column("gap_reason", Text, nullable=False, server_default=""),
    Column("digest", Text, nullable=True),
    Column("checks", JSONB(none_as_null=True), nullable=True),
    Column("impact", JSONB(none_as_null=True), nullable=True),
    Column("committed_set", BigInteger, ForeignKey(boundary_set.c.boundary_set), nullable=True),
    one_of("state", DRAFT_STATES),
    CheckConstraint("version >= 1 AND n_proposals >= 0", name="version"),
    CheckConstraint("btrim(title) <> ''", name="title"),
    CheckConstraint(
        "state NOT IN ('proposed', 'scheduled') OR (effective_from IS NOT NULL AND digest IS NOT NULL"
        " AND checks IS NOT NULL AND n_proposals > 0 AND btrim(reason) <> '')",
        name="proposed",
    ),
    CheckConstraint("(state = 'scheduled') = (committed_set IS NOT NULL)", name="scheduled"),
    Index("ix_boundary_draft_state", "state"),
)

# What a draft makes of one jurisdiction: another polygon, priority or name (`change`), its end, or a new one.
boundary_draft_change = Table(
    "boundary_draft_change",
    metadata,
    key("boundary_draft_change_id"),
    Column("boundary_draft_id", UUID(as_uuid=False), ForeignKey(boundary_draft.c.boundary_draft_id), nullable=False),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=False),
    Column("code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("jurisdiction_id", UUID(as_uuid=False), ForeignKey(jurisdiction.c.jurisdiction_id), nullable=True),
    Column("base_version_id", UUID(as_uuid=False), ForeignKey(boundary_version.c.boundary_version_id), nullable=True),
    Column("name", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("geom", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=True),
    UniqueConstraint("boundary_draft_id", "agency_code", "code", name="uq_boundary_draft_change_one_each"),
    one_of("kind", CHANGE_KINDS),
    CheckConstraint("(kind = 'end') = (geom IS NULL)", name="end_has_no_shape"),
    CheckConstraint("(kind = 'new') = (base_version_id IS NULL)", name="new_has_no_base"),
    CheckConstraint("kind = 'new' OR jurisdiction_id IS NOT NULL", name="known"),
    CheckConstraint("priority BETWEEN 1 AND 10000", name="priority"),
    CheckConstraint("NOT ST_IsEmpty(geom) AND ST_IsValid(geom)", name="geom_valid"),
)

# Who agreed to which proposal, for which jurisdiction. Append-only: a signature counts while the draft has its digest.
boundary_signature = Table(
    "boundary_signature",
    metadata,
    key("boundary_signature_id"),
    Column("boundary_draft_id", UUID(as_uuid=False), ForeignKey(boundary_draft.c.boundary_draft_id), nullable=False),
    Column("digest", Text, nullable=False),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=False),
    Column("code", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("signed_by", Text, nullable=False),
    Column("signed_role", Text, nullable=False),
    time("signed_at"),
    Column("paper_ref", Text, nullable=True),  # a signature on paper, recorded by an administrator
    UniqueConstraint("boundary_draft_id", "digest", "agency_code", "code", name="uq_boundary_signature_one_each"),
    CheckConstraint("btrim(office) <> ''", name="office"),
    CheckConstraint(
        "(signed_role = 'agency') = (paper_ref IS NULL) AND signed_role IN ('agency', 'admin')", name="paper"
    ),
)

# Everything that happened to a draft, numbered by the version it made. Append-only.
boundary_draft_event = Table(
    "boundary_draft_event",
    metadata,
    Column(
        "boundary_draft_id",
        UUID(as_uuid=False),
        ForeignKey(boundary_draft.c.boundary_draft_id),
        primary_key=True,
    ),
    Column("version", Integer, primary_key=True),
    time("at"),
    Column("actor", Text, nullable=False),
    Column("actor_role", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    one_of("kind", DRAFT_EVENTS),
)
