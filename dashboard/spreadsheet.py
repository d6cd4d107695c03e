"""Tables for spreadsheet programs."""

from __future__ import annotations

import pandas as pd

# A cell that begins with one of these is a formula to spreadsheet programs, or becomes one when pasted.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> object:
    """Return a text so that no spreadsheet program runs it; numbers stay numbers."""
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS):
        return "'" + value
    return value


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV in UTF-8 with a byte order mark, which spreadsheet programs need to see the encoding.

    Parameters
    ----------
    frame
        Its index is left out; headers and texts are made safe (`safe_cell`).
    """
    safe = frame.rename(columns=safe_cell)
    for position, dtype in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(dtype):
            safe.isetitem(position, safe.iloc[:, position].map(safe_cell))
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
