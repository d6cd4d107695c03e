"""Counts and durations of requests, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import Any

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What this process has answered since it started; labels are route templates, never what a client sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self._buckets: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (len(BUCKETS_S) + 1))
        self._sums: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.started = time.time()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        bucket = next((index for index, limit in enumerate(BUCKETS_S) if seconds <= limit), len(BUCKETS_S))
        with self._lock:
            self._counts[method, route, status] += 1
            self._buckets[method, route][bucket] += 1
            self._sums[method, route] += seconds

    def lines(self, gauges: list[tuple[str, str, float]]) -> str:
        """Return the whole text; `gauges` are name, labels, value."""
        with self._lock:
            counts, sums = dict(self._counts), dict(self._sums)
            buckets = {key: list(values) for key, values in self._buckets.items()}
        out = ["# TYPE siaga_http_requests_total counter"]
        out += [
            f'siaga_http_requests_total{{method="{method}",route="{route}",status="{status}"}} {n}'
            for (method, route, status), n in sorted(counts.items())
        ]
        out.append("# TYPE siaga_http_request_seconds histogram")
        for (method, route), values in sorted(buckets.items()):
            labels, total = f'method="{method}",route="{route}"', 0
            for limit, n in zip((*map(str, BUCKETS_S), "+Inf"), values, strict=True):
                total += n
                out.append(f'siaga_http_request_seconds_bucket{{{labels},le="{limit}"}} {total}')
            out.append(f"siaga_http_request_seconds_sum{{{labels}}} {sums[method, route]:.6f}")
            out.append(f"siaga_http_request_seconds_count{{{labels}}} {total}")
        out += ["# TYPE siaga_process_start_time_seconds gauge", f"siaga_process_start_time_seconds {self.started:.3f}"]
        for name in dict.fromkeys(name for name, _, _ in gauges):
            out.append(f"# TYPE {name} gauge")
            out += [f"{n}{{{labels}}} {v:g}" if labels else f"{n} {v:g}" for n, labels, v in gauges if n == name]
        return "\n".join(out) + "\n"


def template(path: str, parameters: dict[str, Any]) -> str:
    """Return the route of a path: values a client chose become their names, so that no id is a label."""
    parts = path.split("/")
    for name, value in parameters.items():
        if str(value) not in parts:
            return "unmatched"
        last = len(parts) - 1 - parts[::-1].index(str(value))
        parts[last] = "{" + name + "}"
    return "/".join(parts)


class Counting:
    """Pure ASGI: times every HTTP request."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application and note how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watched(event: Any) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
            await send(event)

        try:
            await self.app(scope, receive, watched)
        finally:
            route = template(scope["path"], scope.get("path_params") or {}) if "route" in scope else "unmatched"
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "DELETE") else "other"
            self.metrics.count(method, route, status, time.perf_counter() - started)
