"""Tables of the core: the city, people, reports, incidents and their events, places, basemap.

Times are ``timestamptz``; geometry is EPSG:4326 unless a column says otherwise. Closed vocabularies are checked
in the database as well, from the same tuples the code uses (`gis.words`).
"""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.types import UserDefinedType

from gis import words
from gis.db import PRIVATE, SCHEMA, metadata


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id; travels as text."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in DDL."""
        return "xid8"


def time(name: str, *, nullable: bool = False, default: bool = False) -> Column:  # type: ignore[type-arg]
    """Return a ``timestamptz`` column."""
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=text("now()") if default else None)


def key(name: str) -> Column:  # type: ignore[type-arg]
    """Return a uuid primary key, ordered by time (`siaga.uuid7`)."""
    return Column(name, UUID(as_uuid=False), primary_key=True, server_default=text("siaga.uuid7()"))


def one_of(column: str, allowed: tuple[str, ...] | type) -> CheckConstraint:
    """Return the check that `column` holds one of `allowed` (or is null)."""
    values = ", ".join(f"'{value}'" for value in allowed)  # type: ignore[union-attr]
    return CheckConstraint(f"{column} IN ({values})", name=column)


def lonlat(column: str = "geom") -> CheckConstraint:
    """Return the check that keeps NaN, infinite, empty and out-of-range points out.

    NaN and infinity fail the BETWEEN; an empty point gives NULL there, hence the last condition.
    """
    return CheckConstraint(
        f"ST_X({column}) BETWEEN -180 AND 180 AND ST_Y({column}) BETWEEN -90 AND 90 AND NOT ST_IsEmpty({column})",
        name=f"{column}_lonlat",
    )


def point(name: str = "geom", *, nullable: bool = False) -> Column:  # type: ignore[type-arg]
    """Return a WGS 84 point column; its spatial index is declared beside the table."""
    return Column(name, Geometry("POINT", srid=4326, spatial_index=False), nullable=nullable)


# One row: what of `city.toml` the running system needs. `revision` grows with every change of configuration data
# (types, SOP, ladder, stations, agencies), so that processes know when to read them again.
city = Table(
    "city",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("number_prefix", Text, nullable=False),
    Column("metric_srid", Integer, nullable=False),
    Column("fallback_m", Double, nullable=False),
    Column("service_area", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=True),
    Column("settings", JSONB, nullable=False),
    Column("is_demo", Boolean, nullable=False, server_default=text("false")),
    Column("revision", BigInteger, nullable=False, server_default=text("1")),
    CheckConstraint("is_only", name="one_row"),
)

