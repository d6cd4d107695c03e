"""TCP ports of the two web processes: free, or held by whom."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from ops import processes
from ops.exits import REFUSED, CommandFailed

HOST = "127.0.0.1"
PAGES_PORT = 8501
API_PORT = 8502


def is_free(port: int) -> bool:
    """Tell whether this process could listen on `port` now."""
    with socket.socket() as probe:
        # As uvicorn does it: connections of a process that just ended (TIME_WAIT) do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except PermissionError:
            raise CommandFailed(
                REFUSED, f"port {port}: this user may not listen there; choose one above 1023"
            ) from None
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Return who listens on `port`, for a message."""
    found = [f"process {pid} ({processes.command(pid)})" for pid in processes.port_holders(port)]
    return ", ".join(found) or "a process of another user"


def require_free(wanted: Mapping[str, int]) -> None:
    """Check that every port can be used; `wanted` is option → port.

    Raises
    ------
    CommandFailed
        One is held (the message names by whom), or two are the same.
    """
    if len(set(wanted.values())) < len(wanted):
        raise CommandFailed(REFUSED, f"{' and '.join(wanted)} need two different ports")
    busy = [
        f"port {port} is held by {holder(port)}; end that, or choose another with {option} N"
        for option, port in wanted.items()
        if not is_free(port)
    ]
    if busy:
        raise CommandFailed(REFUSED, "\n".join(busy))
