"""Calls and answers at the live desk in Chromium: drafts, drills, agencies that decline, the side of a border."""

from __future__ import annotations

import pytest

from tests.dashboard.conftest import until

pytestmark = pytest.mark.browser

DRAFT = "() => window.__siaga.desk.form.draft"
COMMAND = ".sg-command"


def type_command(desk, line):
    desk.page.keyboard.press("F2")
    desk.page.keyboard.type(line)
    desk.page.keyboard.press("Enter")


def notices(desk):
    return " ".join(desk.page.locator(".sg-notice").all_inner_texts())


def decline(desk, *, only_lead=False):
    """Decline for every acting agency of the open incident, as they would on the telephone."""
    desk.page.evaluate(
        """async (onlyLead) => {
          const { detail } = window.__siaga.desk, { assignments } = await detail.read();
          for (const a of assignments.filter(a => a.agency && (onlyLead ? a.role === 'lead' : a.role !== 'inform')))
            await detail.ui.api.post('/api/assignments/' + a.assignment_id + '/state',
              { state: 'declined', version: a.version, note: 'tidak ada unit' });
          await detail.read();
        }""",
        only_lead,
    )


def drill(desk, text, severity=1):
    """Send a drill as a program of the centre does, and return its number."""
    return desk.page.evaluate(
        """async ([text, severity]) => (await window.__siaga.desk.ui.api.post('/api/reports',
          { type: 'KBK1', lon: 122.51311, lat: -3.98611, accuracy_m: 25, severity, description: text, drill: true },
          { 'Idempotency-Key': 'drill ' + text })).number""",
        [text, severity],
    )


# -- drills


def test_a_drill_is_one_in_row_marker_card_notice_title_and_panel(open_desk):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    desk.page.evaluate("() => { window.__siaga.desk.alerts.sound = tones => { window.heard = tones; }; }")
    number = drill(operator, "latihan gudang")
    row = operator.row(number)
    until(row.count, "no row")
    assert row.locator(".sg-drill").inner_text() == "LATIHAN"
    mark = operator.page.locator(f'.leaflet-marker-icon[aria-label^="{number}, LATIHAN"]')
    assert mark.locator(".sg-drill").inner_text() == "LATIHAN"

    until(desk.card(number).count, "no card")
    assert desk.card(number).locator(".sg-drill").inner_text() == "LATIHAN"
    assert desk.card(number).locator(".sg-big").inner_text() == "Terima (latihan)"
    assert f"LATIHAN: {number}" in notices(desk)
    until(lambda: "LATIHAN" in desk.page.title(), "the title does not say so")
    assert "Insiden baru" not in desk.page.title()
    assert sorted(desk.page.evaluate("() => window.heard"), reverse=True) == desk.page.evaluate("() => window.heard")

    desk.card(number).click()
    until(desk.page.locator(".sg-drill-note").count, "the panel does not say so")


def test_an_overdue_drill_has_none_of_the_alarms_colours_and_stands_below_the_real(open_desk):
    operator = open_desk("operator")
    number = drill(operator, "latihan terlambat")
    until(operator.row(number).count, "no row")
    look = operator.page.evaluate(
        """() => {
          const { live, list } = window.__siaga.desk, at = Date.now() / 1000 - 9000;
          const duty = id => [id, 'DMK', 'fire', 'lead', 'delivered', 1, 300, 'road', 1];
          live.merge([
            ['d1', 'T-901', 122.51, -3.98, 'KBK1', 'D', 1, 'dispatched', at, 'uji', 1, 25, 'drill', 1, [duty('a1')]],
            ['r1', 'T-902', 122.52, -3.98, 'KBK1', 'D', 3, 'dispatched', at, 'uji', 1, 25, 'live', 1, [duty('a2')]]]);
          const alarm = getComputedStyle(document.querySelector('.sg-desk')).getPropertyValue('--alarm').trim();
          const probe = document.body.appendChild(document.createElement('i'));
          probe.style.color = alarm;
          const red = getComputedStyle(probe).color;
          probe.remove();
          const node = document.getElementById('sg-row-d1'), style = getComputedStyle;
          const parts = [node, ...node.querySelectorAll('*')];
          return {
            red: parts.some(part => [style(part).color, style(part).backgroundColor, style(part).borderLeftColor]
              .includes(red)),
            order: list.items.filter(item => item.row && ['d1', 'r1'].includes(item.key)).map(item => item.key),
          };
        }"""
    )
    assert look == {"red": False, "order": ["r1", "d1"]}


