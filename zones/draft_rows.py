"""Drafts of boundaries as they are stored: reading them, and what happened to them in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, text

from gis.errors import NotFoundError
from gis.messages import message
from zones.layers import Area, Layer, is_same
from zones.reasons import day
from zones.tables import boundary_draft, boundary_draft_change, boundary_draft_event, boundary_signature

# Names said at most in one sentence.
SAID = 4

CHANGES = text(
    """
SELECT agency_code, code, kind, jurisdiction_id, base_version_id, name, priority, ST_AsBinary(geom) AS wkb
FROM siaga.boundary_draft_change WHERE boundary_draft_id = :id ORDER BY agency_code COLLATE "C", code COLLATE "C"
"""
)

KEYS = text(
    """
SELECT boundary_draft_id, agency_code || '/' || code AS key FROM siaga.boundary_draft_change
WHERE boundary_draft_id = ANY (CAST(CAST(:ids AS text[]) AS uuid[])) ORDER BY agency_code COLLATE "C", code COLLATE "C"
"""
)

# What commits after a draft's base did to the jurisdictions it touches.
SINCE = text(
    """
WITH mine AS (
  SELECT j.jurisdiction_id, j.agency_code, j.code, j.name
  FROM siaga.boundary_draft d JOIN siaga.boundary_draft_change c USING (boundary_draft_id)
  JOIN siaga.jurisdiction j ON (j.service_code, j.agency_code, j.code) = (d.service_code, c.agency_code, c.code)
  WHERE d.boundary_draft_id = :id
)
SELECT m.agency_code, m.code, coalesce(v.name, m.name) AS name, v.version, lower(v.valid) AS at, 'begins' AS kind,
       s.boundary_set, s.committed_at, s.actor, s.reason
FROM mine m JOIN siaga.boundary_version v USING (jurisdiction_id) JOIN siaga.boundary_set s USING (boundary_set)
WHERE v.boundary_set > :base
UNION ALL
SELECT m.agency_code, m.code, coalesce(v.name, m.name), v.version, upper(v.valid), 'ends', s.boundary_set,
       s.committed_at, s.actor, s.reason
FROM mine m JOIN siaga.boundary_version v USING (jurisdiction_id) JOIN siaga.boundary_set s ON s.boundary_set = v.ended_set
WHERE v.ended_set > :base
  AND NOT EXISTS (SELECT FROM siaga.boundary_version w WHERE w.jurisdiction_id = v.jurisdiction_id
                    AND lower(w.valid) = upper(v.valid))
ORDER BY boundary_set, agency_code, code
"""  # noqa: E501
)

AREAS = text(
    """
SELECT DISTINCT ON (code) code, name, ST_AsBinary(geom) AS wkb FROM siaga.admin_area
WHERE code = ANY (:codes) ORDER BY code, level
"""
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a draft makes of one jurisdiction; `area.shape` is empty when it ends."""

    kind: str
    area: Area
    base_version_id: str | None


def find(tx: Connection, draft_id: str, *, is_locked: bool = False) -> RowMapping:
    """Return a draft's row; locked, it waits for whoever is changing the draft.

    Raises
    ------
    NotFoundError
        There is no such draft.
    """
    statement = select(boundary_draft).where(boundary_draft.c.boundary_draft_id == draft_id)
    row = tx.execute(statement.with_for_update() if is_locked else statement).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"no boundary draft {draft_id}")
    return row


def read_changes(tx: Connection, draft_id: str) -> list[Change]:
    """Return what a draft changes, in order of agency and code."""
    found = []
    for row in tx.execute(CHANGES, {"id": draft_id}):
        area = Area(
            agency=row.agency_code,
            code=row.code,
            name=row.name,
            priority=row.priority,
            shape=shapely.MultiPolygon() if row.wkb is None else shapely.from_wkb(bytes(row.wkb)),
            jurisdiction_id=row.jurisdiction_id,
        )
        found.append(Change(kind=row.kind, area=area, base_version_id=row.base_version_id))
    return found


