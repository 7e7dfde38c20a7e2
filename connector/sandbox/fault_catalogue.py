"""What can go wrong with a request. Each fault is one function from the call to the answer that is sent.

A new fault is one function with the decorator `@request_fault("name")`; its docstring is shown to people.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.wire import to_json

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent. `cut_after` bytes of the body the connection is cut; 0 with `silent` sends nothing at all.

    `pause_seconds` of real time lie between the pieces of `piece_bytes` when a body is sent slowly.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut_after: int | None = None
    silent: bool = False
    piece_bytes: int | None = None
    pause_seconds: float = 0.0


@dataclass(slots=True)
class Call:
    """One request that is being disturbed. `perform()` lets the platform do what was asked."""

    environ: dict[str, Any]
    app: WsgiApp
    options: Mapping[str, Any]
    clock: SandboxClock
    wait: Callable[[float], None]
    """Wait in real time; ends early when the server stops."""
    later: Callable[[float, Callable[[], object]], None]
    """Do something after some seconds of real time, in the background."""
    performed: Answer | None = field(default=None)

    def perform(self) -> Answer:
        """Carry the request out and return the platform's true answer. Its effect is then in the ledger."""
        self.performed = run(self.app, self.environ)
        return self.performed

    def seconds(self, name: str, default: float) -> float:
        """An option in seconds."""
        return float(self.options.get(name, default))


RequestFault = Callable[[Call], Answer]
REQUEST_FAULTS: dict[str, RequestFault] = {}


def request_fault(name: str) -> Callable[[RequestFault], RequestFault]:
    """Enter a fault into the catalogue under `name`."""

    def enter(fault: RequestFault) -> RequestFault:
        REQUEST_FAULTS[name] = fault
        return fault

    return enter


def run(app: WsgiApp, environ: dict[str, Any]) -> Answer:
    """Call a WSGI application and collect its whole answer."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        started.append((status, headers))

    pieces = app(environ, start_response)
    try:
        body = b"".join(pieces)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return Answer(int(status.split(" ", 1)[0]), tuple(headers), body)


def json_answer(status: int, body: object, *headers: tuple[str, str]) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, (("Content-Type", "application/json"), *headers), to_json(body))


def _error(status: int, *headers: tuple[str, str]) -> Answer:
    """A bare error as a proxy before the platform sends it."""
    phrase = HTTPStatus(status).phrase
    body = f"<html><body><h1>{status} {phrase}</h1></body></html>".encode()
    return Answer(status, (("Content-Type", "text/html"), *headers), body)


_CUT = Answer(0, (), b"", cut_after=0, silent=True)


@request_fault("status_500")
def status_500(call: Call) -> Answer:
    """An error before anything was done; option `status` for another code."""
    return _error(int(call.options.get("status", 500)))


@request_fault("status_500_after_commit")
def status_500_after_commit(call: Call) -> Answer:
    """The thing is done, and an error is answered; option `status` for another code."""
    call.perform()
    return _error(int(call.options.get("status", 500)))


@request_fault("rate_limited")
def rate_limited(call: Call) -> Answer:
    """429 with Retry-After in seconds (option `retry_after`, default 1; null leaves the header out)."""
    wait = call.options.get("retry_after", 1)
    return _error(429) if wait is None else _error(429, ("Retry-After", str(wait)))


@request_fault("rate_limited_date")
def rate_limited_date(call: Call) -> Answer:
    """429 with Retry-After as an HTTP date, `retry_after` seconds ahead of the machine's clock (default 1)."""
    at = call.clock.machine_now() + timedelta(seconds=call.seconds("retry_after", 1))
    return _error(429, ("Retry-After", format_datetime(at, usegmt=True)))


@request_fault("commit_then_timeout")
def commit_then_timeout(call: Call) -> Answer:
    """The thing is done; after `hang_seconds` (default 0) the connection is cut without an answer."""
    call.perform()
    call.wait(call.seconds("hang_seconds", 0))
    return _CUT


@request_fault("timeout_then_commit")
def timeout_then_commit(call: Call) -> Answer:
    """The connection is cut after `hang_seconds` (default 0), and `delay_seconds` (default 0.2) later the thing is done."""
    data = call.environ["wsgi.input"].read(int(call.environ.get("CONTENT_LENGTH") or 0))
    call.environ = {**call.environ, "wsgi.input": io.BytesIO(data)}
    call.wait(call.seconds("hang_seconds", 0))
    call.later(call.seconds("delay_seconds", 0.2), call.perform)
    return _CUT


@request_fault("cut_before_commit")
def cut_before_commit(call: Call) -> Answer:
    """The connection is cut after `hang_seconds` (default 0), nothing was done."""
    call.wait(call.seconds("hang_seconds", 0))
    return _CUT


@request_fault("truncated_json")
def truncated_json(call: Call) -> Answer:
    """The thing is done; the answer is well-formed HTTP whose JSON ends in the middle."""
    answer = call.perform()
    return replace(answer, body=answer.body[: len(answer.body) // 2])


@request_fault("cut_in_body")
def cut_in_body(call: Call) -> Answer:
    """The thing is done; the connection is cut in the middle of the announced body."""
    answer = call.perform()
    return replace(answer, cut_after=len(answer.body) // 2)


@request_fault("html_200")
def html_200(_call: Call) -> Answer:
    """A maintenance page with status 200, nothing was done."""
    return replace(_error(503), status=200)


@request_fault("empty_200")
def empty_200(call: Call) -> Answer:
    """The thing is done; 200 with an empty body."""
    return replace(call.perform(), body=b"")


@request_fault("redirect")
def redirect(call: Call) -> Answer:
    """A redirect to another host (options `location`, `status` 307), nothing was done."""
    location = str(call.options.get("location", "http://elsewhere.invalid/"))
    return _error(int(call.options.get("status", 307)), ("Location", location))


@request_fault("unauthorized")
def unauthorized(_call: Call) -> Answer:
    """401, nothing was done."""
    return json_answer(
        401, {"message": "The access token has expired.", "exception_key": "sandbox-fault"}
    )


@request_fault("slow_body")
def slow_body(call: Call) -> Answer:
    """The thing is done; the body trickles: `piece_bytes` (default 64) every `pause_seconds` (default 0.01)."""
    pieces = int(call.options.get("piece_bytes", 64))
    return replace(
        call.perform(), piece_bytes=pieces, pause_seconds=call.seconds("pause_seconds", 0.01)
    )


@request_fault("slow")
def slow(call: Call) -> Answer:
    """The true answer, `seconds` (default 0.1) of real time late."""
    call.wait(call.seconds("seconds", 0.1))
    return call.perform()
