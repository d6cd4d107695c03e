"""Keeping the stations' travel-time fields up to date: files in the state folder, rows in `travel_field`.

There is one for every vehicle profile and hour band; bands with the same speeds share it. While closures are in force
the one that serves is made by repair from the field of the open network, which stays as a file: it is what the next
closure is repaired from, and it serves again when the last one has ended. Only the worker and the seeding of a city
write; every other process maps the files read-only.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import pandas as pd
from sqlalchemy import Connection, Engine, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from gis.city import read_city
from gis.db import database_now, transaction
from gis.errors import ConflictError, NetworkError
from routing_engine.dispatch.tables import station
from routing_engine.network.closure_rows import closures_at, closures_key, slowed_edges
from routing_engine.network.closure_shapes import closed_digest
from routing_engine.network.closures import closed_network, network_of, repaired
from routing_engine.network.fields import Field, base_digest_of, build_field, field_digest, read_field, write_field
from routing_engine.network.graph import RoadGraph, share_grid
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

# Graphs somebody in this process still uses.
_graphs: WeakValueDictionary[tuple[str, int, int, int], RoadGraph] = WeakValueDictionary()

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
    """Make the fields that roads, speeds, stations and closures ask for, where they are not there yet.

    Parameters
    ----------
    state
        The state folder; files go into ``fields/``.
    now
        Written as `built_at`; the database clock by default.

    Returns
    -------
    dict
        `road_build_id` (`None` without roads), `current` (profile → first hour of the band → digest), `closures` (the
        name of those in force, see `closure_rows.closures_key`), `built` (digests) and `removed` (file names).

    Raises
    ------
    NetworkError
        The road tables cannot be a network. The fields in use stay in use.
    ConflictError
        Roads, stations or closures changed at each of several attempts.

    Notes
    -----
    A field's name covers everything it depends on, so an unchanged one is neither made nor written again. Until the
    new rows are committed, readers use the old fields. Where only closures have changed, the fields of the present
    hour are mended and committed before those of the rest of the day.
    """
    folder = fields_folder(state)
    built: list[str] = []
    for _ in range(ATTEMPTS):
        with transaction(engine) as tx:
            wanted = _wanted(tx)
            by_digest = {plan.open_digest: plan for plan in reversed(wanted.plans)}  # of equal bands the first
            opened = {digest: _read(folder, digest) for digest in by_digest}
            bare = {digest: plan for digest, plan in by_digest.items() if opened[digest] is None}
            tables = load_network(tx, wanted.build_id) if bare else None
            hour = read_city(tx).hour_of(database_now(tx))
        if tables is not None:
            for plan in bare.values():
                _make(tables, plan, wanted.metric_srid, folder)
                built.append(plan.open_digest)
                n = len(plan.codes)
                log.info("travel-time field of %s from %02d:00 made for %d stations", plan.profile, plan.hour_from, n)
        steps = (wanted.plans,) if bare else (wanted.at(hour), wanted.plans)
        if not all(_bring(engine, folder, wanted, plans, now=now, built=built) for plans in steps):
            continue
        current: dict[str, dict[int, str]] = {}
        for plan in wanted.plans:
            current.setdefault(plan.profile, {})[plan.hour_from] = plan.digest
        return {
            "road_build_id": wanted.build_id,
            "closures": wanted.closures,
            "current": current,
            "built": built,
            "removed": _remove_stale(folder, wanted.plans),
        }
    raise ConflictError(
        "roads, stations or closures keep changing while travel-time fields are made; refresh them later"
    )


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A field to have: what for, its name, those of the open network's field and graph, and its stations by code.

    `lonlat` are the stations' EPSG:4326 degrees; `closed_edges` are shut or `closed_factors` times slower.
    """

    profile: str
    hour_from: int
    digest: str
    open_digest: str
    graph_digest: str
    codes: tuple[str, ...]
    lonlat: tuple[tuple[float, float], ...]
    closed_edges: tuple[int, ...]
    closed_factors: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """The road build in use, the metric SRID, the name of the closures in force, and the fields to have."""

    build_id: int | None
    metric_srid: int
    closures: str
    plans: tuple[_Plan, ...]

    def at(self, hour: float) -> tuple[_Plan, ...]:
        """Return the plans whose band an hour of the city's day lies in."""
        bands: dict[str, list[int]] = {}
        for plan in self.plans:
            bands.setdefault(plan.profile, []).append(plan.hour_from)
        return tuple(plan for plan in self.plans if plan.hour_from == band_of(tuple(bands[plan.profile]), hour))


