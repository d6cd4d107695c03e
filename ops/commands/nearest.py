"""`./siaga nearest`: stations by road travel time, beside their order by straight line."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ops.arguments import whole
from ops.commands.explain import add_place, arrival

NOT_CALIBRATED = "times without P90 are not calibrated (belum dikalibrasi): assumed speeds, see docs/travel-times.md"


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("nearest", parents=[shared], help="stations of a service by road travel time")
    add_place(parser)
    parser.add_argument("--service", required=True, metavar="S", help="such as fire")
    parser.add_argument(
        "--limit", type=whole(1, 1000), default=3, metavar="N", help="how many stations (default %(default)s)"
    )
    parser.add_argument("--hour", type=whole(0, 23), metavar="H", help="hour of the city's day (default now)")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the nearest stations; writes nothing."""
    from gis.db import transaction
    from gis.errors import ValueRefused
    from ops.arguments import place
    from ops.session import open_engine
    from ops.state import State
    from routing_engine.dispatch.context import Context
    from routing_engine.dispatch.detours import detour
    from routing_engine.dispatch.stations import nearest

    state = State.at(args.state)
    lon, lat = place(args.lon, args.lat)
    with open_engine(state, for_reading=True) as engine, transaction(engine) as tx:
        moment = Context(state.path).current(tx)
        snapshot = moment.snapshot
        if args.service not in snapshot.services:
            known = ", ".join(snapshot.services)
            raise ValueRefused.of("--service", f"the city has no service {args.service}", f"one of {known}")
        hour = snapshot.city.hour_of(moment.now) if args.hour is None else args.hour
        found = nearest(snapshot, lon, lat, args.service, args.limit, hour=hour)
        around = detour(tx, snapshot, (lon, lat), service=args.service, hour=hour, language="en")
    answer = {"hour": hour, "stations": found, "detour": around}
    print(json.dumps(answer, ensure_ascii=False, indent=1) if args.json else describe(found, around))
    return 0


def minutes(seconds: float) -> str:
    """Return a travel time as people say it: minutes, and from two hours on hours."""
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def describe(found: list[dict[str, Any]], around: dict[str, Any] | None = None) -> str:
    """Return the stations as lines for the terminal."""
    if not found:
        return "no station of this service"
    head = f"{'':>2} {'station':<34} {'drive':>10} {'P90':>9} {'metres':>8}  {'estimate':<14} {'straight line':<15}"
    lines = [f"{head} arrives on"]
    for rank, one in enumerate(found, 1):
        seconds, metres = one["travel_time_s"], one["distance_m"]
        time = "-" if seconds is None else ("~" if one["estimate"] == "straight_line" else "") + minutes(seconds)
        late = "-" if one["travel_time_p90_s"] is None else minutes(one["travel_time_p90_s"])
        length = "-" if metres is None else f"{metres:.0f}"
        straight = f"{one['straight_line_m']:.0f} m ({one['straight_line_rank']}.)"
        row = f"{rank:>2} {one['name']:<34} {time:>10} {late:>9} {length:>8}  {one['estimate']:<14} {straight:<15}"
        lines.append(f"{row} {arrival(one)}")
    if around:
        lines.append(around["why"])
    if any(one["estimate"] == "straight_line" for one in found):
        lines.append("~ no road is near: estimated from the straight line")
    if any(one["travel_time_s"] is not None and one["calibration"] == "none" for one in found):
        lines.append(NOT_CALIBRATED)
    return "\n".join(lines)
