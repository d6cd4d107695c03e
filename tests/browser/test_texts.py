"""Whatever callers say stays text: on every page, in the queue, the detail, the card, and over the map."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.product import until

PAYLOADS = (
    '<img src=x onerror="window.PWN=1">',
    "${window.PWN=1} {{window.PWN=1}} #{window.PWN=1}",
    "`${window.PWN=1}` `window.PWN=1`",
    "</script><script>window.PWN=1</script>",
    "\\u0061\\` \\u003cimg src=x onerror=window.PWN=1\\u003e",
    "'\"><svg onload=window.PWN=1> &lt;b&gt; %3Cscript%3E javascript:window.PWN=1",
    "نار في السوق מעשה ألف 123 ‏(kanan ke kiri)",
)
TEXT = " ¦ ".join(PAYLOADS)


@pytest.fixture(scope="module")
def hostile(product):
    """Return a report all of whose texts are hostile, with a note and an agency's words of the same kind."""
    place = " ¦ ".join(PAYLOADS[:4])
    answer = product.report(
        type="KBK1",
        lon=122.5182,
        lat=-3.9800,
        accuracy_m=60,
        description=TEXT,
        location_text=place,
        caller={"name": PAYLOADS[0], "phone": PAYLOADS[3], "relation": PAYLOADS[1]},
    )
    product.move(answer, "DMK", "accepted", note=TEXT[:200])
    version = product.call("operator", "GET", f"/v1/incidents/{answer['incident_id']}")["version"]
    body = {"kind": "note", "version": version, "text": TEXT}
    product.call("operator", "POST", f"/v1/incidents/{answer['incident_id']}/events", json=body)
    return answer | {"place": place}


def assert_inert(person):
    assert person.ask("window.PWN === undefined")
    assert person.page.locator(".sg-desk img[src='x'], .sg-desk svg[onload], .sg-desk script").count() == 0


def assert_detail(person, hostile):
    page = person.page
    expect(page.locator(".sg-timeline li").first).to_be_attached()
    assert page.locator(".sg-description").text_content() == TEXT
    assert page.locator(".sg-where > b").text_content() == hostile["place"]
    events = page.locator(".sg-timeline li").all_text_contents()
    assert any(TEXT in event for event in events)
    assert any(TEXT[:200] in event for event in events)


def assert_tip(person, hostile):
    """Hover over the marker; the second movement is the one Leaflet looks at."""
    x, y = person.pixel(122.5182, -3.9800)
    person.page.mouse.move(x - 40, y - 40)
    person.page.wait_for_timeout(100)
    person.page.mouse.move(x, y)
    person.page.wait_for_timeout(100)
    person.page.mouse.move(x + 1, y)
    tip = person.page.locator(".leaflet-tooltip.sg-tip:not(.sg-tip-fixed)")
    expect(tip).to_contain_text(hostile["number"])
    assert PAYLOADS[0] in tip.text_content()


def test_hostile_texts_are_shown_letter_by_letter_to_an_operator(hostile, someone):
    operator = someone().desk("operator")
    row = operator.row(hostile["number"])
    expect(row).to_be_visible()
    shown = row.locator(".sg-row-text").text_content()
    assert shown
    assert TEXT.startswith(shown.rstrip("…"))
    row.click()
    assert_detail(operator, hostile)
    assert_tip(operator, hostile)
    # Written into the form, and found again as a draft.
    operator.text.fill(TEXT)
    operator.page.locator(".sg-place input").fill(PAYLOADS[0])
    operator.page.reload()
    operator.wait_for_desk()
    assert operator.text.input_value() == TEXT
    assert operator.page.locator(".sg-place input").input_value() == PAYLOADS[0]
    # What the command line repeats in its question and in its answer.
    operator.command(f"n kbk1 @{PAYLOADS[0]} ; {PAYLOADS[3]}")
    question = operator.page.locator(".sg-notice.is-question")
    expect(question).to_contain_text(PAYLOADS[0])
    operator.page.keyboard.press("Escape")
    operator.page.get_by_role("button", name="Kosongkan").click()
    operator.page.locator(".sg-command").fill("")
    operator.command(f"n kbk1 @{PAYLOADS[0]} ; {PAYLOADS[3]}")
    expect(operator.page.locator(".sg-notice.is-warn")).to_contain_text(PAYLOADS[0])
    operator.page.get_by_role("button", name="Kosongkan").click()
    assert_inert(operator)


def test_hostile_texts_are_shown_letter_by_letter_to_an_agency(hostile, someone):
    desk = someone().desk("desk-DMK")
    card = desk.card(hostile["number"])
    expect(card).to_be_visible()
    assert TEXT.startswith((card.locator(".sg-card-text").text_content() or "?").rstrip("…"))
    card.click()
    assert_detail(desk, hostile)
    assert_tip(desk, hostile)
    desk.page.get_by_role("button", name="Mengapa kami?").click()
    expect(desk.page.locator(".sg-why")).to_be_visible()
    until(lambda: desk.page.locator(".leaflet-siagaWhy-pane path").count(), "the boundary is drawn")
    assert_inert(desk)


def test_hostile_addresses_and_names_are_inert_on_the_planners_page_and_the_login(hostile, someone, product):
    planner = someone()
    planner.log_in("perencana", "/")
    expect(planner.page.get_by_text("kejadian").first).to_be_visible()
    planner.page.goto(f"{planner.address}/?group={PAYLOADS[0]}&type={PAYLOADS[3]}&view=${{window.PWN=1}}")
    expect(planner.page.locator(".sg-classes")).to_be_visible()
    assert_inert(planner)

    stranger = someone()
    stranger.allow("status of 401")  # a wrong name is one
    stranger.page.goto(f"{stranger.address}/login?next=/{PAYLOADS[3]}&lang={PAYLOADS[0]}")
    stranger.page.fill("input[name=name]", PAYLOADS[3])
    stranger.page.fill("input[name=password]", PAYLOADS[0])
    stranger.page.click("button.enter")
    expect(stranger.page.locator(".alert")).to_be_visible()
    assert stranger.page.input_value("input[name=name]") == PAYLOADS[3]
    assert_inert(stranger)