def _wanted(tx: Connection) -> _Wanted:
    """Return what the tables ask for now: a field for each profile in use and hour band."""
    metric_srid = read_city(tx).metric_srid
    build = tx.execute(select(road_build.c.road_build_id, road_build.c.digest).where(road_build.c.is_current)).first()
    closures = closures_at(tx, database_now(tx))
    plans: list[_Plan] = []
    if build is None:
        return _Wanted(build_id=None, metric_srid=metric_srid, closures=closures_key(closures), plans=())
    build_id = int(build.road_build_id)
    speeds = load_speeds(tx)
    for name, rows in active_stations(tx).groupby("profile", sort=True):
        profile = str(name)
        if profile not in PROFILES:
            log.warning("%d stations have the unknown profile %s: no travel times by road", len(rows), profile)
            continue
        codes = tuple(rows["code"])
        lonlat = tuple(zip(rows["lon"].tolist(), rows["lat"].tolist(), strict=True))
        edges, factors = slowed_edges(tx, build_id, closures, profile, metric_srid)
        for hour_from in hour_bands(speeds, profile):
            of_graph = graph_digest(
                build.digest, speeds, profile=profile_named(profile), metric_srid=metric_srid, hour_from=hour_from
            )
            closed = closed_digest(of_graph, edges, factors)
            plans.append(
                _Plan(
                    profile=profile,
                    hour_from=hour_from,
                    digest=field_digest(closed, codes, lonlat, snap_limit_m=SNAP_LIMIT_M),
                    open_digest=field_digest(of_graph, codes, lonlat, snap_limit_m=SNAP_LIMIT_M),
                    graph_digest=of_graph,
                    codes=codes,
                    lonlat=lonlat,
                    closed_edges=edges,
                    closed_factors=factors,
                )
            )
    return _Wanted(build_id=build_id, metric_srid=metric_srid, closures=closures_key(closures), plans=tuple(plans))


def _make(tables: RoadTables, plan: _Plan, metric_srid: int, folder: Path) -> None:
    """Build the open graph and field of a plan and write their files, the graph first: a field without it is no use."""
    graph = graph_of(tables, profile=profile_named(plan.profile), metric_srid=metric_srid, hour_from=plan.hour_from)
    for finding in graph.findings:
        log.warning("road network: %s", finding)
    write_graph(folder, graph)
    stations = snap(graph, plan.lonlat, limit_m=SNAP_LIMIT_M)
    field = build_field(graph, stations, codes=plan.codes, digest=plan.open_digest)
    write_field(field_path(folder, plan.open_digest), field)


def _bring(
    engine: Engine, folder: Path, wanted: _Wanted, plans: Sequence[_Plan], *, now: datetime | None, built: list[str]
) -> bool:
    """Mend what closures ask for and make the rows of `plans` name it; tell whether they were still the right ones."""
    for plan in {plan.digest: plan for plan in plans if not _is_usable(folder, plan.digest)}.values():
        _close(plan, folder)
        built.append(plan.digest)
    with transaction(engine) as tx:
        tx.execute(LOCK)
        if _wanted(tx) != wanted:
            return False
        _record(tx, wanted, plans, folder, now or database_now(tx), set(built))
    return True


