from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import delete, select, text, update

from gis.db import make_engine, transaction
from gis.errors import NetworkError
from routing_engine.dispatch.fields import active_stations, fields_at, fields_folder, load_fields, refresh_fields
from routing_engine.dispatch.stations import load_stations
from routing_engine.dispatch.tables import station
from routing_engine.network.profiles import PROFILES
from routing_engine.network.store import current_build, current_digest, graph_of, load_network, read_graph, write_graph
from routing_engine.network.tables import road_build, road_edge, road_speed, travel_field

NOON = datetime(2026, 1, 1, 4, tzinfo=UTC)


BANDS = text(
    """
INSERT INTO siaga.road_speed (profile, road_class, hour_from, speed_kph, source)
SELECT profile, road_class, hour, speed_kph * part, 'test'
FROM siaga.road_speed, (VALUES (7, 0.8), (16, 0.7), (19, 0.8)) AS band(hour, part)
"""
)


@pytest.fixture
def state(tmp_path):
    return tmp_path


@pytest.fixture
def own(server, kendari_template):
    """Engine of a copy of the demo city that this test alone changes; two of its four bands have the same speeds."""
    name = server.copy("travel_fields_own", kendari_template)
    engine = make_engine(server.settings("owner", name), application="test")
    with transaction(engine) as tx:
        tx.execute(delete(road_speed).where(road_speed.c.hour_from > 0))
        tx.execute(BANDS)
    yield engine
    engine.dispose()
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def digests(current):
    """Return the digests of `refresh_fields`' answer."""
    return {digest for bands in current.values() for digest in bands.values()}


def files(state):
    return {path.name: path.stat().st_mtime_ns for path in fields_folder(state).iterdir()}


def test_first_refresh_makes_a_field_for_every_profile_in_use(own, state):
    done = refresh_fields(own, state, now=NOON)
    with transaction(own) as tx:
        used = set(active_stations(tx)["profile"])
        rows = tx.execute(select(travel_field)).all()
        fields = load_fields(tx, state)
        stations = active_stations(tx)
        build = current_build(tx)
    assert set(done["current"]) == set(fields) == used
    assert {row.digest for row in rows} == set(done["built"]) == digests(done["current"])
    assert {(row.profile, row.hour_from, row.digest) for row in rows} == {
        (profile, hour, digest) for profile, bands in done["current"].items() for hour, digest in bands.items()
    }
    assert {row.built_at for row in rows} == {NOON}
    assert {row.road_build_id for row in rows} == {build}
    assert all(row.is_current for row in rows)
    for profile, bands in fields.items():
        assert sorted(bands) == [0, 7, 16, 19]
        assert bands[7] is bands[19]  # the same speeds, so the same field
        assert bands[0].graph is not bands[7].graph
        assert bands[0].graph.grid is bands[7].graph.grid  # the same streets
        for field in bands.values():
            assert field.codes == tuple(sorted(stations.loc[stations["profile"] == profile, "code"]))
            assert np.isfinite(field.time_s[field.stations.is_on_road]).mean() > 0.9
    assert len(files(state)) == 2 * 3 * len(used)


def test_nothing_is_done_again_when_nothing_changed(own, state):
    refresh_fields(own, state, now=NOON)
    before = files(state)
    again = refresh_fields(own, state)
    assert again["built"] == []
    assert again["removed"] == []
    assert files(state) == before


def test_changes_make_new_fields_and_remove_old_files(own, state):
    first = refresh_fields(own, state)["current"]
    profile = sorted(first)[0]
    with transaction(own) as tx:
        chosen = tx.execute(select(station.c.station_id).where(station.c.profile == profile).limit(1)).scalar_one()
        tx.execute(
            update(station)
            .where(station.c.station_id == chosen)
            .values(geom=text("ST_SetSRID(ST_Translate(geom, 0.001, 0), 4326)"))
        )
    moved = refresh_fields(own, state)
    assert set(moved["built"]) == set(moved["current"][profile].values())
    assert moved["current"][profile] != first[profile]
    assert {f"field-{digest}.arrays" for digest in first[profile].values()} == set(moved["removed"])
    assert not any(name.startswith("graph") for name in moved["removed"])
    with transaction(own) as tx:
        tx.execute(update(road_speed).values(speed_kph=road_speed.c.speed_kph * 2))
    faster = refresh_fields(own, state)
    assert set(faster["built"]) == digests(faster["current"])
    assert set(faster["current"]) == set(first)
    with transaction(own) as tx:
        tx.execute(update(station).where(station.c.profile == profile).values(is_active=False))
    fewer = refresh_fields(own, state)
    assert set(fewer["current"]) == set(first) - {profile}
    assert len(fewer["removed"]) == 2 * 3


