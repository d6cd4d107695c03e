"""Filters of the planner's page, and the address that holds them: a link shows the same thing to somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dashboard.planner_services import Options

PERIODS = ("30", "90", "365", "all", "pick")
VIEWS = ("density", "areas", "times", "reach")
LANES = ("", "D", "L")
BANDWIDTHS = (0, 100, 150, 200, 300, 400, 600, 800)  # metres; 0 is automatic


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the page shows. Codes, not labels, so that an address outlives a change of language.

    Attributes
    ----------
    period
        Days back from the newest incident, ``all``, or ``pick`` with `first` and `last`.
    first, last
        Local days, both included.
    hours
        From, to (not included).
    station, hour
        Whose reach is looked at, in which hour's traffic; `None` is the present one.
    """

    view: str = "density"
    period: str = "365"
    first: date | None = None
    last: date | None = None
    lane: str = ""
    families: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    hours: tuple[int, int] = (0, 24)
    districts: tuple[str, ...] = ()
    bandwidth_m: int = 0
    station: str = ""
    hour: int | None = None

    def days(self, options: Options) -> tuple[date, date] | None:
        """Return the first and last local day; `None` when there is nothing to show or a day is missing."""
        if options.first is None or options.last is None:
            return None
        if self.period == "pick":
            return (self.first, self.last) if self.first and self.last else None
        if self.period == "all":
            return options.first, options.last
        return max(options.first, options.last - timedelta(days=int(self.period) - 1)), options.last

    def type_codes(self, options: Options) -> tuple[str, ...]:
        """Return the types looked at; empty for all."""
        if self.types:
            return self.types
        chosen = options.types[options.types["family"].isin(self.families)]
        return tuple(chosen["type_code"])


def from_address(given: Mapping[str, Sequence[str]], options: Options) -> Filters:
    """Read filters from the address; what is unknown or malformed there counts as not given."""

    def one(name: str) -> str:
        return (given.get(name) or [""])[-1]

    def chosen(name: str, allowed: Sequence[str]) -> tuple[str, ...]:
        wanted = {part for value in given.get(name, []) for part in value.split(",")}
        return tuple(code for code in allowed if code in wanted)

    first, last = _date(one("since")), _date(one("until"))
    period = one("period") if one("period") in PERIODS else "pick" if first and last else Filters.period
    if period != "pick" or not first or not last or first > last:
        first = last = None
    return Filters(
        view=one("view") if one("view") in VIEWS else Filters.view,
        period=Filters.period if period == "pick" and first is None else period,
        first=first,
        last=last,
        lane=one("lane") if one("lane") in LANES else "",
        families=chosen("group", list(dict.fromkeys(options.types["family"]))),
        types=chosen("type", list(options.types["type_code"])),
        hours=_hours(one("hours")),
        districts=chosen("district", list(options.districts)),
        bandwidth_m=next((m for m in BANDWIDTHS if str(m) == one("bandwidth")), 0),
        station=one("station")[:64],
        hour=next((hour for hour in range(24) if str(hour) == one("hour")), None),
    )


def to_address(filters: Filters) -> dict[str, str]:
    """Return the parameters of the address; what stands at its default is left out."""
    parameters = {
        "view": filters.view,
        "period": filters.period if filters.period != "pick" else "",
        "since": filters.first.isoformat() if filters.first else "",
        "until": filters.last.isoformat() if filters.last else "",
        "lane": filters.lane,
        "group": ",".join(filters.families),
        "type": ",".join(filters.types),
        "hours": "-".join(map(str, filters.hours)),
        "district": ",".join(filters.districts),
        "bandwidth": str(filters.bandwidth_m),
        "station": filters.station if filters.view == "reach" else "",
        "hour": "" if filters.hour is None or filters.view != "reach" else str(filters.hour),
    }
    default = {"view": Filters.view, "period": Filters.period, "hours": "0-24", "bandwidth": "0"}
    return {name: value for name, value in parameters.items() if value and value != default.get(name)}


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _hours(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if text.isascii() and first.isdecimal() and last.isdecimal() and len(text) <= 5:
        hours = int(first), int(last)
        if hours[0] <= 23 and 1 <= hours[1] <= 24 and hours[0] != hours[1]:
            return hours
    return Filters.hours
