"""`./siaga doctor`: every promise that can be checked on a running system."""

from __future__ import annotations

import argparse
import json


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("doctor", parents=[shared], help="check every promise that can be checked")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print each check; exit code 5 when one failed."""
    from ops.doctor import examine
    from ops.exits import CHECK_FAILED, DONE, REFUSED, CommandFailed
    from ops.session import open_database
    from ops.state import State

    state = State.at(args.state)
    if not state.exists():
        raise CommandFailed(REFUSED, f"{state.path} holds no installation; make one with ./siaga demo")
    with open_database(state) as database:
        found = examine(database)
    has_failed = any(not check.holds for check in found)
    if args.json:
        print(json.dumps({"ok": not has_failed, "checks": [check.as_dict() for check in found]}, indent=1))
    else:
        for check in found:
            print(f"{'ok  ' if check.holds else 'FAIL'} {check.name:<26} {check.detail}".rstrip())
            if not check.holds and check.hint:
                print(f"     {check.hint}")
    return CHECK_FAILED if has_failed else DONE
