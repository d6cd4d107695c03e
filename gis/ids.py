"""Ids made before a row is written, so that a whole incident can be sent in few statements."""

from __future__ import annotations

import os
import time


def uuid7() -> str:
    """Return a time-ordered uuid (RFC 9562 version 7) as text; the same layout as `siaga.uuid7()`."""
    stamp = time.time_ns() // 1_000_000
    value = (stamp << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
