"""A receipt with the shapes that explain it: what a desk sees under "Mengapa kami?"."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection, text

from api.browser.person import READERS, person
from api.door import door, known_id, language, reply
from api.v1.receipts import require_visible
from gis.actors import Actor
from gis.db import transaction
from gis.errors import NotFoundError
from gis.words import Role
from routing_engine.dispatch.answers import calibration

router = APIRouter()

RECEIPT = text(
    """
SELECT receipt_id::text, incident_id::text, service_code, at, boundary_set, body, digest
FROM siaga.receipt WHERE receipt_id = :id
"""
)
DUTIES = text(
    """
SELECT a.assignment_id::text, a.agency_code, a.boundary_version_id::text, a.role, a.match, a.why_id, a.why_en,
       a.travel_time_s, a.travel_time_p90_s, a.calibration_id, a.distance_m, a.estimate, s.code AS station_code,
       s.name AS station_name, s.accuracy_m,
       ST_X(s.geom) AS lon, ST_Y(s.geom) AS lat
FROM siaga.assignment a LEFT JOIN siaga.station s USING (station_id)
LEFT JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE a.receipt_id = :id AND (CAST(:agency AS text) IS NULL OR a.agency_code = :agency)
  AND (CAST(:assignment AS text) IS NULL OR a.assignment_id::text = :assignment)
  AND (CAST(:jurisdiction AS text) IS NULL OR j.code = :jurisdiction)
ORDER BY a.share DESC NULLS LAST, a.assignment_id
"""
)
SHAPES = text(
    """
SELECT boundary_version_id::text, ST_AsGeoJSON(ST_SimplifyPreserveTopology(geom, 0.0001), 5)::json
FROM siaga.boundary_version WHERE boundary_version_id::text = ANY (:versions)
"""
)
# Who else was near where nobody else was a candidate: at half a metre from a border that is the question.
NEARBY = text(
    """
SELECT j.code, j.name, j.agency_code AS agency, ST_Distance(v.geom::geography, p.geom::geography) AS border_m,
       ST_AsGeoJSON(ST_SimplifyPreserveTopology(v.geom, 0.0001), 5)::json AS geometry
FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS geom) p,
     siaga.boundaries_in_force(:at, :boundary_set) v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = :service AND NOT j.is_citywide AND v.boundary_version_id::text <> ALL (:versions)
  AND ST_DWithin(v.geom, p.geom, 0.02)
ORDER BY border_m, j.code LIMIT 2
"""
)
DISC = text(
    """
SELECT ST_AsGeoJSON(
  ST_Buffer(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography, :radius, 'quad_segs=16')::geometry, 5)::json
"""
)


def explain(
    tx: Connection, receipt_id: str, actor: Actor, *, english: bool, assignment_id: str | None = None
) -> dict[str, Any]:
    """Return a receipt with the polygon that matched, the runners-up, the uncertainty disc and the station.

    Jurisdictions chosen together share a receipt; `assignment_id` says whose sentence, polygon and station are meant
    (`None`: the largest share's).

    Raises
    ------
    NotFoundError
        No such receipt, or it led to none of the agency's assignments.
    """
    require_visible(tx, receipt_id, actor)
    row = tx.execute(RECEIPT, {"id": receipt_id}).mappings().one_or_none()
    if row is None:
        raise NotFoundError("no such receipt")
    is_agency = actor.role == Role.AGENCY
    limits = {"agency": actor.agency if is_agency else None, "jurisdiction": actor.jurisdiction if is_agency else None}
    duties = tx.execute(DUTIES, {"id": receipt_id, "assignment": assignment_id, **limits}).all()
    if assignment_id is not None and not duties:
        raise NotFoundError("no such assignment of this receipt")
    inputs, candidates = row["body"]["inputs"], row["body"]["candidates"]
    versions = [candidate["boundary_version_id"] for candidate in candidates]
    shapes = {row[0]: row[1] for row in tx.execute(SHAPES, {"versions": versions})}
    drawn = [{**candidate, "geometry": shapes.get(candidate["boundary_version_id"])} for candidate in candidates]
    disc = None
    if inputs["accuracy_m"] > 0:
        point = {"lon": inputs["lon"], "lat": inputs["lat"], "radius": inputs["accuracy_m"]}
        disc = tx.execute(DISC, point).scalar_one()
    duty = duties[0] if duties else None
    winners = [candidate for candidate in drawn if candidate["lost"] is None]
    first = winners[0]["geometry"] if winners else None
    losers = [candidate for candidate in drawn if candidate["lost"] is not None]
    near = {"lon": inputs["lon"], "lat": inputs["lat"], "at": row["at"], "boundary_set": row["boundary_set"]}
    asked = {**near, "service": row["service_code"], "versions": versions}
    nearby = [] if losers or len(winners) > 1 else [dict(one) for one in tx.execute(NEARBY, asked).mappings()]
    return {
        "receipt": dict(row),
        "why": (duty.why_en if english else duty.why_id) if duty else None,
        "geometry": shapes.get(duty.boundary_version_id) if duty and duty.boundary_version_id else first,
        "winners": winners,
        "runners_up": losers,
        "nearby": nearby,
        "disc": disc,
        "station": {
            "code": duty.station_code,
            "name": duty.station_name,
            "lon": duty.lon,
            "lat": duty.lat,
            "accuracy_m": duty.accuracy_m,
            "travel_time_s": duty.travel_time_s,
            "travel_time_p90_s": duty.travel_time_p90_s,
            "calibration": calibration(duty.calibration_id),
            "distance_m": duty.distance_m,
            "estimate": duty.estimate,
        }
        if duty and duty.station_code
        else None,
    }


@router.get("/receipts/{receipt_id}")
def receipt(
    request: Request,
    receipt_id: str,
    actor: Annotated[Actor, Depends(person(*READERS))],
    assignment: Annotated[str | None, Query(max_length=36)] = None,
) -> Response:
    """Return a receipt with its shapes, from the side of one of its assignments."""
    wanted, whose = known_id(receipt_id), known_id(assignment) if assignment else None
    with transaction(door(request).engine) as tx:
        return reply(explain(tx, wanted, actor, english=language(request) == "en", assignment_id=whose))
