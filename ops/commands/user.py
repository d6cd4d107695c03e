"""`./siaga user`: accounts of people."""

from __future__ import annotations

import argparse
import getpass
import json
import secrets
import sys


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    from gis.words import Language, Role

    parser = subparsers.add_parser("user", help="accounts of people")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[shared], help="make an account")
    add.add_argument("name")
    add.add_argument("--role", required=True, choices=[str(role) for role in Role])
    add.add_argument("--agency", metavar="CODE", help="for role agency")
    add.add_argument("--jurisdiction", metavar="CODE", help="limits an agency's desk to one jurisdiction")
    add.add_argument("--language", choices=[str(language) for language in Language], default="id")
    add.add_argument("--password-stdin", action="store_true", help="read the password from the first input line")
    listing = actions.add_parser("list", parents=[shared], help="show the accounts")
    listing.add_argument("--json", action="store_true", help="for programs")
    disable = actions.add_parser("disable", parents=[shared], help="close an account and its sessions")
    disable.add_argument("name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Add, list or disable accounts."""
    from gis import accounts
    from ops.session import open_transaction
    from ops.state import State

    state = State.at(args.state)
    if args.action == "add":
        password, was_made = _password(args)
        with open_transaction(state) as tx:
            require_codes(tx, args.agency, args.jurisdiction)
            accounts.create(
                tx,
                args.name,
                password,
                role=args.role,
                agency=args.agency,
                jurisdiction=args.jurisdiction,
                language=args.language,
            )
        print(f"account {args.name} ({args.role})" + (f", password {password} (shown once)" if was_made else ""))
        return 0
    with open_transaction(state) as tx:
        if args.action == "disable":
            accounts.disable(tx, args.name)
            print(f"account {args.name} is disabled")
            return 0
        found = accounts.listing(tx)
    if args.json:
        print(json.dumps([vars(one) for one in found], default=str, indent=1))
    for one in () if args.json else found:
        limits = "/".join(filter(None, [one.agency, one.jurisdiction]))
        print(f"{one.name:<20} {one.role:<11} {limits:<14} {'disabled' if one.is_disabled else ''}".rstrip())
    return 0


def _password(args: argparse.Namespace) -> tuple[str, bool]:
    """Return the password and whether it was made up here: read from the input, asked for, or random."""
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\n"), False
    if sys.stdin is not None and sys.stdin.isatty():
        typed = getpass.getpass("Password (empty: a random one): ")
        if typed:
            return typed, False
    return secrets.token_urlsafe(12), True


def require_codes(tx, agency_code: str | None, jurisdiction_code: str | None) -> None:  # type: ignore[no-untyped-def]
    """Refuse codes that the city does not have: such an account would see nothing and nobody would know why."""
    from sqlalchemy import select

    from gis.errors import ValueRefused
    from zones.tables import agency, jurisdiction

    if agency_code:
        codes = set(tx.execute(select(agency.c.agency_code)).scalars())
        if agency_code not in codes:
            raise ValueRefused.of("agency", f"no agency {agency_code}", f"one of {', '.join(sorted(codes))}")
    if jurisdiction_code and not agency_code:
        raise ValueRefused.of("--jurisdiction", "of no agency", "name its agency with --agency CODE")
    if jurisdiction_code:
        query = select(jurisdiction.c.code).where(jurisdiction.c.agency_code == agency_code)
        codes = set(tx.execute(query).scalars())
        if jurisdiction_code not in codes:
            raise ValueRefused.of(
                "jurisdiction",
                f"{agency_code} has no jurisdiction {jurisdiction_code}",
                f"one of {', '.join(sorted(codes))}",
            )
