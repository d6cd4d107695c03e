"""Version of the program, as `run.json` and `status` show it."""

from __future__ import annotations

import tomllib

from gis.settings import ROOT


def version() -> str:
    """Return the version in `pyproject.toml`."""
    try:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"
