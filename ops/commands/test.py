"""`./siaga test`: the tests, as continuous integration runs them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

# pytest's exit codes → ours: 2 is an interrupted run (also errors while collecting), 3 an internal error,
# 4 wrong usage, 5 nothing collected.
EXIT_CODES = {0: 0, 1: 1, 2: 1, 3: 1, 4: 2, 5: 2}


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "test", help="run the tests; what follows goes to pytest", usage="./siaga test [pytest arguments]"
    )
    parser.set_defaults(run=run)


# Files are shared out between pytest processes, each with a database cluster of its own; a file's tests stay together,
# since they share what its fixtures make. One process more than there are cores: tests with a browser mostly wait.
MOST_WORKERS = 4


def parallel(rest: Sequence[str]) -> list[str]:
    """Return the options that use every core, unless the caller says how, debugs, or names a single file."""
    files = [argument for argument in rest if ".py" in argument]
    is_single = len(files) == 1 and not files[0].endswith("/")
    if is_single or any(argument in ("-n", "--pdb", "-s", "--collect-only", "--co") for argument in rest):
        return []
    return ["-n", str(min(MOST_WORKERS, (os.cpu_count() or 1) + 1)), "--dist", "loadfile"]


def run(args: argparse.Namespace) -> int:
    """Run pytest in the project's folder."""
    from gis.settings import ROOT
    from ops.preparation import compile_kernels

    # Before pytest's processes start: each would compile for itself.
    compile_kernels(None, lambda text: print(f"siaga: {text}", file=sys.stderr, flush=True))
    # The tests make their own database; whatever the caller's environment names is none of theirs.
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment.pop("SIAGA_STATE", None)
    # Some hundred processes are started; each would compile the project's sources anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *parallel(args.rest), *args.rest], cwd=ROOT, env=environment, check=False
    )
    return EXIT_CODES.get(done.returncode, 1)
