"""The checks of `./siaga doctor`: promises of the design, asked of the installation as it is now."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from psycopg2 import Error

from ops import database as db
from ops.database import EXTENSIONS, Database
from ops.exits import CommandFailed
from ops.session import RUNNING_LOCK
from ops.state import State
from ops.status import look

SKEW_LIMIT_S = 5.0
DISK_LOW_BYTES = 1024**3
PRIVATE_FILES = ("secrets.json", "run.json", "demo-accounts.json", "cli-token", "webhooks.json", "administrator.sql")
# Rows that must never change once written, and the statements a trigger must refuse.
APPEND_ONLY = ("audit", "incident_event", "receipt")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One promise: whether it holds, what was found, what to do if not."""

    name: str
    holds: bool
    detail: str = ""
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A promise that one query can check: it returns a count of violations, and may return an example."""

    name: str
    query: str
    hint: str


PROMISES = (
    Promise(
        name="incident has assignment",
        query="""SELECT count(*), min(number) FROM siaga.incident i
                 WHERE NOT EXISTS (SELECT 1 FROM siaga.assignment a WHERE a.incident_id = i.incident_id)
                   AND i.origin <> 'history' AND i.status <> 'draft'""",
        hint="an incident that nobody has; open it as a supervisor and assign it",
    ),
    Promise(
        name="incident has one lead",
        query="""SELECT count(*), min(number) FROM siaga.incident i
                 WHERE 1 <> (SELECT count(*) FROM siaga.assignment a
                             WHERE a.incident_id = i.incident_id AND a.role = 'lead')
                   AND EXISTS (SELECT 1 FROM siaga.assignment a WHERE a.incident_id = i.incident_id)
                   AND i.origin <> 'history'""",
        hint="every incident is led by exactly one agency",
    ),
    Promise(
        name="assignment has outbox row",
        query="""SELECT count(*), min(i.number) FROM siaga.assignment a JOIN siaga.incident i USING (incident_id)
                 WHERE a.agency_code IS NOT NULL AND i.origin IN ('live', 'drill')
                   AND NOT EXISTS (SELECT 1 FROM siaga.outbox o WHERE o.assignment_id = a.assignment_id)""",
        hint="an agency that was never told",
    ),
    Promise(
        name="outbox is delivered",
        query="""SELECT count(*), min(agency_code) FROM siaga.outbox
                 WHERE delivered_at IS NULL AND channel = 'inbox'
                   AND created_at < clock_timestamp() - interval '1 minute'""",
        hint="the worker does not run, or an agency's inbox is stuck; see log/worker.log",
    ),
    Promise(
        name="clocks fire",
        query="""SELECT count(*), min(step) FROM siaga.clock WHERE fired_at IS NULL AND stopped_at IS NULL
                 AND due_at < clock_timestamp() - interval '1 minute'""",
        hint="deadlines passed unnoticed; the worker does not run",
    ),
    Promise(
        name="boundaries are valid",
        query="""SELECT count(*), min(j.code)
                 FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
                 WHERE NOT ST_IsValid(v.geom) OR ST_IsEmpty(v.geom)""",
        hint="a polygon that cannot be matched; import it again",
    ),
    Promise(
        name="boundaries in metres agree",
        query="""SELECT count(*), min(area.code) FROM (
                   SELECT j.code, v.geom, v.geom_m FROM siaga.boundary_version v
                     JOIN siaga.jurisdiction j USING (jurisdiction_id) WHERE v.valid @> clock_timestamp()
                   UNION ALL SELECT code, geom, geom_m FROM siaga.admin_area) AS area, siaga.city
                 WHERE ST_SRID(geom_m) <> metric_srid
                    OR ST_HausdorffDistance(ST_Envelope(geom_m),
                                            ST_Envelope(ST_Transform(geom, metric_srid))) > 0.5""",
        hint="geom_m was not written beside geom; import the boundary again",
    ),
    Promise(
        name="one boundary in force",
        query="""SELECT count(*), min(j.code) FROM siaga.jurisdiction j WHERE 1 < (SELECT count(*)
                   FROM siaga.boundary_version v WHERE v.jurisdiction_id = j.jurisdiction_id
                    AND v.valid @> clock_timestamp())""",
        hint="the exclusion constraint is missing; run the migrations",
    ),
    Promise(
        name="callers' data expire",
        query="""SELECT count(*), NULL FROM private.caller WHERE expires_at < clock_timestamp() - interval '1 day'""",
        hint="the worker does not remove what is over its time",
    ),
    Promise(
        name="indexes are valid",
        query="""SELECT count(*), min(c.relname) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'siaga' AND NOT x.indisvalid""",
        hint="REINDEX INDEX CONCURRENTLY siaga.<name>",
    ),
)


def examine(database: Database) -> list[Check]:
    """Run every check; a check that cannot be made counts as failed."""
    checks: list[Check] = []
    try:
        connection = database.connect("owner")
    except CommandFailed as error:
        return [Check(name="database answers", holds=False, detail=str(error), hint="see log/postgres.log")]
    try:
        with connection.cursor() as cursor:
            # Geometry checks of a large city must end, too.
            cursor.execute("SET statement_timeout = '60s'")
            for make in (_extensions, _migrations, _durability, _append_only, _clock):
                checks.append(_safely(make.__name__.strip("_"), lambda make=make: make(cursor, database)))
            for promise in PROMISES:
                checks.append(_safely(promise.name, lambda promise=promise: _ask(cursor, promise)))
    finally:
        connection.close()
    return [*checks, *_folder(database.state), *_processes(database.state)]


def _safely(name: str, make: Callable[[], Check]) -> Check:
    try:
        return make()
    except (Error, CommandFailed) as error:
        return Check(name=name, holds=False, detail=f"cannot be checked: {str(error).strip()}")


def _ask(cursor: Any, promise: Promise) -> Check:
    cursor.execute(promise.query)
    count, example = cursor.fetchone()
    detail = "" if not count else f"{count} not so" + (f", such as {example}" if example else "")
    return Check(name=promise.name, holds=not count, detail=detail, hint=promise.hint)


def _extensions(cursor: Any, _: Database) -> Check:
    cursor.execute("SELECT extname, extversion FROM pg_extension")
    there = dict(cursor.fetchall())
    missing = [name for name in EXTENSIONS if name not in there]
    return Check(
        name="extensions",
        holds=not missing,
        detail=", ".join(f"{name} {there.get(name, 'missing')}" for name in EXTENSIONS),
        hint="CREATE EXTENSION as the database's administrator",
    )


def _migrations(_: Any, database: Database) -> Check:
    here, newest = database.revision(), db.head()
    return Check(
        name="migrations at head",
        holds=here == newest,
        detail=f"{here}" if here == newest else f"{here}, the program needs {newest}",
        hint="./siaga up migrates",
    )


def _durability(cursor: Any, _: Database) -> Check:
    wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on"}
    found = {}
    for name in wanted:
        cursor.execute(f"SHOW {name}")
        (found[name],) = cursor.fetchone()
    return Check(
        name="answers survive a crash",
        holds=found == wanted,
        detail=", ".join(f"{name} {value}" for name, value in found.items()),
        hint="a saved report could be lost with these settings",
    )


def _append_only(cursor: Any, _: Database) -> Check:
    # tgtype bits: 8 DELETE, 16 UPDATE, 32 TRUNCATE; tgenabled D is a trigger switched off.
    cursor.execute(
        """SELECT c.relname, bit_or(t.tgtype::int) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'siaga' AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relname = ANY (%s)
           GROUP BY 1""",
        [list(APPEND_ONLY)],
    )
    guarded = {name for name, bits in cursor.fetchall() if bits & 24 == 24}
    missing = [name for name in APPEND_ONLY if name not in guarded]
    return Check(
        name="append-only",
        holds=not missing,
        detail=", ".join(APPEND_ONLY) if not missing else f"no trigger guards {', '.join(missing)}",
        hint="run the migrations; somebody may have switched a trigger off",
    )


def _clock(cursor: Any, _: Database) -> Check:
    before = time.time()
    cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
    (there,) = cursor.fetchone()
    skew_s = there - (before + time.time()) / 2
    return Check(
        name="clocks agree",
        holds=abs(skew_s) < SKEW_LIMIT_S,
        detail=f"the database's is {skew_s:+.2f} s",
        hint="set both machines' clocks by NTP",
    )


def _folder(state: State) -> Iterator[Check]:
    open_files = [
        f"{name} {(state.path / name).stat().st_mode & 0o777:04o}"
        for name in PRIVATE_FILES
        if (state.path / name).exists() and (state.path / name).stat().st_mode & 0o077
    ]
    yield Check(
        name="secrets are private",
        holds=not open_files,
        detail=", ".join(open_files),
        hint=f"chmod 0600 in {state.path}",
    )
    space = shutil.disk_usage(state.path)
    yield Check(
        name="disk space",
        holds=space.free > DISK_LOW_BYTES,
        detail=f"{space.free / 1024**3:.1f} of {space.total / 1024**3:.0f} GiB free",
        hint="a full disk refuses reports",
    )


def _processes(state: State) -> Iterator[Check]:
    """Check the running parts; when nothing runs there is nothing to check."""
    if not state.is_locked(RUNNING_LOCK):
        yield Check(name="parts are well", holds=True, detail="not running")
        return
    bad = [f"{part.name}: {part.detail or 'not there'}" for part in look(state).parts if not part.is_well]
    yield Check(name="parts are well", holds=not bad, detail="; ".join(bad), hint=f"see {state.logs}")
