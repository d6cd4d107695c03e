"""`./siaga token`: tokens of programs."""

from __future__ import annotations

import argparse
import json


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    from gis.words import Channel, Role

    parser = subparsers.add_parser("token", help="tokens of programs")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[shared], help="make a token; its secret is shown once")
    add.add_argument("name")
    add.add_argument("--role", required=True, choices=[str(role) for role in Role])
    add.add_argument("--agency", metavar="CODE", help="for role agency")
    add.add_argument("--channel", choices=[str(channel) for channel in Channel], default="app")
    add.add_argument("--expires", metavar="TIME", help="ISO 8601 with offset, such as 2027-01-01T00:00:00+08:00")
    listing = actions.add_parser("list", parents=[shared], help="show the tokens, never their secrets")
    listing.add_argument("--json", action="store_true", help="for programs")
    revoke = actions.add_parser("revoke", parents=[shared], help="end a token")
    revoke.add_argument("name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Add, list or revoke tokens."""
    from gis import tokens
    from gis.db import database_now
    from gis.errors import ValueRefused
    from ops.arguments import moment
    from ops.commands.user import require_codes
    from ops.session import open_transaction
    from ops.state import State

    state = State.at(args.state)
    expires_at = moment(args.expires, "--expires") if args.action == "add" else None
    with open_transaction(state) as tx:
        if args.action == "add":
            require_codes(tx, args.agency, None)
            if expires_at is not None and expires_at <= database_now(tx):
                raise ValueRefused.of("--expires", f"{args.expires} is over already", "write a time to come")
            secret = tokens.create(
                tx, args.name, role=args.role, agency=args.agency, channel=args.channel, expires_at=expires_at
            )
        elif args.action == "revoke":
            tokens.revoke(tx, args.name)
        else:
            found = tokens.listing(tx)
    if args.action == "add":
        print(secret)
    elif args.action == "revoke":
        print(f"token {args.name} is revoked")
    elif args.json:
        print(json.dumps([vars(one) for one in found], default=str, indent=1))
    else:
        for one in found:
            end = f"revoked {one.revoked_at:%Y-%m-%d}" if one.revoked_at else ""
            end = end or (f"until {one.expires_at:%Y-%m-%d}" if one.expires_at else "")
            print(f"{one.name:<24} {one.role:<11} {one.agency or '':<6} {one.channel:<8} {end}".rstrip())
    return 0
