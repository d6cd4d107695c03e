"""A judged file of polygons as the browser draws it: findings, outlines of the file, and what a repair would change."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data.polygon_findings import Kind
from data.polygon_repair import Repair
from data.polygon_review import Review
from gis.errors import Finding

# Nobody reads more on a page; the report to download has all.
MOST = 1_500
MOST_VERTICES = 60_000
SMOOTH_DEG = 0.00005  # about 5 m
DECIMALS = 6
_LEVELS = {"error": 0, "warning": 1}
# What is wrong with the file's own shapes before what only differs from other layers.
_LAST = (Kind.EDGES, Kind.NESTING, Kind.MORE)


def findings_of(review: Review) -> list[dict[str, Any]]:
    """Return the findings, errors first, at most `MOST`; each with its piece as GeoJSON where it has one."""
    ordered = sorted(review.findings, key=_weight)[:MOST]
    names = dict(zip(review.rows["row"], review.rows["name"], strict=True))
    said = []
    for finding in ordered:
        piece = getattr(finding, "piece", None)
        said.append(
            {
                "kind": str(getattr(finding, "kind", "")) or "other",
                "level": finding.level,
                "row": finding.row,
                "name": names.get(finding.row) or "",
                "field": finding.field,
                "value": "" if finding.value is None else str(finding.value)[:200],
                "reason": finding.reason,
                "hint": finding.hint,
                "proposal": getattr(finding, "proposal", ""),
                "area_m2": _number(getattr(finding, "area_m2", None)),
                "width_m": _number(getattr(finding, "width_m", None)),
                "lon": finding.lon,
                "lat": finding.lat,
                "geometry": _drawn(piece),
            }
        )
    return said


def _weight(finding: Finding) -> tuple[int, int, float]:
    """Return what a finding is ordered by: its level, its kind, and the most ground first."""
    kind, m2 = getattr(finding, "kind", ""), getattr(finding, "area_m2", None)
    return _LEVELS.get(finding.level, 2), _LAST.index(Kind(kind)) + 1 if kind in _LAST else 0, -(m2 or 0.0)


def outlines_of(rows: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return the file's polygons, simplified for looking; those that cannot be drawn are left out."""
    features, spent = [], 0
    for row in rows.itertuples():
        shape = row.geometry
        if shape is None or shape.is_empty or not np.isfinite(shapely.bounds(shape)).all():
            continue
        drawn = _drawn(shape, smooth=True)
        spent += shapely.get_num_coordinates(shapely.simplify(shape, SMOOTH_DEG)) if drawn else 0
        if drawn is None or spent > MOST_VERTICES:
            continue
        properties = {"row": int(row.row), "code": row.code, "name": row.name, "is_valid": bool(row.is_valid)}
        features.append({"type": "Feature", "properties": properties, "geometry": drawn})
    return {"type": "FeatureCollection", "features": features}


def repair_of(repair: Repair | None) -> dict[str, Any] | None:
    """Return a proposal: its figures, and each polygon it changes with the ground gained or lost."""
    if repair is None:
        return None
    said: dict[str, Any] = {"figures": repair.figures, "is_possible": repair.layer is not None, "changes": []}
    said["findings"] = [{"row": finding.row, "reason": finding.reason} for finding in repair.findings[:MOST]]
    if repair.changes is None:
        return said
    changed = repair.changes[
        repair.changes["mended"] | (repair.changes["gained_m2"] > 0) | (repair.changes["lost_m2"] > 0)
    ]
    for row in changed.head(MOST).to_dict("records"):
        said["changes"].append(
            {
                **{name: row[name] for name in ("code", "name")},
                "row": int(row["row"]),
                "mended": bool(row["mended"]),
                **{
                    name: _number(row[name])
                    for name in ("area_before_m2", "area_m2", "gained_m2", "lost_m2", "moved_m")
                },
                "geometry": _drawn(row["geometry"]),
            }
        )
    return said


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else round(float(value), 2)


def _drawn(shape: Any, *, smooth: bool = False) -> dict[str, Any] | None:
    if shape is None or shape.is_empty or not np.isfinite(shapely.bounds(shape)).all():
        return None
    if smooth:
        shape = shapely.simplify(shape, SMOOTH_DEG)
    rounded = shapely.transform(shape, lambda xy: xy.round(DECIMALS))
    return dict(shapely.geometry.mapping(rounded))
