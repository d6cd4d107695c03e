"""Administrative areas at a point, as answers show them."""

from __future__ import annotations

from typing import Any

from zones.matching import PointMatch


def by_level(found: PointMatch) -> dict[str, list[dict[str, Any]]]:
    """Return the areas by level, the covering one first; kelurahan and kecamatan are always there."""
    levels: dict[str, list[dict[str, Any]]] = {"kelurahan": [], "kecamatan": []}
    for area in found.areas:
        levels.setdefault(area.level, []).append({"code": area.code, "name": area.name, "share": round(area.share, 3)})
    return levels
