"""The life of a draft of boundaries: open, proposed, scheduled, or withdrawn.

A draft belongs to one service and is drawn from one boundary commit (`base_set`). Whoever changes it says which version
they saw; an older one is refused with what happened since. Its edits are kept as they were sent, so that they can be
drawn again on newer boundaries (`rebase`). Signing is in `draft_signing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, text

from gis.actors import Actor
from gis.city import CityFacts
from gis.errors import ForbiddenError, ValueRefused
from gis.ids import uuid7
from gis.messages import message
from gis.words import Role
from zones import draft_edits
from zones.draft_effects import effects_at
from zones.draft_form import MAX_NAME, MAX_REASON, Edit, Findings, parse_edit, read_ahead, read_text
from zones.draft_rows import (
    Change,
    changes_between,
    clock,
    describe_event,
    read_areas,
    read_changes,
    read_events,
    with_changes,
    write_changes,
)
from zones.draft_versions import (
    DRAFTERS,
    OPEN,
    PROPOSED,
    WITHDRAWN,
    advance,
    digest_of,
    locked,
    note,
    refuse_base_changed,
)
from zones.layers import Area, Layer, read_layer
from zones.matching import current_set
from zones.tables import agency, boundary_draft, service

Measure = Callable[[Layer, Layer, datetime], dict[str, Any]]

OWN = text(
    "SELECT EXISTS (SELECT FROM siaga.jurisdiction WHERE service_code = :service AND agency_code = :agency"
    " AND (CAST(:jurisdiction AS text) IS NULL OR code = :jurisdiction))"
)
LATEST = text(
    """
SELECT coalesce(v.name, j.name) AS name, max(lower(v.valid)) AS begins,
       max(upper(v.valid)) FILTER (WHERE NOT upper_inf(v.valid)) AS ended
