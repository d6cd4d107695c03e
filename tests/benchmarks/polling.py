"""Open sessions that ask for the live list as often as pages do, and keep when each answer came.

``python polling.py PLAN RESULT``: a process of its own. Answers stay as they came over the wire and are read
afterwards, so that reading does not slow the asking; only the cursor, which the next question needs, is read at once.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

# As in dashboard/assets/js/live.js: from one asking to the next, and the least between an answer and the next asking.
EVERY_S, PAUSE_S = 0.75, 0.25
CURSOR = re.compile(rb'"since":"(\d+)"')


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    """Read one answer; return the bytes of its head, its body and the body unpacked."""
    head = await reader.readuntil(b"\r\n\r\n")
    low = head.lower()
    assert low.startswith(b"http/1.1 200"), head
    if b"transfer-encoding: chunked" in low:
        body = b""
        while n := int((await reader.readline()).strip(), 16):
            body += (await reader.readexactly(n + 2))[:-2]
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(low.partition(b"content-length:")[2].partition(b"\r\n")[0]))
    return len(head), body, gzip.decompress(body) if b"content-encoding: gzip" in low else body


async def session(plan: dict[str, Any], number: int, begin: float) -> list[tuple[float, float, int, bytes]]:
    """Ask again and again; return when each question was sent, when its answer was there, its bytes and content."""
    await asyncio.sleep(max(0.0, begin + EVERY_S * number / len(plan["cookies"]) - time.monotonic()))
    reader, writer = await asyncio.open_connection("127.0.0.1", plan["port"], limit=2**26)
    cursor, found = plan["since"], []
    while time.monotonic() < begin + plan["duration_s"]:
        since = cursor if plan["is_changes"] else "0"
        head = f"GET /api/live?since={since} HTTP/1.1\r\nHost: 127.0.0.1:{plan['port']}\r\n"
        asked = time.monotonic()
        writer.write(f"{head}Cookie: {plan['cookies'][number]}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        n_head, wire, body = await answer_of(reader)
        answered = time.monotonic()
        cursor = CURSOR.search(body)[1].decode()  # type: ignore[index]
        found.append((asked, answered, n_head + len(wire), body))
        await asyncio.sleep(max(PAUSE_S, EVERY_S - (answered - asked)))
    writer.close()
    return found


async def poll(plan: dict[str, Any]) -> dict[str, Any]:
    """Run all sessions and look for the numbers of incidents in what they got."""
    begin = time.monotonic() + 0.2
    cpu = time.process_time()
    sessions = await asyncio.gather(*(session(plan, n, begin) for n in range(len(plan["cookies"]))))
    return {
        "cpu_s": time.process_time() - cpu,
        "sessions": [
            [(asked, answered, n_bytes, re.findall(rb'"(K-\d+)"', body)) for asked, answered, n_bytes, body in one]
            for one in sessions
        ],
    }


if __name__ == "__main__":
    done = asyncio.run(poll(json.loads(Path(sys.argv[1]).read_text())))
    Path(sys.argv[2]).write_text(json.dumps(done, default=bytes.decode))
