"""`./siaga matrix`: the drive from every place of one file to every place of another."""

from __future__ import annotations

import argparse
from pathlib import Path

from ops.arguments import whole

KINDS = "CSV (id, lon, lat), GeoParquet, GeoPackage or GeoJSON"


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("matrix", parents=[shared], help="travel times between the places of two files")
    parser.add_argument("--origins", required=True, type=Path, metavar="FILE", help=KINDS)
    parser.add_argument("--destinations", required=True, type=Path, metavar="FILE", help="the same")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="its ending chooses the format")
    parser.add_argument(
        "--profile", default="car", metavar="P", help="vehicle, such as ambulance (default %(default)s)"
    )
    parser.add_argument("--hour", type=whole(0, 23), metavar="H", help="hour of the city's day (default now)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the matrix and print how many pairs got which estimate."""
    from data.matching_files import require_writable_kind
    from data.matrix_files import matrix_file, roads
    from gis.city import read_city
    from gis.db import database_now, transaction
    from ops.arguments import file_to_read, file_to_write
    from ops.session import open_engine
    from ops.state import State
    from routing_engine.dispatch.fields import fields_folder
    from routing_engine.network.calibration_store import load_calibrations

    file_to_read(args.origins, "--origins")
    file_to_read(args.destinations, "--destinations")
    require_writable_kind(args.out)
    for source in (args.origins, args.destinations):
        file_to_write(args.out, "--out", source=source)
    state = State.at(args.state)
    with open_engine(state, for_reading=True) as engine, transaction(engine) as tx:
        hour = read_city(tx).hour_of(database_now(tx)) if args.hour is None else args.hour
        graph = roads(tx, fields_folder(state.path), profile=args.profile, hour=hour)
        calibration = load_calibrations(tx).get(args.profile)
    counts = matrix_file(graph, args.origins, args.destinations, out=args.out, calibration=calibration, hour=hour)
    if graph is None:
        print("no roads are loaded: every row is the straight-line estimate (./siaga import roads --help)")
    parts = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    made = "not calibrated" if calibration is None else f"calibration {calibration.calibration_id}"
    print(f"{sum(counts.values())} pairs by {args.profile} at {hour:02d}:00, {made}: {parts} → {args.out}")
    return 0
