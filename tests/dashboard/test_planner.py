"""The planner's page: filters live in the address, figures add up, tables are safe for spreadsheets."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from PIL import Image
from shapely.geometry import shape
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from dashboard.pages import planner
from dashboard.planner_filters import Filters, from_address, to_address
from dashboard.planner_services import Options, PlannerServices
from dashboard.planner_tables import class_bar, hour_table, month_bars, type_bars
from dashboard.planner_text import TEXT, number, short, t
from dashboard.reach_services import ReachServices
from dashboard.spreadsheet import safe_cell, to_csv
from data.history_store import seed_history
from gis.actors import Actor
from gis.db import database_now, make_engine
from gis.errors import DataError, ForbiddenError
from gis.words import Role
from routing_engine.planning.incidents import Selection

ROOT = Path(__file__).resolve().parents[2]
YEARS = Selection(since=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2040, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def history(kendari, server, tmp_path_factory):
    """The demo city with 100 days of history, seen as the planner's database role."""
    folder = tmp_path_factory.mktemp("kendari")
    settings = (ROOT / "data/cities/kendari/history.toml").read_text(encoding="utf-8")
    settings = settings.replace("days = 1096", "days = 100").replace("receipt_days = 90", "receipt_days = 2")
    (folder / "history.toml").write_text(settings, encoding="utf-8")
    with kendari.begin() as tx:
        seed_history(tx, folder, state=server.state, now=database_now(tx), progress=lambda _: None)
    return kendari


@pytest.fixture(scope="module")
def services(history, server, kendari_database):
    engine = make_engine(server.settings("planner", kendari_database), application="test")
    pages = make_engine(server.settings("pages", kendari_database), application="test")
    made = PlannerServices(engine)
    made.reach = ReachServices(pages, server.state)
    yield made
    engine.dispose()
    pages.dispose()


@pytest.fixture(scope="module")
def options(services) -> Options:
    return services.options()


# -- what is counted


def test_everything_counted_and_left_out_is_all_there_is(services, history):
    found = services.incidents(YEARS)
    with history.connect() as tx:
        total = tx.exec_driver_sql("SELECT count(*) FROM siaga.incident").scalar_one()
    assert found.n + found.n_left_out == total
    assert found.n_left_out > 0  # unfounded ones
    assert found.is_synthetic


def test_parts_add_up_to_the_whole(services, options):
    whole = services.incidents(YEARS)
    lanes = [services.incidents(Selection(since=YEARS.since, until=YEARS.until, lane=lane)).n for lane in ("D", "L")]
    assert sum(lanes) == whole.n
    districts = [
        services.incidents(Selection(since=YEARS.since, until=YEARS.until, districts=(code,))).n
        for code in options.districts
    ]
    assert sum(districts) == whole.n
    night = services.incidents(Selection(since=YEARS.since, until=YEARS.until, hours=(22, 4))).frame
    day = services.incidents(Selection(since=YEARS.since, until=YEARS.until, hours=(4, 22))).frame
    assert len(night) + len(day) == whole.n
    local = night["received_at"].dt.tz_convert(options.time_zone).dt.hour
    assert set(local) <= {22, 23, 0, 1, 2, 3}


def test_counts_per_kelurahan_add_up(services):
    found = services.incidents(YEARS)
    counts = services.by_area(YEARS, incidents=found)
    assert counts.table["n"].sum() == found.n
    assert counts.table["n"].is_monotonic_decreasing
    assert len(counts.geojson["features"]) == 65
    assert sum(feature["properties"]["n"] for feature in counts.geojson["features"]) == found.n


def test_district_limits_table_and_study_area(services, options):
    code = next(code for code, name in options.districts.items() if name == "Kadia")
    chosen = Selection(since=YEARS.since, until=YEARS.until, districts=(code,))
    found = services.incidents(chosen)
    assert len(services.by_area(chosen, incidents=found).geojson["features"]) == 5
    picture = services.density(chosen, bandwidth_m=200, theme="day", incidents=found)
    west, _, east, _ = picture.bounds
    assert east - west < 0.06
    assert picture.n + picture.n_outside == found.n


def test_hours_and_months_add_up(services, options):
    first, last = options.first, options.last
    since, until = services.period(first, last, options.time_zone)
    chosen = Selection(since=since, until=until)
    found = services.incidents(chosen)
    counts, per_hour = services.by_hour(chosen, incidents=found, time_zone=options.time_zone)
    assert counts.to_numpy().sum() == found.n
    assert per_hour.notna().all(axis=None)
    assert services.by_month(chosen, incidents=found, time_zone=options.time_zone)["n"].sum() == found.n


