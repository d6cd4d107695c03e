"""Log in and out: plain HTML that works without JavaScript."""

from __future__ import annotations

import html
import json
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anyio
from sqlalchemy import insert, select
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from api.errors import answer, language_of
from api.sessions import COOKIE, SessionDoor
from api.texts import preferred
from gis import accounts
from gis.accounts import Account, TooManyAttempts
from gis.db import database_now, transaction
from gis.errors import PlatformError, UnavailableError
from gis.settings import Settings
from gis.tables import audit
from gis.words import Language, Role
from zones.tables import agency

log = logging.getLogger(__name__)

MAX_FORM = 16 * 1024

TEXTS: dict[str, tuple[str, str]] = {
    "heading": ("Siaga 112", "Siaga 112"),
    "name": ("Nama", "Name"),
    "password": ("Sandi", "Password"),
    "enter": ("Masuk", "Log in"),
    "wrong": ("Nama atau sandi salah.", "Wrong name or password."),
    "often": ("Terlalu banyak percobaan; tunggu satu menit.", "Too many tries; wait a minute."),
    "away": ("Basis data sedang tidak terjangkau; coba lagi sebentar.", "The database is away; try again shortly."),
    "form": ("Formulir tidak terbaca; muat ulang halaman ini.", "The form cannot be read; reload this page."),
    "demo": ("Akun demo", "Demo accounts"),
    "demo-note": (
        "Ini instalasi demo: kota, jalan, dan kejadian di dalamnya buatan. Pilih satu akun untuk masuk.",
        "This is a demo: its city data, roads and incidents are made up. Choose an account to enter.",
    ),
    "other": ("English", "Bahasa Indonesia"),
    "agencies": ("Meja instansi", "Desks of agencies"),
    "more": ("Akun lain", "Other accounts"),
}

# Who a demo is looked at as, most often first; everybody else is behind "other accounts".
FIRST_ROLES = (Role.OPERATOR, Role.SUPERVISOR, Role.PLANNER)
FIRST_AGENCIES = ("POL", "DMK", "PSC", "BPBD", "SAR", "TNI", "PLN", "SPP")

ROLES: dict[Role, tuple[str, str]] = {
    Role.INTAKE: ("Penerima laporan", "Intake"),
    Role.OPERATOR: ("Operator 112", "112 operator"),
    Role.SUPERVISOR: ("Supervisor", "Supervisor"),
    Role.AGENCY: ("Instansi", "Agency"),
    Role.PLANNER: ("Perencana", "Planner"),
    Role.ADMIN: ("Admin", "Administrator"),
}


def local_target(target: str) -> str:
    """Return where to go after log-in: a path of this site, else the start page."""
    is_local = target.startswith("/") and not target.startswith(("//", "/\\", "/login", "/logout", "/api"))
    return target if is_local and target.isascii() and target.isprintable() else "/"


def page(
    language: Language,
    target: str,
    demo: Sequence[dict[str, Any]],
    error: str = "",
    name: str = "",
    *,
    agencies: Mapping[str, str] | None = None,
    is_chosen: bool = True,
) -> str:
    """Return the log-in page; every text of a person goes through `html.escape`.

    Parameters
    ----------
    demo
        Accounts to click: `name`, `role`, `agency`.
    agencies
        Code → name, as far as known.
    is_chosen
        The language was chosen here, not guessed from the browser.
    """

    def say(key: str) -> str:
        return html.escape(TEXTS[key][language == Language.EN])

    # Only a language somebody chose is carried on and becomes the account's; one guessed from the browser is not.
    query = ({"lang": str(language)} if is_chosen else {}) | {"next": target}
    action = html.escape("/login?" + urlencode(query))
    switch = html.escape("/login?" + urlencode(query | {"lang": "id" if language == Language.EN else "en"}))
    demo_form = _demo_form(action, language, demo, agencies or {}) if demo else ""
    alert = f'<p class="alert" role="alert">{say(error)}</p>' if error else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Siaga</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/login.css"></head><body>'
        f'<main><header><h1>{say("heading")}</h1><a href="{switch}">{say("other")}</a></header>'
        f'<form class="own" method="post" action="{action}">{alert}<label>{say("name")}'
        f'<input name="name" value="{html.escape(name[: accounts.MAX_NAME])}" autocomplete="username" '
        f'autocapitalize="none" spellcheck="false" required autofocus></label><label>{say("password")}'
        f'<input name="password" type="password" '
        f'autocomplete="current-password" maxlength="{accounts.MAX_PASSWORD}" required></label>'
        f'<button class="enter">{say("enter")}</button></form>'
        f"{demo_form}</main></body></html>"
    )


