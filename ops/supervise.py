"""The detached supervisor: ``python -m ops.supervise``, started by `demo --detach` and `up --detach` only."""

from __future__ import annotations

import argparse
import os
import sys

from ops.parts import Layout
from ops.running import log_to_terminal, supervisor_of
from ops.state import State


def main() -> int:
    """Run until a signal; say "ready" once through the given pipe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--lock", type=int, required=True)
    parser.add_argument("--ready", type=int, required=True)
    parser.add_argument("--demo", action="store_true")
    args = parser.parse_args()
    for descriptor in (args.lock, args.ready):
        os.set_inheritable(descriptor, False)
    log_to_terminal()

    def say_ready() -> None:
        os.write(args.ready, b"1")
        os.close(args.ready)

    layout = Layout(pages_port=args.port, api_port=args.api_port, is_demo=args.demo)
    return supervisor_of(State.at(args.state), layout).run(when_ready=say_ready)


if __name__ == "__main__":
    sys.exit(main())
