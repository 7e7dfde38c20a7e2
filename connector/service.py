"""The running connector: the schedule, the doorway for webhooks and the pages, until it is told to stop.

It can take up a changed configuration without ending: running tasks and requests end, the program is closed, and a new one
takes its place behind the same socket. Meanwhile requests wait, and are refused with 503 when that takes too long; an
event is answered with 2xx by the old program after its commit, or by the new one, never by none.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from waitress import create_server, wasyncore
from waitress.server import BaseWSGIServer
from werkzeug.wsgi import ClosingIterator

from connector.bootstrap import Program
from connector.config.doorways import open_endpoints
from connector.config.model import Config
from connector.console.app import create_console
from connector.documents import LARGEST_BYTES
from connector.engine.local import LocalEngine
from connector.errors import ConnectorError
from connector.schedule import Tasks, prepare, schedule_all
from connector.store.group_commit import GroupCommitInbox
from connector.strict_json import loads
from webhooks.endpoints import Endpoints
from webhooks.receiver import create_blueprint
from webhooks.serving import server_options, set_body_limits

log = logging.getLogger(__name__)

LARGEST_UPLOAD_BYTES = LARGEST_BYTES * 4 // 3 + 65_536
"""The largest body that pages and API take: a document that a person attaches, as base64 text in a request."""


WAIT_SECONDS = 10.0
"""How long a request waits for the next program before it is refused."""
RETRY_AFTER_SECONDS = 5
_LOOK_SECONDS = 1.0
"""How often a reload that waits for tasks looks whether it is still wanted."""

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Front:
    """What the server calls: the application of the program that runs now. Between two programs requests wait."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._application: Application | None = None
        self._changed = threading.Condition()
        self._under_way = 0

    def open(self, application: Application) -> None:
        """Let requests in to this application."""
        with self._changed:
            self._application = application
            self._changed.notify_all()

    def shut(self, timeout_seconds: float) -> bool:
        """Let nobody in, and wait for those inside. False when the time was not enough for them."""
        with self._changed:
            self._application = None
            return self._changed.wait_for(lambda: self._under_way == 0, timeout_seconds)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._application is not None, self._wait_seconds)
            application = self._application
            if application is None:
                return _come_again(start_response)
            self._under_way += 1
        try:
            return ClosingIterator(application(environ, start_response), [self._left])
        except BaseException:
            self._left()
            raise

    def _left(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()


def _come_again(start_response: StartResponse) -> Iterable[bytes]:
    body = b"The connector is taking up a changed configuration. Try again in a few seconds.\n"
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Retry-After", str(RETRY_AFTER_SECONDS)),
    ]
    start_response("503 Service Unavailable", headers)
    return [body]


