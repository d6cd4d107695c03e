"""Are the packages of a lock file installed? ``python ops/locks.py requirements.lock`` exits 0 when they are.

The launcher asks this before it installs anything, so that an environment made some other way is taken as it is.
Needs nothing but Python; knows the few environment markers that lock files use.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LINE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)\s*(?:;\s*(.*?))?\s*\\?$")
_FULL_VERSION = re.compile(r"python_full_version (<|>=) '3\.(\d+)'")


def applies(marker: str | None) -> bool:
    """Tell whether a marker holds here; an unknown one counts as holding."""
    if not marker:
        return True
    if match := _FULL_VERSION.fullmatch(marker):
        is_older = sys.version_info < (3, int(match[2]))
        return is_older if match[1] == "<" else not is_older
    return marker not in ("sys_platform == 'win32'", "platform_python_implementation == 'PyPy'")


def missing(lock: Path) -> list[str]:
    """Return the lines of `lock` (name==version) that are not installed as they stand."""
    wrong = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        match = _LINE.match(line)
        if match is None or not applies(match[3]):
            continue
        name, wanted, _ = match.groups()
        try:
            there = version(name)
        except PackageNotFoundError:
            there = None
        if there != wanted:
            wrong.append(f"{name}=={wanted}")
    return wrong


if __name__ == "__main__":
    left = [line for name in sys.argv[1:] for line in missing(Path(name))]
    print("\n".join(left))
    sys.exit(bool(left))
