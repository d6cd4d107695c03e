"""A report as it is sent: checked whole, every finding at once, before anything is written."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gis import words
from gis.city import CityFacts
from gis.errors import Finding, ValueRefused
from gis.messages import message

MAX_ACCURACY_M = 5000.0
MAX_DESCRIPTION = 4000
MAX_TEXT = 200
CLOCK_TOLERANCE = timedelta(minutes=5)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
NULL_ISLAND_DEG = 0.01

FIELDS = (
    "type lon lat accuracy_m location_method location_text severity description occurred_at channel caller facts"
    " attach_to call_id confirm_position classification drill"
).split()
CALLER_FIELDS = ("phone", "name", "relation")
FACT_FIELDS = ("n_victims", "n_dead", "hazards", "child", "on_road", "armed")

# Tab, line feed and carriage return are part of ordinary text; every other control character, and the
# bidirectional overrides that make a text read differently from what it holds, are refused.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Typed facts of an incident; the only things SOP conditions may look at, besides place and hour."""

    n_victims: int = 0
    n_dead: int = 0
    hazards: frozenset[str] = frozenset()
    child: bool = False
    on_road: bool = False
    armed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the facts as the JSON object of the contract."""
        return vars(self) | {"hazards": sorted(self.hazards)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Facts:
        """Read facts stored by `as_dict`."""
        return cls(**{**stored, "hazards": frozenset(stored.get("hazards", ()))})

    def merged(self, other: Facts) -> Facts:
        """Return the worse of both: what a second report adds never takes anything away."""
        return Facts(
            n_victims=max(self.n_victims, other.n_victims),
            n_dead=max(self.n_dead, other.n_dead),
            hazards=self.hazards | other.hazards,
            child=self.child or other.child,
            on_road=self.on_road or other.on_road,
            armed=self.armed or other.armed,
        )


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who reported; kept apart from the report, for a limited time."""

    phone: str | None = None
    name: str | None = None
    relation: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReportInput:
    """A report that passed the checks. `lon`, `lat` are `None` when only `location_text` was given."""

    type_code: str
    lon: float | None
    lat: float | None
    accuracy_m: float | None
    location_method: str | None
    location_text: str
    severity: int | None
    description: str
    occurred_at: datetime | None
    channel: str
    caller: Caller | None
    facts: Facts
    attach_to: str | None
    call_id: str | None
    classification: str | None
    is_drill: bool


@dataclass(frozen=True, kw_only=True)
class Position:
    """A place on Earth: EPSG:4326 degrees, radius of uncertainty in metres."""

    lon: float
    lat: float
    accuracy_m: float


@dataclass(frozen=True, kw_only=True)
class Mended:
    """Where a position outside the service area was probably meant to be.

    `field` is the member at fault (``lon`` also for both), `reason` the key of the message, `lon` and `lat` are
    EPSG:4326 degrees.
    """

    field: str
    reason: str
    lon: float
    lat: float


def mended_position(lon: float, lat: float, city: CityFacts) -> Mended | None:
    """Return the point inside the service box that differs from one outside by order or sign; `None` without one."""
    if city.holds(lon, lat):
        return None
    for field_name, reason, mended_lon, mended_lat in (
        ("lon", "swapped", lat, lon),
        ("lat", "flipped_lat", lon, -lat),
        ("lon", "flipped_lon", -lon, lat),
        ("lon", "flipped_both", -lon, -lat),
        ("lon", "swapped", -lat, lon),
        ("lon", "swapped", lat, -lon),
    ):
        if -180 <= mended_lon <= 180 and -90 <= mended_lat <= 90 and city.holds(mended_lon, mended_lat):
            return Mended(field=field_name, reason=reason, lon=mended_lon, lat=mended_lat)
    return None


