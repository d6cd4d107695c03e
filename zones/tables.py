"""Tables of duties and areas: services, agencies, administrative areas, jurisdictions, boundary versions, receipts."""

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
from gis.tables import incident, key, lonlat, point, time

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
