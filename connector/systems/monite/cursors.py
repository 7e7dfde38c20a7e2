"""Where the next pull of Monite begins: an instant, and which invoices were still open.

The instant is the newest timestamp that was seen, never the present time. It stands back by as long as the walk took:
what changed on an early page meanwhile was not seen, though its timestamp may be older than the newest one. The open
invoices are remembered because a list of open ones cannot show which of them has been paid since: those that are
missing from it are read once more, by their identifiers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from connector.clock import Clock
from connector.errors import ContractDrift
from connector.system import Cursor
from connector.systems.monite.records import PAYABLE, RECEIVABLE

FAR_AHEAD = timedelta(days=400)
"""A record stamped further in the future does not move the cursor: it would hide all others from it."""

REMEMBERED_AT_MOST = 10_000
"""How many open invoices of a kind are remembered, 22 characters each. Further ones wait for a full walk."""

_BYTES, _CHARACTERS = 16, 22


@dataclass(frozen=True, slots=True)
class Position:
    """A cursor, read: the instant, and the identifiers of open invoices by kind."""

    since: datetime
    open_ids: dict[str, set[str]] = field(default_factory=dict)


def read(cursor: Cursor) -> Position:
    """Raises ContractDrift for what is no cursor of this adapter."""
    since = instant_of(cursor.get("since"))
    try:
        open_ids = {kind: _unpacked(cursor.get(f"open_{kind}", "")) for kind in _KINDS}
    except (ValueError, binascii.Error):
        since = None
    if since is None:
        raise ContractDrift(
            "The stored cursor of this stream is not one of Monite's.",
            remedy="Run a full walk of the stream.",
        )
    return Position(since, open_ids)


class Progress:
    """What one walk has seen, for the cursor at its end."""

    def __init__(self, clock: Clock, start: Position | None = None) -> None:
        self._clock = clock
        self._began_seconds = clock.monotonic_seconds()
        self._start = start
        self._horizon = clock.now() + FAR_AHEAD
        self._newest = start.since if start else None
        self.open_ids: dict[str, list[str]] = {kind: [] for kind in _KINDS}

    def see(self, *timestamps: Any) -> None:
        """Take timestamps in."""
        for text in timestamps:
            instant = instant_of(text)
            if instant is not None and instant <= self._horizon:
                self._newest = instant if self._newest is None else max(self._newest, instant)

    def cursor(self) -> Cursor | None:
        """The cursor, None when no timestamp was seen."""
        if self._newest is None:
            return None
        took = timedelta(seconds=self._clock.monotonic_seconds() - self._began_seconds)
        back = self._newest - took
        since = back if self._start is None else max(back, self._start.since)
        kept = {f"open_{kind}": _packed(ids) for kind, ids in self.open_ids.items() if ids}
        return {"since": written(since), **kept}


def instant_of(text: Any) -> datetime | None:
    """A timestamp as an aware instant (without an offset it is UTC); None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def written(instant: datetime) -> str:
    """An instant as Monite's filters take it."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_KINDS = (PAYABLE, RECEIVABLE)


def _packed(ids: Iterable[str]) -> str:
    first = list(dict.fromkeys(ids))[:REMEMBERED_AT_MOST]
    return "".join(
        base64.urlsafe_b64encode(UUID(one).bytes).decode("ascii")[:_CHARACTERS] for one in first
    )


def _unpacked(text: str) -> set[str]:
    parts = [text[at : at + _CHARACTERS] for at in range(0, len(text), _CHARACTERS)]
    raw = [base64.b64decode(f"{part}==", altchars=b"-_", validate=True) for part in parts]
    if any(len(one) != _BYTES for one in raw):
        raise ValueError("not an identifier")
    return {str(UUID(bytes=one)) for one in raw}
