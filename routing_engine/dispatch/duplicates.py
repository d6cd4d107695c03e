"""Open incidents that may be the same event. Shown to a person, who attaches or not; nothing merges by itself."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from routing_engine.dispatch.context import IncidentType, Snapshot

SHOWN_SCORE = 0.4
MOST = 5
# Affinity of two types: the same, the same family, any other.
SAME_TYPE, SAME_FAMILY, OTHER = 1.0, 0.75, 0.35

CANDIDATES = text(
    """
SELECT i.incident_id, i.number, i.type_code, i.accuracy_m, i.description, i.location_text,
       ST_DistanceSphere(i.geom, p.pt) AS distance_m,
       greatest(extract(epoch FROM CAST(:now AS timestamptz) - i.received_at), 0) AS age_s,
       :phone <> '' AND private.has_called(i.incident_id, :phone) AS same_phone
FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS pt) p
JOIN siaga.incident i ON i.geom && ST_Expand(p.pt, :reach_lon, :reach_lat)
WHERE i.status NOT IN ('closed', 'cancelled', 'unfounded', 'merged', 'handed_off')
  AND i.origin = :origin AND i.received_at + make_interval(mins => :minutes) > CAST(:now AS timestamptz)
  AND ST_DistanceSphere(i.geom, p.pt) < :radius_m + i.accuracy_m
ORDER BY distance_m LIMIT 40
"""
).execution_options(prepared=True)


@dataclass(frozen=True, kw_only=True)
class PossibleDuplicate:
    """An open incident near in place, time and kind; `score` is 0–1."""

    incident_id: str
    number: str
    distance_m: float
    age_s: float
    score: float

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of the contract."""
        return vars(self) | {
            "distance_m": round(self.distance_m, 1),
            "age_s": round(self.age_s, 1),
            "score": round(self.score, 2),
        }


def words_of(*texts: str) -> frozenset[str]:
    """Return the words that may tell two events apart: four letters or more."""
    return frozenset(re.findall(r"[^\W\d_]{4,}", " ".join(texts).lower()))


def find(
    tx: Connection,
    snapshot: Snapshot,
    *,
    lon: float,
    lat: float,
    accuracy_m: float,
    kind: IncidentType,
    said: str,
    phone: str,
    origin: str,
    now: datetime,
) -> list[PossibleDuplicate]:
    """Score the open incidents nearby, best first.

    Notes
    -----
    score = affinity × (0.6 nearness + 0.4 recency) + 0.25 (same phone) + 0.15 × share of common words, at most 1.
    Nearness falls from 1 at the same place to 0 at the sum of both accuracies and the type's radius; recency from 1 to
    0 over the type's minutes. The weights are a proposal until labelled pairs of the city allow a calibration.
    """
    reach_m = kind.duplicate_radius_m + accuracy_m + 1000.0
    rows = tx.execute(
        CANDIDATES,
        {
            "lon": lon,
            "lat": lat,
            "reach_lon": reach_m / (110_500 * max(0.01, math.cos(math.radians(lat)))),
            "reach_lat": reach_m / 110_500,
            "radius_m": accuracy_m + kind.duplicate_radius_m,
            "now": now,
            "minutes": int(kind.duplicate_minutes),
            "phone": phone,
            "origin": origin,
        },
    )
    mine = words_of(said)
    found = []
    for row in rows:
        other = snapshot.types[row.type_code]
        radius = accuracy_m + row.accuracy_m + kind.duplicate_radius_m
        nearness = max(0.0, 1 - row.distance_m / radius)
        recency = max(0.0, 1 - float(row.age_s) / (kind.duplicate_minutes * 60))
        if not nearness:
            continue
        affinity = SAME_FAMILY if other.family == kind.family else OTHER
        if other.code == kind.code:
            affinity = SAME_TYPE
        theirs = words_of(row.description, row.location_text)
        common = len(mine & theirs) / len(mine | theirs) if mine | theirs else 0.0
        score = min(1.0, affinity * (0.6 * nearness + 0.4 * recency) + 0.25 * row.same_phone + 0.15 * common)
        if score >= SHOWN_SCORE:
            found.append(
                PossibleDuplicate(
                    incident_id=row.incident_id,
                    number=row.number,
                    distance_m=row.distance_m,
                    age_s=float(row.age_s),
                    score=score,
                )
            )
    return sorted(found, key=lambda item: (-item.score, item.distance_m, item.number))[:MOST]
