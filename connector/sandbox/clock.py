"""The sandbox's own time: it runs on like the machine's, and can be pushed forward."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Event, Lock


class SandboxClock:
    """Time as one platform sees it. Fulfils `connector.clock.Clock`.

    `start` None begins at the machine's present. A `frozen` clock stands still except when it is pushed.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        if start is not None and start.tzinfo is None:
            raise ValueError(
                "The sandbox clock needs an aware start instant, for example 2026-01-01T00:00:00Z."
            )
        self._lock = Lock()
        self._origin = start.astimezone(UTC) if start is not None else self.machine_now()
        self._began = time.monotonic()
        self._frozen = frozen
        self._pushed = timedelta(0)
        self._held: timedelta | None = None

    def now(self) -> datetime:
        """The platform's present instant: aware, UTC."""
        with self._lock:
            return self._origin + self._ran() + self._pushed

    def _ran(self) -> timedelta:
        if self._held is not None:
            return self._held
        return timedelta(0) if self._frozen else timedelta(seconds=time.monotonic() - self._began)

    @contextmanager
    def hold(self, at: datetime | None = None) -> Iterator[datetime]:
        """Let time stand still while the block runs, at `at` or the present; a push moves it all the same."""
        with self._lock:
            now = self._origin + self._ran() + self._pushed
            self._held = (at or now) - self._origin - self._pushed
        try:
            yield at or now
        finally:
            with self._lock:
                self._held = None

    def today(self) -> date:
        """The platform's present date, UTC."""
        return self.now().date()

    def monotonic_seconds(self) -> float:
        """For durations of real time."""
        return time.monotonic()

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        """Wait in real time; return early when `until` is set."""
        if until is None:
            time.sleep(seconds)
        else:
            until.wait(seconds)

    def advance(self, seconds: float) -> datetime:
        """Push the clock and return the new present. Time never steps back: negative `seconds` raise ValueError."""
        if seconds < 0:
            raise ValueError(
                "The sandbox clock can only be pushed forward: advance_seconds must be 0 or more."
            )
        with self._lock:
            self._pushed += timedelta(seconds=seconds)
        return self.now()

    @property
    def began_at(self) -> datetime:
        """The instant it was started with."""
        return self._origin

    def advance_to(self, instant: datetime) -> datetime:
        """Push the clock so far that its present is at least `instant`."""
        return self.advance(max((instant - self.now()).total_seconds(), 0.0))

    @staticmethod
    def machine_now() -> datetime:
        """The machine's present, for what must agree with a program that does not know this clock."""
        return datetime.now(UTC)
