"""Command line of Siaga: ``./siaga COMMAND …`` (the launcher hands over to ``python -m ops``)."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import re
import sys
from collections.abc import Sequence

from gis.errors import PlatformError
from gis.settings import default_state
from ops import refusals
from ops.examples import add_examples
from ops.exits import REFUSED, USAGE, CommandFailed

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
    "matrix",
    "import_",
    "calibrate",
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
    add_examples(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # pytest's own options are none of argparse's business.
    rest: list[str] = []
    if given[:1] == ["test"] and not {"-h", "--help"} & set(given[1:2]):
        given, rest = given[:1], given[1:]
    unreadable = [argument for argument in given if any("\ud800" <= sign <= "\udfff" for sign in argument)]
    if unreadable:
        print(f"siaga: {unreadable[0]!a} is not UTF-8 text", file=sys.stderr)
        return USAGE
    args = make_parser().parse_args(shield_negatives(given))
    args.rest = rest
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        return int(args.run(args))
    except PlatformError as error:
        return _refuse(error, for_program=getattr(args, "json", None) is True)
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A full disk, a file that went away: nothing a command could know before.
        reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        return _refuse(CommandFailed(REFUSED, reason), for_program=getattr(args, "json", None) is True)
    except KeyboardInterrupt:
        return 128 + 2


def _refuse(error: PlatformError, *, for_program: bool) -> int:
    """Say why, to people on the error output and to a program on the output; return the exit code."""
    if for_program:
        print(json.dumps(refusals.document(error), ensure_ascii=False, indent=1))
    print(
        *(f"siaga: {line}" if not line.startswith(" ") else line for line in refusals.lines(error)),
        sep="\n",
        file=sys.stderr,
    )
    return refusals.exit_code(error)


if __name__ == "__main__":
    sys.exit(main())
