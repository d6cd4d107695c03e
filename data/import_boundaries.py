"""`./siaga import boundaries`: a file becomes the whole set of jurisdictions of an agency for a service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
from sqlalchemy import Connection, text

from data.city_areas import as_multipolygon
from data.city_sync import to_wkb
from data.import_report import ImportReport, note_import
from data.polygon_review import Reference, Scope, review
from data.polygon_table import Fields
from gis.city import CityFacts, read_city
from gis.errors import Finding
from zones import jurisdictions
from zones.jurisdictions import NewBoundary

# In force at some time from the start on; the newest version of each.
IN_FORCE = text(
    """
SELECT DISTINCT ON (j.jurisdiction_id) j.agency_code AS agency, j.code, j.name, j.is_citywide, v.priority, v.geom
FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = :service AND NOT j.is_citywide AND v.valid && tstzrange(:start, NULL)
ORDER BY j.jurisdiction_id, lower(v.valid) DESC
"""
)
OTHERS = text(
    """
SELECT j.agency_code || ' ' || j.code AS label, v.geom
FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = :service AND j.agency_code <> :agency AND NOT j.is_citywide
  AND v.valid && tstzrange(:start, NULL) AND v.priority = :priority
ORDER BY j.agency_code, j.code
"""
)
MINE = text(
    """
SELECT j.jurisdiction_id, j.code, j.is_citywide, max(lower(v.valid)) AS started_at,
       max(upper(v.valid)) FILTER (WHERE NOT upper_inf(v.valid)) AS ended_at, bool_or(upper_inf(v.valid)) AS is_open
FROM siaga.jurisdiction j JOIN siaga.boundary_version v USING (jurisdiction_id)
WHERE j.service_code = :service AND j.agency_code = :agency
GROUP BY j.jurisdiction_id
"""
)
NAMES = {
    "agency": text("SELECT agency_code FROM siaga.agency ORDER BY 1"),
    "service": text("SELECT service_code FROM siaga.service ORDER BY 1"),
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whose boundaries a file holds, and from when: `start` is the first moment in force."""

    agency: str
    service: str
    priority: int
    start: datetime
    keep_others: bool


def import_boundaries(
    tx: Connection,
    path: Path,
    *,
    agency: str,
    service: str,
    name_field: str | None = None,
    code_field: str | None = None,
    priority: int = 100,
    valid_from: datetime | None = None,
    keep_others: bool = False,
    reference: Reference | None = None,
    assume_crs: str | None = None,
    dry_run: bool = False,
    actor: str,
    now: datetime,
) -> ImportReport:
    """Check a file of polygons and put it in force: one jurisdiction per feature, all or nothing.

    Parameters
    ----------
    code_field, name_field
        Columns with code and name; without them `code`/`kode` and `name`/`nama` are looked for, then the code's.
    priority
        1 wins over 100 where polygons overlap.
    valid_from
        First moment in force; `None` is `now`. Versions in force then end there.
    keep_others
        Leave jurisdictions of the pair that the file does not name; else they end at `valid_from`. City-wide ones
        (which take what no boundary covers) are always left.
    reference
        A layer whose names for the same codes are compared; without it those of the pair's jurisdictions are.

    Returns
    -------
    ImportReport
        `counts`: `created` (new codes), `changed` (known codes: a new version each), `ended`. Overlaps within the file
        and gaps are warnings; an overlap with another agency at the same priority refuses it.

    Raises
    ------
    DataError
        The file cannot be read at all.
    """
    city = read_city(tx)
    target = Target(agency=agency, service=service, priority=priority, start=valid_from or now, keep_others=keep_others)
    found = review(
        path,
        boundary_scope(tx, city, target),
        fields=Fields(code=code_field, name=name_field),
        reference=reference,
        assume_crs=assume_crs,
    )
    report = ImportReport(file=str(path), findings=list(found.findings), is_dry_run=dry_run, details=found.details())
    check_target(tx, report, target)
    known = {row.code: row for row in tx.execute(MINE, {"service": service, "agency": agency})}
    check_history(report, known, found.rows["code"].to_list(), target)
    if report.settle().is_refused:
        return report
    with tx.begin_nested() as savepoint:
        report.counts = write(tx, found.rows, known, city, target, actor=actor, now=now, source=path.name)
        note_import(tx, "boundaries", report, subject=f"{agency}/{service}", actor=actor, now=now)
        if dry_run:
            savepoint.rollback()
    return report


