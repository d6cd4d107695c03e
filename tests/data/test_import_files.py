"""Files of polygons as people send them: every bad one is refused with a reason, whatever it does to its reader."""

from __future__ import annotations

import json
import re
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from data.vector_files import read_polygons
from gis.errors import DataError

BOX = shapely.box(122.50, -4.00, 122.52, -3.98)
SRID = 32751


def feature(shape: object, **properties: object) -> dict[str, object]:
    geometry = shape if shape is None or isinstance(shape, dict) else shapely.geometry.mapping(shape)  # type: ignore[arg-type]
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def geojson(path: Path, *features: dict[str, object], **more: object) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", **more, "features": list(features)}))
    return path


def shapefile(folder: Path, *, crs: int | None = SRID) -> list[Path]:
    folder.mkdir()
    frame = gpd.GeoDataFrame({"kode": ["7471010"], "nama": ["Mandonga"]}, geometry=[BOX], crs=4326).to_crs(SRID)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.set_crs(crs, allow_override=True).to_file(folder / "areas.shp", engine="pyogrio")
    return sorted(folder.iterdir())


def archive(path: Path, files: list[Path], folder: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for file in files:
            target.write(file, folder + file.name)
    return path


def test_attributes_come_as_text(tmp_path: Path) -> None:
    """Codes that went through a spreadsheet as floats, lists, nothing at all."""
    read = read_polygons(
        geojson(
            tmp_path / "a.geojson",
            feature(BOX, code=7471010011.0, name="Mandonga", tags=["a", "b"], area=1.5, note=None),
            feature(BOX, code=7471010012.0, name=None, tags=None, area=2, note="x"),
        )
    )
    assert read.findings == ()
    assert read.frame["code"].to_list() == ["7471010011", "7471010012"]
    assert read.frame["area"].to_list() == ["1.5", "2"]
    assert read.frame["name"].isna().to_list() == [False, True]
    assert read.frame.crs.to_epsg() == 4326


@pytest.mark.parametrize("folder", ["", "batas/2020/"])
def test_a_zipped_shapefile_in_metres(tmp_path: Path, folder: str) -> None:
    read = read_polygons(archive(tmp_path / "areas.zip", shapefile(tmp_path / "s"), folder))
    assert read.frame["kode"].to_list() == ["7471010"]
    assert shapely.hausdorff_distance(read.frame.geometry.iloc[0], BOX) < 1e-6


def kml(frame: gpd.GeoDataFrame, path: Path) -> None:
    corners = " ".join(f"{x},{y},0" for x, y in frame.geometry.iloc[0].exterior.coords)
    path.write_text(
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>Mandonga</name><Polygon>'
        f"<outerBoundaryIs><LinearRing><coordinates>{corners}</coordinates></LinearRing></outerBoundaryIs>"
        "</Polygon></Placemark></Document></kml>"
    )


@pytest.mark.parametrize(
    ("ending", "write"),
    [("gpkg", gpd.GeoDataFrame.to_file), ("parquet", gpd.GeoDataFrame.to_parquet), ("kml", kml)],
)
def test_other_formats(tmp_path: Path, ending: str, write: Callable[..., None]) -> None:
    frame = gpd.GeoDataFrame({"Name": ["Mandonga"]}, geometry=[BOX], crs=4326)
    write(frame, tmp_path / f"a.{ending}")
    read = read_polygons(tmp_path / f"a.{ending}")
    assert (read.frame["Name"].to_list(), read.findings) == (["Mandonga"], ())
    assert read.frame.geometry.iloc[0].equals(BOX)


def test_a_file_without_crs_is_refused_unless_told(tmp_path: Path) -> None:
    files = shapefile(tmp_path / "s")
    path = archive(tmp_path / "a.zip", [file for file in files if file.suffix != ".prj"])
    with pytest.raises(DataError, match="no CRS; say which it is with --crs"):
        read_polygons(path)
    read = read_polygons(path, assume_crs=f"EPSG:{SRID}")
    assert shapely.hausdorff_distance(read.frame.geometry.iloc[0], BOX) < 1e-6
    with pytest.raises(DataError, match="unknown CRS"):
        read_polygons(path, assume_crs="EPSG:999999")


def test_faults_of_single_features_have_row_reason_and_place(tmp_path: Path) -> None:
    bow_tie = shapely.Polygon([(122.5, -4.0), (122.52, -3.98), (122.52, -4.0), (122.5, -3.98)])
    nan = {"type": "Polygon", "coordinates": [[[122.5, -4.0], [float("nan"), -4.0], [122.51, -3.99], [122.5, -4.0]]]}
    read = read_polygons(
        geojson(
            tmp_path / "a.geojson",
            feature(BOX),
            feature(bow_tie),
            feature(nan),
            feature(None),
            feature(shapely.Point(122.5, -4)),
            feature(shapely.Polygon()),
            feature(shapely.GeometryCollection([BOX])),
        )
    )
    assert [finding.row for finding in read.findings] == [2, 3, 4, 5, 6, 7]
    crossing, nan_found, missing, point, empty, collection = read.findings
    assert "Self-intersection" in crossing.reason
    assert (crossing.lon, crossing.lat) == pytest.approx((122.51, -3.99))
    assert "not finite" in nan_found.reason
    assert missing.reason == empty.reason == "missing or empty"
    assert point.reason == "Point; a polygon is needed"
    assert collection.reason == "GeometryCollection; a polygon is needed"


def test_the_place_of_a_fault_is_in_degrees(tmp_path: Path) -> None:
    bow_tie = shapely.Polygon([(122.5, -4.0), (122.52, -3.98), (122.52, -4.0), (122.5, -3.98)])
    gpd.GeoDataFrame({"a": [1]}, geometry=[bow_tie], crs=4326).to_crs(SRID).to_file(tmp_path / "a.gpkg")
    (finding,) = read_polygons(tmp_path / "a.gpkg").findings
    assert (finding.lon, finding.lat) == pytest.approx((122.51, -3.99), abs=1e-4)


def test_a_scribble_of_3000_vertices_ends(tmp_path: Path) -> None:
    """Random vertices cross each other millions of times: the first crossing is enough."""
    rng = np.random.default_rng(7)
    scribble = shapely.Polygon(np.column_stack([rng.uniform(122.4, 122.6, 3000), rng.uniform(-4.1, -3.9, 3000)]))
    (finding,) = read_polygons(geojson(tmp_path / "a.geojson", feature(scribble))).findings
    assert "Self-intersection" in finding.reason


def said_of(path: Path) -> str:
    """Return why a file is refused, as a whole or for each of its features."""
    try:
        return "; ".join(finding.reason for finding in read_polygons(path).findings)
    except DataError as error:
        return str(error)


def nested_collections(depth: int) -> bytes:
    """Return WKB of a polygon inside `depth` geometry collections, one in the other."""
    return struct.pack("<BII", 1, 7, 1) * depth + shapely.to_wkb(BOX)


def geoparquet(path: Path, wkb: bytes, **column: object) -> Path:
    about = {"encoding": "WKB", "geometry_types": [], **column}
    meta = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": about}}
    table = pa.table({"code": ["A"], "geometry": pa.array([wkb], pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(meta)}), path)
    return path


@pytest.mark.parametrize("depth", [10, 500_000])
def test_geometry_collections_in_each_other(tmp_path: Path, depth: int) -> None:
    """Deep nesting may overflow the reader's stack: then that process dies, and not this one."""
    path = geoparquet(tmp_path / "a.parquet", nested_collections(depth))
    assert re.search("GeometryCollection; a polygon|reader stopped|cannot be read", said_of(path))


def test_a_geoparquet_that_says_it_has_no_crs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no CRS"):
        read_polygons(geoparquet(tmp_path / "a.parquet", shapely.to_wkb(BOX), crs=None))


def vrt(path: Path) -> None:
    geojson(path.with_name("secret.json"), feature(BOX, code="A"))
    path.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{path.with_name("secret.json")}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target, target.open("a.shp", "w") as stream:
        for _ in range(420):
            stream.write(bytes(1024**2))


def lying_bomb(path: Path) -> None:
    """A bomb whose directory says that it is small."""
    bomb(path)
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 1000)
    path.write_bytes(content)


