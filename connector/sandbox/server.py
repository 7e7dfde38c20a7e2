"""Serve a platform on the loopback address, in a thread of this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import waitress.server
import waitress.wasyncore

from connector.sandbox.platform import Sandbox

_THREADS = 16
"""More than the product ever opens at once: a fault that hangs holds a thread."""


class Server:
    """One platform on a port. `port` 0 takes any free one; `base_url` says which."""

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        self.sandbox = sandbox
        sandbox.start()
        self._server = waitress.server.create_server(
            sandbox.wsgi,
            host="127.0.0.1",
            port=port,
            threads=_THREADS,
            ident=None,
            connection_limit=1000,
        )
        self.base_url = f"http://127.0.0.1:{self._server.effective_port}"
        self._thread = Thread(target=self._server.run, name=f"sandbox-{sandbox.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the platform: running requests end first, the port and the ledger are given back."""
        self.sandbox.stopping.set()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
        # Only the server's own loop may close its sockets; it ends when none is left.
        self._server.trigger.pull_trigger(lambda: waitress.wasyncore.close_all(self._server._map))
        self._thread.join(timeout=10)
        self.sandbox.close()


@contextmanager
def serve(sandbox: Sandbox, port: int = 0) -> Iterator[str]:
    """Serve while the block runs: `with serve(create_finexio(...)) as base_url`."""
    server = Server(sandbox, port)
    try:
        yield server.base_url
    finally:
        server.stop()
