"""The gazetteer: names people say, found with typing errors, as points with an accuracy.

Callers say how they stand to a place ("depan Lippo", "simpang Wua-Wua arah THR"); `phrases` leaves the place itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text

# Trigrams find the candidates, through their index; what fits best is decided in Python, name by name.
SEARCH = text(
    """
SELECT name, kind, search, ST_X(geom) AS lon, ST_Y(geom) AS lat, accuracy_m,
       max(greatest(similarity(search, q), word_similarity(q, search))) AS score
FROM unnest(CAST(:q AS text[])) AS q
JOIN siaga.place ON search % q OR q <% search OR search LIKE '%' || replace(replace(q, '%', ''), '_', '') || '%'
GROUP BY place_id ORDER BY score DESC, length(name), name LIMIT 60
"""
)

# A name said whole scores 1; one that only holds the words, or resembles them, stays below.
EXACT, RESEMBLES = 1.0, 0.97
# Either side of a word of relation says less than the whole; what follows a comma is mostly the part of the city.
SIDE, AFTER_COMMA = 0.95, 0.85

RELATION = (
    r"(?:di\s+|pas\s+)?(?:depan|dekat|samping|sebelah|belakang|seberang|sekitar|sebelum|setelah|sesudah"
    r"|in\s+front\s+of|next\s+to|near|behind|opposite|beside|before|after)(?:\s+(?:dari|dengan))?"
)
LEADING = re.compile(rf"^(?:(?:{RELATION}|di|arah|menuju|at|towards?)\s+)+", re.I)
BETWEEN = re.compile(rf"\s+{RELATION}\s+|\s*(?P<comma>[,;])\s*", re.I)
DIRECTION = re.compile(r"\s+(?:ke\s+)?(?:arah|menuju|towards?)\s.*$", re.I)

SAME_WORD = {
    "jl": "jalan",
    "jln": "jalan",
    "lr": "lorong",
    "lrg": "lorong",
    "kel": "kelurahan",
    "kec": "kecamatan",
    "perempatan": "simpang",
    "pertigaan": "simpang",
    "persimpangan": "simpang",
}

# Of names that fit alike, what people orient themselves by comes first; kinds not named here come last.
KINDS = (
    ("intersection", "roundabout"),
    ("landmark", "bridge"),
    ("kelurahan",),
    ("kecamatan",),
    ("market", "mall", "hospital", "university", "harbour", "airport", "recreation"),
    ("street", "river", "water"),
)
STANDING = {kind: position for position, kinds in enumerate(KINDS) for kind in kinds}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A named place; `score` (0–1) says how well its name fits what was asked."""

    name: str
    kind: str
    lon: float
    lat: float
    accuracy_m: float
    score: float


def phrases(said: str) -> dict[str, float]:
    """Return what in `said` may be a place's name, each with what a match of it is worth (0–1); best first.

    Words of relation at the start and directions at the end go; "simpang" and "lorong" stay, they are part of names.
    Empty for a blank text.
    """
    whole = " ".join(said.lower().split())
    whole = LEADING.sub("", DIRECTION.sub("", whole)).strip(" ,;") or whole
    found = {whole: 1.0} if whole else {}
    cut = BETWEEN.search(whole)
    if cut is not None:
        second = AFTER_COMMA if cut["comma"] else SIDE
        for part, worth in ((whole[: cut.start()], SIDE), (LEADING.sub("", whole[cut.end() :]), second)):
            if len(part) > 1:
                found.setdefault(part, worth)
    return found


def key_of(name: str) -> str:
    """Return a name without blanks, hyphens and dots and with its abbreviations written out, for comparing."""
    return "".join(SAME_WORD.get(word, word) for word in re.findall(r"[^\W_]+", name.lower()))


def by_fit(place: Place) -> tuple[float, int, float, int, str]:
    """Return the key by which places are sorted: best name, then best-known kind, then surest point."""
    rank = STANDING.get(place.kind, len(KINDS))
    return -round(place.score, 2), rank, place.accuracy_m, len(place.name), place.name


def find_place(tx: Connection, query: str, *, limit: int = 8) -> list[Place]:
    """Return places whose name or alias resembles `query`, best first (`by_fit`); empty for a blank query."""
    best: dict[tuple[str, str, float, float], Place] = {}
    for phrase, worth in phrases(query).items():
        key = key_of(phrase)
        written_out = " ".join(SAME_WORD.get(word, word) for word in phrase.split())
        for row in tx.execute(SEARCH, {"q": list({phrase, written_out})}):
            is_exact = bool(key) and any(key_of(name) == key for name in row.search.split("\n"))
            place = Place(
                name=row.name,
                kind=row.kind,
                lon=row.lon,
                lat=row.lat,
                accuracy_m=row.accuracy_m,
                score=(EXACT if is_exact else min(float(row.score), RESEMBLES)) * worth,
            )
            identity = (place.name, place.kind, place.lon, place.lat)
            if identity not in best or best[identity].score < place.score:
                best[identity] = place
    return sorted(best.values(), key=by_fit)[:limit]
