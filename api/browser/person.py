"""Who uses the browser; the gate has looked the session up already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from api.errors import Problem
from gis.accounts import Account
from gis.actors import Actor
from gis.words import Role

# What a caller said is for those who act on it: no planner among them.
READERS = (Role.OPERATOR, Role.SUPERVISOR, Role.AGENCY, Role.ADMIN)
REPORTERS = (Role.INTAKE, Role.OPERATOR, Role.SUPERVISOR)


async def from_our_pages(request: Request) -> None:
    """Refuse changes without the header that no form of another site can send.

    Raises
    ------
    Problem
        403.
    """
    if request.method not in ("GET", "HEAD") and request.headers.get("x-siaga") != "1":
        raise Problem(403, "forbidden", "header-siaga")


async def current_account(request: Request) -> Account:
    """Return the account of the session.

    Raises
    ------
    Problem
        401: the app is not behind the gate, or the gate let it pass without a session.
    """
    account: Account | None = getattr(request.state, "account", None)
    if account is None:
        raise Problem(401, "unauthenticated", "session-needed")
    return account


def person(*roles: Role) -> Callable[..., Any]:
    """Return the dependency that lets only people with one of `roles` through (none given: all) and gives the actor."""

    async def check(account: Annotated[Account, Depends(current_account)]) -> Actor:
        if roles and account.role not in roles:
            raise Problem(403, "forbidden", "role-needed", role=account.role, roles=", ".join(roles))
        return account.actor()

    return check
