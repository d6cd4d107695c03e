"""`./siaga calibrate`: travel times made those of recorded runs, judged on weeks the fit has not seen."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ops.arguments import whole

LABELS = {
    "median_ratio": "median, predicted to observed",
    "area_median_ratio": "the same in",
    "p90_ratio": "P90, predicted to observed",
    "share_within_difference": "share within target, difference",
    "median_error_share": "median error, part of a run",
}


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("calibrate", parents=[shared], help="make travel times those of recorded runs")
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV: at, lon, lat, travel_s, station or start_lon/lat")
    parser.add_argument("--profile", metavar="P", help="only runs of this kind of vehicle, such as fire_engine")
    parser.add_argument(
        "--target", type=whole(30, 3600), default=240, metavar="S", help="seconds whose share is compared (%(default)s)"
    )
    parser.add_argument("--dry-run", action="store_true", help="fit and judge, keep nothing")
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write every figure and finding there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fit, judge, and put the result in force in one transaction."""
    from data.import_runs import import_runs
    from gis.db import database_now, transaction
    from gis.errors import ValueRefused
    from ops.arguments import file_to_read, file_to_write
    from ops.commands.import_ import print_report
    from ops.exits import DONE, REFUSED
    from ops.session import open_engine
    from ops.state import State
    from routing_engine.network.profiles import PROFILES

    file_to_read(args.file, "FILE")
    if args.report:
        file_to_write(args.report, "--report", source=args.file)
    if args.profile is not None and args.profile not in PROFILES:
        raise ValueRefused.of("--profile", f"there is no profile {args.profile}", f"one of {', '.join(PROFILES)}")
    state = State.at(args.state)
    with open_engine(state) as engine, transaction(engine) as tx:
        report = import_runs(
            tx,
            state.path,
            args.file,
            profile=args.profile,
            target_s=float(args.target),
            dry_run=args.dry_run,
            actor="calibrate",
            now=database_now(tx),
        )
        if args.dry_run or report.is_refused:
            tx.rollback()
        if args.report:
            report.save(args.report)
    for profile, found in report.details.items():
        print(describe(profile, found))
    print_report(report)
    return REFUSED if report.is_refused else DONE


def describe(profile: str, found: dict[str, Any]) -> str:
    """Return the figures of one profile as lines for the terminal."""
    parameters, judged = found["parameters"], found["held_out"]
    factors = ", ".join(f"{int(band):02}:00 × {value:.2f}" for band, value in parameters["factors"].items())
    weeks = f"{judged['weeks'][0]} to {judged['weeks'][1]}"
    lines = [
        f"{profile}: {parameters['fixed_s']:.0f} s + modelled × {parameters['factor']:.2f} ({factors or 'whole day'}),"
        f" P90 = median × {parameters['noise'][89]:.2f}",
        f"  fitted on {found['fitted']['n']} runs; judged on {judged['n']} of {weeks}, which it has not seen",
        f"  before: median, predicted to observed, {judged['uncalibrated_median_ratio']:.2f}",
    ]
    for goal in judged["goals"]:
        told = "met" if goal["is_met"] else "MISSED"
        name = f"{LABELS[goal['name']]}{' ' + goal['area'] if 'area' in goal else ''}"
        lines.append(f"  {name:<45} {goal['value']:>7.3f}  goal {goal['low']:g} to {goal['high']:g}: {told}")
    return "\n".join(lines)
