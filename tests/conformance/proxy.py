"""A proxy that disturbs: it stands between an adapter and any server, real or sandbox, and notes what passes.

The same faults are so put to every system and every financier, whatever answers them.
"""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Passed:
    """One request that reached the proxy."""

    method: str
    path: str
    query: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


Fault = Callable[[Callable[[], Answer]], Answer | None]
"""Gets a function that lets the request through; None cuts the connection without an answer."""


def status(code: int, **headers: str) -> Fault:
    """An answer of a proxy in front: nothing was done."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return lambda _forward: Answer(
        code, (("Content-Type", "text/html"), *named), b"<html>Not now.</html>"
    )


def html(_forward: Callable[[], Answer]) -> Answer:
    """A maintenance page with status 200: nothing was done."""
    return Answer(200, (("Content-Type", "text/html"),), b"<!doctype html><p>Back soon.")


def half(forward: Callable[[], Answer]) -> Answer:
    """What was asked is done; well-formed HTTP whose JSON ends in the middle."""
    whole = forward()
    return Answer(whole.status, whole.headers, whole.body[: len(whole.body) // 2])


def cut_after(forward: Callable[[], Answer]) -> None:
    """What was asked is done; the connection is cut without an answer."""
    forward()


def cut_before(_forward: Callable[[], Answer]) -> None:
    """The connection is cut; nothing was done."""


def server_error_after(forward: Callable[[], Answer]) -> Answer:
    """What was asked is done; 502 is answered."""
    forward()
    return Answer(502, (("Content-Type", "text/html"),), b"<html>Bad gateway.</html>")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class Proxy:
    """Passes requests on to `upstream` (scheme, host and port of it) and disturbs those it is told to."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._lock = Lock()
        self._rules: list[tuple[str, str, Fault, int | None]] = []
        self.passed: list[Passed] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.daemon = True
        self._thread.start()

    def disturb(
        self, fault: Fault, *, times: int | None = None, method: str = "", path: str = ""
    ) -> None:
        """Disturb the next `times` requests (None: all) of this method whose path holds `path`."""
        with self._lock:
            self._rules.append((method, path, fault, times))

    def calm(self) -> None:
        """Disturb nothing any more."""
        with self._lock:
            self._rules.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for index, (wanted, part, fault, times) in enumerate(self._rules):
                if wanted in ("", method) and part in path:
                    if times is not None:
                        left = times - 1
                        self._rules[index : index + 1] = (
                            [(wanted, part, fault, left)] if left else []
                        )
                    return fault
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                """Quiet."""

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path, _, query = self.path.partition("?")
                proxy.passed.append(Passed(self.command, path, query))
                fault = proxy._take(self.command, path)
                answer = (
                    proxy._forward(self, body)
                    if fault is None
                    else fault(lambda: proxy._forward(self, body))
                )
                if answer is None:
                    self.close_connection = True
                    self.connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                    return
                self.send_response_only(answer.status)  # no Date: tests have their own time
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.pass_on)
        return Handler

    def _forward(self, asked: BaseHTTPRequestHandler, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(
            self._upstream.hostname or "", self._upstream.port, timeout=60
        )
        try:
            headers = {
                name: value
                for name, value in asked.headers.items()
                if name.lower() not in ("connection", "content-length")
            }
            connection.request(asked.command, asked.path, body or None, headers)
            answer = connection.getresponse()
            dropped = ("connection", "content-length", "transfer-encoding", "date", "server")
            kept = tuple((n, v) for n, v in answer.getheaders() if n.lower() not in dropped)
            return Answer(answer.status, kept, answer.read())
        finally:
            connection.close()
