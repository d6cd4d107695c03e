"""`./siaga import stations`: a table of stations; the good rows go in together, the others are reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from data.city_files import Column, Findings, TableFile, check_position, code, number
from data.city_files import text as words
from data.city_init import keep
from data.city_sync import TableSync
from data.import_report import ImportReport, note_import
from gis.city import CityFacts, read_city
from gis.errors import DataError, Finding
from routing_engine.dispatch.tables import station
from routing_engine.network.profiles import PROFILES

MAX_BYTES = 20 * 1024**2
MAX_NAME = 200
MAX_ACCURACY_M = 50_000.0
# What drives out where a file does not say.
PROFILE_OF = {"fire": "fire_engine", "medical": "ambulance"}
OTHER_PROFILE = "car"
UNUSED = "unknown column"  # what `TableFile` says

COLUMNS = (
    Column("code", code),
    Column("name"),
    Column("agency", code),
    Column("service", code),
    Column("lon", number),
    Column("lat", number),
    Column("accuracy_m", number),
    Column("source"),
    Column("jurisdiction_code", code, None),
    Column("jurisdiction", code, None),  # its name in a city folder
    Column("profile", code, None),
    Column("note", words, ""),
)

DUTIES = text(
    """
SELECT j.agency_code, j.service_code, array_agg(j.code) AS codes
FROM siaga.jurisdiction j WHERE EXISTS (SELECT FROM siaga.boundary_version v WHERE v.jurisdiction_id = j.jurisdiction_id
                                          AND upper_inf(v.valid))
GROUP BY 1, 2 ORDER BY 1, 2
"""
)
PRESENT = text(
    """
SELECT code, name, agency_code, service_code, jurisdiction_code, profile, accuracy_m, source, is_active,
       ST_X(geom) AS lon, ST_Y(geom) AS lat
FROM siaga.station
"""
)
# Where anybody could be sent from: the service area, and the land of the agency's own boundaries.
OUT_OF_REACH = text(
    """
SELECT s.row FROM unnest(CAST(:rows AS int[]), CAST(:lons AS float8[]), CAST(:lats AS float8[]),
                         CAST(:agencies AS text[])) AS s (row, lon, lat, agency)
WHERE NOT EXISTS (SELECT FROM siaga.city WHERE ST_Covers(service_area, ST_SetSRID(ST_MakePoint(lon, lat), 4326)))
  AND NOT EXISTS (SELECT FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id)
                  WHERE j.agency_code = s.agency AND upper_inf(v.valid)
                    AND ST_Covers(v.geom, ST_SetSRID(ST_MakePoint(lon, lat), 4326)))
