"""Boundaries for the pages: as they were, are and will be, and the drafts that change them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection

from api.body import check_values, read_object
from api.browser.person import person
from api.door import door, known_id, language, read_moment, reply
from api.queries import Code
from gis.actors import Actor
from gis.city import CityFacts, read_city
from gis.db import database_now, transaction
from gis.words import Language, Role
from routing_engine.planning import boundary_impact
from zones import boundary_history, draft_form, draft_signing, draft_views, drafts

router = APIRouter()

# Whoever reads incidents reads boundaries, and planners do; those who only take reports need none.
Reader = Annotated[Actor, Depends(person(Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY, Role.PLANNER, Role.ADMIN))]
Drafter = Annotated[Actor, Depends(person(Role.AGENCY, Role.SUPERVISOR, Role.ADMIN))]
Signer = Annotated[Actor, Depends(person(Role.AGENCY, Role.ADMIN))]
Service = Annotated[str, Query(min_length=1, max_length=64)]
Moment = Annotated[str | None, Query(description="RFC 3339; default now")]

# A use case on one draft: (tx, draft_id, body, city=, actor=, now=, language=).
UseCase = Callable[..., Any]


@router.get("/boundaries")
def in_force(
    request: Request,
    _: Reader,
    service: Service,
    at: Moment = None,
    simplify_m: Annotated[float, Query(ge=0, le=1000, allow_inf_nan=False)] = 0.0,
) -> Response:
    """Return the set in force at a moment, and the moments at which it changes."""
    here, tongue = door(request), language(request)
    asked = read_moment("at", at, tongue)
    with transaction(here.engine) as tx:
        return reply(
            boundary_history.in_force(tx, service, at=asked or database_now(tx), language=tongue, simplify_m=simplify_m)
        )


@router.get("/boundaries/history")
def history(request: Request, _: Reader, service: Service, jurisdiction: Code = None) -> Response:
    """Return every version with who, when and why."""
    here, tongue = door(request), language(request)
    with transaction(here.engine) as tx:
        now = database_now(tx)
        return reply(boundary_history.history(tx, service, jurisdiction=jurisdiction, now=now, language=tongue))


@router.get("/boundaries/drafts")
def list_drafts(request: Request, actor: Reader, service: Code = None, state: Code = None) -> Response:
    """Return drafts, newest first."""
    here, tongue = door(request), language(request)
    with transaction(here.engine) as tx:
        return reply({"items": draft_views.list_drafts(tx, actor=actor, language=tongue, service=service, state=state)})


@router.post("/boundaries/drafts", status_code=201)
def create(request: Request, actor: Drafter) -> Response:
    """Begin a draft."""
    here, tongue = door(request), language(request)
    body = _read(request, ("service", "title"), tongue)
    with transaction(here.engine) as tx:
        city, now = read_city(tx), database_now(tx)
        draft_id = drafts.create(tx, body, city=city, actor=actor, now=now, language=tongue)
        return reply(draft_views.describe(tx, draft_id, city=city, actor=actor, language=tongue), 201)


@router.get("/boundaries/drafts/{draft_id}")
def detail(request: Request, draft_id: str, actor: Reader) -> Response:
    """Return a draft: what it changes, for whom, who has signed, what happened."""
    here, tongue, wanted = door(request), language(request), known_id(draft_id)
    with transaction(here.engine) as tx:
        return reply(draft_views.describe(tx, wanted, city=read_city(tx), actor=actor, language=tongue))


@router.post("/boundaries/drafts/{draft_id}/edits")
def edit(request: Request, draft_id: str, actor: Drafter) -> Response:
    """Change what a draft proposes."""
    return _act(request, draft_id, actor, drafts.edit, ("version", "kind", *draft_form.MEMBERS))


@router.post("/boundaries/drafts/{draft_id}/propose")
def propose(request: Request, draft_id: str, actor: Drafter) -> Response:
    """Put a draft before its sides, with its impact as it is now."""
    context = door(request).context

    def with_impact(tx: Connection, draft_id: str, body: dict[str, Any], **given: Any) -> None:
        drafts.propose(tx, draft_id, body, measure=boundary_impact.measure_of(tx, context, draft_id), **given)

    return _act(request, draft_id, actor, with_impact, ("version", "effective_from", "reason", "gap_reason"))


@router.post("/boundaries/drafts/{draft_id}/sign")
def sign(request: Request, draft_id: str, actor: Signer) -> Response:
    """Sign for one's jurisdictions; the last signature schedules the draft."""
    return _act(request, draft_id, actor, draft_signing.sign, ("digest", "office", "jurisdictions", "paper_ref"))


@router.post("/boundaries/drafts/{draft_id}/withdraw")
def withdraw(request: Request, draft_id: str, actor: Drafter) -> Response:
    """Give a draft up."""
    return _act(request, draft_id, actor, drafts.withdraw, ("version", "reason"))


@router.post("/boundaries/drafts/{draft_id}/rebase")
def rebase(request: Request, draft_id: str, actor: Drafter) -> Response:
    """Draw a draft's edits again on the newest boundaries; the answer says which no longer fit."""

    def again(
        tx: Connection,
        draft_id: str,
        body: dict[str, Any],
        *,
        city: CityFacts,
        actor: Actor,
        now: datetime,
        language: str,
    ) -> dict[str, Any]:
        dropped = drafts.rebase(tx, draft_id, body, city=city, actor=actor, now=now, language=language)
        return {"dropped": dropped}

    return _act(request, draft_id, actor, again, ("version",))


def _act(request: Request, draft_id: str, actor: Actor, use_case: UseCase, members: tuple[str, ...]) -> Response:
    """Run a use case on a draft in one transaction and answer with the draft as it is then."""
    here, tongue, wanted = door(request), language(request), known_id(draft_id)
    body = _read(request, members, tongue)
    with transaction(here.engine) as tx:
        city, now = read_city(tx), database_now(tx)
        more = use_case(tx, wanted, body, city=city, actor=actor, now=now, language=tongue)
        described = draft_views.describe(tx, wanted, city=city, actor=actor, language=tongue)
        return reply(described | (more or {}))


def _read(request: Request, members: tuple[str, ...], tongue: Language) -> dict[str, Any]:
    """Return the body: its members are known, and nothing in it is unfit; what is missing the use case says."""
    body = read_object(request.state.body, tongue)
    check_values(body, members, tongue)
    return body
