"""Polygons beside each other: overlaps, gaps, slivers, borders drawn twice, kelurahan outside their kecamatan."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from data.city_areas import GROUND, union
from data.coverage import TOLERANCE_M2, area_m2, gaps, overlaps
from data.polygon_findings import Kind, PolygonFinding, place_of

# Two drawings of one border differ by less than this; a wider gap may be meant (a lake, an enclave).
SLIVER_WIDTH_M = 25.0
NEIGHBOURS_NAMED = 3
CODES_NAMED = 10


def widths_m(pieces: Sequence[shapely.Geometry], srid: int) -> npt.NDArray[np.float64]:
    """Return the diameter of the largest circle in each piece (EPSG:4326), metres in `srid`."""
    if not len(pieces):
        return np.empty(0)
    pieces_m = gpd.GeoSeries(list(pieces), crs=4326).to_crs(srid).to_numpy()
    return np.array([2 * _widest(piece) for piece in pieces_m])


def _widest(piece: shapely.Geometry) -> float:
    parts = [part for part in shapely.get_parts(piece) if part.area > 0]
    return max((_inner_radius(part) for part in parts), default=0.0)


def _inner_radius(part: shapely.Polygon) -> float:
    # Half the width of a long rectangle is area / perimeter: to a hundredth of that is exact enough for a report.
    tolerance = max(part.area / part.length / 100, 1e-4)
    simple = shapely.simplify(part, tolerance, preserve_topology=True)  # of a hundred thousand vertices it takes long
    return float(shapely.maximum_inscribed_circle(simple, tolerance=tolerance).length)


def check_overlaps(
    rows: gpd.GeoDataFrame, labels: Sequence[str], *, n_given: int, srid: int, fate: str
) -> list[PolygonFinding]:
    """Report what two polygons share, largest first.

    Parameters
    ----------
    rows
        Valid polygons, the file's first; of pairs among the rest nothing is said. `None` where there is none.
    labels
        How the sentences name each.
    fate
        Who has the shared ground today, for the sentence.
    """
    shapes, at = _usable(rows)
    measure = partial(area_m2, srid=srid)
    pairs = [
        (int(at[one]), int(at[two]), _polygonal(piece))
        for one, two, piece in overlaps(shapes, measure=measure)
        if at[one] < n_given
    ]
    pieces = [piece for *_, piece in pairs]
    sizes, widths = measure(np.array([*pieces, None], dtype=object)[:-1]) if pieces else [], widths_m(pieces, srid)
    findings = []
    for (one, two, piece), size, width in zip(pairs, sizes, widths, strict=True):
        # Rows of the file come first: a pair's first is one.
        other = f" (row {rows['row'].iloc[two]})" if two < n_given else ""
        findings.append(
            PolygonFinding(
                kind=Kind.OVERLAP,
                row=int(rows["row"].iloc[one]),
                field="geometry",
                value=f"{rows['code'].iloc[one]} / {rows['code'].iloc[two]}",
                level="warning",
                reason=f"{labels[one]} and {labels[two]} overlap by {square_metres(size)}{other}{fate}",
                hint="give both the same border",
                proposal=f"{min(rows['code'].iloc[one], rows['code'].iloc[two])} keeps it, as it has it today"
                if two < n_given
                else "",
                area_m2=round(float(size), 2),
                width_m=round(float(width), 2),
                piece=piece,
                **place_of(piece),
            )
        )
    return sorted(findings, key=lambda finding: -(finding.area_m2 or 0))


def check_conflicts(
    rows: gpd.GeoDataFrame, others: gpd.GeoDataFrame, *, service: str, srid: int
) -> list[PolygonFinding]:
    """Report ground that another agency has at the same priority: nobody could say whose it is.

    Parameters
    ----------
    others
        `label`, `geometry` (EPSG:4326).
    """
    shapes, at = _usable(rows)
    measure = partial(area_m2, srid=srid)
    findings = []
    for mine, their, piece in overlaps(shapes, others.geometry.to_numpy(), measure=measure):
        code, other = rows["code"].iloc[at[mine]], others["label"].iloc[their]
        size = float(measure([piece])[0])
        findings.append(
            PolygonFinding(
                kind=Kind.CONFLICT,
                row=int(rows["row"].iloc[at[mine]]),
                field="geometry",
                value=f"{code} / {other}",
                reason=f"{code} and {other} overlap by {square_metres(size)} for {service} at the same priority",
                hint="say who comes first: --priority",
                area_m2=round(size, 2),
                piece=_polygonal(piece),
                **place_of(piece),
            )
        )
    return findings


def check_gaps(
    rows: gpd.GeoDataFrame, labels: Sequence[str], *, srid: int, holes_allowed: bool
) -> list[PolygonFinding]:
    """Report the holes between polygons, largest first; where `holes_allowed`, only those too narrow to be meant."""
    shapes, at = _usable(rows)
    holes = gaps(shapes, measure=partial(area_m2, srid=srid), least_m2=0.0)
    if not holes:
        return []
    tree = shapely.STRtree(shapes)
    findings = []
    for hole, size, width in zip(holes, area_m2(np.array(holes), srid), widths_m(holes, srid), strict=True):
        is_sliver = width <= SLIVER_WIDTH_M
        if holes_allowed and not is_sliver:
            continue
        near = tree.query(hole, predicate="intersects")
        shared = shapely.length(shapely.intersection(shapes[near], hole.exterior))
        beside = [labels[at[one]] for one in near[np.argsort(-shared, kind="stable")]]
        named = ", ".join(beside[:NEIGHBOURS_NAMED]) + (" and others" if len(beside) > NEIGHBOURS_NAMED else "")
        what = f"a sliver, at most {max(width, 0.01):.2g} m wide, of" if is_sliver else "a gap of"
        findings.append(
            PolygonFinding(
                kind=Kind.SLIVER if is_sliver else Kind.GAP,
                field="geometry",
                value=named,
                level="warning",
                reason=f"{what} {square_metres(size)} belongs to no area; beside it: {named}",
                hint="give both sides the same border"
                if is_sliver
                else "give it to a neighbour, or import it as water",
                proposal=f"{beside[0]} gets it, with whom it has the longest border" if is_sliver and beside else "",
                area_m2=round(float(size), 2),
                width_m=round(float(width), 2),
                piece=hole,
                **place_of(hole),
            )
        )
    return sorted(findings, key=lambda finding: -(finding.area_m2 or 0))


def check_edges(rows: gpd.GeoDataFrame, told: Sequence[PolygonFinding], *, srid: int) -> list[PolygonFinding]:
    """Report once that neighbours meet in other vertices.

    Parameters
    ----------
    told
        Overlaps and gaps: the polygons beside them have borders that differ, of course, and are left out.
    """
    shapes, at = _usable(rows)
    edges = shapely.coverage_invalid_edges(shapes)
    bad = ~(shapely.is_missing(edges) | shapely.is_empty(edges))
    if not bad.any():
        return []
    pieces = np.array([*(finding.piece for finding in told), None], dtype=object)[:-1]
    bad[shapely.STRtree(shapes).query(pieces, predicate="intersects")[1]] = False
    measure = partial(area_m2, srid=srid)
    touching = [
        (one, two, piece)
        for one, two, piece in overlaps(shapes, measure=measure, least_m2=0.0)
        if measure([piece])[0] <= TOLERANCE_M2
    ]
    bad[[one for one, _, _ in touching]] = bad[[two for _, two, _ in touching]] = True
    if not bad.any():
        return []
    piece = shapely.union_all(edges[bad])
    codes = [str(code) for code in rows["code"].to_numpy()[at[bad]]]
    size = sum(float(measure([shared])[0]) for *_, shared in touching)
    also = f"; {len(touching)} pairs overlap by {square_metres(size)} in all" if touching else ""
    return [
        PolygonFinding(
            kind=Kind.EDGES,
            row=int(rows["row"].iloc[at[bad][0]]),
            field="geometry",
            value=int(bad.sum()),
            level="warning",
            reason=f"borders of {len(codes)} polygons have not the same vertices on both sides: "
            + ", ".join(codes[:CODES_NAMED])
            + (" …" if len(codes) > CODES_NAMED else "")
            + also,
            hint="draw a shared border once",
            proposal="both sides get the vertices of both",
            piece=piece,
            **place_of(piece),
        )
    ]


def check_nesting(areas: gpd.GeoDataFrame, *, srid: int) -> list[PolygonFinding]:
    """Report kelurahan that reach out of their kecamatan, and kecamatan that are not the sum of their kelurahan.

    Parameters
    ----------
    areas
        All levels as they would be: `row` (missing for those not in the file), `level`, `code`, `name`, `parent_code`,
        `geometry`.
    """
    upper, lower = (areas[(areas["level"] == level) & areas.geometry.notna()] for level in ("kecamatan", "kelurahan"))
    if upper.empty or lower.empty:
        return []
    return [*_reaching_out(upper, lower, srid), *_not_the_sum(upper, lower, srid), *_orphans(upper, lower)]


def _reaching_out(upper: gpd.GeoDataFrame, lower: gpd.GeoDataFrame, srid: int) -> list[PolygonFinding]:
    over = dict(zip(upper["code"], upper.geometry, strict=True))
    has_parent = lower["parent_code"].isin(list(over))
    lower = lower[has_parent]
    if lower.empty:
        return []
    outside = shapely.difference(
        lower.geometry.to_numpy(), np.array([*(over[code] for code in lower["parent_code"]), None], dtype=object)[:-1]
    )
    findings = []
    for area, piece, size in zip(lower.itertuples(), outside, area_m2(outside, srid), strict=True):
        if size > TOLERANCE_M2:
            findings.append(
                PolygonFinding(
                    kind=Kind.NESTING,
                    row=None if pd.isna(area.row) else int(area.row),
                    field="parent_code",
                    value=area.parent_code,
                    level="warning",
                    reason=f"kelurahan {area.code} {area.name} reaches out of its kecamatan {area.parent_code}"
                    f" by {square_metres(size)}",
                    hint="is the parent right? else import both levels from the same source",
                    area_m2=round(float(size), 2),
                    piece=_polygonal(piece),
                    **place_of(_largest(piece)),
                )
            )
    return findings


def _not_the_sum(upper: gpd.GeoDataFrame, lower: gpd.GeoDataFrame, srid: int) -> list[PolygonFinding]:
    children = {code: group.geometry for code, group in lower.groupby("parent_code")}
    findings = []
    for area in upper.itertuples():
        is_parent = area.code in children
        piece = area.geometry.symmetric_difference(union(children[area.code])) if is_parent else area.geometry
        differing_m2, whole_m2 = area_m2([piece, area.geometry], srid)
        if differing_m2 <= TOLERANCE_M2 + 1e-6 * whole_m2:
            continue
        what = f"differs from its kelurahan by {square_metres(differing_m2)}" if is_parent else "has no kelurahan"
        findings.append(
            PolygonFinding(
                kind=Kind.NESTING,
                row=None if pd.isna(area.row) else int(area.row),
                field="geometry",
                value=area.code,
                level="warning",
                reason=f"kecamatan {area.code} {area.name} {what}",
                hint="import both levels from the same source",
                area_m2=round(float(differing_m2), 2),
                piece=_polygonal(piece),
                **place_of(_largest(piece)),
            )
        )
    return findings


def _orphans(upper: gpd.GeoDataFrame, lower: gpd.GeoDataFrame) -> list[PolygonFinding]:
    known = set(upper["code"])
    return [
        PolygonFinding(
            kind=Kind.PARENT,
            row=None if pd.isna(area.row) else int(area.row),
            field="parent_code",
            value=area.parent_code,
            level="warning",
            reason=f"kelurahan {area.code} {area.name} lies in kecamatan {area.parent_code or '(none)'},"
            " which is not there",
        )
        for area in lower.itertuples()
        if area.parent_code not in known
    ]


def settle_parents(
    rows: gpd.GeoDataFrame, kecamatan: gpd.GeoDataFrame, before: dict[str, str | None], *, srid: int
) -> list[PolygonFinding]:
    """Complete the parents of kelurahan in place; report those the file names that are no kecamatan.

    A known code keeps its parent, a new one goes to the kecamatan it shares most ground with.
    """
    known = set(kecamatan["code"])
    shapes, at = _usable(rows)
    shared: dict[int, tuple[float, str]] = {}
    measure = partial(area_m2, srid=srid)
    for one, above, piece in overlaps(shapes, kecamatan.geometry.to_numpy(), measure=measure):
        place = int(at[one])
        shared[place] = max(shared.get(place, (0.0, "")), (piece.area, str(kecamatan["code"].iloc[above])))
    findings = []
    for place, (code, parent) in enumerate(zip(rows["code"], rows["parent_code"], strict=True)):
        if parent is None:
            old = before.get(code)
            rows.loc[rows.index[place], "parent_code"] = old if old in known else shared.get(place, (0.0, None))[1]
        elif parent not in known:
            hint = f"kecamatan: {', '.join(sorted(known))}; import that level first"
            findings.append(
                PolygonFinding(
                    kind=Kind.PARENT,
                    row=int(rows["row"].iloc[place]),
                    field="parent_code",
                    value=parent,
                    reason=f"{parent} is no kecamatan",
                    hint=hint,
                )
            )
    return findings


def on_one_ground(level: str, areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the areas that share the ground with a level: kelurahan and waters fill it together."""
    return areas[areas["level"].isin(set(GROUND) - {level} if level in GROUND else ())]


def square_metres(size: float) -> str:
    """Return an area for a sentence; small ones with decimals, so that none is called 0."""
    return f"{size:,.0f} m²" if size >= 10 else f"{size:.2g} m²" if size >= 1e-3 else "less than 0.001 m²"


def _usable(rows: gpd.GeoDataFrame) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return the polygons that are there, and their positions in `rows`."""
    shapes = rows.geometry.to_numpy()
    at = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    return shapes[at], at


def _polygonal(piece: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of an intersection or difference; lines and points in it are where borders touch."""
    if piece.geom_type in ("Polygon", "MultiPolygon"):
        return piece
    return shapely.MultiPolygon(
        [part for part in shapely.get_parts(shapely.get_parts(piece)) if part.geom_type == "Polygon"]
    )


def _largest(piece: shapely.Geometry) -> shapely.Geometry:
    return max(shapely.get_parts(piece), key=shapely.area)
