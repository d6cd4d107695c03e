"""The gate by itself, around an application that lets everything through: what passes here passes everywhere."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest
import websockets.sync.client
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus

from api.gate import Gate, inline_hashes, policy, same_origin, streamlit_page
from api.login import LoginRoutes, local_target, page
from api.sessions import COOKIE, SessionDoor, cookie_of
from gis import accounts
from gis.db import make_engine, transaction
from gis.words import Language
from tests.api.conftest import client_of

PASSWORD = "kuda laut 7 biru"
HOST = "siaga.test"
ORIGIN = f"http://{HOST}"


async def anything(request):
    account = getattr(request.state, "account", None)
    return JSONResponse({"path": request.url.path, "who": account.name if account else None})


async def echo(socket):
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture(scope="module")
def settings(server, database, tmp_path_factory):
    engine = make_engine(server.settings("owner", database), application="test")
    with transaction(engine) as tx:
        accounts.create(tx, "wa-ode", PASSWORD, role="operator")
        # No such name is taken any more; one of an older installation must be shown as what it is.
        accounts.create(tx, "desk", PASSWORD, role="agency", agency="POL")
        tx.execute(text("UPDATE siaga.account SET name = '<b>desk</b>' WHERE name = 'desk'"))
        accounts.create(tx, "real-person", PASSWORD, role="admin")
    engine.dispose()
    state = tmp_path_factory.mktemp("state")
    users = [
        {"name": "wa-ode", "password": PASSWORD, "role": "operator", "agency": None},
        {"name": "<b>desk</b>", "password": PASSWORD, "role": "agency", "agency": "POL"},
    ]
    (state / "demo-accounts.json").write_text(json.dumps({"users": users, "tokens": {}}))
    found = server.settings("pages", database, demo=True)
    return type(found)(**{**vars(found), "state": state})


@pytest.fixture(scope="module")
def door(settings):
    engine = make_engine(settings, application="test")
    yield SessionDoor(engine)
    engine.dispose()


def make_app(settings, door, **options):
    return Starlette(
        routes=[
            *LoginRoutes(settings, door).routes(),
            WebSocketRoute("/{path:path}", echo),
            Route("/{path:path}", anything, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        ],
        middleware=[Middleware(Gate, door=door, **options)],
    )


@pytest.fixture(scope="module")
def served(settings, door):
    with client_of(make_app(settings, door)) as client:
        yield client


@pytest.fixture
def client(served, request):
    """A browser of its own: no cookies yet, and an address no other test has failed from."""
    number = sum(map(ord, request.node.name))
    headers = {"host": HOST, "x-forwarded-for": f"10.1.{number // 250 % 250}.{number % 250}"}
    with httpx.Client(base_url=served.base_url, headers=headers, timeout=30) as browser:
        yield browser


def cookies(value):
    return {"cookie": f"{COOKIE}={value}"}


def log_in(client, name="wa-ode", password=PASSWORD, *, path="/login", **more):
    headers = {"origin": ORIGIN, **more.pop("headers", {})}
    return client.post(path, data={"name": name, "password": password, **more}, headers=headers)


@pytest.mark.parametrize(
    "path", ["/", "/agency?x=1", "/static/js/index.js", "/_stcore/host-config", "/media/x.png", "/api/live", "/x/../y"]
)
def test_pages_go_to_login_and_everything_else_is_401(client, path):
    page = client.get(path, headers={"accept": "text/html,*/*"})
    assert page.status_code == 303
    assert page.headers["location"].startswith("/login")
    other = client.get(path, headers={"accept": "*/*"})
    assert other.status_code == 401
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json()["status"] == 401


def test_login_brings_one_back_to_the_page_asked_for(client):
    page = client.get("/agency?incident=7&x=a%20b", headers={"accept": "text/html"})
    target = page.headers["location"]
    form = client.get(target)
    assert "next=%2Fagency%3Fincident%3D7%26x%3Da%2520b" in form.text
    done = client.post(target, data={"name": "wa-ode", "password": PASSWORD}, headers={"origin": ORIGIN})
    assert (done.status_code, done.headers["location"]) == (303, "/agency?incident=7&x=a%20b")


@pytest.mark.parametrize(
    "target", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:1", "/login", "/a\nb"]
)
def test_login_never_leads_to_another_site(target):
    assert local_target(target) == "/"


@pytest.mark.parametrize("path", ["/login", "/assets/login.css", "/healthz", "/_stcore/health"])
def test_open_paths_need_no_session(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "/_stcore/agent",
        "/_stcore/agent/openapi.json",
        "/_stcore/script-health-check",
        "/x//_stcore//metrics",
        "/page/_stcore/metrics",
        "/_stcore/anything-new",
    ],
)
def test_streamlits_other_endpoints_are_closed_even_with_a_session(client, path):
    assert client.get(path).status_code == 404
    log_in(client)
    assert client.get(path).status_code == 404


def test_cookie_is_http_only_lax_and_lives_twelve_hours(client):
    done = log_in(client)
    cookie = done.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=lax", "Max-Age=43200", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie
    assert client.get("/api/me").json()["who"] == "wa-ode"


def test_cookie_is_secure_and_hsts_is_set_over_https(client):
    done = log_in(client, headers={"origin": f"https://{HOST}", "x-forwarded-proto": "https"})
    assert "Secure" in done.headers["set-cookie"]
    assert "strict-transport-security" in done.headers


def test_wrong_password_is_401_and_says_neither_which(client):
    for name in ("wa-ode", "nobody"):
        refused = log_in(client, name, "salah salah")
        assert refused.status_code == 401
        assert "Nama atau sandi salah." in refused.text
        assert "set-cookie" not in refused.headers


def test_sixth_failure_in_a_minute_is_429_also_for_the_right_password(client):
    for _ in range(accounts.TRIES):
        assert log_in(client, "real-person", "salah salah").status_code == 401
    refused = log_in(client, "real-person")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"


@pytest.mark.parametrize("origin", [None, "null", "http://evil.test", f"http://{HOST}.evil.test", f"http://{HOST}:81"])
def test_foreign_origin_is_refused_for_the_form_and_for_every_change(client, origin):
    headers = {} if origin is None else {"origin": origin}
    assert client.post("/login", data={"name": "wa-ode", "password": PASSWORD}, headers=headers).status_code == 403
    log_in(client)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/api/x", headers=headers).status_code == 403
    assert client.post("/api/x", headers={"origin": ORIGIN}).status_code == 200


def test_same_origin_knows_ports():
    assert same_origin("http://a.test", "a.test")
    assert same_origin("http://A.test:80", "a.test")
    assert same_origin("https://a.test", "a.test:443")
    assert not same_origin("http://a.test:8501", "a.test")
    assert not same_origin("file://a.test", "a.test")
    assert not same_origin("", "")


def test_logout_ends_the_session_for_the_same_cookie(client):
    log_in(client)
    cookie = client.cookies[COOKIE]
    assert client.get("/logout", headers={"accept": "text/html"}).status_code in (404, 405, 200)
    assert client.get("/api/me").status_code == 200
    done = client.post("/logout", headers={"origin": ORIGIN})
    assert (done.status_code, done.headers["location"]) == (303, "/login")
    assert client.get("/api/me", headers=cookies(cookie)).status_code == 401


def test_every_login_makes_a_new_session_and_ends_the_one_before(client):
    log_in(client)
    first = client.cookies[COOKIE]
    log_in(client)
    second = client.cookies[COOKIE]
    assert first != second
    assert client.get("/api/me", headers=cookies(first)).status_code == 401
    planted = "A" * 43
    client.cookies.clear()
    log_in(client, headers={"cookie": f"{COOKIE}={planted}"})
    assert planted != client.cookies[COOKIE]


def test_closed_account_is_out_within_a_second(client, door, server, database):
    owner = make_engine(server.settings("owner", database), application="test")
    with transaction(owner) as tx:
        accounts.create(tx, "leaving", PASSWORD, role="planner")
    log_in(client, "leaving")
    assert client.get("/api/me").status_code == 200
    with transaction(owner) as tx:
        accounts.disable(tx, "leaving")
    door.forget(client.cookies[COOKIE])  # what the passing of a second does
    assert client.get("/api/me").status_code == 401
    owner.dispose()


def test_websocket_needs_session_and_equal_origin(client):
    address = str(client.base_url).replace("http", "ws").rstrip("/") + "/_stcore/stream"
    own = str(client.base_url).rstrip("/")

    def refused(origin, **headers):
        with pytest.raises(InvalidStatus) as closed:
            websockets.sync.client.connect(address, origin=origin, additional_headers=headers, proxy=None)
        return closed.value.response.status_code

    assert refused(own) == 403
    log_in(client)
    session = cookies(client.cookies[COOKIE])
    with websockets.sync.client.connect(address, origin=own, additional_headers=session, proxy=None) as socket:
        assert socket.recv() == "hello"
    assert refused("http://evil.test", **session) == 403
    assert refused(None, **session) == 403
    client.post("/logout", headers={"origin": ORIGIN})
    assert refused(own, **session) == 403


def test_refused_websocket_closes_with_a_code_that_says_why(settings, door):
    def code(app_door, **headers):
        sent = []

        async def send(event):
            sent.append(event)

        async def run():
            raw = [(name.encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
            scope = {"type": "websocket", "path": "/_stcore/stream", "headers": raw, "scheme": "ws"}
            await Gate(echo, door=app_door)(scope, None, send)

        # In a thread: a browser test of the same process may have left its own event loop running in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(anyio.run, run).result()
        assert sent == [{"type": "websocket.close", "code": sent[0]["code"]}]
        return sent[0]["code"]

    assert code(door, origin=ORIGIN) == 4401
    assert code(door, origin="http://evil.test") == 4403
    engine = make_engine(nowhere(settings), application="test")
    assert code(SessionDoor(engine), origin=ORIGIN, cookie=f"{COOKIE}=x") == 1013
    engine.dispose()


def test_everything_carries_the_security_headers(client):
    for answer in (
        client.get("/login"),
        client.get("/api/live"),
        client.get("/", headers={"accept": "text/html"}),
        client.get("/_stcore/metrics"),
        client.post("/x"),
    ):
        rules = answer.headers["content-security-policy"]
        assert "default-src 'self'" in rules
        assert "unsafe-eval" not in rules
        scripts = next(part for part in rules.split("; ") if part.startswith("script-src"))
        assert "unsafe-inline" not in scripts
        assert "http" not in scripts
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_policy_names_streamlits_inline_script_and_this_hosts_sockets_only():
    hashes = inline_hashes(streamlit_page())
    assert len(hashes) == 1
    rules = policy(HOST, hashes)
    assert hashes[0] in rules
    assert f"connect-src 'self' ws://{HOST} wss://{HOST};" in rules


def test_host_names_are_checked(settings, door, client):
    assert client.get("/login", headers={"host": "a b; script-src *"}).status_code == 400
    with client_of(make_app(settings, door, hosts=(HOST,))) as strict:
        assert strict.get("/login", headers={"host": HOST}).status_code == 200
        assert strict.get("/login", headers={"host": f"{HOST}:8443"}).status_code == 200
        assert strict.get("/healthz").status_code == 200
        for name in ("evil.test", f"{HOST}.evil.test", "localhost.evil.test"):
            assert strict.get("/login", headers={"host": name}).status_code == 400


def test_form_works_in_both_languages_and_escapes_what_it_repeats(client):
    assert 'lang="id"' in client.get("/login").text
    assert "Log in" in client.get("/login?lang=en").text
    assert "Log in" in client.get("/login", headers={"accept-language": "en"}).text
    evil = '"><script>alert(1)</script>${x}`'
    refused = log_in(client, evil, "salah salah")
    assert "<script" not in refused.text


def test_demo_accounts_are_buttons_in_a_demo_only(client, settings, door):
    page = client.get("/login").text
    assert "&lt;b&gt;desk&lt;/b&gt;" in page
    assert "<b>desk</b>" not in page
    assert PASSWORD not in page
    done = client.post("/login", data={"demo": "<b>desk</b>"}, headers={"origin": ORIGIN})
    assert done.status_code == 303
    assert client.get("/api/me").json()["who"] == "<b>desk</b>"
    # An account that is not the demo's own has no button, whatever a client sends.
    assert client.post("/login", data={"demo": "real-person"}, headers={"origin": ORIGIN}).status_code == 401
    real = type(settings)(**{**vars(settings), "demo": False})
    with client_of(make_app(real, door), headers={"host": HOST}) as strict:
        assert "desk" not in strict.get("/login").text
        assert strict.post("/login", data={"demo": "wa-ode"}, headers={"origin": ORIGIN}).status_code == 401


def test_demo_accounts_come_by_use_and_the_rest_is_folded_away():
    desks = ["AIR", "DMK", "KEL", "POL", "TNI"]
    demo = [{"name": role, "role": role, "agency": None} for role in ("admin", "intake", "planner", "operator")]
    demo += [{"name": f"desk-{code}", "role": "agency", "agency": code} for code in desks]
    shown = page(Language.ID, "/", demo, agencies={"POL": "Kepolisian & Co", "AIR": "Polisi Perairan"})
    in_sight, folded = shown.split("<details>")
    assert re.findall(r'name="demo" value="([^"]+)"', in_sight) == [
        *("operator", "planner"),
        *("desk-POL", "desk-DMK", "desk-TNI"),
    ]
    assert re.findall(r'value="([^"]+)"', folded) == ["admin", "intake", "desk-AIR", "desk-KEL"]
    assert "Kepolisian &amp; Co" in in_sight
    assert "Polisi Perairan" in folded
    assert "desk-DMK</span>" in in_sight  # its name is not known
    assert "<details>" not in page(Language.EN, "/", demo[3:4])
    other = page(Language.EN, "/", [{"name": "x", "role": "agency", "agency": "XYZ"}])
    assert "<details>" not in other
    assert "XYZ" in other


@pytest.mark.parametrize("body", [b"\xff", b"x" * 20_000, b"a&b&c&d&e&f&g&h&i&j", b"name=%00&password=%00"])
def test_broken_forms_are_answered(client, body):
    headers = {"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"}
    assert client.post("/login", content=body, headers=headers).status_code in (400, 401)


@pytest.mark.parametrize(
    ("header", "cookie"),
    [
        ("", ""),
        ("a=b", ""),
        (f"{COOKIE}=x", "x"),
        (f"a=b; {COOKIE}=x; c=d", "x"),
        (f"{COOKIE}x=y", ""),
        (f"{COOKIE}=", ""),
        (";;;", ""),
    ],
)
def test_cookie_is_found_in_its_header(header, cookie):
    assert cookie_of(header) == cookie


def nowhere(settings):
    return type(settings)(**{**vars(settings), "database_url": "postgresql+psycopg2://x@/x?host=/nowhere"})


def test_database_away_is_503_not_a_way_in(settings):
    away = nowhere(settings)
    engine = make_engine(away, application="test")
    with client_of(make_app(away, SessionDoor(engine)), headers={"host": HOST}) as client:
        answer = client.get("/api/live", headers=cookies("x"))
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert log_in(client).status_code == 503
    engine.dispose()


@pytest.mark.parametrize("path", ["/login/x", "/loginx", "/healthz/..", "/healthzz", "/_stcore/health/x"])
def test_only_the_open_paths_themselves_are_open(client, path):
    answer = client.get(path, headers={"accept": "application/json"}, follow_redirects=False)
    assert answer.status_code in (401, 404)


def test_a_language_chosen_at_the_form_is_the_persons_and_a_guessed_one_is_not(client, settings):
    engine = make_engine(settings, application="test")

    def spoken():
        with transaction(engine) as tx:
            return accounts.named(tx, "wa-ode").language

    try:
        assert spoken() == Language.ID
        assert log_in(client, "wa-ode", headers={"accept-language": "en"}).status_code == 303
        assert spoken() == Language.ID
        chosen = client.get("/login?lang=en").text
        assert "/login?lang=en&amp;next=%2F" in chosen
        assert log_in(client, "wa-ode", path="/login?lang=en&next=%2F").status_code == 303
        assert spoken() == Language.EN
        assert log_in(client, "wa-ode", path="/login?lang=id").status_code == 303
        assert spoken() == Language.ID
    finally:
        engine.dispose()
