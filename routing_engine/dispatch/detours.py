"""Nearer in a straight line, later by road: which station that is, and why, in one sentence."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from gis.messages import message
from routing_engine.dispatch.context import Snapshot
from routing_engine.dispatch.stations import RankedStation
from routing_engine.dispatch.travel import drive_from

# The named water that most of the straight line lies over.
ACROSS = text(
    """
SELECT name FROM (
  SELECT name, ST_Length(ST_Intersection(geom, line)) AS length
  FROM siaga.admin_area, ST_SetSRID(ST_MakeLine(ST_MakePoint(:lon, :lat), ST_MakePoint(:to_lon, :to_lat)), 4326) AS line
  WHERE level = 'water' AND ST_Intersects(geom, line)) crossed
WHERE length > 0 ORDER BY length DESC, name LIMIT 1
"""
)


def detour(
    tx: Connection,
    snapshot: Snapshot,
    lonlat: tuple[float, float],
    *,
    service: str,
    hour: int,
    language: str,
    agency: str | None = None,
    jurisdiction_code: str | None = None,
) -> dict[str, Any] | None:
    """Say why the nearest station in a straight line is not the first to arrive.

    Parameters
    ----------
    lonlat
        EPSG:4326 degrees.
    service, agency, jurisdiction_code, hour
        As for `StationIndex.nearest`.

    Returns
    -------
    dict or None
        `station` (as `RankedStation.as_dict`), `across` (name of the water between), `bridge_m` (of its drive; `None`
        without one) and `why`, one sentence. `None` when the same station is the nearest either way.
    """
    ranked = snapshot.stations.nearest(
        lonlat,
        service=service,
        agency=agency,
        jurisdiction_code=jurisdiction_code,
        limit=len(snapshot.stations.codes),
        hour=hour,
    )
    if not ranked or ranked[0].straight_line_rank == 1:
        return None
    other = next(one for one in ranked if one.straight_line_rank == 1)
    ends = {"lon": lonlat[0], "lat": lonlat[1], "to_lon": other.lon, "to_lat": other.lat}
    across = tx.execute(ACROSS, ends).scalar_one_or_none()
    drive = drive_from(snapshot.stations, other.code, lonlat, hour=hour)
    bridge_m = None
    if drive is not None:
        bridge_m = round(float(drive.edge_m[drive.graph.edge_is_bridge[drive.edge]].sum()), 1)
    return {
        "station": other.as_dict(),
        "across": across,
        "bridge_m": bridge_m,
        "why": _why(other, across, bool(bridge_m), language),
    }


def _why(other: RankedStation, across: str | None, has_bridge: bool, language: str) -> str:
    straight = _kilometres(other.straight_line_m, language)
    if across is not None:
        straight = message("straight_across", language, distance=straight, water=across)
    if other.travel_time_s is None:
        return message("detour_none", language, name=other.name, straight=straight)
    key = "detour_bridge" if has_bridge else "detour_road"
    return message(
        key,
        language,
        name=other.name,
        straight=straight,
        minutes=max(1, round(other.travel_time_s / 60)),
        distance=_kilometres(other.distance_m or 0.0, language),
    )


def _kilometres(metres: float, language: str) -> str:
    said = f"{metres / 1000:.1f} km" if metres >= 1000 else f"{metres:.0f} m"
    return said if language == "en" else said.replace(".", ",")
