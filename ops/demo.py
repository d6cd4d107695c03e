"""The demo: its city seeded once, with accounts and tokens to log in with."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select

from gis import accounts, tokens
from gis.db import transaction
from gis.settings import ROOT
from gis.tables import account, api_token, city
from gis.words import Channel, Role
from ops.database import Database
from ops.exits import REFUSED, CommandFailed
from ops.preparation import engine_of
from ops.state import State, read_json, write_private
from zones.tables import agency

CITY = ROOT / "data" / "cities" / "kendari"

# What is in a demo's state folder; `--fresh` removes these and nothing else.
CONTENT = (
    *("pg", "pg.new", "run", "fields", "kernels", "log", "secrets.json", "kind.json", "run.json", "demo-accounts.json"),
    *("cli-token", "webhooks.json", "worker.alive", "supervisor.pid", "administrator.sql"),
)

PEOPLE = {
    "operator": Role.OPERATOR,
    "supervisor": Role.SUPERVISOR,
    "perencana": Role.PLANNER,
    "penerima": Role.INTAKE,
    "admin": Role.ADMIN,
}
# Token → role and the channel of its reports.
PROGRAMS = {
    "intake": (Role.INTAKE, Channel.CALL),
    "operator": (Role.OPERATOR, Channel.CALL),
    "supervisor": (Role.SUPERVISOR, Channel.CALL),
    "planner": (Role.PLANNER, Channel.APP),
    "admin": (Role.ADMIN, Channel.APP),
}
TOKEN_PREFIX = "demo-"


def prepare(database: Database, folder: Path, say: Callable[[str], None]) -> None:
    """Seed the demo city and make its accounts, unless that is done already."""
    state = database.state
    from data.demo import seed_demo

    with engine_of(database) as engine:
        with transaction(engine) as tx:
            there = tx.execute(select(city.c.code, city.c.is_demo)).one_or_none()
        if there is not None and not there.is_demo:
            raise CommandFailed(
                REFUSED, f"the database holds the city {there.code}, which is not a demo; use ./siaga up"
            )
        if state.kind() is None:
            write_private(state.kind_file, {"kind": "demo"})
        # Goes on where an interrupted seeding stopped; does nothing when all is there.
        if seed_demo(database.settings(), folder, progress=say)["is_new"]:
            # What the seeding wrote is not left for the recovery after the first crash.
            database.checkpoint()
        if not _has_accounts(engine, state):
            say("making the demo accounts")
            with transaction(engine) as tx:
                made = _make_accounts(tx)
                # Before the commit: accounts without their passwords would be of no use, the reverse does no harm.
                write_private(state.accounts_file, made)


def _has_accounts(engine: Any, state: State) -> bool:
    kept = read_json(state.accounts_file)
    if not isinstance(kept, dict):
        return False
    with transaction(engine) as tx:
        there = {one.name for one in accounts.listing(tx)}
    return {user["name"] for user in kept.get("users", [])} <= there and bool(kept.get("users"))


def _make_accounts(tx: Connection) -> dict[str, Any]:
    """Make one person per role, one desk per agency and a token for each; return them with their secrets."""
    codes = tx.execute(select(agency.c.agency_code).order_by(agency.c.agency_code)).scalars().all()
    people: list[tuple[str, Role, str | None]] = [(name, role, None) for name, role in PEOPLE.items()]
    people += [(f"desk-{code}", Role.AGENCY, code) for code in codes]
    tx.execute(delete(account).where(account.c.name.in_([name for name, _, _ in people])))
    tx.execute(delete(api_token).where(api_token.c.name.startswith(TOKEN_PREFIX)))
    users = []
    for name, role, code in people:
        password = secrets.token_urlsafe(9)
        accounts.create(tx, name, password, role=role, agency=code)
        users.append({"name": name, "password": password, "role": str(role), "agency": code})
    made = {
        name: tokens.create(tx, TOKEN_PREFIX + name, role=role, channel=channel)
        for name, (role, channel) in PROGRAMS.items()
    }
    for code in codes:
        made[f"agency:{code}"] = tokens.create(
            tx, f"{TOKEN_PREFIX}agency-{code}", role=Role.AGENCY, agency=code, channel=Channel.AGENCY
        )
    return {"users": users, "tokens": made}


def require_demo(state: State) -> None:
    """Check that `state` may be dropped.

    Raises
    ------
    CommandFailed
        The folder belongs to a real city, or holds something that is not ours to judge.
    """
    kind = state.kind()
    if kind == "city" or (kind is None and state.data.exists()):
        raise CommandFailed(REFUSED, f"{state.path} is not a demo's; --fresh drops only what ./siaga demo made")
    if not Database.of(state).is_private:
        raise CommandFailed(
            REFUSED, "--fresh works on a private cluster only; drop the database of DATABASE_URL yourself"
        )


def drop(state: State) -> None:
    """Remove everything a demo wrote, and nothing else; the demo must be stopped."""
    require_demo(state)
    for name in CONTENT:
        path = state.path / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def describe(state: State, pages: str, api: str) -> str:
    """Return the addresses and accounts, for the terminal."""
    kept = read_json(state.accounts_file) or {"users": []}
    lines = [
        f"Siaga runs.  Pages: {pages}   API: {api}/docs   (synthetic data)",
        "",
        "  account      password      role",
    ]
    desks = [user for user in kept["users"] if user["agency"]]
    shown = [user for user in kept["users"] if not user["agency"]] + desks[:1]
    lines += [f"  {user['name']:<12} {user['password']:<13} {user['role']}" for user in shown]
    if len(desks) > 1:
        lines.append(f"  … and a desk for each of {len(desks)} agencies, with all tokens, in {state.accounts_file}")
    return "\n".join(lines)
