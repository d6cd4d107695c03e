"""`./siaga match`: the jurisdiction of every point of a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

# Lines of a list that are printed.
SHOWN = 20


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("match", parents=[shared], help="jurisdiction of every point of a file")
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV (lon, lat), GeoParquet, GeoPackage or GeoJSON")
    parser.add_argument("--service", required=True, metavar="S", help="such as police")
    parser.add_argument("--at", metavar="TIME", help="moment the boundaries must be in force; ISO 8601 with offset")
    parser.add_argument("--compare", metavar="COLUMN", help="the file's own column of agencies or jurisdictions")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="its ending chooses the format")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Match the file and print how many rows got which answer."""
    from sqlalchemy import select

    from data.matching_files import match_file, require_writable_kind
    from gis.db import database_now, transaction
    from gis.errors import ValueRefused
    from ops.arguments import file_to_read, file_to_write, moment
    from ops.session import open_engine
    from ops.state import State
    from zones.tables import service

    at = moment(args.at, "--at")
    file_to_read(args.file, "FILE")
    require_writable_kind(args.out)
    file_to_write(args.out, "--out", source=args.file)
    with open_engine(State.at(args.state), for_reading=True) as engine, transaction(engine) as tx:
        known = tx.execute(select(service.c.service_code).order_by(service.c.service_code)).scalars().all()
        if args.service not in known:
            raise ValueRefused.of("--service", f"the city has no service {args.service}", f"one of {', '.join(known)}")
        counts = match_file(
            tx, args.file, service=args.service, out=args.out, at=at, now=database_now(tx), compare=args.compare
        )
    n, number, comparison = counts.pop("n"), counts.pop("boundary_set"), counts.pop("comparison", None)
    parts = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{n} points, boundary set {number}: {parts or 'none'} → {args.out}")
    if comparison is not None:
        print_comparison(args.compare, comparison)
    return 0


def print_comparison(column: str, comparison: dict[str, Any]) -> None:
    """Print how many rows agree, what names were taken for, and the most frequent differences."""
    said = {"n_equal": "agree", "n_different": "differ", "n_unknown": "name nobody", "n_empty": "say nothing"}
    counts = ", ".join(f"{comparison[name]} {words}" for name, words in said.items())
    print(f"column {column} names {comparison['kind']}s: {counts}")
    taken = [(name, code) for name, code in comparison["names"].items() if name != code]
    for title, lines in (
        ("taken for", [f"{name} → {code}" for name, code in taken]),
        ("differences", [f"{n} × {one} → {two}" for one, two, n in comparison["differences"]]),
    ):
        if lines:
            print(f"{title}:")
            for line in lines[:SHOWN]:
                print(f"  {line}")
            if len(lines) > SHOWN:
                print(f"  … {len(lines) - SHOWN} more")
