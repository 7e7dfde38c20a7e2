"""A receiver of webhooks on this machine: it verifies with the Standard Webhooks project's own library, keeps what it
took, and misbehaves when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import standardwebhooks
from standardwebhooks import webhooks

CUT_BEFORE, CUT_AFTER = -1, -2
"""Instead of a status: hang up before the event is kept, or after it."""


class Receiver:
    """`answers` are taken one for each request; when they are used up every event is accepted."""

    def __init__(self, secret: str, port: int = 0) -> None:
        self.secret = secret
        self.taken: list[dict[str, Any]] = []
        """Accepted events, in the order in which they came, repetitions too."""
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.always: int | None = None
        self.refuses: Callable[[dict[str, Any]], bool] = lambda _event: False
        """Events that are answered 422."""
        self.headers: dict[str, str] = {}
        self.body = b""
        self._lock = threading.Lock()
        self._port = port
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/hooks/financing"

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.handle(self)

            def log_message(self, *_: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Gone: whoever connects is refused. What it took is kept, as on a disk."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            self.requests.append((request.path, headers, body))
            answer = self.answers.pop(0) if self.answers else self.always or 204
            try:
                standardwebhooks.Webhook(self.secret).verify(body, headers)
            except standardwebhooks.WebhookVerificationError:
                answer = 401
            if self.refuses(json.loads(body)):
                answer = 422
            if answer == CUT_AFTER or 200 <= answer < 300:
                self.taken.append(json.loads(body))
        request.close_connection = True
        if answer < 0:
            return
        request.send_response(answer)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(self.body)))
        request.end_headers()
        request.wfile.write(self.body)

    def once(self) -> list[dict[str, Any]]:
        """The events without their repetitions, as a receiver that knows identifiers keeps them."""
        kept: dict[str, dict[str, Any]] = {}
        for event in self.taken:
            kept.setdefault(event["id"], event)
        return list(kept.values())


def set_library_clock(patch: pytest.MonkeyPatch, now: Callable[[], datetime]) -> None:
    """Let the library compare timestamps with the clock of the test."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return now()

    patch.setattr(webhooks, "datetime", Clock)
