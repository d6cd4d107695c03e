"""Day and night, readable, on the smallest screen a console has."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.product import until

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
# Everything that would make a console's page scroll: the document, Streamlit's frames, the desk.
OVERFLOW = """['html', 'body', '.stApp', '[data-testid="stAppViewContainer"]', '[data-testid="stMain"]',
     '.sg-desk', '.sg-stage', '.sg-left']
    .flatMap(css => [...document.querySelectorAll(css)].map(node => [css, node]))
    .filter(([css, node]) => css === 'html' || getComputedStyle(node).overflowY !== 'hidden')
    .filter(([css, node]) => node.scrollHeight > node.clientHeight + 1 || node.scrollWidth > node.clientWidth + 1)
    .map(([css, node]) => [css, node.scrollWidth, node.clientWidth, node.scrollHeight, node.clientHeight])"""
# Words cut off inside controls and headings that have nowhere to show the rest.
CUT = """[...document.querySelectorAll(
    '.sg-desk button, .sg-bar button, .sg-bar b, .sg-desk h3, .sg-lane, .sg-row-state, .sg-row-age')]
    .filter(node => node.checkVisibility() && node.textContent.trim())
    .filter(node => {
        const range = document.createRange();
        range.selectNodeContents(node);
        const text = range.getBoundingClientRect(), box = node.getBoundingClientRect();
        return text.left < box.left - 1 || text.right > box.right + 1
            || text.top < box.top - 5 || text.bottom > box.bottom + 5;  // letters end before their line does
    })
    .map(node => node.className + ': ' + node.textContent.slice(0, 40))"""

SCHEMES = {"light": "light", "dark": "night"}  # what the system says → the theme of the page
THEME = "document.documentElement.dataset.siaga"
# Sum of red, green and blue of the panel's ground.
GROUND = """getComputedStyle(document.querySelector('.sg-left')).backgroundColor
    .match(/[0-9]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)"""


@pytest.fixture(scope="module")
def incident(product):
    """Return an incident with much to show: shares, a question, several agencies, an answer, an overdue one."""
    answer = product.report(
        type="KAM1",
        lon=122.49985,
        lat=-3.9962,
        accuracy_m=100,
        location_text="simpang Wua-Wua",
        description="massa dua kelompok saling lempar batu, jalan tertutup, ada yang membawa parang",
        facts={"n_victims": 2, "hazards": ["crowd", "weapon"], "on_road": True, "armed": True},
    )
    product.move(answer, "POL", "accepted", "en_route", note="dua regu berangkat")
    product.report(type="LNG2", lon=122.5121, lat=-3.9862, description="pohon condong ke jalan, minta ditebang")
    return answer


def fill_the_form(person):
    """Fill in everything the form has, so that it is as tall as it gets."""
    person.click_map(122.5330, -3.9985)
    person.page.keyboard.press("Alt+2")
    person.page.keyboard.press("1")
    person.text.fill("dua motor bertabrakan, satu orang tidak sadar, satu luka di kepala, jalan macet dari dua arah")
    person.page.get_by_role("button", name="massa").click()
    person.page.locator(".sg-form input[type=tel]").fill("081234567890")
    expect(person.page.locator(".sg-preview [data-role=lead]").first).to_be_visible()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_operators_page_follows_the_system_and_is_readable(someone, incident, scheme):
    operator = someone(color_scheme=scheme).desk("operator")
    assert operator.ask(THEME) == SCHEMES[scheme]
    assert (operator.ask(GROUND) < 200) == (scheme == "dark")
    tile = operator.ask(
        """(canvas => {
            const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            let sum = 0, n = 0;
            for (let i = 0; i < d.length; i += 400) if (d[i + 3] === 255) { sum += d[i] + d[i + 1] + d[i + 2]; n += 3; }
            return n ? sum / n : null;
        })(document.querySelector('.leaflet-tile-pane canvas'))"""
    )
    assert tile is not None
    assert (tile < 90) == (scheme == "dark"), "the map is drawn for the same time of day"

    fill_the_form(operator)  # first: what says why moves the map
    operator.row(incident["number"]).click()
    expect(operator.page.locator(".sg-timeline li").first).to_be_attached()
    operator.page.locator(".sg-assignment").first.get_by_role("button", name="Mengapa").click()
    expect(operator.page.locator(".sg-why")).to_be_visible()
    operator.page.get_by_role("button", name="Legenda").click()
    operator.page.wait_for_timeout(400)  # the last transition of a colour
    found = operator.page.evaluate(CONTRAST, ".sg-desk *, .sg-bar *, .sg-heading")
    assert found["n"] > 60
    assert found["bad"] == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_agencys_and_the_planners_page_and_the_login_are_readable(someone, incident, scheme):
    desk = someone(color_scheme=scheme).desk("desk-POL")
    expect(desk.card(incident["number"])).to_be_visible()
    desk.card(incident["number"]).click()
    desk.page.get_by_role("button", name="Mengapa kami?").first.click()
    expect(desk.page.locator(".sg-why")).to_be_visible()
    desk.page.wait_for_timeout(400)
    found = desk.page.evaluate(CONTRAST, ".sg-desk *, .sg-bar *, .sg-heading")
    assert found["n"] > 30
    assert found["bad"] == []

    planner = someone(color_scheme=scheme)
    planner.page.goto(planner.address + "/login")
    found = planner.page.evaluate(CONTRAST, "body *")
    assert found["n"] > 20
    assert found["bad"] == []
    planner.log_in("perencana")
    expect(planner.page.locator(".sg-classes")).to_be_visible()
    assert planner.ask(THEME) == SCHEMES[scheme]
    signs = {
        "Kepadatan": ".leaflet-image-layer",
        "Per kelurahan": "canvas",
        "Waktu": ".sg-hours",
        "Jangkauan": "canvas",
    }
    for view, sign in signs.items():
        planner.page.get_by_role("radio", name=view).click()
        expect(planner.page.locator(sign).first).to_be_visible()
        expect(planner.page.locator('[data-stale="true"]')).to_have_count(0)  # Streamlit fades what it draws anew
        planner.page.wait_for_timeout(400)
        found = planner.page.evaluate(CONTRAST, '[data-testid="stMain"] *, .sg-bar *')
        assert found["bad"] == [], view


def test_the_operators_page_fits_the_smallest_console(someone, incident):
    operator = someone(viewport={"width": 1366, "height": 768}).desk("operator")
    assert operator.ask(OVERFLOW) == []
    operator.row(incident["number"]).click()
    expect(operator.page.locator(".sg-timeline li").first).to_be_attached()
    fill_the_form(operator)
    assert operator.ask(OVERFLOW) == []
    assert operator.ask(CUT) == []
    # What is needed next is in sight without scrolling, also with everything open.
    for css in (".sg-foot .sg-primary", ".sg-command", ".sg-queue .sg-tab", ".sg-detail-foot button"):
        box = operator.page.locator(css).first.bounding_box()
        assert box["y"] >= 0, css
        assert box["y"] + box["height"] <= 768, css
        assert box["x"] + box["width"] <= 1366, css
    assert operator.page.locator(".sg-list").bounding_box()["height"] >= 88, "two incidents of the queue stay in sight"


def test_the_agencys_page_fits_the_smallest_console(someone, incident):
    desk = someone(viewport={"width": 1366, "height": 768}).desk("desk-POL")
    expect(desk.card(incident["number"])).to_be_visible()
    assert desk.ask(OVERFLOW) == []
    desk.card(incident["number"]).click()
    expect(desk.page.locator(".sg-own .sg-big").first).to_be_visible()
    desk.page.get_by_role("button", name="Mengapa kami?").first.click()
    expect(desk.page.locator(".sg-why")).to_be_visible()
    assert desk.ask(OVERFLOW) == []
    assert desk.ask(CUT) == []
    # The panel is drawn anew when the answers to objections arrive.
    big = until(desk.page.locator(".sg-own .sg-big").first.bounding_box, "the next step is in sight")
    assert big["height"] >= 40
    assert big["y"] + big["height"] <= 768
