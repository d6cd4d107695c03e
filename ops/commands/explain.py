"""`./siaga explain`: who is responsible at a place, for every service, and why."""

from __future__ import annotations

import argparse
import json
from typing import Any


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the two coordinates."""
    parser.add_argument("lon", metavar="LON", help="degrees east")
    parser.add_argument("lat", metavar="LAT", help="degrees north (south is negative)")


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("explain", parents=[shared], help="who is responsible at a place, and why")
    add_place(parser)
    parser.add_argument("--type", metavar="T", help="only what this type of incident needs, with stations")
    parser.add_argument(
        "--accuracy", default="0", metavar="M", help="radius in which the place may lie, metres, 0 to 5000 (default 0)"
    )
    parser.add_argument("--at", metavar="TIME", help="moment the boundaries must be in force; ISO 8601 with offset")
    parser.add_argument(
        "--language", choices=["en", "id"], default="en", help="of sentences and reasons (default %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print who is responsible; writes nothing."""
    from gis.db import transaction
    from ops.arguments import metres, moment, place
    from ops.session import open_engine
    from ops.state import State
    from routing_engine.dispatch.context import Context
    from routing_engine.dispatch.explaining import explain

    state = State.at(args.state)
    lon, lat = place(args.lon, args.lat)
    at, accuracy_m = moment(args.at, "--at"), metres(args.accuracy, "--accuracy")
    with open_engine(state, for_reading=True) as engine, transaction(engine) as tx:
        now = Context(state.path).current(tx)
        answer = explain(tx, now, lon, lat, type_code=args.type, accuracy_m=accuracy_m, at=at, language=args.language)
    print(json.dumps(answer, ensure_ascii=False, indent=1, default=str) if args.json else describe(answer))
    return 0


def describe(answer: dict[str, Any]) -> str:
    """Return the answer as lines for the terminal."""
    where = "inside" if answer["in_service_area"] else "outside"
    lines = [
        f"{answer['lon']}, {answer['lat']} ± {answer['accuracy_m']:g} m, {where} the service area, at {answer['at']}"
    ]
    for level in ("kelurahan", "kecamatan"):
        areas = [f"{area['name']} {area['share']:.0%}" for area in answer["admin"].get(level, [])]
        lines.append(f"  {level}: {', '.join(areas) or '-'}")
    for why, services in _nobodys(answer).items():
        lines += [f"  nobody: {', '.join(services)}", *([f"      {why}"] if why else [])]
    for one in answer["answers"]:
        if one["agency"] is None:
            continue
        jurisdiction = (one.get("jurisdiction") or {}).get("name", "")
        lines.append(f"  {one['service']:<20} {one['agency'] or '-':<5} {one['match']:<10} {jurisdiction}".rstrip())
        if one.get("why"):
            lines.append(f"      {one['why']}")
        if one.get("detour"):
            lines.append(f"      {one['detour']['why']}")
        if one.get("station"):
            lines.append(f"      {one['station']['name']} {reach(one)}".rstrip())
    lines += question_lines(answer)
    if answer.get("handoff"):
        lines.append(f"  hand-off: {answer['handoff'].get('government')}, {answer['handoff'].get('number')}")
    return "\n".join(lines)


def _nobodys(answer: dict[str, Any]) -> dict[str | None, list[str]]:
    """Return the services without an agency by the sentence that says why: far away they are all."""
    found: dict[str | None, list[str]] = {}
    for one in answer["answers"]:
        if one["agency"] is None:
            found.setdefault(one.get("why"), []).append(one["service"])
    return found


def reach(one: dict[str, Any]) -> str:
    """Return how long the station's drive takes, and what stands behind the figure; nothing where none is known."""
    if one["travel_time_s"] is None:
        return ""
    minutes = f"{one['travel_time_s'] / 60:.1f} min"
    where = "" if one.get("access_m") is None else f", arrives on {arrival(one)}"
    if one.get("travel_time_p90_s") is None:
        return f"{minutes} ({one['estimate']}, not calibrated){where}"
    return f"{minutes}, P90 {one['travel_time_p90_s'] / 60:.1f} min ({one['estimate']}){where}"


def arrival(one: dict[str, Any]) -> str:
    """Return the street on which the drive ends, and how far the place is from it; a dash without a drive by road."""
    if one["access_m"] is None:
        return "-"
    return f"{one['street'] or 'a street without a name'}, {one['access_m']:.0f} m away"


def question_lines(answer: dict[str, Any]) -> list[str]:
    """Return the question that tells two jurisdictions apart, with whose each answer makes it; nothing without one."""
    question = answer.get("question")
    if not question:
        return []
    return [
        f"  ask: {question['text']}",
        *(f"      {option['place']}: {option['name']} ({option['jurisdiction']})" for option in question["options"]),
    ]
