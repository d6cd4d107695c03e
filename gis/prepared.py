"""Statements of the hot path, parsed and planned once per connection.

psycopg2 sends a statement's whole text each time. One marked ``.execution_options(prepared=True)`` is sent as
``PREPARE`` the first time a connection meets it and as ``EXECUTE`` from then on; nothing else changes for the caller.
Prepared statements live as long as their connection, also through a rollback, as does the note of them kept here.
"""

from __future__ import annotations

import re
from typing import Any

PARAMETER = re.compile(r"%\((\w+)\)s")


def numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement in psycopg2's style with numbered parameters, and their names in that order."""
    names: dict[str, int] = {}
    body = PARAMETER.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", statement)
    return body.replace("%%", "%"), tuple(names)


def substitute(
    conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> tuple[str, Any]:
    """Listen to SQLAlchemy's ``before_cursor_execute``: prepare a marked statement, or use what is prepared."""
    if context is None or executemany or not context.execution_options.get("prepared"):
        return statement, parameters
    known = conn.connection.info.setdefault("prepared", {})
    if statement not in known:
        body, names = numbered(statement)
        name = f"siaga_{len(known)}"
        cursor.execute(f"PREPARE {name} AS {body}")
        values = ", ".join(f"%({name})s" for name in names)
        known[statement] = f"EXECUTE {name}({values})" if names else f"EXECUTE {name}"
    return known[statement], parameters
