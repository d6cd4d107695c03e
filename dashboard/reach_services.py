"""What the planner asks about reach: which stations there are, and what one of them reaches in so many minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from gis.db import transaction
from routing_engine.dispatch import travel
from routing_engine.dispatch.context import Context, Snapshot
from routing_engine.network.reachability import streets_outside

MINUTES = (5, 10, 15)
# Whose reach is asked for first; the others follow by name.
URGENT = ("medical", "fire", "rescue", "police")


@dataclass(frozen=True, kw_only=True)
class Post:
    """A station to choose."""

    code: str
    name: str
    service: str


class ReachServices:
    """Answers of the travel-time fields for the planner's page. Safe to share between sessions and threads."""

    def __init__(self, engine: Engine, state: Path) -> None:
        self.engine = engine
        self._context = Context(state)

    def snapshot(self, tx: Connection) -> Snapshot:
        """Return the city's tables as they are now, kept between calls."""
        return self._context.current(tx).snapshot

    def posts(self, language: str) -> tuple[list[Post], int]:
        """Return the stations in service, urgent services first, and the present hour of the city's day."""
        with transaction(self.engine) as tx:
            moment = self._context.current(tx)
        stations = moment.snapshot.stations
        services = {
            int(number): service
            for (service, agency), numbers in stations.groups.items()
            if agency is None
            for number in numbers
        }
        names = {code: service.name(language) for code, service in moment.snapshot.services.items()}

        def rank(i: int) -> tuple[int, str, str, str]:
            service = services.get(i, "")
            urgency = URGENT.index(service) if service in URGENT else len(URGENT)
            return urgency, names.get(service, ""), stations.names[i], stations.codes[i]

        order = sorted(range(len(stations.codes)), key=rank)
        posts = [
            Post(code=stations.codes[i], name=stations.names[i], service=names.get(services.get(i, ""), ""))
            for i in order
        ]
        return posts, moment.snapshot.city.hour_of(moment.now)

    def reached(self, station: str, hour: int, *, minutes: Sequence[float] = MINUTES, language: str) -> dict[str, Any]:
        """Return isochrones of a station as `travel.reached` gives them.

        Raises
        ------
        ConflictError
            There are no roads yet.
        ValueRefused
            The station is unknown, or away from every road.
        """
        with transaction(self.engine) as tx:
            snapshot = self._context.current(tx).snapshot
        start = travel.station_start(snapshot.stations, station, language)
        return travel.reached(snapshot, start, minutes, profile=None, hour=hour, language=language)

    def outside(self, station: str, hour: int, *, language: str) -> tuple[dict[str, Any], float]:
        """Return the streets outside the main network of the station's vehicle, and their metres.

        See `streets_outside`; raises as `reached` does.
        """
        with transaction(self.engine) as tx:
            stations = self._context.current(tx).snapshot.stations
        number = travel.station_start(stations, station, language).station
        return streets_outside(travel.roads_for(stations, None, language, hour=hour, station=number).field.graph)
