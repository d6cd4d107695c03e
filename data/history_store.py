"""Write a synthetic history into the database of a city, fast, and make what its newest incidents need.

All incidents go in with their administrative areas. The newest ones (90 days by default) also get receipts and
assignments, decided by the same code that decides live ones, so that they replay. None gets a clock, a message or a
caller, and none shows on a live map.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.random import Generator
from sqlalchemy import Connection, Engine, Table, text

from data.bulk import copy_rows, ewkb
from data.history import SEED, History, generate
from data.history_settings import HistorySettings
from gis.city import CityFacts, read_city
from gis.db import transaction
from gis.reports import Facts
from gis.tables import incident, incident_event
from gis.words import AssignmentRole, AssignmentState, Origin
from routing_engine.dispatch.assignments import assignment_row
from routing_engine.dispatch.context import Context, Moment
from routing_engine.dispatch.decision import Decision, decide, receipt_rows
from routing_engine.dispatch.tables import assignment
from zones.tables import incident_area, receipt

ACTOR, ACTOR_ROLE = "history", "admin"
N_READERS, READ_AT_ONCE = 3, 50

AREAS = "SELECT level, code, name, parent_code, geom FROM siaga.admin_area ORDER BY level, code"

STREETS = """
SELECT e.geom FROM siaga.road_edge e JOIN siaga.road_build b USING (road_build_id)
WHERE b.is_current AND NOT e.is_bridge ORDER BY e.edge_id
"""

# The lead agency of a type at its usual severity; of several, the first by code.
TYPES = text(
    """
SELECT t.type_code, t.name_id, t.lane, t.severity,
       (SELECT min(j.agency_code COLLATE "C") FROM siaga.sop_rule r JOIN siaga.jurisdiction j USING (service_code)
        WHERE r.type_code = t.type_code AND r.role = 'lead' AND r.condition = ''
          AND t.severity BETWEEN r.severity_min AND r.severity_max) AS lead_agency
FROM siaga.incident_type t WHERE t.is_incident ORDER BY t.type_code COLLATE "C"
"""
)

# Of areas that share a border, the lowest code holds a point on it.
COVERING = text(
    """
INSERT INTO siaga.incident_area (incident_id, level, code, share, position)
SELECT DISTINCT ON (i.incident_id, a.level) i.incident_id, a.level, a.code, 1.0, 0
FROM siaga.incident i JOIN siaga.admin_area a ON ST_Covers(a.geom, i.geom)
WHERE i.origin = 'history' AND i.received_at < :until
ORDER BY i.incident_id, a.level, a.code COLLATE "C"
"""
)

# Boundaries and rules may be younger than the history: it is decided by the oldest that are complete.
COMPLETE_SINCE = text(
    """
SELECT greatest((SELECT max(lower(valid)) FROM siaga.boundary_version WHERE valid @> CAST(:now AS timestamptz)),
                (SELECT max(lower(valid)) FROM siaga.sop_rule WHERE valid @> CAST(:now AS timestamptz)))