FROM siaga.jurisdiction j JOIN siaga.boundary_version v USING (jurisdiction_id)
WHERE (j.service_code, j.agency_code, j.code) = (:service, :agency, :code) GROUP BY 1
ORDER BY begins DESC LIMIT 1
"""
)


def create(tx: Connection, body: dict[str, Any], *, city: CityFacts, actor: Actor, now: datetime, language: str) -> str:
    """Begin a draft on the newest boundaries and return its id.

    Raises
    ------
    ForbiddenError
        The role may not draft.
    ValueRefused
        With every finding.
    """
    actor.require(*DRAFTERS)
    found = Findings(language)
    title = read_text(body, "title", found, most=MAX_NAME)
    code = read_text(body, "service", found, most=MAX_NAME)
    known = list(tx.execute(select(service.c.service_code).order_by(service.c.service_code)).scalars())
    if code and code not in known:
        found.add("service", "one_of", allowed=", ".join(known))
    elif code and actor.agency is not None:
        own = {"service": code, "agency": actor.agency, "jurisdiction": actor.jurisdiction}
        if not tx.execute(OWN, own).scalar_one():
            found.add("service", "draft_not_service")
    found.settle()
    draft_id = uuid7()
    tx.execute(
        insert(boundary_draft).values(
            boundary_draft_id=draft_id,
            service_code=code,
            agency_code=actor.agency,
            title=title,
            state=OPEN,
            version=1,
            base_set=current_set(tx),
            created_at=now,
            created_by=actor.name,
        )
    )
    note(tx, draft_id, 1, "created", {"title": title, "service": code}, actor=actor, now=now)
    return draft_id


def edit(
    tx: Connection,
    draft_id: str,
    body: dict[str, Any],
    *,
    city: CityFacts,
    actor: Actor,
    now: datetime,
    language: str,
) -> None:
    """Change what a draft proposes; a proposed one is open again and its signatures fall.

    Raises
    ------
    ForbiddenError
        The draft is not the actor's, or the edit names none of its jurisdictions.
    NotFoundError
        There is no such draft.
    ConflictError
        The version is stale, or the draft is scheduled or withdrawn.
    ValueRefused
        With every finding.
    """
    row = locked(tx, draft_id, body, (OPEN, PROPOSED), city=city, actor=actor, language=language)
    asked = parse_edit(body, city=city, language=language)
    base = read_layer(tx, row["service_code"], boundary_set=row["base_set"])
    layer = with_changes(base, read_changes(tx, draft_id))
    names = _require_own(asked, layer, base, actor, language)
    _require_agency(tx, asked, language)
    changed = _applied(tx, asked, base, layer, city=city, agency=actor.agency or row["agency_code"], language=language)
    write_changes(tx, draft_id, changes_between(base, changed))
    _, area_names = read_areas(tx, asked.values.get("areas", []))
    kept = {"kind": asked.kind, **asked.values}
    agency_code = actor.agency or row["agency_code"]
    detail = {"edit": kept, "names": {**names, **area_names}, "agency": agency_code}
    advance(tx, row, "edited", detail, actor=actor, now=now, **_OPENED)


def propose(
    tx: Connection,
    draft_id: str,
    body: dict[str, Any],
    *,
    city: CityFacts,
    actor: Actor,
    now: datetime,
    language: str,
    measure: Measure | None = None,
) -> None:
    """Put a draft before its sides: moment and content are fixed, and named by a digest.

    Parameters
    ----------
    measure
        Gives the impact that is kept with the proposal, from the layers without and with the draft and the moment.

    Raises
    ------
    ForbiddenError
        The draft is not the actor's.
    NotFoundError
        There is no such draft.
    ConflictError
        The version is stale, the draft is scheduled or withdrawn, or others changed what it touches.
    ValueRefused
        The moment, overlaps, gaps without a reason, ground far outside: every finding.
    """
    row = locked(tx, draft_id, body, (OPEN, PROPOSED), city=city, actor=actor, language=language)
    found = Findings(language)
    at = read_ahead(body, "effective_from", found, now=now)
    reason = read_text(body, "reason", found, most=MAX_REASON)
    gap_reason = read_text(body, "gap_reason", found, most=MAX_REASON, is_needed=False)
    changes = read_changes(tx, draft_id)
    if not changes:
        found.add("changes", "draft_empty")
    found.settle()
    refuse_base_changed(tx, row, zone=city.time_zone, language=language)
    _refuse_earlier(tx, row, changes, at, found, city)
    newest = current_set(tx)
    effects = effects_at(tx, row["service_code"], changes, city=city, at=at, boundary_set=newest)
    found.listed += effects.findings(language, is_gap_fine=bool(gap_reason))
    if not effects.sides:
        found.add("changes", "draft_empty")
    found.settle()
    n = row["n_proposals"] + 1
    checks = effects.report(at=at, boundary_set=newest) | {"sides": effects.sides}
    digest = digest_of(row, changes, n=n, at=at, reason=reason, gap_reason=gap_reason)
    impact = measure(effects.before, effects.after, at) if measure else None
    detail = {"effective_from": at.isoformat(), "reason": reason, "gap_reason": gap_reason, "digest": digest}
    advance(
        tx,
        row,
        "proposed",
        detail,
        actor=actor,
        now=now,
        state=PROPOSED,
        n_proposals=n,
        effective_from=at,
        reason=reason,
        gap_reason=gap_reason,
        digest=digest,
        checks=checks,
        impact=impact,
    )


def withdraw(
    tx: Connection, draft_id: str, body: dict[str, Any], *, city: CityFacts, actor: Actor, now: datetime, language: str
) -> None:
    """Give a draft up; what is scheduled is changed by a new draft, not taken back.

    Raises
    ------
    ForbiddenError, NotFoundError, ConflictError, ValueRefused
        As `edit`.
    """
    row = locked(tx, draft_id, body, (OPEN, PROPOSED), city=city, actor=actor, language=language)
    found = Findings(language)
    reason = read_text(body, "reason", found, most=MAX_REASON)
    found.settle()
    advance(tx, row, "withdrawn", {"reason": reason}, actor=actor, now=now, state=WITHDRAWN)


def rebase(
    tx: Connection, draft_id: str, body: dict[str, Any], *, city: CityFacts, actor: Actor, now: datetime, language: str
) -> list[dict[str, Any]]:
    """Draw a draft's edits again, in order, on the newest boundaries; the draft is open again.

    Returns
    -------
    list
        Edits that no longer fit, each with `what` it was and `reason`; they are dropped for good.

    Raises
    ------
    ForbiddenError, NotFoundError, ConflictError
        As `edit`.
    """
    row = locked(tx, draft_id, body, (OPEN, PROPOSED), city=city, actor=actor, language=language)
    newest = current_set(tx)
    base = read_layer(tx, row["service_code"], boundary_set=newest)
    layer: dict[str, Area] = dict(base)
    events = read_events(tx, draft_id)
    gone = {version for event in events if event["kind"] == "rebased" for version in event["detail"]["dropped"]}
    dropped = []
    for event in events:
        if event["kind"] != "edited" or event["version"] in gone:
            continue
        try:
            again = parse_edit(event["detail"]["edit"], city=city, language=language)
            layer = _applied(tx, again, base, layer, city=city, agency=event["detail"].get("agency"), language=language)
        except ValueRefused as refusal:
            shown = describe_event(event, zone=city.time_zone, language=language)
            reasons = "; ".join(finding.reason for finding in refusal.findings)
            dropped.append({"version": event["version"], "what": shown["what"], "reason": reasons})
    write_changes(tx, draft_id, changes_between(base, layer))
    detail = {"base_set": newest, "dropped": [item["version"] for item in dropped]}
    advance(tx, row, "rebased", detail, actor=actor, now=now, base_set=newest, **_OPENED)
    return dropped


_OPENED: dict[str, Any] = {
    "state": OPEN,
    "effective_from": None,
    "reason": "",
    "gap_reason": "",
    "digest": None,
    "checks": None,
    "impact": None,
}


def _applied(
    tx: Connection,
    asked: Edit,
    base: Layer,
    layer: Layer,
    *,
    city: CityFacts,
    agency: str | None,
    language: str,
) -> dict[str, Area]:
    if asked.kind == "restore":
        return _restored(asked, base, layer, language)
    shapes, _ = read_areas(tx, asked.values.get("areas", []))
    return draft_edits.apply(layer, asked, areas=shapes, srid=city.metric_srid, language=language, agency=agency)


def _restored(asked: Edit, base: Layer, layer: Layer, language: str) -> dict[str, Area]:
    """Return the layer with one jurisdiction, or all, as the base has it."""
    name = asked.values.get("jurisdiction")
    if not name:
        return dict(base)
    changed = {change.area.key for change in changes_between(base, layer)}
    key = draft_edits.resolve({**layer, **base}, name, member="jurisdiction", language=language).key
    if key not in changed:
        raise ValueRefused.of("jurisdiction", message("draft_not_changed", language), value=name)
    found = {other: area for other, area in layer.items() if other != key}
    return dict(sorted((found | ({key: base[key]} if key in base else {})).items()))


def _require_own(asked: Edit, layer: Layer, base: Layer, actor: Actor, language: str) -> dict[str, str]:
    """Let an agency edit only where its own jurisdictions are named; return the names of those the edit names."""
    named = {}
    for member in ("jurisdiction", "from", "to"):
        if asked.values.get(member):
            both = {**base, **layer} if asked.kind == "restore" else layer
            named[asked.values[member]] = draft_edits.resolve(
                both, asked.values[member], member=member, language=language
            )
    if actor.role == Role.AGENCY:
        own = [
            area for area in named.values() if area.agency == actor.agency and actor.jurisdiction in (None, area.code)
        ]
        makes_own = "new" in asked.values and asked.values["new"].get("agency") in (None, actor.agency)
        is_whole = actor.jurisdiction is None and (makes_own or asked.kind == "restore")
        if not own and not is_whole:
            raise ForbiddenError("an agency edits where a jurisdiction of its own is named")
    return {name: area.name for name, area in named.items()}


def _require_agency(tx: Connection, asked: Edit, language: str) -> None:
    wanted = asked.values.get("new", {}).get("agency")
    if wanted and tx.execute(select(agency.c.agency_code).where(agency.c.agency_code == wanted)).first() is None:
        raise ValueRefused.of("new.agency", message("draft_unknown", language), value=wanted)


def _refuse_earlier(
    tx: Connection, row: RowMapping, changes: Sequence[Change], at: datetime, found: Findings, city: CityFacts
) -> None:
    """Find versions that begin, or ended, at the draft's moment or later: ends are set once and in order."""
    for change in changes:
        values = {"service": row["service_code"], "agency": change.area.agency, "code": change.area.code}
        latest = tx.execute(LATEST, values).one_or_none()
        if latest is None:
            continue
        if latest.begins >= at or (latest.ended is not None and latest.ended > at):
            moment = max(moment for moment in (latest.begins, latest.ended) if moment is not None)
            shown = clock(moment, city.time_zone, found.language)
            found.add("effective_from", "draft_after", name=latest.name, at=shown)
