"""Who does something: a person with an account, a program with a token, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass

from gis.errors import ForbiddenError
from gis.words import Channel, Role


@dataclass(frozen=True, kw_only=True)
class Actor:
    """The one on whose behalf a use case runs.

    Attributes
    ----------
    owner
        Stable id that idempotency keys belong to: ``account:<id>``, ``token:<id>`` or ``system:<part>``.
    name
        What events and the audit show; a desk's or program's name.
    agency, jurisdiction
        Codes an agency's desk is limited to; `None` for everybody else (or for a desk of the whole agency).
    channel
        Channel of reports that do not name one.
    """

    owner: str
    name: str
    role: Role
    agency: str | None = None
    jurisdiction: str | None = None
    channel: Channel = Channel.APP

    def require(self, *roles: Role) -> None:
        """Refuse an actor that has none of `roles`.

        Raises
        ------
        ForbiddenError
            The actor's role is not among them.
        """
        if self.role not in roles:
            raise ForbiddenError(f"role {self.role} may not do this; needed: {', '.join(roles)}")


def system(part: str) -> Actor:
    """Return the actor for work the platform does by itself, such as the worker's clocks."""
    return Actor(owner=f"system:{part}", name=part, role=Role.ADMIN)
