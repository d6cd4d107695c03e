"""Who would be responsible at a point, for every service or for one type of incident, and why. Writes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gis.errors import ValueRefused
from gis.messages import message
from gis.reports import Facts
from routing_engine.dispatch import answers
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.decision import decide
from zones import reasons
from zones.matching import match_point
from zones.receipts import digest, make_body


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
    """Explain one place.

    Parameters
    ----------
    lon, lat
        EPSG:4326 degrees.
    type_code
        A type of incident: only the services its SOP calls, with role and station. `None`: every service.
    at
        Moment the boundaries and the SOP must be in force; `None` is now.

    Returns
    -------
    dict
        `lon`, `lat`, `accuracy_m`, `at`, `boundary_set`, `in_service_area`, `admin`, `handoff`, `question`, and
        `answers`: per jurisdiction the service, agency, match, share, metres to the border, sentence and digest.

    Raises
    ------
    ValueRefused
        The type is not one of the city's incident types.
    """
    snapshot, when = moment.snapshot, at or moment.now
    if type_code is not None:
        kind = snapshot.types.get(type_code)
        if kind is None or not kind.is_incident:
            known = ", ".join(code for code, item in snapshot.types.items() if item.is_incident)
            raise ValueRefused.of(
                "type", message("unknown_type", language), message("one_of", language, allowed=known), type_code
            )
        decision = decide(
            tx,
            moment,
            lon=lon,
            lat=lat,
            accuracy_m=accuracy_m,
            type_code=type_code,
            severity=severity or kind.severity or 4,
            facts=Facts(),
            language=language,
            at=when,
        )
        found, handoff, question = decision.match, decision.handoff, decision.question
        admin = answers.admin(decision)
        rows = [
            answers.duty_answer(duty, snapshot, language) | {"digest": digest(decision.receipts[duty.receipt_id])}
            for duty in decision.duties
        ]
    else:
        found = match_point(
            tx,
            lon,
            lat,
            city=snapshot.city,
            services=list(snapshot.services),
            at=when,
            accuracy_m=accuracy_m,
            boundary_set=moment.boundary_set,
        )
        handoff = question = None
        admin = answers.areas_of(found)
        rows = []
        for service in snapshot.services:
            sealed = digest(make_body(found, service, rule=None))
            winners = found.winners[service]
            if not winners:
                rows.append({"service": service, "agency": None, "match": "unassigned", "why": None, "digest": sealed})
            for winner in winners:
                agency = snapshot.agencies.get(winner.agency)
                rows.append(
                    {
                        "service": service,
                        "agency": winner.agency,
                        "agency_name": agency.name(language) if agency else winner.agency,
                        "jurisdiction": answers.jurisdiction(winner),
                        "match": str(winner.match),
                        "share": answers.rounded(winner.share, 3),
                        "border_m": answers.rounded(winner.border_m),
                        "why": reasons.sentence(
                            winner,
                            accuracy_m=accuracy_m,
                            n_winners=len(winners),
                            rule=None,
                            zone=snapshot.city.time_zone,
                            language=language,
                        ),
                        "digest": sealed,
                    }
                )
    return {
        "lon": lon,
        "lat": lat,
        "accuracy_m": accuracy_m,
        "at": when.isoformat(),
        "boundary_set": found.boundary_set,
        "in_service_area": found.is_in_service_area,
        "admin": admin,
        "handoff": handoff,
        "question": question,
        "answers": rows,
    }
