"""`./siaga webhook`: where an agency's own system gets its messages."""

from __future__ import annotations

import argparse
import json


def register(subparsers: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:  # type: ignore[type-arg]
    """Add the command to the parser."""
    parser = subparsers.add_parser("webhook", help="messages to an agency's own system")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[shared], help="send an agency's messages to URL; the secret is shown once")
    add.add_argument("agency", metavar="AGENCY")
    add.add_argument("url", metavar="URL")
    add.add_argument("--network", metavar="CIDR", help="private network webhooks may reach, such as 10.20.0.0/16")
    listing = actions.add_parser("list", parents=[shared], help="show the webhooks, never their secrets")
    listing.add_argument("--json", action="store_true", help="for programs")
    remove = actions.add_parser("remove", parents=[shared], help="stop sending")
    remove.add_argument("agency", metavar="AGENCY")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Add, list or remove webhooks."""
    from ops import webhooks
    from ops.commands.user import require_codes
    from ops.session import open_transaction
    from ops.state import State

    state = State.at(args.state)
    if args.action == "add":
        webhooks.require_url(args.url, state=state, network=args.network)
    with open_transaction(state) as tx:
        if args.action == "add":
            require_codes(tx, args.agency, None)
            before = webhooks.address_of(tx, args.agency)
            secret = webhooks.add(tx, state, args.agency, args.url, network=args.network)
            if before is not None:
                print(f"this replaces {before}; its secret stays valid beside the new one")
            print(f"{args.agency} → {args.url}\nsigning secret (shown once; Standard Webhooks): {secret}")
        elif args.action == "remove":
            webhooks.remove(tx, state, args.agency)
            print(f"{args.agency}: no webhook any more; its inbox goes on")
        else:
            found = webhooks.listing(tx)
            if args.json:
                print(json.dumps(found, indent=1))
            for one in () if args.json else found:
                print(f"{one['agency']:<6} {one['url']}")
    return 0
