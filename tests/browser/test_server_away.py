"""The server dies while somebody writes: no letter is lost, and every report arrives once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import expect

from tests.browser.person import SERVER_AWAY
from tests.browser.product import Product, until

STORED = "SELECT count(*) FROM siaga.report WHERE description = %s"


@contextmanager
def pages_dead(product: Product) -> Iterator[None]:
    """Kill the process of the pages, and hold its supervisor, so that they stay away as long as the test needs."""
    pids = product.run_info()["pids"]
    os.kill(pids["supervisor"], signal.SIGSTOP)
    try:
        os.kill(pids["pages"], signal.SIGKILL)
        yield
    finally:
        os.kill(pids["supervisor"], signal.SIGCONT)
        until(lambda: product.run_info()["pids"]["pages"] != pids["pages"], "the supervisor starts the pages again")
        until(product.answers, "the pages answer again")


def test_a_killed_server_loses_no_letter_and_delivers_the_waiting_report_once(product, someone):
    operator = someone().desk("operator")
    operator.allow(*SERVER_AWAY)
    dialog, bar, waits = (operator.page.locator(css) for css in (".stDialog:visible", ".sg-stale", ".sg-wait"))
    waiting = f"lahan kosong terbakar, api menuju rumah warga {product.tag}"
    operator.click_map(122.5030, -3.9860)
    operator.page.keyboard.press("Alt+1")
    operator.page.keyboard.press("2")
    operator.text.click()
    operator.page.keyboard.type("lahan kosong ter")
    started = operator.draft()
    assert {"lon", "lat", "type", "text"} <= started.keys()

    with pages_dead(product):
        expect(bar).to_be_visible()
        # Streamlit's own dialog would take the keyboard now; longer than it takes to appear.
        operator.page.keyboard.type(waiting.removeprefix("lahan kosong ter"), delay=100)
        assert operator.text.input_value() == waiting
        assert operator.draft() == started | {"text": waiting}
        assert dialog.count() == 0

        operator.page.keyboard.press("Control+Enter")
        expect(waits).to_contain_text("1 laporan menunggu server")

        operator.click_map(122.5210, -3.9850)
        operator.page.keyboard.press("Alt+2")
        operator.page.keyboard.press("2")
        operator.text.click()
        operator.page.keyboard.type(f"truk menyenggol pagar, setengah ditulis {product.tag}")
        second = operator.draft()
        assert second["type"] == "LKA2"
        assert product.query(STORED, waiting) == [(0,)]

    until(
        lambda: product.query(STORED, waiting) == [(1,)],
        "the waiting report is delivered",
    )
    expect(bar).to_be_hidden()
    expect(waits).to_have_count(0)
    assert dialog.count() == 0
    assert operator.draft() == second
    assert operator.text.input_value() == second["text"]
    expect(operator.page.locator(".sg-pin")).to_be_visible()

    # Also a page that is opened anew finds the draft, and nothing is sent a second time.
    operator.page.reload()
    operator.wait_for_desk()
    assert operator.draft() == second
    assert operator.text.input_value() == second["text"]
    operator.page.keyboard.press("Control+Enter")
    until(lambda: product.query(STORED, second["text"]) == [(1,)], "the draft is saved as well")
    assert product.query(STORED, waiting) == [(1,)]


def test_a_report_whose_answer_is_lost_on_the_way_is_stored_once(product, someone):
    operator = someone().desk("operator")
    operator.allow("ERR_FAILED")  # the two answers lost here
    lost: list[int] = []

    def lose_the_answer(route):
        if len(lost) < 2:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    operator.page.route("**/api/reports", lose_the_answer)
    text = f"kaki terkilir, jawaban hilang di jalan {product.tag}"
    operator.command(f"n med4 @-3.9812, 122.5148 ; {text}")
    expect(operator.page.locator(".sg-foot .sg-primary")).to_be_focused()
    operator.page.keyboard.press("Control+Enter")
    until(lambda: operator.ask("window.__siaga.desk.outbox.entries.length === 0"), "it is sent until it is answered")
    assert lost == [201, 200]
    assert product.query(STORED, text) == [(1,)]
