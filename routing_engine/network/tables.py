"""Tables of the road network: one build at a time is current; the next one is prepared beside it."""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE

from gis.db import metadata
from gis.tables import key, one_of, point, time

road_build = Table(
    "road_build",
    metadata,
    Column("road_build_id", BigInteger, Identity(always=True), primary_key=True),
    time("built_at"),
    Column("source", Text, nullable=False),
    Column("is_synthetic", Boolean, nullable=False),
    Column("digest", Text, nullable=False),
    Column("is_current", Boolean, nullable=False, server_default=text("false")),
    Column("report", JSONB, nullable=False, server_default=text("'{}'")),
    Index("uq_road_build_current", "is_current", unique=True, postgresql_where=text("is_current")),
)

road_node = Table(
    "road_node",
    metadata,
    Column("road_build_id", BigInteger, ForeignKey(road_build.c.road_build_id, ondelete="CASCADE"), primary_key=True),
    Column("node_id", BigInteger, primary_key=True),
    point(),
    Column("is_signal", Boolean, nullable=False, server_default=text("false")),
    Column("is_level_crossing", Boolean, nullable=False, server_default=text("false")),
)

# One row per street segment between two nodes, drawn from `from_node` to `to_node`. Who may drive it each way say
# `access_*` (bits of `groups`); `direction` (both, forward, backward) is the word for it as a car has it.
road_edge = Table(
    "road_edge",
    metadata,
    Column("road_build_id", BigInteger, ForeignKey(road_build.c.road_build_id, ondelete="CASCADE"), primary_key=True),
    Column("edge_id", BigInteger, primary_key=True),
    Column("from_node", BigInteger, nullable=False),
    Column("to_node", BigInteger, nullable=False),
    Column("road_class", Text, nullable=False),
    Column("name", Text, nullable=True),
    Column("direction", Text, nullable=False),
    Column("length_m", Double, nullable=False),
    Column("speed_kph", Double, nullable=True),  # tagged limit, along the drawing
    Column("width_m", Double, nullable=True),
    Column("is_bridge", Boolean, nullable=False, server_default=text("false")),
    Column("access_forward", SmallInteger, nullable=False, server_default=text("7")),
    Column("access_backward", SmallInteger, nullable=False, server_default=text("7")),
    Column("limited", Text, nullable=True),  # destination, private …: may be entered, not passed through
    Column("speed_backward_kph", Double, nullable=True),  # null: as `speed_kph`
    Column("max_width_m", Double, nullable=True),  # legal; `width_m` is what there is
    Column("ref", Text, nullable=True),
    Column("surface", Text, nullable=True),
    Column("service_kind", Text, nullable=True),  # alley, driveway, parking_aisle …
    Column("layer", SmallInteger, nullable=False, server_default=text("0")),
    # On the vertices between the ends, as met when driving that way; those at the ends are flags of the nodes.
    Column("n_signals_forward", SmallInteger, nullable=False, server_default=text("0")),
    Column("n_signals_backward", SmallInteger, nullable=False, server_default=text("0")),
    Column("n_level_crossings", SmallInteger, nullable=False, server_default=text("0")),
    Column("is_tunnel", Boolean, nullable=False, server_default=text("false")),
    Column("is_roundabout", Boolean, nullable=False, server_default=text("false")),
    Column("is_toll", Boolean, nullable=False, server_default=text("false")),
    Column("osm_way_id", BigInteger, nullable=True),
    Column("geom", Geometry("LINESTRING", srid=4326, spatial_index=False), nullable=False),
    Index("ix_road_edge_geom", "geom", postgresql_using="gist"),
)

