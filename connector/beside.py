"""A second process beside this one, for what takes long and needs only what it is sent: two cores do twice as much.

It ends with its standard input, so none is left behind when this one is killed. What the two send each other are
pickles between the ends of their own pipes, never anything from outside.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any

from connector.errors import Unavailable

PIPE_BYTES = 1024 * 1024
"""As much as Linux mostly allows everybody: a whole message fits in."""

Worker = Callable[[Any], Any]
"""Answers one message."""


class OtherProcess:
    """Runs a module that calls `serve`, and exchanges messages with it: they are answered one after the other, and the
    next one is under way to it while it works, so it never waits for this process."""

    def __init__(self, module: str, first: Any) -> None:
        """`first` is the message that says what it works by."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for this process; that one ends with its input
        )
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)
        name = module.rpartition(".")[2]
        self._sending = ThreadPoolExecutor(1, thread_name_prefix=f"to-{name}")
        self._hearing = ThreadPoolExecutor(1, thread_name_prefix=f"from-{name}")
        self.begin(first)

    def begin(self, message: Any, read: Callable[[Any], Any] | None = None) -> Future[Any]:
        """Send a message; the future has its answer, as `read` makes it out, or raises Unavailable where the process
        has ended."""
        self._sending.submit(self._send, pickle.dumps(message, protocol=5))
        if read is None:
            return self._hearing.submit(self._hear)
        return self._hearing.submit(lambda: read(self._hear()))

    @property
    def process_id(self) -> int:
        """Which process it is."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None before that."""
        return self._process.returncode

    def _send(self, pickled: bytes) -> None:
        """At once: while this process computes, every single write costs a wait for its turn."""
        stdin = self._process.stdin
        if stdin is not None:
            with suppress(OSError):  # it has ended, which is noticed where its answer is missed
                stdin.write(pickled)
                stdin.flush()

    def _hear(self) -> Any:
        try:
            return _read(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            raise Unavailable("The second process has ended.") from None

    def close(self) -> None:
        """End the process and wait for it."""
        self._sending.shutdown(wait=True, cancel_futures=True)
        self._hearing.shutdown(wait=True, cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was still to be written to a process that is gone
                    pipe.close()
        self._process.wait()


def _widen(pipe: IO[bytes] | None) -> None:
    """Where the system has no such thing, or somebody has too many pipes already, a message takes more turns."""
    size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if pipe is not None and size is not None:
        with suppress(OSError):
            fcntl.fcntl(pipe, size, PIPE_BYTES)


def serve(make_worker: Callable[[Any], Worker]) -> None:
    """The other end: a first message, of which `make_worker` makes what answers all others, until the input ends or
    nobody reads the answers."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        worker = make_worker(_read(requests))
        answer: Any = "ready"
        while True:
            answers.write(pickle.dumps(answer, protocol=5))
            answers.flush()
            answer = worker(_read(requests))
    except (EOFError, pickle.UnpicklingError):
        return  # also in the middle of a message: the other one was killed
    except BrokenPipeError:
        # What is still to be written goes nowhere, or the interpreter would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), answers.fileno())


def _read(pipe: IO[bytes] | None) -> Any:
    if pipe is None:
        raise EOFError
    return pickle.load(pipe)  # noqa: S301 - between a process and the one it started, over their own pipe
