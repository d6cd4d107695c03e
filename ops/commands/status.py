"""`./siaga status`: every part, its health, age and version."""

from __future__ import annotations

import argparse
import json


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("status", parents=[shared], help="every part: health, age, version")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the status; exit code 0 when it runs, 3 when it does not or a part is not well."""
    from ops.exits import DONE, NOT_RUNNING
    from ops.state import State
    from ops.status import look

    found = look(State.at(args.state))
    if args.json:
        print(json.dumps(found.as_dict(), indent=1))
    else:
        where = f"   pages {found.pages}   API {found.api}" if found.is_running else ""
        print(f"{'running' if found.is_running else 'not running'} with {found.state}{where}")
        for part in found.parts:
            health = "well" if part.is_well else "not well"
            process = f"pid {part.pid}" if part.pid else ""
            line = f"  {part.name:<11}{health:<9} {age(part.age_s):>9}  {process:<12} {part.version}  {part.detail}"
            print(line.rstrip())
    return DONE if found.is_well else NOT_RUNNING


def age(seconds: float | None) -> str:
    """Return an age as people say it."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
