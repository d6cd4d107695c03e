"""Who called is seen masked, and whole only with a reason that is on record.

The roles that serve requests read no row of `private.caller` any more: what they need of it are four functions of its
owner. The one that gives a number away writes the audit row itself, so that there is no way to the one without the other.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

MASK = """
CREATE FUNCTION private.mask_phone(phone text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
  -- At least four characters stay hidden, and of a short or an odd one all.
  SELECT CASE WHEN phone !~ '^[+]?[0-9]{8,15}$' THEN '****'
    ELSE left(phone, shown) || '-****-' || right(phone, shown) END
  FROM (SELECT least(4, (length(phone) - 4) / 2) AS shown) AS size
$$
"""
# A number of the city's own country is shown as people there write it: its calling code gives way to the trunk prefix.
LOCAL = """
CREATE FUNCTION private.local_phone(phone text, calling_code text, trunk text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
  SELECT CASE WHEN starts_with(phone, calling_code) THEN trunk || substr(phone, length(calling_code) + 1) ELSE phone END
$$
"""
CALLERS_OF = """
CREATE FUNCTION private.callers_of(incident uuid, calling_code text, trunk text)
RETURNS TABLE (report_id uuid, received_at timestamptz, phone text, name text, relation text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT r.report_id, r.received_at, private.mask_phone(private.local_phone(c.phone, calling_code, trunk)),
    left(c.name, 1) || '****', c.relation
  FROM siaga.report r JOIN private.caller c USING (report_id)
  WHERE c.expires_at > clock_timestamp() AND (r.incident_id = incident OR r.incident_id IN (
    SELECT i.incident_id FROM siaga.incident i WHERE i.parent_id = incident))
  ORDER BY r.received_at, r.report_id
$$
"""
REVEAL = """
CREATE FUNCTION private.reveal_caller(report uuid, actor text, actor_role text, reason text, calling_code text, trunk text)
RETURNS TABLE (phone text, name text, relation text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF actor_role NOT IN ('operator', 'supervisor') OR actor = '' OR btrim(reason) = '' THEN
    RAISE EXCEPTION 'who called is shown to operators and supervisors, with a reason' USING ERRCODE = '42501';
  END IF;
  RETURN QUERY SELECT private.local_phone(c.phone, calling_code, trunk), c.name, c.relation
    FROM private.caller c WHERE c.report_id = report AND c.expires_at > clock_timestamp();
  IF FOUND THEN
    INSERT INTO siaga.audit (at, actor, actor_role, action, subject, detail)
    SELECT clock_timestamp(), reveal_caller.actor, reveal_caller.actor_role, 'caller.reveal', 'report:' || report,
      jsonb_build_object('reason', reason, 'incident_id', r.incident_id)
    FROM siaga.report r WHERE r.report_id = report;
  END IF;
END
$$
"""
HAS_CALLED = """
CREATE FUNCTION private.has_called(incident uuid, said text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM siaga.report r JOIN private.caller c USING (report_id)
    WHERE r.incident_id = incident AND c.phone = said)
$$
"""
# (what makes it, its signature, who may call it)
FUNCTIONS = (
    (MASK, "mask_phone(text)", ""),
    (LOCAL, "local_phone(text, text, text)", ""),
    (CALLERS_OF, "callers_of(uuid, text, text)", "siaga_pages"),
    (REVEAL, "reveal_caller(uuid, text, text, text, text, text)", "siaga_pages"),
    (HAS_CALLED, "has_called(uuid, text)", "siaga_api, siaga_pages"),
)


def upgrade() -> None:
    """Make the functions, and take the table away from those who serve requests; they still write to it."""
    for body, signature, callers in FUNCTIONS:
        op.execute(body)
        op.execute(f"REVOKE ALL ON FUNCTION private.{signature} FROM PUBLIC")
        if callers:
            op.execute(f"GRANT EXECUTE ON FUNCTION private.{signature} TO {callers}")
    op.execute("REVOKE SELECT ON private.caller FROM siaga_api, siaga_pages")


def downgrade() -> None:
    """Let them read the table again."""
    op.execute("GRANT SELECT ON private.caller TO siaga_api, siaga_pages")
    for _, signature, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION private.{signature}")
