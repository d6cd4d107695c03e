"""`./siaga import admin-areas`: a file becomes the whole set of administrative areas of one level."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import Connection, text

from data.basemap import build_basemap
from data.city_areas import GROUND, LEVELS, as_multipolygon, ground, grow, union
from data.city_init import AREAS, SERVICE_AREA, WRITE_AREA
from data.city_sync import geometry_digest, to_wkb
from data.coverage import TOLERANCE_M2, area_m2, gaps, overlaps
from data.import_report import ImportReport, note_import
from data.polygon_checks import MAX_NAME, check_places, find_column, read_codes, read_text
from data.vector_files import place_of, read_polygons
from gis.city import CityFacts, read_city
from gis.errors import Finding
from routing_engine.dispatch.conditions import AreaIn
from routing_engine.dispatch.sop import load_rules
from zones.jurisdictions import BOUNDARY_LOCK
from zones.tables import admin_area

OTHERS = text("SELECT level, code, name, parent_code, geom FROM siaga.admin_area WHERE level <> :level ORDER BY 1, 2")


def import_areas(
    tx: Connection,
    path: Path,
    *,
    level: str,
    name_field: str | None = None,
    code_field: str | None = None,
    parent_field: str | None = None,
    assume_crs: str | None = None,
    dry_run: bool = False,
    actor: str,
    now: datetime,
) -> ImportReport:
    """Check a file of polygons and make it the level: one area per feature, all or nothing.

    The service area (kelurahan and waters, `fallback_m` wider) and the basemap follow in the same transaction.
    Jurisdictions do not: their boundaries are versions of their own.

    Parameters
    ----------
    level
        `kecamatan`, `kelurahan` or `water`.
    code_field, name_field
        Columns with code and name; without them `code`/`kode` and `name`/`nama` are looked for.
    parent_field
        Column with the code of a kelurahan's kecamatan, `parent_code` if there is one. Without it a known code keeps
        its parent, a new one goes to the kecamatan it shares most ground with.

    Returns
    -------
    ImportReport
        `counts`: `created`, `changed`, `unchanged`, `removed`. Overlaps, gaps, and kecamatan that are not the sum of
        their kelurahan are warnings: real files have them, and a level is often one of two to come.

    Raises
    ------
    DataError
        The file cannot be read at all.
    """
    city = read_city(tx)
    read = read_polygons(path, assume_crs=assume_crs)
    report = ImportReport(file=str(path), findings=list(read.findings), is_dry_run=dry_run)
    given = read_given(report, read.frame, level, code_field, name_field, parent_field)
    check_places(report, read.frame, city)
    others = gpd.read_postgis(OTHERS.bindparams(level=level), tx, crs=4326).rename_geometry("geometry")
    if not report.errors:
        settle_parents(report, given, others, known_parents(tx, level), city)
    if report.settle().is_refused:
        return report
    areas = pd.concat([given, others], ignore_index=True)
    check_ground(report, areas, level, city)
    check_nesting(report, areas, city)
    check_rules(tx, report, set(areas["code"]))
    report.settle()
    with tx.begin_nested() as savepoint:
        report.counts = write(tx, given, city, source=path.name)
        write_service_area(tx, areas, city)
        if dry_run:
            savepoint.rollback()
            return report
        build_basemap(tx)
        note_import(tx, "admin-areas", report, subject=level, actor=actor, now=now)
    # Last, and held to the commit only: an incident sees the areas before it or after it, not some of each.
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": BOUNDARY_LOCK})
    return report


def read_given(
    report: ImportReport,
    frame: gpd.GeoDataFrame,
    level: str,
    code_field: str | None,
    name_field: str | None,
    parent_field: str | None,
) -> gpd.GeoDataFrame:
    """Return the file's areas: `level`, `code`, `name`, `parent_code` (or None), `geometry` (EPSG:4326)."""
    if level not in LEVELS:
        hint = f"one of {', '.join(LEVELS)}"
        report.findings.append(Finding(field="--level", value=level, reason=f"unknown level {level}", hint=hint))
    code_column = find_column(report, frame, code_field, ("code", "kode"), "--code-field")
    name_column = find_column(report, frame, name_field, ("name", "nama"), "--name-field")
    parent_column = "parent_code" if parent_field is None and "parent_code" in frame.columns else None
    if parent_field is not None:
        parent_column = find_column(report, frame, parent_field, (), "--parent-field")
    blank = [""] * len(frame)
    codes = read_codes(report, frame, code_column) if code_column else blank
    names = read_text(report, frame, name_column, most=MAX_NAME) if name_column else blank
    parents = [None] * len(frame)
    if parent_column is not None:
        parents = [None if pd.isna(value) else str(value).strip() or None for value in frame[parent_column]]
    columns = {"level": level, "code": codes, "name": names, "parent_code": pd.Series(parents, dtype=object).to_list()}
    return gpd.GeoDataFrame(pd.DataFrame(columns, dtype=object), geometry=frame.geometry.to_numpy(), crs=4326)