incident_type = Table(
    "incident_type",
    metadata,
    Column("type_code", Text, primary_key=True),
    Column("family", Text, nullable=False),
    Column("name_id", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("lane", Text, nullable=True),
    Column("severity", SmallInteger, nullable=True),
    Column("is_incident", Boolean, nullable=False),
    Column("classification", Text, nullable=True),  # what a report of this type is, unless it says so itself
    Column("duplicate_radius_m", Double, nullable=False, server_default=text("150")),
    Column("duplicate_minutes", Double, nullable=False, server_default=text("60")),
    Column("words", Text, nullable=False, server_default=""),
    Column("questions_id", ARRAY(Text), nullable=False, server_default="{}"),
    Column("questions_en", ARRAY(Text), nullable=False, server_default="{}"),
    Column("position", SmallInteger, nullable=False),
    one_of("lane", words.Lane),
    one_of("classification", words.Classification),
    CheckConstraint("severity BETWEEN 1 AND 4", name="severity"),
    CheckConstraint("NOT is_incident OR (lane IS NOT NULL AND severity IS NOT NULL)", name="incident_has_lane"),
)

account = Table(
    "account",
    metadata,
    key("account_id"),
    Column("name", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("agency_code", Text, nullable=True),
    Column("jurisdiction_code", Text, nullable=True),
    Column("language", Text, nullable=False, server_default="id"),
    Column("is_disabled", Boolean, nullable=False, server_default=text("false")),
    time("created_at", default=True),
    one_of("role", words.Role),
    one_of("language", words.Language),
    CheckConstraint("(role = 'agency') = (agency_code IS NOT NULL)", name="agency_has_code"),
)

session = Table(
    "session",
    metadata,
    Column("session_hash", LargeBinary, primary_key=True),
    Column("account_id", UUID(as_uuid=False), ForeignKey(account.c.account_id, ondelete="CASCADE"), nullable=False),
    time("created_at"),
    time("last_seen_at"),
    time("expires_at"),
    time("revoked_at", nullable=True),
    Index("ix_session_account_id", "account_id"),
)

login_attempt = Table(
    "login_attempt",
    metadata,
    Column("login_attempt_id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    time("at"),
    Index("ix_login_attempt_name_at", "name", "at"),
)

api_token = Table(
    "api_token",
    metadata,
    key("api_token_id"),
    Column("name", Text, nullable=False, unique=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("agency_code", Text, nullable=True),
    Column("channel", Text, nullable=False, server_default="app"),
    time("created_at", default=True),
    time("expires_at", nullable=True),
    time("revoked_at", nullable=True),
    one_of("role", words.Role),
    one_of("channel", words.Channel),
    CheckConstraint("(role = 'agency') = (agency_code IS NOT NULL)", name="agency_has_code"),
)

place = Table(
    "place",
    metadata,
    key("place_id"),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("aliases", ARRAY(Text), nullable=False, server_default="{}"),
    Column("search", Text, nullable=False),  # lower-case name and aliases, one line each: what pg_trgm looks at
    point(),
    Column("accuracy_m", Double, nullable=False),
    Column("source", Text, nullable=False),
    lonlat(),
    Index("ix_place_search", "search", postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}),
)

incident = Table(
    "incident",
    metadata,
    key("incident_id"),
    Column("number", Text, nullable=False, unique=True),
    Column("type_code", Text, ForeignKey(incident_type.c.type_code), nullable=False),
    Column("lane", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("classification", Text, nullable=False),
    Column("origin", Text, nullable=False),
    point(),
    Column("accuracy_m", Double, nullable=False),
    Column("location_method", Text, nullable=False),
    Column("location_text", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("handoff", JSONB, nullable=True),
    Column("parent_id", UUID(as_uuid=False), ForeignKey("siaga.incident.incident_id"), nullable=True),
    Column("n_reports", Integer, nullable=False, server_default=text("1")),
    time("occurred_at"),
    time("received_at"),
    time("closed_at", nullable=True),
    Column("result", Text, nullable=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("changed_xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    one_of("lane", words.Lane),
    one_of("status", words.IncidentStatus),
    one_of("classification", words.Classification),
    one_of("origin", words.Origin),
    one_of("location_method", words.LocationMethod),
    CheckConstraint("severity BETWEEN 1 AND 4", name="severity"),
    CheckConstraint("accuracy_m BETWEEN 0 AND 5000", name="accuracy_m"),
    lonlat(),
    Index("ix_incident_geom", "geom", postgresql_using="gist"),
    Index("ix_incident_received_at", "received_at"),
    Index("ix_incident_changed_xid", "changed_xid"),
    Index(
        "ix_incident_open",
        "status",
        postgresql_where=text("status NOT IN ('closed', 'cancelled', 'unfounded', 'merged', 'handed_off')"),
    ),
)

incident_event = Table(
    "incident_event",
    metadata,
    Column("incident_event_id", BigInteger, Identity(always=True), primary_key=True),
    Column("incident_id", UUID(as_uuid=False), ForeignKey(incident.c.incident_id), nullable=False),
    Column("assignment_id", UUID(as_uuid=False), nullable=True),
    time("at"),
    Column("actor", Text, nullable=False),
    Column("actor_role", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_incident_event_incident_id", "incident_id"),
)

report = Table(
    "report",
    metadata,
    key("report_id"),
    Column("owner", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("incident_id", UUID(as_uuid=False), ForeignKey(incident.c.incident_id), nullable=True),
    Column("type_code", Text, ForeignKey(incident_type.c.type_code), nullable=False),
    Column("classification", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("call_id", Text, nullable=True),
    point(nullable=True),
    Column("accuracy_m", Double, nullable=True),
    Column("location_method", Text, nullable=True),
    Column("location_text", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("is_drill", Boolean, nullable=False, server_default=text("false")),
    time("occurred_at"),
    time("received_at"),
    Column("received_by", Text, nullable=False),
    Column("answer", JSONB, nullable=False),
    UniqueConstraint("owner", "idempotency_key", name="uq_report_owner_idempotency_key"),
    one_of("classification", words.Classification),
    one_of("channel", words.Channel),
    one_of("location_method", words.LocationMethod),
    CheckConstraint("length(idempotency_key) BETWEEN 1 AND 255", name="idempotency_key"),
    CheckConstraint(
        "geom IS NULL OR (ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90 AND NOT ST_IsEmpty(geom))",
        name="geom_lonlat",
    ),
    Index("ix_report_incident_id", "incident_id"),
)

# Callers' data stand apart, with grants of their own; removed when `expires_at` has passed.
caller = Table(
    "caller",
    metadata,
    Column("report_id", UUID(as_uuid=False), ForeignKey(report.c.report_id), primary_key=True),
    Column("phone", Text, nullable=True),
    Column("name", Text, nullable=True),
    Column("relation", Text, nullable=True),
    time("expires_at"),
    Index("ix_caller_phone", "phone"),
    schema=PRIVATE,
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger, Identity(always=True), primary_key=True),
    time("at"),
    Column("actor", Text, nullable=False),
    Column("actor_role", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_audit_subject", "subject"),
)

# The basemap is drawn in web mercator, so it is stored that way; `data` fills it, `api` serves it as tiles.
basemap_area = Table(
    "basemap_area",
    metadata,
    Column("basemap_area_id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("geom", Geometry("MULTIPOLYGON", srid=3857, spatial_index=False), nullable=False),
    Index("ix_basemap_area_geom", "geom", postgresql_using="gist"),
)

basemap_line = Table(
    "basemap_line",
    metadata,
    Column("basemap_line_id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),  # road or boundary
    Column("rank", SmallInteger, nullable=False),  # 1 trunk … 7 path; boundaries: 1 city, 2 kecamatan, 3 kelurahan
    Column("name", Text, nullable=True),
    Column("geom", Geometry("LINESTRING", srid=3857, spatial_index=False), nullable=False),
    Index("ix_basemap_line_geom", "geom", postgresql_using="gist"),
)

basemap_label = Table(
    "basemap_label",
    metadata,
    Column("basemap_label_id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("min_zoom", SmallInteger, nullable=False),
    point(),
)

SCHEMAS = (SCHEMA, PRIVATE)
