"""What the parts of a platform share: the platform, its settings, its ledger, its present, new identifiers."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from connector.sandbox.ledger import Ledger, StoredObject, as_instant
from connector.sandbox.platform import Sandbox

SettingsT = TypeVar("SettingsT")


class PlatformWorld(Generic[SettingsT]):
    """One platform, as its own `World` goes on from here."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.settings: SettingsT = sandbox.settings
        self.ledger: Ledger = sandbox.ledger

    def now(self) -> datetime:
        """The platform's present."""
        return self.sandbox.clock.now()

    def seconds_since(self, instant: str) -> float:
        """How long ago an instant of the ledger was."""
        return (self.now() - as_instant(instant)).total_seconds()

    def next_number(self, kind: str) -> int:
        """Numbers from 1, a row of its own for each kind: identifiers are made of them."""
        with self.ledger.transaction():
            number = int(self.ledger.meta(f"last_{kind}") or 0) + 1
            self.ledger.set_meta(f"last_{kind}", str(number))
        return number

    def find(self, kind: str, object_id: object) -> StoredObject | None:
        """An object by what a request says is its id."""
        return self.ledger.get(kind, object_id) if isinstance(object_id, str) else None
