"""`./siaga import roads`: the road network from an OpenStreetMap extract."""

from __future__ import annotations

import argparse
from typing import Any


def register(kinds: Any, every: argparse.ArgumentParser) -> None:
    """Add the kind to `./siaga import`."""
    parser = kinds.add_parser("roads", parents=[every], help="streets of an .osm.pbf; all or nothing")
    parser.add_argument(
        "--clip",
        metavar="AREA",
        help="west,south,east,north, a file of polygons, or none; else the city's box with a margin",
    )
    parser.add_argument("--ferries", action="store_true", help="take car ferries for streets")
    parser.add_argument("--no-basemap", action="store_true", help="leave the drawn map as it is")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read and check the file, then write it in one transaction unless it is a dry run."""
    from data.import_roads import prepare, write
    from gis.city import read_city
    from gis.db import database_now, transaction
    from ops.arguments import file_to_read, file_to_write
    from ops.commands.import_ import print_report
    from ops.exits import DONE, REFUSED
    from ops.session import open_engine
    from ops.state import State

    file_to_read(args.file, "FILE")
    if args.report:
        file_to_write(args.report, "--report", source=args.file)
    with open_engine(State.at(args.state)) as engine:
        with transaction(engine) as tx:
            city = read_city(tx)
        # Reading takes long and needs no database: no transaction is open meanwhile.
        prepared = prepare(
            args.file,
            city,
            clip=args.clip,
            with_ferries=args.ferries,
            with_basemap=not args.no_basemap,
            dry_run=args.dry_run,
        )
        with transaction(engine) as tx:
            report = write(tx, prepared, actor="import", now=database_now(tx))
            if args.report:
                # Before the commit: a report that cannot be kept takes the import with it.
                report.save(args.report)
    print_report(report)
    seconds = ", ".join(f"{part} {value:.1f} s" for part, value in report.details["seconds"].items())
    print(f"{seconds}; {report.details['peak_memory_mb']} MB at most")
    return REFUSED if report.is_refused else DONE
