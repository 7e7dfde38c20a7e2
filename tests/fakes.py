"""Stand-ins that tests share. Each behaves like the real thing, only in the test's hands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from threading import Event, Lock

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class FakeClock:
    """A clock that moves only when told to, or when somebody sleeps on it."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._now = start
        self._lock = Lock()
        self.sleeps: list[float] = []
        """How long each `sleep` was, in seconds."""

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def today(self) -> date:
        return self.now().date()

    def monotonic_seconds(self) -> float:
        return (self.now() - self._start).total_seconds()

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        if until is not None and until.is_set():
            return
        with self._lock:
            self.sleeps.append(seconds)
            self._now += timedelta(seconds=max(seconds, 0))

    def advance(self, **delta: float) -> datetime:
        """Move forward: `clock.advance(minutes=5)`. Returns the new time."""
        with self._lock:
            self._now += timedelta(**delta)
            return self._now

    def set(self, now: datetime) -> None:
        """Move to an instant. `monotonic_seconds` follows, so do not move back where durations matter."""
        with self._lock:
            self._now = now
