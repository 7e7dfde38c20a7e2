"""The weather of a day: which call of a platform goes wrong, all of it from one seed.

The day is cut into windows of a few minutes of the platform's clock. Each is calm, gusty or a squall, or an outage in
which nearly nothing answers, so that long failures and single ones both occur. What disturbs a call then follows from
the seed, the window, the text of the call and how often that very call was made: not from the order in which different
calls come, which threads of a client decide anew every time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from connector.sandbox.clock import SandboxClock
from connector.sandbox.fault_catalogue import FAULT_NOTES

WINDOW_SECONDS = 300
_SHARES = ((55, 0), (80, 8), (95, 30), (100, 95))
"""Of a hundred windows, up to the first number are such that the second number in a hundred calls go wrong."""
_OUTAGE_PERCENT = 95
_OUTAGE_FAULTS = ("cut_before_commit", "status_502", "status_503", "reset_before_commit")
_TOO_LONG = frozenset({"never_answers", "commit_and_never_answers", "slow_drip"})
"""They hold a client for as long as its own time-outs say: for a test of those, not for a day."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Fulfils `faults.Plan`. `request_faults` and `webhook_faults` are what it draws from."""

    seed: int
    platform: str
    clock: SandboxClock
    request_faults: tuple[str, ...]
    webhook_faults: tuple[str, ...]

    def percent(self, at: datetime) -> int:
        """How many of a hundred calls go wrong in the window of this instant."""
        drawn = self._draw(f"window {_window(at)}", 100)
        return next(percent for share, percent in _SHARES if drawn < share)

    def fault(self, call: str, turn: int) -> str | None:
        """What disturbs this call now; None for nothing."""
        at = self.clock.now()
        percent = self.percent(at)
        key = f"{_window(at)} {turn} {call}"
        if self._draw(f"whether {key}", 100) >= percent:
            return None
        names = self._names(call, percent)
        return names[self._draw(f"which {key}", len(names))] if names else None

    def _names(self, call: str, percent: int) -> tuple[str, ...]:
        if call.startswith("WEBHOOK "):
            return self.webhook_faults
        return _OUTAGE_FAULTS if percent == _OUTAGE_PERCENT else self.request_faults

    def _draw(self, what: str, below: int) -> int:
        text = f"{self.seed} {self.platform} {what}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") % below


def day_plan(seed: int, platform: str, clock: SandboxClock, known: Iterable[str]) -> DayPlan:
    """A plan of every known fault that is honest, and short enough to be one of many."""
    notes = [FAULT_NOTES[name] for name in sorted(known)]
    fit = [note for note in notes if not note.lie and note.name not in _TOO_LONG]
    return DayPlan(
        seed,
        platform,
        clock,
        tuple(note.name for note in fit if note.group != "webhook"),
        tuple(note.name for note in fit if note.group == "webhook"),
    )


def _window(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp()) // WINDOW_SECONDS
