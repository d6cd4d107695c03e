"""The child process of `data.polygon_review` and `data.polygon_repair`: judge or mend one file of polygons.

What is known is saved after each step, cheap steps first: when a polygon hangs GEOS and the process is stopped, the
rest of the report is there all the same.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data import throwaway
from data.coverage import area_m2
from data.coverage_checks import (
    check_conflicts,
    check_edges,
    check_gaps,
    check_nesting,
    check_overlaps,
    settle_parents,
)
from data.mending import describe_mending, mend
from data.name_checks import best_column, check_names
from data.place_checks import check_places
from data.polygon_findings import Kind, PolygonFinding, at_most
from data.polygon_table import NAMES, Fields, read_table
from data.reading_child import POLYGONAL, Read, Refused, read

FATE = "; the lower code wins there"


@dataclass
class Job:
    """A file as read, with what it is judged against.

    `rows` has, beside the columns of `data.polygon_table`, `is_valid`; `shapes` are the polygons that can be compared,
    in order of the rows, `None` where there is none.
    """

    asked: dict[str, Any]
    found: Read
    rows: gpd.GeoDataFrame
    shapes: Any
    findings: list[PolygonFinding] = field(default_factory=list)
    coverage: dict[str, Any] = field(default_factory=dict)

    @property
    def srid(self) -> int:
        """EPSG code for metres."""
        return int(self.asked["metric_srid"])

    def save(self, reached: str, beside: list[PolygonFinding]) -> None:
        """Save what is known so far; `beside` are findings of a step that the next one does again, better."""
        throwaway.save_answer(
            {
                "error": "",
                "crs": self.found.crs,
                "reached": reached,
                "coverage": self.coverage,
                "findings": [finding.to_wire() for finding in at_most(self.findings + beside)],
            }
        )


def begin(asked: dict[str, Any]) -> Job:
    """Read the file and its table."""
    found = read(Path(asked["path"]), asked["driver"], asked["assume_crs"])
    table = read_table(found.frame, Fields(**asked["fields"]), level=asked["level"], levels=asked["levels"])
    rows = table.rows
    meant = set(rows["row"])
    geometry = rows.geometry.to_numpy()
    is_valid = (
        np.isin(shapely.get_type_id(geometry), POLYGONAL) & ~shapely.is_empty(geometry) & shapely.is_valid(geometry)
    )
    # GEOS calls some geometry valid that has no numbers.
    is_valid &= np.isfinite(shapely.bounds(geometry)).all(axis=1)
    rows["is_valid"] = is_valid
    rows["n_vertices"] = shapely.get_num_coordinates(geometry)
    shapes = np.where(is_valid, geometry, None)
    job = Job(asked=asked, found=found, rows=rows, shapes=shapes)
    if asked["level"] is not None and asked["level"] not in asked["levels"]:
        hint = f"one of {', '.join(asked['levels'])}"
        reason = f"unknown level {asked['level']}"
        job.findings.append(
            PolygonFinding(kind=Kind.LEVEL, field="--level", value=asked["level"], reason=reason, hint=hint)
        )
    job.findings += [finding for finding in found.findings if finding.row is None or finding.row in meant]
    job.findings += table.findings
    return job


def judge(asked: dict[str, Any]) -> None:
    """Find everything that is wrong with the file of the request."""
    job = begin(asked)
    put_rows(job)
    raw_bounds = job.found.raw_bounds[job.rows["row"].to_numpy(dtype=int) - 1]
    places = check_places(job.rows, raw_bounds, crs=job.found.crs, bbox=tuple(asked["bbox"]), metric_srid=job.srid)
    job.findings += places
    job.save("single polygons", [])
    # What lies in another place of the world is beside nothing here.
    job.shapes[np.isin(job.rows["row"].to_numpy(), [finding.row for finding in places])] = None
    job.findings += judge_names(job)
    job.save("single polygons and names", [])
    together = judge_together(job)
    put_rows(job)
    broken = np.flatnonzero(~job.rows["is_valid"].to_numpy() & has_polygon(job.rows))
    if len(broken):
        job.save("single polygons, names, and the valid polygons together", together)
        for at in broken:
            shape = job.rows.geometry.iloc[at]
            mended = mend(shape)
            explain_mending(job, at, shape, mended)
            if job.rows["row"].iloc[at] not in {finding.row for finding in places}:
                job.shapes[at] = mended
        together = judge_together(job)
        put_rows(job)
    job.findings += together
    job.save("", [])


def has_polygon(rows: gpd.GeoDataFrame) -> Any:
    """Return which rows have a polygon of finite numbers, valid or not."""
    geometry = rows.geometry.to_numpy()
    return np.isin(shapely.get_type_id(geometry), POLYGONAL) & np.isfinite(shapely.bounds(geometry)).all(axis=1)


def explain_mending(job: Job, at: int, shape: shapely.Geometry, mended: shapely.Geometry | None) -> None:
    """Complete the finding of an invalid row by what a repair would make of it."""
    row = int(job.rows["row"].iloc[at])
    proposal = describe_mending(shape, mended, job.srid)
    job.findings = [
        replace(finding, proposal=proposal) if finding.kind == Kind.INVALID and finding.row == row else finding
        for finding in job.findings
    ]


def judge_names(job: Job) -> list[PolygonFinding]:
    """Compare codes and names with the reference layer if there is one, else with what the city has."""
    about, reference = job.asked["reference"], throwaway.take_frame(Path("reference.parquet"))
    if about is None or reference is None:
        known = throwaway.take_frame(Path("known.parquet"))
        return [] if known is None else check_names(job.rows, known, source="the city")
    codes = about["code_field"] or best_column(reference, {code for code in job.rows["code"] if code})
    lower = {str(name).lower(): str(name) for name in reference.columns}
    names = about["name_field"] or next((lower[name] for name in NAMES if name in lower), None)
    for column, what in ((codes, "code"), (names, "name")):
        if column is None or column not in reference.columns:
            there = ", ".join(str(name) for name in reference.columns if name != reference.geometry.name)
            reason = (
                f"{about['name']} has no column {column}"
                if column
                else f"no column of {about['name']} holds {what}s of the file"
            )
            hint = f"choose with --reference-{what}-field; it has: {there}"
            return [PolygonFinding(kind=Kind.COLUMN, field=f"--reference-{what}-field", reason=reason, hint=hint)]
    table = pd.DataFrame(
        {"code": reference[codes], "name": reference[names].fillna("?"), "geometry": reference.geometry.to_numpy()}
    )
    return check_names(job.rows, table, source=about["name"])


def judge_together(job: Job) -> list[PolygonFinding]:
    """Judge the polygons that can be compared beside each other; sets `coverage`."""
    level, srid = job.asked["level"], job.srid
    rows = job.rows.set_geometry(gpd.GeoSeries(job.shapes, index=job.rows.index, crs=4326))
    beside = throwaway.take_frame(Path("beside.parquet"))
    if beside is not None and level is None:  # what the file names is replaced
        beside = beside[~beside["code"].isin(rows["code"])]
    labels = (
        rows["code"] if level is None else level + " " + rows["code"].astype(str) + " " + rows["name"].astype(str)
    ).to_list()
    group = rows
    if beside is not None and len(beside):
        labels += beside["label"].to_list()
        group = pd.concat([rows, beside.assign(row=None, is_valid=True)], ignore_index=True)
    findings: list[PolygonFinding] = []
    areas = throwaway.take_frame(Path("areas.parquet"))
    if areas is not None and level is not None:
        kecamatan = areas[areas["level"] == "kecamatan"]
        if level == "kelurahan" and len(kecamatan):
            known = throwaway.take_frame(Path("known.parquet"))
            before = {} if known is None else dict(zip(known["code"], known["parent_code"], strict=True))
            findings += settle_parents(rows, kecamatan, before, srid=srid)
            job.rows["parent_code"] = rows["parent_code"]
        there = pd.concat([rows.assign(level=level), areas.assign(row=None)], ignore_index=True)
        findings += check_nesting(there, srid=srid)
    overlaps = check_overlaps(group, labels, n_given=len(rows), srid=srid, fate=FATE)
    others = throwaway.take_frame(Path("others.parquet"))
    if others is not None and len(others):
        findings += check_conflicts(rows, others, service=job.asked["service"], srid=srid)
    gaps = check_gaps(group, labels, srid=srid, holes_allowed=job.asked["holes_allowed"])
    findings += overlaps + gaps + check_edges(rows, overlaps + gaps, srid=srid)
    shapes = job.shapes[~shapely.is_missing(job.shapes)]
    job.coverage = {
        "rows": len(shapes),
        "area_m2": round(float(area_m2(np.array([shapely.union_all(shapes)]), srid)[0]), 1) if len(shapes) else 0.0,
        "overlap_m2": round(sum(finding.area_m2 or 0 for finding in overlaps), 1),
        "gap_m2": round(sum(finding.area_m2 or 0 for finding in gaps), 1),
        "is_valid": bool(len(shapes) and shapely.coverage_is_valid(shapes)),
    }
    return findings


def put_rows(job: Job) -> None:
    """Leave the rows for the parent."""
    shapes = job.shapes
    sizes = np.full(len(shapes), np.nan)
    is_there = ~shapely.is_missing(shapes)
    if is_there.any():
        sizes[is_there] = area_m2(shapes[is_there], job.srid)
    throwaway.put_frame(Path("rows.parquet"), job.rows.assign(area_m2=sizes))


def main() -> int:
    """Do the job of the request."""
    asked = throwaway.begin()
    warnings.simplefilter("ignore")
    try:
        if asked["job"] == "repair":
            from data.repair_child import propose  # needs more of the machine to start

            propose(asked)
        else:
            judge(asked)
    except Refused as refused:
        throwaway.save_answer({"error": str(refused), "findings": []})
    return 0


if __name__ == "__main__":
    sys.exit(main())
