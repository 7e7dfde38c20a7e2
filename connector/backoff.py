"""How long to wait before trying again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling delays with jitter between half and whole, so that many waiters do not come back at once."""

    first_seconds: float
    longest_seconds: float

    def delay_seconds(self, attempts: int, *, at_least_seconds: float | None = None) -> float:
        """The wait after `attempts` tries (from 1). `at_least_seconds` is what the other side asked for."""
        doubled = self.first_seconds * 2.0 ** min(max(attempts, 1) - 1, 30)
        delay = min(self.longest_seconds, doubled) * random.uniform(0.5, 1.0)
        return max(delay, at_least_seconds or 0.0)

    def next_at(
        self, now: datetime, attempts: int, *, at_least_seconds: float | None = None
    ) -> datetime:
        """When to try again."""
        return now + timedelta(
            seconds=self.delay_seconds(attempts, at_least_seconds=at_least_seconds)
        )
