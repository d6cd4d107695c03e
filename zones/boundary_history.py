"""Boundaries through time: what was in force at any moment, every version with who and why, and when things changed."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text

from gis.errors import ValueRefused
from gis.messages import message
from zones.draft_rows import read_signatures
from zones.matching import current_set
from zones.tables import boundary_draft
from zones.tables import service as service_table

# Validity is half-open: the first moment belongs to a version, the last to the next.
AT = text(
    """
SELECT j.jurisdiction_id, j.agency_code, j.code, coalesce(v.name, j.name) AS name, v.priority, j.is_citywide, v.version,
       lower(v.valid) AS valid_from, upper(v.valid) AS valid_to, ST_Area(v.geom_m) AS area_m2, v.digest,
       v.is_approximate,
       ST_AsGeoJSON(CASE WHEN CAST(:simplify_m AS float8) > 0
         THEN ST_SimplifyPreserveTopology(v.geom, CAST(:simplify_m AS float8) / 111000) ELSE v.geom END, 7) AS shape
FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = :service AND v.valid @> CAST(:at AS timestamptz)
ORDER BY j.agency_code COLLATE "C", j.code COLLATE "C"
"""
)

# Ground gained and lost beside the version before it that ended where it begins; in square metres of the metric CRS.
VERSIONS = text(
    """
SELECT j.agency_code, j.code, coalesce(v.name, j.name) AS name, v.version, lower(v.valid) AS valid_from,
       upper(v.valid) AS valid_to, v.priority, v.source, v.digest, v.boundary_set, v.ended_set,
       ST_Area(v.geom_m) AS area_m2,
       CASE WHEN CAST(:measured AS boolean) THEN
         CASE WHEN p.geom_m IS NULL THEN ST_Area(v.geom_m) ELSE ST_Area(ST_Difference(v.geom_m, p.geom_m)) END
       END AS gained_m2,
       CASE WHEN CAST(:measured AS boolean) AND p.geom_m IS NOT NULL
            THEN ST_Area(ST_Difference(p.geom_m, v.geom_m)) ELSE 0 END AS lost_m2
FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
LEFT JOIN siaga.boundary_version p ON p.jurisdiction_id = v.jurisdiction_id AND upper(p.valid) = lower(v.valid)
WHERE j.service_code = :service
  AND (CAST(:name AS text) IS NULL OR :name IN (j.code, j.agency_code || '/' || j.code))
ORDER BY lower(v.valid) DESC, j.agency_code COLLATE "C", j.code COLLATE "C", v.version DESC
"""
)
SETS = text(
    "SELECT boundary_set, committed_at, actor, reason FROM siaga.boundary_set WHERE boundary_set = ANY (:numbers)"
)
MOMENTS = text(
    """
SELECT m.at, j.agency_code, j.code, coalesce(v.name, j.name) AS name, m.is_begin, m.number,
       EXISTS (SELECT FROM siaga.boundary_version w WHERE w.jurisdiction_id = v.jurisdiction_id
                 AND upper(w.valid) = lower(v.valid)) AS has_before,
       EXISTS (SELECT FROM siaga.boundary_version w WHERE w.jurisdiction_id = v.jurisdiction_id
                 AND lower(w.valid) = upper(v.valid)) AS has_after
FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id),
  LATERAL (VALUES (lower(v.valid), true, v.boundary_set), (upper(v.valid), false, v.ended_set)) AS m (at, is_begin, number)
