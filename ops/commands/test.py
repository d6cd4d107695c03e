"""`./siaga test`: the tests, as continuous integration runs them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

# pytest's exit codes → ours: 2 is an interrupted run (also errors while collecting), 3 an internal error,
# 4 wrong usage, 5 nothing collected.
EXIT_CODES = {0: 0, 1: 1, 2: 1, 3: 1, 4: 2, 5: 2}


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "test", help="run the tests; what follows goes to pytest", usage="./siaga test [pytest arguments]"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run pytest in the project's folder."""
    from gis.settings import ROOT

    # The tests make their own database; whatever the caller's environment names is none of theirs.
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment.pop("SIAGA_STATE", None)
    done = subprocess.run([sys.executable, "-m", "pytest", *args.rest], cwd=ROOT, env=environment, check=False)
    return EXIT_CODES.get(done.returncode, 1)
