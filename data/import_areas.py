"""`./siaga import admin-areas`: a file becomes the whole set of administrative areas of one level."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from sqlalchemy import Connection, text

from data.basemap import build_basemap
from data.city_areas import GROUND, as_multipolygon, ground, grow
from data.city_init import AREAS, SERVICE_AREA, WRITE_AREA
from data.city_sync import geometry_digest, to_wkb
from data.coverage_checks import on_one_ground
from data.import_report import ImportReport, note_import
from data.polygon_review import Reference, Scope, review
from data.polygon_table import Fields
from gis.city import CityFacts, read_city
from gis.errors import Finding
from routing_engine.dispatch.conditions import AreaIn
from routing_engine.dispatch.sop import load_rules
from zones.jurisdictions import BOUNDARY_LOCK
from zones.tables import admin_area

NOW = text("SELECT level, code, name, parent_code, geom FROM siaga.admin_area ORDER BY 1, 2")


def import_areas(
    tx: Connection,
    path: Path,
    *,
    level: str,
    name_field: str | None = None,
    code_field: str | None = None,
    parent_field: str | None = None,
    reference: Reference | None = None,
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
    reference
        A layer whose names for the same codes are compared; without it those of the level now are.

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
    scope = area_scope(tx, city, level)
    found = review(
        path,
        scope,
        fields=Fields(code=code_field, name=name_field, parent=parent_field),
        reference=reference,
        assume_crs=assume_crs,
    )
    report = ImportReport(file=str(path), findings=list(found.findings), is_dry_run=dry_run, details=found.details())
    columns = ["level", "code", "name", "parent_code", "geometry"]
    given = found.rows.assign(level=level)[columns]
    areas = pd.concat([given, scope.areas], ignore_index=True)
    check_rules(tx, report, set(areas["code"]))
    check_removed(report, set(given["code"]), scope.known, level)
    if report.settle().is_refused:
        return report
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


def areas_of(tx: Connection, level: str) -> gpd.GeoDataFrame:
    """Return the areas of a level as they are now: `level`, `code`, `name`, `parent_code`, `geometry` (EPSG:4326)."""
    now = gpd.read_postgis(NOW, tx, crs=4326).rename_geometry("geometry")
    return now[now["level"] == level].reset_index(drop=True)


def area_scope(tx: Connection, city: CityFacts, level: str) -> Scope:
    """Return what a file of a level is judged against: the level as it is now, waters beside it, the other levels."""
    now = gpd.read_postgis(NOW, tx, crs=4326).rename_geometry("geometry")
    others = now[now["level"] != level].reset_index(drop=True)
    beside = on_one_ground(level, others)
    return Scope(
        bbox=city.bbox,
        metric_srid=city.metric_srid,
        level=level,
        holes_allowed=bool(city.settings.get("holes_allowed")),
        known=now[now["level"] == level].drop(columns="level"),
        beside=beside[["code", "geometry"]].assign(label=beside["level"] + " " + beside["code"] + " " + beside["name"]),
        areas=others,
    )


def check_removed(report: ImportReport, codes: set[str], known: gpd.GeoDataFrame | None, level: str) -> None:
    """Warn when most of a level goes: a part of a layer, or other codes than the city's, were hardly meant."""
    there = set() if known is None else set(known["code"])
    gone = there - codes
    if 2 * len(gone) <= len(there):
        return
    reason = f"{len(gone)} of the city's {len(there)} {level} are not in the file and will be removed"
    if gone == there:
        reason += ": the file has other codes; jurisdictions, drafts and rules that name the old ones do not follow"
    hint = "give the whole level with the city's codes: --code-field; try it first with --dry-run"
    report.findings.append(Finding(field="code", reason=reason, hint=hint, level="warning"))


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
