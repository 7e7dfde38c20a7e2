"""What the doorway needs from the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Verification(StrEnum):
    """How much is known about the sender of an event."""

    SIGNED = "signed"
    """The body carried a good signature."""
    HINT = "hint"
    """The sender knew the secret path, no more. It may cause a fetch, never a change by its content."""


class Receipt(StrEnum):
    """What became of an event that was handed to the inbox."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """The same endpoint and event id, the same body: nothing was stored again."""
    CONFLICT = "conflict"
    """The same endpoint and event id with another body: the first one was kept."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """A verified delivery. `body` is what was received, byte for byte; `received_at` is aware, UTC."""

    endpoint: str
    event_id: str
    verification: Verification
    body: bytes
    received_at: datetime


class Inbox(Protocol):
    """Where events are kept."""

    def store(self, event: ReceivedEvent) -> Receipt:
        """Return only after the event (or the first one of its id) is committed to disk.

        Any exception means that it may not be stored; the sender is then asked to come again. Called from
        several threads at once.
        """
