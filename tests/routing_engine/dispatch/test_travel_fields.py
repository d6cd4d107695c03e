from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import select, text, update

from gis.db import make_engine, transaction
from gis.errors import NetworkError
from routing_engine.dispatch.fields import active_stations, fields_folder, load_fields, refresh_fields
from routing_engine.dispatch.stations import load_stations
from routing_engine.dispatch.tables import station
from routing_engine.network.profiles import PROFILES
from routing_engine.network.store import current_build, current_digest, graph_of, load_network, read_graph, write_graph
from routing_engine.network.tables import road_build, road_edge, road_speed, travel_field

NOON = datetime(2026, 1, 1, 4, tzinfo=UTC)


@pytest.fixture
def state(tmp_path):
    return tmp_path


@pytest.fixture
def own(server, kendari_template):
    """Engine of a copy of the demo city that this test alone changes."""
    name = server.copy("travel_fields_own", kendari_template)
    engine = make_engine(server.settings("owner", name), application="test")
    yield engine
    engine.dispose()
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
    assert set(done["current"]) == set(done["built"]) == set(fields) == used
    assert {row.digest for row in rows} == set(done["current"].values())
    assert {row.built_at for row in rows} == {NOON}
    assert {row.road_build_id for row in rows} == {build}
    assert all(row.is_current for row in rows)
    for profile, field in fields.items():
        assert field.codes == tuple(sorted(stations.loc[stations["profile"] == profile, "code"]))
        assert np.isfinite(field.time_s[field.stations.is_on_road]).mean() > 0.9
    assert len(files(state)) == 2 * len(used)


def test_nothing_is_done_again_when_nothing_changed(own, state):
    refresh_fields(own, state, now=NOON)
    before = files(state)
    again = refresh_fields(own, state)
    assert again["built"] == {}
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
    assert list(moved["built"]) == [profile]
    assert moved["current"][profile] != first[profile]
    assert f"field-{first[profile]}.arrays" in moved["removed"]
    assert not any(name.startswith("graph") for name in moved["removed"])
    with transaction(own) as tx:
        tx.execute(update(road_speed).values(speed_kph=road_speed.c.speed_kph * 2))
    faster = refresh_fields(own, state)
    assert set(faster["built"]) == set(first)
    with transaction(own) as tx:
        tx.execute(update(station).where(station.c.profile == profile).values(is_active=False))
    fewer = refresh_fields(own, state)
    assert set(fewer["current"]) == set(first) - {profile}
    assert len(fewer["removed"]) == 2


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
    path = fields_folder(state) / f"field-{current[one]}.arrays"
    path.write_bytes(path.read_bytes()[:5000])
    with transaction(own) as tx:
        assert set(load_fields(tx, state)) == set(others)
    assert list(refresh_fields(own, state)["built"]) == [one]
    for graph in fields_folder(state).glob("graph-*"):
        graph.unlink()
    assert set(refresh_fields(own, state)["built"]) == set(current)
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
