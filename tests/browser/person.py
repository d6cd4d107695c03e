"""One person in front of a browser, and everything that browser complained about."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.browser.product import PATIENCE_S, until

SCREEN = {"width": 1366, "height": 768}
# Chromium asks its maker's hosts for updates and the like; a test of "no other host" must not see the browser's own.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)

# Marks of unanswered incidents pulse; drawn without a graphics card that costs a tenth of a core a page.
STILL = {"reduced_motion": "reduce"}

PASSWORD = "enam angsa berenang"  # of accounts the tests make

# What a browser may say without anything being wrong; each entry with its reason.
EXPLAINED = {
    # A page opened by its own address: Streamlit looks below that address first, then where its endpoints are.
    r"status of 404 .*/(operator|intake|agency|planner|boundaries|boundary_file)/_stcore/(health|host-config)$": (
        "Streamlit finds its way"
    ),
}
# What Chromium and Streamlit say while the server is dead or the session over; for the tests that cause it.
SERVER_AWAY = (
    r"net::ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE|SOCKET)",
    r"WebSocket connection to '\S+' failed",
    r"^Client Error|^Connection failed with status 401|Streamlit server is not responding",
)


def find_chromium() -> str | None:
    """Return the path of Chromium, or nothing; that without windows first: a page costs half as much in it."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield browser
        browser.close()


class Person:
    """A browser of one's own (cookies, storage) with one page open.

    Attributes
    ----------
    page
        Playwright's page.
    complaints
        Console errors, uncaught errors, refusals by the policy, and requests to another host.
    """

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.address = address
        self.context = browser.new_context(**({"viewport": SCREEN, "locale": "id-ID"} | STILL | options))
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.complaints: list[str] = []
        self.allowed: list[re.Pattern[str]] = [re.compile(pattern) for pattern in EXPLAINED]
        self.page = self.open_page()

    def open_page(self) -> Any:
        """Open one more page in this browser, watched as the first one."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complain(f"uncaught: {error}"))
        page.on("console", lambda line: self._hear(line))
        page.on("request", lambda request: self._watch(request.url))
        page.on("websocket", lambda socket: self._watch(socket.url.replace("ws://", "http://", 1)))
        return page

    def _hear(self, line: Any) -> None:
        if line.type == "error":
            self.complain(f"{line.text} {line.location.get('url', '')}".strip())

    def _watch(self, url: str) -> None:
        if not url.startswith((self.address + "/", "blob:", "data:")):
            self.complain(f"asked another host: {url}")

    def complain(self, text: str) -> None:
        """Keep a complaint, unless it is an explained one."""
        if not any(pattern.search(text) for pattern in self.allowed):
            self.complaints.append(text)

    def allow(self, *patterns: str) -> None:
        """Expect complaints from now on; only where the test itself causes them."""
        self.allowed += map(re.compile, patterns)

    def close(self) -> None:
        """Close the browser."""
        self.context.close()

    # -- in and out

    def log_in(self, name: str, path: str = "/") -> Person:
        """Enter as one of the demo's people by their button, or with the password of an account the tests made."""
        self.page.goto(self.address + ("/login" if path == "/" else f"/login?next={path}"))
        button = self.page.locator(f'button[name="demo"][value="{name}"]')
        if button.count():
            if not button.is_visible():  # the accounts few ask for are folded away
                self.page.locator("details", has=button).locator("summary").click()
            button.click()
        else:
            self.page.fill('input[name="name"]', name)
            self.page.fill('input[name="password"]', PASSWORD)
            self.page.click("button.enter")
        return self

    def desk(self, name: str) -> Person:
        """Enter as an operator or an agency and wait until the desk has its incidents."""
        self.log_in(name)
        self.wait_for_desk()
        return self

    def wait_for_desk(self) -> None:
        """Wait until the map is there and the first answer has been drawn."""
        until(
            lambda: self.ask("Boolean(window.__siaga && !window.__siaga.desk.live.isFirst)"),
            f"the desk is ready; {self.page.url} {self.complaints}",
        )

    def ask(self, expression: str) -> Any:
        """Evaluate an expression in the page; nothing while the page is being left or loaded."""
        from playwright.sync_api import Error

        try:
            return self.page.evaluate(f"() => ({expression})")
        except Error as error:
            if "context was destroyed" in str(error) or "navigat" in str(error):
                return None
            raise

    # -- what stands on the desk

    def row(self, number: str) -> Any:
        """Return the queue's row of an incident."""
        return self.page.locator(".sg-row", has=self.page.get_by_text(number, exact=True))

    def card(self, number: str) -> Any:
        """Return an agency's card of an incident."""
        return self.page.locator(".sg-card", has=self.page.get_by_text(number, exact=True))

    def mark(self, number: str) -> Any:
        """Return the map's marker of an incident."""
        return self.page.locator(f'.leaflet-marker-icon[aria-label^="{number},"]')

    def state_of(self, number: str) -> str:
        """Return what the queue's row says about an incident's state."""
        row = self.row(number)
        return str(row.locator(".sg-row-state").inner_text()) if row.count() else ""

    def draft(self) -> dict[str, Any]:
        """Return the report being written, as the form keeps it."""
        return dict(self.ask("window.__siaga.desk.form.draft"))

    @property
    def text(self) -> Any:
        """The field of the form for what the caller says."""
        return self.page.locator(".sg-form textarea")

    def pixel(self, lon: float, lat: float) -> tuple[float, float]:
        """Return where on the screen a point of the map is."""
        box = self.page.locator(".sg-map .leaflet-container").bounding_box()
        point = self.ask(f"(p => [p.x, p.y])(window.__siaga.desk.map.latLngToContainerPoint([{lat!r}, {lon!r}]))")
        return box["x"] + point[0], box["y"] + point[1]

    def click_map(self, lon: float, lat: float) -> None:
        """Click the map at a point in sight."""
        self.page.mouse.click(*self.pixel(lon, lat))

    def command(self, line: str) -> None:
        """Type a line into the command line and run it, by keyboard alone."""
        self.page.keyboard.press("F2")
        self.page.keyboard.type(line)
        self.page.keyboard.press("Enter")
