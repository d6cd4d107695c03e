"""Keeping the stations' travel-time fields up to date: files in the state folder, rows in `travel_field`.

There is one for every vehicle profile and hour band; bands with the same speeds share it. Only the worker and the
seeding of a city write; every other process maps the files read-only.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from gis.city import read_city
from gis.db import database_now, transaction
from gis.errors import ConflictError, NetworkError
from routing_engine.dispatch.tables import station
from routing_engine.network.fields import Field, build_field, field_digest, graph_digest_of, read_field, write_field
from routing_engine.network.profiles import PROFILES, profile_named
from routing_engine.network.snapping import SNAP_LIMIT_M, snap
from routing_engine.network.speeds import band_of, hour_bands
from routing_engine.network.store import (
    RoadTables,
    graph_digest,
    graph_of,
    graph_path,
    load_network,
    load_speeds,
    read_graph,
    write_graph,
)
from routing_engine.network.tables import road_build, travel_field

log = logging.getLogger(__name__)

# Left behind by a process that was killed while it wrote; a file in the making is younger.
STALE_AFTER_S = 3600.0
# How often to look again when roads or stations change while a field is being made.
ATTEMPTS = 3

# One writer at a time: seeding and the worker may want to at the same moment.
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('siaga.travel_field'))")


def fields_folder(state: Path) -> Path:
    """Return the folder of graphs and fields."""
    return state / "fields"


def field_path(folder: Path, digest: str) -> Path:
    """Return where the field called `digest` lies."""
    return folder / f"field-{digest}.arrays"


def active_stations(tx: Connection) -> pd.DataFrame:
    """Read the stations in service by code: the columns of `station` without geometry, and `lon`, `lat`."""
    columns = ["station_id", "code", "name", "agency_code", "service_code", "jurisdiction_code", "profile"]
    rows = tx.execute(
        select(*[station.c[name] for name in columns], func.ST_X(station.c.geom), func.ST_Y(station.c.geom))
        .where(station.c.is_active)
        .order_by(station.c.code.collate("C"))
    ).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=[*columns, "lon", "lat"])


def refresh_fields(engine: Engine, state: Path, *, now: datetime | None = None) -> dict[str, Any]:
    """Make the fields that roads, speeds and stations ask for, where they are not there yet.

    Parameters
    ----------
    state
        The state folder; files go into ``fields/``.
    now
        Written as `built_at`; the database clock by default.

    Returns
    -------
    dict
        `road_build_id` (`None` without roads), `current` (profile → first hour of the band → digest), `built` (digests)
        and `removed` (file names).

    Raises
    ------
    NetworkError
        The road tables cannot be a network. The fields in use stay in use.
    ConflictError
        Roads or stations changed at each of several attempts.

    Notes
    -----
    A field's name covers everything it depends on, so an unchanged one is neither made nor written again. Until the
    new rows are committed, readers use the old fields.
    """
    folder = fields_folder(state)
    built: list[str] = []
    for _ in range(ATTEMPTS):
        with transaction(engine) as tx:
            build_id, metric_srid, wanted = _wanted(tx)
            missing = {plan.digest: plan for plan in wanted if _read(folder, plan.digest) is None}
            tables = load_network(tx, build_id) if missing else None
        if tables is not None:
            for plan in missing.values():
                _make(tables, plan, metric_srid, folder)
                built.append(plan.digest)
                n = len(plan.codes)
                log.info("travel-time field of %s from %02d:00 made for %d stations", plan.profile, plan.hour_from, n)
        with transaction(engine) as tx:
            tx.execute(LOCK)
            if _wanted(tx) != (build_id, metric_srid, wanted):
                continue
            _record(tx, wanted, build_id, folder, now or database_now(tx), set(built))
        current: dict[str, dict[int, str]] = {}
        for plan in wanted:
            current.setdefault(plan.profile, {})[plan.hour_from] = plan.digest
        return {
            "road_build_id": build_id,
            "current": current,
            "built": built,
            "removed": _remove_stale(folder, wanted),
        }
    raise ConflictError("roads or stations keep changing while travel-time fields are made; refresh them again later")


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A field to have: what for, its name, its graph's name, and its stations by code with their EPSG:4326 degrees."""

    profile: str
    hour_from: int
    digest: str
    graph_digest: str
    codes: tuple[str, ...]
    lonlat: tuple[tuple[float, float], ...]


