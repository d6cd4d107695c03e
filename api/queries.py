"""Query parameters: the types several routes share, and the refusal of any that a route does not know."""

from __future__ import annotations

import difflib
from typing import Annotated

from fastapi import Query, Request

from api.errors import language_of
from api.texts import text
from gis.errors import Finding, ValueRefused
from gis.messages import message
from gis.reports import CONTROL, MAX_ACCURACY_M, NULL_ISLAND_DEG
from gis.words import Language

Lon = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, description="degrees, EPSG:4326")]
Lat = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, description="degrees, EPSG:4326")]
Accuracy = Annotated[
    float, Query(ge=0, le=MAX_ACCURACY_M, allow_inf_nan=False, description="radius of uncertainty, metres")
]
Code = Annotated[str | None, Query(max_length=64)]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]


async def known_query(request: Request) -> None:
    """Refuse parameters the route does not have, those given twice, and control characters.

    Raises
    ------
    ValueRefused
        With a finding for each.
    """
    pairs = request.query_params.multi_items()
    if not pairs:
        return
    # None of our dependencies takes query parameters, so the route's own are all there are.
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    language = language_of(request.scope)
    findings, seen = [], set()
    for name, value in pairs:
        shown = name[:80]
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                message("did_you_mean", language, name=near[0])
                if near
                else message("known_fields", language, names=", ".join(known) or "-")
            )
            findings.append(Finding(field=shown, reason=message("unknown_field", language), hint=hint))
        elif name in seen:
            reason, hint = text("given-twice", language), text("given-twice-hint", language)
            findings.append(Finding(field=shown, reason=reason, hint=hint))
        if found := CONTROL.search(value):
            hint = message("control_hint", language, at=found.start() + 1)
            findings.append(Finding(field=shown, reason=message("control", language), hint=hint))
        seen.add(name)
    if findings:
        raise ValueRefused("; ".join(map(str, findings)), findings)


def check_position(lon: float, lat: float, language: Language) -> None:
    """Refuse the position of a device that never had one.

    Raises
    ------
    ValueRefused
        Within 0.01° of (0, 0).
    """
    if abs(lon) <= NULL_ISLAND_DEG and abs(lat) <= NULL_ISLAND_DEG:
        reason, hint = message("null_island", language), message("null_island_hint", language)
        raise ValueRefused("lon: " + reason, [Finding(field="lon", reason=reason, hint=hint)])


def read_bbox(value: str | None, language: Language) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north in EPSG:4326 degrees.

    Raises
    ------
    ValueRefused
        Not four finite numbers in range and order.
    """
    if value is None:
        return None
    try:
        west, south, east, north = (float(part) for part in value.split(","))
    except ValueError:
        west = south = east = north = float("nan")
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        finding = Finding(field="bbox", reason=text("bbox", language), hint=text("bbox-hint", language))
        raise ValueRefused(str(finding), [finding])
    return west, south, east, north