def test_density_says_what_it_is(services):
    found = services.incidents(YEARS)
    picture = services.density(YEARS, bandwidth_m=None, theme="night", incidents=found)
    image = Image.open(io.BytesIO(picture.png)).convert("RGBA")
    assert max(image.size) == 1400
    assert np.asarray(image)[:, :, 3].any()
    legend = planner.density_legend(picture, found, (date(2026, 1, 1), date(2026, 3, 31)), "id")
    text = re.sub(r"<[^>]+>", " ", legend)
    for part in ("Kernel Gauss", f"Lebar pita {picture.bandwidth_m:.0f} m", "kejadian per km² per tahun"):
        assert part in text
    assert f"N = {number(picture.n, 'id')}" in text
    assert "1 Jan 2026 – 31 Mar 2026" in text
    assert "DATA SINTETIS" in text
    english = planner.density_legend(picture, found, (date(2026, 1, 1), date(2026, 3, 31)), "en")
    assert "Kernel Gaussian" in english
    assert "SYNTHETIC DATA" in english


@pytest.mark.parametrize(
    ("since", "until"), [(datetime(2026, 1, 1), datetime(2026, 2, 1)), (datetime(2026, 2, 1, tzinfo=UTC),) * 2]
)
def test_a_selection_that_cannot_be_meant_is_refused(since, until):
    with pytest.raises(DataError):
        Selection(since=since, until=until)


# -- the address


def as_lists(parameters: dict[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in parameters.items()}


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(view="areas", lane="D", hours=(22, 4), bandwidth_m=300),
        Filters(view="times", period="pick", first=date(2026, 1, 1), last=date(2026, 2, 1)),
        Filters(period="all", families=("KBK", "MED"), types=("KBK1",), districts=("7471013", "7471010")),
    ],
)
def test_address_and_filters_are_the_same(filters, options):
    read = from_address(as_lists(to_address(filters)), options)
    assert set(read.districts) == set(filters.districts)
    assert to_address(read).keys() == to_address(filters).keys()
    assert (read.view, read.period, read.first, read.last, read.lane, read.hours, read.bandwidth_m) == (
        filters.view,
        filters.period,
        filters.first,
        filters.last,
        filters.lane,
        filters.hours,
        filters.bandwidth_m,
    )


def test_defaults_leave_the_address_empty():
    assert to_address(Filters()) == {}


@pytest.mark.parametrize(
    "given",
    [
        {"view": "nowhere", "period": "7", "lane": "X", "bandwidth": "101", "hours": "25-99"},
        {"hours": "٣-٤", "since": "2026-13-01", "until": "x", "type": "<script>", "district": "1;DROP"},
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"hours": "5-5"},
        {"since": "2026-02-01"},
        {"view": ""},
    ],
)
def test_nonsense_in_the_address_counts_as_not_given(given, options):
    assert from_address(as_lists(given), options) == Filters()


# -- the page


def page() -> None:  # its text is run alone, so that it imports what it needs
    import streamlit as st

    from dashboard.pages.planner import render

    render(st.session_state["services"])


def open_page(services, *, language="id", role=Role.PLANNER, **address) -> AppTest:
    at = AppTest.from_function(page, default_timeout=60)
    me = SimpleNamespace(language=language, actor=Actor(owner="account:1", name="perencana", role=role))
    at.session_state["services"] = SimpleNamespace(
        planner_engine=services._engine, me=me, reach=getattr(services, "reach", None)
    )
    for name, value in address.items():
        at.query_params[name] = value
    return at.run()


def words(at: AppTest) -> str:
    return " ".join(element.value for element in [*at.markdown, *at.info])


@pytest.mark.parametrize("view", ["density", "areas", "times"])
@pytest.mark.parametrize("language", ["id", "en"])
def test_every_view_is_drawn_in_both_languages(services, view, language):
    at = open_page(services, view=view, period="all", language=language)
    assert not at.exception
    assert ("Synthetic data" if language == "en" else "Data sintetis") in words(at)
    assert ("incidents" if language == "en" else "kejadian") in words(at)


