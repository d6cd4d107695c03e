"""Texts that spreadsheet programs must not run."""

from __future__ import annotations

# A cell that begins with one of these is a formula to spreadsheet programs, or becomes one when pasted.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> object:
    """Return a text so that no spreadsheet program runs it; numbers stay numbers."""
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS):
        return "'" + value
    return value
