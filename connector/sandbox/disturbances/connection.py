"""Connections that end, or say nothing."""

from __future__ import annotations

import io
from dataclasses import replace

from connector.sandbox.fault_catalogue import CUT, Answer, Call, request_fault, status_line

_FOR_EVER_SECONDS = 3600.0


@request_fault("commit_then_timeout", "connection")
def commit_then_timeout(call: Call) -> Answer:
    """The thing is done; after `hang_seconds` (default 0) the connection is cut without an answer."""
    call.perform()
    return replace(CUT, wait_seconds=call.seconds("hang_seconds", 0))


@request_fault("timeout_then_commit", "connection")
def timeout_then_commit(call: Call) -> Answer:
    """The connection is cut after `hang_seconds` (default 0), and `delay_seconds` (default 0.2) later the thing is done."""
    data = call.environ["wsgi.input"].read(int(call.environ.get("CONTENT_LENGTH") or 0))
    call.environ = {**call.environ, "wsgi.input": io.BytesIO(data)}
    call.later(call.seconds("delay_seconds", 0.2), call.perform)
    return replace(CUT, wait_seconds=call.seconds("hang_seconds", 0))


@request_fault("cut_before_commit", "connection")
def cut_before_commit(call: Call) -> Answer:
    """The connection is cut after `hang_seconds` (default 0), nothing was done."""
    return replace(CUT, wait_seconds=call.seconds("hang_seconds", 0))


@request_fault("never_answers", "connection")
def never_answers(call: Call) -> Answer:
    """The request is taken and nothing ever comes back (`hang_seconds`, default an hour); nothing was done."""
    return replace(CUT, wait_seconds=call.seconds("hang_seconds", _FOR_EVER_SECONDS))


@request_fault("commit_and_never_answers", "connection")
def commit_and_never_answers(call: Call) -> Answer:
    """The thing is done, and nothing ever comes back (`hang_seconds`, default an hour)."""
    call.perform()
    return replace(CUT, wait_seconds=call.seconds("hang_seconds", _FOR_EVER_SECONDS))


@request_fault("reset_before_commit", "connection")
def reset_before_commit(_call: Call) -> Answer:
    """The connection is reset (TCP RST) without a byte, nothing was done."""
    return replace(CUT, reset=True)


@request_fault("reset_after_commit", "connection")
def reset_after_commit(call: Call) -> Answer:
    """The thing is done, and the connection is reset (TCP RST) without a byte."""
    call.perform()
    return replace(CUT, reset=True)


@request_fault("cut_in_body", "connection")
def cut_in_body(call: Call) -> Answer:
    """The thing is done; the connection is cut in the middle of the announced body."""
    answer = call.perform()
    return replace(answer, cut_after=len(answer.body) // 2)


@request_fault("reset_in_body", "connection")
def reset_in_body(call: Call) -> Answer:
    """The thing is done; the connection is reset (TCP RST) in the middle of the announced body."""
    answer = call.perform()
    return replace(answer, cut_after=len(answer.body) // 2, reset=True)


@request_fault("cut_in_headers", "connection")
def cut_in_headers(call: Call) -> Answer:
    """The thing is done; the connection is cut in the middle of the headers."""
    answer = call.perform()
    return replace(answer, raw=_head(answer)[: -len(answer.headers) - 20])


@request_fault("not_http", "connection")
def not_http(_call: Call) -> Answer:
    """Something that is no HTTP comes back, and nothing was done."""
    return replace(CUT, raw=b"220 mail.example.com ESMTP ready\r\n")


@request_fault("answered_twice", "connection")
def answered_twice(call: Call) -> Answer:
    """The thing is done once and answered twice on the same connection; whoever asks next must not get the second."""
    answer = call.perform()
    whole = _head(answer) + answer.body
    return replace(answer, raw=whole + whole)


@request_fault("slow", "connection")
def slow(call: Call) -> Answer:
    """The true answer, `seconds` (default 0.1) of real time late."""
    return replace(call.perform(), wait_seconds=call.seconds("seconds", 0.1))


@request_fault("slow_body", "connection")
def slow_body(call: Call) -> Answer:
    """The thing is done; the body trickles: `piece_bytes` (default a fiftieth) every `pause_seconds` (default 0.01)."""
    answer = call.perform()
    pieces = int(call.options.get("piece_bytes", max(len(answer.body) // 50, 64)))
    return replace(answer, piece_bytes=pieces, pause_seconds=call.seconds("pause_seconds", 0.01))


@request_fault("slow_drip", "connection")
def slow_drip(call: Call) -> Answer:
    """The thing is done; the body comes one byte every `pause_seconds` (default 1), which never exceeds a read time-out."""
    pause = call.seconds("pause_seconds", 1)
    return replace(call.perform(), piece_bytes=1, pause_seconds=pause)


def _head(answer: Answer) -> bytes:
    """Status line and headers as they travel."""
    kept = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
    lines = [f"HTTP/1.1 {status_line(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in kept]
    lines.append(f"Content-Length: {len(answer.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
