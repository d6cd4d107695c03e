"""The OpenAPI page, without another host: Swagger UI's files come from a locked package, the start script is ours."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gis.errors import ConfigurationError

# Swagger UI styles itself inline and has images in data: URLs; its script needs neither eval nor inline code.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'self'; object-src 'none'"
)

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Siaga API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/docs/files/favicon.png">
<link rel="stylesheet" href="/docs/files/swagger-ui.css"></head>
<body><div id="page"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""

START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null,
  docExpansion: "list", defaultModelsExpandDepth: -1, tryItOutEnabled: true, persistAuthorization: false});
"""


def swagger_files() -> Path:
    """Return the folder with Swagger UI's files.

    Raises
    ------
    ConfigurationError
        The package is not installed.
    """
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise ConfigurationError("the package fastapi-offline is missing; install requirements.lock")
    return Path(spec.origin).parent / "static"


async def page(_: Request) -> Response:
    """Return the page."""
    return HTMLResponse(PAGE)


async def start(_: Request) -> Response:
    """Return the script that starts Swagger UI."""
    return Response(START, media_type="text/javascript")


def routes() -> list[Any]:
    """Return the routes of the OpenAPI page."""
    return [
        Route("/docs", page),
        Route("/docs/start.js", start),
        Mount("/docs/files", StaticFiles(directory=swagger_files())),
    ]


class Headers:
    """Pure ASGI: the security headers of the API process."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application and add the headers."""

        async def sender(event: Any) -> None:
            if event["type"] == "http.response.start":
                added = [
                    (b"content-security-policy", POLICY.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
                event = {**event, "headers": [*event.get("headers", ()), *added]}
            await send(event)

        await self.app(scope, receive, sender if scope["type"] == "http" else send)
