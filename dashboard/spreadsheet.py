"""Tables for spreadsheet programs."""

from __future__ import annotations

import pandas as pd

from gis.spreadsheet import safe_cell


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
