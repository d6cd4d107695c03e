"""What the Streamlit pages ask of the domain: one thin door, one transaction a call.

The live desk itself talks to the browser API; here is only what a page needs while it is drawn.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Self

from dashboard.reach_services import ReachServices
from gis import accounts
from gis.accounts import Account
from gis.actors import Actor
from gis.city import CityFacts, read_city
from gis.db import make_engine, transaction
from gis.settings import Settings
from gis.words import Language, Role
from zones.outlines import agency_outline

PLANNER_POOL_SIZE = 3
PLANNER_TIMEOUT_MS = 30_000
# Script runs are few and short; the browser API of the same process has a pool of its own.
POOL_SIZE = 4


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who looks at a page."""

    actor: Actor
    account: Account

    @property
    def language(self) -> str:
        """Language of the interface, ``id`` or ``en``."""
        return str(self.account.language)


class Services:
    """Use cases of the pages. Safe to share between sessions and threads.

    Attributes
    ----------
    me
        Who looks at the page, in the copy a page is given (`of`).
    """

    me: Person

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = make_engine(replace(settings, pool_size=POOL_SIZE), application="pages-script")
        # The planner's page reads as a role that may only read, and that the database keeps from slowing operators.
        self.planner_engine = make_engine(
            replace(
                settings,
                database_url=settings.planner_url or settings.database_url,
                pool_size=PLANNER_POOL_SIZE,
                statement_timeout_ms=PLANNER_TIMEOUT_MS,
            ),
            application="pages-planner",
        )

        self.reach = ReachServices(self.engine, settings.state)

    # -- who is there

    def person(self, cookie: str) -> Person | None:
        """Return who the session cookie belongs to; `None` when the session is unknown, over or revoked.

        Asked at every run of a page: an open page of a closed session ends with its next run.
        """
        with transaction(self.engine) as tx:
            found = accounts.session_actor(tx, cookie)
        return None if found is None else Person(actor=found[0], account=found[1])

    def of(self, person: Person) -> Self:
        """Return the same door for one person: what a page gets."""
        door = copy.copy(self)
        door.me = person
        return door

    def set_language(self, language: str) -> None:
        """Keep the language this person works in."""
        with transaction(self.engine) as tx:
            accounts.set_language(tx, self.me.account.account_id, Language(language))

    # -- the city

    def city(self) -> CityFacts:
        """Return the facts of the city."""
        with transaction(self.engine) as tx:
            return read_city(tx)

    def service_names(self, language: str) -> dict[str, str]:
        """Return the names of services by code."""
        with transaction(self.engine) as tx:
            return {code: str(named.name(language)) for code, named in self.reach.snapshot(tx).services.items()}

    # -- the agency's desk

    def own_area(self) -> dict[str, Any] | None:
        """Return where this person's agency is responsible: GeoJSON geometry, EPSG:4326; `None` without a boundary.

        Raises
        ------
        ForbiddenError
            The person does not belong to an agency.
        """
        actor = self.me.actor
        actor.require(Role.AGENCY)
        assert actor.agency is not None
        with transaction(self.engine) as tx:
            return agency_outline(tx, actor.agency, actor.jurisdiction)
