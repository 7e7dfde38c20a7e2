"""The running connector: the schedule, the doorway for webhooks and the pages, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from flask import Flask
from waitress import create_server, wasyncore
from waitress.server import BaseWSGIServer

from connector.bootstrap import Program
from connector.config.doorways import open_endpoints
from connector.console.app import create_console
from connector.engine.local import LocalEngine
from connector.schedule import Tasks, prepare, schedule_all
from connector.store.group_commit import GroupCommitInbox
from connector.strict_json import loads
from webhooks.endpoints import Endpoints
from webhooks.receiver import create_blueprint
from webhooks.serving import server_options

log = logging.getLogger(__name__)


class Service:
    """One running connector. Start it, then stop it; between the two everything happens by itself."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._engine = LocalEngine(program.config.schedule.max_workers)
        self._inbox = GroupCommitInbox(program.database, on_commit=self._heard)
        self.tasks: Tasks = schedule_all(program, self._engine)
        self._server: Any = None
        self._sockets: dict[int, Any] = {}
        self._listening: threading.Thread | None = None

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
        log.info("service.started address=%s", self.address)

    def _listen(self) -> None:
        config = self._program.config
        endpoints = open_endpoints(config)
        app = self._app(endpoints)
        self._server = create_server(
            app,
            map=self._sockets,
            host=config.server.host,
            port=config.server.port,
            **server_options(endpoints),
        )
        self._listening = threading.Thread(target=self._server.run, name="http", daemon=True)
        self._listening.start()

    def _app(self, endpoints: Endpoints) -> Flask:
        app = create_console(self._program, self.wake)
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

    def stop(self) -> bool:
        """Refuse new work, let running work end, give everything back. False when the time was not enough; what was
        cut short is resumed from its rows at the next start."""
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
