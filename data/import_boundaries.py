"""`./siaga import boundaries`: a file becomes the whole set of jurisdictions of an agency for a service."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from sqlalchemy import Connection, text

from data.import_report import ImportReport
from data.vector_files import place_of, read_polygons
from gis.city import CityFacts, read_city
from gis.errors import ConflictError, Finding
from zones import jurisdictions
from zones.jurisdictions import NewBoundary

MAX_CODE = 60
# Slivers below this come from rounding; they are reported, not refused.
OVERLAP_M2 = 1.0

OTHERS = text(
    """
SELECT j.code, j.agency_code AS agency, v.priority, ST_AsBinary(v.geom) AS wkb
FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE j.service_code = :service AND j.agency_code <> :agency AND NOT j.is_citywide
  AND v.valid && tstzrange(:valid_from, NULL)
"""
)
MINE = text(
    """
SELECT j.jurisdiction_id, j.code, encode(sha256(ST_AsBinary(v.geom, 'NDR')), 'hex') AS digest, v.priority
FROM siaga.jurisdiction j JOIN siaga.boundary_version v USING (jurisdiction_id)
WHERE j.service_code = :service AND j.agency_code = :agency AND NOT j.is_citywide AND upper_inf(v.valid)
"""
)


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
        Columns with code and name; without them `code`/`kode` and `name`/`nama` are looked for.
    priority
        1 wins over 100 where polygons overlap.
    valid_from
        First moment in force; `None` is `now`. Versions in force then end there.
    keep_others
        Leave jurisdictions of the pair that the file does not name; else they end at `valid_from`.

    Returns
    -------
    ImportReport
        `counts`: `created`, `changed`, `unchanged`, `ended`.

    Raises
    ------
    DataError
        The file cannot be read at all.
    """
    city, start = read_city(tx), valid_from or now
    read = read_polygons(path, assume_crs=assume_crs)
    report = ImportReport(file=str(path), findings=list(read.findings), is_dry_run=dry_run)
    frame = read.frame
    _check_names(tx, report, agency, service, priority)
    code_column = _column(report, frame, code_field, ("code", "kode"), "--code-field")
    name_column = _column(report, frame, name_field, ("name", "nama", code_column or ""), "--name-field")
    if code_column is not None:
        _check_codes(report, frame[code_column])
    _check_places(report, frame, city)
    if not report.errors:
        _check_overlaps(tx, report, frame, code_column, city, agency, service, priority, start)
    if report.errors:
        report.is_refused = True
        return report
    codes = [str(code).strip() for code in frame[code_column]]
    names = [str(name).strip() for name in frame[name_column]]
    try:
        _write(
            tx,
            report,
            frame,
            codes,
            names,
            city=city,
            agency=agency,
            service=service,
            priority=priority,
            start=start,
            keep_others=keep_others,
            actor=actor,
            now=now,
            source=path.name,
        )
    except ConflictError as error:
        report.findings.append(Finding(field="valid_from", reason=str(error), hint="choose a later --valid-from"))
        report.is_refused = True
    return report


def _check_names(tx: Connection, report: ImportReport, agency: str, service: str, priority: int) -> None:
    for field, value, table, hint in (
        ("agency", agency, "agency", "see agencies.csv of the city"),
        ("service", service, "service", "see the contract's list of services"),
    ):
        statement = {
            "agency": text("SELECT count(*) FROM siaga.agency WHERE agency_code = :code"),
            "service": text("SELECT count(*) FROM siaga.service WHERE service_code = :code"),
        }[table]
        if not tx.execute(statement, {"code": value}).scalar_one():
            report.findings.append(Finding(field=field, value=value, reason=f"unknown {field}", hint=hint))
    if not 1 <= priority <= 10_000:
        report.findings.append(Finding(field="priority", value=priority, reason="must be 1 (wins) to 10000"))


def _column(
    report: ImportReport, frame: gpd.GeoDataFrame, given: str | None, guesses: tuple[str, ...], option: str
) -> str | None:
    """Return the column to use; a missing one is a finding that names those there are."""
    wanted = (given,) if given else guesses
    for name in wanted:
        if name and name in frame.columns and name != frame.geometry.name:
            return name
    there = ", ".join(str(name) for name in frame.columns if name != frame.geometry.name)
    report.findings.append(
        Finding(field=option, value=given, reason="no such column", hint=f"the file has: {there or 'no attributes'}")
    )
    return None


def _check_codes(report: ImportReport, codes: Any) -> None:
    seen: dict[str, int] = {}
    for row, value in enumerate(codes, start=1):
        code = "" if value is None or str(value) == "<NA>" else str(value).strip()
        if not code or len(code) > MAX_CODE:
            report.findings.append(
                Finding(
                    row=row, field=codes.name, value=code[:80], reason=f"a code of 1 to {MAX_CODE} characters is needed"
                )
            )
        elif code in seen:
            report.findings.append(
                Finding(row=row, field=codes.name, value=code, reason=f"code used twice (row {seen[code]})")
            )
        seen.setdefault(code, row)


