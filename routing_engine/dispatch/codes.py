"""Codes a person or a program gives, looked up in the city's configuration; unknown ones are refused by name."""

from __future__ import annotations

from collections.abc import Iterable

from gis.errors import ValueRefused
from gis.messages import message
from routing_engine.dispatch.context import IncidentType, Snapshot


def incident_type(snapshot: Snapshot, code: str, language: str) -> IncidentType:
    """Return the type of incident with this code.

    Raises
    ------
    ValueRefused
        The city has no such type, or it is one that makes no incident.
    """
    kind = snapshot.types.get(code)
    if kind is None or not kind.is_incident:
        known = ", ".join(one.code for one in snapshot.types.values() if one.is_incident)
        reason = message("unknown_type" if kind is None else "not_incident", language)
        raise ValueRefused.of("type", reason, message("choose", language, allowed=known), code)
    return kind


def known(field: str, code: str, allowed: Iterable[str], language: str) -> str:
    """Return `code`, which must be one of `allowed`.

    Raises
    ------
    ValueRefused
        It is not; `field` is named, with what there is.
    """
    codes = list(allowed)
    if code not in codes:
        raise ValueRefused.of(field, message("one_of", language, allowed=", ".join(codes)), value=code)
    return code


def service(snapshot: Snapshot, code: str, language: str) -> str:
    """Return the code of a service.

    Raises
    ------
    ValueRefused
        The city has no such service.
    """
    return known("service", code, snapshot.services, language)
