"""The API of the pages' browser part: session cookie, equal Origin, and the header ``X-Siaga: 1`` on every change."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from api.browser import (
    basemap,
    boundaries,
    boundary_impact,
    closures,
    incidents,
    live,
    me,
    objections,
    places,
    receipts,
    reports,
    travel,
)
from api.browser.person import from_our_pages
from api.queries import known_query


def make_router() -> APIRouter:
    """Return the routes, to be mounted under ``/api``."""
    router = APIRouter(dependencies=[Depends(from_our_pages), Depends(known_query)])
    for part in (
        *(me, live, incidents, reports, receipts, places, basemap),
        *(boundaries, boundary_impact, objections, closures, travel),
    ):
        router.include_router(part.router)
    return router
