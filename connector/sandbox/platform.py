"""One platform put together: Flask app, clock, ledger, faults, settings and control endpoints.

A platform's own module makes a `Sandbox` with `new_sandbox(...)`, adds its routes to `sandbox.app` and serves
`sandbox.wsgi`. Every call outside `/` and `/sandbox/` passes the fault engine and is written into the ledger
before it is answered.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from typing import Any

from flask import Flask

from connector.sandbox.clock import SandboxClock
from connector.sandbox.fault_catalogue import REQUEST_FAULTS, Answer, Call, WsgiApp, run
from connector.sandbox.faults import FaultEngine
from connector.sandbox.ledger import Ledger


@dataclass
class Sandbox:
    """One running platform. `settings` is the platform's own dataclass; it may be changed while it runs.

    `populate` fills an empty ledger from the seed (also after `POST /sandbox/reset`); `starters` run when serving
    begins, `wakers` after the clock was pushed or a setting changed, `closers` when the platform ends.
    """

    name: str
    title: str
    app: Flask
    clock: SandboxClock
    ledger: Ledger
    faults: FaultEngine
    settings: Any
    choices: tuple[str, ...]
    populate: Callable[[], None] = lambda: None
    starters: list[Callable[[], None]] = field(default_factory=list)
    wakers: list[Callable[[], None]] = field(default_factory=list)
    closers: list[Callable[[], None]] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)
    _background: list[Thread] = field(default_factory=list)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application to serve: the Flask app behind the fault engine and the ledger."""
        path = environ.get("PATH_INFO", "/")
        if path == "/" or path.startswith("/sandbox/"):
            return self.app(environ, start_response)
        method = environ["REQUEST_METHOD"]
        rule = self.faults.take(f"{method} {path}")
        fault = REQUEST_FAULTS.get(rule.fault) if rule is not None else None
        what = (method, path, environ.get("QUERY_STRING", ""))
        if rule is None or fault is None:
            answer = run(self.app, environ)
            self.ledger.request(self.clock.now(), what, None, answer.status, answer.status)
        else:
            app = self._noting(rule.fault, what)
            answer = fault(Call(environ, app, rule.options, self.clock, self.wait, self.later))
            self.ledger.request(self.clock.now(), what, rule.fault, None, answer.status or None)
        return _send(answer, environ, start_response, self.stopping)

    def _noting(self, fault: str, what: tuple[str, str, str]) -> WsgiApp:
        """The Flask app, with a ledger row for what a disturbed call really did."""

        def noting(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            answer = run(self.app, environ)
            self.ledger.request(self.clock.now(), what, fault, answer.status, None)
            start_response(_status_line(answer.status), list(answer.headers))
            return [answer.body]

        return noting

    def wait(self, seconds: float) -> None:
        """Wait in real time; ends early when the platform stops."""
        self.stopping.wait(seconds)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something after some seconds of real time, in the background; at once when the platform stops."""

        def act() -> None:
            self.stopping.wait(seconds)
            action()

        thread = Thread(target=act, name=f"sandbox-{self.name}-later", daemon=True)
        self._background.append(thread)
        thread.start()

    def wake(self) -> None:
        """Tell whoever waits for the clock that it has moved."""
        for waker in self.wakers:
            waker()

    def push_clock(self, seconds: float) -> None:
        """Push the clock and wake whoever waits for it; remembered over a restart."""
        self.clock.advance(seconds)
        before = float(self.ledger.meta("clock_pushed_seconds") or 0)
        self.ledger.set_meta("clock_pushed_seconds", str(before + seconds))
        self.wake()

    def reset(self) -> None:
        """Back to the state the seed gives: ledger and faults. The clock stays."""
        self.faults.clear()
        with self.ledger.transaction():
            pushed = self.ledger.meta("clock_pushed_seconds")
            self.ledger.clear()
            if pushed is not None:
                self.ledger.set_meta("clock_pushed_seconds", pushed)
            self.populate()
            self.ledger.set_meta("populated", "yes")

    def start(self) -> None:
        """Fill an empty ledger. A ledger from an earlier run is continued."""
        pushed = self.ledger.meta("clock_pushed_seconds")
        if pushed is not None:
            self.clock.advance(float(pushed))
        if self.ledger.meta("populated") is None:
            self.reset()
        for starter in self.starters:
            starter()

    def close(self) -> None:
        """End background work and give back the ledger."""
        self.stopping.set()
        for closer in self.closers:
            closer()
        for thread in self._background:
            thread.join()
        self.ledger.close()


def new_sandbox(
    name: str,
    title: str,
    settings: Any,
    *,
    directory: Path | str,
    choices: tuple[str, ...],
    clock: SandboxClock | None = None,
    webhook_faults: frozenset[str] = frozenset(),
) -> Sandbox:
    """A platform without routes of its own yet. Its ledger is `directory/NAME.sqlite3`."""
    from connector.sandbox.control import add_control

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    app = Flask(f"connector.sandbox.{name}", static_folder=None)
    app.url_map.strict_slashes = True
    sandbox = Sandbox(
        name,
        title,
        app,
        clock or SandboxClock(),
        Ledger(folder / f"{name}.sqlite3"),
        FaultEngine(frozenset(REQUEST_FAULTS) | webhook_faults),
        settings,
        choices,
    )
    add_control(sandbox)
    return sandbox


def _status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _send(
    answer: Answer, environ: dict[str, Any], start_response: Callable[..., Any], stopping: Event
) -> Iterable[bytes]:
    if answer.silent:
        _cut(environ)
        start_response("500 Cut", [("Content-Length", "0")])
        return [b""]
    headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
    length = str(len(answer.body))
    start_response(_status_line(answer.status), [*headers, ("Content-Length", length)])
    if answer.cut_after is not None:
        return _cut_body(answer.body[: answer.cut_after])
    if answer.piece_bytes is not None:
        return _slowly(answer, stopping)
    return [answer.body]


def _slowly(answer: Answer, stopping: Event) -> Iterable[bytes]:
    size = max(answer.piece_bytes or 1, 1)
    for start in range(0, len(answer.body), size):
        yield answer.body[start : start + size]
        stopping.wait(answer.pause_seconds)


def _cut_body(beginning: bytes) -> Iterable[bytes]:
    """Send the beginning of a body: the server finds it shorter than announced and closes the connection."""
    yield beginning


def _cut(environ: dict[str, Any]) -> None:
    """Close the connection under the server's feet: the client sees its end without one byte of an answer."""
    disconnected = environ.get("waitress.client_disconnected")
    channel = getattr(disconnected, "__self__", None)
    if channel is not None:
        with suppress(OSError):
            channel.socket.shutdown(socket.SHUT_RDWR)
