"""Drafts for people: what they change, for whom, who has signed, what happened."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, RowMapping, select

from gis.actors import Actor
from gis.city import CityFacts
from gis.labels import label
from zones.draft_checks import Difference
from zones.draft_effects import effects_of
from zones.draft_rows import (
    changed_since,
    describe_event,
    find,
    read_changes,
    read_events,
    read_keys,
    read_signatures,
)
from zones.draft_signing import may_sign
from zones.draft_versions import OPEN, PROPOSED, may_change
from zones.tables import boundary_draft

# Degrees to seven decimals are a centimetre: enough to draw; what is in force is kept to the last bit elsewhere.
DECIMALS = 7
LISTED = 500


def describe(tx: Connection, draft_id: str, *, city: CityFacts, actor: Actor, language: str) -> dict[str, Any]:
    """Return a draft as the contract has it.

    Raises
    ------
    NotFoundError
        There is no such draft.
    """
    row = find(tx, draft_id)
    changes = read_changes(tx, draft_id)
    effects = effects_of(tx, row, changes, city=city)
    checks = row["checks"] or effects.report(at=None, boundary_set=row["base_set"])
    sides = row["checks"]["sides"] if row["checks"] else effects.sides
    signed = read_signatures(tx, draft_id, row["digest"])
    is_current = row["state"] in (OPEN, PROPOSED)
    zone = city.time_zone
    described = [
        {
            **side,
            "signature": signed.get(side["jurisdiction"]),
            "may_sign": row["state"] == PROPOSED and side["jurisdiction"] not in signed and may_sign(side, actor),
        }
        for side in sides
    ]
    may = may_change(row, actor) and is_current
    kinds = {change.area.key: change.kind for change in changes}
    return {
        **head(row, language),
        "impact": row["impact"],
        "changes": [_change(key, kinds[key], one) for key, one in effects.differences.items() if key in kinds],
        "checks": {name: value for name, value in checks.items() if name != "sides"},
        "sides": described,
        "stale": changed_since(tx, draft_id, row["base_set"], zone=zone, language=language) if is_current else [],
        "events": [describe_event(event, zone=zone, language=language) for event in read_events(tx, draft_id)],
        "may": {
            "edit": may,
            "propose": may and bool(changes),
            "sign": any(side["may_sign"] for side in described),
            "withdraw": may,
            "rebase": may,
        },
    }


def head(row: RowMapping, language: str) -> dict[str, Any]:
    """Return what a draft is, without what it changes."""
    return {
        "draft_id": row["boundary_draft_id"],
        "service": row["service_code"],
        "agency": row["agency_code"],
        "title": row["title"],
        "state": row["state"],
        "state_label": label("draft", row["state"], language),
        "version": row["version"],
        "base_set": row["base_set"],
        "created_at": row["created_at"].isoformat(),
        "created_by": row["created_by"],
        "effective_from": None if row["effective_from"] is None else row["effective_from"].isoformat(),
        "reason": row["reason"],
        "gap_reason": row["gap_reason"],
        "digest": row["digest"],
        "committed_set": row["committed_set"],
    }


def list_drafts(
    tx: Connection, *, actor: Actor, language: str, service: str | None = None, state: str | None = None
) -> list[dict[str, Any]]:
    """Return drafts, newest first, without shapes; each with its jurisdictions, and how many sides have signed."""
    table = boundary_draft
    statement = select(table).order_by(table.c.created_at.desc(), table.c.boundary_draft_id.desc()).limit(LISTED)
    if service is not None:
        statement = statement.where(table.c.service_code == service)
    if state is not None:
        statement = statement.where(table.c.state == state)
    rows = tx.execute(statement).mappings().all()
    keys = read_keys(tx, [row["boundary_draft_id"] for row in rows])
    found = []
    for row in rows:
        sides = row["checks"]["sides"] if row["checks"] else []
        signed = read_signatures(tx, row["boundary_draft_id"], row["digest"]) if sides else {}
        waiting = [side for side in sides if side["jurisdiction"] not in signed]
        found.append(
            {
                **head(row, language),
                "jurisdictions": keys[row["boundary_draft_id"]],
                "n_sides": len(sides),
                "n_signed": len(sides) - len(waiting),
                "may_sign": row["state"] == PROPOSED and any(may_sign(side, actor) for side in waiting),
                "may_edit": may_change(row, actor) and row["state"] in (OPEN, PROPOSED),
            }
        )
    return found


def _change(key: str, kind: str, one: Difference) -> dict[str, Any]:
    return {
        "jurisdiction": key,
        "agency": one.area.agency,
        "code": one.area.code,
        "kind": kind,
        "name": one.area.name,
        "name_before": None if one.before is None else one.before.name,
        "priority": one.area.priority,
        "priority_before": None if one.before is None else one.before.priority,
        "area_m2": one.area_m2,
        "area_before_m2": one.area_before_m2,
        "gained_m2": one.gained_m2,
        "lost_m2": one.lost_m2,
        "is_side": one.why is not None,
        "geometry": None if one.after is None else drawn(one.after.shape),
        "geometry_before": None if one.before is None else drawn(one.before.shape),
    }


def drawn(shape: BaseGeometry) -> dict[str, Any]:
    """Return a shape as GeoJSON for a map."""
    rounded = shapely.transform(shape, lambda xy: xy.round(DECIMALS))
    return dict(shapely.geometry.mapping(rounded))