def check_key(key: str, language: str) -> None:
    """Refuse an idempotency key that is none.

    Raises
    ------
    ValueRefused
        Empty, over 255 characters, or not printable ASCII.
    """
    if not key:
        raise ValueRefused.of(
            "Idempotency-Key", message("key_required", language), message("key_required_hint", language)
        )
    if len(key) > 255 or not key.isascii() or not key.isprintable():
        raise ValueRefused.of("Idempotency-Key", message("key_length", language))


def body_digest(body: dict[str, Any]) -> bytes:
    """Return the SHA-256 of the body's canonical JSON; equal bodies in any member order are equal."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()


@dataclass
class _Reader:
    """Collects findings while members of one JSON object are read."""

    language: str
    findings: list[Finding] = field(default_factory=list)

    def refuse(
        self,
        name: str,
        reason: str,
        hint: str = "",
        value: Any = None,
        mended: tuple[float, float] | None = None,
        **values: object,
    ) -> None:
        self.findings.append(
            Finding(
                field=name,
                reason=message(reason, self.language, **values),
                hint=hint,
                value=value[:80] if isinstance(value, str) else value,
                lon=mended[0] if mended else None,
                lat=mended[1] if mended else None,
            )
        )

    def refuse_mended(self, found: Mended, value: float) -> None:
        """Refuse a position that would lie in the service area with another sign or order."""
        hint = self.say("mended", lon=found.lon, lat=found.lat)
        self.refuse(found.field, found.reason, hint, value, (found.lon, found.lat))

    def say(self, key: str, **values: object) -> str:
        return message(key, self.language, **values)

    def raise_all(self, what: str) -> None:
        """Refuse with every finding, each once; nothing happens when there is none."""
        if self.findings:
            first = {(f.field, f.reason): f for f in reversed(self.findings)}
            unique = list(dict.fromkeys((f.field, f.reason) for f in self.findings))
            raise ValueRefused(what, [first[key] for key in unique])

    def unknown(self, body: dict[str, Any], known: Collection[str], prefix: str = "") -> None:
        for name in body:
            if name not in known:
                close = difflib.get_close_matches(str(name), known, n=1)
                hint = (
                    self.say("did_you_mean", name=prefix + close[0])
                    if close
                    else self.say("known_fields", names=", ".join(known))
                )
                self.refuse((prefix + str(name))[:80], "unknown_field", hint)

    def text(self, body: dict[str, Any], name: str, limit: int, prefix: str = "") -> str | None:
        value = body.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(prefix + name, "wrong_type", expected="text", value=_short(value))
            return None
        found = CONTROL.search(value)
        if found:
            self.refuse(prefix + name, "control", self.say("control_hint", at=found.start() + 1))
            return None
        if len(value) > limit:
            self.refuse(prefix + name, "too_long", limit=limit, n=len(value))
            return None
        return value.strip()

    def flag(self, body: dict[str, Any], name: str, prefix: str = "") -> bool:
        value = body.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.refuse(prefix + name, "wrong_type", expected="true/false", value=_short(value))
        return False

    def count(self, body: dict[str, Any], name: str, high: int, prefix: str = "") -> int:
        value = body.get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(prefix + name, "wrong_type", expected="0, 1, 2 …", value=_short(value))
            return 0
        if not 0 <= value <= high:
            self.refuse(prefix + name, "range", low=0, high=high, value=_short(value))
            return 0
        return value

    def number(self, body: dict[str, Any], name: str, example: str) -> float | None:
        value = body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(
                name, "wrong_type", self.say("number_format", example=example), expected="number", value=_short(value)
            )
            return None
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.refuse(name, "not_finite", self.say("number_format", example=example), value=str(value)[:40])
            return None
        return number

    def choice(self, body: dict[str, Any], name: str, allowed: Collection[str]) -> str | None:
        value = body.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or value not in allowed:
            self.refuse(name, "one_of", allowed=", ".join(allowed), value=_short(value))
            return None
        return value


def _short(value: Any) -> str:
    return str(value)[:80]


def read_position(reader: _Reader, body: dict[str, Any], city: CityFacts) -> tuple[float, float] | None:
    """Read `lon`, `lat` and judge them; see the contract's list of refusals."""
    lon = reader.number(body, "lon", "122.49985")
    lat = reader.number(body, "lat", "-3.9962")
    if lon is None or lat is None:
        for name, value in (("lon", lon), ("lat", lat)):
            if value is None and body.get(name) is None and (lon is not None or lat is not None):
                reader.refuse(name, "required")
        return None
    good = True
    if not -180 <= lon <= 180:
        reader.refuse("lon", "lon_range", value=lon)
        good = False
    if not -90 <= lat <= 90:
        reader.refuse("lat", "lat_range", value=lat)
        # A longitude in `lat` is the commonest way to get here; say so when the swap mends it.
        if -180 <= lat <= 180 and -90 <= lon <= 90 and city.holds(lat, lon):
            reader.refuse_mended(Mended(field="lon", reason="swapped", lon=lat, lat=lon), lon)
        good = False
    if not good:
        return None
    if abs(lon) <= NULL_ISLAND_DEG and abs(lat) <= NULL_ISLAND_DEG:
        reader.refuse("lon", "null_island", reader.say("null_island_hint"), value=lon)
        return None
    found = mended_position(lon, lat, city)
    if found is not None and not reader.flag(body, "confirm_position"):
        reader.refuse_mended(found, lat if found.field == "lat" else lon)
        return None
    return lon, lat