"""
)

INCIDENT_COLUMNS = (
    "incident_id", "number", "type_code", "lane", "severity", "status", "classification", "origin", "geom",
    "accuracy_m", "location_method", "location_text", "description", "facts", "n_reports", "occurred_at", "received_at",
    "closed_at", "result",
)  # fmt: skip


def has_history(tx: Connection) -> bool:
    """Tell whether there is a synthetic history already."""
    return bool(tx.execute(text("SELECT EXISTS (SELECT FROM siaga.incident WHERE origin = 'history')")).scalar_one())


def seed_history(
    tx: Connection,
    city_folder: Path,
    *,
    state: Path,
    now: datetime,
    seed: int = SEED,
    scale: float = 1.0,
    readers: Engine | None = None,
    progress: Callable[[str], object] = print,
) -> dict[str, int]:
    """Make and write the history of the city in the database; it ends with yesterday.

    Parameters
    ----------
    tx
        Connection of the owner; the city is loaded.
    city_folder
        Folder with an optional `history.toml`.
    state
        State folder, for the travel-time fields.
    scale
        Factor on the number of incidents. The time that gets receipts and assignments shrinks by as much: they are
        decided one by one, and planning at size does not ask for them.

    readers
        Engine of the same database, to decide on several connections at once. They see what was committed before:
        the city, not this transaction. Without it, decisions are made one after the other on `tx`.

    Returns
    -------
    dict
        Rows written: `incidents`, `areas`, `receipts`, `assignments`, `events`; zeros when there is a history already.
    """
    written = dict.fromkeys(("incidents", "areas", "receipts", "assignments", "events"), 0)
    if has_history(tx):
        return written
    city = read_city(tx)
    settings = HistorySettings.read(city_folder / "history.toml")
    history = history_of(tx, city, settings, until=now.astimezone(city.time_zone).date(), seed=seed, scale=scale)
    written["incidents"] = write_incidents(tx, history)
    progress(f"{written['incidents']:,} synthetic incidents")
    receipt_days = settings.receipt_days / max(scale, 1.0)
    recent_since = now - timedelta(days=receipt_days)
    written["areas"] = tx.execute(COVERING, {"until": recent_since}).rowcount
    recent = history.incidents[history.incidents["received_at"] >= recent_since]
    made = write_duties(tx, Context(state).current(tx), recent, seed=seed, readers=readers)
    written |= {**made, "areas": written["areas"] + made["areas"]}
    progress(f"{written['assignments']:,} assignments of the last {receipt_days:g} days")
    tx.execute(text("ANALYZE siaga.incident, siaga.incident_area, siaga.assignment, siaga.receipt"))
    return written


def history_of(
    tx: Connection, city: CityFacts, settings: HistorySettings, *, until: date, seed: int = SEED, scale: float = 1.0
) -> History:
    """Make the history of the city in the database; writes nothing."""
    areas = gpd.read_postgis(text(AREAS), tx, geom_col="geom").rename_geometry("geometry")
    types = pd.DataFrame([dict(row) for row in tx.execute(TYPES).mappings()])
    streets = gpd.read_postgis(text(STREETS), tx, geom_col="geom", crs=4326)
    return generate(
        areas,
        types,
        settings,
        until=until,
        time_zone=str(city.time_zone),
        metric_srid=city.metric_srid,
        number_prefix=city.number_prefix,
        streets=streets.geometry if len(streets) else None,
        seed=seed,
        scale=scale,
    )


def write_incidents(tx: Connection, history: History) -> int:
    """Copy all incidents into the database; return how many."""
    frame = history.incidents.assign(
        origin=Origin.HISTORY.value,
        facts="{}",
        geom=ewkb(shapely.points(history.incidents["lon"], history.incidents["lat"]), 4326),
    )
    return copy_rows(tx, incident, INCIDENT_COLUMNS, frame[list(INCIDENT_COLUMNS)].itertuples(index=False, name=None))


def write_duties(
    tx: Connection, moment: Moment, recent: pd.DataFrame, *, seed: int, readers: Engine | None = None
) -> dict[str, int]:
    """Decide who was called for the newest incidents, and write receipts, assignments, areas with shares and events."""
    rng = np.random.default_rng([seed, len(recent)])
    receipts: list[dict[str, Any]] = []
    assignments: list[dict[str, Any]] = []
    areas: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for row, decision in zip(recent.itertuples(), decide_all(tx, moment, recent, readers=readers), strict=True):
        receipts += receipt_rows(decision, row.incident_id)
        for duty in decision.duties:
            made = assignment_row(duty, row.incident_id)
            assignments.append(made | {"created_at": row.received_at, "state": _state(rng, made, row)})
        areas += [
            {"incident_id": row.incident_id, "level": area.level, "code": area.code, "share": area.share}
            for area in decision.match.areas
        ]
        events += _events(row, list(decision.gaps))
    position = pd.DataFrame(areas, columns=["incident_id", "level", "code", "share"])
    position["position"] = position.groupby(["incident_id", "level"]).cumcount()
    _copy_dicts(tx, receipt, receipts)
    _copy_dicts(tx, assignment, assignments)
    _copy_dicts(tx, incident_area, position.to_dict("records"))
    _copy_dicts(tx, incident_event, events)
    return {
        "receipts": len(receipts),
        "assignments": len(assignments),
        "areas": len(areas),
        "events": len(events),
    }


def decide_all(
    tx: Connection, moment: Moment, incidents: pd.DataFrame, *, readers: Engine | None = None
) -> list[Decision]:
    """Return the decision for every incident, in order."""
    complete_since = tx.execute(COMPLETE_SINCE, {"now": moment.now}).scalar_one()

    def one(connection: Connection, row: Any) -> Decision:
        received_at = row.received_at.to_pydatetime()
        return decide(
            connection,
            moment,
            lon=row.lon,
            lat=row.lat,
            accuracy_m=row.accuracy_m,
            type_code=row.type_code,
            severity=int(row.severity),
            facts=Facts(),
            language="id",
            at=received_at if complete_since is None else max(received_at, complete_since),
        )

    rows = list(incidents.itertuples())
    if readers is None:
        return [one(tx, row) for row in rows]

    def several(part: list[Any]) -> list[Decision]:
        with transaction(readers) as own:
            return [one(own, row) for row in part]

    # The database works on one connection's question while Python reads the answer of another.
    parts = [rows[start : start + READ_AT_ONCE] for start in range(0, len(rows), READ_AT_ONCE)]
    with ThreadPoolExecutor(N_READERS) as pool:
        return [decision for part in pool.map(several, parts) for decision in part]


def _state(rng: Generator, duty: dict[str, Any], row: Any) -> AssignmentState:
    """Return how far an agency came with its assignment."""
    chance = rng.random()
    if duty["agency_code"] is None:
        return AssignmentState.QUEUED
    if duty["role"] == AssignmentRole.INFORM:
        return AssignmentState.SEEN if chance < 0.7 else AssignmentState.DELIVERED
    if row.is_done or row.status == "unfounded":
        return AssignmentState.DONE
    if chance < 0.5:
        return AssignmentState.ACCEPTED
    return AssignmentState.SEEN if chance < 0.8 else AssignmentState.DELIVERED


def _events(row: Any, gaps: list[str]) -> list[dict[str, Any]]:
    """Return the two ends of an incident's timeline."""
    common = {"incident_id": row.incident_id, "actor": ACTOR, "actor_role": ACTOR_ROLE}
    return [
        common | {"at": row.received_at, "kind": "report", "version": 1, "detail": {"gaps": gaps}},
        common | {"at": row.closed_at, "kind": "close", "version": 1, "detail": {"result": row.result}},
    ]


def _copy_dicts(tx: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Send rows of the same keys to a table; what is a dict or list travels as JSON."""
    if rows:
        columns = tuple(rows[0])
        copy_rows(tx, table, columns, ([_cell(row[name]) for name in columns] for row in rows))


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
