"""The planner's page: a picture that says what it is, numbers beside it, and an address that holds the choice."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.product import until

IMAGE = ".leaflet-image-layer"


def opened(someone, path="/", **options):
    planner = someone(**options)
    planner.log_in("perencana")
    expect(planner.page.locator(".sg-classes")).to_be_visible()
    if path != "/":
        planner.page.goto(planner.address + path)
        expect(planner.page.locator(".sg-classes, .sg-hours").first).to_be_visible()
    return planner


def counted(planner):
    """Return the number of incidents the page says it shows."""
    shown = re.search(r"N = ([\d.,]+)", planner.page.locator(".sg-classes").inner_text())
    return int(re.sub(r"\D", "", shown[1]))


def test_the_density_is_a_picture_that_names_kernel_bandwidth_unit_period_and_number(product, someone):
    planner = opened(someone, "/?period=all")
    image = planner.page.locator(IMAGE)
    expect(image).to_be_visible()
    drawn = f"(i => i && i.complete && i.naturalWidth > 100)(document.querySelector('{IMAGE}'))"
    until(lambda: planner.ask(drawn), "the picture is decoded")
    assert image.get_attribute("src").startswith("data:image/png;base64,")
    legend = planner.page.locator(".sg-classes").inner_text()
    assert "Jumlah kejadian, bukan risiko" in legend
    assert "kejadian per km² per tahun" in legend
    assert "Kernel Gauss" in legend
    assert re.search(r"Lebar pita \d+ m \(otomatis", legend)
    assert re.search(r"\d{1,2} \w{3} 20\d\d – \d{1,2} \w{3} 20\d\d", legend)
    assert "DATA SINTETIS" in legend
    # Drills, pranks and the like are left out; the page says how many.
    left_out = re.search(r"([\d.]+) lain tidak dihitung", planner.page.locator('[data-testid="stMain"]').inner_text())
    total = product.query("SELECT count(*) FROM siaga.incident")[0][0]
    assert counted(planner) + int(left_out[1].replace(".", "") if left_out else 0) == total


def test_the_filters_stand_in_the_address_and_survive_a_reload(someone):
    planner = opened(someone)
    whole = counted(planner)
    planner.page.get_by_role("radio", name="Darurat").click()
    expect(planner.page).to_have_url(re.compile("lane=D"))
    until(lambda: 0 < counted(planner) < whole, "fewer incidents are counted")
    urgent = counted(planner)
    planner.page.locator('[data-testid="stSelectbox"]').first.click()
    planner.page.get_by_role("option", name="90 hari").click()
    expect(planner.page).to_have_url(re.compile("period=90"))
    until(lambda: 0 < counted(planner) < urgent, "fewer still in ninety days")
    n, address = counted(planner), planner.page.url

    planner.page.reload()
    expect(planner.page.locator(".sg-classes")).to_be_visible()
    assert planner.page.url == address
    assert counted(planner) == n
    expect(planner.page.get_by_role("radio", name="Darurat")).to_be_checked()

    # Somebody else opens the link.
    other = someone()
    other.log_in("admin", "/")
    expect(other.page.locator(".sg-bar")).to_be_visible()
    other.page.goto(address.replace("/?", "/planner?"))
    expect(other.page.locator(".sg-classes")).to_be_visible()
    assert counted(other) == n


def test_the_kelurahan_have_a_table_and_a_coloured_map(product, someone):
    planner = opened(someone, "/?view=areas&period=all")
    expect(planner.page.locator('[data-testid="stDataFrame"]')).to_be_visible()
    with planner.page.expect_download() as waiting:
        planner.page.get_by_role("button", name="Unduh CSV").click()
    table = waiting.value.path().read_text("utf-8-sig").splitlines()
    head, rows = table[0], table[1:]
    assert head.startswith("Kode")
    kelurahan = product.query("SELECT count(*) FROM siaga.admin_area WHERE level = 'kelurahan'")[0][0]
    assert len(rows) in (kelurahan, kelurahan + 1)  # one more line when some lie outside
    assert planner.page.locator(".sg-classes").inner_text().count("N = ") == 1
    assert planner.ask("Object.values(window.__siagaMaps).length") >= 1


def test_the_page_switches_to_english_and_back_with_its_choice(someone):
    planner = opened(someone, "/?period=all&lane=D")
    n = counted(planner)
    planner.page.locator(".sg-bar").get_by_role("button", name="English").click()
    expect(planner.page.locator(".sg-classes")).to_contain_text("Number of incidents, not risk")
    expect(planner.page.get_by_role("radio", name="Emergency")).to_be_checked()
    assert counted(planner) == n
    assert "lane=D" in planner.page.url
    planner.page.locator(".sg-bar").get_by_role("button", name="Bahasa Indonesia").click()
    expect(planner.page.locator(".sg-classes")).to_contain_text("Jumlah kejadian, bukan risiko")
    assert counted(planner) == n


def test_hours_and_weekdays_are_a_table_with_seven_rows(someone):
    planner = opened(someone, "/?view=times&period=all")
    expect(planner.page.locator(".sg-hours tbody tr")).to_have_count(7)
    expect(planner.page.locator(".sg-hours tbody td")).to_have_count(7 * 24)
    expect(planner.page.locator(".sg-months")).to_be_visible()


def test_reach_is_drawn_around_the_station_and_says_that_it_is_an_estimate(someone):
    planner = opened(someone, "/?view=reach&station=DMK-KADIA&hour=8")
    legend = planner.page.locator(".sg-classes")
    expect(legend).to_contain_text("Pos Induk Damkarmat Kadia")
    expect(legend).to_contain_text("BELUM DIKALIBRASI")
    expect(legend).to_contain_text("08:00")
    expect(planner.page.locator(".leaflet-overlay-pane canvas")).to_be_visible()
    expect(planner.page.locator("label", has_text="Lalu lintas pada jam")).to_be_visible()
    groups = "[...document.querySelectorAll('[data-testid=stButtonGroup] *')]"
    assert (
        planner.ask(f"{groups}.filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 60).length")
        == 0
    )
