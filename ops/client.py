"""The command line as a client of the running API."""

from __future__ import annotations

import http.client
import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from gis import tokens
from gis.words import Channel, Role
from ops.exits import NOT_RUNNING, REFUSED, CommandFailed
from ops.state import State, write_private


def ensure_token(tx: Connection, state: State) -> None:
    """Keep a token for the command line in the state folder, if there is none yet."""
    if state.cli_token_file.exists():
        return
    # Names are unique and a token's secret cannot be shown again, so a lost one gets a successor of another name.
    name = f"command-line-{secrets.token_hex(3)}"
    secret = tokens.create(tx, name, role=Role.OPERATOR, channel=Channel.CALL)
    write_private(state.cli_token_file, secret + "\n")


def call(state: State, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    """Send one request to the running API and return its JSON answer.

    Raises
    ------
    CommandFailed
        Exit 3: nothing runs, or it cannot be reached; exit 1: it refused, with its reasons and hints.
    """
    run = state.run_info()
    if run is None:
        raise CommandFailed(NOT_RUNNING, f"nothing runs with {state.path}; start it with ./siaga demo or ./siaga up")
    try:
        token = state.cli_token_file.read_text().strip()
    except OSError as error:
        raise CommandFailed(
            REFUSED, f"{state.cli_token_file}: {error.strerror}; run this as the user that started Siaga"
        ) from None
    where = urlsplit(run["api"])
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    payload = None if body is None else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    sent |= {"Content-Type": "application/json"} if payload is not None else {}
    try:
        connection.request(method, path, payload, sent | (headers or {}))
        response = connection.getresponse()
        answer = json.loads(response.read() or b"null")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CommandFailed(NOT_RUNNING, f"{run['api']} cannot be reached: {error}") from None
    finally:
        connection.close()
    if response.status >= 400:
        code = NOT_RUNNING if response.status >= 500 else REFUSED
        document = answer if isinstance(answer, dict) else None
        raise CommandFailed(code, problem_text(answer, response.status), document)
    return answer


def problem_text(answer: Any, status: int) -> str:
    """Return a problem document as lines: each field with its reason and hint, or else what it says as a whole."""
    if not isinstance(answer, dict):
        return f"HTTP {status}"
    errors = answer.get("errors", [])
    # The detail speaks to programs ("mend the fields listed in errors"); a person has them before their eyes.
    said = answer.get("title") if errors else answer.get("detail") or answer.get("title")
    lines = [str(said or f"HTTP {status}")]
    for one in errors:
        hint = f"; {one['hint']}" if one.get("hint") else ""
        lines.append(f"  {one.get('field')}: {one.get('reason')}{hint}")
    return "\n".join(lines)
