"""What a draft of boundaries would change, the page that is signed, and how sound boundaries are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.browser import boundary_summary
from api.browser.boundaries import Moment, Reader, Service
from api.door import door, known_id, language, read_moment, reply
from gis.db import transaction
from gis.words import Language
from routing_engine.planning import boundary_health, boundary_impact
from zones import draft_effects, draft_views

router = APIRouter()


@router.get("/boundaries/drafts/{draft_id}/impact")
def impact(request: Request, draft_id: str, _: Reader) -> Response:
    """Return what a draft would have changed in the last 365 days, with the incidents as points."""
    here, tongue, wanted = door(request), language(request), known_id(draft_id)
    with transaction(here.engine) as tx:
        return reply(boundary_impact.impact_of_draft(tx, here.context, wanted, language=tongue))


@router.get("/boundaries/drafts/{draft_id}/summary")
def summary(
    request: Request,
    draft_id: str,
    actor: Reader,
    chosen: Annotated[Language | None, Query(alias="language")] = None,
) -> Response:
    """Return one A4 page to print and sign."""
    here, wanted = door(request), known_id(draft_id)
    tongue = chosen or language(request)
    with transaction(here.engine) as tx:
        moment = here.context.current(tx)
        city = moment.snapshot.city
        found = boundary_impact.impact_of_draft(tx, here.context, wanted, language=tongue)
        draft = draft_views.describe(tx, wanted, city=city, actor=actor, language=tongue)
        before, after, _ = draft_effects.layers(tx, wanted)
        service = moment.snapshot.services[draft["service"]].name(tongue)
    page = boundary_summary.page(
        {**draft, "service": service},
        found,
        before,
        after,
        zone=city.time_zone,
        now=moment.now,
        language=tongue,
        city=city.name,
    )
    return Response(page, media_type="text/html", headers={"Cache-Control": "no-store"})


@router.get("/boundaries/health")
def health(request: Request, _: Reader, service: Service, at: Moment = None) -> Response:
    """Return gaps, overlaps, slivers, and the borders where incidents concentrate."""
    here, tongue = door(request), language(request)
    asked = read_moment("at", at, tongue)
    with transaction(here.engine) as tx:
        return reply(boundary_health.health_of(tx, here.context, service, at=asked, language=tongue))
