"""Reading a request body: never more than the cap, whatever the sender announces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LENGTH = re.compile(r"[0-9]{1,19}", re.ASCII)


class BodyTooLarge(Exception):
    """The body is, or announces to be, larger than the cap."""


class BodyIncomplete(Exception):
    """The announced length makes no sense, or the sender went away before it was reached."""


def read_body(environ: Mapping[str, Any], limit_bytes: int) -> bytes:
    """The body of a WSGI request. Reads at most `limit_bytes` + 1 bytes.

    A length over the cap is refused before a byte is read. Without a length, the body is read only where the server
    marks its end (`wsgi.input_terminated`, as with chunked bodies); otherwise there is none.
    """
    announced = environ.get("CONTENT_LENGTH") or ""
    stream = environ["wsgi.input"]
    if not announced:
        if not environ.get("wsgi.input_terminated"):
            return b""
        body = _read(stream, limit_bytes + 1)
        if len(body) > limit_bytes:
            raise BodyTooLarge
        return body
    if not _LENGTH.fullmatch(announced):
        raise BodyIncomplete
    length = int(announced)
    if length > limit_bytes:
        raise BodyTooLarge
    body = _read(stream, length)
    if len(body) != length:
        raise BodyIncomplete
    return body


def _read(stream: Any, size: int) -> bytes:
    first: bytes = stream.read(size)
    if len(first) == size or not first:
        return first
    parts = [first]
    missing = size - len(first)
    while missing > 0:
        part = stream.read(missing)
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
