"""Tables of duty and delivery: SOP, ladder, stations, assignments, clocks, outbox, inbox."""

from __future__ import annotations

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
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, UUID

from gis import words
from gis.db import metadata
from gis.tables import Xid8, incident, incident_type, key, lonlat, one_of, point, time
from routing_engine.network.tables import travel_calibration
from zones.tables import agency, boundary_draft, boundary_version, jurisdiction, receipt, service

OBJECTION_STATES = ("open", "in_work", "answered")
OBJECTION_OUTCOMES = ("upheld", "rejected", "moot")

# `severity_max` 2 means severities 1 and 2. `rule_code` (KAM1/S1-2/police@2026-01-01) is what receipts cite.
sop_rule = Table(
    "sop_rule",
    metadata,
    key("sop_rule_id"),
    Column("rule_code", Text, nullable=False, unique=True),
    Column("type_code", Text, ForeignKey(incident_type.c.type_code), nullable=False),
    Column("severity_min", SmallInteger, nullable=False),
    Column("severity_max", SmallInteger, nullable=False),
    Column("condition", Text, nullable=False, server_default=""),
    Column("service_code", Text, ForeignKey(service.c.service_code), nullable=False),
    Column("role", Text, nullable=False),
    Column("plan", Text, nullable=False, server_default=""),
    Column("ack_s", Integer, nullable=True),
    Column("valid", TSTZRANGE, nullable=False),
    Column("source", Text, nullable=False),
    Column("signed_by", Text, nullable=False, server_default=""),
    one_of("role", words.AssignmentRole),
    CheckConstraint("severity_min BETWEEN 1 AND 4 AND severity_max BETWEEN severity_min AND 4", name="severity"),
)

# Level 1 is the second contact of the agency; `after_s` counts from dispatch.
ladder_step = Table(
    "ladder_step",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("severity", SmallInteger, primary_key=True),
    Column("level", SmallInteger, primary_key=True),
    Column("after_s", Integer, nullable=False),
    Column("whom_id", Text, nullable=False),
    Column("whom_en", Text, nullable=False),
    one_of("lane", words.Lane),
)

# A station with a `jurisdiction_code` serves that jurisdiction only (a lurah's office); null serves all of the agency.
station = Table(
    "station",
    metadata,
    key("station_id"),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=False),
    Column("service_code", Text, ForeignKey(service.c.service_code), nullable=False),
    Column("jurisdiction_code", Text, nullable=True),
    Column("profile", Text, nullable=False),  # vehicle profile whose travel times count
    point(),
    Column("accuracy_m", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    lonlat(),
    Index("ix_station_geom", "geom", postgresql_using="gist"),
)

assignment = Table(
    "assignment",
    metadata,
    key("assignment_id"),
    Column("incident_id", UUID(as_uuid=False), ForeignKey(incident.c.incident_id), nullable=False),
    Column("service_code", Text, ForeignKey(service.c.service_code), nullable=False),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=True),
    Column("jurisdiction_id", UUID(as_uuid=False), ForeignKey(jurisdiction.c.jurisdiction_id), nullable=True),
    Column(
        "boundary_version_id", UUID(as_uuid=False), ForeignKey(boundary_version.c.boundary_version_id), nullable=True
    ),
    Column("role", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("match", Text, nullable=False),
    Column("share", Double, nullable=True),
    Column("border_m", Double, nullable=True),
    Column("station_id", UUID(as_uuid=False), ForeignKey(station.c.station_id), nullable=True),
    Column("travel_time_s", Double, nullable=True),
    Column("travel_time_p90_s", Double, nullable=True),  # null while not calibrated
    Column("calibration_id", BigInteger, ForeignKey(travel_calibration.c.calibration_id), nullable=True),
    Column("distance_m", Double, nullable=True),
    Column("estimate", Text, nullable=False),
    Column("rule_code", Text, nullable=False),
    Column("plan", Text, nullable=False, server_default=""),
    Column("why_id", Text, nullable=False),
    Column("why_en", Text, nullable=False),
    Column("receipt_id", UUID(as_uuid=False), ForeignKey(receipt.c.receipt_id), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("result", Text, nullable=True),
    time("created_at"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    # Called again after a decline, silence or a reopening; `called_at` is null in the first round (see `created_at`).
    Column("round", SmallInteger, nullable=False, server_default=text("1")),
    time("called_at", nullable=True),
    Column("appointed", JSONB, nullable=True),  # by hand: {"by_role", "reason", "at"}
    Column("changed_xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    UniqueConstraint(
        "incident_id",
        "service_code",
        "jurisdiction_id",
        name="uq_assignment_incident_id_service_code_jurisdiction_id",
        postgresql_nulls_not_distinct=True,
    ),
    one_of("role", words.AssignmentRole),
    one_of("state", words.AssignmentState),
    one_of("match", words.Match),
    one_of("estimate", words.Estimate),
    CheckConstraint("(agency_code IS NULL) = (match = 'unassigned')", name="unassigned_has_no_agency"),
    CheckConstraint("round >= 1", name="round"),
    Index("ix_assignment_agency_code", "agency_code", "state"),
    Index("ix_assignment_changed_xid", "changed_xid"),
    Index("uq_assignment_one_lead", "incident_id", unique=True, postgresql_where=text("role = 'lead'")),
)

# A promise with a deadline: `ack` waits for the agency's word; `ladder-1` … tell someone further up.
clock = Table(
    "clock",
    metadata,
    key("clock_id"),
    Column("assignment_id", UUID(as_uuid=False), ForeignKey(assignment.c.assignment_id), nullable=False),
    Column("step", Text, nullable=False),
    time("due_at"),
    time("fired_at", nullable=True),
    time("stopped_at", nullable=True),
    UniqueConstraint("assignment_id", "step", name="uq_clock_assignment_id_step"),
    Index("ix_clock_due", "due_at", postgresql_where=text("fired_at IS NULL AND stopped_at IS NULL")),
)

# Where an agency's messages go besides its inbox; the signing secret is in the state folder, not here.
agency_channel = Table(
    "agency_channel",
    metadata,
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    one_of("channel", ("webhook",)),
)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", BigInteger, Identity(always=True), primary_key=True),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("incident_id", UUID(as_uuid=False), ForeignKey(incident.c.incident_id), nullable=False),
    Column("assignment_id", UUID(as_uuid=False), ForeignKey(assignment.c.assignment_id), nullable=True),
    Column("body", JSONB, nullable=False),
    time("created_at"),
    time("next_attempt_at"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    time("delivered_at", nullable=True),
    Column("last_error", Text, nullable=True),
    one_of("channel", ("inbox", "webhook", "log")),
    one_of("kind", ("assignment", "update", "ladder")),
    Index("ix_outbox_waiting", "agency_code", "channel", "outbox_id", postgresql_where=text("delivered_at IS NULL")),
    Index("ix_outbox_incident_id", "incident_id"),
)

# `last_seq` is raised in the transaction that delivers, so an agency's numbers have no gaps and follow delivery.
agency_inbox = Table(
    "agency_inbox",
    metadata,
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), primary_key=True),
    Column("last_seq", BigInteger, nullable=False, server_default=text("0")),
)

