"""The only place that knows what time it is."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """Time as the program sees it. Tests and the simulation bring their own."""

    def now(self) -> datetime:
        """The present instant: aware, UTC."""

    def today(self) -> date:
        """The present date, UTC. Due dates are compared with this."""

    def monotonic_seconds(self) -> float:
        """For durations only; never steps back."""

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        """Wait; return early when `until` is set."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        return self.now().date()

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        if until is None:
            time.sleep(seconds)
        else:
            until.wait(seconds)