def _read_accuracy(reader: _Reader, body: dict[str, Any]) -> float | None:
    accuracy = reader.number(body, "accuracy_m", "50")
    if accuracy is not None and not 0 <= accuracy <= MAX_ACCURACY_M:
        hint = reader.say("accuracy_hint", example=50)
        reader.refuse("accuracy_m", "range", hint, accuracy, low=0, high=int(MAX_ACCURACY_M))
    return accuracy


def parse_position(body: dict[str, Any], *, city: CityFacts, language: str) -> Position:
    """Check the place an incident is moved to as that of a report: `lon`, `lat`, `accuracy_m`, `confirm_position`.

    Raises
    ------
    ValueRefused
        With every finding.
    """
    reader = _Reader(language)
    position = read_position(reader, body, city)
    for name in ("lon", "lat"):
        if body.get(name) is None:
            reader.refuse(name, "required")
    accuracy = _read_accuracy(reader, body)
    reader.flag(body, "confirm_position")
    reader.raise_all("position refused")
    assert position is not None  # else there was a finding
    return Position(lon=position[0], lat=position[1], accuracy_m=accuracy or 0.0)


def read_time(reader: _Reader, body: dict[str, Any], now: datetime) -> datetime | None:
    """Read `occurred_at`: RFC 3339 with an offset, not more than five minutes ahead of `now`."""
    value = body.get("occurred_at")
    if value is None:
        return None
    example = now.replace(microsecond=0).isoformat()
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        reader.refuse(
            "occurred_at",
            "wrong_type",
            reader.say("time_format", example=example),
            expected="RFC 3339",
            value=_short(value),
        )
        return None
    if moment.tzinfo is None:
        reader.refuse("occurred_at", "naive_time", reader.say("time_format", example=example), value=_short(value))
        return None
    if moment > now + CLOCK_TOLERANCE:
        reader.refuse("occurred_at", "future_time", reader.say("clock_hint", now=example), value=_short(value))
        return None
    if moment < EARLIEST:
        reader.refuse("occurred_at", "too_old_time", reader.say("clock_hint", now=example), value=_short(value))
        return None
    return moment.astimezone(UTC)


