"""`./siaga calibrate`: recorded runs from a table; the good rows are fitted, the others are reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, insert, text

from data.city_files import Column, Findings, TableFile, check_position, code, number
from data.city_files import text as words
from data.import_report import ImportReport
from data.import_stations import UNUSED, check_separator, names_of
from gis.city import CityFacts, read_city
from gis.errors import DataError, Finding
from gis.tables import audit
from gis.words import Role
from routing_engine.dispatch.fields import active_stations, load_fields
from routing_engine.network.calibration import TARGET_S, calibrate
from routing_engine.network.calibration_store import write_calibration
from routing_engine.network.fields import Field
from routing_engine.network.profiles import PROFILES
from routing_engine.network.run_times import modelled_seconds

MAX_BYTES = 200 * 1024**2
MAX_TRAVEL_S = 7200.0
# Of the times in whole minutes: more says that they were written down, not measured (a sixtieth would be by chance).
ROUNDED_SHARE = 0.5

AREA = text(
    """
SELECT p.row, (SELECT a.name FROM siaga.admin_area a WHERE a.level = 'kecamatan'
                 AND ST_Covers(a.geom, ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326)) ORDER BY a.code LIMIT 1)
FROM unnest(CAST(:rows AS int[]), CAST(:lons AS float8[]), CAST(:lats AS float8[])) AS p (row, lon, lat)
"""
)


def moment(cell: str) -> datetime:
    """Read a time, ``2026-01-31T17:05:00+08:00``; without an offset it is meant in the city."""
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError("is no time; write 2026-01-31T17:05:00") from None


COLUMNS = (
    Column("at", moment),
    Column("lon", number),
    Column("lat", number),
    Column("travel_s", number),
    Column("station", code, None),
    Column("start_lon", number, None),
    Column("start_lat", number, None),
    Column("profile", code, None),
    Column("turnout_s", number, None),
    Column("area", words, None),
)


def import_runs(
    tx: Connection,
    state: Path,
    path: Path,
    *,
    profile: str | None = None,
    target_s: float = TARGET_S,
    dry_run: bool = False,
    actor: str,
    now: datetime,
) -> ImportReport:
    """Check a CSV of recorded runs row by row, calibrate each profile on the good ones, and put that in force.

    Columns: `at` (leaving; the city's time where it has no offset), `lon`, `lat` (EPSG:4326 degrees, where it went),
    `travel_s` (seconds from leaving to arriving), and `station` (code) or `start_lon`, `start_lat`; where known
    `profile` (else the station's, else the one asked for), `turnout_s` (seconds from the alarm to leaving), `area`
    (else the kecamatan).

    Parameters
    ----------
    state
        The state folder, for the travel-time fields.
    profile
        Only runs of this profile.
    target_s
        Travel time whose share the report compares.

    Returns
    -------
    ImportReport
        `counts`: `runs`, `refused`, `other_profile`, `calibrated` (profiles); `details`: profile → report of
        `calibration.calibrate`. Refused as a whole when no profile could be calibrated.

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
    findings = Findings()
    frame = TableFile(path.name, COLUMNS).read(path.parent, findings)
    findings[:] = [
        replace(one, reason="is not used", level="warning") if one.reason == UNUSED else one for one in findings
    ]
    check_separator(path, findings)
    check_position(frame, path.name, city.bbox, findings)
    check_runs(frame, path.name, city, now, findings)
    frame = with_starts(frame, active_stations(tx), path.name, profile, findings)
    n_rows = len(set(frame.index) | {one.row for one in findings if one.row})
    is_whole = bool({None, 0} & _refused(findings))  # the file or its header is at fault
    good = frame.loc[[] if is_whole else ~frame.index.isin(_refused(findings))]
    used = good if profile is None else good.loc[good["profile"] == profile]
    n_other = len(good) - len(used)
    fields = load_fields(tx, state)
    parts = [
        with_model(part, fields.get(str(name), {}), str(name), path.name, city, findings)
        for name, part in used.groupby("profile", sort=True)
    ]
    for part in parts:
        runs = part.loc[~part.index.isin(_refused(findings))]
        if len(runs):
            _calibrate(tx, runs, report, findings, city=city, target_s=target_s, dry_run=dry_run, actor=actor, now=now)
    given = frame.to_dict("index")
    for finding in findings:
        value = finding.value if finding.value is not None else given.get(finding.row, {}).get(finding.field)
        report.findings.append(Finding(**{**vars(finding), "file": None, "value": value}))
    report.findings.sort(key=lambda finding: finding.row or 0)
    n_refused = len({row for row in _refused(findings) if row})
    report.counts = {
        "runs": n_rows - n_refused - n_other,
        "refused": n_refused,
        "other_profile": n_other,
        "calibrated": len(report.details),
    }
    if not report.details:
        if not report.findings:
            report.findings.append(Finding(field="file", reason="no rows", hint=f"columns: {names_of(COLUMNS)}"))
        report.is_refused = True
    return report


def _refused(findings: Findings) -> set[int | None]:
    return {one.row for one in findings if one.level == "error"}


def check_runs(frame: pd.DataFrame, file: str, city: CityFacts, now: datetime, findings: Findings) -> None:
    """Report times and durations that cannot be, and times that were rounded; `at` becomes the city's."""
    frame["at"] = [
        (at if at.tzinfo else at.replace(tzinfo=city.time_zone)).astimezone(city.time_zone) for at in frame["at"]
    ]
    for row in frame.index:
        travel_s, turnout_s, at = frame.at[row, "travel_s"], frame.at[row, "turnout_s"], frame.at[row, "at"]
        if not 0 < travel_s <= MAX_TRAVEL_S:
            hint = "a crew that was there already? leave such runs out" if travel_s == 0 else "is it in seconds?"
            findings.say(file, row, "travel_s", f"{travel_s:g} s is not above 0 and at most {MAX_TRAVEL_S:g}", hint)
        if turnout_s is not None and not 0 <= turnout_s <= MAX_TRAVEL_S:
            findings.say(file, row, "turnout_s", f"{turnout_s:g} s is not 0 to {MAX_TRAVEL_S:g}")
        if at > now:
            findings.say(file, row, "at", f"{at.isoformat()} is yet to come")
    seconds = frame["travel_s"].to_numpy(np.float64)
    share = float((seconds % 60 == 0).mean()) if len(seconds) else 0.0
    if share > ROUNDED_SHARE:
        reason = f"{share:.0%} are whole minutes: times were rounded, and figures are no finer than that"
        findings.say(file, None, "travel_s", reason, "take the times of the radio or the vehicle", level="warning")


def with_starts(
    frame: pd.DataFrame, stations: pd.DataFrame, file: str, profile: str | None, findings: Findings
) -> pd.DataFrame:
    """Return the runs with where they began (`start_lon`, `start_lat`) and their profile; report what is not known."""
    known = {row["code"]: row for row in stations.to_dict("records")}
    starts = []
    for row, run in zip(frame.index, frame.to_dict("records"), strict=True):
        station, place = run["station"], (run["start_lon"], run["start_lat"])
        named = known.get(station)
        if station is not None and named is None:
            findings.say(file, row, "station", f"unknown station {station}", "a code of ./siaga import stations")
        if None in place and (named is None and (station is None or place != (None, None))):
            findings.say(file, row, "station", "no start", "give station, or start_lon and start_lat")
        if named is not None and None in place:
            place = (named["lon"], named["lat"])
        of_run = run["profile"] or (named["profile"] if named else None) or profile
        if of_run not in PROFILES and (of_run is not None or None not in place):
            reason = "is not known" if of_run is None else f"unknown profile {of_run}"
            findings.say(file, row, "profile", reason, f"one of {', '.join(PROFILES)}")
        starts.append((*(np.nan if value is None else float(value) for value in place), of_run))
    return frame.assign(
        start_lon=[one[0] for one in starts],
        start_lat=[one[1] for one in starts],
        profile=[one[2] for one in starts],
    )


def with_model(
    runs: pd.DataFrame, bands: dict[int, Field], profile: str, file: str, city: CityFacts, findings: Findings
) -> pd.DataFrame:
    """Return the runs of one profile with `hour`, `week`, `modelled_s` and `bands`; report those no road explains."""
    runs = runs.assign(
        hour=[at.hour for at in runs["at"]], week=["{}-W{:02}".format(*at.isocalendar()[:2]) for at in runs["at"]]
    )
    if not bands:
        hint = "import roads, and give speeds.csv the profile; the worker then makes its travel times"
        findings.say(file, None, "profile", f"no travel times by road for {profile}", hint)
        return runs.assign(modelled_s=np.nan)
    seconds = modelled_seconds(bands, runs[["start_lon", "start_lat"]], runs[["lon", "lat"]], runs["hour"])
    for row, value in zip(runs.index, seconds.tolist(), strict=True):
        if not value > 0:
            reason = "no road within reach of both ends" if np.isnan(value) else "start and incident are one place"
            findings.say(file, row, "lon", reason, "is the position right?")
    found = runs.assign(modelled_s=seconds)
    found.attrs["bands"] = tuple(bands)
    return found


def _calibrate(
    tx: Connection,
    runs: pd.DataFrame,
    report: ImportReport,
    findings: Findings,
    *,
    city: CityFacts,
    target_s: float,
    dry_run: bool,
    actor: str,
    now: datetime,
) -> None:
    """Fit one profile, and keep the result unless it is a dry run; too few runs are a finding."""
    profile, file = str(runs["profile"].iloc[0]), Path(report.file).name
    try:
        made, judged = calibrate(_with_areas(tx, runs), bands=runs.attrs["bands"], target_s=target_s)
    except DataError as error:
        findings.say(file, None, "profile", f"{profile}: {error}", "nothing changes for it")
        return
    for goal in judged["held_out"]["goals"]:
        if not goal["is_met"]:
            where = f" in {goal['area']}" if "area" in goal else ""
            bounds = f"the goal is {goal['low']:g} to {goal['high']:g}"
            reason = f"{profile}: {goal['name']}{where} is {goal['value']:g}, {bounds}"
            findings.say(file, None, "profile", reason, "say so where these times are used", level="warning")
    report.details[profile] = {"parameters": made.as_dict(), **judged}
    if dry_run:
        return
    number = write_calibration(tx, made, judged, profile=profile, source=file, actor=actor, now=now)
    report.details[profile]["calibration"] = str(number)
    values = {"at": now, "actor": actor, "actor_role": Role.ADMIN, "action": "import.runs", "subject": city.code}
    values["detail"] = {"file": file, "profile": profile, "calibration": number, "n_runs": len(runs)}
    tx.execute(insert(audit).values(**values))


def _with_areas(tx: Connection, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with the kecamatan where the file names no area."""
    values = {"rows": [int(row) for row in runs.index], "lons": runs["lon"].astype(float).tolist()}
    values["lats"] = runs["lat"].astype(float).tolist()
    found: dict[int, Any] = {int(row): name for row, name in tx.execute(AREA, values)}
    own: Callable[[int, Any], Any] = lambda row, given: given if given is not None else found[row]  # noqa: E731
    named = pd.Series([own(int(row), area) for row, area in runs["area"].items()], index=runs.index, dtype=object)
    for column in ("travel_s", "turnout_s"):
        runs = runs.assign(**{column: runs[column].astype(float)})
    return runs.assign(area=named)
