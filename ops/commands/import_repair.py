"""`./siaga import … --propose-repair OUT`: a repaired layer to look at, and nothing in the database."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

SHOWN = 15


def run(args: argparse.Namespace) -> int:
    """Propose a repair, judge it as an import would, and say what it changes."""
    from data.polygon_repair import DEFAULT_TOLERANCE_M, propose_repair, require_tolerance, require_writable_kind
    from data.polygon_review import review
    from gis.db import database_now, transaction
    from ops.arguments import number
    from ops.commands.import_ import print_findings, reference_of
    from ops.exits import DONE, REFUSED
    from ops.session import open_engine
    from ops.state import State

    require_writable_kind(args.propose_repair)
    tolerance_m = (
        DEFAULT_TOLERANCE_M if args.tolerance_m is None else number(args.tolerance_m, "--tolerance-m", example="10")
    )
    require_tolerance(tolerance_m)
    reference = reference_of(args)
    fields = fields_of(args)
    with open_engine(State.at(args.state)) as engine, transaction(engine) as tx:
        scope = scope_of(tx, args, database_now(tx))
        snap_to = layer_of(tx, args.snap_to, args.crs)
        tx.rollback()  # read only: whatever happens below, the database is as it was
    before = review(args.file, scope, fields=fields, reference=reference, assume_crs=args.crs)
    made = propose_repair(
        args.file, scope, tolerance_m=tolerance_m, snap_to=snap_to, fields=fields, assume_crs=args.crs
    )
    after = None
    if made.layer is not None:
        made.save(args.propose_repair)
        after = review(args.propose_repair, scope, fields=fields, reference=reference, assume_crs=None)
    if args.report:
        document = before.as_dict() | {"repair": made.as_dict(), "after": None if after is None else after.as_dict()}
        if after is None:
            document["repair"] = None
            document["findings"] += [finding.as_dict() for finding in made.findings]
        args.report.write_text(json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n")
    if args.report_map:
        from data.polygon_findings import draw, save_map

        save_map(args.report_map, draw(before.findings))
    if after is None:
        print_findings(made.findings)
        print(f"{args.file}: no repair can be proposed; nothing was written")
        return REFUSED
    print_repair(args.propose_repair, before, made, after)
    return DONE


def fields_of(args: argparse.Namespace) -> Any:
    """Return the columns that were chosen."""
    from data.polygon_table import Fields

    return Fields(code=args.code_field, name=args.name_field, parent=getattr(args, "parent_field", None))


def scope_of(tx: Any, args: argparse.Namespace, now: Any) -> Any:
    """Return what the file is judged against."""
    from data.import_areas import area_scope
    from data.import_boundaries import Target, boundary_scope
    from gis.city import read_city
    from ops.commands.import_ import in_city

    city = read_city(tx)
    if args.kind == "admin-areas":
        return area_scope(tx, city, args.level)
    target = Target(
        agency=args.agency,
        service=args.service,
        priority=args.priority,
        start=in_city(args.valid_from, city.time_zone) or now,
        keep_others=args.keep_others,
    )
    return boundary_scope(tx, city, target)


def layer_of(tx: Any, name: str | None, crs: str | None) -> Any:
    """Return the layer to snap to: a level of the city's own areas, or a file; `None` if none was named."""
    from data.city_areas import LEVELS
    from data.import_areas import areas_of
    from data.vector_files import VectorFile, read_polygons
    from ops.arguments import file_to_read

    if name is None:
        return None
    if name in LEVELS:
        return VectorFile(frame=areas_of(tx, name), crs="EPSG:4326", findings=())
    return read_polygons(file_to_read(Path(name), "--snap-to"), assume_crs=crs)


def print_repair(out: Path, before: Any, made: Any, after: Any) -> None:
    """Print what the repair changes, and what it leaves."""
    from ops.commands.import_ import print_findings

    changed = made.as_dict()["changes"]
    for row in sorted(changed, key=lambda row: -(row["gained_m2"] + row["lost_m2"]))[:SHOWN]:
        mended = ", rings mended" if row["mended"] else ""
        print(
            f"  row {row['row']} {row['code']} {row['name']}: +{row['gained_m2']:,.1f} m², -{row['lost_m2']:,.1f} m²,"
            f" at most {row['moved_m']:g} m from an old border{mended}"
        )
    if len(changed) > SHOWN:
        print(f"  … and {len(changed) - SHOWN} more; --report FILE.json has all")
    figures, points = made.figures, made.figures["border_points"]
    print(
        f"{len(changed)} of {figures['rows']} polygons change; {figures['owner_changed_m2']:,.0f} m² get another owner,"
        f" all of it within {figures['owner_changes_within_m']:g} m of an old border"
        f" ({points['changed']} of {points['n']} points beside old borders)"
    )
    kinds = sorted(set(before.counts) | set(after.counts))
    found = ", ".join(f"{kind} {before.counts.get(kind, 0)} → {after.counts.get(kind, 0)}" for kind in kinds)
    print(f"findings before → after: {found or 'none'}; borders meet: {'yes' if after.coverage['is_valid'] else 'no'}")
    if after.is_refused:
        print_findings([finding for finding in after.findings if finding.level == "error"], stream=sys.stdout)
    print(f"{out}: the proposal. Nothing was written to the database; look at it, then import that file to accept it")
