"""`./siaga import roads`: an OpenStreetMap extract becomes the road network in use, all of it or nothing."""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, select

from data.basemap import build_basemap
from data.import_report import ImportReport, note_import
from data.osm_basemap import Drawn, read_drawn
from data.osm_network import Roads, read_roads
from data.road_components import Components, components_of
from data.roads import write_roads
from data.vector_files import read_polygons
from gis.city import CityFacts, read_city
from gis.errors import Finding, ValueRefused
from routing_engine.network.groups import CAR, EMERGENCY, GROUP_OF, MOTORCYCLE
from routing_engine.network.profiles import PROFILES
from routing_engine.network.speeds import access_of, class_speeds
from routing_engine.network.store import load_speeds
from routing_engine.network.tables import road_build

# Roads beyond the service box are ways round and ways in; about five kilometres of them are kept.
MARGIN_DEG = 0.05
EVERYTHING = "none"
# In the report and in the build, for the map: the longest stretches outside the main part.
MOST_STRETCHES = 500
# A main part smaller than this share of all streets is worth a warning: is the extract cut through?
MAIN_SHARE = 0.8
GROUPS = {"car": CAR, "motorcycle": MOTORCYCLE, "emergency": EMERGENCY}
CREDIT = "© OpenStreetMap contributors, ODbL 1.0"


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """A network that is ready to be written, unless its report is refused; `mapped` is for the basemap, if wanted."""

    roads: Roads
    report: ImportReport
    mapped: Drawn | None


def import_roads(
    tx: Connection,
    path: Path,
    *,
    clip: str | None = None,
    with_ferries: bool = False,
    with_basemap: bool = True,
    dry_run: bool = False,
    actor: str,
    now: datetime,
) -> ImportReport:
    """Read an extract and make it the road network in use; see `prepare` and `write`."""
    options = {"with_ferries": with_ferries, "with_basemap": with_basemap, "dry_run": dry_run}
    return write(tx, prepare(path, read_city(tx), clip=clip, **options), actor=actor, now=now)


def prepare(
    path: Path,
    city: CityFacts,
    *,
    clip: str | None = None,
    with_ferries: bool = False,
    with_basemap: bool = True,
    dry_run: bool = False,
) -> Prepared:
    """Read an extract and judge it; needs no database.

    Parameters
    ----------
    path
        `.osm.pbf` or another format of OpenStreetMap.
    clip
        See `clip_of`; the city's service box with `MARGIN_DEG` by default.
    with_ferries
        Take car ferries for streets, as class `ferry` (which has to have a speed in speeds.csv, too).
    with_basemap
        Read also what the basemap shows besides streets.

    Returns
    -------
    Prepared
        Its report is refused when the streets are not where the city is.

    Raises
    ------
    DataError
        The file or the clip cannot be read.
    """
    started = time.perf_counter()
    area = clip_of(clip, city)
    roads = read_roads(path, clip=area, with_ferries=with_ferries)
    report = ImportReport(file=str(path), findings=list(roads.findings), is_dry_run=dry_run)
    report.findings += check_place(roads, city, area, is_own_clip=clip is not None)
    report.counts = {
        "nodes": roads.counts["nodes"],
        "edges": roads.counts["edges"],
        "turn_restrictions": roads.counts["turn_restrictions"],
        "barriers": roads.counts["barriers"],
        "restrictions_dropped": roads.dropped.total() - roads.dropped["outside"],
    }
    if not roads.edges.empty:
        parts = {name: components_of(roads.nodes, roads.edges, group) for name, group in GROUPS.items()}
        report.findings += check_parts(parts["emergency"])
        report.details = details_of(roads, parts)
    mapped = None
    if with_basemap and not report.errors:
        mapped = read_drawn(path, clip=area)
        if mapped.is_coast_broken:
            reason = "the coastline has gaps or runs the wrong way; land is drawn by the city's areas"
            report.findings.append(Finding(field="coastline", reason=reason, level="warning"))
    report.details |= {"seconds": {"read": round(time.perf_counter() - started, 3)}, "peak_memory_mb": peak_memory_mb()}
    return Prepared(roads=roads, report=report.settle(), mapped=mapped)


