"""Refusals and oddities in the log: counted, at most one line a minute for each kind."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from threading import Lock

logger = logging.getLogger("webhooks")

_QUIET = timedelta(seconds=60)


class Tally:
    """Counts by endpoint and reason. The lines name nothing that came from the sender."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._logged: dict[tuple[str, str], tuple[datetime, int]] = {}

    def count(self, endpoint: str, reason: str, now: datetime) -> None:
        """Count one; write a line if this kind had none for a minute."""
        key = (endpoint, reason)
        with self._lock:
            total = self._counts.get(key, 0) + 1
            self._counts[key] = total
            last_at, last_total = self._logged.get(key, (None, 0))
            if last_at is not None and abs(now - last_at) < _QUIET:
                return
            self._logged[key] = (now, total)
        logger.warning(
            "webhook %s: %s (%d times, %d since the start)",
            endpoint,
            reason,
            total - last_total,
            total,
        )

    def counts(self) -> dict[tuple[str, str], int]:
        """Totals since the start, by (endpoint, reason)."""
        with self._lock:
            return dict(self._counts)
