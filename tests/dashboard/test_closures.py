"""Streets are closed on the map: clicked, drawn, listed, seen by the others, and opened again."""

from __future__ import annotations

import pytest
import shapely

from gis.db import transaction
from routing_engine.dispatch.fields import refresh_fields
from routing_engine.network.store import load_network
from tests.dashboard.conftest import until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def street(kendari):
    """A long named street of the demo city, and its neighbours far enough away."""
    with transaction(kendari) as tx:
        edges = load_network(tx).edges
    named = edges[edges["name"].notna() & (edges["length_m"] > 250)].sort_values("edge_id")
    return named.iloc[0]


def look_at(desk, lon, lat, zoom=17):
    desk.page.evaluate("([lon, lat, zoom]) => window.__siaga.desk.map.setView([lat, lon], zoom, {animate: false})",
                       [lon, lat, zoom])  # fmt: skip


def click_map(desk, lon, lat):
    """Click where a place is on the screen."""
    x, y = desk.page.evaluate(
        "([lon, lat]) => { const d = window.__siaga.desk, p = d.map.latLngToContainerPoint([lat, lon]),"
        " b = d.map.getContainer().getBoundingClientRect(); return [b.left + p.x, b.top + p.y]; }",
        [lon, lat],
    )
    desk.page.mouse.click(x, y)


def closures_button(desk):
    return desk.page.locator(".sg-tools").get_by_role("button", name="Jalan ditutup")


def drawn(desk, kind="is-shut"):
    return desk.page.locator(f".leaflet-siagaClosures-pane path.sg-closure.{kind}").count()


def test_a_click_closes_a_street_for_all_to_see_and_reopening_takes_it_away(open_desk, kendari, server, street):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    middle = shapely.line_interpolate_point(street["geometry"], 0.5, normalized=True)
    look_at(operator, middle.x, middle.y)

    closures_button(operator).click()
    panel = operator.page.locator(".sg-closures")
    panel.get_by_role("button", name="Tutup jalan", exact=True).click()
    click_map(operator, middle.x, middle.y)
    until(lambda: operator.page.locator("path.sg-closure-chosen").count() == 1, "the street is not shown")
    assert street["name"] in panel.inner_text()
    # It was no click for a report.
    assert operator.page.evaluate("() => window.__siaga.desk.form.draft.lon") is None
    # The browser's own bubble speaks the browser's language; ours says what is missing.
    panel.get_by_role("button", name="Tutup jalan ini").click()
    until(lambda: "Tulis alasan penutupan" in panel.inner_text(), "no reason asked for")
    assert operator.page.evaluate("() => document.activeElement.dataset.key") == "closure-reason"
    panel.locator("input").fill("galian pipa <b>air</b>")
    panel.get_by_label("Berapa lama").select_option("2")
    panel.get_by_role("button", name="Tutup jalan ini").click()

    until(lambda: drawn(operator) >= 1, "not on the operator's map")
    until(lambda: drawn(desk) >= 1, "not on the agency's map")
    label = desk.page.locator(".sg-closure-label")
    assert label.inner_text().startswith("ditutup: galian pipa <b>air</b>")
    until(lambda: closures_button(desk).inner_text() == "Jalan ditutup (1)", "not counted at the agency")
    closures_button(desk).click()
    item = desk.page.locator(".sg-closure-item")
    until(item.count, "not in the agency's list")
    assert street["name"] in item.inner_text()
    assert "sampai" in item.inner_text()
    assert item.get_by_role("button", name="Buka kembali").count() == 0
    assert desk.page.locator(".sg-closure-new").count() == 0

    # No worker runs here: the list says that travel times are still the old ones, until they are made.
    until(lambda: "Waktu tempuh masih dari" in panel.inner_text(), "old times are not labelled")
    refresh_fields(kendari, server.state)
    until(lambda: "Waktu tempuh masih dari" not in panel.inner_text(), "new times are labelled as old")

    operator.page.locator(".sg-closure-item").get_by_role("button", name="Buka kembali").click()
    operator.page.locator(".sg-notice.is-question").get_by_role("button", name="Buka kembali").click()
    until(lambda: drawn(operator) == 0, "still on the operator's map")
    until(lambda: drawn(desk) == 0, "still on the agency's map")
    refresh_fields(kendari, server.state)


