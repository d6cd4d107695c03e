"""An agency asks why an incident is its own, and sees it."""

from __future__ import annotations

import json

from playwright.sync_api import expect
from shapely.geometry import Point, shape

from tests.browser.product import until

# The shape Leaflet draws with the thick line is the boundary that matched.
MATCHED = """(() => {
    const layers = [];
    window.__siaga.desk.why.layer.eachLayer(group => group.eachLayer && group.eachLayer(one => layers.push(one)));
    const thick = layers.filter(one => one.options.weight > 3);
    return thick.map(one => JSON.stringify(one.toGeoJSON().geometry));
})()"""


def test_why_us_outlines_the_boundary_that_matched_and_says_the_sentence(product, someone):
    lon, lat = 122.5236, -3.9990
    answer = product.report(type="KAM3", lon=lon, lat=lat, accuracy_m=80, description="pencurian motor sedang terjadi")
    lead = next(one for one in answer["assignments"] if one["role"] == "lead")
    desk = someone().desk("desk-POL")
    expect(desk.card(answer["number"])).to_be_visible()
    desk.card(answer["number"]).click()
    desk.page.get_by_role("button", name="Mengapa kami?").click()

    why = desk.page.locator(".sg-why")
    expect(why.locator("p").first).to_have_text(lead["why"])
    assert f"batas versi {lead['jurisdiction']['version']}" in why.inner_text()
    until(lambda: desk.ask(MATCHED), "the boundary is drawn")
    drawn = [shape(json.loads(one)) for one in desk.ask(MATCHED)]
    assert len(drawn) == 1
    assert drawn[0].contains(Point(lon, lat))
    stored = shape(
        json.loads(
            product.query(
                "SELECT ST_AsGeoJSON(v.geom) FROM siaga.boundary_version v"
                " JOIN siaga.jurisdiction j USING (jurisdiction_id) WHERE j.code = %s AND v.version = %s",
                lead["jurisdiction"]["code"],
                lead["jurisdiction"]["version"],
            )[0][0]
        )
    )
    assert drawn[0].symmetric_difference(stored).area < 0.01 * stored.area

    # In sight, not under the panel: its name, the incident, the station.
    expect(desk.page.locator(".sg-why-name", has_text=lead["jurisdiction"]["name"]).first).to_be_visible()
    expect(desk.page.locator(".sg-tip-fixed")).to_contain_text(lead["station"]["name"])
    panel = desk.page.locator(".sg-detail").bounding_box()
    until(lambda: desk.pixel(lon, lat)[0] < panel["x"], "the incident is beside the panel")

    desk.page.keyboard.press("Escape")
    expect(desk.page.locator(".sg-detail")).to_be_hidden()
    assert desk.page.locator(".leaflet-siagaWhy-pane path").count() == 0
