"""`./siaga up`: the processes of a configured city."""

from __future__ import annotations

import argparse

from ops.commands.demo import add_start_options, say


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("up", parents=[shared], help="run a configured city")
    add_start_options(parser)
    parser.add_argument("--systemd", action="store_true", help="print systemd units and do nothing else")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Start the city of this state folder."""
    from ops import running
    from ops.database import Database
    from ops.parts import Layout
    from ops.preparation import finish
    from ops.state import State
    from ops.systemd import units

    state = State.at(args.state)
    if args.systemd:
        print(units(state, pages_port=args.port, api_port=args.api_port), end="")
        return 0

    def prepare(database: Database) -> None:
        _require_city(database)
        finish(database, say)

    def announce() -> None:
        run_info = state.run_info() or {"pages": "?", "api": "?"}
        print(f"Siaga runs.  Pages: {run_info['pages']}   API: {run_info['api']}/docs", flush=True)

    layout = Layout(pages_port=args.port, api_port=args.api_port, is_demo=state.kind() == "demo")
    if not args.detach:
        running.log_to_terminal()
    return running.start(state, layout, prepare=prepare, is_detached=args.detach, announce=announce, say=say)


def _require_city(database) -> None:  # type: ignore[no-untyped-def]
    from sqlalchemy import func, select

    from gis.db import make_engine, transaction
    from gis.tables import city
    from ops.exits import REFUSED, CommandFailed

    engine = make_engine(database.settings(), application="up")
    try:
        with transaction(engine) as tx:
            n_cities = tx.execute(select(func.count()).select_from(city)).scalar_one()
    finally:
        engine.dispose()
    if not n_cities:
        raise CommandFailed(REFUSED, "the database holds no city yet; make it with ./siaga city init DIR")
