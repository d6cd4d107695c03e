"""Command line of Siaga: ``./siaga COMMAND …`` (the launcher hands over to ``python -m ops``)."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import re
import sys
from collections.abc import Sequence

from gis.errors import DataError, PlatformError, UnavailableError
from gis.settings import default_state
from ops.exits import NOT_RUNNING, REFUSED, CommandFailed

# In the order in which --help lists them. Each module has `register(subparsers)` and `run(args) -> int`; it imports
# what it needs inside `run`, so that --help needs nothing but Python.
COMMANDS = (
    "demo",
    "up",
    "down",
    "status",
    "doctor",
    "report",
    "explain",
    "nearest",
    "match",
    "import_",
    "city",
    "user",
    "token",
    "webhook",
    "test",
    "bench",
)

_NEGATIVE = re.compile(r"-(?:[\d.,][\d.,eE+\-]*|inf|infinity|nan)", re.IGNORECASE)


def shield_negatives(arguments: Sequence[str]) -> list[str]:
    """Put a space before negative numbers, so that argparse takes them for values and not for options.

    It knows ``-3.99`` by itself, but not ``-3,99``, ``-4e0`` or ``-inf``, which must reach the check of coordinates.
    """
    return [f" {argument}" if _NEGATIVE.fullmatch(argument) else argument for argument in arguments]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with every command."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--state",
        metavar="DIR",
        default=os.environ.get("SIAGA_STATE") or str(default_state()),
        help="state folder (else SIAGA_STATE, else %(default)s)",
    )
    parser = argparse.ArgumentParser(
        prog="./siaga",
        description="Emergency incidents: whose they are, who gets there first, whether they know, what should change.",
        epilog="Exit codes: 0 done, 1 refused, 2 usage, 3 not running or not reachable, 4 something must be installed, "
        "5 a check failed.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"ops.commands.{name}")
        module.register(subparsers, shared)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # pytest's own options are none of argparse's business.
    rest: list[str] = []
    if given[:1] == ["test"] and not {"-h", "--help"} & set(given[1:2]):
        given, rest = given[:1], given[1:]
    args = make_parser().parse_args(shield_negatives(given))
    args.rest = rest
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        return int(args.run(args))
    except CommandFailed as error:
        print(f"siaga: {error}", file=sys.stderr)
        return error.code
    except DataError as error:
        print(f"siaga: {error}", file=sys.stderr)
        for finding in error.findings:
            print(f"  {finding}", file=sys.stderr)
        return REFUSED
    except UnavailableError as error:
        print(f"siaga: {error}", file=sys.stderr)
        return NOT_RUNNING
    except PlatformError as error:
        print(f"siaga: {error}", file=sys.stderr)
        return REFUSED
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 128 + 2


if __name__ == "__main__":
    sys.exit(main())
