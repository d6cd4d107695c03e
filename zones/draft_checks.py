"""What a draft does to the ground: who gains and loses, what overlaps, what nobody holds any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from zones.exact_shapes import LEAST_M2, is_narrow, without_specks
from zones.layers import Area, Layer, area_m2, is_same, polygons

# Ground gained farther from the service area is a slip: police areas do cross the city line, but not the province.
MARGIN_M = 10_000.0
# A piece that is cut off and nowhere wider is hardly meant.
SLIVER_M = 50.0
# What is listed and drawn of each kind at most; the sums count all.
LISTED = 200


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What changes for one jurisdiction, in ground that counts (what a higher priority covers is not counted), m².

    `why` is what makes it a side of the draft: `begins`, `ends`, `ground`, `priority`, `name`; `None` when only
    vertices were added to its border.
    """

    before: Area | None
    after: Area | None
    gained_m2: float
    lost_m2: float
    area_before_m2: float
    area_m2: float
    why: str | None

    @property
    def area(self) -> Area:
        """Return the jurisdiction as it becomes; as it was, when it ends."""
        return self.after or self.before  # type: ignore[return-value]  # one of the two is there


def differences(before: Layer, after: Layer, srid: int) -> dict[str, Difference]:
    """Compare two layers of a service.

    Returns
    -------
    dict
        By key, in order: every jurisdiction that is not the same, and those whose ground another's priority changes.
    """
    differing = [key for key in sorted(before.keys() | after.keys()) if not is_same(before.get(key), after.get(key))]
    moved = [key for key in differing if _moves(before.get(key), after.get(key))]
    zone = shapely.union_all([shapely.box(*a.shape.bounds) for key in moved for a in _both(before, after, key)])
    reached = [
        key
        for key in sorted(before.keys() | after.keys())
        if key in differing or any(not a.is_citywide and a.shape.intersects(zone) for a in _both(before, after, key))
    ]
    was, becomes = _counting(before, reached), _counting(after, reached)
    found = {}
    for key in reached:
        one, two = was.get(key, shapely.MultiPolygon()), becomes.get(key, shapely.MultiPolygon())
        if key not in differing and one.equals_exact(two, 0):
            continue
        gained, lost, old, new = area_m2(
            [without_specks(shapely.difference(two, one)), without_specks(shapely.difference(one, two)), one, two], srid
        )
        why = _why(before.get(key), after.get(key), float(gained), float(lost))
        if key in differing or why is not None:
            found[key] = Difference(
                before=before.get(key),
                after=after.get(key),
                gained_m2=round(float(gained), 2),
                lost_m2=round(float(lost), 2),
                area_before_m2=round(float(old), 2),
                area_m2=round(float(new), 2),
                why=why,
            )
    return found


def created_overlaps(before: Layer, after: Layer, srid: int) -> list[dict[str, Any]]:
    """List what two jurisdictions of one priority both hold after a change and did not before, largest first."""
    moved = {key for key in after if not is_same(before.get(key), after[key])}
    areas = [area for area in after.values() if not area.is_citywide]
    if not areas:
        return []
    tree = shapely.STRtree([area.shape for area in areas])
    pairs, pieces = [], []
    for i, one in enumerate(areas):
        if one.key not in moved:
            continue
        for at in np.sort(tree.query(one.shape, predicate="intersects")):
            two = areas[at]
            if at == i or two.priority != one.priority or (two.key in moved and at < i):
                continue
            piece = shapely.intersection(one.shape, two.shape)
            old = [before.get(one.key), before.get(two.key)]
            if all(area is not None and area.priority == one.priority for area in old):
                piece = shapely.difference(piece, shapely.intersection(old[0].shape, old[1].shape))  # type: ignore[union-attr]
            pairs.append(sorted((one.key, two.key)))
            pieces.append(without_specks(piece))
    return [
        {"jurisdictions": pair, **item}
        for pair, item in zip(pairs, _listed(pieces, srid), strict=True)
        if item["area_m2"] > LEAST_M2
    ][:LISTED]


