"""Two people's browsers on the running pages: how long until each sees what happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.browser.person import find_chromium

OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
)
PATIENCE_MS = 30_000
REACTION_S = 2.0
READY = "() => Boolean(window.__siaga && !window.__siaga.desk.live.isFirst)"


@dataclass
class Seconds:
    """Seconds from an answered report, or a click, to the screen; one per round."""

    operator: list[float] = field(default_factory=list)
    agency: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    n_rows: int = 0


def chromium() -> str | None:
    """Return the browser's path, or nothing when it or Playwright is not installed."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return None
    return find_chromium()


async def _desk(browser: Any, address: str, account: str) -> Any:
    context = await browser.new_context(viewport={"width": 1366, "height": 900})
    page = await context.new_page()
    await page.goto(f"{address}/login")
    await page.click(f"button[value={account}]")
    await page.wait_for_function(READY, timeout=60_000)
    return page


async def _watch(path: str, address: str, report: Callable[[], str], n_rounds: int) -> Seconds:
    from playwright.async_api import async_playwright

    seconds = Seconds()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        operator = await _desk(browser, address, "operator")
        agency = await _desk(browser, address, "desk-POL")
        seconds.n_rows = await operator.evaluate("() => window.__siaga.n")

        async def until(locator: Any, started: float, kept: list[float]) -> None:
            await locator.first.wait_for(state="visible", timeout=PATIENCE_MS)
            kept.append(time.monotonic() - started)

        for n in range(n_rounds):
            await asyncio.sleep(0.37 * n % 1.0)  # rounds meet the pages at different moments of their second
            number = await asyncio.to_thread(report)
            at = time.monotonic()
            row = operator.locator(".sg-row", has=operator.locator("b.sg-num", has_text=number))
            card = agency.locator(".sg-card", has=agency.locator("b.sg-num", has_text=number))
            await asyncio.gather(until(row, at, seconds.operator), until(card, at, seconds.agency))
            turned = row.locator(".sg-row-state", has_text="diterima")
            # A person takes a second to read the card; by then it is not only stored but delivered.
            await asyncio.sleep(REACTION_S)
            at = time.monotonic()
            await card.locator(".sg-big").first.click()
            await until(turned, at, seconds.accepted)
        await browser.close()
    return seconds


def watch(address: str, report: Callable[[], str], *, n_rounds: int) -> Seconds | None:
    """Time `n_rounds` of: `report` (returns the incident's number), both desks show it, the agency clicks *Terima*."""
    path = chromium()
    return None if path is None else asyncio.run(_watch(path, address, report, n_rounds))