@pytest.mark.parametrize(
    ("language", "label"), [("id", "PERKIRAAN, BELUM DIKALIBRASI"), ("en", "ESTIMATE, NOT CALIBRATED")]
)
def test_reach_shows_a_station_s_minutes_with_vehicle_hour_and_what_they_are(services, language, label):
    at = open_page(services, view="reach", station="DMK-KADIA", hour="8", language=language)
    assert not at.exception
    assert at.selectbox(key=f"planner_{language}_station").value == "DMK-KADIA"
    assert at.selectbox(key=f"planner_{language}_hour").value == 8
    (legend,) = [element.proto.body for element in at.get("html") if "sg-classes" in element.proto.body]
    for part in (label, "Pos Induk Damkarmat Kadia", "08:00", "5", "15", "km²"):
        assert part in legend
    assert ("fire engine" if language == "en" else "mobil pemadam") in legend
    assert ("all streets hang together" if language == "en" else "semua jalan terhubung") in legend
    at.selectbox(key=f"planner_{language}_station").set_value("DMK-POASIA").run()
    assert not at.exception
    assert dict(at.query_params) == {"view": "reach", "station": "DMK-POASIA", "hour": "8"}


def test_reach_is_larger_with_more_minutes_and_follows_the_hour(services):
    from dashboard.pages.reach import rings

    quiet = services.reach.reached("DMK-KADIA", 3, language="id")["features"]
    rush = services.reach.reached("DMK-KADIA", 17, language="id")["features"]
    areas = [one["properties"]["area_km2"] for one in quiet]
    assert areas == sorted(areas)
    assert areas[0] > 0
    assert rush[-1]["properties"]["area_km2"] <= areas[-1]
    posts, hour = services.reach.posts("id")
    assert len({post.code for post in posts}) == len(posts) > 100
    # What is looked at first is an ambulance, not whichever service the alphabet begins with.
    assert posts[0].service.startswith("Ambulans")
    parts = [shape(ring) for ring in rings(quiet)]
    assert sum(part.area for part in parts) == pytest.approx(shape(quiet[-1]["geometry"]).area)
    assert parts[0].intersection(parts[1]).area == pytest.approx(0)
    assert hour in range(24)


def test_filters_come_from_the_address_and_go_there(services):
    at = open_page(services, lane="D", period="30", type="LKA1")
    assert not at.exception
    assert at.session_state["planner_id_lane"] == "D"
    assert at.multiselect(key="planner_id_types").value == ["LKA1"]
    at.multiselect(key="planner_id_types").set_value([]).run()
    at.selectbox(key="planner_id_period").set_value("all").run()
    assert not at.exception
    assert dict(at.query_params) == {"lane": "D", "period": "all"}


def test_another_language_keeps_the_filters(services):
    at = open_page(services, lane="L", period="90", type="UTL4", hours="18-23", view="times")
    at.session_state["services"].me.language = "en"
    at.run()
    assert not at.exception
    assert dict(at.query_params) == {"lane": "L", "period": "90", "type": "UTL4", "hours": "18-23", "view": "times"}
    assert at.selectbox(key="planner_en_period").value == "90"
    assert "incidents" in words(at)


def test_a_group_limits_the_types_offered(services):
    at = open_page(services, type="UTL4")
    at.multiselect(key="planner_id_families").set_value(["KBK"]).run()
    assert not at.exception
    assert at.multiselect(key="planner_id_types").value == []
    assert all(
        "ebakaran" in name or "terbakar" in name or "Gas" in name
        for name in at.multiselect(key="planner_id_types").options
    )


@pytest.mark.parametrize(("language", "mark"), [("id", ","), ("en", ".")])
def test_the_table_writes_numbers_in_the_pages_language_not_the_browsers(services, language, mark):
    at = open_page(services, view="areas", period="all", language=language)
    assert not at.exception
    table = at.dataframe[0]
    written = convert_arrow_bytes_to_pandas_df(table.proto.arrow_data.styler.display_values)
    rate = written.columns.get_loc("Per km² per tahun" if language == "id" else "Per km² per year")
    assert all(re.fullmatch(rf"[\d.,]*\d{re.escape(mark)}\d\d|–", text) for text in written.iloc[:, rate])
    assert table.value.iloc[:, rate].dtype == float  # what it sorts by stays a number


def test_a_density_of_few_incidents_warns(services):
    counts = services.incidents(YEARS).frame["type_code"].value_counts()
    rare, often = counts[counts < 30].index[0], counts.index[0]
    at = open_page(services, period="all", type=rare)
    assert not at.exception
    assert f"Hanya {counts[rare]} kejadian" in at.warning[0].value
    assert not open_page(services, period="all", type=often).warning


def test_an_empty_result_says_so(services):
    at = open_page(services, type="KAM9")
    assert not at.exception
    assert "Tidak ada kejadian" in words(at)


