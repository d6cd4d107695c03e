"""What can be wrong with a file of polygons: the kinds, and a finding that can be drawn."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from gis.errors import Finding

# A file of a hundred thousand equal squares has five thousand million overlaps; nobody reads more than these.
MOST_OF_A_KIND = 5_000


class Kind(StrEnum):
    """What a finding is about; pages choose words and colours by it."""

    COLUMN = "column"  # a column that was asked for is not there
    TEXT = "text"  # a code or name is empty, too long, or holds what cannot be printed
    JSON = "json"  # no number, a key twice
    EMPTY = "empty"
    NOT_POLYGON = "not_polygon"
    CURVE = "curve"
    NOT_FINITE = "not_finite"
    TOO_COMPLEX = "too_complex"
    HEIGHTS = "heights"
    INVALID = "invalid"
    SWAPPED = "swapped"
    WRONG_CRS = "wrong_crs"
    OUTSIDE = "outside"
    DUPLICATE_CODE = "duplicate_code"
    UNKNOWN_CODE = "unknown_code"
    MISSING = "missing"  # the reference has it, the file does not
    NAME = "name"  # the reference has another name for the code
    LEVEL = "level"
    PARENT = "parent"
    NESTING = "nesting"
    OVERLAP = "overlap"
    CONFLICT = "conflict"  # overlap with another agency at the same priority
    GAP = "gap"
    SLIVER = "sliver"  # a gap narrower than a drawing is exact
    EDGES = "edges"  # neighbours meet, but not in the same vertices
    UNFINISHED = "unfinished"  # the file was too much for the check
    MORE = "more"


@dataclass(frozen=True, kw_only=True)
class PolygonFinding(Finding):
    """A finding about a polygon, with a piece to draw.

    Attributes
    ----------
    kind
        One of `Kind`.
    proposal
        What a repair would do about it; empty when only a person can.
    area_m2, width_m
        Ground concerned, and the diameter of the largest circle in it; metric CRS of the city.
    piece
        The overlap, gap, place or polygon concerned; EPSG:4326. `lon`, `lat` lie on it.
    """

    kind: str
    proposal: str = ""
    area_m2: float | None = None
    width_m: float | None = None
    piece: shapely.Geometry | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of the contract; the piece is drawn in the map of the report."""
        return {name: value for name, value in super().as_dict().items() if name != "piece"}

    def to_wire(self) -> dict[str, Any]:
        """Return plain JSON that holds everything, for the way from a child process."""
        return {**vars(self), "piece": None if self.piece is None else shapely.to_wkb(self.piece, hex=True)}

    @classmethod
    def from_wire(cls, said: dict[str, Any]) -> PolygonFinding:
        """Make the finding of `to_wire`."""
        piece = said["piece"]
        return cls(**{**said, "piece": None if piece is None else shapely.from_wkb(piece)})


def place_of(geometry: shapely.Geometry) -> dict[str, Any]:
    """Return a point of a geometry as the `lon`, `lat` of a finding; of an invalid one, its first corner."""
    if geometry.is_empty:
        return {}
    inside = geometry.representative_point() if geometry.is_valid else None
    if inside is None or inside.is_empty:  # of rings narrower than a float can say, there is none
        x, y = shapely.get_coordinates(geometry)[0]
    else:
        x, y = inside.coords[0][:2]
    return {"lon": round(float(x), 6), "lat": round(float(y), 6)}


def draw(findings: Iterable[Finding]) -> gpd.GeoDataFrame:
    """Return the findings that have a piece or a place, as a frame.

    Returns
    -------
    GeoDataFrame
        EPSG:4326; columns of `PolygonFinding` but `piece`, which is the geometry; order of the findings.
    """
    rows, pieces = [], []
    for finding in findings:
        piece = getattr(finding, "piece", None)
        if piece is None and finding.lon is not None and finding.lat is not None:
            piece = shapely.Point(finding.lon, finding.lat)
        if piece is not None:
            rows.append({name: value for name, value in vars(finding).items() if name not in ("piece", "file")})
            pieces.append(piece)
    columns = [
        "kind",
        "level",
        "row",
        "field",
        "value",
        "reason",
        "hint",
        "proposal",
        "area_m2",
        "width_m",
        "lon",
        "lat",
    ]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns, dtype=object), geometry=pieces, crs=4326)


def count_kinds(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings there are of each kind, by name of the kind."""
    kinds = pd.Series([finding.kind for finding in findings if isinstance(finding, PolygonFinding)], dtype=object)
    return {str(kind): int(count) for kind, count in kinds.value_counts().sort_index().items()}


def at_most(findings: list[PolygonFinding], *, most: int = MOST_OF_A_KIND) -> list[PolygonFinding]:
    """Return the findings, of each kind no more than `most`; what is left out is told by one more finding."""
    kept: list[PolygonFinding] = []
    left: dict[str, int] = {}
    seen: dict[str, int] = {}
    is_error: dict[str, bool] = {}
    for finding in findings:
        seen[finding.kind] = seen.get(finding.kind, 0) + 1
        if seen[finding.kind] <= most:
            kept.append(finding)
        else:
            left[finding.kind] = left.get(finding.kind, 0) + 1
            is_error[finding.kind] = is_error.get(finding.kind, False) or finding.level == "error"
    for kind, count in left.items():
        level = "error" if is_error[kind] else "warning"
        kept.append(
            PolygonFinding(
                kind=Kind.MORE, field="geometry", value=kind, level=level, reason=f"and {count} more findings of {kind}"
            )
        )
    return kept


def save_map(path: Path, pieces: gpd.GeoDataFrame) -> None:
    """Write pieces as GeoJSON, EPSG:4326; members that are empty are left out."""
    features = [
        {
            "type": "Feature",
            "properties": {
                name: value
                for name, value in row.items()
                if name != pieces.geometry.name and not pd.isna(value) and value != ""
            },
            "geometry": row[pieces.geometry.name].__geo_interface__,
        }
        for row in pieces.to_dict("records")
    ]
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