inbox_item = Table(
    "inbox_item",
    metadata,
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("outbox_id", BigInteger, ForeignKey(outbox.c.outbox_id), nullable=False, unique=True),
    Column("assignment_id", UUID(as_uuid=False), ForeignKey(assignment.c.assignment_id), nullable=True),
    time("delivered_at"),
)

# An agency says that an assignment is not its own; it waits until somebody of the city answers. What it objects to and
# why stays as it was said.
objection = Table(
    "objection",
    metadata,
    key("objection_id"),
    Column("assignment_id", UUID(as_uuid=False), ForeignKey(assignment.c.assignment_id), nullable=False),
    Column("incident_id", UUID(as_uuid=False), ForeignKey(incident.c.incident_id), nullable=False),
    Column("receipt_id", UUID(as_uuid=False), ForeignKey(receipt.c.receipt_id), nullable=False),
    Column("service_code", Text, ForeignKey(service.c.service_code), nullable=False),
    Column("agency_code", Text, ForeignKey(agency.c.agency_code), nullable=False),
    Column("jurisdiction_id", UUID(as_uuid=False), ForeignKey(jurisdiction.c.jurisdiction_id), nullable=True),
    Column("reason", Text, nullable=False),
    Column("suggested_agency", Text, ForeignKey(agency.c.agency_code), nullable=True),
    Column("suggested_code", Text, nullable=True),
    Column("state", Text, nullable=False),
    Column("boundary_draft_id", UUID(as_uuid=False), ForeignKey(boundary_draft.c.boundary_draft_id), nullable=True),
    Column("outcome", Text, nullable=True),
    Column("answer", Text, nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default=text("1")),
    time("created_at"),
    Column("created_by", Text, nullable=False),
    time("taken_at", nullable=True),
    Column("taken_by", Text, nullable=True),
    time("answered_at", nullable=True),
    Column("answered_by", Text, nullable=True),
    one_of("state", OBJECTION_STATES),
    one_of("outcome", OBJECTION_OUTCOMES),
    CheckConstraint("btrim(reason) <> ''", name="reason"),
    CheckConstraint(
        "CASE WHEN state = 'answered' THEN num_nulls(outcome, answered_at, answered_by) = 0 AND btrim(answer) <> ''"
        " ELSE num_nonnulls(outcome, answered_at, answered_by) = 0 END",
        name="answered",
    ),
    CheckConstraint("(taken_at IS NULL) = (taken_by IS NULL)", name="taken"),
    CheckConstraint("version >= 1", name="version"),
    Index("ix_objection_state", "state"),
    Index("ix_objection_incident_id", "incident_id"),
    Index("uq_objection_one_waiting", "assignment_id", unique=True, postgresql_where=text("state <> 'answered'")),
)