def test_a_band_of_its_own_costs_one_field_and_the_same_speeds_none(own, state):
    first = refresh_fields(own, state)
    with transaction(own) as tx:
        tx.execute(update(road_speed).where(road_speed.c.hour_from == 19).values(hour_from=20))
    later = refresh_fields(own, state)
    assert later["built"] == later["removed"] == []
    assert {sorted(bands)[-1] for bands in later["current"].values()} == {20}
    assert digests(later["current"]) == digests(first["current"])
    with transaction(own) as tx:
        night = (road_speed.c.hour_from == 20) & (road_speed.c.profile == "car") & (road_speed.c.road_class == "trunk")
        tx.execute(update(road_speed).where(night).values(speed_kph=44))
    changed = refresh_fields(own, state)
    assert changed["built"] == [changed["current"]["car"][20]]
    assert changed["removed"] == []  # from 7 to 16 the old one is still in use


def test_traffic_of_the_hour_decides(own, state):
    refresh_fields(own, state)
    with transaction(own) as tx:
        index, fields = load_stations(tx, state), load_fields(tx, state)
    far = (122.5185, -3.9760)
    seconds = [index.nearest(far, service="police", limit=1, hour=hour)[0].travel_time_s for hour in range(24)]
    assert seconds[0] == seconds[6] < seconds[7] == seconds[15] == seconds[19] == seconds[23]
    assert seconds[7] < seconds[16] == seconds[18]
    assert {profile: field.digest for profile, field in fields_at(fields, 18.99).items()} == {
        profile: bands[16].digest for profile, bands in fields.items()
    }


def test_without_roads_there_are_no_fields(own, state):
    refresh_fields(own, state)
    with transaction(own) as tx:
        tx.execute(update(road_build).values(is_current=False))
    done = refresh_fields(own, state)
    assert (done["road_build_id"], done["current"]) == (None, {})
    assert files(state) == {}
    with transaction(own) as tx:
        assert tx.execute(select(travel_field)).all() == []
        index = load_stations(tx, state)
        with pytest.raises(NetworkError, match="no road build is in use"):
            load_network(tx)
        assert current_digest(tx, profile=PROFILES["car"], metric_srid=32751) is None
    assert {one.estimate for one in index.nearest((122.5, -3.99), service="fire")} == {"straight_line"}


def test_lost_and_damaged_files_are_made_again(own, state):
    current = refresh_fields(own, state)["current"]
    one, *others = sorted(current)
    path = fields_folder(state) / f"field-{current[one][7]}.arrays"
    path.write_bytes(path.read_bytes()[:5000])
    with transaction(own) as tx:
        assert set(load_fields(tx, state)) == set(others)
    assert refresh_fields(own, state)["built"] == [current[one][7]]
    for graph in fields_folder(state).glob("graph-*"):
        graph.unlink()
    assert set(refresh_fields(own, state)["built"]) == digests(current)
    with transaction(own) as tx:
        assert set(load_fields(tx, state)) == set(current)


def test_bad_tables_leave_the_fields_in_use(own, state):
    current = refresh_fields(own, state)["current"]
    with transaction(own) as tx:
        edge_id = tx.execute(select(road_edge.c.edge_id).limit(1)).scalar_one()
        tx.execute(update(road_edge).where(road_edge.c.edge_id == edge_id).values(direction="sideways"))
        tx.execute(update(road_build).values(digest=road_build.c.digest + "x"))
    with pytest.raises(NetworkError, match="direction"):
        refresh_fields(own, state)
    with transaction(own) as tx:
        assert set(load_fields(tx, state)) == set(current)


def test_worker_role_may_refresh(own, server, state):
    engine = make_engine(server.settings("worker", own.url.database), application="test")
    try:
        assert refresh_fields(engine, state)["built"]
    finally:
        engine.dispose()


def test_graph_of_the_tables_comes_back_from_its_file(kendari_tx, tmp_path):
    tables = load_network(kendari_tx)
    graph = graph_of(tables, profile=PROFILES["ambulance"], metric_srid=32751)
    assert graph.digest == current_digest(kendari_tx, profile=PROFILES["ambulance"], metric_srid=32751)
    assert graph.digest != current_digest(kendari_tx, profile=PROFILES["car"], metric_srid=32751)
    assert graph.findings == ()
    write_graph(tmp_path, graph)
    back = read_graph(tmp_path, graph.digest)
    for name, value in vars(graph).items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(getattr(back, name), value), name
    assert (back.profile, back.metric_srid) == (graph.profile, graph.metric_srid)
    assert (back.street_names, back.road_classes) == (graph.street_names, graph.road_classes)
    # The demo network is one piece for the vehicles that fit everywhere they may go.
    assert (graph.edge_component[graph.edge_arc.max(axis=1) >= 0] == 0).all()
    with pytest.raises(NetworkError, match="no road build 999"):
        load_network(kendari_tx, 999)