# -- drafts and the command line


def test_a_command_for_another_call_sets_the_draft_aside_and_takes_nothing_of_it_along(open_desk):
    operator = open_desk("operator")
    page = operator.page
    page.evaluate(
        """() => window.__siaga.desk.form.change({ phone: '0811', name: 'Ani', hazards: ['gas'], child: true,
          text: 'kebocoran', classification: 'information' })"""
    )
    type_command(operator, "n kbk1 @-3.98617, 122.51517 !2 asap")
    question = page.locator(".sg-notice.is-question")
    until(question.count, "not asked")
    page.keyboard.press("Escape")
    until(lambda: question.count() == 0, "the question stays")
    assert page.locator(COMMAND).input_value().strip() == "n kbk1 @-3.98617, 122.51517 !2 asap"
    assert page.evaluate(DRAFT)["phone"] == "0811"

    page.keyboard.press("Enter")
    page.get_by_role("button", name="Panggilan lain; sisihkan draf").click()
    until(lambda: page.evaluate(DRAFT).get("type") == "KBK1", "the new one is not taken")
    draft = page.evaluate(DRAFT)
    assert draft.keys() <= {"type", "severity", "text", "placeText", "lon", "lat", "accuracy_m", "method"}
    assert (draft["text"], draft["severity"]) == ("asap", 2)

    # A page opened anew still has both; the one set aside comes back whole, and the other waits in its place.
    page.reload()
    until(operator.is_ready, "no desk")
    page.locator(".sg-parked").get_by_role("button", name="Lanjutkan").click()
    draft = page.evaluate(DRAFT)
    assert (draft["phone"], draft["hazards"], draft["text"]) == ("0811", ["gas"], "kebocoran")
    assert "asap" in page.locator(".sg-parked").inner_text()
    page.locator(".sg-parked").get_by_role("button", name="Buang").click()
    until(lambda: page.locator(".sg-parked").count() == 0, "it stays")
    page.get_by_role("button", name="Kosongkan").click()


def test_a_command_for_the_same_call_adds_and_loses_no_word(open_desk):
    operator = open_desk("operator")
    page = operator.page
    page.evaluate("() => window.__siaga.desk.form.change({ phone: '0812', text: 'asap tebal' })")
    type_command(operator, "n kbk1 @-3.98617, 122.51517 merambat ke rumah sebelah")
    page.get_by_role("button", name="Panggilan yang sama").click()
    until(lambda: page.evaluate(DRAFT).get("lon"), "not taken")
    draft = page.evaluate(DRAFT)
    assert (draft["phone"], draft["type"]) == ("0812", "KBK1")
    assert draft["text"] == "asap tebal\nmerambat ke rumah sebelah"
    assert page.locator(".sg-form textarea").input_value() == draft["text"]
    page.get_by_role("button", name="Kosongkan").click()


def test_a_point_clicked_before_the_command_is_of_the_same_call(open_desk):
    operator = open_desk("operator")
    operator.page.evaluate("() => window.__siaga.desk.form.setPoint({ lon: 122.51, lat: -3.98, method: 'map' })")
    type_command(operator, "n kbk1 asap")
    until(lambda: operator.page.evaluate(DRAFT).get("text") == "asap", "not taken")
    assert operator.page.evaluate(DRAFT)["lon"] == 122.51
    assert operator.page.locator(".sg-notice.is-question").count() == 0
    operator.page.get_by_role("button", name="Kosongkan").click()


