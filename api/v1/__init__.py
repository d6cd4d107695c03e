"""Version 1 of the HTTP API for programs."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from api.queries import known_query
from api.v1 import (
    agencies,
    assignments,
    boundaries,
    closures,
    finding,
    health,
    incidents,
    receipts,
    reports,
    schemas,
    travel,
)


def make_router() -> APIRouter:
    """Return the routes under ``/v1``."""
    router = APIRouter(prefix="/v1", responses=schemas.PROBLEMS, dependencies=[Depends(known_query)])
    for part in (reports, incidents, agencies, assignments, finding, receipts, boundaries, closures, travel):
        router.include_router(part.router, tags=[part.__name__.rpartition(".")[2]])
    router.include_router(health.router, tags=["health"])
    return router
