"""The ladder: who is told, and when, while an agency has not answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from routing_engine.dispatch.tables import ladder_step


@dataclass(frozen=True, kw_only=True)
class LadderStep:
    """One step.

    Attributes
    ----------
    level
        0 is the agency's own desk, 1 its second contact, up to the mayor.
    after_s
        Seconds since dispatch.
    """

    lane: str
    severity: int
    level: int
    after_s: int
    whom_id: str
    whom_en: str

    def whom(self, language: str) -> str:
        """Return who is told, in `language`."""
        return self.whom_en if language == "en" else self.whom_id


def load_ladder(tx: Connection) -> list[LadderStep]:
    """Read every step, in order of lane, severity and level."""
    columns = ladder_step.c
    order = (columns.lane, columns.severity, columns.level)
    return [LadderStep(**row) for row in tx.execute(select(ladder_step).order_by(*order)).mappings()]


def steps_for(ladder: Iterable[LadderStep], lane: str, severity: int) -> list[LadderStep]:
    """Return the steps of a lane and severity, lowest level first; empty when the city has none."""
    return sorted(
        (step for step in ladder if step.lane == lane and step.severity == severity), key=lambda step: step.level
    )