def _is_usable(folder: Path, digest: str) -> bool:
    return field_path(folder, digest).exists() and _read(folder, digest) is not None


def _close(plan: _Plan, folder: Path) -> None:
    """Make the field that knows the closures in force out of the open one."""
    opened = _read(folder, plan.open_digest)
    if opened is None:
        raise NetworkError(f"{field_path(folder, plan.open_digest).name} has gone while it was needed; refresh again")
    graph = closed_network(opened.graph, plan.closed_edges, plan.closed_factors)
    field, n_again = repaired(opened, graph, digest=plan.digest)
    write_field(field_path(folder, plan.digest), field)
    log.info(
        "travel-time field of %s from %02d:00 mended: %d closed edges, %.1f %% searched again",
        *(plan.profile, plan.hour_from, len(plan.closed_edges)),
        100 * n_again.sum() / max(1, n_again.size * graph.n_states),
    )


def _record(
    tx: Connection, wanted: _Wanted, plans: Sequence[_Plan], folder: Path, now: datetime, built: set[str]
) -> None:
    """Make `travel_field` name exactly the wanted fields, as far as `plans` go."""
    key, place = ("digest", "hour_from"), ("profile", "hour_from")
    named = [(plan.digest, plan.hour_from) for plan in plans]
    others = delete(travel_field).where(tuple_(*(travel_field.c[name] for name in key)).not_in(named))
    if len(plans) < len(wanted.plans):
        places = [(plan.profile, plan.hour_from) for plan in plans]
        others = others.where(tuple_(*(travel_field.c[name] for name in place)).in_(places))
    tx.execute(others)
    read = {digest: _read(folder, digest) for digest in {plan.digest for plan in plans}}
    for plan in plans:
        field = read[plan.digest]
        if field is None or wanted.build_id is None:
            raise NetworkError(f"{field_path(folder, plan.digest).name} has gone while it was made; refresh again")
        row = {
            "digest": plan.digest,
            "profile": plan.profile,
            "hour_from": plan.hour_from,
            "road_build_id": wanted.build_id,
            "n_stations": len(plan.codes),
            "n_states": field.graph.n_states,
            "built_at": now,
            "is_current": True,
            "closures": wanted.closures,
        }
        # The same content under a newer build, or beside closures elsewhere, keeps its field; the row has to follow.
        kept = ("road_build_id", "is_current", "closures")
        changed = row if plan.digest in built else {name: row[name] for name in kept}
        tx.execute(insert(travel_field).values(row).on_conflict_do_update(index_elements=list(key), set_=changed))


def _remove_stale(folder: Path, wanted: Sequence[_Plan]) -> list[str]:
    """Remove files no current field needs. Processes that have mapped one keep what they mapped."""
    needed = {field_path(folder, digest).name for plan in wanted for digest in (plan.digest, plan.open_digest)}
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
        return read_field(path, network_of(path, _graph(folder, base_digest_of(path))))
    except NetworkError as error:
        log.info("travel-time field not usable: %s", error)
        return None


def _graph(folder: Path, digest: str) -> RoadGraph:
    """Map a graph, or return the one this process has mapped already with all that it has made from it.

    Closures change the fields many times a day and never the network under them.
    """
    path = graph_path(folder, digest)
    try:
        state = path.stat()
    except OSError:
        return read_graph(folder, digest)  # says what is wrong
    key = (str(path), state.st_ino, state.st_size, state.st_mtime_ns)
    graph = _graphs.get(key)
    if graph is None:
        graph = _graphs[key] = read_graph(folder, digest)
    return graph


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
    for bands in fields.values():
        share_grid(field.graph for field in bands.values())
    return fields


def fields_at(fields: Mapping[str, Mapping[int, Field]], hour: float) -> dict[str, Field]:
    """Return the field of each profile that holds at an hour of the city's day (0 to 24), out of `load_fields`."""
    return {profile: bands[band_of(tuple(bands), hour)] for profile, bands in fields.items()}
