"""The live desk in Chromium: a report goes the whole way, and nothing on the way is lost."""

from __future__ import annotations

import pytest

from gis.db import database_now
from routing_engine.dispatch import clocks
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
    number = operator.report(f"n kbk3 @-3.97111, 122.55432 ; {HOSTILE}")
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
    trouble = operator.page.locator(".sg-trouble")
    assert "-3.98917" in trouble.inner_text()
    assert "confirm_position" not in trouble.inner_text()
    assert "tanda minus" in operator.page.locator(".sg-form textarea").input_value()
    # The operator decides with a button; what a program would send is nobody's business here.
    trouble.get_by_role("button", name="Pakai -3.98917, 122.51001").click()
    until(lambda: trouble.is_hidden(), "still asked")
    draft = operator.page.evaluate("() => window.__siaga.desk.form.draft")
    assert (draft["lon"], draft["lat"], draft["placeText"]) == (122.51001, -3.98917, "-3.989170, 122.510010")
    operator.page.get_by_role("button", name="Kosongkan").click()
    # The browser itself notes the 422; nothing else went wrong.
    operator.complaints[:] = [text for text in operator.complaints if "422" not in text]


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
    # The server knows none of them, so what is asked about one stays without an answer.
    operator.page.route("**/api/incidents/x*", lambda route: None)
    operator.page.keyboard.press("F4")
    operator.page.keyboard.press("End")
    until(lambda: operator.page.locator(".sg-row.is-selected").count() == 1, "the last row is not drawn")


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


FAR = "-4.0612, 122.3611"  # nobody's: west of the city


def test_nobodys_incident_stands_out_and_is_handed_off(open_desk):
    operator = open_desk("operator")
    number = operator.report(f"n kbk1 @{FAR} ; gudang terbakar")
    row = operator.row(number)
    assert row.locator(".sg-row-state").inner_text() == "belum ada instansi"
    assert "is-overdue" in (row.get_attribute("class") or "")
    submit = operator.page.locator(".sg-urgent .sg-primary")
    until(lambda: submit.inner_text().startswith("Alihkan ke "), "no proposal")
    operator.page.locator(".sg-handoff input").nth(0).fill("Kabupaten Uji")
    operator.page.locator(".sg-handoff input").nth(1).fill("(0401) 112")
    assert submit.inner_text() == "Alihkan ke Kabupaten Uji"
    operator.page.keyboard.press("Enter")
    until(lambda: row.count() == 0, "it stays in the queue")
    until(lambda: "Kabupaten Uji · (0401) 112" in operator.page.locator(".sg-timeline").inner_text(), "no trace")


def test_half_written_fields_outlive_a_change_by_somebody_else(open_desk):
    first, second = open_desk("operator"), open_desk("operator-2")
    number = first.report(f"n kbk1 @{FAR} ; lahan terbakar")
    until(second.row(number).count, "no row")
    second.row(number).click()
    field = first.page.locator(".sg-handoff input").nth(0)
    field.click()
    first.page.keyboard.press("End")
    first.page.keyboard.type(" dan Dam")
    second.page.locator(".sg-detail-foot input").fill("sudah ditelepon")
    second.page.keyboard.press("Enter")
    until(lambda: "sudah ditelepon" in first.page.locator(".sg-timeline").inner_text(), "the note does not arrive")
    first.page.keyboard.type("kar")
    assert field.input_value().endswith(" dan Damkar")


def test_a_stale_change_says_so_and_shows_the_newest(open_desk):
    operator, second = open_desk("operator"), open_desk("operator-2")
    number = operator.report("n lng1 @-3.98311, 122.51411 ; sampah menumpuk")
    until(second.row(number).count, "no row")
    # A desk that has not heard of the change yet.
    operator.page.evaluate("() => { const d = window.__siaga.desk; d.live.stop(); }")
    second.row(number).click()
    second.page.locator(".sg-detail-foot input").fill("warga sudah membersihkan")
    second.page.keyboard.press("Enter")
    until(lambda: "membersihkan" in second.page.locator(".sg-timeline").inner_text(), "no note")
    operator.page.get_by_role("button", name="Naikkan ke D").click()
    until(lambda: "diubah orang lain" in operator.page.locator(".sg-notices").inner_text(), "no word of it")
    until(lambda: "membersihkan" in operator.page.locator(".sg-timeline").inner_text(), "the old details stay")
    operator.page.get_by_role("button", name="Naikkan ke D").click()
    until(operator.page.get_by_role("button", name="Turunkan ke L").count, "the lane did not change")
    # The browser itself notes the 409.
    operator.complaints[:] = [text for text in operator.complaints if "409" not in text]


