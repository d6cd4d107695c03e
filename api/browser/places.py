"""The search box: coordinates as pasted, names of the gazetteer, names of areas."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection, text

from api.browser.person import person
from api.coordinates import read_coordinates
from api.door import door, reply
from gis.actors import Actor
from gis.city import CityFacts
from gis.db import transaction
from gis.places import EXACT, RESEMBLES, Place, by_fit, find_place, key_of, phrases

router = APIRouter()

MOST = 8
PASTED_ACCURACY_M = 10.0

# A point inside, and the radius of a circle of the same area: how far off the point may be.
AREAS = text(
    """
SELECT name, level AS kind, ST_X(p) AS lon, ST_Y(p) AS lat, radius_m, score FROM (
  SELECT name, level, ST_PointOnSurface(geom) AS p, sqrt(ST_Area(geom_m) / pi()) AS radius_m,
         greatest(similarity(lower(name), :q), word_similarity(:q, lower(level || ' ' || name))) AS score
  FROM siaga.admin_area) a
WHERE score >= 0.45 ORDER BY score DESC, name LIMIT :limit
"""
)


def search_places(tx: Connection, sought: str, city: CityFacts, *, limit: int = MOST) -> list[dict[str, Any]]:
    """Return what `sought` may mean, best first; empty for blanks."""
    point = read_coordinates(sought, city.holds)
    if point is not None:
        lon, lat = point
        name = f"{lat:.6f}, {lon:.6f}"
        here = {"name": name, "kind": "coordinates", "lon": lon, "lat": lat, "accuracy_m": PASTED_ACCURACY_M}
        return [{**here, "score": 1.0}]
    areas = find_areas(tx, sought, limit=limit)
    # The gazetteer names areas too; their polygons know better where they are.
    drawn = {key_of(f"{area.kind} {area.name.removeprefix(area.kind.title())}") for area in areas}
    places = [place for place in find_place(tx, sought, limit=limit) if key_of(place.name) not in drawn]
    return [
        {
            "name": place.name,
            "kind": place.kind,
            "lon": round(place.lon, 6),
            "lat": round(place.lat, 6),
            "accuracy_m": round(place.accuracy_m),
            "score": round(place.score, 3),
        }
        for place in sorted([*places, *areas], key=by_fit)[:limit]
    ]


def find_areas(tx: Connection, sought: str, *, limit: int) -> list[Place]:
    """Return administrative areas whose name resembles `sought`, as places."""
    best: dict[tuple[str, str], Place] = {}
    for phrase, worth in phrases(sought).items():
        for row in tx.execute(AREAS, {"q": phrase, "limit": limit}):
            is_exact = key_of(phrase) in (key_of(row.name), key_of(f"{row.kind} {row.name}"))
            score = (EXACT if is_exact else min(float(row.score), RESEMBLES)) * worth
            found = Place(name=row.name, kind=row.kind, lon=row.lon, lat=row.lat, accuracy_m=row.radius_m, score=score)
            known = best.get((row.name, row.kind))
            if known is None or known.score < score:
                best[row.name, row.kind] = found
    return list(best.values())


@router.get("/places")
def places(
    request: Request,
    _: Annotated[Actor, Depends(person())],
    q: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Return places by name, alias, area or pasted coordinates."""
    here = door(request)
    with transaction(here.engine) as tx:
        return reply({"places": search_places(tx, q, here.context.current(tx).snapshot.city)})
