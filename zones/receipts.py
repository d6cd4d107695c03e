"""Receipts: what was decided for one service at one point, from what, and the same again when asked later.

The digest is the SHA-256 of canonical JSON over the inputs, the boundary commit, the digests of all versions looked
at, the winners, shares to 3 decimals and metres to 0.1, so that it says nothing of presentation.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from gis.city import CityFacts
from gis.errors import NotFoundError
from zones.matching import Candidate, PointMatch, match_point
from zones.tables import receipt as receipt_table

FORMAT = 1


def make_body(
    match: PointMatch, service: str, *, rule: str | None, appointed: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the receipt's body for one service of a match.

    Parameters
    ----------
    rule
        Code of the SOP rule that asked for the service; `None` for a question without an incident.
    appointed
        Who was appointed by hand, whatever the boundaries say: part of what the digest seals.
    """
    winners = match.winners[service]
    return {
        "format": FORMAT,
        "inputs": {
            "lon": match.lon,
            "lat": match.lat,
            "accuracy_m": match.accuracy_m,
            "service": service,
            "at": match.at.isoformat(),
            "rule": rule,
        },
        "boundary_set": match.boundary_set,
        "in_service_area": match.is_in_service_area,
        "candidates": [_candidate(c, why_lost=None) for c in winners]
        + [_candidate(c, why_lost=why_lost(c, winners)) for c in match.others[service]],
        **({"appointed": appointed} if appointed else {}),
    }


def why_lost(candidate: Candidate, winners: tuple[Candidate, ...]) -> str:
    """Say in one word why a runner-up lost: `outside`, `priority`, `share` or `code`."""
    if candidate.share is not None:
        return "share"
    if not candidate.covers:
        return "outside"
    if winners and candidate.priority != winners[0].priority:
        return "priority"
    return "code"


def _candidate(c: Candidate, *, why_lost: str | None) -> dict[str, Any]:
    return {
        "jurisdiction": c.code,
        "jurisdiction_id": c.jurisdiction_id,
        "name": c.name,
        "agency": c.agency,
        "boundary_version_id": c.boundary_version_id,
        "version": c.version,
        "valid_from": c.valid_from.isoformat(),
        "priority": c.priority,
        "digest": c.digest,
        "covers": c.covers,
        "share": None if c.share is None else round(c.share, 3),
        "border_m": None if c.border_m is None else round(c.border_m, 1),
        "match": c.match,
        "lost": why_lost,
    }


def digest(body: dict[str, Any]) -> str:
    """Return the receipt's digest: 64 hexadecimal characters."""
    essence = {
        "inputs": body["inputs"],
        "boundary_set": body["boundary_set"],
        "in_service_area": body["in_service_area"],
        "versions": sorted(f"{c['boundary_version_id']}:{c['digest']}" for c in body["candidates"]),
        "winners": [
            {name: c[name] for name in ("jurisdiction", "agency", "match", "share", "border_m")}
            for c in body["candidates"]
            if c["lost"] is None
        ],
        **({"appointed": body["appointed"]} if "appointed" in body else {}),
    }
    canonical = json.dumps(essence, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def replay(tx: Connection, receipt_id: str, *, city: CityFacts) -> dict[str, Any]:
    """Decide again what a receipt decided, from the boundaries as that moment's commit saw them.

    Returns
    -------
    dict
        `receipt_id`, `same` (bool), `digest` and `replayed_digest`, `boundary_set`, `current_boundary_set`, and
        `changed`: what differs, one entry per candidate (empty when `same`).

    Raises
    ------
    NotFoundError
        No such receipt.
    """
    row = tx.execute(select(receipt_table).where(receipt_table.c.receipt_id == receipt_id)).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"receipt {receipt_id}: not found")
    body: dict[str, Any] = row["body"]
    inputs = body["inputs"]
    match = match_point(
        tx,
        inputs["lon"],
        inputs["lat"],
        city=city,
        services=[inputs["service"]],
        at=datetime.fromisoformat(inputs["at"]),
        accuracy_m=inputs["accuracy_m"],
        boundary_set=body["boundary_set"],
    )
    again = make_body(match, inputs["service"], rule=inputs["rule"], appointed=body.get("appointed"))
    replayed = digest(again)
    return {
        "receipt_id": receipt_id,
        "same": replayed == row["digest"] and digest(body) == row["digest"],
        "digest": row["digest"],
        "replayed_digest": replayed,
        "boundary_set": body["boundary_set"],
        "changed": [] if replayed == row["digest"] else differences(body, again),
    }


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """List the candidates that differ between two bodies of one question."""
    before = {c["boundary_version_id"]: c for c in old["candidates"]}
    after = {c["boundary_version_id"]: c for c in new["candidates"]}
    changed = []
    for version_id in sorted(before.keys() | after.keys()):
        then, now = before.get(version_id), after.get(version_id)
        if then != now:
            known = then or now or {}
            changed.append(
                {
                    "jurisdiction": known["jurisdiction"],
                    "version": known["version"],
                    "then": then and {name: then[name] for name in ("match", "share", "border_m", "digest")},
                    "now": now and {name: now[name] for name in ("match", "share", "border_m", "digest")},
                }
            )
    return changed
