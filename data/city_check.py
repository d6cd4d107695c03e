"""Judges a city folder whole: every fault at once, each with file, row, reason and mend."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from data.city import City, read_city_folder
from data.city_check_areas import check_areas, check_competition, check_station_places
from data.city_examples import check_examples
from data.city_files import Findings
from gis.errors import DataError, Finding
from gis.words import SERVICES, AssignmentRole
from routing_engine.dispatch.conditions import AreaIn, cases, parse
from routing_engine.dispatch.sop import Rule, in_force
from routing_engine.network.profiles import PROFILES

# Understood by Python and by browsers alike: no look-behind, no named groups, no inline flags, no possessive repeats.
NOT_IN_BROWSERS = re.compile(r"\(\?(?![:=!])|\\[AZz]|[*+?}]\+")
MAX_WORDS = 1000


def check_city(folder: Path | str) -> list[Finding]:
    """Check a city folder.

    Returns
    -------
    list of Finding
        Every fault, in order of the checks; empty when the folder is good.
    """
    city, findings = read_city_folder(Path(folder))
    if city is not None:
        for check in (
            check_duties,
            check_types,
            check_sop,
            check_ladder,
            check_stations,
            check_speeds,
            check_accuracy,
            check_areas,
            check_competition,
            check_station_places,
            check_examples,
        ):
            check(city, findings)
    return list(findings)


def say_unknown(
    findings: Findings,
    file: str,
    row: int | None,
    field: str,
    given: Iterable[str | None],
    known: Iterable[str],
    *,
    source: str,
) -> bool:
    """Report values that are not in `known`; whether there were any. `None` is let pass."""
    unknown = sorted({value for value in given if value is not None} - set(known))
    if unknown:
        findings.say(file, row, field, f"unknown: {', '.join(unknown)}", f"see {source}")
    return bool(unknown)


def check_duties(city: City, findings: Findings) -> None:
    """Judge services, agencies, contacts and the agencies of jurisdictions."""
    services, agencies = city.services["code"], city.agencies["code"]
    for row, code in services.items():
        say_unknown(findings, "services.csv", row, "code", [code], SERVICES, source="the list in docs/contracts.md")
    for row, offered in city.agencies["services"].items():
        say_unknown(findings, "agencies.csv", row, "services", offered, services, source="services.csv")
    for row, code in city.contacts["agency"].items():
        say_unknown(findings, "contacts.csv", row, "agency", [code], agencies, source="agencies.csv")
    offers = dict(zip(agencies, city.agencies["services"], strict=True))
    for given in city.jurisdictions.drop_duplicates("row").to_dict("records"):
        at = ("jurisdictions.toml", given["row"])
        if not say_unknown(findings, *at, "agency", [given["agency"]], agencies, source="agencies.csv"):
            offered = offers[given["agency"]]
            hint = f"the services of {given['agency']} in agencies.csv"
            say_unknown(findings, *at, "service", [given["service"]], offered, source=hint)


def check_types(city: City, findings: Findings) -> None:
    """Judge incident types: lane with severity, words that are a regular expression everywhere, paired questions."""
    file = "incident_types.csv"
    for row, given in zip(city.types.index, city.types.to_dict("records"), strict=True):
        if (given["lane"] is None) != (given["severity"] is None):
            hint = "an incident has both; a kind of call that is no incident has neither"
            findings.say(file, row, "lane", "lane and severity go together", hint)
        if given["severity"] is not None and not 1 <= given["severity"] <= 4:
            findings.say(file, row, "severity", f"{given['severity']} is not 1 to 4")
        if given["lane"] is None and given["classification"] is None:
            findings.say(file, row, "classification", "is empty", "say what kind of call it is")
        if len(given["questions_id"]) != len(given["questions_en"]):
            counts = f"{len(given['questions_id'])} Indonesian, {len(given['questions_en'])} English"
            findings.say(file, row, "questions_en", f"questions do not pair: {counts}", "separate them with |")
        try:
            re.compile(given["words"])
        except re.error as error:
            findings.say(file, row, "words", f"is no regular expression: {error}")
            continue
        found = NOT_IN_BROWSERS.search(given["words"])
        if found:
            findings.say(file, row, "words", f"`{found[0]}` is not understood by every browser")
        if len(given["words"]) > MAX_WORDS:
            findings.say(file, row, "words", f"has {len(given['words'])} characters, at most {MAX_WORDS}")


def check_sop(city: City, findings: Findings) -> None:
    """Judge SOP rows: known codes, services somebody has, exactly one lead whatever the facts are."""
    incidents = city.types.loc[city.types["lane"].notna(), "code"]
    services, responsible = set(city.services["code"]), set(city.jurisdictions["service"])
    known_areas = set(city.areas["code"])
    for row, given in zip(city.sop.index, city.sop.to_dict("records"), strict=True):
        say_unknown(
            findings,
            "sop.csv",
            row,
            "type",
            [given["type"]],
            incidents,
            source="types with a lane in incident_types.csv",
        )
        say_unknown(findings, "sop.csv", row, "service", [given["service"]], services, source="services.csv")
        if given["service"] in services - responsible:
            hint = "add one to jurisdictions.toml"
            findings.say("sop.csv", row, "service", f"nobody has a jurisdiction for {given['service']}", hint)
        if given["role"] == AssignmentRole.INFORM and given["ack_s"]:
            findings.say("sop.csv", row, "ack_s", "an informed agency owes no answer", "leave it empty")
        if given["role"] != AssignmentRole.INFORM and not given["ack_s"]:
            findings.say("sop.csv", row, "ack_s", "an acting agency needs a time for its answer")
        check_condition_areas(findings, "sop.csv", row, given["condition"], known_areas)
    by_type: dict[str, list[Rule]] = {code: [] for code in incidents}
    for rule in city.rules:
        by_type.setdefault(rule.type_code, []).append(rule)
    for code in incidents:
        check_leads(code, by_type[code], findings)
    for row, given in zip(city.triggers.index, city.triggers.to_dict("records"), strict=True):
        say_unknown(findings, "triggers.csv", row, "types", given["types"], incidents, source="incident_types.csv")
        check_condition_areas(findings, "triggers.csv", row, given["condition"], known_areas)


def check_condition_areas(findings: Findings, file: str, row: int, condition: str, known: set[str]) -> None:
    """Report a condition that does not parse (for the SOP, reading did so), or names areas the city does not have."""
    try:
        atoms = parse(condition).atoms()
    except DataError as error:
        if file != "sop.csv":
            findings.say(file, row, "condition", str(error), "see docs/city-folder.md")
        return
    codes = {code for atom in atoms if isinstance(atom, AreaIn) for code in atom.codes}
    say_unknown(findings, file, row, "condition", codes, known, source="admin_areas.csv")


def check_leads(type_code: str, rules: list[Rule], findings: Findings) -> None:
    """Report severities, moments and facts for which not exactly one service leads; one finding per severity."""
    changes = {rule.valid_from for rule in rules} | {rule.valid_to for rule in rules if rule.valid_to is not None}
    for severity in range(1, 5):
        if not changes:
            findings.say("sop.csv", None, "role", f"{type_code} S{severity}: no lead", "add rows for the type")
            return
        fault = next((told for at in sorted(changes) if (told := lead_fault(rules, type_code, severity, at))), None)
        if fault:
            findings.say("sop.csv", None, "role", f"{type_code} S{severity}: {fault}", "exactly one service leads")


def lead_fault(rules: list[Rule], type_code: str, severity: int, at: datetime) -> str | None:
    """Return what is wrong with the lead at a moment, if something is."""
    leads = [rule for rule in in_force(rules, type_code, severity, at) if rule.role == AssignmentRole.LEAD]
    try:
        for case in cases(rule.parsed for rule in leads):
            named = sorted({rule.service for rule in leads if rule.parsed.holds(case)})
            if len(named) != 1:
                facts = {name: value for name, value in case.facts.as_dict().items() if value}
                facts |= {"areas": sorted(case.areas)} if case.areas else {}
                facts |= {"on_bridge": True} if case.on_bridge else {}
                facts |= {"hour": case.hour} if case.hour else {}
                told = f" when {', '.join(f'{name}={value}' for name, value in facts.items())}" if facts else ""
                return f"{'no lead' if not named else 'leads ' + ', '.join(named)}{told} from {at:%Y-%m-%d}"
    except DataError as error:
        return str(error)
    return None


def check_ladder(city: City, findings: Findings) -> None:
    """Report ladders whose times do not grow from level to level, or that skip a level."""
    ladders: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for step in city.ladder:
        ladders.setdefault((step.lane, step.severity), []).append((step.level, step.after_s))
    for (lane, severity), steps in sorted(ladders.items()):
        steps.sort()
        where = f"lane {lane}, severity {severity}"
        if [level for level, _ in steps] != list(range(len(steps))):
            levels = ", ".join(str(level) for level, _ in steps)
            findings.say(
                "ladder.csv", None, "level", f"{where}: levels {levels}", "levels count 0, 1, 2 … without a gap"
            )
        for (low, early), (high, late) in itertools.pairwise(steps):
            if late <= early:
                reason = f"{where}: level {high} after {late} s is not later than level {low} after {early} s"
                findings.say("ladder.csv", None, "after_s", reason)


def check_stations(city: City, findings: Findings) -> None:
    """Judge stations: codes that exist, a profile with speeds, one station at least for who must act."""
    file = "stations.csv"
    offers = dict(zip(city.agencies["code"], city.agencies["services"], strict=True))
    profiles = set(city.speeds["profile"])
    areas = set(
        zip(city.jurisdictions["agency"], city.jurisdictions["service"], city.jurisdictions["code"], strict=True)
    )
    for row, given in zip(city.stations.index, city.stations.to_dict("records"), strict=True):
        agency, service = given["agency"], given["service"]
        if not say_unknown(findings, file, row, "agency", [agency], offers, source="agencies.csv"):
            hint = f"the services of {agency} in agencies.csv"
            say_unknown(findings, file, row, "service", [service], offers[agency], source=hint)
        if given["jurisdiction"] is not None and (agency, service, given["jurisdiction"]) not in areas:
            reason = f"{agency} has no jurisdiction {given['jurisdiction']} for {service}"
            findings.say(file, row, "jurisdiction", reason, "see jurisdictions.toml; empty serves the whole agency")
        say_unknown(findings, file, row, "profile", [given["profile"]], PROFILES, source=", ".join(PROFILES))
        if profiles and given["profile"] in PROFILES and given["profile"] not in profiles:
            findings.say(file, row, "profile", f"{given['profile']!r} has no speeds", "add them to speeds.csv")
        if given["accuracy_m"] < 0:
            findings.say(file, row, "accuracy_m", "is below 0")
    if city.stations.empty:
        return
    acting = {rule.service for rule in city.rules if rule.role != AssignmentRole.INFORM}
    served = set(zip(city.stations["agency"], city.stations["service"], strict=True))
    for agency, service in sorted({(agency, service) for agency, service, _ in areas} - served):
        if service in acting:
            reason = f"{agency} must act for {service} and has no station"
            findings.say(file, None, "agency", reason, "add one; a guess is fine when accuracy_m says so")


def check_speeds(city: City, findings: Findings) -> None:
    """Report speeds no vehicle drives, and hour bands that leave a class of road out."""
    file, good = "speeds.csv", []
    for row, given in zip(city.speeds.index, city.speeds.to_dict("records"), strict=True):
        say_unknown(findings, file, row, "profile", [given["profile"]], PROFILES, source=", ".join(PROFILES))
        if not 1 <= given["speed_kph"] <= 150:
            findings.say(file, row, "speed_kph", f"{given['speed_kph']} is not 1 to 150 km/h")
        if given["hour_from"] > 23:
            findings.say(file, row, "hour_from", f"{given['hour_from']} is not 0 to 23")
        elif given["profile"] in PROFILES:
            good.append((row, given["profile"], given["road_class"], given["hour_from"]))
    for profile in sorted({one[1] for one in good}):
        first: dict[int, int] = {}  # hour → the first row that speaks of it
        rows: dict[str, dict[int, int]] = {}  # class → hour → row
        for row, of_profile, road_class, hour in good:
            if of_profile == profile:
                first.setdefault(hour, row)
                rows.setdefault(road_class, {})[hour] = row
        for road_class, given_rows in rows.items():
            if 0 not in given_rows:
                reason = f"{profile} has no speed for {road_class} before {min(given_rows)}:00: closed to it till then"
                findings.say(file, given_rows[min(given_rows)], "hour_from", reason, "add a row with hour_from 0")
        for hour, row in sorted(first.items()):
            missing = sorted(name for name, hours in rows.items() if max(hours) > 0 and hour > 0 and hour not in hours)
            if missing:
                reason = f"{profile} has no speed from {hour}:00 for {', '.join(missing)}"
                hint = "a class that changes over the day has a row in every band, else it keeps its last speed"
                findings.say(file, row, "road_class", reason, hint)


def check_accuracy(city: City, findings: Findings) -> None:
    """Report places with an accuracy that is none."""
    for row, accuracy_m in city.places["accuracy_m"].items():
        if accuracy_m < 0:
            findings.say("places.csv", row, "accuracy_m", "is below 0")
