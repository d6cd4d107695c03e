"""Versions of a draft: each change makes one, under a lock, and who comes with an older one learns what happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, insert, update

from gis.actors import Actor
from gis.city import CityFacts
from gis.errors import ConflictError, ForbiddenError
from gis.labels import label
from gis.messages import message
from gis.tables import audit
from gis.words import Role
from zones.draft_form import Findings, read_whole
from zones.draft_rows import Change, changed_since, clock, describe_event, few, find, read_events
from zones.tables import boundary_draft, boundary_draft_event

OPEN, PROPOSED, SCHEDULED, WITHDRAWN = "open", "proposed", "scheduled", "withdrawn"
DRAFTERS = (Role.AGENCY, Role.SUPERVISOR, Role.ADMIN)
# What the audit need not repeat: the event has the drawing.
DRAWN = ("geometry", "line")


def may_change(row: RowMapping, actor: Actor) -> bool:
    """Whether an actor may edit, propose, rebase and withdraw a draft."""
    if actor.role == Role.AGENCY:
        return row["agency_code"] is not None and row["agency_code"] == actor.agency
    return actor.role in DRAFTERS


def advance(
    tx: Connection,
    row: Mapping[Any, Any],
    kind: str,
    detail: dict[str, Any],
    *,
    actor: Actor,
    now: datetime,
    **values: Any,
) -> int:
    """Make the next version of a draft whose row is locked, with its event and audit row, and return it."""
    version = int(row["version"]) + 1
    table = boundary_draft
    tx.execute(
        update(table).where(table.c.boundary_draft_id == row["boundary_draft_id"]).values(version=version, **values)
    )
    note(tx, row["boundary_draft_id"], version, kind, detail, actor=actor, now=now)
    return version


def refuse_base_changed(tx: Connection, row: RowMapping, *, zone: ZoneInfo, language: str) -> None:
    """Refuse a draft whose jurisdictions another commit has changed since its base.

    Raises
    ------
    ConflictError
        With what changed, by whom, when and why.
    """
    changes = changed_since(tx, row["boundary_draft_id"], row["base_set"], zone=zone, language=language)
    if changes:
        what = few([change["what"] for change in changes])
        raise ConflictError(message("draft_base_changed", language, what=what), changes)


def refuse_state(tx: Connection, row: RowMapping, allowed: Sequence[str], *, zone: ZoneInfo, language: str) -> None:
    """Refuse a draft that is past a step.

    Raises
    ------
    ConflictError
        With the last thing that happened to it.
    """
    if row["state"] not in allowed:
        last = _shown(tx, row, row["version"] - 1, zone, language)
        state = label("draft", row["state"], language)
        raise ConflictError(message("draft_state", language, state=state, what=_sentence(last, zone, language)), last)


def since(
    tx: Connection, row: RowMapping, version: int, *, zone: ZoneInfo, language: str
) -> tuple[str, list[dict[str, Any]]]:
    """Return what happened to a draft after a version: in a sentence, and event by event."""
    events = _shown(tx, row, version, zone, language)
    return _sentence(events, zone, language), events


def digest_of(row: RowMapping, changes: Sequence[Change], *, n: int, at: datetime, reason: str, gap_reason: str) -> str:
    """Return what signatures bind: SHA-256 of canonical JSON over the n-th proposal's content."""
    essence = {
        "draft": row["boundary_draft_id"],
        "proposal": n,
        "service": row["service_code"],
        "title": row["title"],
        "effective_from": at.isoformat(),
        "reason": reason,
        "gap_reason": gap_reason,
        "changes": [
            {
                "jurisdiction": change.area.key,
                "kind": change.kind,
                "name": change.area.name,
                "priority": change.area.priority,
                "base_version": change.base_version_id,
                "shape": hashlib.sha256(change.area.shape.wkb).hexdigest(),
            }
            for change in changes
        ],
    }
    canonical = json.dumps(essence, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def locked(
    tx: Connection,
    draft_id: str,
    body: dict[str, Any],
    states: Sequence[str],
    *,
    city: CityFacts,
    actor: Actor,
    language: str,
) -> RowMapping:
    """Return a draft's row, locked, if the actor may change it now and has seen its newest version."""
    actor.require(*DRAFTERS)
    found = Findings(language)
    version = read_whole(body, "version", found, low=1, high=2**31 - 1)
    found.settle()
    row = find(tx, draft_id, is_locked=True)
    if not may_change(row, actor):
        raise ForbiddenError("the draft belongs to another agency; it changes its own drafts, the city any")
    refuse_state(tx, row, states, zone=city.time_zone, language=language)
    if version != row["version"]:
        what, events = since(tx, row, version, zone=city.time_zone, language=language)
        sentence = message("draft_stale", language, current=row["version"], sent=version, what=what)
        raise ConflictError(sentence, events)
    return row


def _shown(tx: Connection, row: RowMapping, version: int, zone: ZoneInfo, language: str) -> list[dict[str, Any]]:
    events = read_events(tx, row["boundary_draft_id"], after=version)
    return [describe_event(event, zone=zone, language=language) for event in events]


def _sentence(events: list[dict[str, Any]], zone: ZoneInfo, language: str) -> str:
    """Say who did what and when."""
    return few(
        [
            message(
                "draft_said_by",
                language,
                what=event["what"],
                by=event["by"],
                at=clock(datetime.fromisoformat(event["at"]), zone, language),
            )
            for event in events
        ]
    )


def note(
    tx: Connection, draft_id: str, version: int, kind: str, detail: dict[str, Any], *, actor: Actor, now: datetime
) -> None:
    """Append an event of a draft and a row of the audit."""
    tx.execute(
        insert(boundary_draft_event).values(
            boundary_draft_id=draft_id,
            version=version,
            at=now,
            actor=actor.name,
            actor_role=actor.role,
            kind=kind,
            detail=detail,
        )
    )
    slim = dict(detail)
    if "edit" in slim:
        slim["edit"] = {name: value for name, value in slim["edit"].items() if name not in DRAWN}
    tx.execute(
        insert(audit).values(
            at=now,
            actor=actor.name,
            actor_role=actor.role,
            action=f"boundary.{kind}",
            subject=f"boundary_draft:{draft_id}",
            detail={"version": version, **slim},
        )
    )
