"""Who may see what: the log-in page, the way out, and the end of a session from afar."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from gis.words import Role
from tests.browser.person import SERVER_AWAY

NO_PAGE = "page that you have requested does not seem to exist"  # Streamlit, of an address the role has no page for
LOGIN = re.compile(r"/login(\?|$)")


def test_the_login_page_offers_the_demo_accounts_to_click(product, someone):
    stranger = someone()
    stranger.page.goto(stranger.address + "/")
    expect(stranger.page).to_have_url(LOGIN)
    shown = stranger.page.locator('button[name="demo"]').evaluate_all("all => all.map(one => one.value)")
    assert set(shown) == set(product.accounts)
    assert {product.accounts[name]["role"] for name in shown} == {str(role) for role in Role}
    stranger.page.get_by_role("button", name="Operator 112").click()
    stranger.wait_for_desk()
    assert stranger.page.locator(".sg-bar-user").inner_text() == "operator"


def test_a_wrong_password_is_said_and_the_right_one_lets_in(product, someone):
    stranger = someone()
    stranger.allow("status of 401")  # the refused try
    stranger.page.goto(stranger.address + "/login")
    stranger.page.fill("input[name=name]", "desk-POL")
    stranger.page.fill("input[name=password]", "bukan ini")
    stranger.page.keyboard.press("Enter")
    expect(stranger.page.locator(".alert")).to_have_text("Nama atau sandi salah.")
    assert stranger.page.input_value("input[name=name]") == "desk-POL"
    assert stranger.page.input_value("input[name=password]") == ""
    assert stranger.context.cookies() == []
    stranger.page.fill("input[name=password]", product.accounts["desk-POL"]["password"])
    stranger.page.keyboard.press("Enter")
    stranger.wait_for_desk()
    cookie = next(one for one in stranger.context.cookies() if one["name"] == "siaga_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert stranger.ask("document.cookie").find("siaga_session") < 0


def test_after_logging_out_every_page_of_the_browser_goes_to_the_login(someone):
    operator = someone().desk("operator")
    other = operator.open_page()
    other.goto(operator.address + "/")
    expect(other.locator(".sg-row, .sg-queue .sg-empty").first).to_be_visible()
    operator.allow("status of 401", *SERVER_AWAY)  # the other page's next question
    operator.page.get_by_role("button", name="Keluar").click()
    expect(operator.page).to_have_url(LOGIN)
    expect(other).to_have_url(LOGIN)
    assert [one for one in operator.context.cookies() if one["name"] == "siaga_session"] == []
    # Neither the address nor the browser's own memory leads back in.
    operator.page.go_back()
    expect(operator.page).to_have_url(LOGIN)
    operator.page.goto(operator.address + "/operator")
    expect(operator.page).to_have_url(LOGIN)
    assert operator.page.request.get(operator.address + "/api/live?since=0").status == 401


def test_a_planner_reaches_neither_the_operators_page_nor_what_it_may_do(product, someone):
    known = product.report(type="LNG1", lon=122.5247, lat=-3.9905, description="sampah belum diangkut seminggu")
    planner = someone().log_in("perencana")
    expect(planner.page.get_by_text("kejadian").first).to_be_visible()
    planner.allow("status of 40[34]", NO_PAGE)  # what is refused here
    for path in ("/operator", "/agency"):
        planner.page.goto(planner.address + path)
        expect(planner.page.locator(".sg-bar")).to_be_visible()
        expect(planner.page.get_by_text("kejadian").or_(planner.page.get_by_role("dialog")).first).to_be_visible()
        assert planner.page.locator(".sg-form, .sg-queue, .sg-inbox").count() == 0
    refused = planner.page.evaluate(
        """async (id) => {
            const send = (path, body, headers = {}) => fetch(path, {
                method: body ? 'POST' : 'GET', body: body && JSON.stringify(body),
                headers: { 'X-Siaga': '1', 'Content-Type': 'application/json', ...headers } }).then(a => a.status);
            return [
                await send('/api/reports', { type: 'KBK1', lon: 122.5, lat: -3.99 }, { 'Idempotency-Key': 'plan-1' }),
                await send('/api/whose?lon=122.5&lat=-3.99&type=KBK1'),
                await send('/api/incidents/' + id + '/events', { kind: 'note', version: 1, text: 'x' }),
                await send('/api/assignments/' + id + '/state', { state: 'accepted', version: 1 })];
        }""",
        known["incident_id"],
    )
    assert refused == [403, 403, 403, 403]
    assert product.query("SELECT count(*) FROM siaga.report WHERE idempotency_key = 'plan-1'") == [(0,)]


def test_an_agency_sees_no_operators_page_and_no_other_agencys_incident(product, someone):
    theirs = product.report(type="UTL3", lon=122.5111, lat=-3.9951, description="pipa induk pecah di trotoar")
    agencies = {one["agency"] for one in theirs["assignments"]}
    assert "BPBD" not in agencies
    desk = someone().desk("desk-BPBD")
    desk.allow("status of 404", NO_PAGE)
    assert desk.card(theirs["number"]).count() == 0
    assert desk.ask(f"window.__siaga.desk.live.rows.has('{theirs['incident_id']}')") is False
    status = desk.page.evaluate("id => fetch('/api/incidents/' + id).then(a => a.status)", theirs["incident_id"])
    assert status == 404
    desk.page.goto(desk.address + "/operator")
    expect(desk.page.locator(".sg-inbox").or_(desk.page.get_by_role("dialog")).first).to_be_visible()
    assert desk.page.locator(".sg-form, .sg-queue").count() == 0


def test_a_session_revoked_in_the_database_ends_the_open_page(product, someone, second_operator):
    operator = someone().desk(second_operator)
    operator.allow("status of 401", *SERVER_AWAY)  # the poll that finds the session gone
    product.query(
        "DELETE FROM siaga.session WHERE account_id = (SELECT account_id FROM siaga.account WHERE name = %s)",
        second_operator,
    )
    expect(operator.page).to_have_url(LOGIN)
    expect(operator.page.locator('input[name="password"]')).to_be_visible()