def many_entries(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as target:
        for n in range(200):
            target.writestr(f"{n}.txt", "x")


def two_shapefiles(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("a.shp", b"")
        target.writestr("b.shp", b"")


def climbing(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("../../a.shp", b"")


def truncated_geojson(path: Path) -> None:
    geojson(path, *(feature(BOX, code=str(n)) for n in range(20)))
    path.write_bytes(path.read_bytes()[:-300])


def truncated_gpkg(path: Path) -> None:
    frame = gpd.GeoDataFrame({"a": range(2000)}, geometry=[BOX] * 2000, crs=4326)
    frame.to_file(path, driver="GPKG")
    path.write_bytes(path.read_bytes()[:60_000])


def truncated_parquet(path: Path) -> None:
    gpd.GeoDataFrame({"a": [1]}, geometry=[BOX], crs=4326).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-50])


def truncated_zip(path: Path) -> None:
    archive(path, shapefile(path.with_name("s")))
    path.write_bytes(path.read_bytes()[:400])


def no_index(path: Path) -> None:
    archive(path, [file for file in shapefile(path.with_name("s")) if file.suffix != ".shx"])


def short_shapefile(path: Path) -> None:
    """The main file ends in the middle of its polygon."""
    files = shapefile(path.with_name("s"))
    main = next(file for file in files if file.suffix == ".shp")
    main.write_bytes(main.read_bytes()[:150])
    archive(path, files)


def layers(path: Path) -> None:
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[BOX], crs=4326)
    for name in ("kelurahan", "kecamatan"):
        frame.to_file(path, layer=name, driver="GPKG")


