"""The live desk in Chromium: a report goes the whole way, and nothing on the way is lost."""

from __future__ import annotations

import signal

import pytest

from tests.dashboard.conftest import until

pytestmark = pytest.mark.browser

HOSTILE = "api <img src=x onerror=window.PWN=1> ${window.PWN=2} `x` </script><script>window.PWN=3</script>"


def test_one_report_goes_the_whole_way(open_desk):
    operator, second, desk = open_desk("operator"), open_desk("operator-2"), open_desk("desk-DMK")
    second.page.locator(".sg-form textarea").click()
    second.page.keyboard.type("setengah tertulis")
    zoom = second.page.evaluate("() => window.__siaga.desk.map.getZoom()")

    number = operator.report("n kbk1 @-3.98917, 122.51001 ; ruko terbakar, asap tebal +2 korban !1")
    until(second.row(number).count, "the other operator does not see it")
    until(desk.card(number).count, "the agency does not see it")

    desk.card(number).locator(".sg-big").click()
    state = operator.row(number).locator(".sg-row-state")
    until(lambda: state.inner_text() == "diterima", "the operator's row did not turn")
    until(lambda: second.row(number).locator(".sg-row-state").inner_text() == "diterima", "nor the other's")
    assert second.page.locator(".sg-form textarea").input_value() == "setengah tertulis"
    assert second.page.evaluate("() => document.activeElement.tagName") == "TEXTAREA"
    assert second.page.evaluate("() => window.__siaga.desk.map.getZoom()") == zoom

    own = desk.page.locator(".sg-own")
    for label in ("Menuju", "Tiba", "Selesai"):
        until(lambda label=label: own.locator(".sg-big").inner_text() == label, f"no button {label}")
        own.locator(".sg-big").click()
    desk.page.locator(".sg-ask input").fill("padam")
    desk.page.locator(".sg-ask .sg-primary").click()
    until(lambda: own.locator(".sg-state").inner_text() == "selesai", "the agency is not done")


def test_why_us_outlines_the_polygon_that_matched(open_desk):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    number = operator.report("n kbk2 @-4.01234, 122.52345 ; lahan terbakar")
    until(desk.card(number).count, "the agency does not see it")
    desk.card(number).click()
    desk.page.get_by_role("button", name="Mengapa kami?").click()
    until(lambda: desk.page.locator(".leaflet-siagaWhy-pane path").count() >= 1, "no outline")
    assert (
        "wilayah" in desk.page.locator(".sg-why").inner_text() or "batas" in desk.page.locator(".sg-why").inner_text()
    )
    desk.page.keyboard.press("Escape")
    until(desk.page.locator(".sg-detail").is_hidden, "the panel stays")
    assert desk.page.locator(".leaflet-siagaWhy-pane path").count() == 0


def test_hostile_text_stays_text(open_desk):
    operator = open_desk("operator")
    operator.page.locator(".sg-form textarea").fill(HOSTILE)
    number = operator.report("n kbk3 @-3.97111, 122.55432")
    shown = until(lambda: operator.row(number).locator(".sg-row-text").all_inner_texts(), "no row")
    assert number in operator.page.locator(".sg-detail-head").inner_text()
    second = open_desk("operator-2")
    until(second.row(number).count, "no row")
    second.row(number).click()
    until(lambda: second.page.locator(".sg-timeline li").count(), "no detail")
    mark = second.page.locator(".sg-mark-frame", has=second.page.locator(".is-selected"))
    mark.hover()
    until(lambda: second.page.locator(".leaflet-tooltip.sg-tip").count(), "no tooltip")
    for desk in (operator, second):
        assert desk.page.evaluate("() => window.PWN === undefined")
    assert shown


def test_list_and_map_are_in_step_by_keyboard(open_desk):
    operator = open_desk("operator")
    for k in range(3):
        operator.report(f"n lka1 @-3.9{k}123, 122.5{k}456 ; tabrakan {k}")
    operator.page.keyboard.press("Escape")
    operator.page.keyboard.press("F4")
    operator.page.keyboard.press("ArrowDown")
    chosen = until(lambda: operator.page.evaluate("() => window.__siaga.desk.selected"), "nothing is selected")
    assert operator.page.locator(".sg-row.is-selected").get_attribute("id") == f"sg-row-{chosen}"
    assert operator.page.locator(".sg-mark.is-selected").count() == 1
    operator.page.keyboard.press("Enter")
    until(lambda: operator.page.evaluate("() => window.__siaga.desk.map.getZoom()") >= 16, "the map did not go there")


def test_a_click_on_the_map_places_and_escape_of_commands_explains(open_desk):
    operator = open_desk("operator")
    box = operator.page.locator(".leaflet-container").bounding_box()
    operator.page.mouse.click(box["x"] + box["width"] * 0.37, box["y"] + box["height"] * 0.83)
    until(operator.page.locator(".sg-pin").count, "no pin")
    operator.page.keyboard.press("Alt+1")
    operator.page.keyboard.press("1")
    until(lambda: operator.page.locator(".sg-preview .sg-role[data-role=lead]").count(), "nobody would be called")
    assert "DMK" in operator.page.locator(".sg-preview").inner_text()
    operator.page.keyboard.press("F2")
    operator.page.keyboard.type("t 9999 tidak ada")
    operator.page.keyboard.press("Enter")
    until(lambda: "9999" in " ".join(operator.page.locator(".sg-notice").all_inner_texts()), "no answer")
    operator.page.get_by_role("button", name="Kosongkan").click()
    until(lambda: operator.page.locator(".sg-pin").count() == 0, "the pin stays")


