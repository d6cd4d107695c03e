"""Exit codes of the command line, and the error that carries one.

The codes are part of the contract: scripts tell a refused input from a machine that lacks something.
"""

from __future__ import annotations

from typing import Any

from gis.errors import PlatformError

DONE = 0
REFUSED = 1  # the input is at fault; the message says what, where and how to mend it
USAGE = 2
NOT_RUNNING = 3  # or not reachable
MISSING = 4  # something must be installed first
CHECK_FAILED = 5  # `doctor`, `city check`


class CommandFailed(PlatformError):
    """A command ends here, with this exit code and this message for the person at the terminal.

    `document` is the API's own problem document, where it was the API that refused.
    """

    def __init__(self, code: int, message: str, document: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.document = code, document
