"""What a draft would do if it were in force: the layers before and after, and everything wrong with the change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from sqlalchemy import Connection, RowMapping, text

from gis.city import CityFacts
from gis.errors import Finding
from gis.messages import message
from zones.draft_checks import (
    Difference,
    created_gaps,
    created_overlaps,
    created_slivers,
    differences,
    gained_outside,
)
from zones.draft_rows import Change, find, read_changes, with_changes
from zones.layers import Area, read_layer
from zones.matching import current_set

# Moments after `at` at which boundaries of a service change by themselves: planned by earlier commits.
PLANNED = text(
    """
SELECT DISTINCT moment FROM siaga.boundary_version v JOIN siaga.jurisdiction j USING (jurisdiction_id),
  LATERAL (VALUES (lower(v.valid)), (upper(v.valid))) AS m (moment)
WHERE j.service_code = :service AND moment > :at ORDER BY moment
"""
)
SERVICE_AREA = text("SELECT ST_AsBinary(service_area) FROM siaga.city")


@dataclass(frozen=True, kw_only=True)
class Effects:
    """A draft's change at the moment it begins, and what is wrong with it then or later.

    Attributes
    ----------
    before, after
        Layers of the service without and with the draft.
    differences
        By ``AGENCY/CODE``: see `draft_checks.differences`.
    overlaps, gaps, outside, slivers
        As `draft_checks` lists them; slivers refuse nothing.
    """

    before: dict[str, Area]
    after: dict[str, Area]
    differences: dict[str, Difference]
    overlaps: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    outside: list[dict[str, Any]]
    slivers: list[dict[str, Any]]

    @property
    def sides(self) -> list[dict[str, Any]]:
        """Return who must sign: everybody whose ground, priority or name changes."""
        return [
            {
                "jurisdiction": key,
                "agency": one.area.agency,
                "code": one.area.code,
                "name": one.area.name,
                "gained_m2": one.gained_m2,
                "lost_m2": one.lost_m2,
                "why": one.why,
            }
            for key, one in self.differences.items()
            if one.why is not None
        ]

    @property
    def gap_m2(self) -> float:
        """Return the ground nobody would hold, square metres."""
        return float(sum(item["area_m2"] for item in self.gaps))

    def findings(self, language: str, *, is_gap_fine: bool) -> list[Finding]:
        """Return what refuses the change."""
        found = [
            Finding(
                field="overlaps",
                reason=message(
                    "draft_overlap",
                    language,
                    one=self._name(item["jurisdictions"][0]),
                    two=self._name(item["jurisdictions"][1]),
                    m2=round(item["area_m2"]),
                ),
                hint=message("draft_overlap_hint", language),
                lon=item["lon"],
                lat=item["lat"],
            )
            for item in self.overlaps
        ]
        found += [
            Finding(
                field="outside",
                reason=message(
                    "draft_outside", language, name=self._name(item["jurisdiction"]), m2=round(item["area_m2"])
                ),
                lon=item["lon"],
                lat=item["lat"],
            )
            for item in self.outside
        ]
        if self.gaps and not is_gap_fine:
            reason = message("draft_gaps", language, n=len(self.gaps), m2=round(self.gap_m2))
            found.append(Finding(field="gap_reason", reason=reason, hint=message("draft_gaps_hint", language)))
        return found

    def report(self, *, at: datetime | None, boundary_set: int) -> dict[str, Any]:
        """Return the checks as the contract has them."""
        return {
            "at": None if at is None else at.isoformat(),
            "boundary_set": boundary_set,
            "overlaps": self.overlaps,
            "gaps": self.gaps,
            "outside": self.outside,
            "slivers": self.slivers,
            "is_clean": not (self.overlaps or self.gaps or self.outside or self.slivers),
        }

    def _name(self, key: str) -> str:
        area = self.after.get(key) or self.before[key]
        return area.name


def effects_at(
    tx: Connection,
    service: str,
    changes: Sequence[Change],
    *,
    city: CityFacts,
    at: datetime | None,
    boundary_set: int,
) -> Effects:
    """Measure a draft's changes at a moment, and look at every later moment at which others change by themselves.

    Parameters
    ----------
    at
        First moment in force; `None`: on the boundaries that have no end, for a draft without a moment.
    """
    wkb = tx.execute(SERVICE_AREA).scalar_one_or_none()
    service_area = None if wkb is None else shapely.from_wkb(bytes(wkb))
    later = [] if at is None else list(tx.execute(PLANNED, {"service": service, "at": at}).scalars())
    srid = city.metric_srid
    overlaps: list[dict[str, Any]] = []
    gaps: list[dict[str, Any]] = []
    outside: list[dict[str, Any]] = []
    first: tuple[dict[str, Area], dict[str, Area]] | None = None
    for moment in [at, *later]:
        before = read_layer(tx, service, boundary_set=boundary_set, at=moment)
        after = with_changes(before, changes)
        if first is None:
            first = before, after
            outside = gained_outside(before, after, service_area, srid)
        overlaps += [item for item in created_overlaps(before, after, srid) if item not in overlaps]
        gaps += [item for item in created_gaps(before, after, srid) if item not in gaps]
    assert first is not None  # there is one moment at least
    return Effects(
        before=first[0],
        after=first[1],
        differences=differences(*first, srid),
        overlaps=overlaps,
        gaps=gaps,
        outside=outside,
        slivers=created_slivers(*first, srid),
    )


def effects_of(tx: Connection, row: RowMapping, changes: Sequence[Change], *, city: CityFacts) -> Effects:
    """Measure a draft on the boundaries it was drawn from."""
    return effects_at(tx, row["service_code"], changes, city=city, at=None, boundary_set=row["base_set"])


def layers(
    tx: Connection, draft_id: str, *, at: datetime | None = None
) -> tuple[dict[str, Area], dict[str, Area], datetime | None]:
    """Return the boundaries of a draft's service without and with the draft, as the newest commit has them.

    Parameters
    ----------
    at
        Moment; `None` is the one the draft was proposed for, without a proposal the boundaries that have no end.

    Returns
    -------
    before, after, at
        Layers by ``AGENCY/CODE`` (`layers.as_frame` makes them frames for the batch matcher), and the moment.

    Raises
    ------
    NotFoundError
        There is no such draft.
    """
    row = find(tx, draft_id)
    moment = at or row["effective_from"]
    # Once scheduled, the newest commit holds the draft itself: what it replaced is in the commit before.
    upto = row["committed_set"] - 1 if row["committed_set"] is not None else current_set(tx)
    before = read_layer(tx, row["service_code"], boundary_set=upto, at=moment)
    return before, with_changes(before, read_changes(tx, draft_id)), moment
