"""A city of four square kelurahan, small enough to know every answer by hand.

West half: Polsek Barat, kecamatan B (kelurahan B1 south, B2 north); east half: Polsek Timur, kecamatan T. The line
between them is at 122.50, the one between south and north at -4.00. Fire and ambulance serve the whole city.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import shapely
from sqlalchemy import Connection, text

from gis.db import database_now
from zones.jurisdictions import NewBoundary, add_version, ensure, open_set

WEST, SOUTH, EAST, NORTH = 122.45, -4.05, 122.55, -3.95
MIDDLE_X, MIDDLE_Y = 122.50, -4.00
SRID = 32751
START = datetime(2026, 1, 1, tzinfo=UTC)

SETTINGS = {
    "bbox": [WEST, SOUTH, EAST, NORTH],
    "center": [MIDDLE_X, MIDDLE_Y],
    "country": "ID",
    "handoff": {"government": "Provinsi", "number": "112", "reach_km": 60},
}

SERVICES = {"police": ("Kepolisian", "Police"), "fire": ("Pemadam", "Fire"), "medical": ("Ambulans", "Ambulance")}
AGENCIES = {"POL": ("Polres Uji", "Uji Police"), "DMK": ("Damkar Uji", "Uji Fire"), "PSC": ("PSC Uji", "Uji Ambulance")}
TYPES = [
    ("KAM1", "KAM", "Tawuran", "Brawl", "D", 1, True),
    ("KBK1", "KBK", "Kebakaran bangunan", "Structure fire", "D", 1, True),
    ("LYN1", "LYN", "Lampu jalan padam", "Street light out", "L", 4, True),
    ("ADM2", "ADM", "Prank", "Prank", None, None, False),
]
RULES = [
    ("KAM1", "police", "lead"),
    ("KAM1", "medical", "inform"),
    ("KBK1", "fire", "lead"),
    ("KBK1", "police", "support"),
    ("LYN1", "police", "lead"),
]
STATIONS = [
    ("POL-B", "Polsek Barat", "POL", "police", 122.47, -4.00),
    ("POL-T", "Polsek Timur", "POL", "police", 122.53, -4.00),
    ("DMK-1", "Pos Induk", "DMK", "fire", 122.50, -3.97),
    ("PSC-1", "PSC", "PSC", "medical", 122.48, -4.02),
]
PLACES = [
    ("Simpang Empat", "junction", "simpang empat\nsimpang 4", 122.50, -4.00, 20),
    ("Pasar Barat", "market", "pasar barat", 122.46, -4.01, 50),
    ("Taman & <b>Kota</b>", "park", "taman & <b>kota</b>", 122.54, -3.96, 50),
]


def _box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(west, south, east, north)


def seed(tx: Connection) -> None:
    """Write the city into an empty, migrated database."""
    whole = _box(WEST, SOUTH, EAST, NORTH)
    tx.execute(
        text(
            "INSERT INTO siaga.city (code, name, time_zone, number_prefix, metric_srid, fallback_m, service_area,"
            " settings, is_demo) VALUES ('uji', 'Kota Uji', 'Asia/Makassar', 'U', :srid, 500,"
            " ST_Multi(ST_GeomFromWKB(:area, 4326)), CAST(:settings AS jsonb), true)"
        ),
        {"srid": SRID, "area": whole.wkb, "settings": json.dumps(SETTINGS)},
    )
    for code, (name_id, name_en) in SERVICES.items():
        values = {"code": code, "name_id": name_id, "name_en": name_en}
        tx.execute(text("INSERT INTO siaga.service VALUES (:code, :name_id, :name_en)"), values)
    for code, (name_id, name_en) in AGENCIES.items():
        tx.execute(
            text("INSERT INTO siaga.agency (agency_code, name_id, name_en, is_vertical) VALUES (:c, :i, :e, false)"),
            {"c": code, "i": name_id, "e": name_en},
        )
    for position, (code, family, name_id, name_en, lane, severity, is_incident) in enumerate(TYPES):
        tx.execute(
            text(
                "INSERT INTO siaga.incident_type (type_code, family, name_id, name_en, lane, severity, is_incident,"
                " classification, position, questions_id, questions_en)"
                " VALUES (:code, :family, :name_id, :name_en, :lane, :severity, :is_incident, :said, :position,"
                " ARRAY['Ada korban?'], ARRAY['Anyone hurt?'])"
            ),
            {
                "code": code,
                "family": family,
                "name_id": name_id,
                "name_en": name_en,
                "lane": lane,
                "severity": severity,
                "is_incident": is_incident,
                "said": None if is_incident else "prank",
                "position": position,
            },
        )
    for type_code, service, role in RULES:
        tx.execute(
            text(
                "INSERT INTO siaga.sop_rule (rule_code, type_code, severity_min, severity_max, service_code, role,"
                " ack_s, valid, source) VALUES (:rule, :type, 1, 4, :service, :role, 60,"
                " tstzrange(:start, NULL, '[)'), 'uji')"
            ),
            {
                "rule": f"{type_code}/S1-4/{service}@2026-01-01",
                "type": type_code,
                "service": service,
                "role": role,
                "start": START,
            },
        )
    _areas(tx)
    _jurisdictions(tx, whole)
    for code, name, agency, service, lon, lat in STATIONS:
        tx.execute(
            text(
                "INSERT INTO siaga.station (code, name, agency_code, service_code, profile, geom, accuracy_m, source)"
                " VALUES (:code, :name, :agency, :service, 'car', ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 25,"
                " 'uji')"
            ),
            {"code": code, "name": name, "agency": agency, "service": service, "lon": lon, "lat": lat},
        )
    for name, kind, search, lon, lat, accuracy_m in PLACES:
        tx.execute(
            text(
                "INSERT INTO siaga.place (name, kind, search, geom, accuracy_m, source)"
                " VALUES (:name, :kind, :search, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :accuracy_m, 'uji')"
            ),
            {"name": name, "kind": kind, "search": search, "lon": lon, "lat": lat, "accuracy_m": accuracy_m},
        )
    _basemap(tx, whole)


def _areas(tx: Connection) -> None:
    halves = {"B": (WEST, MIDDLE_X), "T": (MIDDLE_X, EAST)}
    for letter, (west, east) in halves.items():
        rows = [
            ("kecamatan", letter, f"Kecamatan {letter}", None, _box(west, SOUTH, east, NORTH)),
            ("kelurahan", f"{letter}1", f"Kelurahan {letter}1", letter, _box(west, SOUTH, east, MIDDLE_Y)),
            ("kelurahan", f"{letter}2", f"Kelurahan {letter}2", letter, _box(west, MIDDLE_Y, east, NORTH)),
        ]
        for level, code, name, parent, shape in rows:
            tx.execute(
                text(
                    "INSERT INTO siaga.admin_area (level, code, name, parent_code, geom, geom_m, is_approximate,"
                    " source)"
                    " SELECT :level, :code, :name, :parent, g, ST_Transform(g, :srid), true, 'uji'"
                    " FROM (SELECT ST_Multi(ST_GeomFromWKB(:shape, 4326)) AS g) s"
                ),
                {"level": level, "code": code, "name": name, "parent": parent, "shape": shape.wkb, "srid": SRID},
            )


def _jurisdictions(tx: Connection, whole: shapely.Polygon) -> None:
    now = database_now(tx)
    number = open_set(tx, actor="test", reason="first", now=now)
    shapes = [
        ("police", "POL", "polsek-barat", "Polsek Barat", _box(WEST, SOUTH, MIDDLE_X, NORTH)),
        ("police", "POL", "polsek-timur", "Polsek Timur", _box(MIDDLE_X, SOUTH, EAST, NORTH)),
        ("fire", "DMK", "damkar", "Damkar Uji", whole),
        ("medical", "PSC", "psc", "PSC Uji", whole),
    ]
    for service, agency, code, name, shape in shapes:
        jurisdiction_id = ensure(tx, service=service, agency=agency, code=code, name=name)
        add_version(
            tx,
            jurisdiction_id,
            NewBoundary(wkb=shape.wkb, priority=100, source="test"),
            boundary_set_number=number,
            valid_from=START,
            srid=SRID,
            actor="test",
            now=now,
        )


def _basemap(tx: Connection, whole: shapely.Polygon) -> None:
    tx.execute(
        text(
            "INSERT INTO siaga.basemap_area (kind, geom) VALUES"
            " ('land', ST_Multi(ST_Transform(ST_GeomFromWKB(:land, 4326), 3857))),"
            " ('building', ST_Multi(ST_Transform(ST_MakeEnvelope(122.4999, -4.0001, 122.5003, -3.9998, 4326), 3857)))"
        ),
        {"land": whole.wkb},
    )
    for kind, rank, name, line in [
        ("road", 1, "Jalan Raya", [(WEST, -4.001), (EAST, -4.001)]),
        ("road", 6, "Gang Kecil", [(122.499, -4.002), (122.501, -4.002)]),
        ("boundary", 3, None, [(MIDDLE_X, SOUTH), (MIDDLE_X, NORTH)]),
    ]:
        tx.execute(
            text(
                "INSERT INTO siaga.basemap_line (kind, rank, name, geom)"
                " VALUES (:kind, :rank, :name, ST_Transform(ST_GeomFromWKB(:line, 4326), 3857))"
            ),
            {"kind": kind, "rank": rank, "name": name, "line": shapely.LineString(line).wkb},
        )
    tx.execute(
        text(
            "INSERT INTO siaga.basemap_label (kind, name, min_zoom, geom)"
            " VALUES ('kelurahan', 'Kelurahan B1', 12, ST_SetSRID(ST_MakePoint(122.47, -4.02), 4326))"
        )
    )
