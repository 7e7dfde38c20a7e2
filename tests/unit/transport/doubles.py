"""A server that says exactly the bytes a test gives it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def answer(
    status: int = 200,
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    *,
    content_length: int | None = None,
) -> bytes:
    lines = [f"HTTP/1.1 {status} Word"]
    stated = {"Content-Type": "application/json"} | (headers or {})
    if "Transfer-Encoding" not in stated:
        stated["Content-Length"] = str(len(body) if content_length is None else content_length)
    lines += [f"{key}: {value}" for key, value in stated.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Server:
    """Gives `answers` one after the other (the last for ever). An answer is bytes, or a callable that gets the
    connection and writes, or not, what it likes; after a callable the connection is closed."""

    answers: list[bytes | Callable[[socket.socket], None]]
    respond: Callable[[Asked], bytes] | None = None
    """Where given, makes the answer from the request instead."""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._open: list[socket.socket] = []
        self._lock = Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            try:
                while first := reader.readline():
                    method, target, _ = first.decode().split(" ", 2)
                    headers: dict[str, str] = {}
                    while (line := reader.readline().strip()) != b"":
                        key, _, value = line.decode().partition(":")
                        headers[key.lower()] = value.strip()
                    body = reader.read(int(headers.get("content-length", "0")))
                    asked = Asked(method, target, headers, body)
                    with self._lock:
                        self.asked.append(asked)
                        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    if self.respond is not None:
                        given = self.respond(asked)
                    if callable(given):
                        given(connection)
                        return
                    connection.sendall(given)
            except OSError:
                return
