"""Who called: masked for those who answer calls, whole on request with a reason, never for anybody else.

The database hands nothing else out: see the migration `caller_access`.
"""

from __future__ import annotations

from typing import Any

import phonenumbers
from sqlalchemy import Connection, text

from gis.actors import Actor
from gis.city import CityFacts
from gis.errors import NotFoundError, ValueRefused
from gis.messages import message
from gis.words import Role
from routing_engine.dispatch.lifecycle import check_text

SHOWN_TO = (Role.OPERATOR, Role.SUPERVISOR)
MOST_REASON = 200

CALLERS = text("SELECT * FROM private.callers_of(CAST(:id AS uuid), :calling_code, :trunk)")
REVEALED = text("SELECT * FROM private.reveal_caller(CAST(:id AS uuid), :actor, :role, :reason, :calling_code, :trunk)")


def normal_phone(phone: str, country: str) -> str:
    """Return a number in E.164 when it is one, else as it was said; so the same caller is recognised."""
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return phone
    if not phonenumbers.is_possible_number(number):
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def country_of(city: CityFacts) -> str:
    """Return the country whose way of writing numbers counts, as two letters."""
    return str(city.settings.get("country", "ID"))


def _prefixes(city: CityFacts) -> dict[str, str]:
    """Return what a number of the city's country begins with abroad (``+62``) and at home (``0``)."""
    country = country_of(city)
    code = phonenumbers.country_code_for_region(country)
    return {"calling_code": f"+{code}", "trunk": phonenumbers.ndd_prefix_for_region(country, True) or ""}


def masked(tx: Connection, city: CityFacts, incident_id: str, actor: Actor) -> list[dict[str, Any]]:
    """Return who called about an incident, and about those folded into it, oldest first.

    Returns
    -------
    list of dict
        `report_id`, `received_at` (RFC 3339), `phone` (such as ``0812-****-7890``), `name` (its first letter),
        `relation`; each `None` where it was not said. Empty for roles that may not know.
    """
    if actor.role not in SHOWN_TO:
        return []
    rows = tx.execute(CALLERS, {"id": incident_id, **_prefixes(city)}).mappings()
    return [{**row, "report_id": str(row["report_id"]), "received_at": row["received_at"].isoformat()} for row in rows]


def reveal(
    tx: Connection, city: CityFacts, report_id: str, reason: Any, *, actor: Actor, language: str
) -> dict[str, Any]:
    """Return who sent a report, whole; that, by whom and why is on record before it is shown.

    Returns
    -------
    dict
        `phone`, `name`, `relation`.

    Raises
    ------
    ForbiddenError
        Not an operator or a supervisor.
    NotFoundError
        Nothing is kept of who sent that report, or not any more.
    ValueRefused
        Without a reason.
    """
    actor.require(*SHOWN_TO)
    said = check_text("reason", "" if reason is None else reason, MOST_REASON, language)
    if not said:
        raise ValueRefused.of("reason", message("reason_required", language))
    values = {"id": report_id, "actor": actor.name, "role": str(actor.role), "reason": said}
    row = tx.execute(REVEALED, {**values, **_prefixes(city)}).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"caller of report {report_id}: not found")
    return dict(row)