def known_parents(tx: Connection, level: str) -> dict[str, str | None]:
    """Return the parent of each area of the level that is there now."""
    query = text("SELECT code, parent_code FROM siaga.admin_area WHERE level = :level")
    return {row.code: row.parent_code for row in tx.execute(query, {"level": level})}


def settle_parents(
    report: ImportReport,
    given: gpd.GeoDataFrame,
    others: gpd.GeoDataFrame,
    before: dict[str, str | None],
    city: CityFacts,
) -> None:
    """Complete the parents of kelurahan in place; report those the file names that are no kecamatan."""
    upper = others[others["level"] == "kecamatan"]
    if upper.empty or not (given["level"] == "kelurahan").all():
        return
    known = set(upper["code"])

    measure = partial(area_m2, srid=city.metric_srid)

    shared: dict[int, tuple[float, str]] = {}
    for at, above, piece in overlaps(given.geometry.to_numpy(), upper.geometry.to_numpy(), measure=measure):
        shared[at] = max(shared.get(at, (0.0, "")), (piece.area, str(upper["code"].iloc[above])))
    for at, (code, parent) in enumerate(zip(given["code"], given["parent_code"], strict=True)):
        if parent is None:
            old = before.get(code)
            given.at[at, "parent_code"] = old if old in known else shared.get(at, (0.0, None))[1]
        elif parent not in known:
            hint = f"kecamatan: {', '.join(sorted(known))}; import that level first"
            report.findings.append(
                Finding(row=at + 1, field="parent_code", value=parent, reason=f"{parent} is no kecamatan", hint=hint)
            )


def check_ground(report: ImportReport, areas: gpd.GeoDataFrame, level: str, city: CityFacts) -> None:
    """Warn of overlaps of the new areas (kelurahan and waters: with each other too) and of gaps between them."""
    group = areas[areas["level"].isin(GROUND if level in GROUND else (level,))]
    is_new = (group["level"] == level).to_numpy()
    shapes = group.geometry.to_numpy()
    labels = (group["level"] + " " + group["code"] + " " + group["name"]).to_numpy()
    rows = group.index.to_numpy() + 1  # the new ones come first, in order of the file

    measure = partial(area_m2, srid=city.metric_srid)

    def say(row: int | None, reason: str, hint: str, piece: shapely.Geometry) -> None:
        place = place_of(piece)
        report.findings.append(Finding(row=row, field="geometry", reason=reason, hint=hint, level="warning", **place))

    for one, two, piece in overlaps(shapes, measure=measure):
        if is_new[one] or is_new[two]:
            reason = (
                f"{labels[one]} and {labels[two]} overlap by {measure([piece])[0]:,.0f} m²; the lower code wins there"
            )
            say(int(rows[one if is_new[one] else two]), reason, "give both the same border", piece)
    if not city.settings.get("holes_allowed"):
        for hole in gaps(shapes, measure=measure):
            reason = f"a gap of {measure([hole])[0]:,.0f} m² belongs to no area"
            say(None, reason, "give it to a neighbour, or import it as water", hole)


