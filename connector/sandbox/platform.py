"""One platform put together: Flask app, clock, ledger, faults, settings and control endpoints.

A platform's own module makes a `Sandbox` with `new_sandbox(...)`, adds its routes to `sandbox.app` and serves
`sandbox.wsgi`. Every call outside `/` and `/sandbox/` passes the fault engine and is written into the ledger
before it is answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from flask import Flask

from connector.sandbox.clock import SandboxClock
from connector.sandbox.disturbances import REQUEST_FAULTS
from connector.sandbox.disturbances.delivery import WEBHOOK_FAULTS
from connector.sandbox.fault_catalogue import (
    Answer,
    Call,
    WsgiApp,
    run,
    status_line,
)
from connector.sandbox.faults import FaultEngine
from connector.sandbox.ledger import Ledger, StoredObject
from connector.sandbox.sending import send

if TYPE_CHECKING:
    from connector.sandbox.transcript import Recorder

_REMEMBERED_ANSWERS = 256


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
    login_kinds: tuple[str, ...] = ("token",)
    """Kinds of ledger objects that are tokens or sessions the platform has given out."""
    changed: dict[str, Callable[[StoredObject], None]] = field(default_factory=dict)
    """Who is told, in the same transaction, when an object of a kind was made or changed."""
    recorder: Recorder | None = None
    """Writes everything down and lets one call happen at a time, so that the day can be replayed."""
    _background: list[Thread] = field(default_factory=list)
    _earlier: OrderedDict[str, Answer] = field(default_factory=OrderedDict)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application to serve: the Flask app behind the fault engine and the ledger."""
        take = self.answer if self.recorder is None else self.recorder.answer
        return send(take(environ), environ, start_response, self.stopping)

    def answer(self, environ: dict[str, Any]) -> Answer:
        """What the platform answers to a call, disturbed or not. Its effect is then in the ledger."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
        if path == "/" or path.startswith("/sandbox/"):
            return run(self.app, environ)
        what = (method, path, environ.get("QUERY_STRING", ""))
        rule = self.faults.take(f"{method} {path}", what[2])
        fault = REQUEST_FAULTS.get(rule.fault) if rule is not None else None
        if rule is None or fault is None:
            answer = run(self.app, environ)
            self._remember(what, answer)
            self.ledger.request(self.clock.now(), what, None, answer.status, answer.status)
            return answer
        app, earlier = self._noting(rule.fault, what), self._earlier.get(f"{method} {path}")
        answer = fault(
            Call(environ, app, rule.options, self.clock, self.later, self.end_logins, earlier)
        )
        self.ledger.request(self.clock.now(), what, rule.fault, None, answer.status or None)
        return answer

    def _remember(self, what: tuple[str, str, str], answer: Answer) -> None:
        if answer.status < 300:
            self._earlier[f"{what[0]} {what[1]}"] = answer
            if len(self._earlier) > _REMEMBERED_ANSWERS:
                self._earlier.popitem(last=False)

    def _noting(self, fault: str, what: tuple[str, str, str]) -> WsgiApp:
        """The Flask app, with a ledger row for what a disturbed call really did."""

        def noting(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            answer = run(self.app, environ)
            self._remember(what, answer)
            self.ledger.request(self.clock.now(), what, fault, answer.status, None)
            start_response(status_line(answer.status), list(answer.headers))
            return [answer.body]

        return noting

    def end_logins(self) -> None:
        """Forget every token and session given out."""
        with self.ledger.transaction():
            for kind in self.login_kinds:
                for given_out in self.ledger.ids(kind):
                    self.ledger.remove(kind, given_out, at=self.clock.now(), cause="ended")

    def wait(self, seconds: float) -> None:
        """Wait in real time; ends early when the platform stops."""
        self.stopping.wait(seconds)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something after some seconds of real time, in the background; at once when the platform stops.

        While a recorder writes everything down, it is done before the first call that comes so much later by the
        platform's clock: nobody can tell the difference by asking, and a replay does it at the same place.
        """
        if self.recorder is not None:
            self.recorder.later(seconds, action)
            return

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

    def start(self, *, background: bool = True) -> None:
        """Fill an empty ledger; one from an earlier run is continued. Without `background` nothing happens by itself."""
        pushed = self.ledger.meta("clock_pushed_seconds")
        if pushed is not None:
            self.clock.advance(float(pushed))
        if self.ledger.meta("populated") is None:
            self.reset()
        for starter in self.starters if background else ():
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
    sends_webhooks: bool = False,
) -> Sandbox:
    """A platform without routes of its own yet. Its ledger is `directory/NAME.sqlite3`."""
    from connector.sandbox.control import add_control

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    faults = {*REQUEST_FAULTS, *(WEBHOOK_FAULTS if sends_webhooks else ())}
    app = Flask(f"connector.sandbox.{name}", static_folder=None)
    app.url_map.strict_slashes = True
    sandbox = Sandbox(
        name,
        title,
        app,
        clock or SandboxClock(),
        Ledger(folder / f"{name}.sqlite3"),
        FaultEngine(frozenset(faults)),
        settings,
        choices,
    )
    add_control(sandbox)
    return sandbox
