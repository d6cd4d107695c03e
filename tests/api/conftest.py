"""A real server for each application under test: real sockets, real headers."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from api.app import make_api
from gis import tokens
from gis.db import make_engine
from gis.words import Role
from tests.api.city import START, seed


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port of this machine and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, ws="websockets-sansio", proxy_headers=True, lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@contextmanager
def client_of(app: Any, **options: Any) -> Iterator[httpx.Client]:
    """Serve `app` and give a client of it that follows no redirects."""
    with serving(app) as address, httpx.Client(base_url=address, timeout=30, **options) as client:
        yield client


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Check that an answer is a problem document of `status` with something to say, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:siaga:problem:")
    assert body["title"]
    assert body["detail"]
    for error in body.get("errors", []):
        assert set(error) - {"lon", "lat"} == {"field", "reason", "hint"}
        assert error["reason"]
    return body


@pytest.fixture(scope="session")
def city_template(server):
    """Database with the small city of `tests.api.city`."""
    name = server.copy("city_api")
    engine = make_engine(server.settings("owner", name), application="test")
    with engine.begin() as tx:
        seed(tx)
    engine.dispose()
    return name


@pytest.fixture(scope="module")
def city_database(server, city_template, request):
    """Give the module a copy of the small city."""
    name = "a_" + "".join(c if c.isalnum() else "_" for c in request.module.__name__.lower())[-50:]
    yield server.copy(name, city_template)
    server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def owner(server, city_database):
    """Engine of the small city as its owner."""
    engine = make_engine(server.settings("owner", city_database), application="test")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def secrets_of(owner):
    """Token secrets of the module's city: by role, and ``agency:CODE``."""
    with owner.begin() as tx:
        made = {str(role): tokens.create(tx, str(role), role=role) for role in Role if role != Role.AGENCY}
        for code in ("POL", "DMK", "PSC"):
            made[f"agency:{code}"] = tokens.create(tx, code, role=Role.AGENCY, agency=code, channel="agency")
        made["over"] = tokens.create(tx, "over", role="operator", expires_at=START)
        made["revoked"] = tokens.create(tx, "revoked", role="operator")
        tokens.revoke(tx, "revoked")
    return made


@pytest.fixture(scope="module")
def api(server, city_database, secrets_of, tmp_path_factory):
    """Client of the API process on the module's city, as its own database role."""
    settings = server.settings("api", city_database)
    settings = dataclasses.replace(settings, state=tmp_path_factory.mktemp("state"))
    (settings.state / "worker.alive").touch()
    with client_of(make_api(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def call(api, secrets_of):
    """Call the API as a role: ``call("operator", "GET", path, …)``; JSON bodies as ``json=`` or raw ``content=``."""

    def caller(who, method, path, **options):
        headers = dict(options.pop("headers", {}))
        if who is not None:
            headers["authorization"] = f"Bearer {secrets_of.get(who, who)}"
        return api.request(method, path, headers=headers, **options)

    return caller


@pytest.fixture(scope="module")
def report(call):
    """Send one good report and return the answer's JSON."""

    def sender(**more):
        body = {"type": "KAM1", "lon": 122.47, "lat": -4.01, **more}
        answer = call("operator", "POST", "/v1/reports", json=body, headers={"idempotency-key": uuid.uuid4().hex})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return sender
