"""Whose is it, and who is near: questions that write nothing.

The answer has the content of LoST's findService (RFC 5222 §8.4): the service, its boundary's version and validity, and
where the answer is from (the receipt).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection, text

from api.door import door, language, read_moment, reply
from api.identity import current_actor
from api.queries import Accuracy, Code, Lat, Lon, check_position
from gis.actors import Actor
from gis.db import transaction
from gis.errors import Finding, ValueRefused
from gis.messages import message
from gis.reports import Facts
from gis.words import Language, Match
from routing_engine.dispatch import answers, stations
from routing_engine.dispatch.context import Moment, Snapshot
from routing_engine.dispatch.decision import decide
from zones.matching import Candidate, PointMatch, match_point
from zones.receipts import digest, make_body

router = APIRouter()

Anybody = Annotated[Actor, Depends(current_actor)]

VALID_TO = text(
    """
SELECT boundary_version_id::text, upper(valid) FROM siaga.boundary_version
WHERE boundary_version_id::text = ANY (:versions)
"""
)


def known_service(snapshot: Snapshot, service: str, tongue: Language) -> str:
    """Return `service`.

    Raises
    ------
    ValueRefused
        The city has no such service.
    """
    if service not in snapshot.services:
        reason = message("one_of", tongue, allowed=", ".join(snapshot.services))
        raise ValueRefused("service: " + reason, [Finding(field="service", reason=reason)])
    return service


def known_type(snapshot: Snapshot, type_code: str, tongue: Language) -> str:
    """Return `type_code`.

    Raises
    ------
    ValueRefused
        The city has no such type, or it is none of an incident.
    """
    kind = snapshot.types.get(type_code)
    if kind is None or not kind.is_incident:
        reason = message("unknown_type" if kind is None else "not_incident", tongue)
        allowed = ", ".join(code for code, known in snapshot.types.items() if known.is_incident)
        hint = message("one_of", tongue, allowed=allowed)
        raise ValueRefused("type: " + reason, [Finding(field="type", reason=reason, hint=hint)])
    return type_code


def _match(
    tx: Connection, moment: Moment, lon: float, lat: float, accuracy_m: float, services: list[str], at: Any
) -> PointMatch:
    return match_point(
        tx,
        lon,
        lat,
        city=moment.snapshot.city,
        services=services,
        at=at,
        accuracy_m=accuracy_m,
        boundary_set=moment.boundary_set,
    )


def _jurisdiction(won: Candidate, snapshot: Snapshot, valid_to: dict[str, Any], tongue: Language) -> dict[str, Any]:
    agency = snapshot.agencies.get(won.agency)
    return {
        "id": won.jurisdiction_id,
        "code": won.code,
        "name": won.name,
        "agency": won.agency,
        "agency_name": agency.name(tongue) if agency else won.agency,
        "match": won.match,
        "share": None if won.share is None else round(won.share, 3),
        "border_m": None if won.border_m is None else round(won.border_m, 1),
        "version": won.version,
        "valid_from": won.valid_from,
        "valid_to": valid_to.get(won.boundary_version_id),
    }


@router.get("/find-service", summary="Who is responsible at a point, and why")
def find_service(
    request: Request,
    _: Anybody,
    lon: Lon,
    lat: Lat,
    accuracy_m: Accuracy = 0.0,
    service: Code = None,
    type: Code = None,
    at: Annotated[str | None, Query(description="moment the boundaries must be in force; RFC 3339")] = None,
) -> Response:
    """Return the jurisdictions of one service, of those the SOP calls for a type, or of all."""
    here, tongue = door(request), language(request)
    check_position(lon, lat, tongue)
    asked = read_moment("at", at, tongue)
    with transaction(here.engine) as tx:
        moment = here.context.current(tx)
        snapshot, when = moment.snapshot, asked or moment.now
        roles: dict[str, str] = {}
        if type is not None:
            kind = snapshot.types[known_type(snapshot, type, tongue)]
            decision = decide(
                tx,
                moment,
                lon=lon,
                lat=lat,
                accuracy_m=accuracy_m,
                type_code=kind.code,
                severity=kind.severity or 4,
                facts=Facts(),
                language=tongue,
                at=when,
            )
            for duty in decision.duties:
                roles.setdefault(duty.rule.service, duty.rule.role)
            found, services = decision.match, [*roles, *decision.gaps]
            if service is not None:
                services = [name for name in services if name == known_service(snapshot, service, tongue)]
        else:
            services = [known_service(snapshot, service, tongue)] if service else list(snapshot.services)
            found = _match(tx, moment, lon, lat, accuracy_m, services, when)
        versions = [won.boundary_version_id for name in services for won in found.winners[name]]
        valid_to = {row[0]: row[1] for row in tx.execute(VALID_TO, {"versions": versions})}
    receipts = {name: make_body(found, name, rule=None) for name in services}
    found_services = [
        {
            "service": name,
            "service_name": snapshot.services[name].name(tongue),
            "role": roles.get(name),
            "match": found.winners[name][0].match if found.winners[name] else Match.UNASSIGNED,
            "jurisdictions": [_jurisdiction(won, snapshot, valid_to, tongue) for won in found.winners[name]],
            "receipt": {**receipts[name], "digest": digest(receipts[name])},
        }
        for name in services
    ]
    return reply(
        {
            "lon": lon,
            "lat": lat,
            "accuracy_m": accuracy_m,
            "at": when,
            "boundary_set": found.boundary_set,
            "in_service_area": found.is_in_service_area,
            "admin": answers.areas_of(found),
            "services": found_services,
        }
    )


@router.get("/nearest", summary="Nearest stations of a service by road travel time")
def nearest(
    request: Request,
    _: Anybody,
    lon: Lon,
    lat: Lat,
    service: Annotated[str, Query(max_length=64)],
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
) -> Response:
    """Return stations by travel time, with the straight-line order beside it; `estimate` says how it was found."""
    here, tongue = door(request), language(request)
    check_position(lon, lat, tongue)
    with transaction(here.engine) as tx:
        snapshot = here.context.current(tx).snapshot
        known_service(snapshot, service, tongue)
        found = stations.nearest(snapshot, lon, lat, service, limit)
    return reply({"lon": lon, "lat": lat, "service": service, "stations": found})
