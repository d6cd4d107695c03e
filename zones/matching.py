"""Whose is it: every responsible jurisdiction of a point, for any number of services, in one statement.

The rule (for one service at one moment)
----------------------------------------
Candidates are the versions in force whose polygon covers the point (`ST_Covers`, so that border points belong
somewhere). The highest priority (1 wins), then the lowest code, wins; row order never matters.

With an accuracy *r* > 0 the uncertainty disc decides: higher priorities cut out lower ones, then each candidate's share
is the part of the disc it holds over the part held by any. One share of at least 0.9 wins alone; else everybody with
at least 0.2; if nobody reaches that, the three largest.

No candidate, but inside the city's service area: the nearest boundary within `fallback_m`, else the city-wide
jurisdiction, else nobody. Outside the service area only polygons that cover the point count.

The same rule on frames, for millions of exact points: `zones.matching_batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from gis.city import CityFacts
from gis.words import Match

ALONE_SHARE = 0.9
SHARED_SHARE = 0.2
MOST_WITHOUT_SHARE = 3

# Services often share a polygon (the whole city), so each distinct one is measured once. `border_m` is the distance to
# the polygon's own border; far from the city the metric CRS is not usable, so it is measured on the ellipsoid there.
CANDIDATES = text(
    """
WITH p AS MATERIALIZED (SELECT * FROM siaga.point_disc(:lon, :lat, :srid, :metric, :radius)
), found AS MATERIALIZED (
  SELECT j.service_code, j.agency_code, j.jurisdiction_id, j.code, coalesce(v.name, j.name) AS name,
         v.boundary_version_id, v.version, v.priority, lower(v.valid) AS valid_from, v.digest, v.geom, v.geom_m
  FROM p JOIN siaga.boundaries_in_force(:at, :boundary_set) v ON v.geom && p.reach
  JOIN siaga.jurisdiction j USING (jurisdiction_id)
  WHERE NOT j.is_citywide AND j.service_code = ANY (:services)
), shape AS MATERIALIZED (
  SELECT s.digest, ST_Covers(s.geom, p.pt) AS covers,
         CASE WHEN :metric THEN ST_Distance(ST_Boundary(s.geom_m), p.pt_m)
              ELSE ST_Distance(ST_Boundary(s.geom)::geography, p.pt::geography) END AS border_m,
         CASE WHEN p.disc_m IS NOT NULL AND ST_Intersects(s.geom_m, p.disc_m)
              THEN ST_Intersection(s.geom_m, p.disc_m) END AS piece
  FROM p CROSS JOIN (SELECT DISTINCT ON (digest) digest, geom, geom_m FROM found ORDER BY digest) s
), hit AS MATERIALIZED (
  SELECT f.service_code, f.agency_code, f.jurisdiction_id, f.code, f.name, f.boundary_version_id, f.version, f.priority,
         f.valid_from, f.digest, s.covers, s.border_m, s.piece
  FROM found f JOIN shape s USING (digest) WHERE s.covers OR s.piece IS NOT NULL
), cut AS (
  SELECT h.*, CASE WHEN u.higher IS NULL THEN h.piece ELSE ST_Difference(h.piece, u.higher) END AS part
  FROM hit h LEFT JOIN LATERAL (
    SELECT ST_Union(g.piece) AS higher FROM hit g WHERE g.service_code = h.service_code AND g.priority < h.priority
  ) u ON true
), total AS (
  SELECT service_code, ST_Area(ST_Union(piece)) AS area FROM hit WHERE piece IS NOT NULL GROUP BY service_code
)
SELECT c.service_code, c.agency_code, c.jurisdiction_id, c.code, c.name, c.boundary_version_id, c.version, c.priority,
       c.valid_from, c.digest, c.covers, c.border_m,
       CASE WHEN t.area > 0 THEN ST_Area(c.part) / t.area END AS share
FROM cut c LEFT JOIN total t USING (service_code)
"""
).execution_options(prepared=True)

AREAS = text(
    """
