"""Real layers, clean and dirty: what the check counts, and what a repair promises, tried with points of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from data.polygon_repair import Repair, propose_repair
from data.polygon_review import Reference, Scope, review
from data.polygon_table import Fields
from data.vector_files import VectorFile, read_polygons

N_POINTS = 30_000


@dataclass(frozen=True)
class Layer:
    """A file of the geodata folder: its code column, the city it is judged for, and its CRS for metres."""

    file: str
    code: str
    bbox: tuple[float, float, float, float]
    srid: int
    options: dict[str, float] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        return Scope(bbox=self.bbox, metric_srid=self.srid)

    @property
    def fields(self) -> Fields:
        return Fields(code=self.code)


KENDARI = (122.40, -4.12, 122.68, -3.88)
CLEAN = Layer("kendari_kelurahan.geojson", "kode_bps", KENDARI, 32751)
DIRTY = Layer("kendari_kelurahan_cahyadsn_dirty.geojson", "kode", KENDARI, 32751)
SULTRA = Layer("sultra_kabkota_cahyadsn_invalid.geojson", "kode", (120.8, -6.3, 124.7, -2.7), 32751)
TORONTO = Layer("incidents/toronto_neighbourhoods.geojson", "name", (-79.7, 43.5, -79.1, 43.9), 32617)


@pytest.fixture(scope="module")
def reference(geodata: Path) -> VectorFile:
    return read_polygons(geodata / CLEAN.file)


def test_the_clean_layer_has_nothing_to_say(geodata: Path) -> None:
    found = review(geodata / CLEAN.file, CLEAN.scope, fields=CLEAN.fields)
    assert (len(found.rows), found.findings, found.is_refused) == (65, (), False)
    assert found.coverage["is_valid"] is True
    assert found.coverage["area_m2"] / 1e6 == pytest.approx(268.95, abs=0.01)


def test_the_dirty_layer_beside_the_reference(geodata: Path, reference: VectorFile) -> None:
    named = Reference(layer=reference, name=CLEAN.file)
    found = review(geodata / DIRTY.file, DIRTY.scope, reference=named)
    assert found.counts["overlap"] == 57
    assert found.coverage["overlap_m2"] == pytest.approx(58_750, rel=0.01)
    assert found.counts["sliver"] == pytest.approx(117, rel=0.01)
    assert found.coverage["gap_m2"] == pytest.approx(56_919, rel=0.01)
    assert max(finding.area_m2 or 0 for finding in found.findings if finding.kind == "overlap") == pytest.approx(
        3_466, rel=0.01
    )
    assert [finding.reason for finding in found.findings if finding.kind == "missing"] == [
        f"Wundumbatu of {CLEAN.file} is not in the file"
    ]
    names = {str(finding.value) for finding in found.findings if finding.kind == "name"}
    assert names == {"Kassilampe", "Andonohu", "Puday", "Benuanirae", "Anggalomelai"}
    assert not found.is_refused
    pieces = found.pieces()
    assert len(pieces) == len(found.findings)
    assert pieces.geometry.is_valid.mean() > 0.95  # a sliver of some nanometres may be no polygon to GEOS
    assert (pieces.loc[pieces["kind"] == "overlap", "proposal"].str.contains("keeps it")).all()


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        (SULTRA, {"invalid": 10, "overlap": 18}),
        (TORONTO, {"invalid": 1, "overlap": 2, "sliver": 10}),
    ],
    ids=["sultra", "toronto"],
)
def test_invalid_polygons_do_not_hide_overlaps(geodata: Path, layer: Layer, counts: dict[str, int]) -> None:
    found = review(geodata / layer.file, layer.scope, fields=layer.fields)
    assert {kind: found.counts[kind] for kind in counts} == counts
    assert found.is_refused
    invalid = [finding for finding in found.findings if finding.kind == "invalid"]
    assert all(finding.proposal and finding.lon and finding.piece is not None for finding in invalid)


def owners(frame: gpd.GeoDataFrame, points: gpd.GeoDataFrame) -> pd.Series:
    """Return the lowest code over each point, by a plain join; missing where none is."""
    pairs = gpd.sjoin(points, frame, predicate="covered_by")
    best = pairs.sort_values("code")["code"]
    return best[~best.index.duplicated()].reindex(points.index)


def spread(layer: Layer, frame: gpd.GeoDataFrame, reach_m: float) -> gpd.GeoDataFrame:
    """Return points of the whole box, and as many beside the borders, with other chance than the repair's own."""
    rng = np.random.default_rng(2026)
    west, south, east, north = frame.total_bounds
    anywhere = np.column_stack([rng.uniform(west, east, N_POINTS), rng.uniform(south, north, N_POINTS)])
    vertices = shapely.get_coordinates(frame.geometry.to_numpy())
    at = vertices[rng.integers(len(vertices), size=N_POINTS)]
    beside = at + rng.normal(0, reach_m / 111_000, (N_POINTS, 2))
    lonlat = np.concatenate([anywhere, beside, vertices[:: max(1, len(vertices) // 5000)]])
    return gpd.GeoDataFrame(geometry=shapely.points(lonlat), crs=4326)


def prove(layer: Layer, path: Path, made: Repair, out: Path) -> gpd.GeoDataFrame:
    """Check a proposal as it stands on disk, by GeoPandas alone; return the repaired frame."""
    made.save(out)
    old, new = (gpd.read_file(file).rename(columns={layer.code: "code"})[["code", "geometry"]] for file in (path, out))
    assert new["code"].to_list() == old["code"].to_list()
    assert new.geometry.is_valid.all()
    assert shapely.coverage_is_valid(new.geometry.to_numpy())
    drawn = old.boundary
    old["geometry"] = shapely.make_valid(old.geometry.to_numpy(), method="structure", keep_collapsed=False)
    figures = made.figures
    points = spread(layer, old, figures["tolerance_m"])
    before, after = owners(old, points), owners(new, points)
    is_changed = before.fillna("") != after.fillna("")
    # Straight in degrees is a little bent in metres: cut into 100 m the lines are as they are meant.
    borders = shapely.union_all(gpd.GeoSeries(shapely.segmentize(drawn.to_numpy(), 0.001), crs=4326).to_crs(layer.srid))
    moved = points[is_changed].to_crs(layer.srid).geometry.to_numpy()
    assert shapely.distance(moved, borders).max(initial=0.0) <= figures["owner_changes_within_m"]
    assert figures["owner_changes_within_m"] <= figures["tolerance_m"]
    return new


@pytest.mark.slow
@pytest.mark.parametrize("layer", [DIRTY, SULTRA, TORONTO], ids=["kendari", "sultra", "toronto"])
def test_the_repair_keeps_its_promise(geodata: Path, tmp_path: Path, layer: Layer) -> None:
    path = geodata / layer.file
    made = propose_repair(path, layer.scope, fields=layer.fields)
    assert made.findings == ()
    prove(layer, path, made, tmp_path / "out.geojson")
    after = review(tmp_path / "out.geojson", layer.scope, fields=layer.fields)
    assert not after.is_refused
    assert {"invalid", "overlap", "edges"}.isdisjoint(after.counts)
    assert after.coverage["is_valid"] is True


@pytest.mark.slow
def test_borders_move_onto_the_reference(geodata: Path, tmp_path: Path, reference: VectorFile) -> None:
    """Within 40 m the line drawn twice becomes one; what differs by more stays as the file has it."""
    path = geodata / DIRTY.file
    made = propose_repair(path, DIRTY.scope, fields=DIRTY.fields, tolerance_m=40, snap_to=reference)
    new = prove(DIRTY, path, made, tmp_path / "out.geojson")
    theirs = shapely.union_all(shapely.boundary(reference.frame.geometry.to_numpy()))

    def on_it(frame: gpd.GeoDataFrame) -> float:
        vertices = shapely.points(shapely.get_coordinates(frame.geometry.to_numpy()))
        return float((shapely.distance(vertices, theirs) < 1e-9).mean())

    assert on_it(gpd.read_file(path)) < 0.01
    assert on_it(new) > 0.5


def test_a_clean_layer_comes_back_to_the_last_bit(geodata: Path, tmp_path: Path) -> None:
    path = geodata / CLEAN.file
    made = propose_repair(path, CLEAN.scope, fields=CLEAN.fields)
    assert made.figures["owner_changed_m2"] == made.figures["owner_changes_within_m"] == 0
    made.save(tmp_path / "out.geojson")
    old, new = gpd.read_file(path), gpd.read_file(tmp_path / "out.geojson")
    assert shapely.equals_exact(
        shapely.normalize(old.geometry.to_numpy()), shapely.normalize(new.geometry.to_numpy())
    ).all()
    assert new["nama"].to_list() == old["nama"].to_list()
