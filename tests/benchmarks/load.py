"""A cheap open-loop load: requests leave at their moments whether or not the earlier ones were answered.

``python load.py PLAN RESULT``; both are JSON files. A process of its own with nothing but sockets, so that it neither
shares an interpreter with what it measures nor costs much: about a tenth of a millisecond a request. Latency counts
from the moment a request was meant to leave (Tene, "How not to measure latency": no coordinated omission).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

MOST_CONNECTIONS = 128
# A moment so that the first request is not late because the process was still starting.
START_IN_S = 0.3
GIVE_UP_S = 30.0


class Connection(asyncio.Protocol):
    """One kept connection; a request at a time."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.buffer = b""
        self.status, self.n_needed = 0, -1

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.n_needed < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            self.status = int(head[9:12])
            start = head.index(b"content-length:") + 15
            self.n_needed = end + 4 + int(head[start:].partition(b"\r\n")[0])
        if len(self.buffer) >= self.n_needed:
            body = self.buffer[self.buffer.index(b"\r\n\r\n") + 4 : self.n_needed]
            self.buffer, self.n_needed = b"", -1
            answer, self.answer = self.answer, None
            if answer is not None and not answer.done():
                answer.set_result((self.status, body))

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionResetError(str(error)))
        self.transport = None

    def send(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer


class Load:
    """Sends the plan's requests and keeps what came back."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.port, self.requests = plan["port"], plan["requests"]
        self.rate: float | None = plan.get("rate")  # per second; none: each connection sends when it was answered
        self.n_connections: int = plan.get("connections", MOST_CONNECTIONS)
        self.duration_s: float = plan.get("duration_s", 1e9)
        fixed = "".join(f"{name}: {value}\r\n" for name, value in plan["headers"].items())
        self.fixed = f"POST {plan['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fixed}"
        self.idle: list[Connection] = []
        self.n_open = 0
        self.free = asyncio.Event()
        self.rows: list[tuple[Any, ...]] = []

    async def _connection(self) -> Connection:
        while True:
            while self.idle:
                found = self.idle.pop()
                if found.transport is not None:
                    return found
                self.n_open -= 1
            if self.n_open < self.n_connections:
                self.n_open += 1
                _, made = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", self.port)
                return made
            self.free.clear()
            await self.free.wait()

    async def _send(self, key: str, body: str, intended: float) -> None:
        connection = await self._connection()
        payload = body.encode()
        head = f"{self.fixed}Idempotency-Key: {key}\r\nContent-Length: {len(payload)}\r\n\r\n"
        sent = time.monotonic()
        try:
            status, answer = await asyncio.wait_for(connection.send(head.encode() + payload), GIVE_UP_S)
        except (OSError, TimeoutError):
            status, answer = 0, b""
        now = time.monotonic()
        self.rows.append((key, status, intended, sent, now, answer.decode()))
        if connection.transport is not None and status:
            self.idle.append(connection)
        else:
            self.n_open -= 1
        self.free.set()

    async def at_rate(self, start: float) -> None:
        """Send at fixed moments."""
        assert self.rate is not None
        tasks = []
        for n, (key, body) in enumerate(self.requests):
            intended = start + n / self.rate
            wait = intended - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(self._send(key, body, intended)))
        await asyncio.gather(*tasks)

    async def in_turn(self, start: float) -> None:
        """Keep every connection busy for the time given."""
        waiting = iter(self.requests)
        await asyncio.sleep(max(0.0, start - time.monotonic()))

        async def keep_busy() -> None:
            for key, body in waiting:
                if time.monotonic() > start + self.duration_s:
                    return
                await self._send(key, body, time.monotonic())

        await asyncio.gather(*(keep_busy() for _ in range(self.n_connections)))

    async def run(self) -> dict[str, Any]:
        start = time.monotonic() + START_IN_S
        cpu = time.process_time()
        await (self.at_rate(start) if self.rate else self.in_turn(start))
        end = max(row[4] for row in self.rows)
        return {"start": start, "end": end, "cpu_s": time.process_time() - cpu, "rows": self.rows}


if __name__ == "__main__":
    done = asyncio.run(Load(json.loads(Path(sys.argv[1]).read_text())).run())
    Path(sys.argv[2]).write_text(json.dumps(done))