WITH p AS MATERIALIZED (SELECT * FROM siaga.point_disc(:lon, :lat, :srid, :metric, :radius)
), hit AS MATERIALIZED (
  SELECT a.level, a.code, a.name, ST_Covers(a.geom, p.pt) AS covers,
         CASE WHEN p.disc_m IS NOT NULL THEN ST_Area(ST_Intersection(a.geom_m, p.disc_m)) END AS area
  FROM p JOIN siaga.admin_area a ON a.geom && p.reach
  WHERE ST_Covers(a.geom, p.pt) OR (p.disc_m IS NOT NULL AND ST_Intersects(a.geom_m, p.disc_m))
)
SELECT level, code, name, covers,
       CASE WHEN area IS NULL THEN NULL ELSE area / NULLIF(sum(area) OVER (PARTITION BY level), 0) END AS share
FROM hit
"""
).execution_options(prepared=True)

SERVICE_AREA = text(
    "SELECT coalesce(ST_Covers(service_area, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)), false) FROM siaga.city"
).execution_options(prepared=True)

NEAREST = text(
    """
WITH p AS MATERIALIZED (SELECT * FROM siaga.point_disc(:lon, :lat, :srid, true, 0))
SELECT DISTINCT ON (j.service_code) j.service_code, j.agency_code, j.jurisdiction_id, j.code,
       coalesce(v.name, j.name) AS name, v.boundary_version_id, v.version, v.priority,
       lower(v.valid) AS valid_from, v.digest,
       false AS covers, ST_Distance(v.geom_m, p.pt_m) AS border_m, NULL::float8 AS share
FROM p JOIN siaga.boundaries_in_force(:at, :boundary_set) v
  ON v.geom && ST_Transform(ST_Expand(p.pt_m, :fallback_m), 4326)
JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE NOT j.is_citywide AND j.service_code = ANY (:services)
  AND ST_DWithin(v.geom_m, p.pt_m, :fallback_m)
ORDER BY j.service_code, border_m, v.priority, j.code COLLATE "C"
"""
).execution_options(prepared=True)

CITYWIDE = text(
    """
SELECT DISTINCT ON (j.service_code) j.service_code, j.agency_code, j.jurisdiction_id, j.code,
       coalesce(v.name, j.name) AS name, v.boundary_version_id, v.version, v.priority,
       lower(v.valid) AS valid_from, v.digest,
       false AS covers, NULL::float8 AS border_m, NULL::float8 AS share
FROM siaga.boundaries_in_force(:at, :boundary_set) v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.is_citywide AND j.service_code = ANY (:services)
ORDER BY j.service_code, v.priority, j.code COLLATE "C"
"""
).execution_options(prepared=True)


# Given jurisdictions, wherever the point is: the version in force, else the newest. `share` is the part of the disc.
MEASURE = text(
    """
WITH p AS MATERIALIZED (SELECT * FROM siaga.point_disc(:lon, :lat, :srid, :metric, :radius)),
in_force AS (SELECT boundary_version_id FROM siaga.boundaries_in_force(:at, :boundary_set)),
newest AS (
  SELECT DISTINCT ON (v.jurisdiction_id) v.*, f.boundary_version_id IS NOT NULL AS is_in_force
  FROM siaga.boundary_version v LEFT JOIN in_force f USING (boundary_version_id)
  WHERE v.jurisdiction_id = ANY (CAST(CAST(:ids AS text[]) AS uuid[]))
  ORDER BY v.jurisdiction_id, is_in_force DESC, v.version DESC
)
SELECT j.service_code, j.agency_code, j.jurisdiction_id, j.code, coalesce(v.name, j.name) AS name, j.is_citywide,
       v.boundary_version_id, v.version, v.priority, lower(v.valid) AS valid_from, v.digest, v.is_in_force,
       ST_Covers(v.geom, p.pt) AS covers,
       CASE WHEN j.is_citywide THEN NULL
            WHEN :metric THEN ST_Distance(ST_Boundary(v.geom_m), p.pt_m)
            ELSE ST_Distance(ST_Boundary(v.geom)::geography, p.pt::geography) END AS border_m,
       CASE WHEN p.disc_m IS NOT NULL THEN ST_Area(ST_Intersection(v.geom_m, p.disc_m)) / ST_Area(p.disc_m)
            WHEN ST_Covers(v.geom, p.pt) THEN 1.0 ELSE 0.0 END AS share
