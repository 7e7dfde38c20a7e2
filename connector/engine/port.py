"""The engine port: the same tasks run embedded (`local`) or, later, on a distributed engine.

A task reads what is due from the store, claims it with a fenced lease, does it, commits. So a lost wake-up is found by
the next interval, and a doubled one finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Task = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a task is woken."""

    interval_seconds: float
    jitter_seconds: float = 0.0


class Engine(Protocol):
    """Runs tasks by key: never two of one key at once, missed wake-ups coalesced into one."""

    def add(self, key: str, task: Task, rhythm: Rhythm) -> None:
        """Register a task. An exception it raises is logged and does not stop its rhythm."""

    def wake(self, key: str) -> None:
        """Run the task now; if it is running, once more after it ends."""

    def start(self) -> None:
        """Begin. Every task runs once at once."""

    def stop(self, timeout_seconds: float) -> bool:
        """Start nothing new and wait for what is running. False when the time was not enough."""
