"""A second process beside this one, for what takes long and needs only what it is sent: two cores do twice as much.

It ends with its standard input, so none is left behind when this one is killed. What the two send each other are
pickles between the ends of their own pipes, never anything from outside.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any

from connector.errors import Unavailable

Worker = Callable[[Any], Any]
"""Answers one message."""


class OtherProcess:
    """Runs a module that calls `serve`, and exchanges messages with it one after the other."""

    def __init__(self, module: str, first: Any) -> None:
        """`first` is the message that says what it works by."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for this process; that one ends with its input
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=module.rpartition(".")[2])
        self._thread.submit(self._exchange, first)

    def begin(self, message: Any, read: Callable[[Any], Any] | None = None) -> Future[Any]:
        """Send a message; the future has its answer, as `read` makes it out, or raises Unavailable where the process
        has ended."""
        if read is None:
            return self._thread.submit(self._exchange, message)
        return self._thread.submit(lambda: read(self._exchange(message)))

    @property
    def process_id(self) -> int:
        """Which process it is."""
        return self._process.pid

    def _exchange(self, message: Any) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise Unavailable("The second process has no pipes.")
        try:
            pickle.dump(message, stdin, protocol=5)
            stdin.flush()
            return pickle.load(stdout)  # noqa: S301 - our own process, over our own pipe
        except (OSError, EOFError, pickle.UnpicklingError):
            raise Unavailable("The second process has ended.") from None

    def close(self) -> None:
        """End the process and wait for it."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was still to be written to a process that is gone
                    pipe.close()
        self._process.wait()


def serve(make_worker: Callable[[Any], Worker]) -> None:
    """The other end: a first message, of which `make_worker` makes what answers all others, until the input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    with suppress(EOFError):
        worker = make_worker(_read(requests))
        answer: Any = "ready"
        while True:
            pickle.dump(answer, answers, protocol=5)
            answers.flush()
            answer = worker(_read(requests))


def _read(requests: IO[bytes]) -> Any:
    return pickle.load(requests)  # noqa: S301 - from the process that started this one
