"""`./siaga report`: one report through the whole path."""

from __future__ import annotations

import argparse
import json
import uuid

from ops.arguments import whole
from ops.commands.explain import question_lines, reach


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("report", parents=[shared], help="send one report through the whole path")
    parser.add_argument("--lon", required=True, metavar="X", help="degrees east")
    parser.add_argument("--lat", required=True, metavar="Y", help="degrees north (south is negative)")
    parser.add_argument("--type", required=True, metavar="T", help="incident type, such as KAM1")
    parser.add_argument(
        "--accuracy", metavar="M", help="radius in which the place may lie, metres, 0 to 5000 (default 0)"
    )
    parser.add_argument("--text", metavar="TEXT", help="what happened")
    parser.add_argument("--severity", type=whole(1, 4), metavar="N", help="1 (worst) to 4")
    parser.add_argument("--facts", metavar="JSON", help='such as {"n_victims": 2, "hazards": ["fire"]}')
    parser.add_argument("--drill", action="store_true", help="a drill: shown as one everywhere, sent to no webhook")
    parser.add_argument("--key", metavar="K", help="idempotency key: the same key and report is stored once")
    parser.add_argument(
        "--language", choices=["en", "id"], default="en", help="of sentences and reasons (default %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="the API's answer as it is")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the report to the running API and print its answer."""
    from gis.errors import ValueRefused
    from ops.client import call
    from ops.state import State

    body = {"type": args.type, "lon": _number(args.lon), "lat": _number(args.lat), "channel": "112"}
    body |= {"accuracy_m": _number(args.accuracy)} if args.accuracy is not None else {}
    body |= {"description": args.text.strip()} if args.text is not None else {}
    body |= {"severity": args.severity} if args.severity is not None else {}
    body |= {"drill": True} if args.drill else {}
    if args.facts is not None:
        try:
            body["facts"] = json.loads(args.facts)
        except ValueError as error:
            raise ValueRefused.of("--facts", f"not JSON ({error})", 'write it as {"n_victims": 2}') from None
    key = f"cli-{uuid.uuid4()}" if args.key is None else args.key
    if not 0 < len(key) <= 255 or not (key.isascii() and key.isprintable()):
        # A key of its own instead would store the report a second time.
        raise ValueRefused.of("--key", "not a key", "write 1 to 255 printable ASCII characters, or leave it out")
    headers = {"Idempotency-Key": key, "Accept-Language": args.language}
    answer = call(State.at(args.state), "POST", "/v1/reports", body=body, headers=headers)
    print(json.dumps(answer, ensure_ascii=False, indent=1) if args.json else describe(answer))
    return 0


def _number(text: str) -> float | str:
    """Return a number if it is one; anything else goes to the API as text, whose refusal says how to mend it."""
    try:
        value = float(text)
    except ValueError:
        return text.strip()
    # JSON has no NaN or infinity.
    return value if abs(value) < float("inf") else text.strip()


def describe(answer: dict) -> str:  # type: ignore[type-arg]
    """Return the answer as lines for the terminal."""
    if answer.get("incident_id") is None:
        return f"report {answer['report_id']}: {answer['classification']}, no incident"
    lines = [
        f"{answer['number']}  {answer.get('status_label') or answer['status']}"
        f"  lane {answer['lane']}  severity {answer['severity']}" + ("  DRILL" if answer.get("drill") else "")
    ]
    areas = [f"{area['name']} {area['share']:.0%}" for area in answer["admin"]["kelurahan"]]
    lines.append("  kelurahan: " + (", ".join(areas) or "none"))
    for one in answer["assignments"]:
        station = one["station"]["name"] if one.get("station") else ""
        lines.append(f"  {one['role']:<8}{one['agency'] or '-':<5} {one['match']:<10} {station} {reach(one)}".rstrip())
        lines.append(f"          {one['why']}")
    lines += question_lines(answer)
    if answer.get("handoff"):
        lines.append(f"  hand-off: {answer['handoff']['government']}, {answer['handoff']['number']}")
    return "\n".join(lines)
