"""How fast one connection may ask: a budget of requests in sliding windows, shared by all its threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Event, Lock

from connector.clock import Clock

_AT_ONCE_SECONDS = 1e-6
"""Less than this is no wait: what is left of subtracting instants, and shorter than any clock sleeps."""


class RateBudget:
    """At most `count` requests in any `window_seconds`, for each of the given (count, window_seconds) limits.

    The times of the last requests are kept, so the limit holds for every window, however it is placed: a system
    that counts in fixed windows is never surprised by a burst at their border.
    """

    def __init__(self, limits: Sequence[tuple[int, float]], clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._windows = [(window, deque[float](maxlen=count)) for count, window in limits]
        self._not_before = 0.0

    def acquire(self, stop: Event) -> None:
        """Wait for a turn and take it. Returns early, with or without a turn, once `stop` is set."""
        while not stop.is_set():
            wait_seconds = self._take()
            if wait_seconds <= 0:
                return
            self._clock.sleep(wait_seconds, stop)

    def pause(self, seconds: float) -> None:
        """Give nobody a turn for so long: the other side asked for it."""
        with self._lock:
            until = self._clock.monotonic_seconds() + seconds
            self._not_before = max(self._not_before, until)

    def _take(self) -> float:
        with self._lock:
            now = self._clock.monotonic_seconds()
            wait_seconds = self._not_before - now
            for window, taken in self._windows:
                if len(taken) == taken.maxlen:
                    wait_seconds = max(wait_seconds, taken[0] + window - now)
            if wait_seconds < _AT_ONCE_SECONDS:
                wait_seconds = 0.0
                for _, taken in self._windows:
                    taken.append(now)
            return wait_seconds
