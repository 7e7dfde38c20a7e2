"""What a disturbance of a request is made of, and the catalogue of all of them.

Each fault is one function from the call to the answer that is sent. A new fault is one function with the decorator
`@request_fault("name", "group")` in a module of `disturbances/`; its docstring is shown to people
(`connector sandbox faults`).
"""

from __future__ import annotations

import gzip
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.wire import to_json

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent, and how.

    `wait_seconds` of real time pass before the first byte. `cut_after` bytes of the body the connection is cut; with
    `silent` nothing is sent at all. `reset` cuts with a TCP reset instead of an orderly end. A body is sent slowly
    with `pause_seconds` of real time between pieces of `piece_bytes`. `raw` are sent as they are, instead of an
    answer, and the connection is cut after them.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut_after: int | None = None
    silent: bool = False
    reset: bool = False
    piece_bytes: int | None = None
    pause_seconds: float = 0.0
    wait_seconds: float = 0.0
    raw: bytes | None = None

    def header(self, name: str) -> str | None:
        """A header's value, the name in any case."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def with_headers(self, **changes: str | None) -> Answer:
        """The same with other headers; `_` in a name is `-`, None takes a header away."""
        named = {name.replace("_", "-").lower(): value for name, value in changes.items()}
        kept = [(n, v) for n, v in self.headers if n.lower() not in named]
        new = [(n.title(), v) for n, v in named.items() if v is not None]
        return replace(self, headers=(*kept, *new))

    def plain(self) -> Answer:
        """The same, not compressed."""
        if self.header("Content-Encoding") != "gzip" or not self.body.startswith(b"\x1f\x8b"):
            return self
        return replace(self.with_headers(content_encoding=None), body=gzip.decompress(self.body))


@dataclass(slots=True)
class Call:
    """One request that is being disturbed. `perform()` lets the platform do what was asked."""

    environ: dict[str, Any]
    app: WsgiApp
    options: Options
    clock: SandboxClock
    later: Callable[[float, Callable[[], object]], None]
    """Do something after some seconds, in the background."""
    end_logins: Callable[[], None]
    """Forget every token and session the platform has given out."""
    earlier: Answer | None = None
    """The true answer to the call before this one with the same method and path."""

    def perform(self) -> Answer:
        """Carry the request out and return the platform's true answer. Its effect is then in the ledger."""
        return run(self.app, self.environ)

    def seconds(self, name: str, default: float) -> float:
        """An option in seconds."""
        return seconds_of(self.options, name, default)


RequestFault = Callable[[Call], Answer]
REQUEST_FAULTS: dict[str, RequestFault] = {}


@dataclass(frozen=True, slots=True)
class FaultNote:
    """What people are told of a fault. A `lie` is an answer that looks right and is not true: a plan of a day draws
    none, because nobody can tell it from the truth."""

    name: str
    group: str
    sentence: str
    lie: bool


FAULT_NOTES: dict[str, FaultNote] = {}
"""Of every fault of the catalogue, those of webhooks too."""


def note_of(name: str, group: str, function: Callable[..., Any], *, lie: bool) -> None:
    """Enter what people are told: the function's docstring. Raises ValueError where it has none, or twice."""
    sentence = inspect.getdoc(function)
    if not sentence or name in FAULT_NOTES:
        raise ValueError(f"The fault {name!r} needs a docstring, and a name of its own.")
    FAULT_NOTES[name] = FaultNote(name, group, " ".join(sentence.split()), lie)


def request_fault(
    name: str, group: str = "status", *, lie: bool = False
) -> Callable[[RequestFault], RequestFault]:
    """Enter a fault into the catalogue under `name`."""

    def enter(fault: RequestFault) -> RequestFault:
        note_of(name, group, fault, lie=lie)
        REQUEST_FAULTS[name] = fault
        return fault

    return enter


def seconds_of(options: Options, name: str, default: float) -> float:
    """An option of a fault in seconds."""
    return float(str(options.get(name, default)))


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


def status_line(status: int) -> str:
    """`429 Too Many Requests`; a code that no standard names gets no phrase of one."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unnamed"


def json_answer(status: int, body: object, *headers: tuple[str, str]) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, (("Content-Type", "application/json"), *headers), to_json(body))


def proxy_error(status: int, *headers: tuple[str, str]) -> Answer:
    """A bare error as a proxy before the platform sends it."""
    body = f"<html><body><h1>{status_line(status)}</h1></body></html>".encode()
    return Answer(status, (("Content-Type", "text/html"), *headers), body)


CUT = Answer(0, (), b"", cut_after=0, silent=True)
"""The connection ends without one byte of an answer."""