def test_a_command_before_the_first_answer_of_the_server_waits_for_it(open_desk):
    operator = open_desk("operator")
    number = operator.report("n lka1 @-4.00721, 122.50801 ; tabrakan beruntun")
    held = []
    operator.page.route("**/api/live?since=0", lambda route: held.append(route))
    operator.page.reload()
    # Asking the page lets the route see its request.
    until(lambda: operator.page.evaluate("() => true") and held, "the list is not asked for")
    until(operator.page.locator(COMMAND).count, "no command line")
    type_command(operator, f"? {number}")
    until(lambda: "Memuat" in notices(operator), "not said")
    for route in held:
        route.continue_()
    until(operator.page.locator(".sg-why").count, "it did not wait")
    assert "Tidak ada insiden" not in notices(operator)


def test_answers_by_telephone_ask_for_what_they_lack(open_desk):
    operator = open_desk("operator")
    page = operator.page
    number = operator.report("n kbk1 @-3.98231, 122.51931 !2 ; dapur terbakar")
    type_command(operator, f"a {number} tolak DMK")
    until(lambda: "alasannya" in notices(operator), "no reason asked for")
    assert page.locator(COMMAND).input_value() == f"a {number} tolak DMK "
    page.locator(COMMAND).fill("")
    type_command(operator, f"a {number} selesai DMK")
    until(lambda: "tertangani, dirujuk" in notices(operator), "no result asked for")
    page.keyboard.type("tertangani api padam")
    page.keyboard.press("Enter")
    until(lambda: "api padam" in page.locator(".sg-timeline").inner_text(), "not recorded")
    stored = page.evaluate("() => window.__siaga.desk.detail.incident.assignments.find(a => a.agency === 'DMK')")
    assert (stored["state"], stored["result"], stored["note"]) == ("done", "handled", "api padam")


# -- an agency declines


def test_when_everybody_has_declined_it_is_the_loudest_and_can_be_called_again(open_desk):
    operator = open_desk("operator")
    page = operator.page
    number = operator.report("n kbk2 @-3.99911, 122.53911 !3 ; ilalang terbakar")
    decline(operator)
    row = operator.row(number)
    until(lambda: row.locator(".sg-row-state").inner_text() == "semua menolak", "the row is calm")
    assert "is-nobodys" in (row.get_attribute("class") or "")
    first = "() => window.__siaga.desk.list.items.find(item => item.row && !item.row.isUnassigned).row.number"
    assert page.evaluate(first) == number
    urgent = page.locator(".sg-urgent.is-alarm")
    until(urgent.count, "nothing to decide")
    assert "semua menolak" in urgent.inner_text()
    urgent.get_by_role("button", name="Panggil lagi").first.click()
    until(lambda: "menolak" not in row.locator(".sg-row-state").inner_text(), "not called again")
    until(lambda: "Dipanggil lagi" in page.locator(".sg-timeline").inner_text(), "no trace")


