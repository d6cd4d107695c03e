"""Who is called for an event at a point, and why: SOP × boundaries × travel times. Decides, writes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from gis.ids import uuid7
from gis.reports import Facts
from gis.words import AssignmentRole, Estimate, Match
from routing_engine.dispatch.conditions import Circumstances
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.sop import Rule, in_force, select
from routing_engine.dispatch.stations import RankedStation
from zones import reasons
from zones.matching import Candidate, PointMatch, match_point
from zones.receipts import digest, make_body

LANGUAGES = ("id", "en")

# The neighbour whose area covers the point, else the one whose seat is nearest, within reach.
NEIGHBOUR = text(
    """
SELECT name, number FROM siaga.neighbour,
  (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS pt) p
WHERE coalesce(ST_Covers(geom_area, pt), false) OR ST_DistanceSphere(geom, pt) <= :reach_m
ORDER BY coalesce(ST_Covers(geom_area, pt), false) DESC, ST_DistanceSphere(geom, pt), name LIMIT 1
"""
)

# Landmarks on either side of the line between two jurisdictions, the nearest to the point first.
LANDMARKS = text(
    """
SELECT DISTINCT ON (v.jurisdiction_id) v.jurisdiction_id, l.name,
       ST_DistanceSphere(l.geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)) AS distance_m
FROM siaga.boundary_version v JOIN siaga.place l ON ST_Covers(v.geom, l.geom)
WHERE v.boundary_version_id::text = ANY (:versions)
  AND l.geom && ST_Expand(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :reach_deg)
  AND l.kind NOT IN ('kelurahan', 'kecamatan', 'street', 'river', 'water')  -- too vague to stand on a side
  -- A place inside the disc is where the caller says to be already.
  AND ST_DistanceSphere(l.geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)) > :accuracy_m + l.accuracy_m
ORDER BY v.jurisdiction_id, distance_m, l.name
"""
)

# A side narrower than this is no place to look for anybody.
MIN_SIDE_M = 5.0

# Where in the disc somebody on the side of each version can be: middle and radius of the largest circle that lies in
# the disc and in that boundary, and in none of the others asked about.
SIDES = text(
    """
WITH disc AS (
  SELECT ST_Buffer(ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :srid), :accuracy_m, 'quad_segs=32') AS geom
), side AS (
  SELECT v.boundary_version_id::text AS id, ST_Intersection(disc.geom, v.geom_m) AS geom
  FROM siaga.boundary_version v, disc WHERE v.boundary_version_id::text = ANY (:versions)
), own AS MATERIALIZED (
  SELECT s.id, ST_CollectionExtract(ST_Difference(s.geom, (
    SELECT ST_Union(o.geom) FROM side o WHERE o.id <> s.id)), 3) AS geom FROM side s
), place AS MATERIALIZED (
  SELECT id, geom FROM own WHERE NOT ST_IsEmpty(geom)
)
SELECT place.id, ST_X(p.geom) AS lon, ST_Y(p.geom) AS lat, c.radius
FROM place, LATERAL ST_MaximumInscribedCircle(place.geom) AS c,
     LATERAL (SELECT ST_Transform(c.center, 4326) AS geom) AS p
"""
)


@dataclass(frozen=True, kw_only=True)
class Duty:
    """One agency's part: a row of `assignment` to be.

    Attributes
    ----------
    winner
        The jurisdiction that matched; `None` when nobody is responsible.
    station
        Nearest station of the agency; `None` when it has none.
    why
        The sentence, by language.
    receipt_id
        The receipt of the service; jurisdictions chosen together share it.
    """

    rule: Rule
    rule_code: str
    role: AssignmentRole
    winner: Candidate | None
    station: RankedStation | None
    why: dict[str, str]
    receipt_id: str

    @property
    def match(self) -> Match:
        """How the jurisdiction matched."""
        return self.winner.match if self.winner is not None and self.winner.match is not None else Match.UNASSIGNED

    @property
    def estimate(self) -> Estimate:
        """How the travel time was found."""
        return self.station.estimate if self.station is not None else Estimate.NONE


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Everything decided for one event.

    Attributes
    ----------
    receipts
        receipt_id → body; one per service that has a duty.
    gaps
        Services the SOP names for which no agency is responsible here.
    handoffs
        The government that should have it instead, by language; `None` where the city itself is responsible.
    """

    match: PointMatch
    duties: tuple[Duty, ...]
    receipts: dict[str, dict[str, Any]]
    gaps: tuple[str, ...]
    handoffs: dict[str, dict[str, str]] | None
    question: dict[str, Any] | None

    @property
    def handoff(self) -> dict[str, str] | None:
        """What is kept with the incident: `government` and `number`, in the city's own language."""
        return self.handoff_in("id")

    def handoff_in(self, language: str) -> dict[str, str] | None:
        """Return the same as it is said in a language."""
        return self.handoffs[language] if self.handoffs else None