def test_a_refused_report_comes_back_with_its_reason(open_desk):
    operator = open_desk("operator")
    operator.page.keyboard.press("F2")
    # Written the wrong way round on purpose: the box of the city decides, so a foreign point is needed.
    operator.page.keyboard.type("n kbk1 @3.98917, 122.51001 ; tanda minus terlewat")
    operator.page.keyboard.press("Enter")
    until(lambda: operator.page.locator(".sg-primary[aria-disabled=false]").count(), "the form is not complete")
    operator.page.keyboard.press("Control+Enter")
    until(operator.page.locator(".sg-trouble").is_visible, "no reason shown")
    assert "-3.98917" in operator.page.locator(".sg-trouble").inner_text()
    assert "tanda minus" in operator.page.locator(".sg-form textarea").input_value()
    # The browser itself notes the 422; nothing else went wrong.
    operator.complaints[:] = [text for text in operator.complaints if "422" not in text]


def test_a_killed_server_loses_no_letter_and_no_report(pages, open_desk):
    operator = open_desk("operator")
    page = operator.page
    page.keyboard.press("F2")
    page.keyboard.type("n kbk4 @-3.99917, 122.53001 ; tiang terbakar, server mati")
    page.keyboard.press("Enter")
    until(lambda: page.locator(".sg-primary[aria-disabled=false]").count(), "the form is not complete")
    pages.end(signal.SIGKILL)
    page.keyboard.press("Control+Enter")
    text = "ditulis terus sementara server mati dan kotak galat muncul di belakang layar"
    page.locator(".sg-form textarea").click()
    page.keyboard.type(text, delay=70)
    until(page.locator(".sg-stale").is_visible, "the desk does not say that it is alone")
    until(page.locator(".sg-wait").is_visible, "the desk does not say that a report waits")
    assert page.locator(".sg-form textarea").input_value() == text
    assert page.locator(".stDialog:visible").count() == 0
    pages.start()
    until(lambda: [row for row in operator.rows() if "server mati" in row["text"]], "the report was not delivered")
    until(page.locator(".sg-stale").is_hidden, "the desk does not know that the server is back")
    assert page.locator(".sg-form textarea").input_value() == text
    page.reload()
    until(operator.is_ready, "the page does not come back")
    assert page.locator(".sg-form textarea").input_value() == text
    assert len([row for row in operator.rows() if "server mati" in row["text"]]) == 1
    operator.complaints.clear()  # a dead server is all they speak of


def test_five_thousand_incidents_are_few_elements(open_desk):
    operator = open_desk("operator")
    operator.page.evaluate(
        """() => {
          const now = Date.now() / 1000, live = window.__siaga.desk.live, rows = [];
          for (let i = 0; i < 5000; i++) {
            const busy = i % 3 > 0, lon = 122.45 + (i % 100) / 500, lat = -4.05 + Math.floor(i / 100) / 500;
            const duty = ['a' + i, 'DMK', 'fire', 'lead', busy ? 'on_scene' : 'delivered', 1, 300, 'road'];
            rows.push(['x' + i, 'T-' + i, lon, lat, 'KBK1', i % 5 ? 'D' : 'L', 1 + i % 4,
              busy ? 'in_progress' : 'dispatched', now - i, 'uji', 1, 25, 'live', 1, [duty]]);
          }
          live.merge(rows);
        }"""
    )
    assert operator.page.evaluate("() => window.__siaga.n") >= 5000
    assert operator.page.locator(".sg-row").count() < 60
    assert operator.page.locator(".sg-mark-frame").count() <= 80
    operator.page.keyboard.press("F4")
    operator.page.keyboard.press("End")
    until(lambda: operator.page.locator(".sg-row.is-selected").count() == 1, "the last row is not drawn")
    operator.complaints.clear()  # the server knows none of them


def test_night_and_language_change_without_losing_a_draft(open_desk):
    operator = open_desk("operator", color_scheme="dark")
    assert operator.page.evaluate("() => document.documentElement.dataset.siaga") == "night"
    operator.page.locator(".sg-form textarea").fill("tetap di sini")
    operator.page.get_by_role("button", name="English").click()
    until(lambda: operator.page.get_by_text("Unanswered").count() and operator.is_ready(), "no English")
    assert operator.page.locator(".sg-form textarea").input_value() == "tetap di sini"
    operator.page.get_by_role("button", name="Bahasa Indonesia").click()
    until(lambda: operator.page.get_by_text("Belum dijawab").count() and operator.is_ready(), "no Indonesian")


def test_leaving_clears_what_was_written(open_desk):
    operator = open_desk("operator-2")
    operator.page.locator(".sg-form input[type=tel]").evaluate(
        "node => node.closest('.sg-more').style.display = 'flex'"
    )
    operator.page.locator(".sg-form input[type=tel]").fill("08123456789")
    assert operator.page.evaluate("() => Object.keys(localStorage).some(key => key.startsWith('siaga.draft.'))")
    operator.page.get_by_role("button", name="Keluar").click()
    operator.page.wait_for_url("**/login*", timeout=60_000)
    kept = operator.page.evaluate("() => Object.keys(localStorage).filter(key => /draft|outbox/.test(key))")
    assert kept == []
