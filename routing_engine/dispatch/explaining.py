"""Who would be responsible at a point, for every service or for one type of incident, and why. Writes nothing.

Asked two ways: `explain` for people, by duty with sentences; `find_services` for programs, with the content of LoST's
findService (RFC 5222 §8.4): by service, its boundary's version and validity, and where the answer is from (the
receipt).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from gis.messages import message
from gis.reports import Facts
from gis.words import Match
from routing_engine.dispatch import answers, codes
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.decision import Decision, Duty, decide, handoff_to
from routing_engine.dispatch.detours import detour
from routing_engine.dispatch.stations import RankedStation
from zones import reasons
from zones.matching import Candidate, PointMatch, match_point
from zones.receipts import digest, make_body

VALID_TO = text(
    """
SELECT boundary_version_id::text, upper(valid) FROM siaga.boundary_version
WHERE boundary_version_id::text = ANY (:versions)
"""
)

FIRST_VALID = text("SELECT min(lower(valid)) FROM siaga.boundary_version WHERE boundary_set <= :boundary_set")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is known of a point.

    Attributes
    ----------
    services
        Those asked for: of the type's SOP, or of the city.
    decision
        Who would be called; `None` when no type was asked for.
    """

    at: datetime
    match: PointMatch
    services: tuple[str, ...]
    decision: Decision | None

    def head(self) -> dict[str, Any]:
        """Return what every answer about a point begins with."""
        return {
            "lon": self.match.lon,
            "lat": self.match.lat,
            "accuracy_m": self.match.accuracy_m,
            "at": self.at.isoformat(),
            "boundary_set": self.match.boundary_set,
            "in_service_area": self.match.is_in_service_area,
            "admin": answers.areas_of(self.match),
        }


def look(
    tx: Connection,
    moment: Moment,
    lon: float,
    lat: float,
    *,
    type_code: str | None = None,
    severity: int | None = None,
    service: str | None = None,
    accuracy_m: float = 0.0,
    at: datetime | None = None,
    language: str = "id",
) -> Look:
    """Look at one place.

    Parameters
    ----------
    lon, lat
        EPSG:4326 degrees.
    type_code
        A type of incident: only the services its SOP calls. `None`: every service.
    service
        Only this one.
    at
        Moment the boundaries and the SOP must be in force; `None` is now.

    Raises
    ------
    ValueRefused
        The type is not one of the city's incident types, or the service not one of its services.
    """
    snapshot, when = moment.snapshot, at or moment.now
    kind = None if type_code is None else codes.incident_type(snapshot, type_code, language)
    if service is not None:
        codes.service(snapshot, service, language)
    if kind is None:
        services = (service,) if service else tuple(snapshot.services)
        found = match_point(
            tx,
            lon,
            lat,
            city=snapshot.city,
            services=services,
            at=when,
            accuracy_m=accuracy_m,
            boundary_set=moment.boundary_set,
        )
        return Look(at=when, match=found, services=services, decision=None)
    decision = decide(
        tx,
        moment,
        lon=lon,
        lat=lat,
        accuracy_m=accuracy_m,
        type_code=kind.code,
        severity=severity or kind.severity or 4,
        facts=Facts(),
        language=language,
        at=when,
    )
    called = dict.fromkeys([*(duty.rule.service for duty in decision.duties), *decision.gaps])
    services = tuple(name for name in called if service in (None, name))
    return Look(at=when, match=decision.match, services=services, decision=decision)


def explain(
    tx: Connection,
    moment: Moment,
    lon: float,
    lat: float,
    *,
    type_code: str | None = None,
    severity: int | None = None,
    accuracy_m: float = 0.0,
    at: datetime | None = None,
    language: str = "id",
) -> dict[str, Any]:
    """Explain one place; parameters and errors as `look`.

    Returns
    -------
    dict
        `lon`, `lat`, `accuracy_m`, `at`, `boundary_set`, `in_service_area`, `admin`, `handoff`, `question`, and
        `answers`: per jurisdiction the service, agency, match, share, metres to the border, sentence and digest; of a
        type also role, station, `street` and `access_m` (see `RankedStation`), and `detour` (see `detours.detour`).
    """
    seen = look(
        tx,
        moment,
        lon,
        lat,
        type_code=type_code,
        severity=severity,
        accuracy_m=accuracy_m,
        at=at,
        language=language,
    )
    decision = seen.decision
    handoff = decision.handoff_in(language) if decision else None
    if decision is not None:
        rows = [
            answers.duty_answer(duty, moment.snapshot, language)
            | _arrival(duty.station)
            | {
                "digest": digest(decision.receipts[duty.receipt_id]),
                "detour": _detour(tx, moment, duty, (lon, lat), seen.at, language),
            }
            for duty in decision.duties
        ]
    else:
        nobody = None
        if not all(seen.match.winners[service] for service in seen.services):
            handoff, nobody = _nobody(tx, moment, seen, language)
        rows = [row for service in seen.services for row in _responsible(seen.match, service, moment, language, nobody)]
    return {
        **seen.head(),
        "handoff": handoff,
        "question": decision.question if decision else None,
        "answers": rows,
    }


