"""What people and attackers send in place of boundaries: a clear report each, and the reader is all that may suffer."""

from __future__ import annotations

import json
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from data import throwaway
from data.geojson_files import NoGeoJSON, read_geojson
from data.place_checks import check_places
from data.polygon_findings import Kind
from data.polygon_review import Review, Scope, review
from data.vector_files import read_polygons
from data.zip_files import ZipRefused, unpack_shapefile
from gis.errors import DataError
from tests.data.imports import EAST, NORTH, SOUTH, WEST, box, geojson, quarters

SCOPE = Scope(bbox=(WEST, SOUTH, EAST, NORTH), metric_srid=32751)
SQUARE = [[122.46, -4.02], [122.47, -4.02], [122.47, -4.01], [122.46, -4.01], [122.46, -4.02]]


def looked_at(tmp_path: Path, *rows: dict[str, Any]) -> Review:
    """Review four good quarters with one row before them; the good ones are judged whatever the bad one is."""
    return review(geojson(tmp_path / "a.geojson", [*rows, *quarters()]), SCOPE)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def one_feature(properties: str, geometry: str) -> str:
    feature = f'{{"type": "Feature", "properties": {properties}, "geometry": {geometry}}}'
    return f'{{"type": "FeatureCollection", "features": [{feature}]}}'


POLYGON = json.dumps({"type": "Polygon", "coordinates": [SQUARE]})


def strict(tmp_path: Path, properties: str = '{"code": "A", "name": "A"}', geometry: str = POLYGON) -> list[Any]:
    return read_geojson(written(tmp_path / "a.geojson", one_feature(properties, geometry))).findings