def boundary_scope(tx: Connection, city: CityFacts, target: Target) -> Scope:
    """Return what a file of jurisdictions is judged against: the pair's own now, those that stay, other agencies'."""
    moment = {"service": target.service, "start": target.start}
    now = gpd.read_postgis(IN_FORCE, tx, params=moment, crs=4326).rename_geometry("geometry")
    mine = now[now["agency"] == target.agency]
    others = gpd.read_postgis(
        OTHERS, tx, params={**moment, "agency": target.agency, "priority": target.priority}, crs=4326
    )
    return Scope(
        bbox=city.bbox,
        metric_srid=city.metric_srid,
        service=target.service,
        holes_allowed=bool(city.settings.get("holes_allowed")),
        known=mine[["code", "name", "geometry"]].assign(parent_code=None),
        beside=mine[mine["priority"] == target.priority][["code", "geometry"]].assign(label=mine["code"])
        if target.keep_others
        else None,
        others=others.rename_geometry("geometry"),
    )


def check_target(tx: Connection, report: ImportReport, target: Target) -> None:
    """Report an agency or service the city does not have, and a priority that is none."""
    for field, value in (("agency", target.agency), ("service", target.service)):
        known = list(tx.execute(NAMES[field]).scalars())
        if value not in known:
            hint = f"the city has: {', '.join(known)}"
            report.findings.append(Finding(field=field, value=value, reason=f"unknown {field}", hint=hint))
    if not 1 <= target.priority <= 10_000:
        report.findings.append(Finding(field="priority", value=target.priority, reason="must be 1 (wins) to 10000"))


def check_history(report: ImportReport, known: dict[str, Any], codes: list[str], target: Target) -> None:
    """Report jurisdictions whose versions already run to a later moment than the file is to start at."""
    for code, row in known.items():
        is_ending = code not in codes and row.is_open and not row.is_citywide and not target.keep_others
        if code not in codes and not is_ending:
            continue
        if code in codes and row.is_citywide:
            reason = f"{code} is the agency's city-wide jurisdiction; it cannot be a boundary of the file too"
            report.findings.append(Finding(field="code", value=code, reason=reason, hint="choose another code"))
        latest = max(moment for moment in (row.started_at, row.ended_at) if moment is not None)
        # A version that starts at that very moment could not be ended by one that starts there too.
        if row.started_at >= target.start or latest > target.start:
            reason = f"{code} has a version up to {latest.isoformat()}; a change must start after that"
            report.findings.append(
                Finding(field="valid_from", value=target.start.isoformat(), reason=reason, hint="a later --valid-from")
            )


def write(
    tx: Connection,
    given: gpd.GeoDataFrame,
    known: dict[str, Any],
    city: CityFacts,
    target: Target,
    *,
    actor: str,
    now: datetime,
    source: str,
) -> dict[str, int]:
    """Write one version per polygon, all in one boundary commit, and end what the file does not name."""
    reason = f"import {source} ({target.agency}, {target.service})"
    number = jurisdictions.open_set(tx, actor=actor, reason=reason, now=now)
    counts = {"created": 0, "changed": 0, "ended": 0}
    for row in given.itertuples():
        jurisdiction_id = jurisdictions.ensure(
            tx, service=target.service, agency=target.agency, code=row.code, name=row.name
        )
        jurisdictions.add_version(
            tx,
            jurisdiction_id,
            NewBoundary(wkb=to_wkb(as_multipolygon(row.geometry)), priority=target.priority, source=source),
            boundary_set_number=number,
            valid_from=target.start,
            srid=city.metric_srid,
            actor=actor,
            now=now,
        )
        counts["changed" if row.code in known else "created"] += 1
    if not target.keep_others:
        named = set(given["code"])
        for code, row in known.items():
            if code not in named and not row.is_citywide:
                counts["ended"] += jurisdictions.supersede(
                    tx, row.jurisdiction_id, at=target.start, boundary_set_number=number
                )
    return counts