def decide(
    tx: Connection,
    moment: Moment,
    *,
    lon: float,
    lat: float,
    accuracy_m: float,
    type_code: str,
    severity: int,
    facts: Facts,
    language: str,
    at: datetime | None = None,
) -> Decision:
    """Decide who is called.

    Parameters
    ----------
    lon, lat
        EPSG:4326 degrees.
    accuracy_m
        Radius of the uncertainty disc, metres.
    language
        Of the separating question.
    at
        Moment of the decision; `None` is the database clock.

    Raises
    ------
    ConfigurationError
        The SOP names no lead for this type and severity.
    """
    snapshot, at = moment.snapshot, at or moment.now
    city = snapshot.city
    candidates = in_force(snapshot.rules, type_code, severity, at)
    match = match_point(
        tx,
        lon,
        lat,
        city=city,
        services=sorted({rule.service for rule in candidates}),
        at=at,
        accuracy_m=accuracy_m,
        boundary_set=moment.boundary_set,
    )
    circumstances = Circumstances(
        facts=facts,
        hour=city.hour_of(at),
        areas=frozenset(area.code for area in match.areas),
        # Asking the roads costs more than the rest of this together, so only when a rule wants to know.
        on_bridge=any("on_bridge" in rule.condition for rule in candidates)
        and snapshot.stations.is_on_bridge(lon, lat),
    )
    rules = select(candidates, circumstances)
    wanted, receipts, gaps = _wanted(rules, match, severity)
    handoffs = None
    if not match.is_in_service_area and any(winner is None for _, _, winner, _ in wanted):
        handoffs = handoff_to(tx, moment, lon, lat)
    ranked = iter(
        snapshot.stations.rank_all(
            (lon, lat),
            [(rule.service, w.agency, w.code) for rule, _, w, _ in wanted if w is not None],
            hour=city.hour_of(at),
        )
    )
    duties = tuple(
        Duty(
            rule=rule,
            rule_code=rule.code_for(severity),
            role=role,
            winner=winner,
            station=next(ranked) if winner is not None else None,
            why={
                tongue: reasons.sentence(
                    winner,
                    accuracy_m=accuracy_m,
                    n_winners=len(match.winners[rule.service]),
                    rule=rule.code_for(severity),
                    zone=city.time_zone,
                    language=tongue,
                )
                if winner is not None
                else reasons.unassigned(
                    is_in_service_area=match.is_in_service_area,
                    government=handoffs[tongue]["government"] if handoffs else None,
                    rule=rule.code_for(severity),
                    language=tongue,
                )
                for tongue in LANGUAGES
            },
            receipt_id=receipt_id,
        )
        for rule, role, winner, receipt_id in wanted
    )
    lead = rules[0].service
    return Decision(
        match=match,
        duties=duties,
        receipts=receipts,
        gaps=gaps,
        handoffs=handoffs,
        question=_question(tx, match, lead, srid=city.metric_srid, language=language),
    )


