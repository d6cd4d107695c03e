"""What a draft of boundaries would change, the page that is signed, how sound boundaries are, and lists of points."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.body import check_values, read_object
from api.browser import boundary_summary
from api.browser.boundaries import Moment, Reader, Service
from api.door import door, known_id, language, read_moment, reply
from gis.db import transaction
from gis.errors import ValueRefused
from gis.messages import message
from gis.words import Language
from routing_engine.dispatch import codes
from routing_engine.planning import boundary_health, boundary_impact
from zones import agency_check, draft_effects, draft_views

router = APIRouter()


@router.get("/boundaries/drafts/{draft_id}/impact")
def impact(request: Request, draft_id: str, actor: Reader) -> Response:
    """Return what a draft would have changed in the last 365 days, with the incidents as points."""
    here, tongue, wanted = door(request), language(request), known_id(draft_id)
    with transaction(here.engine) as tx:
        return reply(boundary_impact.impact_of_draft(tx, here.context, wanted, language=tongue, agency=actor.agency))


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
        found = boundary_impact.impact_of_draft(tx, here.context, wanted, language=tongue, agency=actor.agency)
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


@router.post("/boundaries/check")
def check(request: Request, _: Reader, service: Service, at: Moment = None) -> Response:
    """Return whose each point of a list is, and whether the list says so; nothing is kept."""
    here, tongue = door(request), language(request)
    asked = read_moment("at", at, tongue)
    body = read_object(request.state.body, tongue)
    # The list is one text of many lines: its own reader judges what stands in it.
    text = body.pop("csv", None)
    check_values(body, ("column", "accuracy_column"), tongue)
    if not isinstance(text, str):
        raise ValueRefused.of("csv", message("required" if text is None else "wrong_type", tongue, expected="text"))
    columns = {name: _column(body, name, tongue) for name in ("column", "accuracy_column")}
    with transaction(here.engine) as tx:
        moment = here.context.current(tx)
        codes.service(moment.snapshot, service, tongue)
        return reply(
            agency_check.check_list(
                tx,
                text,
                service=service,
                city=moment.snapshot.city,
                at=asked or moment.now,
                language=tongue,
                **columns,
            )
        )


def _column(body: dict[str, Any], name: str, tongue: Language) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueRefused.of(name, message("wrong_type", tongue, expected="text"))
    return (value or "").strip() or None