FROM p CROSS JOIN newest v JOIN siaga.jurisdiction j USING (jurisdiction_id)
"""
)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A jurisdiction version that was looked at, and what came of it.

    Attributes
    ----------
    share
        Part of the uncertainty disc after cuts by higher priorities, 0–1; `None` for an exact point.
    border_m
        Metres from the point to the polygon's border (to the polygon itself for `nearest`).
    match
        How it won; `None` for a runner-up.
    """

    service: str
    agency: str
    jurisdiction_id: str
    code: str
    name: str
    boundary_version_id: str
    version: int
    priority: int
    valid_from: datetime
    digest: str
    covers: bool
    border_m: float | None
    share: float | None
    match: Match | None = None


@dataclass(frozen=True, kw_only=True)
class AreaShare:
    """An administrative area at the point, with its part of the uncertainty disc (1.0 for an exact point)."""

    level: str
    code: str
    name: str
    share: float


@dataclass(frozen=True, kw_only=True)
class PointMatch:
    """Everything known of one point at one moment.

    `winners[service]` is in order of share; empty when nobody is responsible. `others[service]` are the runners-up.
    """

    lon: float
    lat: float
    accuracy_m: float
    at: datetime
    boundary_set: int
    is_in_service_area: bool
    areas: tuple[AreaShare, ...]
    winners: dict[str, tuple[Candidate, ...]]
    others: dict[str, tuple[Candidate, ...]]


