"""Boundaries on their page: looked at through time, changed by two people, signed, objected to, checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.product import until

CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
EVIL = '<img src=x onerror="window.hit=1"> & "Kapolsek"'
REFUSED = r"the server responded with a status of (409|422) "


@pytest.fixture(scope="module")
def visit(product, someone_for_long):
    """``visit(account, view)``: a person with the boundary page open at a view."""

    def opened(account, view="time", service="police", **options):
        one = someone_for_long(**options)
        one.log_in(account, f"/boundaries?view={view}%26service={service}")
        until(lambda: one.ask("Boolean(window.__siagaBoundaries && window.__siagaBoundaries.map)"), "the page is there")
        return one

    return opened


@pytest.fixture(scope="module")
def someone_for_long(product, chromium):
    """As `someone`, for the whole file: one browser window a person, however many tests look through it."""
    from tests.browser.person import Person

    people: list[Person] = []

    def open_one(**options):
        people.append(Person(chromium, product.pages, **options))
        return people[-1]

    yield open_one
    for one in people:
        one.close()
    assert [one.complaints for one in people] == [[] for _ in people]


@pytest.fixture(scope="module")
def supervisor(visit):
    one = visit("supervisor")
    one.allow(REFUSED)
    return one


@pytest.fixture(scope="module")
def police(visit):
    return visit("desk-POL", "drafts")


def tab(one, name):
    one.page.get_by_role("tab", name=name, exact=True).click()
    return one.page.locator(".sg-b-body")


def draft_of(one):
    return dict(one.ask("window.__siagaBoundaries.views.drafts.draft"))


def begin(one, title):
    """Begin a draft and wait until its tools are there."""
    body = tab(one, "Ubah batas")
    if body.get_by_role("button", name="‹ Semua draf").count():
        body.get_by_role("button", name="‹ Semua draf").click()
    body.locator("[data-key=title]").fill(title)
    body.get_by_role("button", name="Mulai draf").click()
    expect(body.locator("h2")).to_have_text(title)
    return body


def hand_over(body, area):
    """Hand an area to Baruga, or back to Mandonga, and return the name of who gets it."""
    body.get_by_role("button", name="Serahkan kelurahan").click()
    body.get_by_label(area, exact=True).check()
    giver = until(lambda: body.locator("[data-key=from]").input_value(), "who holds it is found")
    name = "Baruga" if giver == "POL/POL-MANDONGA" else "Mandonga"
    body.locator("[data-key=to]").select_option(f"POL/POL-{name.upper()}")
    body.get_by_role("button", name="Serahkan", exact=True).click()
    expect(body.locator(".sg-b-change").first).to_be_visible()
    return f"Polsek {name}"


def pixel(one, lon, lat):
    """Return where on the screen a point of the map is."""
    x, y, left, top = one.page.evaluate(
        "(at) => { const map = window.__siagaBoundaries.map.map, p = map.latLngToContainerPoint(at),"
        " box = map.getContainer().getBoundingClientRect(); return [p.x, p.y, box.left, box.top]; }",
        [lat, lon],
    )
    return x + left, y + top


@pytest.fixture(scope="module")
def agreed(supervisor, police):
    """A handover that both sides have signed, on the page alone; with a title that would be code if it could."""
    body = begin(supervisor, EVIL)
    receiver = hand_over(body, "Anaiwoi")
    expect(body.locator(".sg-b-good")).to_contain_text("Tanpa celah")
    assert supervisor.page.locator(".sg-b-moved").count() == 2
    body.get_by_role("button", name="Usulkan").click()
    body.locator(".sg-b-signing .sg-primary").click()
    expect(body.locator(".sg-b-problem")).to_be_visible()  # no reason yet
    body.locator("[data-key=reason]").fill("jalan baru " + EVIL)
    body.locator(".sg-b-signing .sg-primary").click()
    expect(body.get_by_text(f"menunggu tanda tangan {receiver} (POL)")).to_be_visible()
    assert not body.get_by_role("button", name="Tanda tangani").count()  # a supervisor signs for nobody
    theirs = tab(police, "Ubah batas")
    theirs.get_by_role("button").filter(has_text="menunggu tanda tangan Anda").click()
    theirs.get_by_role("button", name="Tanda tangani").click()
    theirs.locator("[data-key=office]").fill("Kapolresta Kendari")
    theirs.locator(".sg-b-signing .sg-primary").click()
    expect(theirs.locator(".sg-state.is-scheduled")).to_be_visible()
    expect(theirs.locator(".sg-b-signed", has_text="ditandatangani Kapolresta Kendari")).to_have_count(2)
    return draft_of(police) | {"receiver": receiver}


def test_an_agreed_change_is_on_the_slider_with_who_and_why_and_old_beside_new(agreed, supervisor):
    body, receiver = tab(supervisor, "Peta & waktu"), agreed["receiver"]
    bar = supervisor.page.locator(".sg-b-time")
    row = body.locator(".sg-b-item").filter(has=supervisor.page.get_by_text(receiver, exact=True))
    moments = "window.__siagaBoundaries.views.time.answer.moments.length"
    until(lambda: supervisor.ask(moments) > 1, "the new moment is read")
    slider = bar.locator("[data-key=slider]")
    for place in range(int(slider.input_value()) + 1, supervisor.ask(moments)):
        bar.get_by_role("button", name="Perubahan sesudahnya").click()
        expect(slider).to_have_value(str(place))
    expect(bar.get_by_role("status")).to_contain_text(f"{receiver} berubah")
    expect(bar.get_by_role("status")).to_contain_text('<img src=x onerror="window.hit=1">')

    row.click()
    new = body.locator(".sg-b-version.is-planned").first
    expect(new).to_contain_text("ditandatangani Kapolresta Kendari (desk-POL)")
    new.get_by_role("button", name="Lama dan baru").click()
    expect(supervisor.page.locator("path.sg-b-before")).to_have_count(1)
    expect(supervisor.page.locator("path.sg-b-after")).to_have_count(1)
    # By keyboard, the date field goes to any moment; a day before the first there was nothing.
    bar.locator("[data-key=at]").fill("2025-01-01T00:00")
    bar.locator("[data-key=at]").blur()
    expect(body.get_by_text("tidak berlaku pada waktu yang dipilih")).to_be_visible()
    body.get_by_role("button", name="‹ Daftar").click()
    bar.get_by_role("button", name="Sekarang").click()
    expect(row).to_contain_text("versi 1")
    assert supervisor.ask("window.hit === undefined")


def test_the_impact_says_what_the_server_measured_and_prints(agreed, supervisor):
    body = tab(supervisor, "Dampak")
    body.locator("[data-key=draft]").select_option(agreed["draft_id"])
    expect(body.locator(".sg-b-figure b")).to_have_text(str(agreed["impact"]["n_changed"]))
    expect(body.get_by_text("Kelurahan didapat: Anaiwoi")).to_be_visible()
    expect(body.get_by_text("dibekukan saat diusulkan")).to_be_visible()
    assert supervisor.page.locator("path.sg-b-moved").count() == 2
    shown = supervisor.page.locator("path.sg-b-point").count()
    assert shown == len(supervisor.ask("window.__siagaBoundaries.views.impact.answer.points.features"))
    with supervisor.context.expect_page() as opened:
        body.get_by_role("link", name="Ringkasan untuk dicetak").click()
    opened.value.wait_for_load_state()
    assert agreed["digest"][:12] in opened.value.locator("body").inner_text()
    assert not opened.value.locator("img[src=x]").count()
    opened.value.close()


def test_who_comes_second_sees_what_the_first_changed_and_loads_it(supervisor, police):
    body = begin(supervisor, "dua orang")
    draft = draft_of(supervisor)
    body.get_by_role("button", name="Ganti nama").click()
    body.locator("[data-key=target]").select_option("POL/POL-ABELI")
    body.locator("[data-key=name]").fill("Polsek Abeli <b>Selatan</b>")
    edit = {"version": draft["version"], "kind": "priority", "jurisdiction": "POL/POL-KANDAI", "priority": 90}
    status = supervisor.page.evaluate(
        "([id, body]) => fetch('/api/boundaries/drafts/' + id + '/edits', {method: 'POST', body: JSON.stringify(body),"
        " headers: {'Content-Type': 'application/json', 'X-Siaga': '1'}}).then(answer => answer.status)",
        [draft["draft_id"], edit],
    )
    assert status == 200
    body.locator(".sg-b-tool .sg-primary").click()
    conflict = body.locator(".sg-b-conflict")
    expect(conflict).to_contain_text("sudah diubah orang lain")
    expect(conflict).to_contain_text("supervisor")
    conflict.get_by_role("button", name="Muat yang terbaru").click()
    expect(body.get_by_text("prioritas 100 menjadi 90")).to_be_visible()
    # What was being written is still there.
    assert body.locator("[data-key=name]").input_value() == "Polsek Abeli <b>Selatan</b>"
    body.locator(".sg-b-tool .sg-primary").click()
    expect(body.get_by_text("semula bernama Polsek Abeli")).to_be_visible()
    assert not body.locator("b", has_text="Selatan").locator("b").count()
    body.get_by_role("button", name="Kembalikan semuanya").click()
    expect(body.get_by_text("belum mengubah apa pun")).to_be_visible()
    body.get_by_role("button", name="Tarik draf").click()
    body.locator(".sg-b-signing input").fill("selesai dicoba")
    body.locator(".sg-b-signing .sg-primary").click()
    expect(body.locator(".sg-state.is-withdrawn")).to_be_visible()


def test_vertices_move_by_mouse_and_keyboard_and_a_line_splits(supervisor):
    page, body = supervisor.page, begin(supervisor, "titik dan garis")
    body.get_by_role("button", name="Geser titik").click()
    body.locator("[data-key=target]").select_option("POL/POL-KANDAI")
    vertex = page.locator("[data-key='vertex 0 0 3']")
    vertex.focus()
    before = supervisor.ask("window.__siagaBoundaries.views.drafts.tools.drawing.parts[0][0][3]")
    page.keyboard.press("Shift+ArrowUp")
    until(lambda: supervisor.ask("document.activeElement.dataset.key") == "vertex 0 0 3", "the vertex keeps the focus")
    n = supervisor.ask("window.__siagaBoundaries.views.drafts.tools.drawing.nVertices")
    page.keyboard.press("Delete")
    assert supervisor.ask("window.__siagaBoundaries.views.drafts.tools.drawing.nVertices") == n - 1
    body.get_by_role("button", name="Urungkan").click()
    after = supervisor.ask("window.__siagaBoundaries.views.drafts.tools.drawing.parts[0][0][3]")
    assert after[1] > before[1]
    assert after[0] == pytest.approx(before[0], abs=1e-6)
    box = page.locator("[data-key='vertex 0 0 3']").bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 38, box["y"] - 30, steps=4)
    page.mouse.up()
    body.get_by_role("button", name="Pakai garis ini").click()
    expect(body.locator(".sg-b-change").first).to_be_visible()
    moved = draft_of(supervisor)
    assert "POL/POL-KANDAI" in {change["jurisdiction"] for change in moved["changes"]}

    body.get_by_role("button", name="Belah").click()
    body.locator("[data-key=target]").select_option("POL/POL-BARUGA")
    supervisor.ask("window.__siagaBoundaries.map.map.setView([-4.02, 122.48], 12, {animate: false}) && null")
    for lon, lat in ((122.40, -4.025), (122.56, -4.025)):
        page.mouse.click(*pixel(supervisor, lon, lat))
    body.locator("[data-key='new code']").fill("POL-BARUGA-2")
    body.locator("[data-key='new name']").fill("Pospol <i>Baru</i>")
    body.locator(".sg-b-tool .sg-primary").click()
    expect(body.get_by_role("button", name="Pospol <i>Baru</i>")).to_be_visible()
    assert len(draft_of(supervisor)["changes"]) >= 3


def test_another_language_keeps_the_draft_that_is_open(supervisor):
    body = supervisor.page.locator(".sg-b-body")
    title = body.locator("h2").inner_text()
    supervisor.page.get_by_role("button", name="English").click()
    expect(supervisor.page.get_by_role("tab", name="Map & time")).to_be_visible()
    expect(supervisor.page.locator(".sg-b-body h2")).to_have_text(title)
    supervisor.page.get_by_role("button", name="Bahasa Indonesia").click()
    expect(supervisor.page.get_by_role("tab", name="Peta & waktu")).to_be_visible()
    until(
        lambda: supervisor.ask("Boolean(window.__siagaBoundaries && window.__siagaBoundaries.views.drafts.draft)"),
        "the draft is back",
    )


def test_an_objection_is_made_below_why_us_and_answered(product, visit, supervisor, someone):
    answer = product.report(type="KAM3", lon=122.5236, lat=-3.9990, accuracy_m=80, description="motor dicuri")
    desk = someone().desk("desk-POL")
    desk.card(answer["number"]).click()
    desk.page.get_by_role("button", name="Mengapa kami?").click()
    facts = desk.page.locator(".sg-why-facts")
    for part in ("Jarak ke batas", "versi 1", "± 80 m", "garis lurus"):
        expect(facts).to_contain_text(part)
    desk.page.get_by_role("button", name="Bukan wilayah kami").click()
    desk.page.get_by_role("button", name="Kirim keberatan").click()
    expect(desk.page.get_by_text("Tulis alasannya.")).to_be_visible()
    desk.page.locator("[data-key='objection reason']").fill("seberang jalan " + EVIL)
    desk.page.locator("[data-key='objection agency']").select_option("DMK")
    desk.page.get_by_role("button", name="Kirim keberatan").click()
    expect(desk.page.locator(".sg-objection-said")).to_contain_text("belum dibaca")
    assert not desk.page.get_by_role("button", name="Bukan wilayah kami").count()

    body = tab(supervisor, "Keberatan")
    body.get_by_role("button").filter(has_text=answer["number"]).click()
    expect(body.locator("blockquote")).to_have_text("seberang jalan " + EVIL)
    body.get_by_role("button", name="Periksa keberatan ini").click()
    expect(body.get_by_text("diperiksa supervisor")).to_be_visible()
    body.locator("[data-key=outcome]").select_option("rejected")
    body.locator("[data-key=answer]").fill("titik 950 m di dalam batas")
    body.get_by_role("button", name="Jawab", exact=True).click()
    expect(body.locator(".sg-b-answer")).to_contain_text("titik 950 m di dalam batas")

    desk.page.get_by_role("button", name="Mengapa kami?").click()
    desk.page.get_by_role("button", name="Mengapa kami?").click()
    expect(desk.page.locator(".sg-objection-said")).to_contain_text("titik 950 m di dalam batas")
    assert desk.ask("window.hit === undefined")


def test_points_are_compared_with_the_list_and_the_file_is_safe(supervisor, tmp_path):
    body = tab(supervisor, "Periksa titik")
    rows = [
        "122.5236,-3.9990,POL",
        "122.52,-3.99,DMK",
        f'122.50,-4.01,"=cmd() {EVIL.replace(chr(34), chr(34) * 2)}"',
        "0,0,POL",
    ]
    body.locator("[data-key=csv]").fill("lon,lat,instansi\n" + "\n".join(rows) + "\n")
    body.locator("[data-key=csv]").blur()
    body.locator("[data-key=column]").select_option("instansi")
    body.get_by_role("button", name="Periksa", exact=True).click()
    figures = supervisor.ask("window.__siagaBoundaries.views.points.answer") or until(
        lambda: supervisor.ask("window.__siagaBoundaries.views.points.answer"), "the answer is there"
    )
    expect(body.locator(".sg-b-figure b")).to_have_text(str(figures["comparison"]["n_different"]))
    assert figures["comparison"]["n_different"] >= 1
    body.locator("[data-key='row 0']").click()
    expect(supervisor.page.locator("path.sg-b-seen")).to_have_count(1)
    with supervisor.page.expect_download() as waiting:
        body.get_by_role("button", name="Unduh CSV").click()
    saved = tmp_path / "points.csv"
    waiting.value.save_as(saved)
    text = saved.read_text(encoding="utf-8-sig")
    assert text.startswith("row,lon,lat,said,")
    assert "\"'=cmd()" in text
    assert supervisor.ask("window.hit === undefined")


def test_health_lists_what_is_nobodys_and_shows_it(supervisor):
    body = tab(supervisor, "Kesehatan peta")
    expect(body.locator(".sg-b-figure b")).to_contain_text("%")
    answer = supervisor.ask("window.__siagaBoundaries.views.health.answer")
    assert supervisor.page.locator("path.sg-b-fault").count() >= len(answer["gaps"]) + len(answer["overlaps"])
    if answer["gaps"]:
        body.locator("[data-key=gaps]").click()
        body.locator("[data-key='row 0']").click()
        expect(supervisor.page.locator("path.sg-b-seen")).to_have_count(1)


def square(west, south, side=0.01):
    east, north = west + side, south + side
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def test_a_file_is_checked_on_the_map_repaired_as_a_preview_and_becomes_a_draft(product, someone, tmp_path):
    bow_tie = [[[122.49, -4.03], [122.50, -4.02], [122.50, -4.03], [122.49, -4.02], [122.49, -4.03]]]
    shapes = [
        ("POL-BARUGA", EVIL, square(122.47, -4.02)),
        ("POL-KANDAI", "Kandai", square(122.479985, -4.02)),  # 1.6 m over the first
        ("POL-ABELI", "Abeli", bow_tie),
    ]
    features = [
        {"type": "Feature", "properties": {"code": code, "name": name},
         "geometry": {"type": "Polygon", "coordinates": rings}}
        for code, name, rings in shapes
    ]  # fmt: skip
    file = tmp_path / "batas <b>baru.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    versions = "SELECT count(*) FROM siaga.boundary_version"
    (before,) = product.query(versions)[0]

    one = someone()
    one.log_in("desk-POL", "/boundary_file")
    page = one.page
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Periksa berkas").click()
    report = page.locator(".sg-report")
    expect(report.locator("h2")).to_have_text(file.name)
    for kind in ("gelang tidak sah", "tumpang tindih"):
        expect(report.get_by_role("button", name=kind).first).to_be_visible()
    zoom = one.ask("window.__siagaReport.map.map.getZoom()")
    report.locator(".sg-b-item").filter(has_text="tumpang tindih").first.click()
    assert one.ask("window.__siagaReport.map.map.getZoom()") > zoom
    expect(page.locator("path.sg-b-seen")).to_have_count(1)

    page.get_by_role("button", name="Usulkan perbaikan", exact=True).click()
    expect(report.get_by_role("tab", name="Perbaikan")).to_have_attribute("aria-selected", "true")
    assert page.locator("path.sg-b-moved").count() >= 1
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Unduh berkas perbaikan").click()
    repaired = tmp_path / "repaired.geojson"
    waiting.value.save_as(repaired)
    assert len(json.loads(repaired.read_text())["features"]) == 3

    page.get_by_role("button", name="Terima perbaikan sebagai draf").click()
    expect(page.get_by_text("Draf dibuat")).to_be_visible()
    title, state = product.query("SELECT title, state FROM siaga.boundary_draft ORDER BY created_at DESC LIMIT 1")[0]
    assert title == f"Dari berkas {file.name}"
    assert state == "open"
    assert product.query(versions)[0][0] == before
    assert one.ask("window.hit === undefined")


def test_a_file_that_is_none_is_refused_in_words(product, someone, tmp_path):
    file = tmp_path / "vrt.geojson"
    file.write_text("<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>")
    one = someone()
    one.log_in("supervisor", "/boundary_file")
    one.page.locator("input[type=file]").set_input_files(file)
    one.page.get_by_role("button", name="Periksa berkas").click()
    expect(one.page.get_by_text("Berkas ini tidak dapat dibaca.")).to_be_visible()
    said = one.page.locator('[data-testid="stCode"]').inner_text()
    assert said.startswith("vrt.geojson")
    assert "/tmp" not in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_readable_by_day_and_by_night(agreed, visit, scheme):
    one = visit("desk-POL", color_scheme=scheme)
    for view in ("Peta & waktu", "Ubah batas", "Dampak", "Kesehatan peta"):
        body = tab(one, view)
        until(lambda body=body: body.locator(".sg-b-item, .sg-b-figure").count(), f"{view} is drawn")
        one.page.mouse.move(900, 300)
        one.page.wait_for_timeout(300)  # the last transition of a colour
        found = one.page.evaluate(CONTRAST, ".sg-desk *")
        assert found["n"] > 20
        assert found["bad"] == [], view


def test_operators_and_planners_look_and_change_nothing(visit):
    for account in ("operator", "perencana"):
        one = visit(account, "drafts")
        body = one.page.locator(".sg-b-body")
        until(lambda body=body: body.locator(".sg-b-item, .sg-empty").count(), "the drafts are listed")
        assert not body.get_by_role("button", name="Mulai draf").count()
        # The list of pages of an operator is one desk; this one is reached by links.
        assert one.page.get_by_role("link", name="Periksa berkas").count() == 0
