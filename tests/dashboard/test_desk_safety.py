"""What keeps an operator from a wrong step: mistyped points, calls that call nobody, drills, callers' numbers."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.dashboard.conftest import until
from tests.dashboard.test_desk_calls import COMMAND, DRAFT, notices, type_command

pytestmark = pytest.mark.browser

PREVIEW = ".sg-preview"


def clear(desk):
    desk.page.get_by_role("button", name="Kosongkan").click()


def test_a_point_with_the_wrong_sign_is_asked_about_before_it_is_saved(open_desk):
    operator = open_desk("operator")
    page = operator.page
    type_command(operator, "n kbk1 @3.98917, 122.51001 ; asap")
    preview = page.locator(PREVIEW)
    until(lambda: preview.get_by_role("button", name="Titik saya benar").count(), "not asked")
    assert "lintang" in preview.inner_text()
    preview.get_by_role("button", name="Titik saya benar").click()
    until(lambda: preview.get_by_role("button", name="Titik saya benar").count() == 0, "still asked")
    assert page.evaluate("() => window.__siaga.desk.form.body().confirm_position") is True
    # Another point is another question.
    page.evaluate("() => window.__siaga.desk.form.setPoint({ lon: 122.51001, lat: 3.98918, method: 'gps' })")
    until(lambda: preview.get_by_role("button", name="Pakai").count(), "not asked about the other point")
    preview.get_by_role("button", name="Pakai").click()
    until(lambda: "DMK" in preview.inner_text(), "nobody would be called")
    body = page.evaluate("() => window.__siaga.desk.form.body()")
    assert (body["lat"], "confirm_position" in body) == (-3.98918, False)
    clear(operator)


def test_a_call_that_calls_nobody_says_so_and_lists_no_agency(open_desk):
    operator = open_desk("operator")
    page, preview = operator.page, operator.page.locator(PREVIEW)
    number = operator.report("n kbk1 @-3.98931, 122.51931 !2 ; warung terbakar")
    type_command(operator, "n kbk1 @-3.97931, 122.51931 ; asap")
    until(lambda: "DMK" in preview.inner_text(), "no preview")
    type_command(operator, f"= {number}")
    until(lambda: "tidak ada instansi lain yang dipanggil" in preview.inner_text(), "the join is not said")
    assert "1,1 km" in preview.inner_text()
    assert "1,1 km" in page.locator(".sg-chip").inner_text()
    assert "DMK" not in preview.inner_text()
    type_command(operator, "x prank")
    until(lambda: "tidak ada instansi yang dipanggil" in preview.inner_text(), "the prank is not said")
    assert "DMK" not in preview.inner_text()
    clear(operator)
    type_command(operator, "n adm1 @-3.97931, 122.51931 ; jam buka kantor")
    until(lambda: "tidak ada instansi yang dipanggil" in preview.inner_text(), "the information is not said")
    clear(operator)


def test_a_drill_is_marked_by_the_switch_and_by_the_command_line(open_desk):
    operator = open_desk("operator")
    page = operator.page
    type_command(operator, "n kbk1 @-3.98231, 122.52231 #latihan ; gudang")
    until(lambda: page.evaluate(DRAFT).get("isDrill"), "no drill")
    assert page.locator(".sg-foot .sg-drill").inner_text() == "LATIHAN"
    switch = page.locator(".sg-foot").get_by_role("button", name="Latihan")
    switch.click()
    until(lambda: page.locator(".sg-foot .sg-drill").count() == 0, "the switch does nothing")
    switch.click()
    page.keyboard.press("Control+Enter")
    number = until(
        lambda: page.evaluate("() => [...window.__siaga.desk.live.rows.values()].find(row => row.isDrill)?.number"),
        "no drill arrived",
    )
    # Neither is a real report joined to it, nor is the next one a drill.
    type_command(operator, "n kbk1 @-3.98231, 122.52231 ; asap sungguhan")
    until(lambda: page.evaluate(DRAFT).get("type"), "no draft")
    assert "isDrill" not in page.evaluate(DRAFT)
    type_command(operator, f"= {number}")
    until(lambda: "tidak dapat digabung" in notices(operator), "joined")
    assert "attach_to" not in page.evaluate(DRAFT)
    page.locator(COMMAND).fill("")
    clear(operator)


def test_a_word_where_the_type_stands_is_not_taken_for_the_description(open_desk):
    operator = open_desk("operator")
    type_command(operator, "n kbk9 @-3.98231, 122.52231 ; asap")
    until(lambda: "“kbk9” bukan kode jenis" in notices(operator), "taken")
    assert "KBK1" in notices(operator)
    assert operator.page.evaluate(DRAFT) == {}
    assert operator.page.locator(COMMAND).input_value().startswith("n kbk9")
    operator.page.locator(COMMAND).fill("")


def test_too_many_characters_are_counted_and_not_cut(open_desk):
    operator = open_desk("operator")
    page = operator.page
    type_command(operator, "n kbk1 @-3.98231, 122.52231")
    until(lambda: page.evaluate(DRAFT).get("lon"), "no point")
    page.locator(".sg-form textarea").fill("x" * 4500)
    until(lambda: "4.000" in page.locator(".sg-length").inner_text(), "no counter")
    page.keyboard.press("Control+Enter")
    until(lambda: "paling banyak" in notices(operator), "saved")
    assert len(page.evaluate(DRAFT)["text"]) == 4500
    clear(operator)


def test_the_callers_number_is_masked_until_a_reason_is_given(open_desk, kendari):
    operator, desk = open_desk("operator"), open_desk("desk-DMK")
    page = operator.page
    number = page.evaluate(
        """async () => { const { desk } = window.__siaga;
          const answer = await desk.ui.api.post('/api/reports', { type: 'KBK1', lon: 122.51831, lat: -3.98531,
            description: 'dapur', caller: { phone: '0812 3456 7890', name: 'Contoh', relation: 'saksi' } },
            { 'Idempotency-Key': 'caller' });
          desk.select(answer.incident_id);
          return answer.number; }"""
    )
    line = page.locator(".sg-called")
    until(line.count, "no caller")
    assert "0812-****-7890" in line.inner_text()
    assert "3456 7890" not in page.locator(".sg-detail").inner_text()
    line.get_by_role("button", name="Tampilkan").click()
    page.keyboard.press("Enter")
    until(lambda: "alasannya" in notices(operator), "shown without a reason")
    page.locator(".sg-ask input").fill("menanyakan jalan masuk")
    page.keyboard.press("Enter")
    until(lambda: "0812 3456 7890" in line.inner_text(), "not shown")
    assert "Contoh" in line.inner_text()
    with kendari.connect() as tx:
        (row,) = tx.execute(text("SELECT actor, detail FROM siaga.audit WHERE action = 'caller.reveal'")).all()
    assert (row.actor, row.detail["reason"]) == ("operator", "menanyakan jalan masuk")
    # Another incident, and it is forgotten; the agency never has it.
    page.evaluate(
        "() => { const { desk } = window.__siaga, { selected } = desk; desk.select(null); desk.select(selected); }"
    )
    until(lambda: line.count() and "0812-****-7890" in line.inner_text(), "still shown")
    until(desk.card(number).count, "no card")
    desk.card(number).click()
    until(desk.page.locator(".sg-own").count, "no details")
    assert desk.page.locator(".sg-called").count() == 0
    content = desk.page.content()
    assert "34567890" not in content.replace(" ", "")
    assert "****-7890" not in content


def test_on_a_small_screen_no_button_is_cut(open_desk):
    operator = open_desk("operator")
    page = operator.page
    page.set_viewport_size({"width": 1024, "height": 700})
    operator.report("n kbk1 @-3.98631, 122.51431 !2 ; warung terbakar")
    type_command(operator, "n kbk1 @-3.97931, 122.51931 #latihan ; asap")
    until(lambda: page.evaluate(DRAFT).get("isDrill"), "no drill")
    # Each button or field is what the pointer meets in its middle and at its ends.
    cut = page.evaluate(
        """() => {
          const isMet = (node, x, y) => { const met = document.elementFromPoint(x, y);
            return Boolean(met) && (node.contains(met) || met.contains(node)); };
          const looked = '.sg-tools button, .sg-foot button, .sg-foot b, .sg-more input, .sg-detail-foot button';
          return [...document.querySelectorAll(looked)].filter(node => {
            const { left, right, top, bottom } = node.getBoundingClientRect();
            return [left + 3, (left + right) / 2, right - 3].some(x => !isMet(node, x, (top + bottom) / 2));
          }).map(node => node.textContent || node.placeholder); }"""
    )
    assert cut == []
    clear(operator)
