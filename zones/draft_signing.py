"""Signatures on a proposed draft, and the commit that the last of them makes.

Every side signs for itself: its agency's account at the pages, or on paper, which an administrator records with its
reference. When all have signed, the draft becomes one boundary commit whose versions are in force from the agreed
moment on; nothing has to run then, because every question asks for the versions valid at its own moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, text

from gis.actors import Actor
from gis.city import CityFacts
from gis.errors import ConflictError, ForbiddenError
from gis.messages import message
from gis.words import Role
from zones import jurisdictions
from zones.draft_effects import effects_at
from zones.draft_form import MAX_CODE, MAX_NAME, Findings, read_text
from zones.draft_rows import Change, clock, few, find, read_changes, read_events, read_signatures
from zones.draft_versions import (
    OPEN,
    PROPOSED,
    SCHEDULED,
    advance,
    refuse_base_changed,
    refuse_state,
    since,
)
from zones.exact_shapes import LEAST_M2
from zones.jurisdictions import NewBoundary
from zones.layers import read_layer
from zones.matching import current_set
from zones.tables import boundary_signature

MOST_SIDES = 200

LATER_SETS = text(
    "SELECT boundary_set, committed_at, actor, reason FROM siaga.boundary_set s WHERE boundary_set > :seen AND EXISTS ("
    "SELECT FROM siaga.boundary_version v WHERE s.boundary_set IN (v.boundary_set, v.ended_set)) ORDER BY 1"
)
SET_BEFORE = text("SELECT coalesce(max(boundary_set), 0) FROM siaga.boundary_set WHERE boundary_set < :number")


def sign(
    tx: Connection, draft_id: str, body: dict[str, Any], *, city: CityFacts, actor: Actor, now: datetime, language: str
) -> None:
    """Sign a proposal for one's jurisdictions; the last side's signature puts the draft in force from its moment on.

    Raises
    ------
    ForbiddenError
        The role signs nothing.
    NotFoundError
        There is no such draft.
    ConflictError
        The digest is not the draft's, everything named is signed already, the moment has passed, or another commit
        changed what the draft touches or does: with what changed.
    ValueRefused
        With every finding: whose side it is not, no office, no reference of a paper.
    """
    actor.require(Role.AGENCY, Role.ADMIN)
    row = find(tx, draft_id, is_locked=True)
    if row["state"] == OPEN:
        raise ConflictError(message("draft_not_proposed", language))
    refuse_state(tx, row, (PROPOSED,), zone=city.time_zone, language=language)
    sides: list[dict[str, Any]] = row["checks"]["sides"]
    signed = read_signatures(tx, draft_id, row["digest"])
    found = Findings(language)
    office = read_text(body, "office", found, most=MAX_NAME)
    paper = read_text(body, "paper_ref", found, most=MAX_NAME, is_needed=actor.role == Role.ADMIN)
    if paper and actor.role != Role.ADMIN:
        found.add("paper_ref", "draft_paper_only_admin")
    digest = read_text(body, "digest", found, most=64)
    chosen = _chosen(body, sides, signed, actor, found)
    found.settle()
    if digest != row["digest"]:
        version = next((e["version"] for e in read_events(tx, draft_id) if e["detail"].get("digest") == digest), 0)
        what, events = since(tx, row, version, zone=city.time_zone, language=language)
        raise ConflictError(message("draft_other_digest", language, what=what), events)
    news = [side for side in chosen if side["jurisdiction"] not in signed]
    if not news:
        names = few([side["name"] for side in chosen])
        raise ConflictError(message("draft_signed", language, names=names))
    _refuse_late(row, now, city, language)
    refuse_base_changed(tx, row, zone=city.time_zone, language=language)
    changes = read_changes(tx, draft_id)
    seen = _refuse_other_effects(tx, row, changes, city=city, language=language, seen=row["checks"]["boundary_set"])
    for side in news:
        tx.execute(
            insert(boundary_signature).values(
                boundary_draft_id=draft_id,
                digest=digest,
                agency_code=side["agency"],
                code=side["code"],
                office=office,
                signed_by=actor.name,
                signed_role=actor.role,
                signed_at=now,
                paper_ref=paper or None,
            )
        )
    detail = {
        "office": office,
        "names": [side["name"] for side in news],
        "jurisdictions": [side["jurisdiction"] for side in news],
        "digest": digest,
        "paper_ref": paper or None,
    }
    version = advance(tx, row, "signed", detail, actor=actor, now=now)
    if {side["jurisdiction"] for side in sides} <= signed.keys() | {side["jurisdiction"] for side in news}:
        now_row = {**row, "version": version}
        _commit(tx, row, now_row, changes, seen=seen, city=city, actor=actor, now=now, language=language)


def may_sign(side: Mapping[str, Any], actor: Actor) -> bool:
    """Whether an actor may sign for a side: its own agency's account, or an administrator who has it on paper."""
    if actor.role == Role.AGENCY:
        return side["agency"] == actor.agency and actor.jurisdiction in (None, side["code"])
    return actor.role == Role.ADMIN


