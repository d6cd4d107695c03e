"""`./siaga down`: stop everything that runs in a state folder."""

from __future__ import annotations

import argparse


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("down", parents=[shared], help="stop everything")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Stop the processes; that nothing ran is no error."""
    from ops.running import stop
    from ops.state import State

    state = State.at(args.state)
    stopped = stop(state)
    print(f"stopped {', '.join(stopped)}" if stopped else f"nothing runs with {state.path}")
    return 0