def write(tx: Connection, prepared: Prepared, *, actor: str, now: datetime) -> ImportReport:
    """Write a prepared network as a new build and make it the one in use, in the caller's transaction.

    Fields of travel times made from the build before go on serving until the worker has made new ones. A network that
    is the one in use already is not written again.
    """
    report, roads = prepared.report, prepared.roads
    if report.is_refused:
        return report
    started = time.perf_counter()
    report.findings += check_speeds(tx, roads)
    before = tx.execute(select(road_build.c.road_build_id).where(road_build.c.is_current)).scalar_one_or_none()
    with tx.begin_nested() as savepoint:
        source = f"OpenStreetMap, {Path(report.file).name} ({CREDIT})"
        build = write_roads(
            tx,
            roads.nodes,
            roads.edges,
            roads.restrictions,
            source=source,
            is_synthetic=False,
            now=now,
            report=report.details,
        )
        report.counts["new_builds"] = int(build != before)
        if prepared.mapped is not None:
            report.counts |= build_basemap(tx, prepared.mapped)
        if build != before:
            note_import(tx, "roads", report, subject=f"build {build}", actor=actor, now=now)
        if report.is_dry_run:
            savepoint.rollback()
    report.details["seconds"]["write"] = round(time.perf_counter() - started, 3)
    report.details["peak_memory_mb"] = peak_memory_mb()
    return report


def clip_of(text: str | None, city: CityFacts) -> shapely.Geometry | None:
    """Return the area to import, EPSG:4326; None for everything.

    Parameters
    ----------
    text
        ``west,south,east,north`` in degrees, a file of polygons, or ``none``. Not given: the city's service box with
        `MARGIN_DEG` on each side.

    Raises
    ------
    ValueRefused
        Neither four numbers that make a box, nor a file.
    """
    if text is None:
        west, south, east, north = city.bbox
        return shapely.box(west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG)
    text = text.strip()
    if text.lower() == EVERYTHING:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    hint = "west,south,east,north in degrees such as 122.4,-4.1,122.7,-3.8; or a file of polygons; or none"
    if not numbers:
        if not Path(text).exists():
            raise ValueRefused.of("--clip", f"{text!r} is neither a box nor a file", hint)
        return shapely.union_all(read_polygons(Path(text), assume_crs="EPSG:4326").frame.geometry.to_numpy())
    if len(numbers) != 4 or not np.isfinite(numbers).all():
        raise ValueRefused.of("--clip", f"{text!r} are not four numbers", hint)
    west, south, east, north = numbers
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise ValueRefused.of("--clip", f"{text!r} is no box", hint)
    return shapely.box(west, south, east, north)


def check_place(roads: Roads, city: CityFacts, area: shapely.Geometry | None, *, is_own_clip: bool) -> list[Finding]:
    """Refuse streets that are not where they are wanted, or where the city's metres do not hold."""
    if roads.edges.empty:
        wanted = "the area of --clip" if is_own_clip else f"the box of {city.name} with its margin"
        box = f" ({as_box(area.bounds)})" if area is not None else ""
        covers = f"; the file covers {as_box(roads.covers)}" if roads.covers else ""
        hint = "take an extract of the city's region, or say what to import: --clip west,south,east,north"
        return [Finding(field="file", reason=f"no street lies in {wanted}{box}{covers}", hint=hint)]
    west, south, east, north = roads.bounds or (0, 0, 0, 0)
    if city.is_metric_near(west, south) and city.is_metric_near(east, north):
        return []
    reason = (
        f"the streets reach {as_box((west, south, east, north))}, and EPSG:{city.metric_srid} of {city.name} measures"
        f" nothing right there"
    )
    hint = "clip nearer to the city, or make a city folder for that place (bbox and metric_srid in city.toml)"
    return [Finding(field="file", reason=reason, hint=hint)]