@pytest.mark.parametrize(
    ("properties", "geometry", "kind", "reason"),
    [
        ('{"code": NaN}', POLYGON, Kind.JSON, "is NaN or Infinity"),
        ('{"code": 1e999}', POLYGON, Kind.JSON, "is NaN or Infinity"),
        ('{"code": "A", "code": "B"}', POLYGON, Kind.JSON, "key 'code' twice"),
        ("{}", POLYGON[:-1] + ', "type": "Point"}', Kind.JSON, "key 'type' twice"),
        ("{}", POLYGON.replace("122.47", "NaN", 1), Kind.NOT_FINITE, "2 of a ring: not finite numbers"),
        ('{"code": "a\\ud800b"}', POLYGON, Kind.TEXT, "half a character"),
        ("{}", json.dumps({"type": "Polygon", "coordinates": [SQUARE[:-1]]}), Kind.INVALID, "equal to the first"),
        (
            "{}",
            json.dumps({"type": "MultiPolygon", "coordinates": [[], [SQUARE]]}),
            Kind.INVALID,
            "part 1 of the multi",
        ),
        ("{}", POLYGON.replace("122.47", "-Infinity", 1), Kind.NOT_FINITE, "not finite numbers"),
        ("{}", POLYGON.replace("122.47", '"122.47"', 1), Kind.NOT_POLYGON, "not pairs of numbers"),
        ("{}", POLYGON.replace("122.47", "null", 1), Kind.NOT_POLYGON, "not pairs of numbers"),
        ("{}", '{"type": "Polygon", "coordinates": [[[122, -4], [123, -4], [122, -4]]]}', Kind.INVALID, "a ring of 3"),
        ("{}", '{"type": "Polygon", "coordinates": 7}', Kind.NOT_POLYGON, "coordinates are no list"),
        ("{}", '{"type": "Polygon"}', Kind.NOT_POLYGON, "cannot be read"),
        ("{}", '{"type": "CurvePolygon", "geometries": []}', Kind.CURVE, "CurvePolygon is a curve"),
        ("{}", '{"type": "Circle", "coordinates": [122, -4]}', Kind.NOT_POLYGON, "'Circle' is no geometry"),
        ("{}", "[]", Kind.NOT_POLYGON, "None is no geometry"),
    ],
)
def test_features_that_are_no_good_json(
    tmp_path: Path, properties: str, geometry: str, kind: Kind, reason: str
) -> None:
    found = [finding for finding in strict(tmp_path, properties, geometry) if finding.kind == kind]
    assert [finding.row for finding in found] == [1]
    assert reason in found[0].reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"type": "FeatureCollection", "features": [], "features": []}', "key 'features' twice"),
        ('{"type": "FeatureCollection", "features": [], "bbox": [NaN]}', "beside the features"),
        ('{"type": "Topology", "objects": {}}', "is 'Topology'; expected a GeoJSON FeatureCollection"),
        ("[1, 2]", "expected a FeatureCollection"),
        ('{"type": "FeatureCollection", "features": [], "crs": {"type": "link", "properties": {}}}', "CRS given as"),
        ('{"type": "FeatureCollection", "features": [], "crs": {"type": "name"}}', "names no CRS"),
        ("[" * 200_000, "cannot be read as GeoJSON"),
        ('{"a": ' + "9" * 10_000 + "}", "cannot be read as GeoJSON"),
        ('{"type": "FeatureCollection"', "cannot be read as GeoJSON"),
        ("<OGRVRTDataSource/>", "is not GeoJSON inside"),
    ],
)
def test_files_that_are_no_good_json(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(NoGeoJSON, match=reason):
        read_geojson(written(tmp_path / "a.geojson", text))


def test_geojson_in_latin_1_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(one_feature('{"name": "Désa"}', POLYGON).encode("latin-1"))
    with pytest.raises(NoGeoJSON, match=r"is not UTF-8 \(byte 0xe9"):
        read_geojson(path)


def test_one_look_finds_every_kind(tmp_path: Path) -> None:
    """100,000 vertices, a bow-tie, heights, a collection, a place far off, a code twice: none hides another."""
    angles = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    ring = np.column_stack([122.5 + 0.01 * np.cos(angles), -4 + 0.01 * np.sin(angles)])
    rows = [
        {"code": "X1", "name": "Lingkaran", "geometry": shapely.Polygon(ring)},
        {
            "code": "X2",
            "name": "Kupu",
            "geometry": shapely.Polygon([(122.5, -4), (122.6, -4.1), (122.6, -4), (122.5, -4.1)]),
        },
        {"code": "X3", "name": "Tinggi", "geometry": shapely.force_3d(box(122.46, -3.94, 122.47, -3.93), 7.0)},
        {"code": "X4", "name": "Kumpulan", "geometry": shapely.GeometryCollection([box(122.46, -3.94, 122.47, -3.93)])},
        {"code": "X5", "name": "Laut", "geometry": box(100, -4, 101, -3)},
        {"code": "B1", "name": "Dua", "geometry": box(122.56, -4, 122.57, -3.99)},
    ]
    found = looked_at(tmp_path, *rows)
    at = {(finding.kind, finding.row) for finding in found.findings}
    assert {("too_complex", 1), ("invalid", 2), ("heights", 3), ("not_polygon", 4), ("outside", 5)} <= at
    assert ("duplicate_code", 7) in at
    assert found.counts["overlap"] >= 4  # the circle with all quarters
    bow_tie = next(finding for finding in found.findings if finding.kind == "invalid")
    assert (bow_tie.lon, bow_tie.lat) == pytest.approx((122.55, -4.05))
    assert "2 parts" in bow_tie.proposal
    assert found.is_refused


SRID = 32751
METRES = gpd.GeoSeries([box(WEST, SOUTH, EAST, NORTH)], crs=4326).to_crs(SRID).iloc[0]


@pytest.mark.parametrize(
    ("raw", "crs", "kind", "hint"),
    [
        (box(SOUTH, WEST, NORTH, EAST), 4326, Kind.SWAPPED, "longitude and latitude are swapped"),
        (METRES, 4326, Kind.WRONG_CRS, "not|metres of EPSG:32751"),
        (box(WEST, SOUTH, EAST, NORTH), SRID, Kind.WRONG_CRS, "its numbers are degrees, its CRS says EPSG:32751"),
        (METRES, 32748, Kind.WRONG_CRS, "its numbers fit EPSG:32751, its CRS says EPSG:32748"),
        (box(WEST, -NORTH, EAST, -SOUTH), 4326, Kind.OUTSIDE, "the sign of the latitude is lost"),
        (box(106.8, -6.3, 106.9, -6.2), 4326, Kind.OUTSIDE, "is the CRS right?"),
    ],
)
def test_the_mistake_behind_a_wrong_place(raw: shapely.Polygon, crs: int, kind: Kind, hint: str) -> None:
    shape = gpd.GeoSeries([raw], crs=crs).to_crs(4326)
    rows = gpd.GeoDataFrame({"row": [1]}, geometry=shape)
    bbox = (122.4, -4.2, 122.7, -3.8)
    narrow = check_places(rows, np.array([raw.bounds]), crs=f"EPSG:{crs}", bbox=bbox, metric_srid=SRID)
    (finding,) = narrow
    assert finding.kind == kind
    assert hint.split("|")[-1] in finding.hint


def shape_zip(path: Path, **more: bytes | zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"a.shp": b"x", "a.shx": b"x", **more}.items():
            archive.writestr(name, content)  # type: ignore[arg-type]
    return path


def linked(path: Path) -> None:
    shape_zip(path)
    link = zipfile.ZipInfo("a.dbf")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")


def locked(path: Path) -> None:
    shape_zip(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: shape_zip(path, **{"a.dbf": bytes(20 * 1024**2)}), "times its size; the limit is 100"),
        (lambda path: shape_zip(path, **{"b.ZIP": b"PK\x03\x04"}), "archive in the archive"),
        (linked, "a.dbf is a link"),
        (locked, "needs a password"),
    ],
)
def test_archives_that_are_refused(tmp_path: Path, make: Callable[[Path], object], reason: str) -> None:
    make(tmp_path / "a.zip")
    with pytest.raises(ZipRefused, match=reason):
        unpack_shapefile(tmp_path / "a.zip", tmp_path)
    assert not list(tmp_path.glob("layer*"))