def test_half_a_period_asks_for_the_other_day(services):
    at = open_page(services, period="all")
    at.selectbox(key="planner_id_period").set_value("pick").run()
    assert not at.exception
    at.date_input(key="planner_id_days").set_value((date(2026, 10, 1),)).run()
    assert not at.exception
    assert "Pilih tanggal" in words(at)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AGENCY, Role.INTAKE])
def test_other_roles_are_refused(services, role):
    me = SimpleNamespace(language="id", actor=Actor(owner="account:1", name="x", role=role, agency="POL"))
    with pytest.raises(ForbiddenError):
        planner.render(SimpleNamespace(planner_engine=services._engine, me=me))


def test_an_empty_database_says_so(engine, server, database):
    with engine.begin() as tx:
        tx.exec_driver_sql(
            "INSERT INTO siaga.city (code, name, time_zone, number_prefix, metric_srid, fallback_m, settings)"
            " VALUES ('x', 'X', 'Asia/Makassar', 'X', 32751, 500, '{\"bbox\": [122.4, -4.2, 122.7, -3.8]}')"
        )
    st.cache_data.clear()  # a process has one database, so the cache does not ask which
    at = open_page(PlannerServices(engine))
    st.cache_data.clear()
    assert not at.exception
    assert "Belum ada kejadian" in words(at)


# -- HTML and spreadsheets


def test_texts_are_escaped_in_html():
    evil = "<img src=x onerror=alert(1)>"
    types = pd.DataFrame({"type_code": ["A"], "lane": ["D"], "n": [3], "share": [1.0]})
    for made in (
        class_bar(evil, [(evil, "#000000", 1)], evil, evil, [evil]),
        type_bars(types, {"A": evil}, language="id"),
    ):
        assert "<img" not in made
        assert "&lt;img" in made


def test_hours_that_never_came_show_a_dash():
    counts = pd.DataFrame(np.zeros((7, 24), dtype=int))
    per_hour = counts.astype(float)
    per_hour.iloc[0, 0] = np.nan
    made = hour_table(counts, per_hour, theme="day", language="id")
    assert made.count("<td") == 168
    assert made.count("–</td>") == 1


def test_partial_months_are_marked():
    months = pd.DataFrame({"D": [1, 2], "L": [3, 4], "n": [4, 6]}, index=pd.to_datetime(["2026-01-01", "2026-02-01"]))
    made = month_bars(months, (date(2026, 1, 15), date(2026, 2, 28)), language="en")
    assert made.count("partial") == 1
    many = months * 1000
    assert "4.000" in month_bars(many, (date(2026, 1, 1), date(2026, 2, 28)), language="id")


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+62811", "'+62811"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\t=1", "'\t=1"),
        ("|calc", "'|calc"),
        ("＝1", "'＝1"),
        ("Wua-Wua", "Wua-Wua"),
        (-5, -5),
        (None, None),
    ],
)
def test_cells_cannot_become_formulas(cell, safe):
    assert safe_cell(cell) == safe


def test_csv_keeps_numbers_and_quotes_formulas():
    frame = pd.DataFrame({"=nama": ["=1+1", "Bende", None], "n": [-3, 2, 1]})
    text = to_csv(frame).decode("utf-8-sig")
    assert text.splitlines() == ["'=nama,n", "'=1+1,-3", "Bende,2", ",1"]
    assert to_csv(frame).startswith(b"\xef\xbb\xbf")


def test_every_text_has_both_languages_and_the_same_blanks():
    for key, (indonesian, english) in TEXT.items():
        assert indonesian, key
        assert english, key
        assert set(re.findall(r"{\w+}", indonesian)) == set(re.findall(r"{\w+}", english)), key


def test_numbers_are_written_as_people_do():
    assert number(10226.5, "id", 1) == "10.226,5"
    assert number(10226.5, "en", 1) == "10,226.5"
    assert [short(value, "id") for value in (0.002, 0.5, 1.5, 20.0, 474.2)] == ["0,002", "0,5", "1,5", "20", "474"]
    assert t("n_places", "en", n=3) == "at 3 places"


def test_streets_outside_the_main_network_are_named_in_the_legend():
    from dashboard.pages.reach import legend

    said = {"station": {"name": "Pos"}}
    one = {"minutes": 5, "area_km2": 1.0, "profile": "car", "hour": 8, "calibration": "none", "roads_synthetic": False}
    html = legend({"features": [{"properties": {**one, "from": said}}]}, ["#fff"], 1234.0, "id")
    assert "1,2 km jalan di luar jaringan utama" in html
