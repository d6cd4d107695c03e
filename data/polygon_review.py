"""Judge a file of polygons whole: everything that is wrong with it in one go, each with a piece to draw and a proposal.

The work is done in a throw-away child (`data.review_child`); this side sends what the city knows and takes the answer.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd

from data import throwaway
from data.city_areas import LEVELS
from data.polygon_findings import Kind, PolygonFinding, count_kinds, draw
from data.polygon_table import Fields
from data.vector_files import VectorFile, reading_request
from gis.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a file is judged against. Frames are trusted, EPSG:4326; a missing one asks for no such check.

    Attributes
    ----------
    bbox
        The city's service box: west, south, east, north in degrees.
    metric_srid
        EPSG code of the CRS for metres and areas.
    level
        Level of administrative areas; `None` for jurisdictions.
    service
        Code for the sentences about another agency.
    holes_allowed
        Gaps wide enough to be meant are not reported.
    known
        `code`, `name`, `parent_code`, `geometry` of what the city has now in place of the file.
    beside
        `code`, `label`, `geometry` of what stays beside the file's polygons and should not overlap them: waters beside
        kelurahan, jurisdictions that are kept.
    others
        `label`, `geometry` of jurisdictions of other agencies at the same priority: an overlap refuses the file.
    areas
        `level`, `code`, `name`, `parent_code`, `geometry` of the other levels of administrative areas.
    """

    bbox: tuple[float, float, float, float]
    metric_srid: int
    level: str | None = None
    service: str = ""
    holes_allowed: bool = False
    known: gpd.GeoDataFrame | None = None
    beside: gpd.GeoDataFrame | None = None
    others: gpd.GeoDataFrame | None = None
    areas: gpd.GeoDataFrame | None = None

    def frames(self) -> dict[str, gpd.GeoDataFrame]:
        """Return the frames that are there, by name."""
        named = {"known": self.known, "beside": self.beside, "others": self.others, "areas": self.areas}
        return {name: frame for name, frame in named.items() if frame is not None}

    def facts(self) -> dict[str, Any]:
        """Return the rest as JSON."""
        return {
            "bbox": list(self.bbox),
            "metric_srid": self.metric_srid,
            "level": self.level,
            "levels": list(LEVELS),
            "service": self.service,
            "holes_allowed": self.holes_allowed,
        }


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A layer somebody trusts more: its names are compared. Without `code_field` the best fitting column is taken."""

    layer: VectorFile
    name: str
    code_field: str | None = None
    name_field: str | None = None


@dataclass(frozen=True, kw_only=True)
class Review:
    """What is known about a file.

    Attributes
    ----------
    rows
        `row` (from 1, in the file), `code`, `name`, `parent_code` (settled), `is_valid`, `n_vertices`, `area_m2`,
        `geometry` (EPSG:4326, as in the file; NaN area where it is unusable).
    findings
        Everything, in order of rows; those of the whole file first.
    counts
        Findings by `Kind`.
    coverage
        ``rows`` (polygons judged), ``area_m2`` (of their union), ``overlap_m2``, ``gap_m2`` (slivers and gaps), and
        ``is_valid``: no overlap, and shared borders with the same vertices; ``None`` when that was not reached.
    """

    file: str
    crs: str
    rows: gpd.GeoDataFrame
    findings: tuple[PolygonFinding, ...]
    coverage: dict[str, Any]
    counts: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", count_kinds(self.findings))

    @property
    def is_refused(self) -> bool:
        """Whether a finding is an error."""
        return any(finding.level == "error" for finding in self.findings)

    def pieces(self) -> gpd.GeoDataFrame:
        """Return the findings that can be drawn; see `data.polygon_findings.draw`."""
        return draw(self.findings)

    def details(self) -> dict[str, Any]:
        """Return what a report says besides the findings."""
        return {"crs": self.crs, "found": self.counts, "coverage": self.coverage}

    def as_dict(self) -> dict[str, Any]:
        """Return the review as JSON, without geometry."""
        return {
            "file": self.file,
            "crs": self.crs,
            "refused": self.is_refused,
            "counts": self.counts,
            "coverage": self.coverage,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def review(
    path: Path,
    scope: Scope,
    *,
    fields: Fields = Fields(),  # noqa: B008 - frozen
    reference: Reference | None = None,
    assume_crs: str | None = None,
) -> Review:
    """Judge a file of polygons, in a child process that may be lost.

    Raises
    ------
    DataError
        The file cannot be read at all; what is wrong with single features never raises.
    """
    request = {
        **reading_request(path, assume_crs),
        **scope.facts(),
        "fields": asdict(fields),
        "job": "review",
        "reference": reference_facts(reference),
    }
    frames = scope.frames() | ({"reference": reference.layer.frame} if reference is not None else {})
    with tempfile.TemporaryDirectory(prefix="siaga-review-") as name:
        folder = Path(name)
        outcome = throwaway.run("data.review_child", request, folder=folder, driver=request["driver"], frames=frames)
        answer = outcome.answer
        if answer is None:
            raise DataError(f"{path}: {outcome.stopped}")
        if answer["error"]:
            raise DataError(f"{path}: {answer['error']}")
        rows = throwaway.take_frame(folder / "rows.parquet")
    if rows is None:
        raise DataError(f"{path}: {outcome.stopped}")
    findings = [PolygonFinding.from_wire(said) for said in answer["findings"]]
    if outcome.stopped:
        findings.append(
            PolygonFinding(
                kind=Kind.UNFINISHED,
                field="geometry",
                reason=f"{answer['reached']} were checked, then {outcome.stopped}",
                hint="mend what is listed here first, or simplify the layer",
            )
        )
    findings.sort(key=lambda finding: finding.row or 0)
    return Review(file=str(path), crs=answer["crs"], rows=rows, findings=tuple(findings), coverage=answer["coverage"])


def reference_facts(reference: Reference | None) -> dict[str, Any] | None:
    """Return what a child is told of a reference layer besides its frame."""
    if reference is None:
        return None
    return {"name": reference.name, "code_field": reference.code_field, "name_field": reference.name_field}
