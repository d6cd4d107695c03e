"""The batch matcher against SQL and against an independent Shapely loop."""

from __future__ import annotations

from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.errors import ColumnError, CRSError
from tests.zones.conftest import add_boundary, found_city
from zones.matching import current_set, match_point
from zones.matching_batch import index_of, match_jurisdictions, read_jurisdictions, read_service_area

AT = datetime(2026, 6, 1, tzinfo=UTC)


def frame_of(tx, facts, lon, lat):
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4326)
    boundaries = read_jurisdictions(tx, "police", at=AT, boundary_set=current_set(tx))
    return match_jurisdictions(points, boundaries, city=facts, service_area=read_service_area(tx))


def test_batch_equals_sql_on_squares_borders_and_corners(tx, square_city):
    add_boundary(tx, "all", shapely.box(122.4, -4.1, 122.6, -3.9), is_citywide=True)
    grid = np.array([122.44, 122.447, 122.45, 122.47, 122.5, 122.53, 122.55, 122.5571, 122.6])
    lon, lat = (axis.ravel() for axis in np.meshgrid(grid, [-4.1, -4.006, -4.0, -3.97, -3.95, -3.944, -3.9]))
    found = frame_of(tx, square_city, lon, lat)
    for row, (x, y) in enumerate(zip(lon, lat, strict=True)):
        sql = match_point(tx, x, y, city=square_city, services=["police"], at=AT).winners["police"]
        got = found.iloc[row]
        if not sql:
            assert (got["match"], pd.isna(got["jurisdiction"])) == ("unassigned", True)
            continue
        assert (got["jurisdiction"], got["match"]) == (sql[0].code, str(sql[0].match))
        assert got["boundary_version"] == sql[0].version
        if sql[0].border_m is not None:
            assert got["border_m"] == pytest.approx(sql[0].border_m, abs=0.051)


def test_batch_equals_sql_and_shapely_on_the_real_city(real_kendari, kelurahan_frame):
    generator = np.random.default_rng(112)
    corners = shapely.get_coordinates(kelurahan_frame.geometry)
    corners = corners[generator.choice(len(corners), 150, replace=False)]
    lon = np.concatenate([generator.uniform(122.43, 122.66, 450), corners[:, 0]])
    lat = np.concatenate([generator.uniform(-4.1, -3.9, 450), corners[:, 1]])
    engine, facts = real_kendari
    with engine.connect() as tx:
        found = frame_of(tx, facts, lon, lat)
        for row, (x, y) in enumerate(zip(lon, lat, strict=True)):
            sql = match_point(tx, x, y, city=facts, services=["police"], at=AT).winners["police"]
            expected = (sql[0].code, str(sql[0].match)) if sql else (None, "unassigned")
            got = found["jurisdiction"].iloc[row], found["match"].iloc[row]
            assert (None if pd.isna(got[0]) else got[0], got[1]) == expected
    covering = [
        min(
            (
                code
                for code, shape in zip(kelurahan_frame["kode_bps"], kelurahan_frame.geometry, strict=True)
                if shape.covers(point)
            ),
            default=None,
        )
        for point in shapely.points(lon, lat)
    ]
    is_covered = found["match"] == "covers"
    assert [code for code in covering if code] == found.loc[is_covered, "jurisdiction"].to_list()


def test_rows_keep_index_and_order_and_unusable_points_say_so(tx, square_city):
    points = gpd.GeoDataFrame(
        {"name": list("vwxyz")},
        geometry=[
            None,
            shapely.Point(np.nan, 1),
            shapely.Point(122.47, -3.97),
            shapely.Point(400, 95),
            shapely.Point(),
        ],
        index=[9, 3, 5, 1, 7],
        crs=4326,
    )
    boundaries = read_jurisdictions(tx, "police", at=AT, boundary_set=current_set(tx))
    found = match_jurisdictions(points, boundaries, city=square_city, service_area=read_service_area(tx))
    assert found.index.to_list() == [9, 3, 5, 1, 7]
    assert found["match"].to_list() == ["invalid", "invalid", "covers", "invalid", "invalid"]


def test_shuffled_boundaries_give_the_same_answer(tx, square_city):
    add_boundary(tx, "C", shapely.box(122.48, -3.99, 122.52, -3.96))
    generator = np.random.default_rng(1)
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(generator.uniform(122.44, 122.56, 300), generator.uniform(-4.01, -3.94, 300)),
        crs=4326,
    )
    boundaries = read_jurisdictions(tx, "police", at=AT, boundary_set=current_set(tx))
    area = read_service_area(tx)
    first = match_jurisdictions(points, boundaries, city=square_city, service_area=area)
    for seed in range(5):
        shuffled = boundaries.sample(frac=1, random_state=seed)
        pd.testing.assert_frame_equal(first, match_jurisdictions(points, shuffled, city=square_city, service_area=area))


