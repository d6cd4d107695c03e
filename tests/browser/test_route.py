"""While an incident is open, the map shows the drive of who was called, and the panel says why not the nearest post."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.product import until

# South of the bay: the nearest puskesmas in a straight line lies on the other shore.
ACROSS_THE_BAY = {"lon": 122.606, "lat": -3.988}

LINE = """(() => {
    const layers = Object.values(window.__siaga.desk.drive.layer._layers).filter(one => one.getLatLngs);
    return layers.map(one => one.getLatLngs().map(at => [at.lng, at.lat]));
})()"""


def test_the_drive_is_on_the_map_and_its_words_are_in_the_panel(product, someone):
    answer = product.report(type="MED1", **ACROSS_THE_BAY, description="bapak sesak napas", accuracy_m=20)
    lead = next(one for one in answer["assignments"] if one["role"] == "lead")
    desk = someone().desk("operator")
    expect(desk.row(answer["number"])).to_be_visible()
    desk.row(answer["number"]).click()
    words = desk.page.locator(".sg-route-words")
    expect(words).to_contain_text(f"Rute sekarang dari {lead['station']['name']}")
    expect(words.locator(".sg-num").first).to_contain_text("mnt")
    expect(words).to_contain_text("belum dikalibrasi")
    expect(words.locator(".sg-detour")).to_contain_text("menyeberang Teluk Kendari, tetapi")
    expect(words.locator(".sg-detour")).to_contain_text("lewat jembatan")

    casing, line = until(lambda: desk.ask(LINE), "the drive is drawn")
    assert casing == line
    station, place = lead["station"], ACROSS_THE_BAY
    assert abs(line[0][0] - station["lon"]) < 0.01
    assert abs(line[0][1] - station["lat"]) < 0.01
    assert abs(line[-1][0] - place["lon"]) < 0.005
    assert abs(line[-1][1] - place["lat"]) < 0.005
    assert len(line) > 5

    words.get_by_role("button", name="Petunjuk jalan").click()
    expect(words.locator("ol li").first).to_contain_text("Berangkat ke arah")
    expect(words.locator("ol li").last).to_contain_text("Tiba di tujuan")

    desk.page.keyboard.press("Escape")
    expect(desk.page.locator(".sg-detail")).to_be_hidden()
    assert desk.page.locator(".leaflet-siagaRoute-pane path").count() == 0


def test_an_agency_sees_the_drive_of_its_own_station(product, someone):
    answer = product.report(type="KAM3", lon=122.5236, lat=-3.9990, description="pencurian motor", accuracy_m=20)
    lead = next(one for one in answer["assignments"] if one["role"] == "lead")
    desk = someone().desk("desk-POL")
    desk.card(answer["number"]).click()
    expect(desk.page.locator(".sg-route-words")).to_contain_text(lead["station"]["name"])
    until(lambda: desk.ask(LINE), "the drive is drawn")
