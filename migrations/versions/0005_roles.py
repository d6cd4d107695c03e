"""What each service role may do: the least it needs, column by column where that matters.

The roles themselves are the cluster administrator's (`ops.database`); this says what they may touch.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

ROLES = "siaga_api, siaga_pages, siaga_worker, siaga_planner"

# Read by everybody who serves a request; nothing of a person in them.
PUBLIC_TABLES = """city, incident_type, place, basemap_area, basemap_line, basemap_label, service, agency, neighbour,
  admin_area, jurisdiction, boundary_set, boundary_version, road_build, road_node, road_edge, road_restriction, road_speed,
  travel_field, sop_rule, ladder_step, station, agency_channel"""

GRANTS = f"""
GRANT USAGE ON SCHEMA siaga TO {ROLES};
GRANT EXECUTE ON FUNCTION siaga.uuid7() TO {ROLES};
GRANT SELECT ON siaga.alembic_version TO {ROLES};
GRANT SELECT ON {PUBLIC_TABLES} TO {ROLES};

-- intake and the life of an incident: the API and the pages run the same use cases
GRANT USAGE ON SCHEMA private TO siaga_api, siaga_pages, siaga_worker;
GRANT SELECT, INSERT ON incident, incident_event, incident_area, report, receipt, assignment, clock, outbox, audit
  TO siaga_api, siaga_pages;
-- the areas of an incident follow its position when it is moved
GRANT DELETE ON incident_area TO siaga_api, siaga_pages;
GRANT UPDATE (incident_id, answer, classification) ON report TO siaga_api, siaga_pages;
GRANT UPDATE (type_code, lane, severity, status, classification, geom, accuracy_m, location_method, location_text,
  description, facts, handoff, parent_id, n_reports, closed_at, result, version) ON incident TO siaga_api, siaga_pages;
GRANT UPDATE (state, role, note, result, version) ON assignment TO siaga_api, siaga_pages;
GRANT UPDATE (due_at, stopped_at) ON clock TO siaga_api, siaga_pages;
GRANT USAGE ON SEQUENCE siaga.incident_number TO siaga_api, siaga_pages;
GRANT SELECT, INSERT ON private.caller TO siaga_api, siaga_pages;
GRANT SELECT ON contact, agency_inbox, inbox_item TO siaga_api, siaga_pages;

-- tokens are checked by the API; people log in at the pages
GRANT SELECT ON api_token TO siaga_api;
GRANT SELECT ON account TO siaga_pages;
GRANT UPDATE (language) ON account TO siaga_pages;
GRANT SELECT, INSERT, UPDATE, DELETE ON session TO siaga_pages;
GRANT SELECT, INSERT ON login_attempt TO siaga_pages;

-- the worker delivers, fires clocks, builds fields, forgets what is due to be forgotten
GRANT SELECT ON incident, incident_area, incident_event, assignment, clock, outbox, agency_inbox, inbox_item, contact,
  receipt TO siaga_worker;
GRANT UPDATE (next_attempt_at, attempts, delivered_at, last_error) ON outbox TO siaga_worker;
GRANT INSERT ON outbox, incident_event, inbox_item, agency_inbox, audit TO siaga_worker;
GRANT UPDATE (last_seq) ON agency_inbox TO siaga_worker;
GRANT UPDATE (fired_at, stopped_at) ON clock TO siaga_worker;
GRANT UPDATE (state, version) ON assignment TO siaga_worker;
GRANT UPDATE (version, status, changed_xid) ON incident TO siaga_worker;
GRANT INSERT, UPDATE, DELETE ON travel_field TO siaga_worker;
GRANT SELECT (report_id, expires_at), DELETE ON private.caller TO siaga_worker;
GRANT SELECT (login_attempt_id, at), DELETE ON login_attempt TO siaga_worker;
GRANT SELECT (session_hash, expires_at), DELETE ON session TO siaga_worker;

-- planners read incidents; no caller, no report, no free text of a call
GRANT SELECT (incident_id, number, type_code, lane, severity, status, classification, origin, geom, accuracy_m,
  location_method, facts, parent_id, n_reports, occurred_at, received_at, closed_at, result, version) ON incident
  TO siaga_planner;
GRANT SELECT ON incident_area, assignment, clock TO siaga_planner;
"""


def upgrade() -> None:
    """Grant."""
    op.execute("SET LOCAL search_path = siaga, public")
    op.execute(GRANTS)


def downgrade() -> None:
    """Revoke everything these roles have in our schemas."""
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA siaga, private FROM {ROLES}")
    op.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA siaga FROM {ROLES}")
    op.execute(f"REVOKE ALL ON FUNCTION siaga.uuid7() FROM {ROLES}")
    op.execute(f"REVOKE ALL ON SCHEMA siaga, private FROM {ROLES}")