def test_metres_and_fallbacks_equal_plain_shapely_on_the_real_city(tx, kelurahan_frame):
    shapes = kelurahan_frame.geometry.to_numpy()
    area = shapely.union_all(shapes).buffer(0.01)
    facts = found_city(tx, service_area=area)
    boundaries = gpd.GeoDataFrame(
        {"code": kelurahan_frame["kode_bps"], "name": "x", "agency": "POL", "priority": 1, "version": 3},
        geometry=shapes,
        crs=4326,
    ).assign(is_citywide=False)
    generator = np.random.default_rng(5)
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(generator.uniform(122.43, 122.66, 20_000), generator.uniform(-4.1, -3.9, 20_000)),
        crs=4326,
    )
    found = match_jurisdictions(points, boundaries, city=facts, service_area=area)
    by_code = gpd.GeoSeries(shapes, index=kelurahan_frame["kode_bps"], crs=4326).to_crs(facts.metric_srid)
    metric = points.to_crs(facts.metric_srid).geometry
    for match, borders in (("covers", by_code.boundary), ("nearest", by_code)):
        rows = found["match"] == match
        assert rows.sum() > 200
        expected = metric[rows].distance(
            gpd.GeoSeries(borders[found.loc[rows, "jurisdiction"]].to_numpy(), metric[rows].index, crs=metric.crs)
        )
        assert found.loc[rows, "border_m"].to_numpy() == pytest.approx(expected.to_numpy(), abs=0.0501)
    near = found["match"] == "nearest"
    to_all = np.array([metric[near].distance(shape) for shape in by_code])
    assert found.loc[near, "border_m"].to_numpy() == pytest.approx(to_all.min(axis=0), abs=0.0501)
    assert (to_all.min(axis=0) <= facts.fallback_m).all()
    beyond = metric[(found["match"] == "unassigned") & points.covered_by(area)]
    assert len(beyond) > 50
    assert all((beyond.distance(shape) > facts.fallback_m).all() for shape in by_code)


def test_a_point_that_only_metres_put_inside_is_at_distance_zero(tx):
    # A long slanted edge: straight in degrees, its image in metres bends away from the straight one by some metres.
    shape = shapely.Polygon([(122.0, -4.5), (123.5, -3.5), (122.0, -3.5)])
    facts = found_city(tx, service_area=shapely.box(121.9, -4.6, 123.6, -3.4))
    points = gpd.GeoDataFrame(
        geometry=[shapely.Point(122.75 + d, -4.0 - d) for d in np.linspace(-1e-3, 1e-3, 81)], crs=4326
    )
    boundaries = gpd.GeoDataFrame(
        {"code": ["A"], "name": "x", "agency": "POL", "priority": 1, "version": 1, "is_citywide": False},
        geometry=[shape],
        crs=4326,
    )
    found = match_jurisdictions(points, boundaries, city=facts, service_area=shapely.box(121.9, -4.6, 123.6, -3.4))
    metric = boundaries.to_crs(facts.metric_srid).geometry[0]
    here = points.to_crs(facts.metric_srid).geometry
    is_outside = found["match"] == "nearest"
    assert 0 < is_outside.sum() < len(points)
    assert found.loc[is_outside, "border_m"].to_numpy() == pytest.approx(
        here[is_outside].distance(metric).to_numpy(), abs=0.0501
    )
    is_covered = found["match"] == "covers"
    assert found.loc[is_covered, "border_m"].to_numpy() == pytest.approx(
        here[is_covered].distance(metric.boundary).to_numpy(), abs=0.0501
    )


def test_an_index_at_hand_gives_the_same_and_one_of_others_is_refused(tx, square_city):
    add_boundary(tx, "all", shapely.box(122.4, -4.1, 122.6, -3.9), is_citywide=True)
    boundaries = read_jurisdictions(tx, "police", at=AT, boundary_set=current_set(tx))
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(np.linspace(122.4, 122.6, 99), [-3.97] * 99), crs=4326)
    given = {"city": square_city, "service_area": read_service_area(tx)}
    index = index_of(boundaries)
    assert index.codes == ("A", "B")
    pd.testing.assert_frame_equal(
        match_jurisdictions(points, boundaries, **given, index=index), match_jurisdictions(points, boundaries, **given)
    )
    with pytest.raises(ValueError, match="other jurisdictions"):
        match_jurisdictions(points, boundaries.iloc[::-1], **given, index=index)


def test_without_any_jurisdiction_nobody_is_responsible(tx, square_city):
    boundaries = read_jurisdictions(tx, "fire", at=AT, boundary_set=current_set(tx))
    points = gpd.GeoDataFrame(geometry=[shapely.Point(122.47, -3.97), None], crs=4326)
    found = match_jurisdictions(points, boundaries, city=square_city, service_area=read_service_area(tx))
    assert found["match"].to_list() == ["unassigned", "invalid"]
    assert found[["jurisdiction", "agency", "border_m", "boundary_version"]].isna().all(axis=None)


def test_wrong_crs_and_missing_column_are_named(tx, square_city):
    points = gpd.GeoDataFrame(geometry=[shapely.Point(122.47, -3.97)], crs=32751)
    boundaries = read_jurisdictions(tx, "police", at=AT, boundary_set=current_set(tx))
    with pytest.raises(CRSError, match="points: EPSG:32751, expected EPSG:4326"):
        match_jurisdictions(points, boundaries, city=square_city, service_area=None)
    with pytest.raises(ColumnError, match="priority"):
        match_jurisdictions(
            points.to_crs(4326), boundaries.drop(columns="priority"), city=square_city, service_area=None
        )