def _wanted(
    rules: list[Rule], match: PointMatch, severity: int
) -> tuple[list[tuple[Rule, AssignmentRole, Candidate | None, str]], dict[str, dict[str, Any]], tuple[str, ...]]:
    """Pair every rule with its winners; the largest keeps the rule's role, the others support where it is lead.

    A lead nobody takes stays as one open row, so that the supervisor sees it; another service nobody takes is a gap.
    """
    wanted: list[tuple[Rule, AssignmentRole, Candidate | None, str]] = []
    receipts: dict[str, dict[str, Any]] = {}
    gaps: list[str] = []
    for rule in rules:
        winners = match.winners[rule.service]
        if not winners and rule.role != AssignmentRole.LEAD:
            gaps.append(rule.service)
            continue
        receipt_id = uuid7()
        receipts[receipt_id] = make_body(match, rule.service, rule=rule.code_for(severity))
        if not winners:
            wanted.append((rule, AssignmentRole.LEAD, None, receipt_id))
        for position, winner in enumerate(winners):
            role = rule.role
            if position > 0 and role == AssignmentRole.LEAD:
                role = AssignmentRole.SUPPORT
            wanted.append((rule, role, winner, receipt_id))
    return wanted, receipts, tuple(gaps)


def handoff_to(tx: Connection, moment: Moment, lon: float, lat: float) -> dict[str, dict[str, str]]:
    """Name the government next door that should have the report, by language; its name is the same in each."""
    default = moment.snapshot.city.settings["handoff"]
    row = tx.execute(NEIGHBOUR, {"lon": lon, "lat": lat, "reach_m": default["reach_km"] * 1000.0}).one_or_none()
    if row is None:
        names = {"id": default["government"], "en": default.get("government_en", default["government"])}
        return {tongue: {"government": names[tongue], "number": default["number"]} for tongue in LANGUAGES}
    return {tongue: {"government": row.name, "number": row.number} for tongue in LANGUAGES}


def _question(tx: Connection, match: PointMatch, service: str, *, srid: int, language: str) -> dict[str, Any] | None:
    """Return the question that tells the two largest jurisdictions apart: a landmark on each side.

    Each answer carries where it puts the point (`SIDES`). Without two landmarks, or two sides to stand on, there is
    nothing to ask.
    """
    winners = match.winners[service]
    if len(winners) < 2 or match.accuracy_m <= 0:
        return None
    reach_m = max(1000.0, 4 * match.accuracy_m)
    versions = [w.boundary_version_id for w in winners[:2]]
    rows = tx.execute(
        LANDMARKS,
        {
            "lon": match.lon,
            "lat": match.lat,
            "accuracy_m": match.accuracy_m,
            "reach_deg": reach_m / 110_000,
            "versions": versions,
        },
    ).all()
    found = {row.jurisdiction_id: row.name for row in rows}
    if len(found) < 2 or len(set(found.values())) < 2:
        return None
    disc = {"lon": match.lon, "lat": match.lat, "accuracy_m": match.accuracy_m, "srid": srid, "versions": versions}
    sides = {row.id: row for row in tx.execute(SIDES, disc) if row.radius >= MIN_SIDE_M}
    options = [
        {
            "place": found[w.jurisdiction_id],
            "jurisdiction": w.code,
            "name": w.name,
            "lon": round(sides[w.boundary_version_id].lon, 6),
            "lat": round(sides[w.boundary_version_id].lat, 6),
            "accuracy_m": math.floor(sides[w.boundary_version_id].radius),
        }
        for w in winners[:2]
        if w.boundary_version_id in sides
    ]
    if len(options) < 2:
        return None
    one, two = (option["place"] for option in options)
    asked = f"Di sisi {one} atau sisi {two}?" if language == "id" else f"On the side of {one} or of {two}?"
    return {"text": asked, "options": options}


def receipt_rows(decision: Decision, incident_id: str | None) -> list[dict[str, Any]]:
    """Return the rows of `receipt` for a decision."""
    return [
        {
            "receipt_id": receipt_id,
            "incident_id": incident_id,
            "service_code": body["inputs"]["service"],
            "at": decision.match.at,
            "boundary_set": decision.match.boundary_set,
            "body": body,
            "digest": digest(body),
        }
        for receipt_id, body in decision.receipts.items()
    ]