def test_names_in_an_archive_are_no_paths(tmp_path: Path) -> None:
    """Only the shapefile's own parts are unpacked, under our names, whatever stands beside them."""
    shape_zip(tmp_path / "a.zip", **{"../../evil.dbf": b"e", "readme.txt": b"r", "a.DBF": b"d"})
    folder = tmp_path / "in"
    folder.mkdir()
    assert unpack_shapefile(tmp_path / "a.zip", folder) == folder / "layer.shp"
    assert sorted(path.name for path in folder.iterdir()) == ["layer.dbf", "layer.shp", "layer.shx"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "in"]


@pytest.mark.parametrize("name", ["/vsicurl/http://127.0.0.1:9/a.geojson", "/vsizip/a.zip/a.shp", "GeoJSON:a.geojson"])
def test_names_that_gdal_would_open_are_files_or_nothing(name: str) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_polygons(Path(name))


def dbf(path: Path, column: bytes, value: bytes) -> None:
    """Write a table of one text, as a program does that never heard of encodings."""
    field = column.ljust(11, b"\0") + b"C" + bytes(4) + bytes([20, 0]) + bytes(14)
    path.write_bytes(struct.pack("<B3BIHH20x", 3, 95, 1, 1, 1, 65, 21) + field + b"\r " + value.ljust(20) + b"\x1a")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_field_names_of_other_people(tmp_path: Path, encoding: str) -> None:
    """A shapefile without .cpg: Latin-1 as its standard says, or UTF-8 as many programs write."""
    gpd.GeoDataFrame({"a": ["x"]}, geometry=[box(*METRES.bounds)], crs=SRID).to_file(tmp_path / "a.shp")
    dbf(tmp_path / "a.dbf", "Désa".encode(encoding), "Tïmur Lâut".encode(encoding))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for ending in ("shp", "shx", "dbf", "prj"):
            archive.write(tmp_path / f"a.{ending}", f"Kötä/a.{ending}")
    frame = read_polygons(tmp_path / "a.zip").frame
    assert frame["Désa"].to_list() == ["Tïmur Lâut"]


ARC = struct.pack("<BIIBII", 1, 10, 1, 1, 8, 5) + struct.pack(
    "<10d", 122.5, -4, 122.51, -3.99, 122.52, -4, 122.51, -4.01, 122.5, -4
)


