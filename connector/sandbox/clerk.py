"""A thread of a platform that does what has become due by the sandbox's clock."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

from connector.sandbox.platform import Sandbox


class Clerk:
    """Calls `work` every `tick_seconds` of the platform's settings, and whenever its clock was pushed."""

    def __init__(self, sandbox: Sandbox, work: Callable[[], None]) -> None:
        self._sandbox = sandbox
        self._work = work
        self._waker = Event()
        self._thread = Thread(target=self._run, name=f"{sandbox.name}-clerk", daemon=True)
        sandbox.wakers.append(self._waker.set)
        sandbox.closers.append(self._close)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        while not self._sandbox.stopping.is_set():
            self._waker.clear()
            self._work()
            self._waker.wait(self._sandbox.settings.tick_seconds)

    def _close(self) -> None:
        self._waker.set()
        if self._thread.ident is not None:
            self._thread.join()
