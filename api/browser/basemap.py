"""What lies under the incidents: tiles, labels, areas, stations. Kept by the browser until the city changes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import text

from api.browser.person import person
from api.door import door, encode
from api.tiles import LABELS, TileMemory, is_tile
from gis.actors import Actor
from gis.db import transaction
from gis.errors import NotFoundError

router = APIRouter()

Anybody = Annotated[Actor, Depends(person())]

AREAS = text(
    """
SELECT code, name, parent_code, is_approximate,
       ST_AsGeoJSON(ST_SimplifyPreserveTopology(geom, 0.0002), 5)::json AS shape
FROM siaga.admin_area WHERE level = :level ORDER BY code
"""
)
STATIONS = text(
    """
SELECT code, name, agency_code, service_code, accuracy_m, round(ST_X(geom)::numeric, 6)::float8 AS lon,
       round(ST_Y(geom)::numeric, 6)::float8 AS lat
FROM siaga.station WHERE is_active ORDER BY code
"""
)


def _kept(request: Request, body: bytes, version: str, media_type: str, **headers: str) -> Response:
    """Answer with the version as ETag, or 304 when the browser has it."""
    etag = f'"{version}"'
    kept = {"ETag": etag, "Cache-Control": "private, max-age=300", "Vary": "Accept-Encoding", **headers}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=kept)
    return Response(body, headers=kept, media_type=media_type)


def _point(lon: float, lat: float, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": properties}


@router.get("/tiles/{z}/{x}/{y}")
def tile(request: Request, z: int, x: int, y: int, _: Anybody) -> Response:
    """Return one vector tile.

    Raises
    ------
    NotFoundError
        There is no such tile.
    """
    if not is_tile(z, x, y):
        raise NotFoundError("no such tile")
    tiles: TileMemory = request.app.state.tiles
    found = tiles.known(z, x, y)
    if found is None:
        with transaction(door(request).engine) as tx:
            found = tiles.get(tx, z, x, y)
    version, drawn = found
    body, headers = drawn.plain, {}
    if drawn.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = drawn.gzipped, {"Content-Encoding": "gzip"}
    return _kept(request, body, version, "application/vnd.mapbox-vector-tile", **headers)


@router.get("/labels")
def labels(request: Request, _: Anybody) -> Response:
    """Return the names on the map: name, kind, lon, lat, smallest zoom."""
    with transaction(door(request).engine) as tx:
        version = request.app.state.tiles.version(tx)
        body = encode([list(row) for row in tx.execute(LABELS)])
    return _kept(request, body, version, "application/json")


@router.get("/areas")
def areas(
    request: Request, _: Anybody, level: Annotated[Literal["kelurahan", "kecamatan", "water"], Query()] = "kelurahan"
) -> Response:
    """Return the areas of one level, simplified to some 20 m, as GeoJSON."""
    with transaction(door(request).engine) as tx:
        version = request.app.state.tiles.version(tx)
        features = [
            {
                "type": "Feature",
                "geometry": row.shape,
                "properties": {
                    "code": row.code,
                    "name": row.name,
                    "level": level,
                    "parent": row.parent_code,
                    "is_approximate": row.is_approximate,
                },
            }
            for row in tx.execute(AREAS, {"level": level})
        ]
    body = encode({"type": "FeatureCollection", "features": features})
    return _kept(request, body, f"{version}-{level}", "application/geo+json")


@router.get("/stations")
def stations(request: Request, _: Anybody) -> Response:
    """Return the stations as GeoJSON points."""
    with transaction(door(request).engine) as tx:
        version = request.app.state.tiles.version(tx)
        features = [
            _point(
                row.lon,
                row.lat,
                {
                    "code": row.code,
                    "name": row.name,
                    "agency": row.agency_code,
                    "service": row.service_code,
                    "accuracy_m": row.accuracy_m,
                },
            )
            for row in tx.execute(STATIONS)
        ]
    body = encode({"type": "FeatureCollection", "features": features})
    return _kept(request, body, f"{version}-stations", "application/geo+json")
