"""`./siaga import`: boundaries, administrative areas, stations and roads from files; checked, then written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.arguments import whole
from ops.commands import import_roads

SHOWN = 20


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("import", help="boundaries, areas, stations, roads from files")
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    every = argparse.ArgumentParser(add_help=False, parents=[shared])
    every.add_argument("file", type=Path, metavar="FILE")
    every.add_argument("--dry-run", action="store_true", help="check only, write nothing")
    every.add_argument("--report", type=Path, metavar="FILE.json", help="write every finding there")
    polygons = argparse.ArgumentParser(add_help=False, parents=[every])
    polygons.add_argument("--name-field", metavar="F", help="column with the name (else name or nama)")
    polygons.add_argument("--code-field", metavar="F", help="column with the code (else code or kode)")
    polygons.add_argument("--crs", metavar="EPSG:N", help="for a file that names none")
    polygons.add_argument("--report-map", type=Path, metavar="FILE.geojson", help="draw every finding there")
    polygons.add_argument("--reference", type=Path, metavar="FILE", help="a layer whose names are compared by code")
    polygons.add_argument("--reference-code-field", metavar="F", help="its column of codes (else the best fitting)")
    polygons.add_argument("--reference-name-field", metavar="F", help="its column of names (else name or nama)")
    polygons.add_argument(
        "--propose-repair", type=Path, metavar="OUT", help="write a repaired layer (.geojson, .gpkg) and nothing else"
    )
    polygons.add_argument("--snap-to", metavar="REF", help="move borders onto those of a file, or of kelurahan")
    polygons.add_argument("--tolerance-m", metavar="M", help="how far a repair may reach from a border (default 10)")

    areas = kinds.add_parser("admin-areas", parents=[polygons], help="kecamatan or kelurahan; all or nothing")
    areas.add_argument("--level", required=True, metavar="L", help="kecamatan, kelurahan or water")
    areas.add_argument(
        "--parent-field", metavar="F", help="column with the code of the kecamatan (else parent_code, else by place)"
    )

    boundaries = kinds.add_parser(
        "boundaries", parents=[polygons], help="who serves where: the whole set of an agency's service; all or nothing"
    )
    boundaries.add_argument("--agency", required=True, metavar="A")
    boundaries.add_argument("--service", required=True, metavar="S")
    boundaries.add_argument(
        "--priority", type=whole(1, 10_000), default=100, metavar="N", help="1 wins (default %(default)s)"
    )
    boundaries.add_argument("--valid-from", metavar="D", help="date (midnight in the city) or time; default now")
    boundaries.add_argument("--keep-others", action="store_true", help="leave jurisdictions the file does not name")

    import_roads.register(kinds, every)

    stations = kinds.add_parser("stations", parents=[every], help="stations; the good rows go in")
    stations.add_argument("--strict", action="store_true", help="exit 1 if one row was refused")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the file and, unless it is a dry run, write it in one transaction."""
    from gis.db import database_now, transaction
    from ops.arguments import file_to_read, file_to_write
    from ops.exits import DONE, REFUSED
    from ops.session import open_engine
    from ops.state import State

    file_to_read(args.file, "FILE")
    for option in ("report", "report_map", "propose_repair"):
        if getattr(args, option, None):
            file_to_write(getattr(args, option), "--" + option.replace("_", "-"), source=args.file)
    if getattr(args, "propose_repair", None):
        from ops.commands import import_repair

        return import_repair.run(args)
    with open_engine(State.at(args.state)) as engine, transaction(engine) as tx:
        report = _import_of(args.kind)(tx, args, database_now(tx))
        if args.dry_run or report.is_refused:
            tx.rollback()
        if args.report:
            # Before the commit: a report that cannot be kept (a full disk) takes the import with it.
            report.save(args.report)
        if getattr(args, "report_map", None):
            report.save_map(args.report_map)
    print_report(report)
    is_strict = getattr(args, "strict", False)
    return REFUSED if report.is_refused or (is_strict and report.errors) else DONE


def _import_of(kind: str) -> Callable[[Any, argparse.Namespace, datetime], Any]:
    return {"admin-areas": _areas, "boundaries": _boundaries, "stations": _stations}[kind]


def _areas(tx: Any, args: argparse.Namespace, now: datetime) -> Any:
    from data.import_areas import import_areas

    return import_areas(
        tx,
        args.file,
        level=args.level,
        name_field=args.name_field,
        code_field=args.code_field,
        parent_field=args.parent_field,
        reference=reference_of(args),
        assume_crs=args.crs,
        dry_run=args.dry_run,
        actor="import",
        now=now,
    )


def _boundaries(tx: Any, args: argparse.Namespace, now: datetime) -> Any:
    from data.import_boundaries import import_boundaries
    from gis.city import read_city

    return import_boundaries(
        tx,
        args.file,
        agency=args.agency,
        service=args.service,
        name_field=args.name_field,
        code_field=args.code_field,
        priority=args.priority,
        valid_from=in_city(args.valid_from, read_city(tx).time_zone),
        keep_others=args.keep_others,
        reference=reference_of(args),
        assume_crs=args.crs,
        dry_run=args.dry_run,
        actor="import",
        now=now,
    )


def _stations(tx: Any, args: argparse.Namespace, now: datetime) -> Any:
    from data.import_stations import import_stations

    return import_stations(tx, args.file, dry_run=args.dry_run, actor="import", now=now)


def reference_of(args: argparse.Namespace) -> Any:
    """Return the layer whose names are compared, `None` if none was named."""
    from data.polygon_review import Reference
    from data.vector_files import read_polygons
    from ops.arguments import file_to_read

    if args.reference is None:
        return None
    file_to_read(args.reference, "--reference")
    return Reference(
        layer=read_polygons(args.reference, assume_crs=args.crs),
        name=args.reference.name,
        code_field=args.reference_code_field,
        name_field=args.reference_name_field,
    )


def in_city(text: str | None, zone: Any) -> datetime | None:
    """Return a moment; a date, or a time without an offset, is meant in the city."""
    from gis.errors import ValueRefused

    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "write 2026-01-01 or 2026-01-01T06:00:00+08:00"
        raise ValueRefused.of("--valid-from", str(error), hint) from None
    return value if value.tzinfo else value.replace(tzinfo=zone)


def print_findings(findings: Any, stream: Any = None) -> None:
    """Print the first findings: what refuses comes before what is only odd."""
    stream = stream or sys.stderr
    for finding in sorted(findings, key=lambda finding: finding.level != "error")[:SHOWN]:
        print(f"  {'warning: ' if finding.level == 'warning' else ''}{finding}", file=stream)
    if len(findings) > SHOWN:
        print(f"  … and {len(findings) - SHOWN} more; --report FILE.json has all", file=stream)


def print_report(report: Any) -> None:
    """Print the first findings, and what was written."""
    print_findings(report.findings)
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items()) or "nothing"
    verb = "refused; nothing was written" if report.is_refused else "would write" if report.is_dry_run else "wrote"
    print(f"{report.file}: {verb}" + ("" if report.is_refused else f" {counts}"))