# A turn from `from_edge` over `via_node` into `to_edge`: `no` forbids it, `only` forbids every other. With `via_edges`
# (in driving order, the first at `via_node`) it is about driving the whole sequence; any part of it stays allowed.
road_restriction = Table(
    "road_restriction",
    metadata,
    Column("road_build_id", BigInteger, ForeignKey(road_build.c.road_build_id, ondelete="CASCADE"), primary_key=True),
    Column("road_restriction_id", BigInteger, primary_key=True),
    Column("from_edge", BigInteger, nullable=False),
    Column("via_node", BigInteger, nullable=False),
    Column("to_edge", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("via_edges", ARRAY(BigInteger), nullable=True),
    Column("applies", SmallInteger, nullable=False, server_default=text("7")),  # the groups it binds
    Column("reason", Text, nullable=False, server_default=text("'turn'")),  # turn, barrier
    Column("osm_id", BigInteger, nullable=True),
)

# Speed of a class for a vehicle profile in the hour band that begins at `hour_from` and lasts until the next one.
road_speed = Table(
    "road_speed",
    metadata,
    Column("profile", Text, primary_key=True),
    Column("road_class", Text, primary_key=True),
    Column("hour_from", Integer, primary_key=True),
    Column("speed_kph", Double, nullable=False),
    Column("source", Text, nullable=False),
)

# Streets shut for a while (`factor` null) or so many times slower, for vehicle profiles or for all (null). An `edge` is
# one piece of street between two junctions, a `line` is drawn along or across streets (see `closure_shapes`). In force
# from `lower(valid)` until `upper(valid)` or until it was ended by hand; rows stay.
closure = Table(
    "closure",
    metadata,
    key("closure_id"),
    Column("kind", Text, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=False),
    Column("valid", TSTZRANGE, nullable=False),
    Column("profiles", ARRAY(Text), nullable=True),
    Column("factor", Double, nullable=True),
    Column("reason", Text, nullable=False),
    time("created_at"),
    Column("created_by", Text, nullable=False),
    time("ended_at", nullable=True),
    Column("ended_by", Text, nullable=True),
    Column("owner", Text, nullable=True),  # whose key it was sent with, if with one
    Column("idempotency_key", Text, nullable=True),
    Column("body_hash", LargeBinary, nullable=True),
    UniqueConstraint("owner", "idempotency_key", name="uq_closure_owner_idempotency_key"),
    CheckConstraint("num_nulls(owner, idempotency_key, body_hash) IN (0, 3)", name="idempotency_key"),
    one_of("kind", ("edge", "line", "polygon")),
    CheckConstraint("NOT ST_IsEmpty(geom) AND ST_IsValid(geom)", name="geom_valid"),
    CheckConstraint(
        "GeometryType(geom) = CASE kind WHEN 'polygon' THEN 'POLYGON' ELSE 'LINESTRING' END", name="geom_type"
    ),
    CheckConstraint(
        "ST_XMin(geom) BETWEEN -180 AND 180 AND ST_XMax(geom) BETWEEN -180 AND 180"
        " AND ST_YMin(geom) BETWEEN -90 AND 90 AND ST_YMax(geom) BETWEEN -90 AND 90",
        name="geom_lonlat",
    ),
    CheckConstraint("NOT isempty(valid) AND NOT lower_inf(valid)", name="valid"),
    CheckConstraint("cardinality(profiles) > 0", name="profiles"),
    CheckConstraint("factor > 1 AND factor < 'Infinity'", name="factor"),
    CheckConstraint("btrim(reason) <> ''", name="reason"),
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
    Index("ix_closure_open", "valid", postgresql_using="gist", postgresql_where=text("ended_at IS NULL")),
)

# How modelled seconds become those of recorded runs (`calibration`); one in force per profile. `model` names what it
# was made on (`calibration_store.model_of`): with other speeds it no longer counts.
travel_calibration = Table(
    "travel_calibration",
    metadata,
    Column("calibration_id", BigInteger, Identity(always=True), primary_key=True),
    Column("profile", Text, nullable=False),
    time("valid_from"),
    time("valid_to", nullable=True),
    Column("recorded_by", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("n_runs", Integer, nullable=False),
    Column("n_held_out", Integer, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("report", JSONB, nullable=False),
    CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="valid"),
    Index("uq_travel_calibration_in_force", "profile", unique=True, postgresql_where=text("valid_to IS NULL")),
)

# A finished field file: written by the worker, mapped read-only by the others. One row per hour band it is used in.
travel_field = Table(
    "travel_field",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("profile", Text, nullable=False),
    Column("hour_from", Integer, primary_key=True, autoincrement=False),
    Column("road_build_id", BigInteger, ForeignKey(road_build.c.road_build_id, ondelete="CASCADE"), nullable=False),
    Column("n_stations", Integer, nullable=False),
    Column("n_states", Integer, nullable=False),
    time("built_at"),
    Column("is_current", Boolean, nullable=False),
    Column("closures", Text, nullable=False, server_default=text("''")),  # those in force when it was last looked at
)
