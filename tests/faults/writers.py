"""Clients that report as a call centre does: until the answer is there, with the same key, and noting each answer."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np

# Where people are, roughly: between Puuwatu and Poasia. Lane D and L, one agency to seven.
WEST, SOUTH, EAST, NORTH = 122.46, -4.05, 122.58, -3.95
TYPES = ("KAM1", "KBK1", "LKA1", "MED1", "KAM7", "MED5", "SAR4")
AGAIN_S = 0.02


@dataclass(frozen=True)
class Acknowledgement:
    """An answer as a client got it; moments are of `time.monotonic`."""

    key: str
    body: dict[str, Any]
    answer: dict[str, Any]
    asked_at: float
    answered_at: float
    n_tries: int


@dataclass
class Writers:
    """Several clients that report as fast as they are answered; stopped at the end of the ``with`` block.

    Parameters
    ----------
    pause_s
        Between an answer and the next report.
    """

    port: int
    token: str
    seed: int
    n_writers: int = 4
    pause_s: float = 0.01
    acknowledged: list[Acknowledgement] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _giving_up: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(self.n_writers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        # Everyone finishes the report under way: what was begun must come to an answer.
        self._stopping.set()
        if kind is not None:
            self._giving_up.set()
        deadline = time.monotonic() + 60
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._giving_up.set()
        for thread in self._threads:
            thread.join()

    def first_after(self, moment: float) -> Acknowledgement | None:
        """Return the first acknowledgement of a request that was sent after `moment`."""
        later = [one for one in list(self.acknowledged) if one.asked_at > moment]
        return min(later, key=lambda one: one.answered_at, default=None)

    def _write(self, number: int) -> None:
        rng = np.random.default_rng([self.seed, number])
        while not self._stopping.wait(self.pause_s):
            body = {
                "type": str(rng.choice(TYPES)),
                "lon": round(float(rng.uniform(WEST, EAST)), 5),
                "lat": round(float(rng.uniform(SOUTH, NORTH)), 5),
                "accuracy_m": int(rng.choice([0, 50])),
                "description": f"percobaan {rng.integers(1_000_000)}",
            }
            self._report(f"{self.seed}-{number}-{uuid.UUID(bytes=rng.bytes(16))}", body)

    def _report(self, key: str, body: dict[str, Any]) -> None:
        """Send one report until it is answered for good."""
        n_tries = 0
        while not self._giving_up.is_set():
            n_tries += 1
            asked_at = time.monotonic()
            try:
                status, answer = send(self.port, self.token, key, body)
            except (OSError, http.client.HTTPException, ValueError):
                status, answer = 0, {}
            if status in (200, 201):
                self.acknowledged.append(Acknowledgement(key, body, answer, asked_at, time.monotonic(), n_tries))
                return
            if status not in (0, 503):
                self.refused.append(f"{status} {answer}")
                return
            self._giving_up.wait(AGAIN_S)


def send(port: int, token: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send one report over a connection of its own; return status and answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key}
    try:
        connection.request("POST", "/v1/reports", json.dumps(body).encode(), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