def test_curves_are_told_and_not_made_straight_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    gpd.GeoDataFrame({"a": ["x", "y"]}, geometry=[box(*METRES.bounds)] * 2, crs=SRID).to_file(path, layer="t")
    with sqlite3.connect(path) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        blob = b"GP\0\1" + struct.pack("<i", SRID) + ARC
        database.execute("UPDATE t SET geom = ? WHERE fid = 2", (blob,))
        database.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = 'GEOMETRY'")
    database.close()
    found = [(finding.kind, finding.row, finding.reason[:22]) for finding in read_polygons(path).findings]
    assert ("curve", 2, "CurvePolygon is a curv") in found
    assert 1 not in {row for _, row, _ in found}
    about = {"version": "1.0.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB", "geometry_types": []}}}
    table = pa.table({"g": pa.array([ARC], pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(about)}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="holds curves"):
        read_polygons(tmp_path / "a.parquet")


def test_kml_brings_its_extended_data_and_no_entities(tmp_path: Path) -> None:
    corners = " ".join(f"{x},{y},0" for x, y in SQUARE)
    kml = (
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>Mandonga</name>'
        '<ExtendedData><Data name="KODE"><value>7471010</value></Data></ExtendedData><Polygon><outerBoundaryIs>'
        f"<LinearRing><coordinates>{corners}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        "</Document></kml>"
    )
    read = read_polygons(written(tmp_path / "a.kml", kml))
    assert (read.frame["KODE"].to_list(), read.findings) == (["7471010"], ())
    entity = '<!DOCTYPE k [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + kml.replace("Mandonga", "&e;")
    with pytest.raises(DataError, match="cannot be read as KML"):
        read_polygons(written(tmp_path / "b.kml", entity))


def test_a_polygon_that_hangs_its_reader_leaves_the_rest_of_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle: what was found until then is told, and that it is not all."""
    path = geojson(tmp_path / "a.geojson", [*quarters(T1={"code": "B1"}), *quarters()[:1]])

    def stopped(*args: Any, **more: Any) -> throwaway.Outcome:
        outcome = run(*args, **more)
        return throwaway.Outcome(answer=(outcome.answer or {}) | {"reached": "names"}, stopped="reading took too long")

    run = throwaway.run
    monkeypatch.setattr(throwaway, "run", stopped)
    found = review(path, SCOPE)
    assert {"duplicate_code", "unfinished"} <= set(found.counts)
    (unfinished,) = [finding for finding in found.findings if finding.kind == "unfinished"]
    assert (unfinished.level, unfinished.reason) == ("error", "names were checked, then reading took too long")


@pytest.mark.slow
def test_a_child_saves_what_it_knows_before_it_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scribble whose crossings are millions: the time of its reader ends, the report does not."""
    monkeypatch.setattr(throwaway, "CPU_S", 4)
    rng = np.random.default_rng(7)
    scribble = shapely.Polygon(np.column_stack([rng.uniform(122.46, 122.54, 5000), rng.uniform(-4.04, -3.96, 5000)]))
    found = looked_at(tmp_path, {"code": "X", "name": "X", "geometry": scribble})
    assert found.counts == {"invalid": 1, "unfinished": 1}
    assert len(found.rows) == 5
    assert found.coverage["rows"] == 4


def test_30_megabytes_are_read_or_refused_with_a_number(tmp_path: Path) -> None:
    """No limit is reached by a file of an ordinary province; this one has all its bytes in one attribute."""
    path = geojson(tmp_path / "a.geojson", [row | {"note": "x" * 7_500_000} for row in quarters()])
    assert path.stat().st_size > 30_000_000
    assert review(path, SCOPE).counts == {}


@pytest.mark.parametrize("lon", [123.9, 130.0, 179.0, 181.0, 200.0, 1225.2, 1e4, 1e160, 1e308])
def test_one_mistyped_vertex_is_told_with_its_place(tmp_path: Path, lon: float) -> None:
    """A polygon that begins in the city and ends far from it is refused, whatever the number."""
    spike = shapely.Polygon([(122.5, -4.05), (lon, -4.0), (122.5, -3.95), (122.5, -4.05)])
    found = looked_at(tmp_path, {"code": "X", "name": "X", "geometry": spike})
    (told,) = [finding for finding in found.findings if finding.kind == Kind.OUTSIDE]
    assert (told.row, told.level) == (1, "error")
    assert told.value == f"{lon:.6g}, -4"
    assert told.lon == (lon if lon <= 180 else None)
    assert len(told.reason) < 120
    assert found.is_refused
