"""What must hold in the database after any fault, asked in SQL of its own (not the program's)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.faults.installation import Installation
from tests.faults.writers import Acknowledgement

# Every row these return is a broken promise.
BROKEN = {
    "an incident without assignment": """
        SELECT number FROM siaga.incident i WHERE origin IN ('live', 'drill')
        AND NOT EXISTS (SELECT FROM siaga.assignment a WHERE a.incident_id = i.incident_id)""",
    "an incident without an outbox row": """
        SELECT number FROM siaga.incident i WHERE origin IN ('live', 'drill')
        AND EXISTS (SELECT FROM siaga.assignment a WHERE a.incident_id = i.incident_id AND agency_code IS NOT NULL)
        AND NOT EXISTS (SELECT FROM siaga.outbox o WHERE o.incident_id = i.incident_id)""",
    "an agency that is not told": """
        SELECT i.number, a.agency_code FROM siaga.assignment a JOIN siaga.incident i USING (incident_id)
        WHERE i.origin IN ('live', 'drill') AND a.agency_code IS NOT NULL
        AND 1 <> (SELECT count(*) FROM siaga.outbox o WHERE o.assignment_id = a.assignment_id
                  AND o.channel = 'inbox' AND o.kind = 'assignment')""",
    "not exactly one lead": """
        SELECT number FROM siaga.incident i WHERE origin IN ('live', 'drill')
        AND 1 <> (SELECT count(*) FROM siaga.assignment a WHERE a.incident_id = i.incident_id AND role = 'lead')""",
    "an incident without its report": """
        SELECT number FROM siaga.incident i WHERE origin IN ('live', 'drill')
        AND NOT EXISTS (SELECT FROM siaga.report r WHERE r.incident_id = i.incident_id)""",
    "an assignment without its receipt": """
        SELECT assignment_id FROM siaga.assignment a JOIN siaga.incident i USING (incident_id)
        WHERE i.origin IN ('live', 'drill')
        AND NOT EXISTS (SELECT FROM siaga.receipt r WHERE r.receipt_id = a.receipt_id)""",
    "a gap or a double in an inbox": """
        SELECT agency_code FROM siaga.inbox_item GROUP BY agency_code
        HAVING count(*) <> max(seq) OR min(seq) <> 1 OR count(DISTINCT outbox_id) <> count(*)""",
    # Numbers follow commits, so two incidents may pass each other; what is said of one incident may not.
    "an inbox out of order": """
        SELECT agency_code, seq FROM (
          SELECT n.agency_code, n.seq,
            o.outbox_id > lag(o.outbox_id) OVER (PARTITION BY n.agency_code, o.incident_id ORDER BY n.seq) AS follows
          FROM siaga.inbox_item n JOIN siaga.outbox o USING (outbox_id)) AS x WHERE NOT follows""",
}
WAITING = "SELECT count(*) FROM siaga.outbox WHERE channel = 'inbox' AND delivered_at IS NULL"
STORED = """
SELECT r.idempotency_key, r.answer, i.number FROM siaga.report r LEFT JOIN siaga.incident i USING (incident_id)
WHERE r.report_id::text = r.answer ->> 'report_id' AND r.incident_id::text = r.answer ->> 'incident_id'
AND r.idempotency_key = ANY (%s)
"""


def broken(installation: Installation) -> dict[str, list[Any]]:
    """Return the promises that do not hold, each with the first rows that show it."""
    found = {}
    with installation.database() as cursor:
        for name, query in BROKEN.items():
            cursor.execute(query + " LIMIT 5")
            rows = cursor.fetchall()
            if rows:
                found[name] = rows
    return found


def n_waiting(installation: Installation) -> int:
    """Return how many messages no inbox has yet."""
    with installation.database() as cursor:
        cursor.execute(WAITING)
        return int(cursor.fetchone()[0])


def lost(installation: Installation, acknowledged: Sequence[Acknowledgement]) -> list[str]:
    """Return the keys whose report and incident are not there as they were answered."""
    with installation.database() as cursor:
        cursor.execute(STORED, ([one.key for one in acknowledged],))
        stored = {key: (answer, number) for key, answer, number in cursor.fetchall()}
    return [one.key for one in acknowledged if stored.get(one.key) != (one.answer, one.answer["number"])]