def test_another_agency_is_appointed_by_the_panel_and_by_the_command_line(open_desk):
    operator = open_desk("operator")
    page = operator.page
    number = operator.report("n kbk2 @-3.99811, 122.53811 !3 ; ilalang terbakar")
    decline(operator, only_lead=True)
    until(page.locator(".sg-urgent.is-alarm").count, "nothing to decide")
    page.locator(".sg-urgent.is-alarm").get_by_role("button", name="Tunjuk instansi lain").click()
    box = page.locator(".sg-detail-foot .sg-ask")
    until(box.count, "no form")
    whom = box.get_by_label("Instansi yang ditunjuk")
    assert whom.input_value() == ""
    box.get_by_role("button", name="Tunjuk instansi lain").click()
    until(lambda: "Pilih instansinya" in notices(operator), "somebody was chosen already")
    assert "mnt" in whom.locator("option").nth(1).inner_text()
    station = page.evaluate(
        "async () => (await window.__siaga.desk.detail.appointable()).find(item => item.station).station.name"
    )
    assert station in whom.inner_text()
    whom.select_option(index=1)
    box.get_by_role("button", name="Tunjuk instansi lain").click()
    until(lambda: "alasannya" in notices(operator), "no reason asked for")
    offered = page.evaluate(
        "async () => (await window.__siaga.desk.detail.appointable()).map(item => [item.jurisdiction, item.agency])"
    )
    box.get_by_label("Alasan").fill("paling dekat")
    page.keyboard.press("Enter")
    until(lambda: "paling dekat" in page.locator(".sg-timeline").inner_text(), "not appointed")
    leads = "() => window.__siaga.desk.detail.incident.assignments.filter(a => a.role === 'lead').map(a => a.state)"
    until(lambda: page.evaluate(leads) in (["queued"], ["delivered"]), "nobody leads")
    until(lambda: page.locator(".sg-urgent.is-alarm").count() == 0, "still asked")

    code, _agency = offered[-1]
    type_command(operator, f"u {number} {code} perlu alat berat")
    until(lambda: "perlu alat berat" in page.locator(".sg-timeline").inner_text(), "not appointed by the command")
    decline(operator, only_lead=True)
    until(lambda: page.locator(".sg-urgent.is-alarm").count(), "the second lead's decline is not shown")
    type_command(operator, f"p {number}")
    until(lambda: "Sebut yang mana" in notices(operator), "two have declined, and one is called at random")
    again = "() => window.__siaga.desk.detail.incident.assignments.find(a => a.role === 'lead').jurisdiction.code"
    page.locator(COMMAND).fill("")
    type_command(operator, f"p {number} {page.evaluate(again)}")
    until(lambda: "Dipanggil lagi" in page.locator(".sg-timeline").inner_text(), "not called again")


def test_a_question_half_answered_ends_when_a_colleague_has_answered(open_desk):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    number = operator.report("n kbk1 @-3.98431, 122.51831 !2 ; warung terbakar")
    until(desk.card(number).count, "no card")
    desk.card(number).click()
    desk.page.get_by_role("button", name="Tolak").click()
    desk.page.locator(".sg-ask input").fill("tidak ada")
    type_command(operator, f"a {number} terima DMK")
    until(lambda: desk.page.locator(".sg-ask").count() == 0, "the box stays")
    assert notices(desk).count("sudah dijawab di tempat lain: diterima") == 1
    assert desk.page.evaluate("() => document.activeElement.className") == "sg-detail"


# -- places, texts and markers


def test_the_question_about_a_border_is_answered_by_a_click(open_desk):
    operator = open_desk("operator")
    page = operator.page
    page.evaluate(
        """() => { const { form } = window.__siaga.desk;
          form.change({ type: 'KAM1', placeText: 'simpang Wua-Wua' });
          form.setPoint({ lon: 122.49985, lat: -3.9962, accuracy_m: 100, method: 'landmark' }); }"""
    )
    sides = page.locator(".sg-preview .sg-question button")
    until(lambda: sides.count() == 2, "no answers to choose from")
    place = sides.nth(1).inner_text()
    sides.nth(1).click()
    until(lambda: page.locator(".sg-preview .sg-question").count() == 0, "still asked")
    draft = page.evaluate(DRAFT)
    assert draft["accuracy_m"] < 100
    assert draft["placeText"] == f"simpang Wua-Wua (sisi {place})"
    assert page.locator(".sg-preview [data-role=lead] + b").count() == 1
    page.get_by_role("button", name="Kosongkan").click()


def test_the_question_is_still_answered_after_saving(open_desk):
    operator = open_desk("operator")
    page = operator.page
    page.evaluate(
        """async () => { const { desk } = window.__siaga;
          const answer = await desk.ui.api.post('/api/reports', { type: 'KAM1', lon: 122.49985, lat: -3.9962,
            accuracy_m: 100, description: 'tawuran di simpang' }, { 'Idempotency-Key': 'corner' });
          desk.select(answer.incident_id); }"""
    )
    sides = page.locator(".sg-detail .sg-question button")
    until(lambda: sides.count() == 2, "no answers to choose from")
    sides.first.click()
    until(lambda: "Titik dipindah" in page.locator(".sg-timeline").inner_text(), "not moved")
    until(lambda: sides.count() == 0, "still asked")
    leads = "() => window.__siaga.desk.detail.incident.assignments.filter(a => a.role === 'lead').length"
    assert page.evaluate(leads) == 1


