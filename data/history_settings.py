"""Settings of the synthetic history: read from a city's `history.toml`, with defaults that fit any city."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gis.errors import DataError, Finding
from gis.words import LocationMethod

ANY = "*"
FLAT_YEAR = (1.0,) * 12
HOURS = {
    "D": (3, 2, 2, 2, 2, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 8, 8, 8, 7, 7, 6, 4),
    "L": (1, 1, 0, 0, 0, 1, 3, 6, 8, 9, 9, 8, 7, 7, 7, 6, 6, 6, 6, 6, 5, 4, 3, 2),
}


@dataclass(frozen=True, kw_only=True)
class Season:
    """Factor per month (January first); with `storms` these types come together on days of heavy rain."""

    types: tuple[str, ...]
    months: tuple[float, ...]
    storms: bool = False


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights that hold for some types: per area code, or per hour."""

    types: tuple[str, ...]
    weights: Any


@dataclass(frozen=True, kw_only=True)
class Closing:
    """Time from report to done: lognormal with this median (seconds) and spread."""

    median_s: float
    sigma: float


@dataclass(frozen=True, kw_only=True)
class Positioning:
    """A way positions are found: its share, and the range of its accuracy in metres."""

    method: LocationMethod
    share: float
    accuracy_m: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class HistorySettings:
    """All a history is made from besides the city and a seed; the fields are those of `history.toml`."""

    days: int = 1096
    receipt_days: int = 90
    calls_per_day: float = 140.0
    ticket_share: float = 0.067
    trend: tuple[float, float] = (1.0, 1.0)
    unanswered_share: tuple[float, float] = (0.05, 0.15)
    class_shares: Mapping[str, float] = field(
        default_factory=lambda: {
            "prank": 0.18,
            "ghost": 0.06,
            "wrong_number": 0.03,
            "out_of_area": 0.02,
            "test": 0.003,
        }
    )
    types: Mapping[str, float] = field(default_factory=dict)
    areas: tuple[Weights, ...] = ()
    seasons: tuple[Season, ...] = ()
    hours: tuple[Weights, ...] = ()
    done: Mapping[str, float] = field(default_factory=lambda: {"default": 0.6})
    closing: dict[str, Closing] = field(
        default_factory=lambda: {
            "D": Closing(median_s=2700.0, sigma=0.7),
            "L": Closing(median_s=259_200.0, sigma=1.0),
        }
    )
    positions: tuple[Positioning, ...] = (
        Positioning(method=LocationMethod.LANDMARK, share=0.6, accuracy_m=(30.0, 150.0)),
        Positioning(method=LocationMethod.MAP, share=0.4, accuracy_m=(15.0, 60.0)),
    )

    @classmethod
    def read(cls, file: Path) -> HistorySettings:
        """Read a `history.toml`; without the file, the defaults.

        Raises
        ------
        DataError
            The file is no TOML, or values are missing or out of range; every one is listed.
        """
        if not file.exists():
            return cls()
        try:
            raw = tomllib.loads(file.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise DataError(f"{file.name}: {error}") from None
        try:
            settings = cls(**_fields(raw))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{file.name}: a value is missing or of the wrong kind: {error}") from None
        findings = tuple(settings.check(file.name))
        if findings:
            raise DataError(f"{file.name}: {len(findings)} values cannot be used", findings)
        return settings

    def check(self, file: str) -> list[Finding]:
        """Return what cannot be used."""
        findings = []

        def expect(is_right: bool, name: str, reason: str) -> None:
            if not is_right:
                findings.append(Finding(field=name, reason=reason, file=file))

        shares = {**self.class_shares, "ticket_share": self.ticket_share, **self.done}
        for name, share in shares.items():
            expect(0 <= share <= 1, name, f"{share} is not a share from 0 to 1")
        together = sum(self.class_shares.values()) + self.ticket_share + max(self.unanswered_share)
        expect(together < 1, "calls", f"the shares of the calls add up to {together:.3f}, not less than 1")
        expect(self.days >= 1, "period.days", "at least one day is needed")
        expect(self.calls_per_day > 0, "calls.per_day", "a positive number is expected")
        for season in self.seasons:
            expect(len(season.months) == 12, "seasons.months", f"12 factors are expected, found {len(season.months)}")
        for hours in self.hours:
            expect(len(hours.weights) == 24, "hours.weights", f"24 weights are expected, found {len(hours.weights)}")
        for table in (self.types, *(area.weights for area in self.areas)):
            for code, weight in table.items():
                expect(weight >= 0, code, f"weight {weight} is negative")
        expect(bool(self.positions), "positions", "at least one method is needed")
        for one in self.positions:
            low, high = one.accuracy_m
            expect(0 < low <= high <= 5000, f"positions.{one.method}", "accuracy_m: 0 < low ≤ high ≤ 5000 is expected")
        return findings

    def area_weights(self, type_code: str) -> Mapping[str, float]:
        """Return weights per area code for a type; empty means by size."""
        return next((one.weights for one in self.areas if _names(one.types, type_code)), {})

    def season(self, type_code: str) -> Season:
        """Return the season of a type; flat if none is given."""
        return next(
            (one for one in self.seasons if _names(one.types, type_code)), Season(types=(ANY,), months=FLAT_YEAR)
        )

    def hour_weights(self, type_code: str, lane: str) -> tuple[float, ...]:
        """Return 24 weights for a type; those of its lane if none are given."""
        return next((tuple(one.weights) for one in self.hours if _names(one.types, type_code)), HOURS[lane])


def _names(types: tuple[str, ...], type_code: str) -> bool:
    return type_code in types or ANY in types


def _fields(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the constructor's arguments for what the file holds; what it leaves out keeps its default."""
    fields: dict[str, Any] = {}
    fields |= {name: int(raw["period"][name]) for name in ("days", "receipt_days") if name in raw.get("period", {})}
    calls = raw.get("calls", {})
    if "per_day" in calls:
        fields["calls_per_day"] = float(calls["per_day"])
    if "ticket_share" in calls:
        fields["ticket_share"] = float(calls["ticket_share"])
    for name in ("trend", "unanswered_share"):
        if name in calls:
            first, last = calls[name]
            fields[name] = (float(first), float(last))
    classes = {
        name.removesuffix("_share"): float(calls[name])
        for name in calls
        if name.endswith("_share") and name not in ("ticket_share", "unanswered_share")
    }
    if classes:
        fields["class_shares"] = classes
    if "types" in raw:
        fields["types"] = {code: float(weight) for code, weight in raw["types"].items()}
    if "areas" in raw:
        fields["areas"] = tuple(
            Weights(types=tuple(one["types"]), weights={str(k): float(v) for k, v in one["weights"].items()})
            for one in raw["areas"]
        )
    if "seasons" in raw:
        fields["seasons"] = tuple(
            Season(
                types=tuple(one["types"]),
                months=tuple(float(month) for month in one["months"]),
                storms=bool(one.get("storms", False)),
            )
            for one in raw["seasons"]
        )
    if "hours" in raw:
        fields["hours"] = tuple(
            Weights(types=tuple(one["types"]), weights=tuple(float(w) for w in one["weights"])) for one in raw["hours"]
        )
    if "done" in raw:
        fields["done"] = {"default": 0.6} | {code: float(share) for code, share in raw["done"].items()}
    if "closing" in raw:
        fields["closing"] = HistorySettings().closing | {
            lane: Closing(median_s=float(one["median_s"]), sigma=float(one["sigma"]))
            for lane, one in raw["closing"].items()
        }
    if "positions" in raw:
        fields["positions"] = tuple(
            Positioning(
                method=LocationMethod(one["method"]),
                share=float(one["share"]),
                accuracy_m=(float(one["accuracy_m"][0]), float(one["accuracy_m"][1])),
            )
            for one in raw["positions"]
        )
    return fields
