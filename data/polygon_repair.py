"""A repaired layer as a proposal: a file to look at, and what it changes. Importing that file is how it is accepted."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from data import throwaway
from data.polygon_findings import PolygonFinding
from data.polygon_review import Scope
from data.polygon_table import Fields
from data.vector_files import VectorFile, reading_request
from gis.errors import DataError, ValueRefused

DEFAULT_TOLERANCE_M = 10.0
MAX_TOLERANCE_M = 200.0
WRITERS = (".geojson", ".json", ".gpkg")


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A proposal.

    Attributes
    ----------
    layer
        The file's attributes (as text) and repaired polygons, EPSG:4326, order of the file; `None` when no repair is
        possible.
    changes
        One row per polygon: `row`, `code`, `name`, `mended`, `area_before_m2`, `area_m2`, `gained_m2`, `lost_m2`,
        `moved_m`; its geometry is the ground gained or lost. `None` without `layer`.
    findings
        What stands in the way of a repair.
    figures
        ``tolerance_m``, ``owner_changes_within_m`` (no point farther than this from a border of the file has another
        owner than before), ``owner_changed_m2``, ``border_points`` (``n`` tried within the tolerance of a border,
        ``changed``), ``is_valid`` (as a coverage), ``rows``.
    """

    file: str
    layer: gpd.GeoDataFrame | None
    changes: gpd.GeoDataFrame | None
    findings: tuple[PolygonFinding, ...]
    figures: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the proposal as JSON, without geometry."""
        rows = [] if self.changes is None else self.changes.drop(columns="geometry").to_dict("records")
        return {**self.figures, "changes": [row for row in rows if row["mended"] or row["gained_m2"] or row["lost_m2"]]}

    def save(self, out: Path) -> None:
        """Write the layer as GeoJSON or GeoPackage, every coordinate to its last bit.

        Raises
        ------
        DataError
            There is no layer, or the file cannot be written.
        """
        if self.layer is None:
            raise DataError(f"{self.file}: no repair to write")
        if out.suffix.lower() == ".gpkg":
            layer = self.layer.set_geometry(self.layer.geometry.map(_as_multi))
            layer.to_file(out, driver="GPKG", layer=out.stem, engine="pyogrio")
            return
        names = [name for name in self.layer.columns if name != self.layer.geometry.name]
        features = [
            {
                "type": "Feature",
                "properties": {
                    name: None if pd.isna(value) else value for name, value in zip(names, values, strict=True)
                },
                "geometry": shape.__geo_interface__,
            }
            for values, shape in zip(
                self.layer[names].astype(object).itertuples(index=False, name=None), self.layer.geometry, strict=True
            )
        ]
        document = {"type": "FeatureCollection", "features": features}
        out.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def propose_repair(
    path: Path,
    scope: Scope,
    *,
    tolerance_m: float = DEFAULT_TOLERANCE_M,
    snap_to: VectorFile | None = None,
    fields: Fields = Fields(),  # noqa: B008 - frozen
    assume_crs: str | None = None,
) -> Repair:
    """Repair a layer in a child process that may be lost.

    Invalid rings are made valid (`shapely.make_valid`, structure), overlaps go to the lower code, gaps of which no
    point lies farther than the tolerance from a border go to the neighbour with the longest border, shared borders get
    the same vertices; wider gaps stay.

    Parameters
    ----------
    tolerance_m
        Also how far a border moves onto one of `snap_to`.
    snap_to
        A layer whose borders are better.

    Raises
    ------
    DataError
        A file cannot be read at all, or the child had to be stopped.
    """
    require_tolerance(tolerance_m)
    request = {
        **reading_request(path, assume_crs),
        **scope.facts(),
        "fields": asdict(fields),
        "job": "repair",
        "tolerance_m": tolerance_m,
    }
    frames = {} if snap_to is None else {"reference": snap_to.frame}
    with tempfile.TemporaryDirectory(prefix="siaga-repair-") as name:
        folder = Path(name)
        outcome = throwaway.run("data.review_child", request, folder=folder, driver=request["driver"], frames=frames)
        answer = outcome.answer
        if answer is None or outcome.stopped:
            raise DataError(f"{path}: {outcome.stopped}; no repair can be proposed")
        if answer["error"]:
            raise DataError(f"{path}: {answer['error']}")
        layer = throwaway.take_frame(folder / "repaired.parquet")
        changes = throwaway.take_frame(folder / "changes.parquet")
    figures = {name: value for name, value in answer.items() if name not in ("error", "findings", "crs")}
    findings = tuple(PolygonFinding.from_wire(said) for said in answer["findings"])
    return Repair(file=str(path), layer=layer, changes=changes, findings=findings, figures=figures)


def require_tolerance(tolerance_m: float) -> None:
    """Check a tolerance.

    Raises
    ------
    ValueRefused
        It is not within 0 to `MAX_TOLERANCE_M`.
    """
    if not 0 <= tolerance_m <= MAX_TOLERANCE_M:
        raise ValueRefused.of("tolerance_m", f"{tolerance_m:g} m is out of range", f"0 to {MAX_TOLERANCE_M:g} metres")


def require_writable_kind(out: Path) -> None:
    """Check that the ending of `out` names a format a repair can be written in.

    Raises
    ------
    DataError
        It names none.
    """
    if out.suffix.lower() not in WRITERS:
        raise DataError(f"{out}: cannot write {out.suffix or 'a file without ending'}; use {', '.join(WRITERS)}")


def _as_multi(shape: shapely.Geometry) -> shapely.MultiPolygon:
    return shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])
