"""`./siaga bench`: our figures beside those of what a user would use instead."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("bench", help="benchmarks: size, ours, the peers, ratio")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE as well")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and do nothing else")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the benchmarks and print their table."""
    from ops import bench

    there = bench.available()
    if args.list:
        print("\n".join(there))
        return 0
    unknown = [name for name in args.names if name not in there]
    if unknown:
        from ops.exits import USAGE, CommandFailed

        raise CommandFailed(USAGE, f"no benchmark {', '.join(unknown)}; there are {', '.join(there) or 'none'}")
    if args.json:
        from ops.arguments import file_to_write

        file_to_write(args.json, "--json")
    return bench.run(args.names or there, args.json)
