"""People of the small city at the pages' API, each with a logged-in browser."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from api.app import make_browser_api
from api.door import Door
from api.gate import Gate
from api.login import LoginRoutes
from api.sessions import SessionDoor
from gis import accounts
from gis.db import make_engine
from gis.words import Role
from routing_engine.dispatch.context import Context
from tests.api.conftest import assert_problem, client_of

PASSWORD = "kuda laut 7 biru"
# The supervisor and the police read English.
PEOPLE: dict[str, dict[str, Any]] = {
    **{str(role): {"role": role} for role in Role if role != Role.AGENCY},
    "supervisor": {"role": Role.SUPERVISOR, "language": "en"},
    "POL": {"role": Role.AGENCY, "agency": "POL", "language": "en"},
    "DMK": {"role": Role.AGENCY, "agency": "DMK"},
    "barat": {"role": Role.AGENCY, "agency": "POL", "jurisdiction": "polsek-barat"},
    "timur": {"role": Role.AGENCY, "agency": "POL", "jurisdiction": "polsek-timur"},
}


@contextmanager
def browsers_of(server: Any, database: str, owner: Engine, state: Any) -> Iterator[Mapping[str, httpx.Client]]:
    """Serve the pages' API on a city and give a browser of each of `PEOPLE`."""
    with owner.begin() as tx:
        for name, values in PEOPLE.items():
            accounts.create(tx, name, PASSWORD, **{"language": "id", **values})
    settings = dataclasses.replace(server.settings("pages", database), state=state)
    engine = make_engine(settings, application="test")
    sessions = SessionDoor(engine)
    door = Door(settings=settings, engine=engine, context=Context(settings.state))
    app = Starlette(
        routes=[*LoginRoutes(settings, sessions).routes(), Mount("/api", make_browser_api(door))],
        middleware=[Middleware(Gate, door=sessions)],
    )
    with ExitStack() as stack:
        served = stack.enter_context(client_of(app))
        made = {}
        for name in PEOPLE:
            headers = {"origin": str(served.base_url).rstrip("/"), "x-siaga": "1"}
            headers["accept-language"] = PEOPLE[name].get("language", "id")
            made[name] = stack.enter_context(httpx.Client(base_url=served.base_url, headers=headers, timeout=60))
            assert made[name].post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
        yield made
    engine.dispose()


class Asking:
    """``ask(who, method, path, body)``: checks the status and gives the JSON."""

    def __init__(self, browsers: Mapping[str, httpx.Client]) -> None:
        self.browsers = browsers

    def __call__(self, who: str, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = self.browsers[who].request(method, path, json=body)
        if status >= 400:
            return assert_problem(answer, status)
        assert answer.status_code == status, answer.text
        return answer.json()
