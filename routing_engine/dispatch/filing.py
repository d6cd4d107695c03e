"""The two statements that write a report: what happened, and who is called.

A whole incident is some forty rows in nine tables. Each statement takes one JSON document and spreads it over its
tables, so that an intake costs a few round trips instead of a dozen; foreign keys are checked at the statement's end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

# `now` is the database clock of the use case; every row carries the same moment.
WRITE_REPORT = text(
    """
WITH given AS MATERIALIZED (SELECT CAST(:document AS jsonb) AS d, CAST(:now AS timestamptz) AS now),
incidents AS (
  INSERT INTO siaga.incident (incident_id, number, type_code, lane, severity, status, classification, origin, geom,
    accuracy_m, location_method, location_text, description, facts, handoff, occurred_at, received_at)
  SELECT r.incident_id, r.number, r.type_code, r.lane, r.severity, r.status, r.classification, r.origin,
    ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4326), r.accuracy_m, r.location_method, r.location_text, r.description,
    r.facts, nullif(r.handoff, 'null'), r.occurred_at, given.now
  FROM given, jsonb_to_recordset(d -> 'incident') AS r(incident_id uuid, number text, type_code text, lane text,
    severity smallint, status text, classification text, origin text, lon float8, lat float8, accuracy_m float8,
    location_method text, location_text text, description text, facts jsonb, handoff jsonb, occurred_at timestamptz)
), areas AS (
  INSERT INTO siaga.incident_area (incident_id, level, code, share, position)
  SELECT r.incident_id, r.level, r.code, r.share, r.position
  FROM given, jsonb_to_recordset(d -> 'areas')
    AS r(incident_id uuid, level text, code text, share float8, position integer)
), events AS (
  INSERT INTO siaga.incident_event (incident_id, at, actor, actor_role, kind, version, detail)
  SELECT r.incident_id, given.now, d ->> 'actor', d ->> 'actor_role', r.kind, r.version, r.detail
  FROM given, jsonb_to_recordset(d -> 'event') AS r(incident_id uuid, kind text, version integer, detail jsonb)
), reports AS (
  INSERT INTO siaga.report (report_id, owner, idempotency_key, body_hash, incident_id, type_code, classification,
    channel, call_id, geom, accuracy_m, location_method, location_text, description, facts, is_drill, occurred_at,
    received_at, received_by, answer)
  SELECT r.report_id, r.owner, r.idempotency_key, decode(r.body_hash, 'hex'), r.incident_id, r.type_code,
    r.classification, r.channel, r.call_id,
    CASE WHEN r.lon IS NOT NULL THEN ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4326) END, r.accuracy_m,
    r.location_method, r.location_text, r.description, r.facts, r.is_drill, r.occurred_at, given.now, d ->> 'actor',
    r.answer
  FROM given, jsonb_to_record(d -> 'report') AS r(report_id uuid, owner text, idempotency_key text, body_hash text,
    incident_id uuid, type_code text, classification text, channel text, call_id text, lon float8, lat float8,
    accuracy_m float8, location_method text, location_text text, description text, facts jsonb, is_drill boolean,
    occurred_at timestamptz, answer jsonb)
), callers AS (
  INSERT INTO private.caller (report_id, phone, name, relation, expires_at)
  SELECT r.report_id, r.phone, r.name, r.relation, r.expires_at
  FROM given, jsonb_to_recordset(d -> 'caller')
    AS r(report_id uuid, phone text, name text, relation text, expires_at timestamptz)
)
INSERT INTO siaga.audit (at, actor, actor_role, action, subject, detail)
SELECT given.now, d ->> 'actor', d ->> 'actor_role', 'report.accept', d ->> 'subject', d -> 'audit' FROM given
"""
).execution_options(prepared=True)

WRITE_DUTIES = text(
    """
WITH given AS MATERIALIZED (SELECT CAST(:document AS jsonb) AS d, CAST(:now AS timestamptz) AS now),
receipts AS (
  INSERT INTO siaga.receipt (receipt_id, incident_id, service_code, at, boundary_set, body, digest)
  SELECT r.receipt_id, r.incident_id, r.service_code, r.at, r.boundary_set, r.body, r.digest
  FROM given, jsonb_to_recordset(d -> 'receipts') AS r(receipt_id uuid, incident_id uuid, service_code text,
    at timestamptz, boundary_set bigint, body jsonb, digest text)
), assignments AS (
  INSERT INTO siaga.assignment (assignment_id, incident_id, service_code, agency_code, jurisdiction_id,
    boundary_version_id, role, state, match, share, border_m, station_id, travel_time_s, travel_time_p90_s,
    calibration_id, distance_m, estimate,
    rule_code, plan, why_id, why_en, receipt_id, created_at)
  SELECT r.assignment_id, r.incident_id, r.service_code, r.agency_code, r.jurisdiction_id, r.boundary_version_id,
    r.role, r.state, r.match, r.share, r.border_m, r.station_id, r.travel_time_s,
    r.travel_time_p90_s, r.calibration_id, r.distance_m, r.estimate,
    r.rule_code, r.plan, r.why_id, r.why_en, r.receipt_id, given.now
  FROM given, jsonb_to_recordset(d -> 'assignments') AS r(assignment_id uuid, incident_id uuid, service_code text,
    agency_code text, jurisdiction_id uuid, boundary_version_id uuid, role text, state text, match text, share float8,
    border_m float8, station_id uuid, travel_time_s float8, travel_time_p90_s float8, calibration_id bigint,
    distance_m float8, estimate text, rule_code text, plan text,
    why_id text, why_en text, receipt_id uuid)
)
INSERT INTO siaga.clock (assignment_id, step, due_at)
SELECT r.assignment_id, r.step, r.due_at
FROM given, jsonb_to_recordset(d -> 'clocks') AS r(assignment_id uuid, step text, due_at timestamptz)
"""
).execution_options(prepared=True)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} in a document for the database")


def _document(content: dict[str, Any]) -> str:
    return json.dumps(content, default=_plain, ensure_ascii=False)


def write_report(
    tx: Connection,
    *,
    now: datetime,
    actor: str,
    actor_role: str,
    report: dict[str, Any],
    incident: dict[str, Any] | None,
    areas: Sequence[dict[str, Any]],
    event: dict[str, Any] | None,
    caller: dict[str, Any] | None,
) -> None:
    """Write a report, the incident it opens (if any) with its areas, the event it is, its caller, and the audit row.

    The mappings have the columns of their tables; points are `lon`, `lat` (EPSG:4326), `body_hash` is hexadecimal.
    """
    incident_id = report["incident_id"]
    document = {
        "actor": actor,
        "actor_role": actor_role,
        "report": report,
        "incident": [incident] if incident else [],
        "areas": list(areas),
        "event": [event] if event else [],
        "caller": [caller] if caller else [],
        "subject": f"incident:{incident_id}" if incident_id else f"report:{report['report_id']}",
        "audit": {"report_id": report["report_id"], "channel": report["channel"]},
    }
    tx.execute(WRITE_REPORT, {"document": _document(document), "now": now})


def write_duties(
    tx: Connection,
    *,
    now: datetime,
    receipts: Sequence[dict[str, Any]],
    assignments: Sequence[dict[str, Any]],
    clocks: Sequence[dict[str, Any]],
) -> None:
    """Write receipts, assignments and clocks of an incident; the mappings have the columns of their tables."""
    document = {"receipts": list(receipts), "assignments": list(assignments), "clocks": list(clocks)}
    tx.execute(WRITE_DUTIES, {"document": _document(document), "now": now})
