"""The gazetteer: names people say, found with typing errors, as points with an accuracy."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

SEARCH = text(
    """
SELECT name, kind, ST_X(geom) AS lon, ST_Y(geom) AS lat, accuracy_m,
       greatest(similarity(search, q), word_similarity(q, search)) AS score
FROM siaga.place, (SELECT lower(CAST(:q AS text)) AS q) s
WHERE search % q OR q <% search OR search LIKE '%' || replace(replace(q, '%', ''), '_', '') || '%'
ORDER BY (search = q) DESC, score DESC, length(name), name LIMIT :limit
"""
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A named place; `score` (0–1) says how well its name fits what was asked."""

    name: str
    kind: str
    lon: float
    lat: float
    accuracy_m: float
    score: float


def find_place(tx: Connection, query: str, *, limit: int = 8) -> list[Place]:
    """Return places whose name or alias resembles `query`, best first; empty for a blank query."""
    wanted = " ".join(query.lower().split())
    if not wanted:
        return []
    rows = tx.execute(SEARCH, {"q": wanted, "limit": limit})
    return [
        Place(name=r.name, kind=r.kind, lon=r.lon, lat=r.lat, accuracy_m=r.accuracy_m, score=float(r.score))
        for r in rows
    ]