def as_box(bounds: tuple[float, ...]) -> str:
    """Return a box as it is written for `--clip`."""
    return ",".join(f"{value:.4f}" for value in bounds)


def check_parts(parts: Components) -> list[Finding]:
    """Warn of streets from which the rest cannot be reached and come back."""
    findings = []
    total = parts.main_length_m + parts.outside_length_m
    if total and parts.main_length_m < MAIN_SHARE * total:
        share = parts.main_length_m / total
        findings.append(
            Finding(
                field="network",
                value=round(share, 3),
                reason=f"only {share:.0%} of the streets hang together: is the extract cut through, or an island?",
                level="warning",
            )
        )
    for row in parts.outside.head(MOST_STRETCHES).itertuples():
        name = f"{row.name}: " if isinstance(row.name, str) else ""
        reason = f"{name}{row.length_m:,.0f} m of streets cannot be reached from the main part and back"
        findings.append(
            Finding(
                field="network",
                value=round(row.length_m),
                reason=reason,
                lon=round(row.lon, 7),
                lat=round(row.lat, 7),
                level="warning",
            )
        )
    return findings


def check_speeds(tx: Connection, roads: Roads) -> list[Finding]:
    """Warn of streets that are open to a profile by their tags and have no speed for it, which closes them."""
    speeds = load_speeds(tx)
    edges = roads.edges.assign(bits=np.bitwise_or.reduce(access_of(roads.edges), axis=1))
    findings = []
    for profile in sorted(set(speeds["profile"]) & PROFILES.keys()):
        known = {name for hour in speeds["hour_from"].unique() for name in class_speeds(speeds, profile, int(hour))}
        is_without = ~(edges["road_class"].isin(known) | edges["road_class"].str.removesuffix("_link").isin(known))
        closed = edges[is_without & ((edges["bits"] & GROUP_OF[profile]) > 0)]
        for name, rows in closed.groupby("road_class"):
            reason = f"{profile} has no speed on {name}: {rows['length_m'].sum() / 1000:.1f} km are closed to it"
            hint = "add it to speeds.csv of the city, unless that is meant"
            findings.append(
                Finding(field="speed", value=f"{profile} {name}", reason=reason, hint=hint, level="warning")
            )
    return findings


def details_of(roads: Roads, parts: dict[str, Components]) -> dict[str, Any]:
    """Return what the report says besides findings: streets by class, parts, what was left out and why."""
    by_class = roads.edges.groupby("road_class")["length_m"].agg(["size", "sum"]).sort_index()
    reasons = Counter(roads.restrictions["reason"])
    return {
        "classes": {
            str(name): {"edges": int(row["size"]), "length_km": round(float(row["sum"]) / 1000, 3)}
            for name, row in by_class.iterrows()
        },
        "read": roads.counts,
        "ways_left_out": dict(roads.left_out.most_common()),
        "restrictions": {"rows": dict(reasons), "dropped": dict(roads.dropped.most_common())},
        "components": {name: summary_of(part) for name, part in parts.items()},
        "bounds": list(roads.bounds or ()),
    }


def summary_of(parts: Components) -> dict[str, Any]:
    """Return the parts of a network for one group of vehicles; `outside` is what a map shows."""
    return {
        "main_km": round(parts.main_length_m / 1000, 3),
        "main_edges": parts.main_edges,
        "outside_km": round(parts.outside_length_m / 1000, 3),
        "n_outside": len(parts.outside),
        "closed_km": round(parts.closed_length_m / 1000, 3),
        "outside": [
            {
                "lon": round(row.lon, 7),
                "lat": round(row.lat, 7),
                "edges": row.n_edges,
                "length_m": round(row.length_m, 1),
            }
            for row in parts.outside.head(MOST_STRETCHES).itertuples()
        ],
    }


def peak_memory_mb() -> int:
    """Return the most memory this process has held, MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1024 if sys.platform != "darwin" else 1024**2))