def test_lane_and_classification_by_keys(open_desk):
    operator = open_desk("operator")
    page = operator.page
    operator.report("n lng1 @-3.98321, 122.51421 ; sampah terbakar di pinggir jalan")
    until(page.locator(".sg-timeline li").count, "no detail")
    page.keyboard.press("F4")
    page.keyboard.press("d")
    until(page.get_by_role("button", name="Turunkan ke L").count, "D did not raise it")
    page.get_by_role("button", name="Turunkan ke L").press("Enter")
    page.keyboard.press("Enter")
    until(lambda: "alasannya" in page.locator(".sg-notices").inner_text(), "no reason was asked for")
    page.keyboard.type("tidak ada api")
    page.keyboard.press("Enter")
    until(page.get_by_role("button", name="Naikkan ke D").count, "the lane did not go down")
    assert "tidak ada api" in page.locator(".sg-timeline li").first.inner_text()
    page.keyboard.press("F2")
    page.keyboard.type("x prank")
    page.keyboard.press("Enter")
    # It ends the incident, so it is asked about.
    page.get_by_role("button", name="Akhiri").click()
    until(lambda: page.locator(".sg-settings select").input_value() == "prank", "not classified")


def test_two_reports_of_one_event_are_joined_and_parted(open_desk):
    operator = open_desk("operator")
    page = operator.page
    first = operator.report("n lka1 @-4.02311, 122.55411 ; tabrakan dua motor")
    page.keyboard.press("Escape")
    second = operator.report("n lka1 @-4.02321, 122.55401 ; kecelakaan motor")
    page.get_by_role("button", name=f"Gabung ke {first}").click()
    until(lambda: operator.row(second).count() == 0, "the second stays")
    until(lambda: first in page.locator(".sg-detail-head").inner_text(), "the first is not shown")
    page.get_by_role("button", name=f"Lepas {second}").click()
    until(operator.row(second).count, "the second does not come back")
    until(lambda: page.get_by_role("button", name=f"Lepas {second}").count() == 0, "still offered to part")


def test_calling_back_reopens_what_is_not_handled(open_desk):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    number = operator.report("n kbk3 @-3.99511, 122.53511 ; lahan kosong terbakar")
    operator.page.evaluate(
        """async () => {
          const { desk } = window.__siaga;
          await desk.detail.read();
          for (const a of desk.detail.incident.assignments.filter(a => a.role !== 'inform'))
            await desk.ui.api.post('/api/assignments/' + a.assignment_id + '/state',
              { state: 'done', version: a.version, note: '', result: 'handled' });
          await desk.detail.read();
        }"""
    )
    until(lambda: operator.row(number).locator(".sg-row-state").inner_text() == "selesai", "not resolved")
    operator.page.get_by_role("button", name="Belum tertangani").click()
    # The agencies are called once more.
    until(lambda: "DMK belum menjawab" in operator.row(number).inner_text(), "not open again")
    # The queue hears of it by its poll, the open details by their own question: either may be first.
    until(lambda: operator.page.locator(".sg-urgent").count() == 0, "still asked to call back")
    assert desk.page.locator(".sg-urgent, .sg-settings").count() == 0


def test_a_reminder_shows_in_the_row_and_escalation_brings_it_forward(open_desk, kendari):
    operator = open_desk("operator")
    number = operator.report("n kbk1 @-3.97711, 122.52611 !1 ; rumah terbakar")
    operator.page.get_by_role("button", name="Eskalasi sekarang").click()
    until(lambda: "kontak kedua" in operator.page.locator(".sg-notices").inner_text(), "no answer")
    with kendari.begin() as tx:
        assert clocks.fire_due(tx, now=database_now(tx)) > 0  # what the worker does each second
    state = operator.row(number).locator(".sg-row-state")
    until(lambda: state.inner_text().endswith("· eskalasi 1"), "the row does not show it")
    assert state.inner_text().startswith("DMK belum menjawab")
    assert "is-overdue" in (operator.row(number).get_attribute("class") or "")
    operator.page.get_by_role("button", name="Terima", exact=True).first.click()
    until(lambda: state.inner_text() == "diterima", "the reminder stays")
    until(lambda: "terlambat" in operator.row(number).locator(".sg-row-late").inner_text(), "the others' is not shown")


def test_streamlits_own_is_out_of_sight_and_the_theme_in_reach(open_desk):
    page = open_desk("operator").page
    page.locator("[data-testid=stMainMenuButton]").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    until(lambda: page.evaluate("() => document.documentElement.dataset.siaga === 'night'"), "it stays day")
    assert page.get_by_text("Made with Streamlit").or_(page.get_by_text("About")).locator("visible=true").count() == 0
    page.evaluate(
        """() => {
          const widget = document.createElement('div');
          widget.dataset.testid = 'stStatusWidget';
          document.body.append(widget);
        }"""
    )
    assert page.locator("[data-testid=stStatusWidget]").last.evaluate("n => getComputedStyle(n).display") == "none"


