"""How an answer goes over the wire, an undisturbed or a broken one. The server is waitress; its quirks are here."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from select import select
from threading import Event
from typing import Any

from waitress.channel import ClientDisconnected

from connector.sandbox.fault_catalogue import Answer, status_line

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LONGEST_STALL_SECONDS = 5.0


def send(
    answer: Answer, environ: dict[str, Any], start_response: Callable[..., Any], stopping: Event
) -> Iterable[bytes]:
    """Send an answer as its fields say. Waits end early when the platform stops."""
    if answer.wait_seconds > 0:
        stopping.wait(answer.wait_seconds)
    if answer.raw is not None:
        _push(environ, answer.raw)
    if answer.silent or answer.raw is not None:
        return _cut(environ, start_response, reset=answer.reset)
    headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
    if answer.status not in (204, 304):
        headers.append(("Content-Length", str(len(answer.body))))
    start_response(status_line(answer.status), headers)
    if answer.cut_after is not None:
        beginning = answer.body[: answer.cut_after]
        return _only(beginning, environ, reset=answer.reset)
    if answer.piece_bytes is not None:
        return _slowly(answer, stopping)
    return [answer.body]


def _slowly(answer: Answer, stopping: Event) -> Iterator[bytes]:
    size = max(answer.piece_bytes or 1, 1)
    for start in range(0, len(answer.body), size):
        yield answer.body[start : start + size]
        stopping.wait(answer.pause_seconds)


def _cut(
    environ: dict[str, Any], start_response: Callable[..., Any], *, reset: bool
) -> Iterable[bytes]:
    """End the connection under the server's feet: the client sees its end without one byte of an answer."""
    channel = _channel(environ)
    if reset:
        _reset_on_close(channel)
        # The server takes it that the client has gone, writes nothing and closes: that sends the reset.
        raise ClientDisconnected
    if channel is not None:
        with suppress(OSError):
            channel.socket.shutdown(socket.SHUT_RDWR)
    start_response("500 Cut", [("Content-Length", "0")])
    return [b""]


def _only(beginning: bytes, environ: dict[str, Any], *, reset: bool) -> Iterator[bytes]:
    """Less than was announced, and the end. The server takes it that the client has gone: else it would warn of us."""
    yield beginning
    if reset:
        _reset_on_close(_channel(environ))
    raise ClientDisconnected


def _reset_on_close(channel: Any) -> None:
    if channel is not None:
        with suppress(OSError):
            channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def _push(environ: dict[str, Any], data: bytes) -> None:
    """Write bytes past the server, straight into the socket."""
    channel = _channel(environ)
    if channel is None:
        return
    left = memoryview(data)
    with suppress(OSError):
        if hasattr(socket, "TCP_CORK"):
            # Held back until the connection is cut, so that the last bytes and its end arrive together.
            channel.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        while left and select([], [channel.socket], [], _LONGEST_STALL_SECONDS)[1]:
            left = left[channel.socket.send(left) :]


def _channel(environ: dict[str, Any]) -> Any:
    """The server's side of the connection, None where it is not this server."""
    return getattr(environ.get("waitress.client_disconnected"), "__self__", None)