ORDER BY s.row
"""
)


def import_stations(tx: Connection, path: Path, *, dry_run: bool = False, actor: str, now: datetime) -> ImportReport:
    """Check a CSV of stations row by row and write the good rows in one transaction.

    Columns: `code`, `name`, `agency`, `service`, `lon`, `lat` (EPSG:4326 degrees), `accuracy_m`, `source`; and where
    they are needed `jurisdiction_code` (serves only that one), `profile` (else by service), `note`. A known code is
    changed, also when it was out of service; stations the file does not name stay as they are. The worker then makes
    the travel times of new and moved stations.

    Returns
    -------
    ImportReport
        `counts`: `created`, `changed`, `unchanged`, `refused`. Refused as a whole when no row is good.

    Raises
    ------
    DataError
        The file is missing or too large.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path}: {path.stat().st_size / 1e6:.0f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB")
    city = read_city(tx)
    report = ImportReport(file=str(path), is_dry_run=dry_run)
    good, n_rows = read_good(tx, path, city, report)
    report.counts = {"created": 0, "changed": 0, "unchanged": 0, "refused": n_rows - len(good)}
    if not good:
        if not report.findings:
            reason = "no rows"
            report.findings.append(Finding(field="file", reason=reason, hint=f"columns: {names_of(COLUMNS)}"))
        report.is_refused = True
        return report
    with tx.begin_nested() as savepoint:
        write(tx, report, good)
        if report.counts["created"] or report.counts["changed"]:
            note_import(tx, "stations", report, subject=city.code, actor=actor, now=now)
        if dry_run:
            savepoint.rollback()
    return report


def names_of(columns: tuple[Column, ...]) -> str:
    """Return the names of columns, for a hint."""
    return ", ".join(column.name for column in columns)


def read_good(tx: Connection, path: Path, city: CityFacts, report: ImportReport) -> tuple[list[dict[str, Any]], int]:
    """Return the rows without a fault, as rows of `station`, and how many rows there were; report the faults."""
    findings = Findings()
    frame = TableFile(path.name, COLUMNS, key=("code",)).read(path.parent, findings)
    # A file made for more than this import may have more columns.
    findings[:] = [
        replace(one, reason="is not used", level="warning") if one.reason == UNUSED else one for one in findings
    ]
    check_separator(path, findings)
    check_position(frame, path.name, city.bbox, findings)
    check_values(frame, path.name, findings)
    check_duties(tx, frame, path.name, findings)
    refused = {finding.row for finding in findings if finding.level == "error"}
    n_rows = len(set(frame.index) | {row for row in refused if row})
    is_whole = None in refused or 0 in refused  # the file or its header is at fault
    rows = frame.loc[[] if is_whole else [row for row in frame.index if row not in refused]]
    warn_of_places(tx, rows, path.name, findings)
    given = frame.to_dict("index")
    # One file, named once by the report; the value refused beside its row.
    for finding in findings:
        value = finding.value if finding.value is not None else given.get(finding.row, {}).get(finding.field)
        report.findings.append(Finding(**{**vars(finding), "file": None, "value": value}))
    report.findings.sort(key=lambda finding: finding.row or 0)
    return [as_station(row) for row in rows.to_dict("records")], n_rows


def as_station(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the file as a row of the table."""
    return {
        "code": row["code"],
        "name": row["name"],
        "agency_code": row["agency"],
        "service_code": row["service"],
        "jurisdiction_code": row["jurisdiction_code"] or row["jurisdiction"],
        "profile": row["profile"] or PROFILE_OF.get(row["service"], OTHER_PROFILE),
        "lon": row["lon"],
        "lat": row["lat"],
        "accuracy_m": row["accuracy_m"],
        "source": row["source"],
        "is_active": True,
    }


def check_separator(path: Path, findings: Findings) -> None:
    """Say so when the cells are separated by semicolons or tabs, as spreadsheets of some languages do."""
    with path.open("rb") as stream:
        header = stream.readline(4096)
    for sign, name in ((b";", "semicolons"), (b"\t", "tabs")):
        if header.count(sign) >= 3 and header.count(b",") < 3:
            hint = "save it as CSV with commas, and a decimal point in numbers"
            findings.say(path.name, 0, "header", f"cells are separated by {name}", hint)


def check_values(frame: pd.DataFrame, file: str, findings: Findings) -> None:
    """Report profiles there are none of, and accuracies and names that cannot be."""
    for row in frame.index:
        profile, accuracy_m = frame.at[row, "profile"], frame.at[row, "accuracy_m"]
        if profile is not None and profile not in PROFILES:
            findings.say(file, row, "profile", f"unknown profile {profile}", f"one of {', '.join(PROFILES)}")
        if not 0 <= accuracy_m <= MAX_ACCURACY_M:
            findings.say(file, row, "accuracy_m", f"{accuracy_m:g} is not 0 to {MAX_ACCURACY_M:g} metres")
        for column in ("name", "source"):
            if len(frame.at[row, column]) > MAX_NAME:
                findings.say(file, row, column, f"{len(frame.at[row, column])} characters; at most {MAX_NAME}")


def check_duties(tx: Connection, frame: pd.DataFrame, file: str, findings: Findings) -> None:
    """Report agencies and services there are none of, services an agency does not have, unknown jurisdictions."""
    agencies = list(tx.execute(text("SELECT agency_code FROM siaga.agency ORDER BY 1")).scalars())
    services = list(tx.execute(text("SELECT service_code FROM siaga.service ORDER BY 1")).scalars())
    duties = {(row.agency_code, row.service_code): sorted(row.codes) for row in tx.execute(DUTIES)}
    for row in frame.index:
        agency, service = frame.at[row, "agency"], frame.at[row, "service"]
        jurisdiction = frame.at[row, "jurisdiction_code"] or frame.at[row, "jurisdiction"]
        if agency not in agencies:
            findings.say(file, row, "agency", f"unknown agency {agency}", f"the city has: {', '.join(agencies)}")
        if service not in services:
            findings.say(file, row, "service", f"unknown service {service}", f"the city has: {', '.join(services)}")
        if agency not in agencies or service not in services:
            continue
        if (agency, service) not in duties:
            own = ", ".join(sorted(other for one, other in duties if one == agency)) or "none"
            hint = f"its services: {own}; a new one gets its boundaries first"
            findings.say(file, row, "service", f"{agency} has no jurisdiction for {service}", hint)
        elif jurisdiction is not None and jurisdiction not in duties[agency, service]:
            listed = ", ".join(duties[agency, service][:20])
            hint = f"empty serves the whole agency; it has: {listed}"
            reason = f"{agency} has no jurisdiction {jurisdiction} for {service}"
            findings.say(file, row, "jurisdiction_code", reason, hint)


def warn_of_places(tx: Connection, rows: pd.DataFrame, file: str, findings: Findings) -> None:
    """Warn of stations out of reach of the city, and of two stations of a service at one place."""
    if rows.empty:
        return
    values = {
        "rows": [int(row) for row in rows.index],
        "lons": [float(value) for value in rows["lon"]],
        "lats": [float(value) for value in rows["lat"]],
        "agencies": list(rows["agency"]),
    }
    for row in tx.execute(OUT_OF_REACH, values).scalars():
        reason = "lies outside the service area and its agency's jurisdictions"
        place = {"lon": rows.at[row, "lon"], "lat": rows.at[row, "lat"]}
        findings.say(file, row, "lon", reason, "is the point right?", level="warning", **place)
    for row in rows.index[rows.duplicated(["agency", "service", "lon", "lat"])]:
        reason = f"another station of {rows.at[row, 'agency']} for {rows.at[row, 'service']} has the same point"
        findings.say(file, row, "lon", reason, "is it the same station under two codes?", level="warning")


def write(tx: Connection, report: ImportReport, good: list[dict[str, Any]]) -> None:
    """Insert and update what differs, and count it."""
    present = {row["code"]: dict(row) for row in tx.execute(PRESENT).mappings()}
    for row in good:
        there = present.get(row["code"])
        report.counts["created" if there is None else "unchanged" if there == row else "changed"] += 1
    TableSync(tx=tx, table=station, key=["code"], is_point=True, retire=keep).run(good)