def check_nesting(report: ImportReport, areas: gpd.GeoDataFrame, city: CityFacts) -> None:
    """Warn of kecamatan that are not the sum of their kelurahan, and of kelurahan whose kecamatan is not there."""
    upper, lower = (areas[areas["level"] == level] for level in ("kecamatan", "kelurahan"))
    if upper.empty or lower.empty:
        return
    children = {code: group.geometry for code, group in lower.groupby("parent_code")}
    for code, name, shape in zip(upper["code"], upper["name"], upper.geometry, strict=True):
        differing = shape.symmetric_difference(union(children[code])) if code in children else shape
        differing_m2, whole_m2 = area_m2([differing, shape], city.metric_srid)
        if differing_m2 <= TOLERANCE_M2 + 1e-6 * whole_m2:
            continue
        place = place_of(max(shapely.get_parts(differing), key=shapely.area))
        what = f"differs from its kelurahan by {differing_m2:,.0f} m²" if code in children else "has no kelurahan"
        hint = "import both levels from the same source"
        reason = f"kecamatan {code} {name} {what}"
        report.findings.append(Finding(field="geometry", reason=reason, hint=hint, level="warning", **place))
    for code, name, parent in zip(lower["code"], lower["name"], lower["parent_code"], strict=True):
        if parent not in set(upper["code"]):
            reason = f"kelurahan {code} {name} lies in kecamatan {parent or '(none)'}, which is not there"
            report.findings.append(Finding(field="parent_code", value=parent, reason=reason, level="warning"))


def check_rules(tx: Connection, report: ImportReport, codes: set[str]) -> None:
    """Warn of SOP conditions that name an area which is no longer there: they can never hold."""
    for rule in load_rules(tx):
        named = {code for atom in rule.parsed.atoms() if isinstance(atom, AreaIn) for code in atom.codes}
        if named - codes:
            reason = f"rule {rule.code} asks for {', '.join(sorted(named - codes))}, which is no area"
            report.findings.append(
                Finding(field="code", reason=reason, hint="mend the condition in sop.csv", level="warning")
            )


def write(tx: Connection, given: gpd.GeoDataFrame, city: CityFacts, *, source: str) -> dict[str, int]:
    """Write the level's areas that differ, take away those the file does not have."""
    level = str(given["level"].iloc[0])
    present: dict[str, dict[str, Any]] = {
        row["code"]: dict(row) for row in tx.execute(AREAS).mappings() if row["level"] == level
    }
    counts = {"created": 0, "changed": 0, "unchanged": 0, "removed": 0}
    for area in given.to_dict("records"):
        shape = as_multipolygon(area.pop("geometry"))
        wanted = {**area, "is_approximate": False, "source": source}
        there = present.pop(area["code"], None)
        if there == {**wanted, "srid": city.metric_srid, "digest": geometry_digest(shape)}:
            counts["unchanged"] += 1
            continue
        tx.execute(WRITE_AREA, {**wanted, "srid": city.metric_srid, "wkb": to_wkb(shape)})
        counts["created" if there is None else "changed"] += 1
    gone = admin_area.delete().where(admin_area.c.level == level, admin_area.c.code.in_(list(present)))
    counts["removed"] = tx.execute(gone).rowcount
    return counts


def write_service_area(tx: Connection, areas: gpd.GeoDataFrame, city: CityFacts) -> None:
    """Let the service area follow: kelurahan and named waters, `fallback_m` wider."""
    if areas["level"].isin(GROUND).any():
        whole_m = gpd.GeoSeries([ground(areas)], crs=4326).to_crs(city.metric_srid).iloc[0]
        wkb = to_wkb(grow(whole_m, city.fallback_m))
        tx.execute(SERVICE_AREA, {"wkb": wkb, "srid": city.metric_srid})