def no_geometry(path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), path)


def too_large(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(51 * 1024**2)


def wild_vertices(path: Path) -> None:
    angles = np.linspace(0, 2 * np.pi, 200_001, endpoint=False)
    geojson(path, feature(shapely.Polygon(np.column_stack([122.5 + 0.1 * np.cos(angles), -4 + 0.1 * np.sin(angles)]))))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("a.geojson", vrt, "is not GeoJSON inside, whatever its ending says"),
        ("a.geojson", lambda path: path.write_text(""), "the file is empty"),
        ("a.geojson", lambda path: path.write_text("lon,lat\n1,2\n"), "is not GeoJSON inside"),
        ("a.geojson", lambda path: geojson(path), "no features"),
        ("a.geojson", truncated_geojson, "cannot be read as GeoJSON"),
        ("a.geojson", too_large, "the limit is 52 MB"),
        ("a.geojson", wild_vertices, "too many"),
        ("a.xlsx", lambda path: path.write_text("x"), "expected one of .geojson"),
        ("a.zip", lambda path: path.write_text("not at all"), "not a zip file"),
        ("a.zip", bomb, "MB unpacked"),
        ("a.zip", lying_bomb, "not a zip file|cannot be read|larger than the archive says"),
        ("a.zip", many_entries, "more than 100 entries"),
        ("a.zip", two_shapefiles, "2 shapefiles inside; expected exactly one"),
        ("a.zip", climbing, "points out of the archive"),
        ("a.zip", truncated_zip, "not a zip file"),
        ("a.zip", no_index, "cannot be read as ESRI Shapefile"),
        ("a.zip", short_shapefile, "cannot be read|is not ESRI|missing or empty"),
        ("a.gpkg", truncated_gpkg, "cannot be read as GPKG|is not GPKG"),
        ("a.gpkg", layers, "2 layers"),
        ("a.gpkg", lambda path: path.write_bytes(b"SQLite format 3\x00" + bytes(2000)), "is not GPKG|cannot be read"),
        ("a.parquet", truncated_parquet, "cannot be read as Parquet"),
        ("a.parquet", no_geometry, "cannot be read as Parquet"),
        ("a.shp", lambda path: path.write_bytes(bytes(200)), "is not ESRI Shapefile inside|cannot be read"),
        ("missing.geojson", lambda path: None, "no such file"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, name: str, make: Callable[[Path], object], reason: str) -> None:
    path = tmp_path / name
    make(path)
    said = said_of(path)
    assert re.search(reason, said), said
    assert "secret" not in said


def test_a_reader_that_takes_too_much_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.throwaway.WALL_S", 0.05)
    with pytest.raises(DataError, match=r"longer than 0\.05 s and was stopped"):
        read_polygons(geojson(tmp_path / "a.geojson", feature(BOX)))


@pytest.mark.slow
def test_limits_hold_in_the_child(tmp_path: Path) -> None:
    """A small file that unpacks to gigabytes meets the reader's limit of memory, not the machine's."""
    path = geoparquet(tmp_path / "a.parquet", shapely.to_wkb(BOX))
    schema = pq.read_schema(path)
    many = pa.table({"code": ["A"] * 1_000_000, "geometry": pa.array([shapely.to_wkb(BOX)] * 1_000_000, pa.binary())})
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(36):
            writer.write_table(many.replace_schema_metadata(schema.metadata))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"reader stopped|cannot be read as Parquet.*alloc"):
        read_polygons(path)