def test_the_keyboard_goes_from_the_queue_to_what_is_open(open_desk):
    operator = open_desk("operator")
    operator.report("n lka1 @-4.00321, 122.50401 ; tabrakan")
    page = operator.page
    until(page.locator(".sg-timeline li").count, "no detail")
    page.keyboard.press("F4")
    inside = "() => document.querySelector('.sg-detail').contains(document.activeElement)"
    page.keyboard.press("Tab")
    assert page.evaluate(inside)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.sg-desk :is(button, input, select, textarea, [tabindex="0"])')]
          .filter(n => !(n.getAttribute('aria-label') || n.textContent.trim() || n.title || n.closest('label')))
          .map(n => n.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.getAttribute('role')") == "listbox"
    assert page.locator(".sg-notices").get_attribute("aria-live") == "polite"


def test_a_place_nobody_found_does_not_take_the_point_of_the_call_before(open_desk):
    operator = open_desk("operator")
    operator.page.evaluate("() => window.__siaga.desk.form.setPoint({ lon: 122.51, lat: -3.98, method: 'map' })")
    operator.page.keyboard.press("F2")
    operator.page.keyboard.type("n med1 @zzqx tidak ada sama sekali !1 orang pingsan")
    operator.page.keyboard.press("Enter")
    until(lambda: operator.page.evaluate("() => window.__siaga.desk.form.draft.type") == "MED1", "not taken")
    until(lambda: operator.page.evaluate("() => window.__siaga.desk.form.draft.lon === undefined"), "old point kept")


def test_a_lead_that_declines_is_the_loudest_row(open_desk):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    number = operator.report("n kbk2 @-3.99611, 122.53611 !2 ; ilalang terbakar")
    until(lambda: desk.row(number).count() or number in desk.page.inner_text("body"), "not at the desk")
    operator.page.evaluate(
        """async () => {
          const { desk } = window.__siaga;
          await desk.detail.read();
          const a = desk.detail.incident.assignments.find(a => a.role === 'lead');
          await desk.ui.api.post('/api/assignments/' + a.assignment_id + '/state',
            { state: 'declined', version: a.version, note: 'tidak ada unit' });
        }"""
    )
    until(lambda: "menolak" in operator.row(number).inner_text(), "looks calm")


OTHERS = """(state) => {
  const { live } = window.__siaga.desk, duty = ['a-quiet', 'DMK', 'fire', 'lead', state, 1, 300, 'road'];
  live.merge([['x-quiet', 'T-77', 122.51, -3.98, 'KBK1', 'D', 1, 'dispatched', Date.now() / 1000, 'uji', 1, 25, 'live',
    1, [duty]]]);
}"""
FOCUSED = "() => document.activeElement.dataset.key || document.activeElement.className"


def test_an_arriving_poll_never_takes_the_keyboard_from_an_agency(open_desk):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    number = operator.report("n kbk2 @-3.99711, 122.53911 ; lahan terbakar")
    until(desk.card(number).count, "not at the desk")
    desk.card(number).locator(".sg-big").focus()
    before = desk.page.evaluate(FOCUSED)
    assert before.startswith("accept ")
    desk.page.evaluate(OTHERS, "delivered")  # a graver one, above it
    assert desk.card("T-77").count() == 1
    assert desk.page.evaluate(FOCUSED) == before


def test_enter_never_accepts_for_the_agency_beside_the_one_that_is_done(open_desk):
    operator = open_desk("operator")
    operator.report("n kbk1 @-3.98911, 122.53011 !1 ; ruko terbakar +2 korban")
    accept = operator.page.locator(".sg-assignment .sg-small[data-key^=accept]")
    assert accept.count() >= 2
    accept.first.focus()
    before = operator.page.evaluate(FOCUSED)
    operator.page.evaluate("() => window.__siaga.desk.detail.draw()")  # what a poll causes
    assert operator.page.evaluate(FOCUSED) == before
    operator.page.evaluate(
        """() => {
          const { detail } = window.__siaga.desk, [id] = document.activeElement.dataset.key.split(' ').slice(1);
          detail.incident.assignments.find(a => a.assignment_id === id).state = 'accepted';
          detail.draw();
        }"""
    )
    assert operator.page.evaluate(FOCUSED) == "sg-detail"


def test_an_overtaken_answer_does_not_put_the_old_details_back(open_desk):
    operator = open_desk("operator")
    operator.report("n lka1 @-4.00421, 122.50501 ; tabrakan")
    turned = operator.page.evaluate(
        """async () => {
          const { detail } = window.__siaga.desk, { api } = detail.ui, get = api.get.bind(api);
          let release;
          api.get = async path => { const answer = await get(path); await new Promise(done => { release = done; });
            return { ...answer, description: 'lama' }; };
          const slow = detail.read();
          while (!release) await new Promise(done => setTimeout(done, 10));
          api.get = async path => ({ ...await get(path), description: 'baru' });
          await detail.read();
          release();
          await slow;
          api.get = get;
          return detail.incident.description;
        }"""
    )
    assert turned == "baru"
