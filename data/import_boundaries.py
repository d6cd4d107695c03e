"""`./siaga import boundaries`: a file becomes the whole set of jurisdictions of an agency for a service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import Connection, text

from data.city_areas import as_multipolygon
from data.city_sync import to_wkb
from data.coverage import area_m2, overlaps
from data.import_report import ImportReport, note_import
from data.polygon_checks import MAX_NAME, check_places, find_column, read_codes, read_text
from data.vector_files import place_of, read_polygons
from gis.city import CityFacts, read_city
from gis.errors import Finding
from zones import jurisdictions
from zones.jurisdictions import NewBoundary

OTHERS = text(
    """
SELECT j.code, j.agency_code AS agency, v.priority, ST_AsBinary(v.geom) AS wkb
FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = :service AND j.agency_code <> :agency AND NOT j.is_citywide
  AND v.valid && tstzrange(:valid_from, NULL) AND v.priority = :priority
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

    Returns
    -------
    ImportReport
        `counts`: `created` (new codes), `changed` (known codes: a new version each), `ended`. Overlaps within the file
        are warnings; with another agency at the same priority they refuse it.

    Raises
    ------
    DataError
        The file cannot be read at all.
    """
    city = read_city(tx)
    target = Target(agency=agency, service=service, priority=priority, start=valid_from or now, keep_others=keep_others)
    read = read_polygons(path, assume_crs=assume_crs)
    report = ImportReport(file=str(path), findings=list(read.findings), is_dry_run=dry_run)
    frame = read.frame
    check_target(tx, report, target)
    code_column = find_column(report, frame, code_field, ("code", "kode"), "--code-field")
    name_column = find_column(report, frame, name_field, ("name", "nama", code_column or "name"), "--name-field")
    codes = read_codes(report, frame, code_column) if code_column else []
    names = read_text(report, frame, name_column, most=MAX_NAME) if name_column else []
    check_places(report, frame, city)
    known = {row.code: row for row in tx.execute(MINE, {"service": service, "agency": agency})}
    check_history(report, known, codes, target)
    if not report.errors:
        check_overlaps(tx, report, frame, codes, city, target)
    if report.settle().is_refused:
        return report
    with tx.begin_nested() as savepoint:
        given = gpd.GeoDataFrame({"code": codes, "name": names}, geometry=frame.geometry.to_numpy(), crs=4326)
        report.counts = write(tx, given, known, city, target, actor=actor, now=now, source=path.name)
        note_import(tx, "boundaries", report, subject=f"{agency}/{service}", actor=actor, now=now)
        if dry_run:
            savepoint.rollback()
    return report


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


def check_overlaps(
    tx: Connection, report: ImportReport, frame: gpd.GeoDataFrame, codes: list[str], city: CityFacts, target: Target
) -> None:
    """Report what two polygons of the file share (a warning), and what another agency has at the same priority."""
    shapes = frame.geometry.to_numpy()

    measure = partial(area_m2, srid=city.metric_srid)

    def say(row: int, other: str, reason: str, hint: str, piece: shapely.Geometry, level: str) -> None:
        report.findings.append(
            Finding(
                row=row + 1,
                field="geometry",
                value=f"{codes[row]} / {other}",
                reason=f"{codes[row]} and {other} overlap by {measure([piece])[0]:,.0f} m²{reason}",
                hint=hint,
                level=level,
                **place_of(piece),
            )
        )

    for one, two, piece in overlaps(shapes, measure=measure):
        say(
            one,
            codes[two],
            f" (row {two + 1}); the lower code wins there",
            "give both the same border",
            piece,
            "warning",
        )
    others = tx.execute(
        OTHERS,
        {
            "service": target.service,
            "agency": target.agency,
            "valid_from": target.start,
            "priority": target.priority,
        },
    ).all()
    theirs = shapely.from_wkb(pd.Series([bytes(row.wkb) for row in others], dtype=object).to_numpy())
    for mine, their, piece in overlaps(shapes, theirs, measure=measure):
        other = f"{others[their].agency} {others[their].code}"
        say(
            mine,
            other,
            f" for {target.service} at the same priority",
            "say who comes first: --priority",
            piece,
            "error",
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
