"""The search box: coordinates as pasted, names of the gazetteer, names of areas."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection, text

from api.browser.person import person
from api.coordinates import read_coordinates
from api.door import door, reply
from gis.actors import Actor
from gis.city import CityFacts
from gis.db import transaction
from gis.places import find_place

router = APIRouter()

MOST = 8
PASTED_ACCURACY_M = 10.0

# Words that say how the caller stands to the place; the place is what is looked for.
BESIDE = re.compile(
    r"^(di\s+)?(depan|dekat|samping|sebelah|belakang|seberang|sekitar|near|behind|opposite)\s+(dari\s+)?", re.I
)

# A point inside, and the radius of a circle of the same area: how far off the point may be.
AREAS = text(
    """
SELECT name, level AS kind, ST_X(p) AS lon, ST_Y(p) AS lat, radius_m, score FROM (
  SELECT name, level, ST_PointOnSurface(geom) AS p, sqrt(ST_Area(geom_m) / pi()) AS radius_m,
         greatest(similarity(lower(name), :q), word_similarity(:q, lower(name))) AS score
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
    wanted = " ".join(BESIDE.sub("", sought.strip()).lower().split())
    if not wanted:
        return []
    found = [
        {
            "name": place.name,
            "kind": place.kind,
            "lon": round(place.lon, 6),
            "lat": round(place.lat, 6),
            "accuracy_m": place.accuracy_m,
            "score": round(place.score, 3),
        }
        for place in find_place(tx, wanted, limit=limit)
    ]
    seen = {(place["name"], place["kind"]) for place in found}
    found += [
        {
            "name": row.name,
            "kind": row.kind,
            "lon": round(row.lon, 6),
            "lat": round(row.lat, 6),
            "accuracy_m": round(row.radius_m),
            "score": round(float(row.score), 3),
        }
        for row in tx.execute(AREAS, {"q": wanted, "limit": limit})
        if (row.name, row.kind) not in seen
    ]
    return sorted(found, key=lambda place: (-place["score"], place["name"]))[:limit]


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