def test_the_reasons_that_are_open_follow_a_move(open_desk):
    operator = open_desk("operator")
    page = operator.page
    number = operator.report("n kam3 @-3.98331, 122.51731 ; motor dicuri")
    page.get_by_role("button", name="Mengapa").first.click()
    why = page.locator(".sg-why")
    until(lambda: why.count() and "tanda bukti" in why.inner_text(), "no reasons")
    before = why.inner_text()
    page.evaluate(
        """async () => { const { detail } = window.__siaga.desk, { incident } = detail;
          await detail.event('relocate', incident, '', { lon: 122.51751, lat: -3.98341, accuracy_m: 25 }); }"""
    )
    lead = "() => window.__siaga.desk.detail.incident.assignments.find(a => a.role === 'lead').receipt_id"
    until(lambda: why.count() and page.evaluate(lead) in why.inner_text(), "the old reasons stay")
    assert why.inner_text() != before
    assert operator.is_open(number)


def test_long_words_leave_the_next_step_in_sight(open_desk):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    number = operator.page.evaluate(
        """async () => (await window.__siaga.desk.ui.api.post('/api/reports', { type: 'KBK1', lon: 122.51811,
          lat: -3.98511, accuracy_m: 25, location_text: 'x'.repeat(190), description: 'kata panjang '.repeat(200) },
          { 'Idempotency-Key': 'long words' })).number"""
    )
    until(desk.card(number).count, "no card")
    desk.card(number).click()
    big = desk.page.locator(".sg-own .sg-big")
    # Drawn anew by a poll at that moment, it has no box.
    box = until(lambda: big.count() and big.bounding_box(), "no next step")
    assert box["y"] + box["height"] <= 768
    panel = desk.page.locator(".sg-detail-body")
    assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")
    desk.page.get_by_role("button", name="Selengkapnya").click()
    assert desk.page.locator(".sg-description").evaluate("node => node.scrollHeight <= node.clientHeight + 1")
    desk.page.get_by_role("button", name="Ringkas").click()


def test_incidents_at_one_point_say_how_many_and_a_click_goes_through_them(open_desk):
    operator = open_desk("operator")
    page = operator.page
    at = "-3.97931, 122.52931"
    numbers = {operator.report(f"n lka1 @{at} ; satu")}
    page.keyboard.press("Escape")
    numbers.add(operator.report(f"n kbk1 @{at} ; dua"))
    page.keyboard.press("Escape")
    said = [page.locator(f'.leaflet-marker-icon[aria-label^="{number},"] .sg-mark-n') for number in numbers]
    until(lambda: [one.all_inner_texts() for one in said] == [["2"], ["2"]], "not counted")
    chosen = "() => { const { desk } = window.__siaga; return desk.live.rows.get(desk.selected)?.number; }"
    seen = set()
    for _ in range(2):
        before = page.evaluate(chosen)
        x, y = page.evaluate(
            """() => { const { map } = window.__siaga.desk, p = map.latLngToContainerPoint([-3.97931, 122.52931]);
              const box = map.getContainer().getBoundingClientRect(); return [box.x + p.x, box.y + p.y]; }"""
        )
        page.mouse.click(x, y)
        until(lambda before=before: page.evaluate(chosen) not in (None, before), "the click chose nothing else")
        seen.add(page.evaluate(chosen))
        page.wait_for_timeout(500)  # the map has come to rest, and this is no double click
    assert seen == numbers


def test_the_timeline_names_the_account_and_what_it_is(open_desk):
    operator, desk = open_desk("operator-2"), open_desk("desk-DMK")
    number = operator.report("n kbk1 @-3.98831, 122.51131 ; pos terbakar")
    until(desk.card(number).count, "no card")
    desk.card(number).locator(".sg-big").click()
    until(lambda: "desk-DMK, instansi" in operator.page.locator(".sg-timeline").inner_text(), "no role of the desk")
    assert "operator-2, operator" in operator.page.locator(".sg-timeline").inner_text()


