"""Reports from the operator's form, and the look at who would be called before they are saved."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from api.body import read_object
from api.browser.person import REPORTERS, person
from api.door import door, language, reply
from api.keys import one_key
from api.queries import Accuracy, Code, Lat, Lon, check_position
from gis.actors import Actor
from gis.db import transaction
from gis.messages import message
from gis.reports import Facts, mended_position
from gis.words import Origin
from routing_engine.dispatch import answers, codes, duplicates, intake
from routing_engine.dispatch.decision import decide
from zones.matching import match_point

router = APIRouter()

Reporter = Annotated[Actor, Depends(person(*REPORTERS))]


@router.post("/reports")
def post_report(request: Request, actor: Reporter, key: Annotated[str, Depends(one_key)]) -> Response:
    """Take one report; body and answer as ``POST /v1/reports``."""
    here, tongue = door(request), language(request)
    body = read_object(request.state.body, tongue)
    with transaction(here.engine) as tx:
        accepted = intake.accept(tx, here.context, body, actor=actor, key=key, language=tongue)
    return reply(accepted.answer, 201 if accepted.is_new else 200)


@router.get("/whose")
def whose(
    request: Request,
    actor: Reporter,
    lon: Lon,
    lat: Lat,
    accuracy_m: Accuracy = 0.0,
    type: Code = None,
    severity: Annotated[int | None, Query(ge=1, le=4)] = None,
    drill: bool = False,
) -> Response:
    """Return who would be called for a report here, and what it may repeat; writes nothing."""
    here, tongue = door(request), language(request)
    check_position(lon, lat, tongue)
    with transaction(here.engine) as tx:
        moment = here.context.current(tx)
        snapshot = moment.snapshot
        if type is None:
            found = match_point(
                tx,
                lon,
                lat,
                city=snapshot.city,
                services=[],
                at=moment.now,
                accuracy_m=accuracy_m,
                boundary_set=moment.boundary_set,
            )
            return reply(_preview(answers.areas_of(found)))
        kind = codes.incident_type(snapshot, type, tongue)
        decision = decide(
            tx,
            moment,
            lon=lon,
            lat=lat,
            accuracy_m=accuracy_m,
            type_code=kind.code,
            severity=severity or kind.severity or 4,
            facts=Facts(),
            language=tongue,
        )
        similar = duplicates.find(
            tx,
            snapshot,
            lon=lon,
            lat=lat,
            accuracy_m=accuracy_m,
            kind=kind,
            said="",
            phone="",
            origin=Origin.DRILL if drill else Origin.LIVE,
            now=moment.now,
        )
    meant = mended_position(lon, lat, snapshot.city)
    return reply(
        _preview(
            answers.admin(decision),
            mended={"lon": meant.lon, "lat": meant.lat, "reason": message(meant.reason, tongue)} if meant else None,
            assignments=[answers.duty_answer(duty, snapshot, tongue) for duty in decision.duties],
            question=decision.question,
            handoff=decision.handoff_in(tongue),
            possible_duplicates=[item.as_dict() for item in similar],
        )
    )


def _preview(admin: dict[str, Any], **found: Any) -> dict[str, Any]:
    empty = {"assignments": [], "question": None, "handoff": None, "possible_duplicates": [], "mended": None}
    return {"admin": admin, **empty, **found}