def _check_places(report: ImportReport, frame: gpd.GeoDataFrame, city: CityFacts) -> None:
    """Polygons wholly off the service box are refused; when swapping the axes would bring them in, say so."""
    west, south, east, north = city.bbox
    box = shapely.box(west - 1, south - 1, east + 1, north + 1)
    for row, shape in enumerate(frame.geometry, start=1):
        if shape is None or shape.is_empty or box.intersects(shape):
            continue
        swapped = shapely.transform(shape, lambda xy: xy[:, ::-1])
        hint = (
            "longitude and latitude are swapped: write lon, lat"
            if box.intersects(swapped)
            else f"expected within lon {west}…{east}, lat {south}…{north}; is the CRS right?"
        )
        report.findings.append(
            Finding(row=row, field="geometry", reason="outside the city's service box", hint=hint, **place_of(shape))
        )


def _check_overlaps(
    tx: Connection,
    report: ImportReport,
    frame: gpd.GeoDataFrame,
    code_column: str | None,
    city: CityFacts,
    agency: str,
    service: str,
    priority: int,
    start: datetime,
) -> None:
    shapes = frame.geometry.to_numpy()
    codes = [str(code) for code in frame[code_column]] if code_column else []
    for one, two, shape in overlaps(shapes, shapes):
        if one < two:
            area = area_m2(shape, city.metric_srid)
            report.findings.append(
                Finding(
                    row=one + 1,
                    field="geometry",
                    value=f"{codes[one]} / {codes[two]}",
                    reason=f"overlap of {area:.0f} m² with row {two + 1}; the lower code wins there",
                    hint="mend the shared border, or import with different priorities",
                    level="warning",
                    **place_of(shape),
                )
            )
    rows = tx.execute(OTHERS, {"service": service, "agency": agency, "valid_from": start}).all()
    if not rows:
        return
    theirs = shapely.from_wkb([bytes(row.wkb) for row in rows])
    for mine, other, shape in overlaps(shapes, theirs):
        area = area_m2(shape, city.metric_srid)
        if rows[other].priority == priority and area > OVERLAP_M2:
            report.findings.append(
                Finding(
                    row=mine + 1,
                    field="geometry",
                    value=f"{codes[mine]} / {rows[other].agency} {rows[other].code}",
                    reason=f"overlap of {area:.0f} m² with another agency of this service at the same priority",
                    hint="say who comes first with --priority",
                    **place_of(shape),
                )
            )


def overlaps(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> list[tuple[int, int, shapely.Geometry]]:
    """Return the pairs whose interiors meet, with the polygon they share (EPSG:4326)."""
    left, right = shapely.STRtree(two).query(one, predicate="intersects")
    if one is two:
        keep = left < right
        left, right = left[keep], right[keep]
    shared = shapely.intersection(one[left], two[right])
    return [(int(a), int(b), shape) for a, b, shape in zip(left, right, shared, strict=True) if shape.area > 0]


def area_m2(shape: shapely.Geometry, srid: int) -> float:
    """Return an area in square metres, measured in the city's metric CRS."""
    return float(gpd.GeoSeries([shape], crs=4326).to_crs(srid).area.iloc[0])


def _write(
    tx: Connection,
    report: ImportReport,
    frame: gpd.GeoDataFrame,
    codes: list[str],
    names: list[str],
    *,
    city: CityFacts,
    agency: str,
    service: str,
    priority: int,
    start: datetime,
    keep_others: bool,
    actor: str,
    now: datetime,
    source: str,
) -> None:
    number = jurisdictions.open_set(tx, actor=actor, reason=f"import {source} ({agency}, {service})", now=now)
    known = {row.code: row for row in tx.execute(MINE, {"service": service, "agency": agency})}
    counts = {"created": 0, "changed": 0, "ended": 0}
    for code, name, shape in zip(codes, names, frame.geometry, strict=True):
        jurisdiction_id = jurisdictions.ensure(tx, service=service, agency=agency, code=code, name=name)
        jurisdictions.add_version(
            tx,
            jurisdiction_id,
            NewBoundary(wkb=shapely.to_wkb(shape, byte_order=1), priority=priority, source=source),
            boundary_set_number=number,
            valid_from=start,
            srid=city.metric_srid,
            actor=actor,
            now=now,
        )
        counts["changed" if code in known else "created"] += 1
    if not keep_others:
        for code, row in known.items():
            if code not in codes:
                counts["ended"] += jurisdictions.supersede(
                    tx, row.jurisdiction_id, at=start, boundary_set_number=number
                )
    tx.execute(text("UPDATE siaga.city SET revision = revision + 1"))
    report.counts = counts