def read_keys(tx: Connection, draft_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the ``AGENCY/CODE`` of what each draft changes, in order; without shapes."""
    found: dict[str, list[str]] = {draft_id: [] for draft_id in draft_ids}
    for row in tx.execute(KEYS, {"ids": list(draft_ids)}):
        found[row.boundary_draft_id].append(row.key)
    return found


def with_changes(layer: Layer, changes: Sequence[Change]) -> dict[str, Area]:
    """Return a layer as the changes make it."""
    found = dict(layer)
    for change in changes:
        key = change.area.key
        if change.kind == "end":
            found.pop(key, None)
        elif key in found:
            area = change.area
            found[key] = replace(found[key], name=area.name, priority=area.priority, shape=area.shape)
        else:
            found[key] = change.area
    return dict(sorted(found.items()))


def changes_between(base: Layer, layer: Layer) -> list[Change]:
    """Return what makes `layer` of `base`."""
    found = []
    for key in sorted(base.keys() | layer.keys()):
        old, new = base.get(key), layer.get(key)
        if is_same(old, new):
            continue
        kind = "new" if old is None else "end" if new is None else "change"
        area = new or replace(old, shape=shapely.MultiPolygon())  # type: ignore[type-var]  # one of the two is there
        found.append(
            Change(kind=kind, area=area, base_version_id=None if old is None else old.version_id)  # type: ignore[arg-type]
        )
    return found


def write_changes(tx: Connection, draft_id: str, changes: Sequence[Change]) -> None:
    """Replace what a draft changes."""
    table = boundary_draft_change
    tx.execute(delete(table).where(table.c.boundary_draft_id == draft_id))
    for change in changes:
        area = change.area
        shape = None if change.kind == "end" else func.ST_Multi(func.ST_GeomFromWKB(area.shape.wkb, 4326))
        tx.execute(
            insert(table).values(
                boundary_draft_id=draft_id,
                agency_code=area.agency,
                code=area.code,
                kind=change.kind,
                jurisdiction_id=None if change.kind == "new" else area.jurisdiction_id,
                base_version_id=change.base_version_id,
                name=area.name,
                priority=area.priority,
                geom=shape,
            )
        )


def read_areas(tx: Connection, codes: Sequence[str]) -> tuple[dict[str, BaseGeometry], dict[str, str]]:
    """Return shapes (EPSG:4326) and names of administrative areas by code; unknown codes are absent."""
    rows = tx.execute(AREAS, {"codes": list(codes)}).all()
    return {row.code: shapely.from_wkb(bytes(row.wkb)) for row in rows}, {row.code: row.name for row in rows}


def read_events(tx: Connection, draft_id: str, *, after: int = 0) -> list[dict[str, Any]]:
    """Return what happened to a draft after a version, oldest first."""
    table = boundary_draft_event
    statement = select(table).where(table.c.boundary_draft_id == draft_id, table.c.version > after)
    return [dict(row) for row in tx.execute(statement.order_by(table.c.version)).mappings()]


def read_signatures(tx: Connection, draft_id: str, digest: str | None) -> dict[str, dict[str, Any]]:
    """Return the signatures that count for a digest, by ``AGENCY/CODE``."""
    table = boundary_signature
    statement = select(table).where(table.c.boundary_draft_id == draft_id, table.c.digest == digest)
    return {
        f"{row['agency_code']}/{row['code']}": {
            "office": row["office"],
            "signed_by": row["signed_by"],
            "signed_at": row["signed_at"],
            "paper_ref": row["paper_ref"],
        }
        for row in tx.execute(statement.order_by(table.c.signed_at)).mappings()
    }


def changed_since(
    tx: Connection, draft_id: str, base_set: int, *, zone: ZoneInfo, language: str
) -> list[dict[str, Any]]:
    """Return what commits after `base_set` did to the jurisdictions a draft touches, oldest first."""
    found = []
    for row in tx.execute(SINCE, {"id": draft_id, "base": base_set}):
        what = message(
            f"draft_said_{row.kind}",
            language,
            name=row.name,
            version=row.version,
            at=clock(row.at, zone, language),
            by=row.actor,
            reason=row.reason,
        )
        found.append(
            {
                "at": row.committed_at.isoformat(),
                "by": row.actor,
                "what": what,
                "jurisdiction": f"{row.agency_code}/{row.code}",
                "kind": row.kind,
                "boundary_set": row.boundary_set,
            }
        )
    return found


def clock(moment: datetime, zone: ZoneInfo, language: str) -> str:
    """Return a moment by the city's clock, as people write it: ``1 Jan 2026 06.30`` (``06:30`` in English)."""
    local = moment.astimezone(zone)
    return f"{day(moment, zone, language)} {local:%H:%M}".replace(":", "." if language == "id" else ":")


def describe_event(event: dict[str, Any], *, zone: ZoneInfo, language: str) -> dict[str, Any]:
    """Return an event for a page: who, when, and `what` in a sentence."""
    return {
        "version": event["version"],
        "at": event["at"].isoformat(),
        "by": event["actor"],
        "role": event["actor_role"],
        "kind": event["kind"],
        "what": said(event["kind"], event["detail"], zone=zone, language=language),
        "detail": event["detail"],
    }


def said(kind: str, detail: dict[str, Any], *, zone: ZoneInfo, language: str) -> str:
    """Say what happened to a draft."""
    if kind == "edited":
        return _said_edit(detail, language)
    values: dict[str, Any] = {}
    if kind in ("proposed", "scheduled"):
        values["at"] = clock(datetime.fromisoformat(detail["effective_from"]), zone, language)
    if kind in ("proposed", "withdrawn"):
        values["reason"] = detail["reason"]
    if kind == "created":
        values["title"] = detail["title"]
    if kind == "signed":
        values |= {"office": detail["office"], "names": few(detail["names"])}
    if kind == "rebased" and detail["dropped"]:
        kind, values = "rebased_dropped", {"n": len(detail["dropped"])}
    return message(f"draft_said_{kind}", language, **values)


def _said_edit(detail: dict[str, Any], language: str) -> str:
    edit, names = detail["edit"], detail["names"]
    kind = edit["kind"]
    new = edit.get("new", {}).get("name", "")
    values = {
        "areas": few([names.get(code, code) for code in edit.get("areas", [])]),
        "giver": names.get(edit.get("from"), edit.get("from")),
        "receiver": names.get(edit.get("to"), edit.get("to")),
        "name": names.get(edit.get("jurisdiction"), edit.get("jurisdiction")) or new,
        "new": edit.get("name") or new,
        "priority": edit.get("priority"),
    }
    if kind == "end" and edit.get("to"):
        kind = "end_to"
    if kind == "restore" and not edit.get("jurisdiction"):
        kind = "restore_all"
    return message(f"draft_said_{kind}", language, **values)


def few(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" +{len(names) - SAID}" if len(names) > SAID else ""
    return ", ".join(names[:SAID]) + more