class Service:
    """One running connector. Start it, then stop it; between the two everything happens by itself."""

    def __init__(self, program: Program, reread: Callable[[], Config] | None = None) -> None:
        """`reread` reads the configuration anew, for `reload`; it may raise ConfigError."""
        self._reread = reread
        self._front = Front()
        self._server: Any = None
        self._sockets: dict[int, Any] = {}
        self._listening: threading.Thread | None = None
        self._has_begun = False
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._one_reload = threading.Lock()
        self._reloads: list[threading.Thread] = []
        self._take(program)

    def _take(self, program: Program) -> None:
        """Make everything that belongs to one program."""
        self._engine = LocalEngine(program.config.schedule.max_workers)
        self._inbox = GroupCommitInbox(program.database, on_commit=self._heard)
        self._program = program
        self.tasks: Tasks = schedule_all(program, self._engine)

    @property
    def address(self) -> str:
        """Where the pages are."""
        host = self._program.config.server.host
        # A name with several addresses (localhost has two) makes several sockets.
        several = getattr(self._server, "effective_listen", None)
        port = several[0][1] if several else self._server.effective_port
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def open(self) -> None:
        """Bring the store up to date and listen. Raises OSError when the port is taken."""
        prepare(self._program)
        self._inbox.start()
        self._listen()

    def begin(self) -> None:
        """Begin the schedule: every task runs at once, then in its rhythm."""
        self._engine.start()
        self._has_begun = True
        log.info("service.started address=%s", self.address)

    def _listen(self) -> None:
        config = self._program.config
        endpoints = open_endpoints(config)
        self._front.open(self._app(endpoints))
        self._server = create_server(
            self._front,
            map=self._sockets,
            host=config.server.host,
            port=config.server.port,
            **server_options(endpoints),
        )
        set_body_limits(self._server, endpoints, other_body_limit_bytes=LARGEST_UPLOAD_BYTES)
        self._listening = threading.Thread(target=self._server.run, name="http", daemon=True)
        self._listening.start()

    def _app(self, endpoints: Endpoints) -> Flask:
        app = create_console(self._program, self.wake, self.reload)
        app.register_blueprint(
            create_blueprint(endpoints, self._inbox, loads, self._program.clock.now)
        )
        return app

    def wake(self, key: str) -> bool:
        """Run a task now. False when there is none of that name."""
        if key not in self.tasks.by_key:
            return False
        with self._program.database.write() as tx:
            tx.connections.try_again_at_once()
        self._engine.wake(key)
        return True

    def _heard(self, endpoints: frozenset[str]) -> None:
        for endpoint in endpoints:
            self._engine.wake(f"hear:{endpoint}")

    # -- a changed configuration ----------------------------------------------------------------------------------

    def reload(self) -> bool:
        """Take up the changed configuration soon, in the background. False where that cannot be done here."""
        if self._reread is None or self._stopping.is_set():
            return False
        self._changed.set()
        thread = threading.Thread(target=self._reload, name="reload")
        self._reloads = [one for one in self._reloads if one.is_alive()] + [thread]
        thread.start()
        return True

    def _reload(self) -> None:
        with self._one_reload:
            while self._changed.is_set() and not self._stopping.is_set():
                self._changed.clear()  # what changes from here on is taken up by another round
                try:
                    self._exchange()
                except Exception:
                    log.exception("service.reload_failed")

    def _exchange(self) -> None:
        """Put a program of the configuration as it is now in the place of the one that runs."""
        if self._reread is None:
            return
        try:
            config = self._reread()
        except ConnectorError as error:
            log.error("service.reload_refused error=%s", error)
            return
        old = self._program
        timeout = old.config.schedule.shutdown_timeout_seconds
        old.stopping.set()
        # Pages and doorway stay open while the tasks end, which a long pull may delay.
        log.info("service.reloading")
        while not self._engine.stop(_LOOK_SECONDS):
            if self._stopping.is_set():
                return
        if not self._front.shut(timeout):
            log.warning("service.reload_goes_on although a request has not ended")
        self._inbox.stop()
        old.close()
        self._start_anew(old, config)

    def _start_anew(self, old: Program, config: Config) -> None:
        """Start the program of `config`; where that fails, the one that ran before."""
        for chosen in (config, old.config):
            program = old.again(chosen)
            try:
                self._take(program)
                prepare(program)
                endpoints = open_endpoints(chosen)
                app = self._app(endpoints)
            except Exception:
                log.exception("service.reload_failed")
                program.close()
                continue
            self._inbox.start()
            set_body_limits(self._server, endpoints, other_body_limit_bytes=LARGEST_UPLOAD_BYTES)
            self._front.open(app)
            if self._has_begun:
                self._engine.start()
            log.info("service.reloaded connections=%d", len(chosen.connections))
            return
        log.critical("service.nothing_runs: restart the connector")

    def stop(self) -> bool:
        """Refuse new work, let running work end, give everything back. False when the time was not enough; what was
        cut short is resumed from its rows at the next start."""
        self._stopping.set()
        for reload in self._reloads:
            reload.join()
        self._program.stopping.set()
        ended = self._engine.stop(self._program.config.schedule.shutdown_timeout_seconds)
        self._stop_listening()
        self._inbox.stop()
        self._program.close()
        log.info("service.stopped in_time=%s", ended)
        return ended

    def _stop_listening(self) -> None:
        """Let running requests end, then close every socket, kept connections included. Only the server's own loop
        may close them; it ends when none is left."""
        if self._server is None or self._listening is None:
            return
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
        trigger = next(s for s in self._sockets.values() if isinstance(s, BaseWSGIServer)).trigger
        trigger.pull_trigger(lambda: wasyncore.close_all(self._sockets))
        self._listening.join(timeout=5)


def run_until_signal(service: Service, stop: threading.Event) -> None:
    """Start, wait for SIGTERM, SIGINT or `stop`, and stop cleanly."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    service.open()
    service.begin()
    stop.wait()
    service.stop()