def _demo_form(action: str, language: Language, demo: Sequence[dict[str, Any]], agencies: Mapping[str, str]) -> str:
    """Return the demo accounts as buttons: those used most in sight, the others behind a `details`."""

    def say(key: str) -> str:
        return html.escape(TEXTS[key][language == Language.EN])

    def button(user: dict[str, Any]) -> str:
        code = user.get("agency")
        shown = code or ROLES[Role(user["role"])][language == Language.EN]
        below = agencies.get(code, user["name"]) if code else user["name"]
        name = html.escape(user["name"])
        return (
            f'<button class="account" name="demo" value="{name}" title="{name}"><b>{html.escape(shown)}</b>'
            f"<span>{html.escape(below)}</span></button>"
        )

    def group(users: Sequence[dict[str, Any]], kind: str) -> str:
        return f'<div class="accounts {kind}">{"".join(map(button, users))}</div>' if users else ""

    # Of several accounts of one role or agency the first is in sight.
    people: dict[str, dict[str, Any]] = {}
    desks: dict[str, dict[str, Any]] = {}
    for user in demo:
        (desks if user.get("agency") else people).setdefault(user.get("agency") or user["role"], user)
    first_people = [people[role] for role in FIRST_ROLES if role in people]
    first_desks = [desks[code] for code in FIRST_AGENCIES if code in desks]
    if not first_desks:  # a city with other codes
        first_desks = list(desks.values())[: len(FIRST_AGENCIES)]
    rest = [user for user in demo if user not in first_people and user not in first_desks]
    others = [user for user in rest if not user.get("agency")] + [user for user in rest if user.get("agency")]
    return (
        f'<form class="demo" method="post" action="{action}"><h2>{say("demo")}</h2><p>{say("demo-note")}</p>'
        + group(first_people, "people")
        + (f"<h3>{say('agencies')}</h3>{group(first_desks, 'desks')}" if first_desks else "")
        + (f"<details><summary>{say('more')}</summary>{group(others, 'desks')}</details>" if others else "")
        + "</form>"
    )


