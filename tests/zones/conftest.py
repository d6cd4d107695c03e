"""A small city of squares, and the real Kendari layer, as boundaries in the database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import shapely
from geoalchemy2 import WKTElement
from sqlalchemy import insert

from gis.city import read_city
from gis.db import make_engine
from gis.tables import city
from zones import jurisdictions
from zones.jurisdictions import NewBoundary
from zones.tables import agency, service

START = datetime(2026, 1, 1, tzinfo=UTC)
BBOX = [122.3, -4.2, 122.8, -3.8]


def found_city(tx, *, service_area: shapely.Geometry | None, fallback_m: float = 800.0):
    """Write the city row, two services and two agencies."""
    area = None
    if service_area is not None:
        buffered = shapely.buffer(service_area, fallback_m / 111_000)
        if buffered.geom_type == "Polygon":
            buffered = shapely.MultiPolygon([buffered])
        area = WKTElement(buffered.wkt, srid=4326)
    tx.execute(
        insert(city).values(
            code="t",
            name="Test",
            time_zone="Asia/Makassar",
            number_prefix="T",
            metric_srid=32751,
            fallback_m=fallback_m,
            service_area=area,
            settings={"bbox": BBOX},
        )
    )
    for code in ("police", "fire"):
        tx.execute(insert(service).values(service_code=code, name_id=code, name_en=code))
    for code in ("POL", "DMK"):
        tx.execute(insert(agency).values(agency_code=code, name_id=code, name_en=code, is_vertical=False))
    return read_city(tx)


def add_boundary(tx, code, shape, *, priority=100, service="police", agency="POL", is_citywide=False, at=START):
    """Put one boundary in force from `at`."""
    number = jurisdictions.open_set(tx, actor="test", reason=code, now=at)
    jurisdiction_id = jurisdictions.ensure(
        tx, service=service, agency=agency, code=code, name=f"Wilayah {code}", is_citywide=is_citywide
    )
    boundary = NewBoundary(wkb=shapely.to_wkb(shape), priority=priority, source="test")
    jurisdictions.add_version(
        tx, jurisdiction_id, boundary, boundary_set_number=number, valid_from=at, srid=32751, actor="test", now=at
    )
    return jurisdiction_id


@pytest.fixture
def square_city(tx):
    """Two squares that share a side at lon 122.5, 0.05° wide, inside a service area buffered by 800 m."""
    west, east = shapely.box(122.45, -4.0, 122.5, -3.95), shapely.box(122.5, -4.0, 122.55, -3.95)
    facts = found_city(tx, service_area=shapely.union(west, east))
    add_boundary(tx, "A", west)
    add_boundary(tx, "B", east)
    return facts


@pytest.fixture(scope="module")
def kelurahan_frame(geodata):
    import geopandas as gpd

    return gpd.read_file(geodata / "kendari_kelurahan.geojson", engine="pyogrio")


@pytest.fixture(scope="module")
def real_kendari(server, kelurahan_frame, request):
    """The 65 real kelurahan as jurisdictions of one service: (engine, city facts), in a database of its own."""
    name = server.copy("real_" + request.module.__name__.rpartition(".")[2])
    engine = make_engine(server.settings("owner", name), application="test")
    with engine.begin() as tx:
        facts = found_city(tx, service_area=shapely.union_all(kelurahan_frame.geometry))
        number = jurisdictions.open_set(tx, actor="test", reason="real", now=START)
        for row in kelurahan_frame.itertuples():
            jurisdiction_id = jurisdictions.ensure(tx, service="police", agency="POL", code=row.kode_bps, name=row.nama)
            jurisdictions.add_version(
                tx,
                jurisdiction_id,
                NewBoundary(wkb=shapely.to_wkb(row.geometry), priority=100, source="test"),
                boundary_set_number=number,
                valid_from=START,
                srid=32751,
                actor="test",
                now=START,
            )
    yield engine, facts
    engine.dispose()
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