def test_a_line_slows_what_it_is_drawn_along_and_a_refusal_is_shown(open_desk, kendari, server, street):
    operator = open_desk("operator")
    ends = shapely.get_coordinates(street["geometry"])
    centre = shapely.centroid(street["geometry"])
    look_at(operator, centre.x, centre.y, 16)
    closures_button(operator).click()
    panel = operator.page.locator(".sg-closures")
    panel.get_by_role("button", name="Tutup jalan", exact=True).click()

    # On the water there is no street to click.
    look_at(operator, 122.564, -3.98)
    click_map(operator, 122.564, -3.98)
    panel.locator("input").fill("banjir")
    until(lambda: "tidak menyentuh jalan" in panel.inner_text(), "the refusal is not shown")
    assert panel.locator("input").input_value() == "banjir"
    # Chromium notes every refusal in its console.
    assert all("422" in said for said in operator.complaints)
    operator.complaints.clear()

    look_at(operator, centre.x, centre.y, 16)
    panel.get_by_role("button", name="Garis").click()
    for lon, lat in (ends[0], ends[-1]):
        click_map(operator, lon, lat)
    panel.get_by_role("button", name="Selesai").click()
    panel.get_by_label("Keadaan").select_option("3")
    panel.get_by_label("Untuk").select_option("cars")
    panel.locator("input").press("Enter")
    until(lambda: drawn(operator, "is-slow") >= 1, "not on the map")
    item = operator.page.locator(".sg-closure-item")
    until(item.count, "not in the list")
    assert "3× lebih lambat" in item.inner_text()
    assert "ambulans, mobil, mobil pemadam" in item.inner_text()

    # Escape leaves drawing first, then the panel.
    panel.get_by_role("button", name="Tutup jalan", exact=True).click()
    operator.page.keyboard.press("Escape")
    assert panel.is_visible()
    operator.page.locator(".sg-closure-item").get_by_role("button", name="Buka kembali").click()
    operator.page.locator(".sg-notice.is-question .sg-primary").click()
    until(lambda: drawn(operator, "is-slow") == 0, "still on the map")


def test_another_language_keeps_what_is_open_and_half_drawn(open_desk, street):
    operator = open_desk("operator")
    page = operator.page
    number = operator.report("n kbk1 @-3.98531, 122.51231 !2 ; warung terbakar")
    page.locator(".sg-detail-foot input").fill("catatan setengah")
    centre = shapely.centroid(street["geometry"])
    look_at(operator, centre.x, centre.y, 16)
    assert page.locator(".leaflet-control-zoom-in").get_attribute("title") == "Perbesar"
    closures_button(operator).click()
    panel = page.locator(".sg-closures")
    panel.get_by_role("button", name="Tutup jalan", exact=True).click()
    panel.get_by_role("button", name="Garis").click()
    for at in (0, -1):
        click_map(operator, *shapely.get_coordinates(street["geometry"])[at])
    panel.locator("input").fill("banjir")
    page.get_by_role("button", name="English").click()
    zoom = page.locator(".leaflet-control-zoom-in")
    until(lambda: zoom.count() and zoom.get_attribute("title") == "Zoom in", "not in English")
    until(lambda: operator.is_ready() and page.locator(".sg-closures").is_visible(), "the panel is shut")
    assert panel.locator("input").input_value() == "banjir"
    draft = page.evaluate(
        "() => { const { draft } = window.__siaga.desk.closures; return [draft.mode, draft.points.length]; }"
    )
    assert draft == ["line", 2]
    until(lambda: operator.is_open(number), "the incident is shut")
    assert page.locator(".sg-detail-foot > input").input_value() == "catatan setengah"
    page.get_by_role("button", name="Bahasa Indonesia").click()
    until(lambda: "Alasan" in panel.inner_text(), "no way back")


def test_the_time_of_the_city_is_meant(pages, chromium):
    context = chromium.new_context(timezone_id="America/New_York")
    page = context.new_page()
    page.goto(pages.address + "/login")
    found = page.evaluate(
        "async (a) => (await import('/assets/siaga/js/closuredraft.js')).cityTime(...a)",
        ["2026-01-31T18:00", "Asia/Makassar"],
    )
    assert found == "2026-01-31T10:00:00.000Z"
    context.close()
