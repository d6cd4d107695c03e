"""`./siaga demo`: the demo city, running, from nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ops.arguments import port
from ops.exits import USAGE, CommandFailed
from ops.ports import API_PORT, PAGES_PORT


def add_start_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `demo` and `up` share."""
    parser.add_argument("--detach", action="store_true", help="return when every part is well")
    parser.add_argument(
        "--port", type=port, default=PAGES_PORT, metavar="N", help="TCP port of the pages (default %(default)s)"
    )
    parser.add_argument(
        "--api-port", type=port, default=API_PORT, metavar="N", help="TCP port of the API (default %(default)s)"
    )


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("demo", parents=[shared], help="run the demo city on a private database")
    add_start_options(parser)
    parser.add_argument("--city", type=Path, metavar="DIR", help="city folder (default: data/cities/kendari)")
    parser.add_argument("--fresh", action="store_true", help="drop the demo's state first")
    parser.add_argument("--yes", action="store_true", help="do not ask before dropping")
    parser.set_defaults(run=run)


def say(line: str) -> None:
    """Print one line of progress."""
    print(f"siaga: {line}", file=sys.stderr, flush=True)


def run(args: argparse.Namespace) -> int:
    """Start the demo; exit code 0 when it runs (or ran already) and, in the foreground, was stopped cleanly."""
    from ops import demo, running
    from ops.database import Database
    from ops.exits import REFUSED
    from ops.parts import Layout
    from ops.preparation import finish
    from ops.state import State

    state = State.at(args.state)
    folder = (args.city or demo.CITY).resolve()
    if not (folder / "city.toml").is_file():
        raise CommandFailed(USAGE, f"--city {folder}: no city.toml there")
    if state.path.exists() and state.kind() == "city":
        raise CommandFailed(REFUSED, f"{state.path} belongs to a real city; start it with ./siaga up")
    if args.fresh:
        _drop(state, args)

    def prepare(database: Database) -> None:
        demo.prepare(database, folder, say)
        finish(database, say)

    def announce() -> None:
        run_info = state.run_info() or {"pages": "?", "api": "?"}
        print(demo.describe(state, run_info["pages"], run_info["api"]), flush=True)
        if not args.detach:
            print("\nCtrl+C stops everything.", flush=True)

    layout = Layout(pages_port=args.port, api_port=args.api_port, is_demo=True)
    if not args.detach:
        running.log_to_terminal()
    return running.start(state, layout, prepare=prepare, is_detached=args.detach, announce=announce, say=say)


def _drop(state, args: argparse.Namespace) -> None:  # type: ignore[no-untyped-def]
    from ops import demo, ports, running

    if not state.path.exists():
        return
    demo.require_demo(state)
    # Without a terminal nobody could answer; a demo's data are synthetic, and a real city's were refused above.
    if not args.yes and sys.stdin is not None and sys.stdin.isatty():
        print(f"Drop everything in the demo {state.path}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes", "ya"):
            raise CommandFailed(USAGE, "nothing was dropped")
    running.stop(state)
    # A start that fails for a port must not have cost the data.
    ports.require_free({"--port": args.port, "--api-port": args.api_port})
    demo.drop(state)
    say(f"dropped the demo in {state.path}")
