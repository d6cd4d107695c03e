"""Is a part well? Asked the way its users would: over HTTP, by a query, by the worker's heartbeat."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HEARTBEAT_LIMIT_S = 10.0


@dataclass(frozen=True)
class Health:
    """What a part says of itself.

    `answers`: it is there and reacts, though perhaps impaired; a part that does not answer for long is restarted.
    `is_well`: it can do its work.
    """

    answers: bool
    is_well: bool
    detail: str = ""


def of_http(url: str, *, timeout_s: float = 3.0) -> Health:
    """Ask a web process; every status means that it answers, 200 that it is well."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=timeout_s)
    try:
        connection.request("GET", where.path, headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(65536)
    except (OSError, http.client.HTTPException) as error:
        return Health(False, False, str(error) or type(error).__name__)
    finally:
        connection.close()
    return Health(True, response.status == 200, "" if response.status == 200 else _reason(response.status, body))


def _reason(status: int, body: bytes) -> str:
    try:
        answer = json.loads(body)
        parts = answer.get("parts", answer)
        bad = [
            f"{name}: {part.get('reason') or part.get('status')}"
            for name, part in parts.items()
            if isinstance(part, dict) and part.get("status", "ok") != "ok"
        ]
        return f"HTTP {status} {'; '.join(bad) or answer.get('detail') or ''}".strip()
    except (ValueError, AttributeError):
        return f"HTTP {status}"


def of_heartbeat(file: Path, *, limit_s: float = HEARTBEAT_LIMIT_S) -> Health:
    """Look at the file the worker touches each second."""
    try:
        age_s = time.time() - file.stat().st_mtime
    except OSError:
        return Health(False, False, "no heartbeat yet")
    is_fresh = age_s <= limit_s
    return Health(is_fresh, is_fresh, "" if is_fresh else f"last heartbeat {age_s:.0f} s ago")
