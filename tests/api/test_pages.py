"""The whole process of the pages, as the supervisor starts it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import httpx
import pytest
import websockets.sync.client
from websockets.exceptions import InvalidStatus

from api.sessions import COOKIE
from gis import accounts
from tests.conftest import ROOT

PASSWORD = "kuda laut 7 biru"


@pytest.fixture(scope="module")
def pages(server, city_database, owner, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    with owner.begin() as tx:
        accounts.create(tx, "operator", PASSWORD, role="operator")
    users = [{"name": "operator", "password": PASSWORD, "role": "operator", "agency": None}]
    (state / "demo-accounts.json").write_text(json.dumps({"users": users, "tokens": {}}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SIAGA_", "DATABASE_", "PYTEST"))},
        "SIAGA_STATE": str(state),
        "SIAGA_DATABASE_URL": server.url("pages", city_database),
        "SIAGA_DEMO": "1",
    }
    command = [sys.executable, "-m", "uvicorn", "api.app:make_pages", "--factory", "--host", "127.0.0.1"]
    with (state / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--no-server-header"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                if httpx.get(address + "/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert process.poll() is None, (state / "log").read_text()
            assert time.monotonic() < deadline, (state / "log").read_text()
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def browser(pages):
    with httpx.Client(base_url=pages, headers={"origin": pages}, timeout=30) as client:
        yield client


@pytest.fixture
def inside(browser):
    assert browser.post("/login", data={"demo": "operator"}).status_code == 303
    return browser


def test_nothing_but_log_in_and_assets_is_open(browser):
    for path in ("/", "/operator"):
        assert browser.get(path, headers={"accept": "text/html"}).headers["location"].startswith("/login")
    for path in ("/static/index.html", "/_stcore/host-config", "/media/x", "/component/x", "/api/live"):
        assert browser.get(path).status_code == 401
    assert browser.put("/_stcore/upload_file/a/b", content=b"x").status_code == 401
    for path in ("/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/script-health-check"):
        assert browser.get(path).status_code == 404
    for path in (
        "/login",
        "/assets/login.css",
        "/assets/summary.css",
        "/assets/leaflet/leaflet.js",
        "/healthz",
        "/_stcore/health",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "content-security-policy" in answer.headers
        assert "server" not in answer.headers


def test_inside_are_the_pages_their_files_and_the_api(inside):
    page = inside.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "sha256-" in page.headers["content-security-policy"]
    assert inside.get("/api/me").json()["name"] == "operator"
    assert inside.get("/_stcore/host-config").status_code == 200
    for asset in (ROOT / "dashboard/assets").rglob("*.css"):
        assert inside.get(f"/assets/siaga/{asset.relative_to(ROOT / 'dashboard/assets')}").status_code == 200
    for climb in ("..%2f..%2fgis/db.py", "%2e%2e/%2e%2e/gis/db.py"):
        assert inside.get(f"/assets/siaga/{climb}").status_code in (400, 404)


def test_large_answers_are_compressed_and_small_ones_are_not(inside):
    assert inside.get("/api/me").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in inside.get("/api/live").headers


def test_websocket_of_streamlit_needs_the_session(pages, inside):
    address = pages.replace("http", "ws") + "/_stcore/stream"
    session = {"cookie": f"{COOKIE}={inside.cookies[COOKIE]}"}

    def connect(origin, headers):
        return websockets.sync.client.connect(
            address, origin=origin, additional_headers=headers, subprotocols=["streamlit"], proxy=None
        )

    with connect(pages, session):
        pass
    for origin, headers in [(pages, {}), ("http://evil.test", session), (None, session)]:
        with pytest.raises(InvalidStatus):
            connect(origin, headers)
    inside.post("/logout")
    with pytest.raises(InvalidStatus):
        connect(pages, session)
