"""Which moments are taken: those every part of the system can hold, compare and show in any zone."""

from __future__ import annotations

from datetime import UTC, datetime

# The first and last representable times overflow when their zone is changed; nothing here is that long ago or ahead.
FIRST = datetime(1900, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)


def is_in_range(moment: datetime) -> bool:
    """Whether an aware time lies between the years 1900 and 2200."""
    return FIRST <= moment < LAST
