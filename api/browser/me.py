"""What a page needs to know once: the person, the city, and every word it shows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection, text

from api.browser.person import current_account
from api.door import door, reply
from gis import accounts
from gis.accounts import Account
from gis.db import transaction
from gis.labels import LABELS
from gis.words import AssignmentRole, Lane, Language
from routing_engine.dispatch.context import Snapshot

router = APIRouter()

QUALITY = text(
    """
SELECT coalesce((SELECT is_synthetic FROM siaga.road_build WHERE is_current), false) AS roads_synthetic,
       EXISTS (SELECT 1 FROM siaga.admin_area WHERE is_approximate)
         OR EXISTS (SELECT 1 FROM siaga.boundary_version WHERE is_approximate AND upper_inf(valid)) AS is_approximate
"""
)


def describe_city(tx: Connection, snapshot: Snapshot) -> dict[str, Any]:
    """Return the city with what on screen must be labelled as made up or approximate."""
    city, quality = snapshot.city, tx.execute(QUALITY).one()
    west, south, east, north = city.bbox
    return {
        "name": city.name,
        "center": city.settings.get("center") or [(west + east) / 2, (south + north) / 2],
        "bbox": list(city.bbox),
        "time_zone": str(city.time_zone),
        "number_prefix": city.number_prefix,
        "is_demo": city.is_demo,
        "roads_synthetic": quality.roads_synthetic,
        "boundaries_approximate": quality.is_approximate,
    }


def describe_types(snapshot: Snapshot, language: Language) -> list[dict[str, Any]]:
    """Return the incident types in the city's order."""
    return [
        {
            "code": kind.code,
            "family": kind.family,
            "name": kind.name(language),
            "lane": kind.lane,
            "severity": kind.severity,
            "is_incident": kind.is_incident,
            "questions": list(kind.questions_en if language == Language.EN else kind.questions_id),
            "words": kind.words,
        }
        for kind in snapshot.types.values()
    ]


def answer_limits(snapshot: Snapshot, now: datetime) -> dict[str, dict[str, int]]:
    """Return the seconds an agency has for its word, by lane and severity: the shortest of the SOP in force.

    Where the SOP names none, the first step of the ladder counts; where there is none either, the pair is absent.
    """
    limits: dict[str, dict[str, int]] = {lane: {} for lane in Lane}

    def shorten(lane: str, severity: int, seconds: int) -> None:
        of_lane = limits[lane]
        of_lane[str(severity)] = min(seconds, of_lane.get(str(severity), seconds))

    for rule in snapshot.rules:
        lane = snapshot.types[rule.type_code].lane
        is_in_force = rule.valid_from <= now and (rule.valid_to is None or now < rule.valid_to)
        if lane is None or rule.ack_s is None or rule.role == AssignmentRole.INFORM or not is_in_force:
            continue
        for severity in range(rule.severity_min, rule.severity_max + 1):
            shorten(lane, severity, rule.ack_s)
    for step in snapshot.ladder:
        if step.level == 1 and str(step.severity) not in limits[step.lane]:
            shorten(step.lane, step.severity, step.after_s)
    return limits


@router.get("/me")
def me(request: Request, account: Annotated[Account, Depends(current_account)]) -> Response:
    """Return the person, the city, the types and all labels in the person's language."""
    here = door(request)
    with transaction(here.engine) as tx:
        # The gate may remember the person from before the language was switched.
        tongue = (accounts.named(tx, account.name) or account).language
        moment = here.context.current(tx)
        snapshot = moment.snapshot
        city = describe_city(tx, snapshot)
    agency = snapshot.agencies.get(account.agency or "")
    english = tongue == Language.EN
    return reply(
        {
            "name": account.name,
            "role": account.role,
            "agency": account.agency,
            "agency_name": agency.name(tongue) if agency else None,
            "jurisdiction": account.jurisdiction,
            "language": tongue,
            "city": city,
            "types": describe_types(snapshot, tongue),
            "ack_s": answer_limits(snapshot, moment.now),
            "agencies": {code: named.name(tongue) for code, named in snapshot.agencies.items()},
            "services": {code: named.name(tongue) for code, named in snapshot.services.items()},
            "labels": {
                kind: {code: pair[1 if english else 0] for code, pair in labels.items()}
                for kind, labels in LABELS.items()
            },
        }
    )