def created_gaps(before: Layer, after: Layer, srid: int) -> list[dict[str, Any]]:
    """List ground that somebody held before a change and nobody after it, largest first."""
    lost = [
        shapely.difference(area.shape, after[key].shape) if key in after else area.shape
        for key, area in before.items()
        if not area.is_citywide and not is_same(area, after.get(key))
    ]
    ground = shapely.union_all(lost)
    for area in after.values():
        if not area.is_citywide and area.shape.intersects(ground):
            ground = shapely.difference(ground, area.shape)
    parts = list(shapely.get_parts(without_specks(ground)))
    found = sorted(_listed(parts, srid), key=lambda item: -item["area_m2"])
    return [item for item in found if item["area_m2"] > LEAST_M2][:LISTED]


def created_slivers(before: Layer, after: Layer, srid: int) -> list[dict[str, Any]]:
    """List small pieces of a jurisdiction that a change cuts off from the rest of it: two outlines that differ."""
    found = []
    for key, area in after.items():
        if is_same(before.get(key), area):
            continue
        old = {part.normalize().wkb for part in shapely.get_parts(before[key].shape)} if key in before else set()
        parts = list(shapely.get_parts(area.shape))
        news = [part for part in parts if part.normalize().wkb not in old] if len(parts) > 1 else []
        news = [part for part in news if is_narrow(part, srid, SLIVER_M)]
        found += [{"jurisdiction": key, **item} for item in _listed(news, srid)]
    return sorted(found, key=lambda item: -item["area_m2"])[:LISTED]


def gained_outside(before: Layer, after: Layer, service_area: BaseGeometry | None, srid: int) -> list[dict[str, Any]]:
    """List ground gained farther than `MARGIN_M` from the service area; nothing where the city has none."""
    if service_area is None:
        return []
    found = []
    near = None
    for key, area in after.items():
        if area.is_citywide or is_same(before.get(key), area):
            continue
        gained = shapely.difference(area.shape, before[key].shape) if key in before else area.shape
        if service_area.covers(gained):
            continue
        near = near or _widened(service_area, srid)
        (item,) = _listed([without_specks(shapely.difference(gained, near))], srid)
        if item["area_m2"] > LEAST_M2:
            found.append({"jurisdiction": key, **item})
    return found


def _both(before: Layer, after: Layer, key: str) -> list[Area]:
    return [area for area in (before.get(key), after.get(key)) if area is not None]


def _moves(one: Area | None, two: Area | None) -> bool:
    """Whether a difference can move ground: a name cannot."""
    if one is None or two is None or one.priority != two.priority:
        return True
    return not one.shape.normalize().equals_exact(two.shape.normalize(), 0)


def _counting(layer: Layer, keys: list[str]) -> dict[str, BaseGeometry]:
    """Return the ground that counts of some jurisdictions: theirs without what another before them in order covers."""
    found: dict[str, BaseGeometry] = {}
    others = [area for area in layer.values() if not area.is_citywide]
    tree = shapely.STRtree([area.shape for area in others]) if others else None
    for key in keys:
        area = layer.get(key)
        if area is None:
            continue
        shape = polygons(area.shape)
        if not area.is_citywide and tree is not None:
            above = [others[at] for at in np.sort(tree.query(shape, predicate="intersects"))]
            above = [one for one in above if one.rank < area.rank and not one.shape.touches(shape)]
            if above:
                shape = polygons(shapely.difference(shape, shapely.union_all([one.shape for one in above])))
        found[key] = shape
    return found


def _why(before: Area | None, after: Area | None, gained_m2: float, lost_m2: float) -> str | None:
    if before is None:
        return "begins"
    if after is None:
        return "ends"
    if gained_m2 > LEAST_M2 or lost_m2 > LEAST_M2:
        return "ground"
    if before.priority != after.priority:
        return "priority"
    return "name" if before.name != after.name else None


def _listed(pieces: list[Any], srid: int) -> list[dict[str, Any]]:
    """Describe pieces of ground for a list and a map: area, a point inside, GeoJSON."""
    found = []
    for piece, m2 in zip(pieces, area_m2(pieces, srid), strict=True):
        point = None if piece.is_empty else piece.representative_point()
        found.append(
            {
                "area_m2": round(float(m2), 1),
                "lon": None if point is None else round(point.x, 6),
                "lat": None if point is None else round(point.y, 6),
                "geometry": None if point is None else shapely.geometry.mapping(piece),
            }
        )
    return found


def _widened(area: BaseGeometry, srid: int) -> BaseGeometry:
    wide: BaseGeometry = gpd.GeoSeries([area], crs=4326).to_crs(srid).buffer(MARGIN_M).to_crs(4326).iloc[0]
    return wide
