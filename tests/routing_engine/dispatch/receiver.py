"""A real HTTP receiver on loopback that verifies signatures and misbehaves on request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

SECRET = "whsec_c2lhZ2E6IHJhaGFzaWEgdW50dWsgdWppIGJlcnNhbWE="
OTHER_SECRET = "whsec_c2lhZ2E6IHJhaGFzaWEgbGFtYSB5YW5nIGRpZ2FudGk="


class Receiver(ThreadingHTTPServer):
    """Keeps what it has processed; `behave(n, message)` names what the n-th request meets.

    Behaviours: `ok`, `503`, `lost` (processed, then the connection is cut), `redirect`, `slow` (headers trickle),
    `endless` (an answer without end), `garbage` (no HTTP).
    """

    daemon_threads = True

    def __init__(self, *, secret: str = SECRET, behave=None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret = secret
        self.behave = behave or (lambda n, message: "ok")
        self.got: list[tuple[str, dict]] = []  # (webhook-id, body), in order of processing
        self.hosts: list[str] = []
        self.n_requests = 0
        self.problems: list[str] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/siaga?token=rahasia"

    def handle_error(self, request, client_address) -> None:
        """A client that cuts a misbehaving answer is what is being tested."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def log_message(self, *_) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        with server.lock:
            server.n_requests += 1
            server.hosts.append(self.headers["Host"])
            try:
                Webhook(server.secret).verify(body, dict(self.headers))
            except Exception as error:
                server.problems.append(f"{type(error).__name__}: {error}")
            message = json.loads(body)
            how = server.behave(server.n_requests, message)
            if how in ("ok", "lost", "endless"):
                server.got.append((self.headers["webhook-id"], message))
        getattr(self, f"_{how}" if not how.isdigit() else "_status")(how)

    def _status(self, how: str) -> None:
        self.send_response(int(how))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _ok(self, _: str) -> None:
        self._status("204")

    def _lost(self, _: str) -> None:
        self.close_connection = True

    def _garbage(self, _: str) -> None:
        self.wfile.write(b"\x00\x01\x02 no HTTP at all\r\n\r\n")
        self.close_connection = True

    def _redirect(self, _: str) -> None:
        self.send_response(307)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _slow(self, _: str) -> None:
        """Keep the connection busy: a byte of a header now and then, never an end."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.closing.is_set():
            self.wfile.write(b"z")
            self.wfile.flush()
            time.sleep(0.05)

    def _endless(self, _: str) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.closing.is_set():
            self.wfile.write(b"z" * 65536)


@contextmanager
def receiving(**settings) -> Iterator[Receiver]:
    """Run a receiver for the length of a test."""
    server = Receiver(**settings)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