def read_facts(reader: _Reader, given: Any) -> Facts:
    """Read the typed facts of a report."""
    if given is None:
        return Facts()
    if not isinstance(given, dict):
        reader.refuse("facts", "wrong_type", expected="object")
        return Facts()
    reader.unknown(given, FACT_FIELDS, "facts.")
    hazards = given.get("hazards") or []
    if not isinstance(hazards, list) or not all(
        isinstance(item, str) and item in set(words.Hazard) for item in hazards
    ):
        reader.refuse("facts.hazards", "one_of", allowed=", ".join(words.Hazard), value=_short(hazards))
        hazards = []
    return Facts(
        n_victims=reader.count(given, "n_victims", 100_000, "facts."),
        n_dead=reader.count(given, "n_dead", 100_000, "facts."),
        hazards=frozenset(hazards),
        child=reader.flag(given, "child", "facts."),
        on_road=reader.flag(given, "on_road", "facts."),
        armed=reader.flag(given, "armed", "facts."),
    )


def read_caller(reader: _Reader, given: Any) -> Caller | None:
    """Read who called; `None` when nothing of it was given."""
    if given is None:
        return None
    if not isinstance(given, dict):
        reader.refuse("caller", "wrong_type", expected="object")
        return None
    reader.unknown(given, CALLER_FIELDS, "caller.")
    values = {name: reader.text(given, name, MAX_TEXT, "caller.") or None for name in CALLER_FIELDS}
    return Caller(**values) if any(values.values()) else None


def parse_report(
    body: Any, *, city: CityFacts, types: Collection[str], now: datetime, default_channel: str, language: str
) -> ReportInput:
    """Check a report's body against the contract.

    Parameters
    ----------
    body
        Decoded JSON.
    types
        Known codes of incident types.
    now
        Database clock; `occurred_at` is judged against it.
    language
        `id` or `en`, of the findings.

    Raises
    ------
    ValueRefused
        With every finding.
    """
    reader = _Reader(language)
    if not isinstance(body, dict):
        reader.refuse("", "wrong_type", expected="object")
        raise ValueRefused("report: not an object", reader.findings)
    reader.unknown(body, FIELDS)
    type_code = body.get("type")
    if type_code is None:
        reader.refuse("type", "required")
    elif not isinstance(type_code, str) or type_code not in types:
        close = difflib.get_close_matches(str(type_code).upper(), types, n=3)
        meant = reader.say("did_you_mean", name=", ".join(close)) if close else ""
        hint = meant or reader.say("choose", allowed=", ".join(types))
        reader.refuse("type", "unknown_type", hint, value=_short(type_code))
    position = read_position(reader, body, city)
    location_text = reader.text(body, "location_text", MAX_TEXT) or ""
    if body.get("lon") is None and body.get("lat") is None and not location_text:
        reader.refuse("lon", "need_place")
    accuracy = _read_accuracy(reader, body)
    severity = body.get("severity")
    if severity is not None and (isinstance(severity, bool) or severity not in (1, 2, 3, 4)):
        reader.refuse("severity", "whole_range", low=1, high=4, value=_short(severity))
        severity = None
    attach_to = reader.text(body, "attach_to", MAX_TEXT)
    if attach_to and not UUID.fullmatch(attach_to):
        reader.refuse("attach_to", "attach_unknown", reader.say("attach_unknown_hint"), value=attach_to)
    report = ReportInput(
        type_code=type_code if isinstance(type_code, str) else "",
        lon=position[0] if position else None,
        lat=position[1] if position else None,
        accuracy_m=accuracy,
        location_method=reader.choice(body, "location_method", list(words.LocationMethod)),
        location_text=location_text,
        severity=int(severity) if severity is not None else None,
        description=reader.text(body, "description", MAX_DESCRIPTION) or "",
        occurred_at=read_time(reader, body, now),
        channel=reader.choice(body, "channel", list(words.Channel)) or default_channel,
        caller=read_caller(reader, body.get("caller")),
        facts=read_facts(reader, body.get("facts")),
        attach_to=attach_to or None,
        call_id=reader.text(body, "call_id", MAX_TEXT),
        classification=reader.choice(body, "classification", list(words.Classification)),
        is_drill=reader.flag(body, "drill"),
    )
    reader.flag(body, "confirm_position")
    reader.raise_all("report refused")
    return report