async def _form(request: Request) -> dict[str, str] | None:
    """Return the fields of a small urlencoded form, or nothing when it is not one."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_FORM:
            return None
    try:
        return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=8))
    except ValueError:
        return None


class LoginRoutes:
    """``/login`` and ``/logout``."""

    def __init__(self, settings: Settings, door: SessionDoor) -> None:
        self.settings, self.door = settings, door
        # Log-ins wait here, without a thread or a database connection of the others, while two are checked.
        self.limiter = anyio.CapacityLimiter(2)
        self.agencies: dict[Language, dict[str, str]] = {}

    def routes(self) -> list[Route]:
        """Return the routes for the app of the pages."""
        return [
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/logout", self.logout, methods=["POST"]),
        ]

    def demo_users(self) -> list[dict[str, Any]]:
        """Return the accounts to click, in a demo only."""
        if not self.settings.demo:
            return []
        try:
            users = json.loads((self.settings.state / "demo-accounts.json").read_text("utf-8"))["users"]
            return [user for user in users if user["role"] in list(Role)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("demo-accounts.json cannot be read: %s", type(error).__name__)
            return []

    async def login(self, request: Request) -> Response:
        """Show the form, or check what it brought."""
        given = request.query_params.get("lang", "")
        chosen = Language(given) if given in list(Language) else None
        language = chosen or preferred(request.headers.get("accept-language", ""))
        draw = partial(self._page, language, is_chosen=chosen is not None)
        target = local_target(request.query_params.get("next", "/"))
        if request.method != "POST":
            return await draw(target)
        form = await _form(request)
        if form is None:
            return await draw(target, "form", status=400)
        name = form.get("demo") or form.get("name", "")
        try:
            account, cookie = await anyio.to_thread.run_sync(
                partial(
                    self._enter,
                    name,
                    None if "demo" in form else form.get("password", ""),
                    address=request.client.host if request.client else "",
                    old_cookie=request.cookies.get(COOKIE, ""),
                    language=chosen,
                ),
                limiter=self.limiter,
            )
        except TooManyAttempts:
            return await draw(target, "often", name, status=429)
        except UnavailableError:
            return await draw(target, "away", name, status=503)
        if account is None:
            return await draw(target, "wrong", name, status=401)
        response = RedirectResponse(target, 303)
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=int(accounts.SESSION_LIFE.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    async def _page(
        self, language: Language, target: str, error: str = "", name: str = "", *, is_chosen: bool, status: int = 200
    ) -> Response:
        headers = {"Cache-Control": "no-store", "Content-Language": str(language)}
        if status in (429, 503):
            headers["Retry-After"] = "60" if status == 429 else "1"
        demo = self.demo_users()
        if demo and not self.agencies and status != 503:
            await anyio.to_thread.run_sync(self._read_agencies, limiter=self.limiter)
        text = page(language, target, demo, error, name, agencies=self.agencies.get(language), is_chosen=is_chosen)
        return HTMLResponse(text, status, headers)

    def _read_agencies(self) -> None:
        """Read the names of agencies once; without the database a demo's buttons show codes."""
        try:
            with transaction(self.door.engine) as tx:
                rows = tx.execute(select(agency.c.agency_code, agency.c.name_id, agency.c.name_en)).all()
        except UnavailableError:
            return
        self.agencies = {
            Language.ID: {row.agency_code: row.name_id for row in rows},
            Language.EN: {row.agency_code: row.name_en for row in rows},
        }

    def _enter(
        self, name: str, password: str | None, *, address: str, old_cookie: str, language: Language | None
    ) -> tuple[Account | None, str]:
        """Check and open a session with a new id; without a password only for a demo's own accounts.

        A language chosen on the form is the account's from now on.
        """
        with transaction(self.door.engine) as tx:
            if password is None:
                is_demo = any(user["name"] == name for user in self.demo_users())
                account = accounts.named(tx, name) if is_demo else None
                account = None if account is None or account.is_disabled else account
            else:
                account = accounts.check_password(tx, name, password, address=address)
            if account is None:
                return None, ""
            if old_cookie:
                accounts.close_session(tx, old_cookie)
                self.door.forget(old_cookie)
            if language is not None and language != account.language:
                accounts.set_language(tx, account.account_id, language)
            cookie = accounts.open_session(tx, account.account_id)
            tx.execute(
                insert(audit).values(
                    at=database_now(tx), actor=account.name, actor_role=account.role, action="login", subject="session"
                )
            )
            return account, cookie

    async def logout(self, request: Request) -> Response:
        """End the session and go to the form; the gate has checked that the request is the person's own."""
        cookie = request.cookies.get(COOKIE, "")
        try:
            await anyio.to_thread.run_sync(self._leave, cookie)
        except PlatformError as error:
            return answer(error, language_of(request.scope))
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    def _leave(self, cookie: str) -> None:
        with transaction(self.door.engine) as tx:
            found = accounts.session_actor(tx, cookie)
            if found is not None:
                accounts.close_session(tx, cookie)
                tx.execute(
                    insert(audit).values(
                        at=database_now(tx),
                        actor=found[1].name,
                        actor_role=found[1].role,
                        action="logout",
                        subject="session",
                    )
                )
        self.door.forget(cookie)