def _wanted(tx: Connection) -> tuple[int | None, int, list[_Plan]]:
    """Return the road build in use, the metric SRID, and the field each profile in use should have in each band."""
    metric_srid = read_city(tx).metric_srid
    build = tx.execute(select(road_build.c.road_build_id, road_build.c.digest).where(road_build.c.is_current)).first()
    plans: list[_Plan] = []
    if build is None:
        return None, metric_srid, plans
    speeds = load_speeds(tx)
    for name, rows in active_stations(tx).groupby("profile", sort=True):
        profile = str(name)
        if profile not in PROFILES:
            log.warning("%d stations have the unknown profile %s: no travel times by road", len(rows), profile)
            continue
        codes = tuple(rows["code"])
        lonlat = tuple(zip(rows["lon"].tolist(), rows["lat"].tolist(), strict=True))
        for hour_from in hour_bands(speeds, profile):
            of_graph = graph_digest(
                build.digest, speeds, profile=profile_named(profile), metric_srid=metric_srid, hour_from=hour_from
            )
            digest = field_digest(of_graph, codes, lonlat, snap_limit_m=SNAP_LIMIT_M)
            plans.append(
                _Plan(
                    profile=profile,
                    hour_from=hour_from,
                    digest=digest,
                    graph_digest=of_graph,
                    codes=codes,
                    lonlat=lonlat,
                )
            )
    return int(build.road_build_id), metric_srid, plans


def _make(tables: RoadTables, plan: _Plan, metric_srid: int, folder: Path) -> None:
    """Build graph and field of one plan and write their files, the graph first: a field without it is no use."""
    graph = graph_of(tables, profile=profile_named(plan.profile), metric_srid=metric_srid, hour_from=plan.hour_from)
    for finding in graph.findings:
        log.warning("road network: %s", finding)
    write_graph(folder, graph)
    stations = snap(graph, plan.lonlat, limit_m=SNAP_LIMIT_M)
    write_field(field_path(folder, plan.digest), build_field(graph, stations, codes=plan.codes, digest=plan.digest))


def _record(
    tx: Connection, wanted: list[_Plan], build_id: int | None, folder: Path, now: datetime, built: set[str]
) -> None:
    """Make `travel_field` name exactly the wanted fields."""
    key = ("digest", "hour_from")
    named = [(plan.digest, plan.hour_from) for plan in wanted]
    tx.execute(delete(travel_field).where(tuple_(*(travel_field.c[name] for name in key)).not_in(named)))
    for plan in wanted:
        field = _read(folder, plan.digest)
        if field is None or build_id is None:
            raise NetworkError(f"{field_path(folder, plan.digest).name} has gone while it was made; refresh again")
        row = {
            "digest": plan.digest,
            "profile": plan.profile,
            "hour_from": plan.hour_from,
            "road_build_id": build_id,
            "n_stations": len(plan.codes),
            "n_states": field.graph.n_states,
            "built_at": now,
            "is_current": True,
        }
        # The same content under a newer build keeps its field; only the row has to follow.
        changed = row if plan.digest in built else {"road_build_id": build_id, "is_current": True}
        tx.execute(insert(travel_field).values(row).on_conflict_do_update(index_elements=list(key), set_=changed))


def _remove_stale(folder: Path, wanted: list[_Plan]) -> list[str]:
    """Remove files no current field needs. Processes that have mapped one keep what they mapped."""
    needed = {field_path(folder, plan.digest).name for plan in wanted}
    needed |= {graph_path(folder, plan.graph_digest).name for plan in wanted}
    stale = [path for path in folder.glob("*.arrays") if path.name not in needed]
    stale += [path for path in folder.glob(".*.tmp") if path.stat().st_mtime < time.time() - STALE_AFTER_S]
    for path in stale:
        path.unlink(missing_ok=True)
    return sorted(path.name for path in stale)


def _read(folder: Path, digest: str) -> Field | None:
    """Map a field and its graph; `None` when a file is missing, damaged or of another version."""
    path = field_path(folder, digest)
    try:
        return read_field(path, read_graph(folder, graph_digest_of(path)))
    except NetworkError as error:
        log.info("travel-time field not usable: %s", error)
        return None


def load_fields(tx: Connection, state: Path) -> dict[str, dict[int, Field]]:
    """Map the current fields into memory.

    Returns
    -------
    dict
        Profile → first hour of the band → field; bands with the same speeds have the same object. A profile of which a
        file cannot be read is left out: its stations get the labelled estimate.
    """
    folder = fields_folder(state)
    current = select(travel_field.c.profile, travel_field.c.hour_from, travel_field.c.digest).where(
        travel_field.c.is_current
    )
    # A second look: the worker may have put new files in place of those the first rows named.
    for is_last in (False, True):
        rows = tx.execute(current).all()
        found = {digest: _read(folder, digest) for digest in {row.digest for row in rows}}
        missing = {row.profile for row in rows if found[row.digest] is None}
        if missing and is_last:
            log.warning("no travel times by road for %s: fields cannot be read", ", ".join(sorted(missing)))
        if not missing:
            break
    fields: dict[str, dict[int, Field]] = {}
    for row in rows:
        field = found[row.digest]
        if field is not None and row.profile not in missing:
            fields.setdefault(row.profile, {})[row.hour_from] = field
    return fields


def fields_at(fields: Mapping[str, Mapping[int, Field]], hour: float) -> dict[str, Field]:
    """Return the field of each profile that holds at an hour of the city's day (0 to 24), out of `load_fields`."""
    return {profile: bands[band_of(tuple(bands), hour)] for profile, bands in fields.items()}
