"""`./siaga city`: a city is a folder; check it, or make the database from it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("city", help="check a city folder, or make the database from it")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="every error of a city folder at once")
    check.add_argument("folder", type=Path, metavar="DIR")
    check.add_argument("--json", action="store_true", help="for programs")
    init = actions.add_parser("init", parents=[shared], help="make (or bring up to date) the database of a city")
    init.add_argument("folder", type=Path, metavar="DIR")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check a folder (exit code 5 when something is wrong with it), or write it to the database."""
    from data.city_check import check_city
    from ops.exits import CHECK_FAILED, DONE

    findings = check_city(args.folder)
    errors = [finding for finding in findings if finding.level == "error"]
    if args.action == "check":
        if args.json:
            print(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False, indent=1))
        else:
            print("\n".join(map(str, findings)) or f"{args.folder}: nothing to mend")
        return CHECK_FAILED if errors else DONE
    if errors:
        print(f"siaga: {args.folder} is refused:", *errors, sep="\n  ", file=sys.stderr)
        return CHECK_FAILED
    return _init(args)


def _init(args: argparse.Namespace) -> int:
    from data.city import load_city
    from data.city_init import init_city
    from data.demo import seed_city
    from gis.actors import system
    from gis.db import database_now, transaction
    from ops.commands.demo import say
    from ops.exits import DONE, REFUSED, CommandFailed
    from ops.preparation import engine_of, finish
    from ops.session import open_database
    from ops.state import State, write_private

    state = State.at(args.state)
    if state.path.exists() and state.kind() == "demo":
        raise CommandFailed(REFUSED, f"{state.path} holds a demo; choose another state folder")
    city = load_city(args.folder)
    with open_database(state) as database:
        database.prepare()
        with engine_of(database) as engine:
            # An empty database also gets the basemap and, where the folder describes one, a synthetic road network.
            seed_city(engine, args.folder, state=state.path, progress=say)
            with transaction(engine) as tx:
                init_city(tx, city, system("city init"), database_now(tx))
        write_private(state.kind_file, {"kind": "city"})
        finish(database, say)
    print(f"{args.folder}: the database in {state.path} is this city's; start it with ./siaga up")
    return DONE
