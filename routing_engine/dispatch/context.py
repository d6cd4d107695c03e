"""What every use case needs to know and that changes rarely, read once and kept until it changes.

A `Snapshot` is immutable; `Context.current` looks whether the city's revision, the travel-time fields or the channels
have changed and makes a new one only then.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text

from gis.city import CityFacts, read_city
from gis.tables import incident_type
from routing_engine.dispatch.ladder import LadderStep, load_ladder
from routing_engine.dispatch.sop import Rule, load_rules
from routing_engine.dispatch.stations import StationIndex, load_stations
from zones.tables import agency, service

STAMP = text(
    """
SELECT clock_timestamp() AS now,
       (SELECT revision FROM siaga.city) AS revision,
       (SELECT string_agg(hour_from || ':' || digest, ',' ORDER BY hour_from, digest) FROM siaga.travel_field
        WHERE is_current) AS fields,
       (SELECT string_agg(calibration_id::text, ',' ORDER BY calibration_id) FROM siaga.travel_calibration
        WHERE valid_to IS NULL) AS calibrations,
       (SELECT string_agg(agency_code || ':' || channel, ',' ORDER BY agency_code, channel)
        FROM siaga.agency_channel WHERE is_active) AS channels,
       (SELECT coalesce(max(boundary_set), 0) FROM siaga.boundary_set) AS boundary_set
"""
).execution_options(prepared=True)


@dataclass(frozen=True, kw_only=True)
class IncidentType:
    """One row of the city's list of types."""

    code: str
    family: str
    name_id: str
    name_en: str
    lane: str | None
    severity: int | None
    is_incident: bool
    classification: str | None
    duplicate_radius_m: float
    duplicate_minutes: float
    words: str
    questions_id: tuple[str, ...]
    questions_en: tuple[str, ...]

    def name(self, language: str) -> str:
        """Return the name in `language`."""
        return self.name_en if language == "en" else self.name_id


@dataclass(frozen=True, kw_only=True)
class Named:
    """A code with its two names; `is_vertical` agencies are informed, never ordered."""

    code: str
    name_id: str
    name_en: str
    is_vertical: bool = False

    def name(self, language: str) -> str:
        """Return the name in `language`."""
        return self.name_en if language == "en" else self.name_id


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The city's configuration at one moment.

    Attributes
    ----------
    channels
        Agency code → channels it is reached by besides its inbox.
    """

    city: CityFacts
    types: dict[str, IncidentType]
    agencies: dict[str, Named]
    services: dict[str, Named]
    rules: tuple[Rule, ...]
    ladder: tuple[LadderStep, ...]
    stations: StationIndex
    channels: dict[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A snapshot with the database clock and the newest boundary commit of this transaction."""

    now: datetime
    boundary_set: int
    snapshot: Snapshot


class Context:
    """Keeps the newest `Snapshot` of one process. Safe to share between threads."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._stamp: tuple[Any, ...] | None = None
        self._snapshot: Snapshot | None = None

    def current(self, tx: Connection) -> Moment:
        """Return the configuration in force, the clock and the boundary commit, in one round trip when nothing changed.

        Raises
        ------
        ConfigurationError
            No city has been loaded.
        """
        row = tx.execute(STAMP).one()
        stamp = (row.revision, row.fields, row.calibrations, row.channels)
        snapshot = self._snapshot
        if snapshot is None or stamp != self._stamp:
            with self._lock:
                if self._snapshot is None or stamp != self._stamp:
                    self._snapshot = self._read(tx, row.channels)
                    self._stamp = stamp
                snapshot = self._snapshot
        return Moment(
            now=row.now,
            boundary_set=row.boundary_set,
            snapshot=snapshot,
        )

    def _read(self, tx: Connection, channels: str | None) -> Snapshot:
        city = read_city(tx)
        by_agency: dict[str, tuple[str, ...]] = {}
        for pair in (channels or "").split(","):
            if pair:
                code, channel = pair.split(":")
                by_agency[code] = (*by_agency.get(code, ()), channel)
        types = {
            row["type_code"]: IncidentType(
                code=row["type_code"],
                questions_id=tuple(row["questions_id"]),
                questions_en=tuple(row["questions_en"]),
                **{
                    name: row[name]
                    for name in (
                        "family",
                        "name_id",
                        "name_en",
                        "lane",
                        "severity",
                        "is_incident",
                        "classification",
                        "duplicate_radius_m",
                        "duplicate_minutes",
                        "words",
                    )
                },
            )
            for row in tx.execute(select(incident_type).order_by(incident_type.c.position)).mappings()
        }
        return Snapshot(
            city=city,
            types=types,
            agencies={
                row.agency_code: Named(
                    code=row.agency_code, name_id=row.name_id, name_en=row.name_en, is_vertical=row.is_vertical
                )
                for row in tx.execute(select(agency).order_by(agency.c.agency_code))
            },
            services={
                row.service_code: Named(code=row.service_code, name_id=row.name_id, name_en=row.name_en)
                for row in tx.execute(select(service).order_by(service.c.service_code))
            },
            rules=tuple(load_rules(tx)),
            ladder=tuple(load_ladder(tx)),
            stations=load_stations(tx, self._state),
            channels=by_agency,
        )
