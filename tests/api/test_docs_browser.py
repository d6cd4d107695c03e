"""The pages that are ours without Streamlit, in a real browser: the policy must let them work and nothing else in."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_openapi_page_is_drawn_without_another_host(chromium, api):
    page = chromium.new_page()
    said, asked = [], []
    page.on("console", lambda line: said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    address = str(api.base_url).rstrip("/")
    page.goto(f"{address}/docs")
    page.wait_for_selector(".opblock")
    paths = api.get("/openapi.json").json()["paths"]
    assert page.locator(".opblock").count() == sum(len(operations) for operations in paths.values()) >= 19
    page.locator(".opblock-summary-path", has_text="/v1/reports").first.click()
    page.wait_for_selector(".opblock-body textarea, .opblock-body .example")
    assert said == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    page.close()
