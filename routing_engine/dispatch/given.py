"""Duties of jurisdictions that are given: a person chose them, or they were called before the incident was moved.

They are measured at the place, get station, seconds, sentence and receipt as every other duty, whoever the rule would
call there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from gis.ids import uuid7
from gis.words import AssignmentRole
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.decision import LANGUAGES, Decision, Duty
from routing_engine.dispatch.sop import Rule, in_force
from zones import reasons
from zones.matching import Candidate, match_point, measure
from zones.receipts import make_body


@dataclass(frozen=True, kw_only=True)
class Given:
    """A jurisdiction that has, or gets, a part in an incident.

    Attributes
    ----------
    rule_code
        What the receipt cites.
    appointed
        ``{"by_role", "reason", "at"}`` of an appointment by hand, else `None`.
    """

    jurisdiction_id: str
    service: str
    role: AssignmentRole
    rule_code: str
    appointed: dict[str, Any] | None = None


def rule_for(moment: Moment, row: dict[str, Any], service: str, role: AssignmentRole, *, code: str = "") -> Rule:
    """Return the rule whose time for an answer counts for a service in an incident (a row of `incidents`).

    The rule with `code` if it is in force, else one of the service, else the lead's: the plan is a service's own.
    """
    rules = in_force(moment.snapshot.rules, row["type_code"], row["severity"], moment.now)
    own = sorted(
        (rule for rule in rules if rule.service == service),
        key=lambda rule: (rule.code_for(row["severity"]) != code, bool(rule.condition), rule.code),
    )
    leads = [rule for rule in rules if rule.role == AssignmentRole.LEAD]
    if own:
        return replace(own[0], role=role)
    return Rule(
        code=code,
        type_code=row["type_code"],
        severity_min=row["severity"],
        severity_max=row["severity"],
        condition="",
        service=service,
        role=role,
        plan="",
        ack_s=leads[0].ack_s if leads else None,
        valid_from=moment.now,
        valid_to=None,
    )


def decide_given(tx: Connection, moment: Moment, row: dict[str, Any], given: Sequence[Given]) -> Decision:
    """Return the duties of given jurisdictions at the place of an incident, in their order, one receipt each.

    Parameters
    ----------
    row
        The incident: `lon`, `lat` (EPSG:4326), `accuracy_m` (metres), `type_code`, `severity`.

    Returns
    -------
    Decision
        Without hand-off or question; who never had a boundary is absent.
    """
    snapshot, zone = moment.snapshot, moment.snapshot.city.time_zone
    found = measure(
        tx,
        sorted({one.jurisdiction_id for one in given}),
        row["lon"],
        row["lat"],
        city=snapshot.city,
        at=moment.now,
        boundary_set=moment.boundary_set,
        accuracy_m=row["accuracy_m"],
    )
    known = [one for one in given if one.jurisdiction_id in found]
    match = match_point(
        tx,
        row["lon"],
        row["lat"],
        city=snapshot.city,
        services=sorted({one.service for one in known}),
        at=moment.now,
        accuracy_m=row["accuracy_m"],
        boundary_set=moment.boundary_set,
    )
    ranked = snapshot.stations.rank_all(
        (row["lon"], row["lat"]),
        [(one.service, found[one.jurisdiction_id].agency, found[one.jurisdiction_id].code) for one in known],
        hour=snapshot.city.hour_of(moment.now),
    )
    duties, receipts = [], {}
    for one, station in zip(known, ranked, strict=True):
        candidate, receipt_id = found[one.jurisdiction_id], uuid7()
        appointed = one.appointed and {
            **one.appointed,
            "jurisdiction": candidate.code,
            "agency": candidate.agency,
            "boundary_version_id": candidate.boundary_version_id,
            "match": str(candidate.match),
        }
        receipts[receipt_id] = make_body(match, one.service, rule=one.rule_code, appointed=appointed)
        duties.append(
            Duty(
                rule=rule_for(moment, row, one.service, one.role, code=one.rule_code),
                rule_code=one.rule_code,
                role=one.role,
                winner=candidate,
                station=station,
                why={
                    language: _why(one, candidate, row["accuracy_m"], zone=zone, language=language)
                    for language in LANGUAGES
                },
                receipt_id=receipt_id,
            )
        )
    return Decision(match=match, duties=tuple(duties), receipts=receipts, gaps=(), handoffs=None, question=None)


def _why(one: Given, candidate: Candidate, accuracy_m: float, *, zone: Any, language: str) -> str:
    if one.appointed:
        return reasons.by_hand(
            candidate,
            by_role=one.appointed["by_role"],
            reason=one.appointed["reason"],
            accuracy_m=accuracy_m,
            rule=one.rule_code,
            zone=zone,
            language=language,
        )
    return reasons.left_behind(candidate, accuracy_m=accuracy_m, rule=one.rule_code, zone=zone, language=language)