def _chosen(
    body: dict[str, Any],
    sides: Sequence[dict[str, Any]],
    signed: Mapping[str, Any],
    actor: Actor,
    found: Findings,
) -> list[dict[str, Any]]:
    """Return the sides that are signed for: those named, else all of the actor's that are not signed yet."""
    own = [side for side in sides if may_sign(side, actor)]
    if not own:
        raise ForbiddenError("no side of this draft is yours to sign for")
    named = body.get("jurisdictions")
    if named is None:
        return [side for side in own if side["jurisdiction"] not in signed] or own
    is_list = isinstance(named, list) and all(isinstance(one, str) and len(one) <= 2 * MAX_CODE for one in named)
    if not is_list or not 1 <= len(named) <= MOST_SIDES:
        found.add("jurisdictions", "draft_areas", limit=MOST_SIDES)
        return []
    chosen = []
    for one in dict.fromkeys(named):
        matching = [side for side in own if one in (side["jurisdiction"], side["code"])]
        if len(matching) != 1:
            found.add("jurisdictions", "draft_no_side", names=few([side["jurisdiction"] for side in own]))
        chosen += matching[:1]
    return chosen


def _refuse_late(row: RowMapping, now: datetime, city: CityFacts, language: str) -> None:
    if row["effective_from"] <= now:
        at = clock(row["effective_from"], city.time_zone, language)
        raise ConflictError(message("draft_too_late", language, at=at))


def _refuse_other_effects(
    tx: Connection, row: RowMapping, changes: Sequence[Change], *, city: CityFacts, language: str, seen: int
) -> int:
    """Refuse when commits after `seen` change what the draft does, though none touched its jurisdictions.

    Returns
    -------
    int
        The newest commit, with which the draft still does what was proposed.

    Raises
    ------
    ConflictError
        With those commits.
    """
    newest = current_set(tx)
    if newest == seen:
        return seen
    effects = effects_at(tx, row["service_code"], changes, city=city, at=row["effective_from"], boundary_set=newest)
    checks = row["checks"]
    agreed_gap_m2 = sum(item["area_m2"] for item in checks["gaps"])
    is_same = (
        not effects.overlaps
        and not effects.outside
        and effects.gap_m2 <= agreed_gap_m2 + LEAST_M2
        and {(side["jurisdiction"], side["why"]) for side in effects.sides}
        == {(side["jurisdiction"], side["why"]) for side in checks["sides"]}
    )
    if not is_same:
        listed = [
            {"at": one.committed_at.isoformat(), "by": one.actor, "what": one.reason, "boundary_set": one.boundary_set}
            for one in tx.execute(LATER_SETS, {"seen": seen})
        ]
        what = few([f"{one['what']} ({one['by']})" for one in listed])
        raise ConflictError(message("draft_effects_changed", language, what=what), listed)
    return newest


def _commit(
    tx: Connection,
    row: RowMapping,
    now_row: Mapping[Any, Any],
    changes: Sequence[Change],
    *,
    seen: int,
    city: CityFacts,
    actor: Actor,
    now: datetime,
    language: str,
) -> None:
    """Put a signed draft in force from its moment on: one boundary commit, all or nothing.

    Geometry was checked before intake is kept out; only when another commit came in between is it checked again.
    """
    at: datetime = row["effective_from"]
    reason = f"{row['title']}: {row['reason']}"
    number = jurisdictions.open_set(tx, actor=actor.name, reason=reason, now=now)
    if tx.execute(SET_BEFORE, {"number": number}).scalar_one() != seen:
        # Its own new number is no change of boundaries: the look is at the commit before.
        refuse_base_changed(tx, row, zone=city.time_zone, language=language)
        _refuse_other_effects(tx, row, changes, city=city, language=language, seen=seen)
    base = read_layer(tx, row["service_code"], boundary_set=row["base_set"])
    is_approximate = any(base[change.area.key].is_approximate for change in changes if change.area.key in base)
    for change in changes:
        area = change.area
        if change.kind == "end":
            jurisdictions.supersede(tx, str(area.jurisdiction_id), at=at, boundary_set_number=number)
            continue
        jurisdiction_id = area.jurisdiction_id or jurisdictions.ensure(
            tx, service=row["service_code"], agency=area.agency, code=area.code, name=area.name
        )
        boundary = NewBoundary(
            wkb=area.shape.wkb,
            priority=area.priority,
            source=f"{row['title']} ({row['boundary_draft_id']})",
            is_approximate=is_approximate,
            name=area.name,
        )
        jurisdictions.add_version(
            tx,
            jurisdiction_id,
            boundary,
            boundary_set_number=number,
            valid_from=at,
            srid=city.metric_srid,
            actor=actor.name,
            now=now,
        )
    detail = {"effective_from": at.isoformat(), "boundary_set": number, "digest": row["digest"]}
    advance(tx, now_row, "scheduled", detail, actor=actor, now=now, state=SCHEDULED, committed_set=number)
