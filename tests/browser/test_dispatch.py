"""A report goes the whole way on three screens at once, and disturbs nobody who is at work on one of them."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.product import until

# What an operator would lose if the page were drawn anew under their hands.
AT_WORK = """(d => ({
    zoom: d.map.getZoom(), center: d.map.getCenter(), selected: d.selected,
    detail: document.querySelector('.sg-detail:not([hidden]) .sg-num').textContent,
    scrolled: document.querySelector('.sg-detail-body').scrollTop,
    text: d.form.text.value, caret: d.form.text.selectionStart,
    focus: document.activeElement === d.form.text, draft: JSON.stringify(d.form.draft),
    popup: [...document.querySelectorAll('.leaflet-tooltip')].map(one => [one === window.openPopup, one.textContent]),
}))(window.__siaga.desk)"""


def test_a_report_placed_by_a_click_reaches_everybody_without_a_reload_and_disturbs_nobody(
    product, someone, second_operator
):
    known = product.report(type="UTL4", lon=122.5106, lat=-3.9759, description="lampu jalan mati di depan Dukcapil")
    operator, second, desk = someone().desk("operator"), someone().desk(second_operator), someone().desk("desk-DMK")
    for person in (operator, second, desk):
        person.ask("window.isTheSamePage = true")

    # The second operator is at work: zoomed in, a detail open and scrolled, a popup open, a report half written.
    expect(second.row(known["number"])).to_be_visible()
    second.row(known["number"]).click()
    expect(second.page.locator(".sg-timeline li").first).to_be_attached()
    second.ask("window.__siaga.desk.map.setView([-3.9759, 122.5106], 16, {animate: false}) && null")
    second.ask("document.querySelector('.sg-detail-body').scrollTop = 40")
    second.text.click()
    second.page.keyboard.type("ibu-ibu jatuh dari motor, lut")
    second.page.keyboard.press("ArrowLeft")
    second.page.mouse.move(*second.pixel(122.5106, -3.9759))
    second.page.wait_for_timeout(100)  # Leaflet looks at the pointer every 32 ms only
    second.page.mouse.move(*(pixel + 2 for pixel in second.pixel(122.5106, -3.9759)))
    expect(second.page.locator(".leaflet-tooltip")).to_contain_text(known["number"])
    second.ask("(window.openPopup = document.querySelector('.leaflet-tooltip')) && null")
    before = second.ask(AT_WORK)

    # The first operator: click the map, choose the type, write, save.
    operator.click_map(122.5152, -3.9890)
    expect(operator.page.locator(".sg-pin")).to_be_visible()
    operator.page.locator(".sg-types").get_by_role("button", name="Kebakaran").click()
    operator.page.locator(".sg-types").get_by_role("button", name="Kebakaran bangunan").click()
    text = f"ruko dua lantai terbakar {product.tag}"
    operator.text.fill(text)
    expect(operator.page.locator(".sg-preview [data-role=lead] + b")).to_have_text("DMK")
    operator.page.keyboard.press("Control+Enter")
    number = until(
        lambda: operator.ask(
            f"[...window.__siaga.desk.live.rows.values()].filter(r => r.text === '{text}').map(r => r.number)[0]"
        ),
        "the saved report is in the operator's queue",
    )
    expect(operator.page.locator(".sg-notice.is-ok")).to_contain_text(number)
    expect(operator.text).to_have_value("")

    # Everybody sees it, on the map and in the list.
    expect(second.row(number)).to_be_visible()
    assert second.mark(number).count() == 1
    expect(desk.card(number)).to_be_visible()
    assert desk.mark(number).count() == 1
    assert "DMK belum menjawab" in operator.state_of(number)

    # The agency takes it; the operators' rows turn.
    desk.card(number).get_by_role("button", name="Terima").click()
    until(lambda: operator.state_of(number) == "diterima", "the operator's row turns")
    until(lambda: second.state_of(number) == "diterima", "the second operator's row turns")
    expect(desk.page.locator(".sg-own .sg-state")).to_have_text("diterima")

    assert second.ask(AT_WORK) == before
    for person in (operator, second, desk):
        assert person.ask("window.isTheSamePage") is True
    lon, lat = product.query(
        "SELECT ST_X(geom), ST_Y(geom) FROM siaga.incident WHERE number = %s AND status = 'acknowledged'", number
    )[0]
    assert abs(lon - 122.5152) < 2e-4
    assert abs(lat + 3.9890) < 2e-4


def test_the_point_of_a_report_follows_the_marker_that_is_dragged(product, someone):
    operator = someone().desk("operator")
    operator.click_map(122.5090, -3.9790)
    pin = operator.page.locator(".sg-pin")
    expect(pin).to_be_visible()
    first = operator.draft()
    x, y = operator.pixel(first["lon"], first["lat"])
    operator.page.mouse.move(x, y)
    operator.page.mouse.down()
    for step in (20, 60, 90):
        operator.page.mouse.move(x + step, y + step / 2)
    operator.page.mouse.up()
    until(lambda: operator.draft()["lon"] != first["lon"], "the point moved")
    second = operator.draft()
    assert abs(operator.pixel(second["lon"], second["lat"])[0] - x - 90) < 2
    assert abs(operator.pixel(second["lon"], second["lat"])[1] - y - 45) < 2

    text = f"kucing di atas pohon tinggi {product.tag}"
    operator.text.fill(text)
    operator.page.keyboard.press("Alt+4")
    operator.page.keyboard.press("4")
    operator.page.keyboard.press("Control+Enter")
    stored = until(
        lambda: product.query(
            "SELECT ST_X(geom), ST_Y(geom), location_method FROM siaga.report WHERE description = %s",
            text,
        ),
        "the report is stored",
    )
    assert stored == [(second["lon"], second["lat"], "map")]


def test_a_report_by_the_command_line_needs_no_mouse(product, someone):
    operator = someone().desk("operator")
    text = f"warung bakso terbakar {product.tag}"
    operator.command(f"n kbk1 @simpang wua-wua !2 +3 korban {text}")
    save = operator.page.locator(".sg-foot .sg-primary")
    expect(save).to_be_focused()
    assert operator.draft()["placeText"] == "Simpang Wua-Wua"
    operator.page.keyboard.press("Enter")
    stored = until(
        lambda: product.query(
            "SELECT r.type_code, r.location_text, r.location_method, r.facts, i.severity, i.number"
            " FROM siaga.report r JOIN siaga.incident i USING (incident_id) WHERE r.description = %s",
            text,
        ),
        "the report is stored",
    )
    assert len(stored) == 1
    kind, place, method, facts, severity, number = stored[0]
    assert (kind, place, method, severity) == ("KBK1", "Simpang Wua-Wua", "landmark", 2)
    assert facts["n_victims"] == 3
    expect(operator.row(number)).to_be_visible()
    expect(operator.page.locator(".sg-command")).to_be_focused()

    # The rest of the work, without the mouse as well: why, a note, an agency's answer by telephone.
    operator.command(f"? {number}")
    expect(operator.page.locator(".sg-why")).to_be_visible()
    operator.command(f"t {number} api mulai mengecil")
    expect(operator.page.locator(".sg-timeline")).to_contain_text("api mulai mengecil")
    operator.command(f"a {number} terima DMK")
    until(lambda: operator.state_of(number) == "diterima", "the answer is recorded")
    assert re.fullmatch(r"[A-Z]+-\d+", number)
