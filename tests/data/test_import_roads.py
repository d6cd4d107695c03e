"""`import roads`: a whole network or nothing, where the city is, with a report that says what was left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import Connection, text

from data.import_roads import clip_of, import_roads
from data.roads import write_roads
from gis.city import read_city
from gis.errors import DataError, ValueRefused
from ops.__main__ import make_parser, shield_negatives
from routing_engine.network.profiles import PROFILES
from routing_engine.network.speeds import edge_speeds
from routing_engine.network.store import current_build, load_network
from tests.api.city import seed
from tests.data.imports import NOW, geojson
from tests.data.osm import place, write_osm
from tests.data.test_roads import small_network

STREET = {"highway": "residential"}
NODES = {1: (0, 0), 2: (1, 0), 3: (2, 0, {"barrier": "bollard"}), 4: (3, 0), 5: (1, 1), 6: (10, 10), 7: (11, 10)}
MAIN = {"highway": "primary", "name": "Jl. Satu", "ref": "N1", "maxspeed": "40", "oneway": "no"}
WAYS = {
    10: ([1, 2], MAIN),
    11: ([2, 3, 4], MAIN),
    20: ([2, 5], STREET | {"name": "Lorong 'a', \"b\"", "width": "2.5", "maxwidth": "2.2", "surface": "paving_stones"}),
    30: ([6, 7], STREET | {"access": "private"}),
}
TURN = {7: ([("way", 10, "from"), ("node", 2, "via"), ("way", 20, "to")], {"type": "restriction"})}
TURN[7][1]["restriction"] = "no_left_turn"


@pytest.fixture
def city(tx: Connection) -> Connection:
    seed(tx)
    return tx


def drawn(folder: Path, nodes=NODES, ways=WAYS, relations=None) -> Path:
    return write_osm(folder / "uji.osm", nodes, ways, relations)


def load(tx: Connection, path: Path, **options):
    return import_roads(tx, path, with_basemap=False, actor="test", now=NOW, **options)


def speeds(tx: Connection, *rows: tuple[str, str, int, float]) -> None:
    for profile, road_class, hour_from, kph in rows:
        tx.execute(
            text("INSERT INTO siaga.road_speed VALUES (:profile, :road_class, :hour, :kph, 'uji')"),
            {"profile": profile, "road_class": road_class, "hour": hour_from, "kph": kph},
        )


def test_what_is_imported_can_be_loaded(city: Connection, tmp_path: Path) -> None:
    """Every column comes back as it was read, by the frames that graphs are made of."""
    # Two pieces of way 11 lie between way 20 and way 40: from the junction to the bollard and on.
    ways = WAYS | {40: ([4, 5], STREET | {"oneway": "yes", "oneway:motorcycle": "no", "bridge": "yes", "layer": "1"})}
    turns = TURN | {8: ([("way", 20, "from"), ("way", 11, "via"), ("way", 40, "to")], TURN[7][1])}
    report = load(city, drawn(tmp_path, NODES, ways, turns))
    assert report.counts == {
        "nodes": 7,
        "edges": 6,
        "turn_restrictions": 2,
        "barriers": 1,
        "restrictions_dropped": 0,
        "new_builds": 1,
    }
    network = load_network(city)
    assert not network.is_synthetic
    edges = network.edges.set_index("edge_id")
    assert edges["osm_way_id"].tolist() == [10, 11, 11, 20, 30, 40]
    assert edges["name"].tolist()[3:] == ["Lorong 'a', \"b\"", None, None]
    assert edges["ref"].tolist() == ["N1"] * 3 + [None] * 3
    assert edges["speed_kph"].tolist()[:3] == [40.0] * 3
    assert (edges.at[4, "width_m"], edges.at[4, "max_width_m"], edges.at[4, "surface"]) == (2.5, 2.2, "paving_stones")
    assert edges["limited"].tolist() == [None] * 4 + ["private", None]
    assert (edges.at[6, "access_forward"], edges.at[6, "access_backward"], edges.at[6, "layer"]) == (7, 2, 1)
    assert edges["is_bridge"].tolist() == [False] * 5 + [True]
    assert shapely.get_coordinates(edges.at[4, "geometry"]).tolist() == [list(place(1, 0)), list(place(1, 1))]
    turns_read = network.restrictions
    assert turns_read["via_edges"].tolist() == [(), (2, 3), (), ()]
    assert turns_read["reason"].tolist() == ["turn", "turn", "barrier", "barrier"]
    assert turns_read["applies"].tolist() == [7, 7, 5, 5]


def test_an_empty_network_has_the_same_columns(city: Connection) -> None:
    empty = [frame.iloc[:0] for frame in small_network()]
    write_roads(city, *empty, source="uji", is_synthetic=True, now=NOW)
    without = load_network(city)
    write_roads(city, *small_network(), source="uji", is_synthetic=True, now=NOW)
    drawn_by_hand = load_network(city)
    for one, other in zip(
        (without.nodes, without.edges, without.restrictions),
        (drawn_by_hand.nodes, drawn_by_hand.edges, drawn_by_hand.restrictions),
        strict=True,
    ):
        assert list(one.columns) == list(other.columns)
        assert one.dtypes.tolist() == other.dtypes.tolist()


def test_what_a_drawn_network_does_not_say_is_filled_in(city: Connection) -> None:
    write_roads(city, *small_network(), source="uji", is_synthetic=True, now=NOW)
    edges = load_network(city).edges
    assert edges[["access_forward", "access_backward"]].to_numpy().tolist() == [[7, 7], [7, 0]]
    assert edges["limited"].tolist() == [None, None]
    assert np.isnan(edges["osm_way_id"]).all()
    assert load_network(city).restrictions[["applies", "reason"]].to_numpy().tolist() == [[7, "turn"]]


def test_a_dry_run_writes_nothing(city: Connection, tmp_path: Path) -> None:
    report = load(city, drawn(tmp_path), dry_run=True)
    assert report.counts["edges"] == 5
    assert report.is_dry_run
    assert current_build(city) is None


def test_the_same_file_again_keeps_the_build(city: Connection, tmp_path: Path) -> None:
    path = drawn(tmp_path)
    assert load(city, path).counts["new_builds"] == 1
    build = current_build(city)
    assert load(city, path).counts["new_builds"] == 0
    assert current_build(city) == build


def test_the_last_build_but_one_stays_and_older_ones_go(city: Connection, tmp_path: Path) -> None:
    builds = []
    for n in range(3):
        load(city, drawn(tmp_path, ways=WAYS | {20: ([2, 5], STREET | {"name": f"Jl. {n}"})}))
        builds.append(current_build(city))
    there = list(city.execute(text("SELECT road_build_id FROM siaga.road_build ORDER BY 1")).scalars())
    assert there == builds[1:]


def test_a_build_that_still_serves_stays(city: Connection, tmp_path: Path) -> None:
    """Travel times of the first build are in use until the worker has made those of a newer one."""
    write_roads(city, *small_network(), source="uji", is_synthetic=True, now=NOW)
    serving = current_build(city)
    city.execute(
        text("INSERT INTO siaga.travel_field VALUES ('d', 'car', 0, :build, 1, 1, :now, true)"),
        {"build": serving, "now": NOW},
    )
    for n in range(3):
        load(city, drawn(tmp_path, ways=WAYS | {20: ([2, 5], STREET | {"name": f"Jl. {n}"})}))
    assert city.execute(text("SELECT road_build_id FROM siaga.travel_field")).scalar_one() == serving
    assert city.execute(text("SELECT count(*) FROM siaga.road_build")).scalar_one() == 3


def test_the_report_says_what_is_there_and_what_is_left_out(city: Connection, tmp_path: Path) -> None:
    ways = WAYS | {50: ([1, 5], {"highway": "footway"}), 51: ([1, 5], {"highway": "motroway"})}
    report = load(city, drawn(tmp_path, ways=ways, relations=TURN | {9: ([], {"type": "restriction"})}))
    details = report.as_dict()["details"]
    assert details["classes"]["primary"] == {"edges": 3, "length_km": pytest.approx(0.333, abs=0.002)}
    assert details["ways_left_out"] == {"footway closed to vehicles": 1, "unknown": 1}
    assert details["restrictions"]["dropped"] == {"for other vehicles": 1}
    assert details["restrictions"]["rows"] == {"barrier": 2, "turn": 1}
    parts = details["components"]
    assert parts["motorcycle"]["main_edges"] == 4
    assert parts["emergency"]["n_outside"] == 1
    assert parts["emergency"]["outside"][0]["lon"] == place(10, 10)[0]
    assert details["seconds"].keys() == {"read", "write"}
    assert details["peak_memory_mb"] > 10
    said = [finding for finding in report.findings if finding.field == "network"]
    assert (said[-1].lon, said[-1].lat) == place(10, 10)
    stored = city.execute(text("SELECT report FROM siaga.road_build WHERE is_current")).scalar_one()
    assert stored["n_edges"] == 5
    assert stored["components"] == parts
    json.dumps(report.as_dict(), allow_nan=False)


def test_the_audit_and_the_revision_tell_of_it(city: Connection, tmp_path: Path) -> None:
    before = read_city(city).revision
    load(city, drawn(tmp_path))
    assert read_city(city).revision == before + 1
    assert city.execute(text("SELECT action FROM siaga.audit ORDER BY audit_id DESC LIMIT 1")).scalar_one() == (
        "import.roads"
    )


def test_streets_without_a_speed_are_said(city: Connection, tmp_path: Path) -> None:
    speeds(city, ("car", "residential", 0, 20), ("motorcycle", "residential", 0, 25), ("motorcycle", "primary", 0, 30))
    report = load(city, drawn(tmp_path))
    assert [(one.value, one.level) for one in report.findings if one.field == "speed"] == [("car primary", "warning")]


@pytest.mark.parametrize("clip", [None, "122.0,-4.1,122.1,-4.0"])
def test_streets_elsewhere_are_refused_and_the_old_network_serves(city: Connection, tmp_path: Path, clip) -> None:
    write_roads(city, *small_network(), source="uji", is_synthetic=True, now=NOW)
    build = current_build(city)
    far = {number: (x + 700, y, *tags) for number, (x, y, *tags) in NODES.items()}
    report = load(city, drawn(tmp_path, far), clip=clip)
    assert report.is_refused
    (error,) = report.errors
    assert "no street lies in" in error.reason
    assert "the file covers 123.2000" in error.reason
    assert "--clip" in error.hint
    assert current_build(city) == build


def test_what_lies_outside_can_be_imported_when_it_is_asked_for(city: Connection, tmp_path: Path) -> None:
    far = {number: (x + 700, y, *tags) for number, (x, y, *tags) in NODES.items()}
    assert load(city, drawn(tmp_path, far), clip="123,-4.1,123.5,-3.5").counts["edges"] == 5
    assert load(city, drawn(tmp_path, far), clip="none").counts["new_builds"] == 0


def test_where_the_metres_of_the_city_do_not_hold_nothing_is_imported(city: Connection, tmp_path: Path) -> None:
    far = {number: (x + 9000, y, *tags) for number, (x, y, *tags) in NODES.items()}
    report = load(city, drawn(tmp_path, far), clip="none")
    assert report.is_refused
    assert "EPSG:32751" in report.errors[0].reason


def test_the_city_has_a_margin(city: Connection, tmp_path: Path) -> None:
    """The box ends at 122.55; a street 4 km east of it is a way in, one 6 km east is not."""
    nodes = {1: (80, 0), 2: (85, 0), 3: (101, 0), 4: (105, 0)}
    assert load(city, drawn(tmp_path, nodes, {1: ([1, 2], STREET), 2: ([3, 4], STREET)})).counts["edges"] == 1


def test_areas_to_clip(city: Connection, tmp_path: Path) -> None:
    facts = read_city(city)
    assert clip_of("none", facts) is None
    assert clip_of("1,2,3,4", facts).bounds == (1, 2, 3, 4)
    path = geojson(tmp_path / "area.geojson", [{"name": "a", "geometry": shapely.box(122, -4, 123, -3)}])
    assert clip_of(str(path), facts).bounds == (122, -4, 123, -3)
    for wrong in ("1,2,3", "3,2,1,4", "1,2,nan,4", "1,2,3,400", "gone.geojson"):
        with pytest.raises(ValueRefused) as refused:
            clip_of(wrong, facts)
        assert refused.value.findings[0].field == "--clip"


def test_a_box_west_of_greenwich_is_no_option(city: Connection) -> None:
    arguments = ["import", "roads", "a.osm.pbf", "--clip", "-76.65,39.22,-76.5,39.35"]
    args = make_parser().parse_args(shield_negatives(arguments))
    assert clip_of(args.clip, read_city(city)).bounds == (-76.65, 39.22, -76.5, 39.35)


@pytest.mark.parametrize("content", [b"", b"no extract", b"<osm></osm>"])
def test_bad_files_leave_the_old_network(city: Connection, tmp_path: Path, content: bytes) -> None:
    write_roads(city, *small_network(), source="uji", is_synthetic=True, now=NOW)
    build = current_build(city)
    path = tmp_path / ("bad.osm" if content.startswith(b"<") else "bad.osm.pbf")
    path.write_bytes(content)
    with pytest.raises(DataError):
        load(city, path)
    assert current_build(city) == build


def test_limits_bands_widths_and_access_make_the_speed(city: Connection, tmp_path: Path) -> None:
    speeds(
        city,
        *[(profile, "primary", 0, 60) for profile in PROFILES],
        *[(profile, "residential", 0, 20) for profile in PROFILES],
        ("car", "primary", 7, 15),
        ("car", "residential", 9, 18),
    )
    ways = WAYS | {60: ([4, 5], {"highway": "primary_link", "access": "no", "psv": "yes", "oneway": "yes"})}
    load(city, drawn(tmp_path, ways=ways))
    network = load_network(city)

    def kph(profile: str, hour: int = 0) -> list[list[float | None]]:
        found = edge_speeds(network.edges, network.speeds, PROFILES[profile], hour)
        return [[None if np.isnan(value) else round(value) for value in row] for row in found[[0, 3, 5]]]

    # Way 10 has a limit of 40; way 20 is 2.2 m wide by law; way 60 is for buses.
    assert kph("car") == [[40, 40], [20, 20], [None, None]]
    assert kph("car", 7) == [[15, 15], [20, 20], [None, None]]
    assert kph("car", 9) == [[15, 15], [18, 18], [None, None]]
    assert kph("ambulance") == [[48, 48], [None, None], [60, None]]
    assert kph("fire_engine") == [[48, 48], [None, None], [60, None]]
    assert kph("motorcycle") == [[40, 40], [20, 20], [None, None]]


def test_frames_of_a_reader_and_of_the_database_are_the_same(city: Connection, tmp_path: Path) -> None:
    from data.osm_network import read_roads

    path = drawn(tmp_path, relations=TURN)
    load(city, path)
    read, stored = read_roads(path), load_network(city)
    pd.testing.assert_frame_equal(read.nodes, stored.nodes)
    pd.testing.assert_frame_equal(read.edges.drop(columns="geometry"), stored.edges.drop(columns="geometry"))
    assert shapely.equals_identical(read.edges["geometry"].to_numpy(), stored.edges["geometry"].to_numpy()).all()
    pd.testing.assert_frame_equal(read.restrictions[stored.restrictions.columns], stored.restrictions)