def _nobody(tx: Connection, moment: Moment, seen: Look, language: str) -> tuple[dict[str, str] | None, str]:
    """Return to whom a place without an agency is handed, if it lies outside, and why it has none."""
    first = tx.execute(FIRST_VALID, {"boundary_set": seen.match.boundary_set}).scalar_one()
    if first is not None and seen.at < first:
        zone = moment.snapshot.city.time_zone
        return None, message("nobody_then", language, first=reasons.day(first, zone, language))
    if seen.match.is_in_service_area:
        return None, message("nobody_covers", language)
    handoff = handoff_to(tx, moment, seen.match.lon, seen.match.lat)[language]
    return handoff, message("nobody_outside", language, government=handoff["government"])


def _arrival(station: RankedStation | None) -> dict[str, Any]:
    """Return the street on which the station's drive ends, and the metres from there."""
    if station is None:
        return {"street": None, "access_m": None}
    return {"street": station.street, "access_m": answers.rounded(station.access_m)}


def _detour(
    tx: Connection, moment: Moment, duty: Duty, lonlat: tuple[float, float], at: datetime, language: str
) -> dict[str, Any] | None:
    if duty.winner is None or duty.station is None:
        return None
    return detour(
        tx,
        moment.snapshot,
        lonlat,
        service=duty.rule.service,
        agency=duty.winner.agency,
        jurisdiction_code=duty.winner.code,
        hour=moment.snapshot.city.hour_of(at),
        language=language,
    )


def _responsible(
    match: PointMatch, service: str, moment: Moment, language: str, nobody: str | None
) -> list[dict[str, Any]]:
    """Return who is responsible for one service, each with its sentence; one row that says `nobody` for nobody."""
    sealed = digest(make_body(match, service, rule=None))
    winners = match.winners[service]
    if not winners:
        return [{"service": service, "agency": None, "match": "unassigned", "why": nobody, "digest": sealed}]
    return [
        {
            "service": service,
            "agency": winner.agency,
            "agency_name": _agency_name(winner, moment, language),
            "jurisdiction": answers.jurisdiction(winner),
            "match": str(winner.match),
            "share": answers.rounded(winner.share, 3),
            "border_m": answers.rounded(winner.border_m),
            "why": reasons.sentence(
                winner,
                accuracy_m=match.accuracy_m,
                n_winners=len(winners),
                rule=None,
                zone=moment.snapshot.city.time_zone,
                language=language,
            ),
            "digest": sealed,
        }
        for winner in winners
    ]


def find_services(
    tx: Connection,
    moment: Moment,
    lon: float,
    lat: float,
    *,
    type_code: str | None = None,
    service: str | None = None,
    accuracy_m: float = 0.0,
    at: datetime | None = None,
    language: str = "id",
) -> dict[str, Any]:
    """Return the jurisdictions of each service at a place; parameters and errors as `look`.

    Returns
    -------
    dict
        What `Look.head` has, and `services`: each with role (of a type), match, jurisdictions and receipt.
    """
    seen = look(
        tx, moment, lon, lat, type_code=type_code, service=service, accuracy_m=accuracy_m, at=at, language=language
    )
    roles: dict[str, str] = {}
    for duty in seen.decision.duties if seen.decision else ():
        roles.setdefault(duty.rule.service, str(duty.rule.role))
    winners = {name: seen.match.winners[name] for name in seen.services}
    versions = [won.boundary_version_id for found in winners.values() for won in found]
    valid_to = {row[0]: row[1] for row in tx.execute(VALID_TO, {"versions": versions})}
    receipts = {name: make_body(seen.match, name, rule=None) for name in seen.services}
    return {
        **seen.head(),
        "services": [
            {
                "service": name,
                "service_name": moment.snapshot.services[name].name(language),
                "role": roles.get(name),
                "match": str(found[0].match if found else Match.UNASSIGNED),
                "jurisdictions": [
                    answers.jurisdiction(won)
                    | {
                        "agency": won.agency,
                        "agency_name": _agency_name(won, moment, language),
                        "match": str(won.match),
                        "share": answers.rounded(won.share, 3),
                        "border_m": answers.rounded(won.border_m),
                        "valid_to": valid_to.get(won.boundary_version_id),
                    }
                    for won in found
                ],
                "receipt": {**receipts[name], "digest": digest(receipts[name])},
            }
            for name, found in winners.items()
        ],
    }


def _agency_name(winner: Candidate, moment: Moment, language: str) -> str:
    agency = moment.snapshot.agencies.get(winner.agency)
    return agency.name(language) if agency else winner.agency