WHERE j.service_code = :service AND m.at IS NOT NULL
ORDER BY m.at DESC, j.agency_code COLLATE "C", j.code COLLATE "C"
"""  # noqa: E501
)
# Between this many versions ground is compared; a layer of thousands would be measured for minutes.
MEASURED = 500


def in_force(tx: Connection, service: str, *, at: datetime, language: str, simplify_m: float = 0.0) -> dict[str, Any]:
    """Return the boundaries of a service in force at a moment, past or to come, as the newest commit has them.

    Parameters
    ----------
    simplify_m
        Leave out what is smaller when drawing, metres; common borders then no longer match exactly.

    Returns
    -------
    dict
        A GeoJSON FeatureCollection (EPSG:4326) with `service`, `at`, `boundary_set` and `moments`, as the contract has
        it.

    Raises
    ------
    ValueRefused
        The city has no such service.
    """
    require_service(tx, service, language)
    features = []
    for row in tx.execute(AT, {"service": service, "at": at, "simplify_m": simplify_m}):
        features.append(
            {
                "type": "Feature",
                "id": row.jurisdiction_id,
                "geometry": json.loads(row.shape),
                "properties": {
                    "jurisdiction": f"{row.agency_code}/{row.code}",
                    "agency": row.agency_code,
                    "code": row.code,
                    "name": row.name,
                    "priority": row.priority,
                    "is_citywide": row.is_citywide,
                    "version": row.version,
                    "valid_from": row.valid_from.isoformat(),
                    "valid_to": None if row.valid_to is None else row.valid_to.isoformat(),
                    "area_m2": round(row.area_m2, 1),
                    "digest": row.digest,
                    "is_approximate": row.is_approximate,
                },
            }
        )
    return {
        "type": "FeatureCollection",
        "service": service,
        "at": at.isoformat(),
        "boundary_set": current_set(tx),
        "moments": moments(tx, service),
        "features": features,
    }


def history(
    tx: Connection, service: str, *, jurisdiction: str | None = None, now: datetime, language: str
) -> dict[str, Any]:
    """Return every version of a service's boundaries, newest first: since when, by whom, why, and what it moved.

    Parameters
    ----------
    jurisdiction
        ``AGENCY/CODE`` or a code; all without.

    Raises
    ------
    ValueRefused
        The city has no such service.
    """
    require_service(tx, service, language)
    values = {"service": service, "name": jurisdiction, "measured": False}
    rows = tx.execute(VERSIONS, values).all()
    if len(rows) <= MEASURED:
        rows = tx.execute(VERSIONS, {**values, "measured": True}).all()
    numbers = {n for row in rows for n in (row.boundary_set, row.ended_set) if n is not None}
    drafts = _drafts(tx, numbers)
    sets = {n: {**one, "draft": drafts.get(n)} for n, one in _sets(tx, numbers).items()}
    items = []
    for row in rows:
        is_begun, is_over = row.valid_from <= now, row.valid_to is not None and row.valid_to <= now
        items.append(
            {
                "jurisdiction": f"{row.agency_code}/{row.code}",
                "agency": row.agency_code,
                "code": row.code,
                "name": row.name,
                "version": row.version,
                "valid_from": row.valid_from.isoformat(),
                "valid_to": None if row.valid_to is None else row.valid_to.isoformat(),
                "state": "past" if is_over else "in_force" if is_begun else "planned",
                "priority": row.priority,
                "area_m2": round(row.area_m2, 1),
                "gained_m2": None if row.gained_m2 is None else round(row.gained_m2, 1),
                "lost_m2": None if row.gained_m2 is None else round(row.lost_m2, 1),
                "source": row.source,
                "digest": row.digest,
                "begun": sets[row.boundary_set],
                "ended": sets.get(row.ended_set),
            }
        )
    return {"service": service, "items": items, "moments": moments(tx, service)}


def moments(tx: Connection, service: str) -> list[dict[str, Any]]:
    """Return the moments at which a service's boundaries change, newest first, with what changes, by whom and why."""
    rows = tx.execute(MOMENTS, {"service": service}).all()
    sets = _sets(tx, {row.number for row in rows if row.number is not None})
    found: dict[datetime, dict[str, Any]] = {}
    for row in rows:
        moment = found.setdefault(row.at, {"at": row.at.isoformat(), "changes": [], "by": [], "reasons": []})
        if row.is_begin or not row.has_after:
            kind = ("changes" if row.has_before else "begins") if row.is_begin else "ends"
            moment["changes"].append({"jurisdiction": f"{row.agency_code}/{row.code}", "name": row.name, "kind": kind})
        made = sets.get(row.number)
        for member, value in (("by", made and made["by"]), ("reasons", made and made["reason"])):
            if value and value not in moment[member]:
                moment[member].append(value)
    return list(found.values())


def require_service(tx: Connection, service: str, language: str) -> None:
    """Refuse a service the city does not have.

    Raises
    ------
    ValueRefused
        With those there are.
    """
    column = service_table.c.service_code
    known = list(tx.execute(select(column).order_by(column)).scalars())
    if service not in known:
        reason = message("draft_unknown", language)
        raise ValueRefused.of("service", reason, message("choose", language, allowed=", ".join(known)), service)


def _sets(tx: Connection, numbers: set[int]) -> dict[int, dict[str, Any]]:
    """Return boundary commits by number: when, by whom and why."""
    rows = tx.execute(SETS, {"numbers": sorted(numbers)})
    return {
        row.boundary_set: {
            "boundary_set": row.boundary_set,
            "at": row.committed_at.isoformat(),
            "by": row.actor,
            "reason": row.reason,
        }
        for row in rows
    }


def _drafts(tx: Connection, numbers: set[int]) -> dict[int, dict[str, Any]]:
    """Return the draft, with its signatures, behind each boundary commit that one made."""
    drafts = tx.execute(select(boundary_draft).where(boundary_draft.c.committed_set.in_(numbers))).mappings().all()
    return {
        row["committed_set"]: {
            "draft_id": row["boundary_draft_id"],
            "title": row["title"],
            "reason": row["reason"],
            "signatures": [
                {"jurisdiction": key, **one, "signed_at": one["signed_at"].isoformat()}
                for key, one in read_signatures(tx, row["boundary_draft_id"], row["digest"]).items()
            ],
        }
        for row in drafts
    }
