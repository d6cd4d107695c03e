"""How the parts are: for the supervisor, for people, and as figures for Prometheus.

Intake is impaired when a report could not be saved now: no database, a read-only one, no schema or no city. A worker
that rests, or fields that are missing, delay or coarsen the answer; a report is still saved, so the whole is only
`degraded`.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from api.door import Door
from gis.db import transaction
from gis.errors import PlatformError

OK, DEGRADED, IMPAIRED = "ok", "degraded", "impaired"
WORKER_LATE_S = 15.0
OUTBOX_LATE_S = 60.0
DISK_LOW_BYTES = 200 * 1024 * 1024

DATABASE = text(
    """
SELECT current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery() AS is_read_only,
       to_regclass('siaga.report') IS NOT NULL AS has_schema
"""
)
STATE = text(
    """
SELECT (SELECT count(*) FROM siaga.city) AS n_cities,
       (SELECT version_num FROM siaga.alembic_version) AS migration,
       (SELECT count(*) FROM siaga.travel_field WHERE is_current) AS n_fields,
       (SELECT count(*) FROM siaga.outbox WHERE delivered_at IS NULL) AS n_waiting,
       (SELECT extract(epoch FROM clock_timestamp() - min(created_at)) FROM siaga.outbox
        WHERE delivered_at IS NULL AND channel = 'inbox') AS oldest_s
"""
)
FIGURES = text(
    """
SELECT 'siaga_incidents_open' AS name, concat('lane="', lane, '"') AS labels, count(*)::float8 AS value
FROM siaga.incident WHERE status NOT IN ('closed', 'cancelled', 'unfounded', 'merged', 'handed_off') GROUP BY lane
UNION ALL
SELECT 'siaga_assignments_unassigned', '', count(*) FROM siaga.assignment a JOIN siaga.incident i USING (incident_id)
WHERE a.agency_code IS NULL AND i.status NOT IN ('closed', 'cancelled', 'unfounded', 'merged', 'handed_off')
UNION ALL
SELECT 'siaga_outbox_waiting', concat('channel="', channel, '"'), count(*) FROM siaga.outbox
WHERE delivered_at IS NULL GROUP BY channel
UNION ALL
SELECT 'siaga_clocks_overdue', '', count(*) FROM siaga.clock
WHERE fired_at IS NULL AND stopped_at IS NULL AND due_at < clock_timestamp()
"""
)


@dataclass
class Report:
    """What was found: part name -> its status and figures."""

    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def say(self, part: str, status: str, **figures: Any) -> None:
        """Note one part."""
        self.parts[part] = {"status": status, **figures}

    @property
    def status(self) -> str:
        """The worst of all parts."""
        found = {part["status"] for part in self.parts.values()}
        return next((status for status in (IMPAIRED, DEGRADED) if status in found), OK)


def look(door: Door) -> Report:
    """Look at every part once; never raises."""
    report = Report()
    try:
        with transaction(door.engine) as tx:
            _look_inside(tx, door, report)
    except Exception as error:  # whatever it is, intake would meet it too
        report.say("database", IMPAIRED, reason=type(error.__cause__ or error).__name__)
    _look_worker(door, report)
    try:
        free = shutil.disk_usage(door.settings.state).free
        report.say("disk", OK if free > DISK_LOW_BYTES else DEGRADED, free_bytes=free)
    except OSError as error:
        report.say("disk", DEGRADED, reason=type(error).__name__)
    return report


def _look_inside(tx: Connection, door: Door, report: Report) -> None:
    row = tx.execute(DATABASE).one()
    report.say("database", IMPAIRED if row.is_read_only else OK, **({"read_only": True} if row.is_read_only else {}))
    if not row.has_schema:
        report.say("schema", IMPAIRED, reason="no tables; ./siaga up makes them")
        return
    state = tx.execute(STATE).one()
    report.say("schema", OK, migration=state.migration)
    if not state.n_cities:
        report.say("city", IMPAIRED, reason="no city is loaded; ./siaga city init DIR")
        return
    try:
        snapshot = door.context.current(tx).snapshot
        report.say("city", OK, name=snapshot.city.name, revision=snapshot.city.revision)
    except PlatformError as error:
        report.say("city", IMPAIRED, reason=str(error)[:200])
    report.say("roads", OK if state.n_fields else DEGRADED, n_fields=state.n_fields)
    oldest = None if state.oldest_s is None else round(float(state.oldest_s), 1)
    is_late = oldest is not None and oldest > OUTBOX_LATE_S
    report.say("outbox", DEGRADED if is_late else OK, n_waiting=state.n_waiting, oldest_s=oldest)


def _look_worker(door: Door, report: Report) -> None:
    try:
        age = max(0.0, time.time() - (door.settings.state / "worker.alive").stat().st_mtime)
    except OSError:
        report.say("worker", DEGRADED, reason="no sign of life")
        return
    report.say("worker", OK if age < WORKER_LATE_S else DEGRADED, age_s=round(age, 1))


def figures(door: Door) -> list[tuple[str, str, float]]:
    """Return gauges from the database: name, labels, value."""
    with transaction(door.engine) as tx:
        return [(row.name, row.labels, float(row.value)) for row in tx.execute(FIGURES)]
