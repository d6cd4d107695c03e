"""The second job of `data.review_child`: propose a repaired layer. Writes nothing but its own answer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data import throwaway
from data.border_distance import EXACT_M, farthest_m, polygons_of, segments_of
from data.coverage import area_m2
from data.coverage_repair import Shapes, changed_owner, clean, first_over, snap, thin
from data.local_plane import Plane
from data.mending import mend
from data.place_checks import check_places
from data.polygon_findings import Kind, PolygonFinding, place_of
from data.reading_child import POLYGONAL, Refused
from data.vector_files import MAX_VERTICES

N_POINTS = 20_000
SEED = 112
# The plane's metres are those of its middle; this much is added to every distance that is promised.
SCALE_ERROR = 0.01
# … and they are rounded up to a tenth: so much less than the tolerance is used, that the promise keeps to it.
ROUNDING_M = 0.1 + 2 * EXACT_M
MAX_EXTENT_DEG = 8.0


def propose(asked: dict[str, Any]) -> None:
    """Repair the file of the request; leaves `repaired.parquet` and `changes.parquet`."""
    from data.review_child import begin

    job = begin(asked)
    rows = job.rows
    base, origin, findings = usable(asked, job)
    answer: dict[str, Any] = {
        "error": "",
        "crs": job.found.crs,
        "findings": [finding.to_wire() for finding in findings],
    }
    if findings:
        throwaway.save_answer(answer)
        return
    tolerance_m = float(asked["tolerance_m"])
    reference = throwaway.take_frame(Path("reference.parquet"))
    # First come those who win where two overlap, so that a repair takes nothing from its owner.
    order = np.lexsort((rows["row"].to_numpy(dtype=int), rows["code"].to_numpy(dtype=str)))
    plane = Plane.about(base)
    old = plane.to_metres(base[order])
    theirs = None if reference is None else plane.to_metres(reference_shapes(reference))
    new = repair(old, theirs, max(0.0, (tolerance_m - ROUNDING_M) / (1 + SCALE_ERROR)))
    gone = [int(rows["row"].iloc[order[at]]) for at in np.flatnonzero(shapely.is_empty(new) | shapely.is_missing(new))]
    answer["findings"] = [nothing_left(rows, row).to_wire() for row in gone]
    if gone:
        throwaway.save_answer(answer)
        return
    known = shapely.get_coordinates(base if reference is None else [*base, *reference.geometry])
    made = in_degrees(plane, new, known)
    if made is None:
        raise Refused("no repair was found that makes the borders meet; mend what the check lists by hand")
    new = plane.to_metres(made)
    # The lines as they stand in the file, of invalid rings too.
    drawn = segments_of(plane.to_metres(rows.geometry.to_numpy()[order] if origin is None else origin[order]))
    answer |= summary(rows.iloc[order], old, new, drawn, tolerance_m)
    back = np.argsort(order)
    changes = compare(rows.iloc[order], base[order], made, old, new, drawn, job.srid).iloc[back].reset_index(drop=True)
    throwaway.put_frame(Path("changes.parquet"), changes)
    attributes = (
        job.found.frame.iloc[rows["row"].to_numpy(dtype=int) - 1].drop(columns="geometry").reset_index(drop=True)
    )
    throwaway.put_frame(Path("repaired.parquet"), gpd.GeoDataFrame(attributes, geometry=made[back], crs=4326))
    throwaway.save_answer(answer)


def usable(asked: dict[str, Any], job: Any) -> tuple[Shapes, Shapes | None, list[PolygonFinding]]:
    """Return each row's valid polygon (EPSG:4326), the drawn ones where they are other than the file's, and obstacles.

    Collections give their polygons, swapped axes are swapped, invalid rings made valid; no ground is invented.
    """
    rows = job.rows
    raw = job.found.raw_bounds[rows["row"].to_numpy(dtype=int) - 1]
    places = check_places(rows, raw, crs=job.found.crs, bbox=tuple(asked["bbox"]), metric_srid=job.srid)
    swapped = {finding.row for finding in places if finding.kind == Kind.SWAPPED}
    findings = [finding for finding in places if finding.kind != Kind.SWAPPED]
    findings += [finding for finding in job.findings if finding.kind in (Kind.NOT_FINITE, Kind.CURVE, Kind.JSON)]
    told = {finding.row for finding in findings}
    drawn = rows.geometry.to_numpy().copy()
    base = drawn.copy()
    for at, (row, shape) in enumerate(zip(rows["row"], drawn, strict=True)):
        if row in told:
            continue
        if row in swapped:
            shape = drawn[at] = shapely.transform(shape, lambda xy: xy[:, ::-1])
        if shape is not None and shapely.get_type_id(shape) not in POLYGONAL:
            parts = polygons_of([shape])
            shape = drawn[at] = shapely.MultiPolygon(list(parts)) if len(parts) else None
        base[at] = shape if shape is None or shape.is_valid else mend(shape)
        if base[at] is None or base[at].is_empty:
            findings.append(cannot(row, shape))
    if not len(rows):
        raise Refused("no rows to repair")
    if not findings:
        west, south, east, north = shapely.total_bounds(base)
        if max(east - west, north - south) > MAX_EXTENT_DEG:
            raise Refused(
                f"reaches over {max(east - west, north - south):.0f}°; repair it in parts of {MAX_EXTENT_DEG:g}°"
            )
    return base, drawn if swapped or (drawn != rows.geometry.to_numpy()).any() else None, findings


def cannot(row: int, shape: shapely.Geometry | None) -> PolygonFinding:
    """Return why a row has no polygon that a repair could start from."""
    is_large = shape is not None and shapely.get_num_coordinates(shape) > MAX_VERTICES
    if shape is None or shape.is_empty:
        reason, hint = "has no polygon; none can be invented", "draw it, or take the row out"
    else:
        reason = (
            "invalid, and too complex to be mended here" if is_large else "no ground is left when its rings are mended"
        )
        hint = "mend it in a GIS"
    kind = Kind.TOO_COMPLEX if is_large else Kind.EMPTY
    return PolygonFinding(kind=kind, row=int(row), field="geometry", reason=reason, hint=hint)


def nothing_left(rows: gpd.GeoDataFrame, row: int) -> PolygonFinding:
    """Return that a polygon lies wholly in those that come before it."""
    shape = rows.geometry[rows["row"] == row].iloc[0]
    return PolygonFinding(
        kind=Kind.OVERLAP,
        row=row,
        field="geometry",
        reason="lies wholly in polygons of lower codes; nothing would be left of it",
        hint="is it there twice?",
        piece=shape if shape.is_valid else None,
        **place_of(shape),
    )


def reference_shapes(reference: gpd.GeoDataFrame) -> Shapes:
    """Return the polygons of a layer to snap to; EPSG:4326.

    Raises
    ------
    Refused
        One is invalid: borders that cross themselves are nothing to move others onto.
    """
    shapes = reference.geometry.to_numpy()
    is_good = np.isin(shapely.get_type_id(shapes), POLYGONAL) & shapely.is_valid(shapes) & ~shapely.is_empty(shapes)
    if not is_good.all():
        raise Refused(f"the layer to snap to has {int((~is_good).sum())} unusable polygons; check and repair it first")
    return np.asarray(shapes)


def repair(shapes: Shapes, reference: Shapes | None, tolerance_m: float) -> Shapes:
    """Return valid polygons as a coverage, moved onto a reference layer if there is one; metres."""
    cleaned = clean(shapes, tolerance_m)
    if reference is not None and not (shapely.is_empty(cleaned) | shapely.is_missing(cleaned)).any():
        cleaned = clean(snap(cleaned, reference, tolerance_m), tolerance_m)
    return thin(cleaned, tolerance_m, most_vertices=MAX_VERTICES)


def in_degrees(plane: Plane, shapes: Shapes, known: Any) -> Shapes | None:
    """Return a coverage in EPSG:4326 that still is one; `None` if there is no way back."""
    for vertices in (known, np.empty((0, 2))):
        made = plane.to_degrees(shapes, vertices)
        if shapely.is_valid(made).all() and shapely.coverage_is_valid(made):
            return np.asarray(shapely.orient_polygons(made))
    return None


def summary(rows: gpd.GeoDataFrame, old: Shapes, new: Shapes, drawn: Shapes, tolerance_m: float) -> dict[str, Any]:
    """Return the figures of the whole layer.

    `owner_changes_within_m` is the promise: no point farther than this from a border of the file has another owner
    than before (before: the lower code where several cover it).
    """
    taken, lost = changed_owner(old, new)
    pieces = polygons_of([*taken, *lost])
    within_m = farthest_m(pieces, shapely.STRtree(drawn)) * (1 + SCALE_ERROR)
    points = beside_borders(drawn, tolerance_m)
    n_changed = int((first_over(old, points) != first_over(new, points)).sum())
    return {
        "tolerance_m": tolerance_m,
        "owner_changes_within_m": math.ceil(within_m * 10) / 10,
        "owner_changed_m2": round(float(shapely.area(pieces).sum()), 1),
        "border_points": {"n": len(points), "changed": n_changed},
        "is_valid": bool(shapely.coverage_is_valid(new)),
        "rows": len(rows),
    }


def beside_borders(segments: Shapes, reach_m: float) -> Shapes:
    """Return points spread over the strip of `reach_m` on both sides of borders, by length; always the same ones."""
    rng = np.random.default_rng(SEED)
    length = shapely.length(segments)
    at = rng.choice(len(segments), N_POINTS, p=length / length.sum())
    along = shapely.get_coordinates(shapely.line_interpolate_point(segments[at], rng.random(N_POINTS) * length[at]))
    angle, away = rng.uniform(0, 2 * np.pi, N_POINTS), reach_m * np.sqrt(rng.random(N_POINTS))
    return np.asarray(shapely.points(along + away[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])))


def compare(
    rows: gpd.GeoDataFrame, before: Shapes, after: Shapes, old: Shapes, new: Shapes, drawn: Shapes, srid: int
) -> gpd.GeoDataFrame:
    """Return what changed per polygon.

    Parameters
    ----------
    before, after
        EPSG:4326.
    old, new
        The same in metres.
    drawn
        Every border of the file as it was (`segments_of`), metres.

    Returns
    -------
    GeoDataFrame
        `row`, `code`, `name`, `mended` (its rings were invalid), `area_before_m2`, `area_m2`, `gained_m2`, `lost_m2`,
        `moved_m` (how far ground it gained or lost lies from an old border, at most); geometry: that ground.
    """
    gained, lost = shapely.difference(after, before), shapely.difference(before, after)
    ground = np.array([as_polygons([one, two]) for one, two in zip(gained, lost, strict=True)] + [None], dtype=object)[
        :-1
    ]
    borders = shapely.STRtree(drawn)
    moved = [
        farthest_m(polygons_of([shapely.symmetric_difference(*both)]), borders) for both in zip(old, new, strict=True)
    ]
    table = pd.DataFrame(
        {
            "row": rows["row"].to_numpy(dtype=int),
            "code": rows["code"].to_numpy(),
            "name": rows["name"].to_numpy(),
            "mended": ~rows["is_valid"].to_numpy(dtype=bool),
            "area_before_m2": np.round(area_m2(before, srid), 1),
            "area_m2": np.round(area_m2(after, srid), 1),
            "gained_m2": np.round(area_m2(gained, srid), 1),
            "lost_m2": np.round(area_m2(lost, srid), 1),
            "moved_m": np.round(np.array(moved) * (1 + SCALE_ERROR), 2),
        }
    )
    return gpd.GeoDataFrame(table, geometry=ground, crs=4326)


def as_polygons(shapes: list[shapely.Geometry]) -> shapely.MultiPolygon:
    """Return the polygons of shapes as one geometry to draw."""
    return shapely.MultiPolygon(list(polygons_of(shapes)))
