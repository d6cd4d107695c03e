"""The two web processes, made once each from the environment.

- `make_api`: the HTTP API for programs (``/v1``), bearer tokens only.
- `make_pages`: what people see. One `st.App` carries the Streamlit pages, log-in, assets and the browser API; the pages
  are named by their path and never imported.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api import browser, docs, errors, v1
from api.door import Door
from api.gate import Gate
from api.identity import TokenDoor
from api.limits import LARGER, BodyLimit
from api.login import LoginRoutes
from api.metrics import Counting, Metrics
from api.sessions import SessionDoor
from api.tiles import TileMemory
from api.warming import warm
from gis.db import make_engine
from gis.errors import ConfigurationError
from gis.settings import ROOT, Settings
from routing_engine.dispatch.context import Context

# Styles of the log-in page and of the summary that is signed.
STYLES = ("login.css", "summary.css")
# Desks report and accept one at a time; the programs' door takes a storm.
DESKS_AT_ONCE = 4

DESCRIPTION = """Reports, incidents, agencies and travel times of one city's emergency number.

Every refusal is a problem document (RFC 9457) in the language of `Accept-Language` (`id`, `en`) that says what is
wrong, where, and how to mend it. Coordinates are EPSG:4326 degrees; times are RFC 3339 with an offset."""


def _door(settings: Settings, part: str) -> Door:
    return Door(settings=settings, engine=make_engine(settings, application=part), context=Context(settings.state))


def _limit_threads(settings: Settings) -> None:
    # A thread without a connection would only wait for one, and hide the overload from health.
    anyio.to_thread.current_default_thread_limiter().total_tokens = settings.pool_size


def make_api(settings: Settings | None = None) -> FastAPI:
    """Make the API for programs. `settings` defaults to the environment's."""
    settings = settings or Settings.from_env()
    door = _door(settings, "api")
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        _limit_threads(settings)
        await asyncio.to_thread(warm, door.engine, door.context, settings.pool_size)
        yield
        door.engine.dispose()

    app = FastAPI(
        title="Siaga",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan,
        routes=docs.routes(),
        middleware=[
            Middleware(docs.Headers),
            Middleware(Counting, metrics=metrics),
            Middleware(GZipMiddleware, minimum_size=1024, compresslevel=4),
            Middleware(errors.Catch),
            Middleware(BodyLimit),
        ],
    )
    app.state.door, app.state.metrics, app.state.tokens = door, metrics, TokenDoor(door.engine)
    errors.install(app)
    app.include_router(v1.make_router())
    app.include_router(v1.health.metrics_router)
    return app


def make_browser_api(door: Door) -> FastAPI:
    """Make the API of the browser, mounted under ``/api`` behind the gate."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        middleware=[Middleware(errors.Catch), Middleware(BodyLimit, larger=LARGER)],
    )
    app.state.door, app.state.tiles = door, TileMemory()
    errors.install(app)
    app.include_router(browser.make_router())
    return app


async def healthz(_: Request) -> Response:
    """Say that this process answers; what it depends on is in ``/v1/health``."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def style(request: Request) -> Response:
    """Return the style of a page that is made here: these assets live beside this module."""
    name = request.url.path.rpartition("/")[2]
    return FileResponse(Path(__file__).parent / "static" / name, headers={"Cache-Control": "max-age=300"})


def leaflet_files() -> Path:
    """Return the folder with Leaflet, from the locked package.

    Raises
    ------
    ConfigurationError
        The package is not installed.
    """
    spec = find_spec("js_lib_leaflet")
    if spec is None or spec.origin is None:
        raise ConfigurationError("the package django-js-lib-leaflet is missing; install requirements.lock")
    return Path(spec.origin).parent / "static/js_lib_leaflet"


def _hosts(env: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(host.strip() for host in env.get("SIAGA_HOSTS", "").split(",") if host.strip())


def make_pages(settings: Settings | None = None, *, script: Path = ROOT / "streamlit_app.py") -> Any:
    """Make the app of the pages. `settings` defaults to the environment's."""
    import streamlit as st  # takes a second; the API process never needs it

    settings = settings or Settings.from_env()
    door = _door(settings, "pages")
    sessions = SessionDoor(door.engine)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[dict[str, Any]]:
        _limit_threads(settings)
        await asyncio.to_thread(warm, door.engine, door.context, min(DESKS_AT_ONCE, settings.pool_size))
        # Folium's first import takes most of a second; the first page should not wait for it.
        await asyncio.to_thread(import_module, "folium")
        yield {}
        door.engine.dispose()

    return st.App(
        script,
        lifespan=lifespan,
        routes=[
            *LoginRoutes(settings, sessions).routes(),
            Route("/healthz", healthz),
            *(Route(f"/assets/{name}", style) for name in STYLES),
            Mount("/assets/leaflet", StaticFiles(directory=leaflet_files())),
            Mount("/assets/siaga", StaticFiles(directory=ROOT / "dashboard/assets", check_dir=False)),
            Mount("/api", make_browser_api(door)),
        ],
        middleware=[Middleware(Gate, door=sessions, hosts=_hosts(os.environ))],
    )