def choose(candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Apply the rule to the candidates of one service.

    Returns
    -------
    winners, others
        Both in order: by share, then priority, then code.
    """
    if not candidates:
        return (), ()
    ordered = sorted(
        candidates,
        key=lambda c: (-round(c.share, 9) if c.share is not None else 0.0, c.priority, c.code, c.agency),
    )
    covering = sorted((c for c in ordered if c.covers), key=lambda c: (c.priority, c.code, c.agency))
    if ordered[0].share is None:
        if not covering:
            return (), tuple(ordered)
        owner = covering[0]
        return (
            (_won(owner, Match.COVERS, share=1.0),),
            tuple(c for c in ordered if c is not owner),
        )
    if ordered[0].share >= ALONE_SHARE:
        chosen = ordered[:1]
    else:
        chosen = [c for c in ordered if c.share is not None and c.share >= SHARED_SHARE] or ordered[:MOST_WITHOUT_SHARE]
    owner_id = covering[0].jurisdiction_id if covering else None
    winners = tuple(
        _won(c, Match.COVERS if c.jurisdiction_id == owner_id else Match.SHARE, share=c.share) for c in chosen
    )
    taken = {c.jurisdiction_id for c in winners}
    return winners, tuple(c for c in ordered if c.jurisdiction_id not in taken)


def _won(candidate: Candidate, match: Match, *, share: float | None) -> Candidate:
    return Candidate(**{**vars(candidate), "match": match, "share": share})


def current_set(tx: Connection) -> int:
    """Return the number of the newest boundary commit (0 before the first)."""
    return int(tx.execute(text("SELECT coalesce(max(boundary_set), 0) FROM siaga.boundary_set")).scalar_one())


def match_point(
    tx: Connection,
    lon: float,
    lat: float,
    *,
    city: CityFacts,
    services: Sequence[str],
    at: datetime,
    accuracy_m: float = 0.0,
    boundary_set: int | None = None,
) -> PointMatch:
    """Find who is responsible for one point.

    Parameters
    ----------
    lon, lat
        EPSG:4326 degrees, any place on Earth.
    services
        Codes; each gets an entry in `winners`.
    at
        Moment the boundaries must be in force.
    accuracy_m
        Radius of the uncertainty disc, metres; 0 is an exact point.
    boundary_set
        Commit to look from; `None` is the newest.
    """
    # NumPy's numbers would reach psycopg2 as their repr.
    lon, lat, accuracy_m = float(lon), float(lat), float(accuracy_m)
    if boundary_set is None:
        boundary_set = current_set(tx)
    metric = city.is_metric_near(lon, lat)
    values: dict[str, Any] = {
        "lon": lon,
        "lat": lat,
        "radius": accuracy_m,
        "metric": metric,
        "srid": city.metric_srid,
        "at": at,
        "boundary_set": boundary_set,
        "services": list(services),
        "fallback_m": city.fallback_m,
    }
    is_inside = bool(tx.execute(SERVICE_AREA, values).scalar_one_or_none())
    found: dict[str, list[Candidate]] = {service: [] for service in services}
    for row in tx.execute(CANDIDATES, values):
        if row.covers or (row.share or 0.0) > 0:
            found[row.service_code].append(_candidate(row))
    winners: dict[str, tuple[Candidate, ...]] = {}
    others: dict[str, tuple[Candidate, ...]] = {}
    for service, candidates in found.items():
        if not is_inside:
            # Beyond the service area a part of the disc is not enough: only polygons that cover the point count.
            candidates = [c for c in candidates if c.covers]
        winners[service], others[service] = choose(candidates)
    if is_inside:
        for statement, match in ((NEAREST, Match.NEAREST), (CITYWIDE, Match.CITYWIDE)):
            missing = [service for service in services if not winners[service]]
            if missing:
                for row in tx.execute(statement, {**values, "services": missing}):
                    winners[row.service_code] = (_won(_candidate(row), match, share=None),)
    return PointMatch(
        lon=lon,
        lat=lat,
        accuracy_m=accuracy_m,
        at=at,
        boundary_set=boundary_set,
        is_in_service_area=is_inside,
        areas=_areas(tx, values) if metric else (),
        winners=winners,
        others=others,
    )


def measure(
    tx: Connection,
    jurisdiction_ids: Sequence[str],
    lon: float,
    lat: float,
    *,
    city: CityFacts,
    at: datetime,
    boundary_set: int,
    accuracy_m: float = 0.0,
) -> dict[str, Candidate]:
    """Measure given jurisdictions at a point, whoever the rule would choose: for those a person appointed.

    Parameters
    ----------
    lon, lat
        EPSG:4326 degrees, any place on Earth.
    at, boundary_set
        Moment and commit whose boundaries count; a jurisdiction without one in force is measured by its newest.
    accuracy_m
        Radius of the uncertainty disc, metres.

    Returns
    -------
    dict
        By jurisdiction_id; `match` is `citywide`, `covers`, `share` (a part of the disc), else `nearest`. Jurisdictions
        that never had a boundary are absent.
    """
    if not jurisdiction_ids:
        return {}
    values = {
        "ids": list(jurisdiction_ids),
        "lon": float(lon),
        "lat": float(lat),
        "radius": float(accuracy_m),
        "metric": city.is_metric_near(lon, lat),
        "srid": city.metric_srid,
        "at": at,
        "boundary_set": boundary_set,
    }
    found = {}
    for row in tx.execute(MEASURE, values):
        share = None if row.is_citywide or not row.share else row.share
        if row.is_citywide:
            match = Match.CITYWIDE
        elif row.covers:
            match = Match.COVERS
        else:
            match = Match.NEAREST if share is None else Match.SHARE
        found[row.jurisdiction_id] = _won(_candidate(row), match, share=share)
    return found


def _candidate(row: Any) -> Candidate:
    return Candidate(
        service=row.service_code,
        agency=row.agency_code,
        jurisdiction_id=row.jurisdiction_id,
        code=row.code,
        name=row.name,
        boundary_version_id=row.boundary_version_id,
        version=row.version,
        priority=row.priority,
        valid_from=row.valid_from,
        digest=row.digest,
        covers=row.covers,
        border_m=row.border_m,
        share=row.share,
    )


def _areas(tx: Connection, values: dict[str, Any]) -> tuple[AreaShare, ...]:
    """Return the administrative areas at the point, per level in order of share, then code."""
    levels: dict[str, list[Any]] = {}
    for row in tx.execute(AREAS, values):
        levels.setdefault(row.level, []).append(row)
    areas: list[AreaShare] = []
    for level, rows in levels.items():
        if rows[0].share is None:
            owner = min((row for row in rows if row.covers), key=lambda row: row.code)
            areas.append(AreaShare(level=level, code=owner.code, name=owner.name, share=1.0))
            continue
        # The covering area comes first, whatever its share: it is where the point is.
        covering = min((row.code for row in rows if row.covers), default=None)
        for row in sorted(rows, key=lambda row: (row.code != covering, -row.share, row.code)):
            if row.share > 0.0005 or row.code == covering:
                areas.append(AreaShare(level=level, code=row.code, name=row.name, share=row.share))
    return tuple(areas)