# -- the type


def test_words_are_guessed_within_the_family_the_operator_has_opened(open_desk):
    operator = open_desk("operator")
    page = operator.page
    page.locator(".sg-choice", has_text="Kebakaran").first.click()
    page.locator(".sg-form textarea, textarea").first.fill("rumah terbakar, satu orang terjebak di reruntuhan gedung")
    until(lambda: page.evaluate(DRAFT).get("type"), "no guess")
    assert page.evaluate(DRAFT)["type"].startswith("KBK")
    page.get_by_role("button", name="Kosongkan").click()


def test_a_button_pressed_while_news_arrive_hears_its_click(open_desk):
    operator = open_desk("operator")
    page = operator.page
    number = operator.report("n kbk1 @-3.97831, 122.52731 ; gudang terbakar")
    button = page.get_by_role("button", name="Eskalasi sekarang")
    until(lambda: number in page.locator(".sg-detail").inner_text(), "no detail")
    button.hover()
    page.mouse.down()
    # As when a poll brings a newer state of this incident.
    page.evaluate("async () => { await window.__siaga.desk.detail.read(); }")
    page.mouse.up()
    until(lambda: "kontak kedua" in page.locator(".sg-notices").inner_text(), "the click was lost")


def test_among_real_incidents_at_one_point_no_tag_says_drill(open_desk):
    operator = open_desk("operator")
    page = operator.page
    at = {"lon": 122.53551, "lat": -3.98251}
    number = page.evaluate(
        """async ([at]) => {
          const send = drill => window.__siaga.desk.ui.api.post('/api/reports',
            { type: 'KBK1', ...at, accuracy_m: 25, severity: 1, description: 'tumpuk ' + drill, drill },
            { 'Idempotency-Key': 'stack ' + drill });
          await send(false);
          return (await send(true)).number;
        }""",
        [at],
    )
    page.evaluate("([lat, lon]) => window.__siaga.desk.map.setView([lat, lon], 17)", [at["lat"], at["lon"]])
    mark = page.locator(f'.leaflet-marker-icon[aria-label^="{number}, LATIHAN"]')
    until(lambda: mark.locator(".sg-mark-n").all_inner_texts() == ["2"], "not counted on the map")
    assert mark.locator(".sg-drill").count() == 0


def test_other_words_in_the_place_field_are_another_place(open_desk):
    operator = open_desk("operator")
    page = operator.page
    field = page.get_by_role("combobox", name="Lokasi").first
    field.fill("-3.97123, 122.51234")
    until(lambda: page.evaluate(DRAFT).get("lat") == -3.97123, "no point")
    field.fill("pasar yang tidak ada qq")
    assert page.evaluate(DRAFT).get("lat") is None
    field.fill("lippo plaza")
    until(page.locator("#sg-places li").count, "no suggestions")
    field.press("Enter")
    until(lambda: page.evaluate(DRAFT).get("lat") is not None, "not chosen")
    chosen = page.evaluate(DRAFT)["lat"]
    field.press("End")
    field.type(", lantai dua")
    assert page.evaluate(DRAFT)["lat"] == chosen
    page.get_by_role("button", name="Kosongkan").click()


def test_a_draft_sent_in_one_window_is_not_sent_again_in_another(open_desk):
    operator = open_desk("operator")
    page, text = operator.page, "kebakaran di dua jendela"
    page.locator(".sg-form textarea, textarea").first.fill(text)
    page.get_by_role("combobox", name="Lokasi").first.fill("-3.97999, 122.52999")
    until(lambda: page.evaluate(DRAFT).get("type"), "no guess")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_function("() => window.__siaga && window.__siaga.desk && window.__siaga.desk.form.draft.text")
    other.keyboard.press("Control+Enter")
    until(lambda: not page.evaluate(DRAFT).get("text"), "the first window keeps what was sent")
    assert page.locator("textarea").first.input_value() == ""
    other.close()
