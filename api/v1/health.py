"""``/v1/health`` and ``/metrics``: open to who can reach this process, which listens on this machine only."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from api.door import door, reply
from api.errors import Problem
from api.health import DEGRADED, IMPAIRED, figures, look
from gis.errors import PlatformError

router = APIRouter()
metrics_router = APIRouter()

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


@router.get(
    "/health",
    summary="Every part by name",
    responses={503: {"description": "intake is impaired: a report could not be saved now"}},
)
def health(request: Request) -> Response:
    """Return the state of every part; 503 when a report could not be saved now."""
    report = look(door(request))
    body: dict[str, Any] = {"status": report.status, "parts": report.parts}
    is_impaired = report.status == IMPAIRED
    return reply(body, 503 if is_impaired else 200, headers={"Retry-After": "1"} if is_impaired else None)


@metrics_router.get("/metrics", summary="Prometheus text", include_in_schema=False)
def metrics(request: Request) -> Response:
    """Return the figures, to a scraper on this machine; through a proxy they are refused.

    Raises
    ------
    Problem
        403: a header says that somebody forwarded the request.
    """
    if any(name in request.headers for name in FORWARDED):
        raise Problem(403, "forbidden", "forwarded")
    here = door(request)
    try:
        gauges = [*figures(here), ("siaga_database_up", "", 1.0)]
    except PlatformError:
        gauges = [("siaga_database_up", "", 0.0)]
    status = look(here).status
    gauges.append(("siaga_health", "", {IMPAIRED: 0.0, DEGRADED: 0.5}.get(status, 1.0)))
    text = request.app.state.metrics.lines(gauges)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8", headers={"Cache-Control": "no-store"})
